//! What the whole layer promises, on small chains of a stack that no host knows.

mod files;
mod pods;
mod trust;

use std::collections::BTreeSet;

use serde_json::Value;

use super::fixture::{binding, chain, file, node, object, owner, parts, pod, shape, volume};
use super::input::*;
use super::{Assembled, Object, Problem, assemble};
use crate::plugin::contract::{Binding, Change, Content, Delivery, File, Ref, Target};

fn done(shape: &Shape, parts: Vec<Part>) -> Assembled {
    assemble(shape, parts).unwrap_or_else(|problems| {
        panic!(
            "{:#?}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        )
    })
}

fn said(shape: &Shape, parts: Vec<Part>) -> Vec<String> {
    assemble(shape, parts)
        .err()
        .unwrap_or_default()
        .iter()
        .map(Problem::to_string)
        .collect()
}

fn names(all: &Assembled) -> Vec<String> {
    all.objects.iter().map(Object::display).collect()
}

fn find<'a>(all: &'a Assembled, display: &str) -> &'a Value {
    &all.objects
        .iter()
        .find(|o| o.display() == display)
        .unwrap_or_else(|| panic!("no {display} in {:#?}", names(all)))
        .value
}

fn container<'a>(set: &'a Value, name: &str) -> &'a Value {
    let spec = &set["spec"]["template"]["spec"];
    ["containers", "initContainers"]
        .iter()
        .flat_map(|f| spec[f].as_array().into_iter().flatten())
        .find(|c| c["name"] == name)
        .unwrap()
}

fn mount<'a>(set: &'a Value, in_container: &str, path: &str) -> &'a Value {
    container(set, in_container)["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["mountPath"] == path)
        .unwrap_or(&Value::Null)
}

fn pod_volume<'a>(set: &'a Value, name: &str) -> &'a Value {
    set["spec"]["template"]["spec"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["name"] == name)
        .unwrap_or(&Value::Null)
}

/// A chain of one node, with what `more` adds to the part of `net`.
fn one(more: impl FnOnce(&mut Part)) -> Vec<Part> {
    let mut all = parts(1);
    let net = all.iter_mut().find(|p| p.owner.role == "net").unwrap();
    more(net);
    all
}

fn with_kept(shape: &mut Shape, role: &str, subject: &str, name: &str, place: KeptPlace) {
    shape.kept.insert(
        Address {
            subject: subject.to_owned(),
            role: role.to_owned(),
            instance: role.to_owned(),
            name: name.to_owned(),
        },
        place,
    );
}

fn vault(key: &str) -> KeptPlace {
    KeptPlace::Vault {
        secret: "chain-c-node-0-v1".to_owned(),
        key: key.to_owned(),
    }
}

fn parts_clone(parts: &[Part]) -> Vec<Part> {
    parts
        .iter()
        .map(|p| Part {
            owner: p.owner.clone(),
            subject: p.subject.clone(),
            rendered: p.rendered.clone(),
        })
        .collect()
}

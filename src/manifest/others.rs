//! Objects that plugins render whole or in parts: Services, policies, whatever a permission allows.
//!
//! Fragments of one identity are merged; the host sees to it that they select pods of this chain alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::gate;
use super::input::{HostKeys, Owner, Shape, Subject};
use super::labels;
use super::merge::{Layer, combine};
use super::names;
use super::object::{Object, display, fill_under, lay_over, map_at, set, text};
use super::parsed::{Parsed, workload};
use super::pod::{harden_containers, harden_pod};
use super::problem::Problem;
use crate::state::ObjectId;

struct Gathered<'a> {
    layers: Vec<(&'a Owner, Vec<Value>)>,
    /// The workload of the subject that rendered it, when all who did have the same.
    workload: Option<&'a str>,
    subject: &'a Subject,
}

/// Fragments of objects, by identity.
#[derive(Default)]
pub struct Others<'a> {
    all: BTreeMap<ObjectId, Gathered<'a>>,
}

impl<'a> Others<'a> {
    /// Takes the object fragments of a part. Parts come in container order.
    pub fn add(&mut self, shape: &Shape, parsed: &mut Parsed<'a>, problems: &mut Vec<Problem>) {
        let subject = parsed.subject;
        for (cluster, mut body) in std::mem::take(&mut parsed.objects) {
            let shown = display(
                text(&body, &["apiVersion"]),
                text(&body, &["kind"]),
                text(&body, &["metadata", "name"]),
            );
            if let Some(why) = unnamed(&body) {
                let at = if shown == "/" { &subject.id } else { &shown };
                problems.push(parsed.unusable(at, why));
                continue;
            }
            let cluster = cluster.unwrap_or(&subject.cluster);
            if text(&body, &["metadata", "namespace"]).is_empty() {
                match namespace(shape, subject, cluster) {
                    Ok(namespace) => set(&mut body, &["metadata"], "namespace", json!(namespace)),
                    Err(why) => {
                        problems.push(parsed.unusable(&shown, &why));
                        continue;
                    }
                }
            }
            let mut asked = Vec::new();
            gate::requirements(text(&body, &["kind"]), &body, &mut asked);
            gate::check_said(shape, parsed.plugin(), &shown, asked, problems);
            let id = Object {
                cluster: cluster.to_owned(),
                value: Value::Null,
            };
            let id = ObjectId {
                group: super::object::group_version(text(&body, &["apiVersion"]))
                    .0
                    .to_owned(),
                kind: text(&body, &["kind"]).to_owned(),
                namespace: text(&body, &["metadata", "namespace"]).to_owned(),
                name: text(&body, &["metadata", "name"]).to_owned(),
                cluster: id.cluster,
            };
            let own = subject.workload.as_deref();
            let gathered = self.all.entry(id).or_insert(Gathered {
                layers: Vec::new(),
                workload: own,
                subject,
            });
            if gathered.workload != own {
                gathered.workload = None;
            }
            let owner = &parsed.part.owner;
            match gathered.layers.iter_mut().find(|(o, _)| *o == owner) {
                Some((_, fragments)) => fragments.push(body),
                None => gathered.layers.push((owner, vec![body])),
            }
        }
    }

    /// Merges all of it. Fragments of what the host made are laid over it, as far as that is theirs.
    pub fn finish(
        self,
        shape: &Shape,
        keys: &HashMap<&str, &HostKeys>,
        made: &mut [Object],
        origin: &mut gate::Origin<'a>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Object> {
        let index: HashMap<ObjectId, usize> = made
            .iter()
            .enumerate()
            .map(|(at, o)| (o.id(), at))
            .collect();
        let mut objects = Vec::new();
        for (id, gathered) in self.all {
            let plugins: BTreeSet<&str> = gathered.layers.iter().map(|(o, _)| &*o.plugin).collect();
            let first = plugins.iter().next().copied().unwrap_or_default();
            let api = gathered
                .layers
                .first()
                .and_then(|(_, f)| f.first())
                .map_or("", |f| text(f, &["apiVersion"]));
            let shown = display(api, &id.kind, &id.name);
            let layers = gathered
                .layers
                .into_iter()
                .map(|(owner, fragments)| Layer {
                    plugin: &owner.plugin,
                    fragments,
                })
                .collect();
            let value = combine(&id.kind, &shown, layers, problems);
            if let Some(host) = index.get(&id).and_then(|at| made.get_mut(*at)) {
                over_made(host, value, first, problems);
                origin.plugins.entry(id).or_default().extend(plugins);
                continue;
            }
            let mut object = Object {
                cluster: id.cluster.clone(),
                value,
            };
            let named = match id.kind.as_str() {
                "Service" => names::service(&id.name),
                "StatefulSet" => names::label(&id.name, names::WORKLOAD_MAX),
                _ => names::subdomain(&id.name),
            };
            if let Err(why) = named {
                problems.push(Problem::Name { object: shown, why });
            }
            let none = HostKeys::default();
            let keys = keys.get(&*gathered.subject.id).copied().unwrap_or(&none);
            complete(shape, &mut object, gathered.workload, keys);
            origin.plugins.insert(id, plugins);
            objects.push(object);
        }
        objects
    }
}

fn unnamed(body: &Value) -> Option<&'static str> {
    for (path, what) in [
        (&["apiVersion"][..], "it has no apiVersion"),
        (&["kind"], "it has no kind"),
        (&["metadata", "name"], "it has no metadata.name"),
    ] {
        if text(body, path).is_empty() {
            return Some(what);
        }
    }
    None
}

/// The namespace of an object that names none: the subject's, or in another cluster the chain's only one.
fn namespace(shape: &Shape, subject: &Subject, cluster: &str) -> Result<String, String> {
    if cluster == subject.cluster {
        return Ok(subject.namespace.clone());
    }
    let all: BTreeSet<&str> = shape
        .subjects
        .iter()
        .filter(|s| !s.foreign && s.cluster == cluster)
        .map(|s| s.namespace.as_str())
        .collect();
    match (all.len(), all.first()) {
        (1, Some(one)) => Ok((*one).to_owned()),
        (0, _) => Err(format!(
            "no subject of the chain lives in cluster {cluster:?}"
        )),
        _ => Err(format!(
            "it names no namespace, and the chain has several in cluster {cluster:?}"
        )),
    }
}

/// What plugins may say about an object of the host's.
fn over_made(host: &mut Object, said: Value, plugin: &str, problems: &mut Vec<Problem>) {
    let object = host.display();
    let fields: &[&str] = match host.kind() {
        "StatefulSet" | "Deployment" => &[
            "updateStrategy",
            "strategy",
            "minReadySeconds",
            "revisionHistoryLimit",
            "progressDeadlineSeconds",
        ],
        "ServiceAccount" => &[],
        _ => {
            problems.push(Problem::NotOwner {
                object,
                path: "metadata.name".to_owned(),
                owner: "kubectl-chain".to_owned(),
                plugin: plugin.to_owned(),
            });
            return;
        }
    };
    let Value::Object(said) = said else {
        return;
    };
    for (key, value) in said {
        let refused = match key.as_str() {
            "apiVersion" | "kind" => None,
            "metadata" => {
                for field in ["labels", "annotations"] {
                    if let (Some(more), Some(map)) =
                        (value.get(field), map_at(&mut host.value, &["metadata"]))
                    {
                        lay_over(map.entry(field).or_insert(Value::Null), more);
                    }
                }
                None
            }
            "spec" => {
                let mut refused = None;
                for (field, value) in value.as_object().into_iter().flatten() {
                    if fields.contains(&field.as_str()) {
                        set(&mut host.value, &["spec"], field, value.clone());
                    } else {
                        refused = Some(format!("spec.{field}"));
                    }
                }
                refused
            }
            _ => Some(key),
        };
        if let Some(path) = refused {
            problems.push(Problem::NotOwner {
                object: object.clone(),
                path,
                owner: "kubectl-chain".to_owned(),
                plugin: plugin.to_owned(),
            });
        }
    }
}

/// What the host adds to an object of plugins: selectors of this chain alone, hardened pods, exposure.
fn complete(shape: &Shape, object: &mut Object, pod: Option<&str>, keys: &HostKeys) {
    let chain = json!({labels::CHAIN: shape.chain});
    let own = pod
        .and_then(workload)
        .map(|(_, name)| labels::selector(&shape.chain, name));
    match object.kind() {
        "Service" if text(&object.value, &["spec", "type"]) != "ExternalName" => {
            let selector = own.unwrap_or_else(|| chain.clone());
            if let Some(spec) = map_at(&mut object.value, &["spec"]) {
                lay_over(spec.entry("selector").or_insert(selector), &chain);
            }
            expose(object, keys);
        }
        "NetworkPolicy" => {
            let selector = own.unwrap_or_else(|| chain.clone());
            if let Some(spec) = map_at(&mut object.value, &["spec"]) {
                let mut whole = json!({"matchLabels": selector});
                if let Some(said) = spec.remove("podSelector")
                    && said.as_object().is_some_and(|s| !s.is_empty())
                {
                    whole = said;
                }
                lay_over(&mut whole, &json!({"matchLabels": chain}));
                spec.insert("podSelector".to_owned(), whole);
            }
        }
        "PodDisruptionBudget" => {
            if let Some(spec) = map_at(&mut object.value, &["spec", "selector", "matchLabels"]) {
                spec.insert(labels::CHAIN.to_owned(), json!(shape.chain));
            }
        }
        "StatefulSet" | "Deployment" => {
            let name = object.name().to_owned();
            let select = labels::selector(&shape.chain, &name);
            for path in [
                &["spec", "selector", "matchLabels"][..],
                &["spec", "template", "metadata", "labels"],
            ] {
                if let (Some(map), Value::Object(labels)) =
                    (map_at(&mut object.value, path), &select)
                {
                    map.extend(labels.clone());
                }
            }
            if let Some(template) = object.value.pointer_mut("/spec/template") {
                harden_pod(template, None);
                harden_containers(template);
            }
        }
        _ => {}
    }
}

/// Host key `expose`, for Services that a plugin marks for it.
fn expose(object: &mut Object, keys: &HostKeys) {
    let marked = object
        .value
        .pointer("/metadata/annotations")
        .and_then(|a| a.get(labels::EXPOSE))
        .is_some();
    if !marked {
        return;
    }
    let expose = &keys.expose;
    if let Some(map) = map_at(&mut object.value, &["metadata", "annotations"]) {
        for (key, value) in &expose.annotations {
            map.insert(key.clone(), json!(value));
        }
    }
    let Some(spec) = map_at(&mut object.value, &["spec"]) else {
        return;
    };
    if let Some(kind) = &expose.kind {
        spec.insert("type".to_owned(), json!(kind));
        if kind == "ClusterIP" {
            let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                port.remove("nodePort");
            }
        }
    }
    let mut whole = Value::Object(std::mem::take(spec));
    lay_over(&mut whole, &expose.spec);
    fill_under(&mut whole, Value::Object(Map::new()));
    if let Value::Object(whole) = whole {
        *spec = whole;
    }
}

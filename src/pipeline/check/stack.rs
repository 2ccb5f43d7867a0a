//! A stack by itself, and a service in its stack: releases, roles, kinds, groups.

use chain_plugin_sdk::descriptor::{Descriptor, Role};

use super::options::schema_of;
use super::{Check, Subject, is_word, twin};
use crate::pipeline::resolve::HOST_KEYS;

/// Where the plugin stands among the others.
pub fn check(subject: &Subject<'_>) -> Check {
    let mut check = Check::new("stack");
    if subject.is_stack() {
        releases(subject, &mut check);
        kinds(subject.descriptor(), &mut check);
        return check;
    }
    let it = subject.descriptor();
    if !it.releases.is_empty() || !it.kinds.is_empty() || !it.rollout.is_empty() {
        check.fault(
            "/releases",
            "releases, kinds and rollout belong to a stack: one without a role",
            None,
        );
    }
    if it.series.is_empty() {
        let hint = "the releases of its stack with which it works";
        check.fault(
            "/series",
            "it belongs to no generation, so no chain can have it",
            Some(hint),
        );
    }
    let Some(stack) = subject.stack() else {
        let why = format!(
            "stack `{}` is not in sight: name its .wasm file too",
            it.stack
        );
        return if check.passed() {
            Check::skipped("stack", why)
        } else {
            check
        };
    };
    let stack = &stack.descriptor;
    for (index, series) in it.series.iter().enumerate() {
        match stack.releases.get(series) {
            None => {
                let message = format!("stack `{}` in sight has no release {series}", stack.stack);
                check.warn(format!("/series/{index}"), message, None);
            }
            Some(release) if !release.roles.iter().any(|role| role.name == it.role) => {
                let names: Vec<&str> = release.roles.iter().map(|it| it.name.as_str()).collect();
                let hint = format!("its roles: {}", names.join(", "));
                let message = format!("release {series} has no role `{}`", it.role);
                check.fault("/role", message, Some(&hint));
            }
            Some(_) => {}
        }
    }
    let others = subject.catalog.all().map(|other| &other.descriptor);
    for other in others.filter(|other| other.stack == it.stack && other.name != it.name) {
        for (index, port) in it.ports.iter().enumerate() {
            // Two of one role never stand side by side.
            if other.role != it.role && other.ports.iter().any(|it| it.name == port.name) {
                let message = format!("port `{}` is one of plugin {} too", port.name, other.name);
                check.fault(format!("/ports/{index}/name"), message, None);
            }
        }
    }
    check.detail = format!("{} of {} {}", it.role, it.stack, it.series.join(", "));
    check
}

fn releases(subject: &Subject<'_>, check: &mut Check) {
    let it = subject.descriptor();
    if it.releases.is_empty() {
        check.fault("/releases", "a stack has a release at least", None);
    } else if !it.releases.contains_key(&it.default_release) {
        let known: Vec<&str> = it.releases.keys().map(String::as_str).collect();
        let hint = format!("one of {}", known.join(", "));
        let message = format!("there is no release `{}`", it.default_release);
        check.fault("/defaultRelease", message, Some(&hint));
    }
    for (name, release) in &it.releases {
        let path = format!("/releases/{name}/roles");
        if let Some((index, name)) = twin(release.roles.iter().map(|it| it.name.as_str())) {
            check.fault(
                format!("{path}/{index}/name"),
                format!("`{name}` stands there twice"),
                None,
            );
        }
        for (index, role) in release.roles.iter().enumerate() {
            one(subject, check, &format!("{path}/{index}"), name, role);
        }
    }
    let names: Vec<&str> = it.releases.keys().map(String::as_str).collect();
    check.detail = format!("releases {}", names.join(", "));
}

fn one(subject: &Subject<'_>, check: &mut Check, path: &str, release: &str, role: &Role) {
    if !is_word(&role.name) || role.name == "stack" {
        let message = format!("`{}` cannot be the name of a role", role.name);
        check.fault(format!("{path}/name"), message, None);
    }
    if !["", "one", "optional", "any"].contains(&role.count.as_str()) {
        let message = format!("`{}` is none of one, optional, any", role.count);
        check.fault(format!("{path}/count"), message, None);
    }
    let mut filling = subject.of_role(&role.name);
    if !role.default.is_empty() {
        match filling.find(|it| it.name == role.default) {
            Some(plugin) if !plugin.series.iter().any(|it| it == release) => {
                let message = format!("plugin {} is not of series {release}", role.default);
                check.fault(format!("{path}/default"), message, None);
            }
            Some(_) => {}
            None => {
                let message = format!("plugin {} is not in sight", role.default);
                check.warn(
                    format!("{path}/default"),
                    message,
                    Some("name its .wasm file too"),
                );
            }
        }
    }
    let kinds = subject.kinds().unwrap_or_default();
    for (kind, schema) in &role.facts {
        let path = format!("{path}/facts/{kind}");
        if !kinds.contains(kind) {
            check.fault(&path, format!("there is no kind `{kind}`"), None);
        }
        schema_of(check, &path, schema);
    }
}

fn kinds(it: &Descriptor, check: &mut Check) {
    if let Some((index, name)) = twin(it.kinds.iter().map(|it| it.name.as_str())) {
        check.fault(
            format!("/kinds/{index}/name"),
            format!("`{name}` stands there twice"),
            None,
        );
    }
    for (index, kind) in it.kinds.iter().enumerate() {
        let path = format!("/kinds/{index}");
        if !is_word(&kind.name) {
            let message = format!("`{}` cannot be the name of a kind", kind.name);
            check.fault(format!("{path}/name"), message, None);
        }
        if HOST_KEYS.contains(&kind.key.as_str()) && kind.name != "node" {
            let message = format!("`spec.{}` is kubectl chain's own", kind.key);
            check.fault(format!("{path}/key"), message, Some("another key"));
        }
    }
    for (index, group) in it.rollout.iter().enumerate() {
        let path = format!("/rollout/{index}");
        for kind in &group.kinds {
            if kind != "node" && !it.kinds.iter().any(|it| it.name == *kind) {
                check.fault(
                    format!("{path}/kinds"),
                    format!("there is no kind `{kind}`"),
                    None,
                );
            }
        }
        let many = &group.max_unavailable;
        if !["", "minority", "third"].contains(&many.as_str()) && many.parse::<u32>().is_err() {
            let message = format!("`{many}` is neither a number, `minority` nor `third`");
            check.fault(format!("{path}/maxUnavailable"), message, None);
        }
    }
}

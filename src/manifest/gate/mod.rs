//! The gate: what may leave for a cluster. An allow-list of kinds and fields, on the final objects, after patches.
//!
//! Everything that is not on the list needs a permission that the plugin's descriptor asks for and the user granted.
//! What a plugin says is checked under its own name before it is merged; then the final objects are checked again, for
//! host keys and patches can add to them. What only a patch adds is granted to `patches`.
//!
//! | permission | allows |
//! | --- | --- |
//! | `root`, `privileged`, `escalation`, `unconfined`, `capability:NAME`, `capabilities`, `sysctl:NAME`, `procMount`, `seLinux` | exceptions from the `restricted` profile |
//! | `hostNetwork`, `hostPID`, `hostIPC`, `hostPort`, `hostPath`, `nodeName` | the node |
//! | `token` | a token of the pod's own account |
//! | `volume:TYPE` | other volumes, e.g. `volume:nfs`, `volume:csi` |
//! | `rbac`, `kind:GROUP/KIND`, `secretType:TYPE` | other kinds of objects |
//! | `externalIPs`, `externalName`, `probeHost`, `dataSource` | reaching things that are not the chain's |
//! | `field:NAME` | a field that this host does not know |

mod objects;
mod pod;
mod references;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

pub use objects::requirements;
pub use pod::template_requirements;

use super::input::Shape;
use super::object::Object;
use super::problem::Problem;
use crate::state::ObjectId;

/// Something that is on no allow-list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// Field path.
    pub path: String,
    /// What it is, for the message.
    pub what: String,
    /// The permission that would allow it; none for what is never allowed.
    pub permission: Option<String>,
}

/// The name under which the user's own patches are granted.
pub const PATCHES: &str = "patches";

/// Who said what, for messages and for whose objects may be mounted.
#[derive(Debug, Default)]
pub struct Origin<'a> {
    /// Plugins whose fragments are in an object.
    pub plugins: HashMap<ObjectId, BTreeSet<&'a str>>,
    /// Owners of containers, by workload and container.
    pub containers: HashMap<(ObjectId, String), &'a str>,
    /// Workloads that the host made from bindings; these may refer to everything of the chain.
    pub made: HashSet<ObjectId>,
    /// Vaults: cluster, namespace, name.
    pub vaults: HashSet<(&'a str, &'a str, &'a str)>,
    /// Objects as they were before patches, by index.
    pub unpatched: BTreeMap<usize, Vec<Requirement>>,
}

/// What a plugin itself says, before it is merged with anything.
pub fn check_said(
    shape: &Shape,
    plugin: &str,
    object: &str,
    found: Vec<Requirement>,
    problems: &mut Vec<Problem>,
) {
    for one in found {
        if !granted(shape, plugin, one.permission.as_deref()) {
            problems.push(forbidden(object, plugin, one));
        }
    }
}

/// The final objects.
pub fn check(shape: &Shape, objects: &[Object], origin: &Origin<'_>, problems: &mut Vec<Problem>) {
    let reported: HashSet<(String, String)> = problems
        .iter()
        .filter_map(|p| match p {
            Problem::Forbidden { object, path, .. } => Some((object.clone(), path.clone())),
            _ => None,
        })
        .collect();
    let known = references::Known::new(shape, objects);
    let homes = objects::homes(shape);
    for (index, object) in objects.iter().enumerate() {
        let id = object.id();
        let display = object.display();
        let mut found = Vec::new();
        objects::identity(shape, &homes, object, &mut found);
        objects::isolation(shape, object, origin.made.contains(&id), &mut found);
        requirements(object.kind(), &object.value, &mut found);
        known.check(object, &id, origin, &mut found);
        let before = origin.unpatched.get(&index);
        for one in found {
            if reported.contains(&(display.clone(), one.path.clone())) {
                continue;
            }
            let permission = one.permission.as_deref();
            let by_patch = before.is_some_and(|b| !b.contains(&one));
            let plugin = if by_patch {
                PATCHES
            } else {
                owner_of(&one.path, &id, origin)
            };
            let mut all = origin.plugins.get(&id).into_iter().flatten();
            let allowed = granted(shape, plugin, permission)
                || (!by_patch && all.any(|p| granted(shape, p, permission)));
            if !allowed {
                problems.push(forbidden(&display, plugin, one));
            }
        }
    }
}

fn granted(shape: &Shape, plugin: &str, permission: Option<&str>) -> bool {
    permission.is_some_and(|p| shape.granted.get(plugin).is_some_and(|all| all.contains(p)))
}

fn forbidden(object: &str, plugin: &str, one: Requirement) -> Problem {
    Problem::Forbidden {
        object: object.to_owned(),
        path: one.path,
        plugin: plugin.to_owned(),
        why: one.what,
        permission: one.permission,
    }
}

/// The plugin that has a field: the owner of its container, else the only or first plugin of the object.
fn owner_of<'a>(path: &str, id: &ObjectId, origin: &'a Origin<'_>) -> &'a str {
    let container = path
        .split_once("ontainers[")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(name, _)| name.to_owned());
    container
        .and_then(|name| origin.containers.get(&(id.clone(), name)))
        .or_else(|| origin.plugins.get(id).and_then(|all| all.iter().next()))
        .copied()
        .unwrap_or_default()
}

/// Adds a requirement.
fn need(out: &mut Vec<Requirement>, path: String, what: &str, permission: &str) {
    out.push(Requirement {
        path,
        what: what.to_owned(),
        permission: Some(permission.to_owned()),
    });
}

/// Adds something that is never allowed.
fn never(out: &mut Vec<Requirement>, path: &str, what: &str) {
    out.push(Requirement {
        path: path.to_owned(),
        what: what.to_owned(),
        permission: None,
    });
}

/// Every key that is not on the list needs `field:KEY`; those in `special` are looked at by the caller.
fn fields(
    value: &Value,
    path: &str,
    allowed: &[&str],
    special: &[&str],
    out: &mut Vec<Requirement>,
) {
    for key in value.as_object().into_iter().flat_map(|map| map.keys()) {
        if !allowed.contains(&key.as_str()) && !special.contains(&key.as_str()) {
            need(
                out,
                format!("{path}.{key}"),
                "a field that is not on the list of allowed ones",
                &format!("field:{key}"),
            );
        }
    }
}

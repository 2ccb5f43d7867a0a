//! From the user's spec to subjects: the chain, its super admin's account, and the nodes.
//!
//! Append-stable: what is born keeps id, ordinal and birth. Raft counts its nodes from 0 without a gap, so nodes are
//! removed from the end only, and the number of a node (how many stand before it) is the same for life.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::serde_json::{self, Value, json};
use chain_plugin_sdk::spec::ExpandSpec;
use chain_plugin_sdk::{Diagnostics, Endpoint, Subject, error};
use cita_cloud_formats::address::Address;
use cita_cloud_formats::syncthing::config::SYNC_PORT;
use cita_cloud_service::{CHAIN, SUPER_ADMIN};
use plugin_pods::places::{Place, places, there};

use crate::exposure::{self, Kind};
use crate::names;
use crate::options::{self, Options};
use crate::sync;

/// All subjects of the chain.
pub fn expand(
    spec: &ExpandSpec,
    born: &[Subject],
    next: &BTreeMap<String, u32>,
    now_ms: u64,
) -> Result<Vec<Subject>, Diagnostics> {
    let options = options(spec)?;
    let places = places(spec, born, next, now_ms)?;
    check_removed(born, &places)?;
    check_names(spec, &places)?;
    let count = u32::try_from(places.len()).unwrap_or(u32::MAX);
    let mut exposure = exposure::decide(&spec.expose, &options, count)?;
    let clusters: BTreeSet<_> = places.iter().map(|it| &it.entry.cluster).collect();
    exposure.peers = clusters.len() > 1 && exposure.kind != Kind::ClusterIp;
    let chain_born = find(born, CHAIN).map_or(now_ms, |chain| chain.born_ms);
    let folder = format!("cita-cloud/{}", spec.chain);
    let chain = Subject {
        id: CHAIN.to_owned(),
        kind: "chain".to_owned(),
        name: spec.chain.clone(),
        parent: None,
        ordinal: 0,
        born_ms: chain_born,
        foreign: false,
        cluster: String::new(),
        namespace: spec.namespace.clone(),
        workload: None,
        endpoints: Vec::new(),
        folder: folder.clone(),
        extra: json!({"expose": exposure}).to_string(),
    };
    let mut subjects = vec![chain];
    // An account with a key is never dropped because an option was written down later.
    let account = find(born, SUPER_ADMIN);
    if options.super_admin.is_none() || account.is_some() {
        subjects.push(Subject {
            id: SUPER_ADMIN.to_owned(),
            kind: "account".to_owned(),
            name: "super-admin".to_owned(),
            parent: Some(CHAIN.to_owned()),
            ordinal: account.map_or_else(
                || next.get("account").copied().unwrap_or(0),
                |it| it.ordinal,
            ),
            born_ms: account.map_or(now_ms, |it| it.born_ms),
            foreign: account.is_some_and(|it| it.foreign),
            cluster: String::new(),
            namespace: spec.namespace.clone(),
            workload: None,
            endpoints: Vec::new(),
            folder: folder.clone(),
            extra: "{}".to_owned(),
        });
    }
    for place in &places {
        subjects.push(node(spec, place, &folder, exposure.peers)?);
    }
    subjects.extend(
        born.iter()
            .filter(|it| it.foreign && it.kind == "node")
            .cloned(),
    );
    Ok(subjects)
}

fn find<'a>(born: &'a [Subject], id: &str) -> Option<&'a Subject> {
    born.iter().find(|subject| subject.id == id)
}

fn options(spec: &ExpandSpec) -> Result<Options, Diagnostics> {
    if spec.options.is_null() {
        return Ok(Options::default());
    }
    let options: Options = serde_json::from_value(spec.options.clone()).map_err(|fault| {
        vec![error(
            "options",
            "/options",
            format!("options do not fit: {fault}"),
        )]
    })?;
    if let Some(admin) = &options.super_admin {
        admin.parse::<Address>().map_err(|fault| {
            vec![error(
                "super-admin",
                "/options/superAdmin",
                fault.to_string(),
            )]
        })?;
    }
    Ok(options)
}

/// Whether only nodes at the end go.
fn check_removed(born: &[Subject], places: &[Place<'_>]) -> Result<(), Diagnostics> {
    let there = there(born);
    let kept: BTreeSet<u32> = places.iter().map(|place| place.ordinal).collect();
    let stays = |it: &&&Subject| kept.contains(&it.ordinal);
    let last_kept = there.iter().filter(stays).map(|it| it.ordinal).max();
    let gone = there
        .iter()
        .find(|it| !stays(it) && last_kept.is_some_and(|last| it.ordinal < last));
    let Some(gone) = gone else {
        return Ok(());
    };
    let last = there.last().map_or("", |it| it.name.as_str());
    let message = format!(
        "node {} cannot be removed: raft counts its nodes from 0 without a gap, so only the last one, {last}, can go",
        gone.name
    );
    Err(vec![
        error("nodes", "/nodes", message).hint(format!("remove {last} instead")),
    ])
}

/// Every name must be one that Kubernetes takes, and no two objects may meet.
fn check_names(spec: &ExpandSpec, places: &[Place<'_>]) -> Result<(), Diagnostics> {
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    let mut services = BTreeSet::from([names::rpc(&spec.chain)]);
    for place in places {
        let workload = names::workload(&spec.chain, &place.name, place.ordinal);
        let why = if let Some(why) = names::unfit(&place.name, &workload) {
            Some(why)
        } else if !names.insert(place.name.clone()) {
            Some(format!("two nodes are named {}", place.name))
        } else {
            let own = [
                names::executor(&workload),
                names::peers(&workload),
                workload,
            ];
            let taken = own.into_iter().find(|name| !services.insert(name.clone()));
            taken.map(|name| format!("node name {}: another Service is called {name}", place.name))
        };
        faults.extend(why.map(|why| error("name", &place.named_at(), why)));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// One node; `exposed` when its cluster assigns the addresses at which others reach it from outside.
fn node(
    spec: &ExpandSpec,
    place: &Place<'_>,
    folder: &str,
    exposed: bool,
) -> Result<Subject, Diagnostics> {
    let cluster = place.entry.cluster.clone().unwrap_or_default();
    let settings = spec.clusters.get(&cluster);
    if !cluster.is_empty() && settings.is_none() {
        let path = format!("/nodes/{}/cluster", place.index);
        return Err(vec![error(
            "cluster",
            &path,
            format!("there is no cluster {cluster}"),
        )]);
    }
    let setting = |key: &str| settings.and_then(|it| it.get(key)).and_then(Value::as_str);
    let namespace = setting("namespace").unwrap_or(&spec.namespace).to_owned();
    let host = place.entry.host.as_deref().or_else(|| setting("host"));
    let workload = names::workload(&spec.chain, &place.name, place.ordinal);
    let endpoint = |port: &str, service: &str, number: u16, outside: Option<String>| Endpoint {
        port: port.to_owned(),
        service: service.to_owned(),
        number,
        outside,
    };
    let host = host.filter(|_| !exposed);
    let outside = |number: u16| host.map(|host| format!("{host}:{number}"));
    let mut endpoints = Vec::new();
    for port in options::ports(&spec.services, "peers") {
        endpoints.push(endpoint(
            &port.name,
            &workload,
            port.number,
            outside(port.number),
        ));
    }
    endpoints.push(endpoint(
        sync::PORT,
        &workload,
        SYNC_PORT,
        outside(SYNC_PORT),
    ));
    for service in &spec.services {
        let name = match service.role.as_str() {
            "controller" => names::rpc(&spec.chain),
            "executor" => names::executor(&workload),
            _ => continue,
        };
        for port in service.ports.iter().filter(|port| port.reach == "clients") {
            endpoints.push(endpoint(&port.name, &name, port.number, None));
        }
    }
    Ok(Subject {
        id: format!("node/{}", place.name),
        kind: "node".to_owned(),
        name: place.name.clone(),
        parent: Some(CHAIN.to_owned()),
        ordinal: place.ordinal,
        born_ms: place.born_ms,
        foreign: false,
        cluster,
        namespace,
        workload: Some(format!("statefulset/{workload}")),
        endpoints,
        folder: format!("{folder}/{}", place.name),
        extra: json!({"from": format!("/nodes/{}", place.index)}).to_string(),
    })
}

#[cfg(test)]
mod tests;

//! From the user's spec to subjects: the chain, its nodes, and the pods of explorer and monitor.
//!
//! Append-stable: what is born keeps id, ordinal and birth. Any node may go; the genesis block and the founders' list
//! of Raft stay what they are.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::spec::{ExpandSpec, ServiceSpec};
use chain_plugin_sdk::{Diagnostics, Endpoint, Subject, error};
use plugin_pods::{Place, places};
use quorum_service::fault::refuse_with;
use quorum_service::{CHAIN, EXPLORER, MONITOR};
use serde_json::{Value, json};

use crate::exposure::{Exposure, Kind};
use crate::names;
use crate::options::{self, Options};

/// The subjects beside the nodes that have a pod: the role that makes it is the kind and the name.
pub const SIDE: [&str; 2] = [EXPLORER, MONITOR];

struct Births<'a> {
    spec: &'a ExpandSpec,
    born: &'a [Subject],
    next: &'a BTreeMap<String, u32>,
    now_ms: u64,
    exposure: Exposure,
}

/// All subjects of the chain.
pub fn expand(
    spec: &ExpandSpec,
    born: &[Subject],
    next: &BTreeMap<String, u32>,
    now_ms: u64,
) -> Result<Vec<Subject>, Diagnostics> {
    Options::of(&spec.options)?;
    let births = Births {
        spec,
        born,
        next,
        now_ms,
        exposure: Exposure::of(&spec.expose)?,
    };
    for (index, entry) in spec.nodes.iter().enumerate() {
        options::check_node(&entry.options, index)?;
    }
    let places = places(spec, born, next, now_ms)?;
    births
        .exposure
        .check(places.last().map_or(0, |place| place.ordinal))?;
    check_names(spec, &places)?;
    let mut subjects = vec![births.single(CHAIN, CHAIN, &spec.chain, None)];
    for place in &places {
        subjects.push(births.node(place)?);
    }
    for role in SIDE {
        let filled = spec.services.iter().find(|service| service.role == role);
        if let Some(service) = filled {
            subjects.push(births.side(role, service));
        }
    }
    subjects.extend(
        born.iter()
            .filter(|it| it.foreign && it.kind == "node")
            .cloned(),
    );
    Ok(subjects)
}

impl<'a> Births<'a> {
    fn find(&self, id: &str) -> Option<&'a Subject> {
        self.born.iter().find(|subject| subject.id == id)
    }

    fn next(&self, kind: &str) -> u32 {
        self.next.get(kind).copied().unwrap_or(0)
    }

    /// A subject of which there is one.
    fn single(&self, id: &str, kind: &str, name: &str, workload: Option<String>) -> Subject {
        let old = self.find(id);
        let folder = format!("quorum/{}", self.spec.chain);
        Subject {
            id: id.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            parent: (kind != CHAIN).then(|| CHAIN.to_owned()),
            ordinal: old.map_or_else(|| self.next(kind), |it| it.ordinal),
            born_ms: old.map_or(self.now_ms, |it| it.born_ms),
            foreign: false,
            cluster: String::new(),
            namespace: self.spec.namespace.clone(),
            folder: if workload.is_some() {
                format!("{folder}/{name}")
            } else {
                folder
            },
            workload,
            endpoints: Vec::new(),
            extra: "{}".to_owned(),
        }
    }

    fn side(&self, role: &str, service: &ServiceSpec) -> Subject {
        let workload = names::workload(&self.spec.chain, role);
        let mut subject = self.single(
            &format!("{role}/{role}"),
            role,
            role,
            Some(format!("statefulset/{workload}")),
        );
        subject.endpoints = service
            .ports
            .iter()
            .filter(|port| port.reach != "pod")
            .map(|port| Endpoint {
                port: port.name.clone(),
                service: workload.clone(),
                number: port.number,
                outside: None,
            })
            .collect();
        subject
    }

    fn node(&self, place: &Place<'_>) -> Result<Subject, Diagnostics> {
        let cluster = place.entry.cluster.clone().unwrap_or_default();
        let settings = self.spec.clusters.get(&cluster);
        if !cluster.is_empty() && settings.is_none() {
            let path = format!("/nodes/{}/cluster", place.index);
            let known: Vec<&str> = self.spec.clusters.keys().map(String::as_str).collect();
            let hint = format!("clusters: {}", known.join(", "));
            return Err(refuse_with(
                "cluster",
                &path,
                format!("there is no cluster {cluster}"),
                hint,
            ));
        }
        let setting = |key: &str| settings.and_then(|it| it.get(key)).and_then(Value::as_str);
        let host = place.entry.host.as_deref().or_else(|| setting("host"));
        let service = names::workload(&self.spec.chain, &place.name);
        let ports = self
            .spec
            .services
            .iter()
            .filter(|it| !SIDE.contains(&it.role.as_str()))
            .flat_map(|it| &it.ports)
            .filter(|port| port.reach != "pod");
        let endpoints = ports.map(|port| {
            let assigned = self.exposure.node_port(place.ordinal, &port.name);
            let outside = match (self.exposure.kind, assigned) {
                (Kind::NodePort, assigned) => assigned,
                _ => Some(port.number),
            };
            Endpoint {
                port: port.name.clone(),
                service: service.clone(),
                number: port.number,
                outside: host
                    .zip(outside)
                    .map(|(host, number)| host_port(host, number)),
            }
        });
        let mut extra = json!({"from": format!("/nodes/{}", place.index)});
        if let (Some(map), false) = (extra.as_object_mut(), place.entry.options.is_null()) {
            map.insert("options".to_owned(), place.entry.options.clone());
        }
        Ok(Subject {
            id: format!("node/{}", place.name),
            kind: "node".to_owned(),
            name: place.name.clone(),
            parent: Some(CHAIN.to_owned()),
            ordinal: place.ordinal,
            born_ms: place.born_ms,
            foreign: false,
            namespace: setting("namespace")
                .unwrap_or(&self.spec.namespace)
                .to_owned(),
            cluster,
            workload: Some(format!("statefulset/{service}")),
            endpoints: endpoints.collect(),
            folder: format!("quorum/{}/{}", self.spec.chain, place.name),
            extra: extra.to_string(),
        })
    }
}

/// `host:port`, an IPv6 address in brackets.
fn host_port(host: &str, number: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{number}")
    } else {
        format!("{host}:{number}")
    }
}

/// Every name must be one that Kubernetes takes, and no two objects may meet.
fn check_names(spec: &ExpandSpec, places: &[Place<'_>]) -> Result<(), Diagnostics> {
    let mut faults = Vec::new();
    let mut taken: BTreeSet<String> = SIDE.iter().map(|role| (*role).to_owned()).collect();
    for place in places {
        let workload = names::workload(&spec.chain, &place.name);
        let why = names::unfit(&place.name, &workload).or_else(|| {
            [place.name.clone(), names::outside(&place.name)]
                .into_iter()
                .find(|name| !taken.insert(name.clone()))
                .map(|name| format!("node name {}: another object is called {name}", place.name))
        });
        faults.extend(why.map(|why| error("name", &place.named_at(), why)));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

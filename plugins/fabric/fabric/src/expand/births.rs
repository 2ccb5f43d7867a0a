//! Subjects as they are born: ordinals, births, endpoints.

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::spec::{ExpandSpec, ServiceSpec};
use chain_plugin_sdk::{Endpoint, Subject};
use fabric_service::{CHAIN, kind, port, role};
use serde::Serialize;

/// Makes subjects: what was born before is as it was.
#[derive(Debug)]
pub struct Births<'a> {
    /// What the user says.
    pub spec: &'a ExpandSpec,
    born: BTreeMap<&'a str, &'a Subject>,
    next: BTreeMap<String, u32>,
    now_ms: u64,
}

impl<'a> Births<'a> {
    /// Nobody yet.
    pub fn new(
        spec: &'a ExpandSpec,
        born: &'a [Subject],
        next: &BTreeMap<String, u32>,
        now_ms: u64,
    ) -> Self {
        Self {
            spec,
            born: born.iter().map(|it| (it.id.as_str(), it)).collect(),
            next: next.clone(),
            now_ms,
        }
    }

    /// A subject without a pod.
    pub fn subject(
        &mut self,
        kind: &str,
        name: &str,
        parent: Option<&str>,
        namespace: &str,
    ) -> Subject {
        let id = if kind == CHAIN {
            CHAIN.to_owned()
        } else {
            format!("{kind}/{name}")
        };
        let chain = &self.spec.chain;
        let of_org = parent.and_then(|it| {
            it.strip_prefix("org/")
                .or_else(|| it.strip_prefix("user/Admin@"))
        });
        let folder = match of_org {
            Some(org) => format!("fabric/{chain}/{org}/{name}"),
            None if kind == CHAIN => format!("fabric/{chain}"),
            None => format!("fabric/{chain}/{name}"),
        };
        let old = self.born.get(id.as_str());
        let ordinal = old.map_or_else(
            || {
                let next = self.next.entry(kind.to_owned()).or_default();
                let ordinal = *next;
                *next = next.saturating_add(1);
                ordinal
            },
            |it| it.ordinal,
        );
        Subject {
            id,
            kind: kind.to_owned(),
            name: name.to_owned(),
            parent: parent.map(ToOwned::to_owned),
            ordinal,
            born_ms: old.map_or(self.now_ms, |it| it.born_ms),
            foreign: false,
            cluster: String::new(),
            namespace: namespace.to_owned(),
            workload: None,
            endpoints: Vec::new(),
            folder,
            extra: "{}".to_owned(),
        }
    }

    /// Gives a subject its pod, which `service` leads to; `outside` is a host at which others reach it.
    pub fn pod(
        &self,
        mut subject: Subject,
        workload: &str,
        service: &str,
        outside: Option<&str>,
    ) -> Subject {
        // A chaincode has no identity and no volume, and often no shell that would guard one.
        let controller = if subject.kind == kind::SERVER {
            "deployment"
        } else {
            "statefulset"
        };
        subject.workload = Some(format!("{controller}/{workload}"));
        subject.endpoints = ports(&self.spec.services, &subject.kind)
            .map(|port| Endpoint {
                port: port.name.clone(),
                service: service.to_owned(),
                number: port.number,
                outside: outside.map(|host| match host.rsplit_once(':') {
                    Some(_) => host.to_owned(),
                    None => format!("{host}:{}", port.number),
                }),
            })
            .collect();
        subject
    }
}

/// The ports of a kind of pods that somebody else must reach.
pub fn ports<'a>(
    services: &'a [ServiceSpec],
    of_kind: &str,
) -> impl Iterator<Item = &'a Port> + use<'a> {
    // A role that makes several kinds of pods begins the names of their ports with the kind.
    let (role, prefix) = match of_kind {
        kind::ORDERER => (role::ORDERER, None),
        kind::PEER => (role::PEER, None),
        kind::CA => (role::CA, None),
        kind::SERVER => (role::CHAINCODE, Some("chaincode")),
        kind::DOCKER => (role::CHAINCODE, Some("docker")),
        kind::KAFKA => (role::KAFKA, Some("kafka")),
        kind::ZOOKEEPER => (role::KAFKA, Some("zookeeper")),
        _ => ("", None),
    };
    services
        .iter()
        .filter(move |service| service.role == role && !role.is_empty())
        .flat_map(|service| &service.ports)
        .filter(move |port| port.reach != "pod")
        .filter(move |port| prefix.is_none_or(|prefix| port.name.starts_with(prefix)))
        .filter(move |port| port.name != port::PEER_CHAINCODE || peers_are_dialled(services))
}

/// Whether chaincode dials peers: such as a docker daemon or a builder started, and none that is a server itself.
pub fn peers_are_dialled(services: &[ServiceSpec]) -> bool {
    let serves = |it: &ServiceSpec| it.ports.iter().any(|port| port.name == port::CHAINCODE);
    services
        .iter()
        .any(|it| it.role == role::CHAINCODE && !serves(it))
}

/// Gives a subject what all plugins of the stack may read about it.
pub fn with<T: Serialize>(mut subject: Subject, extra: &T) -> Subject {
    subject.extra = serde_json::to_string(extra).unwrap_or_else(|_| "{}".to_owned());
    subject
}

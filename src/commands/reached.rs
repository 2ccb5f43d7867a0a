//! Where a chain's ports are reached: what the user's file says, else what the cluster assigned.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::ChainScene;
use crate::cluster::addresses::{Addresses, Inside, Reach};
use crate::cluster::{ClusterError, Connection};
use crate::pipeline::run::node_of;
use crate::plugin::contract::{Endpoint, Subject};
use crate::spec::NodeEntry;

/// What the addresses of all subjects are found by.
pub struct Reached {
    addresses: Addresses,
    nodes: Vec<NodeEntry>,
    ports: BTreeMap<String, Kind>,
}

/// What a port is for, by its name.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// Whether no other party can be a peer without it.
    for_peers: bool,
    web_socket: bool,
}

impl Reached {
    /// Asks the cluster about the Services and Ingresses of a chain.
    ///
    /// # Errors
    /// They may not be listed, or the server does not answer.
    pub async fn read(connection: &Connection, scene: &ChainScene) -> Result<Self, ClusterError> {
        let own = scene.topology.subjects.iter().filter(|it| !it.foreign);
        let namespaces: BTreeSet<String> = own.map(|it| it.namespace.clone()).collect();
        let ports = scene
            .services
            .iter()
            .flat_map(|service| &service.plugin.descriptor.ports)
            .map(|port| {
                let kind = Kind {
                    // A monitor of ours measures our own nodes.
                    for_peers: port.reach == "peers" && port.purpose != "metrics",
                    web_socket: port.purpose == "ws",
                };
                (port.name.clone(), kind)
            })
            .collect();
        Ok(Self {
            addresses: Addresses::read(connection, &namespaces, &scene.head.chain).await?,
            nodes: scene.resolved.spec.node_entries(),
            ports,
        })
    }

    /// Whether no other party can be a peer without a port, by its name.
    pub fn needed(&self, port: &str) -> bool {
        self.ports.get(port).is_some_and(|kind| kind.for_peers)
    }

    /// Where other parties reach a port; `host` leads to node ports.
    pub fn by_parties(
        &self,
        scene: &ChainScene,
        subject: &Subject,
        endpoint: &Endpoint,
        reach: Reach,
        host: Option<&str>,
    ) -> Option<String> {
        let said = endpoint.outside.clone().filter(|_| reach == Reach::Outside);
        let host = host.or_else(|| self.host(scene, subject));
        said.or_else(|| {
            self.addresses
                .of(self.inside(subject, endpoint), reach, host)
        })
    }

    /// The subjects of a chain, each of its own endpoints with the address at which clients outside reach it.
    pub fn by_clients(&self, scene: &ChainScene) -> Vec<Subject> {
        let mut subjects = scene.topology.subjects.clone();
        for subject in subjects.iter_mut().filter(|it| !it.foreign) {
            let found: Vec<Option<String>> = subject
                .endpoints
                .iter()
                .map(|endpoint| {
                    let host = self.host(scene, subject);
                    let inside = self.inside(subject, endpoint);
                    let said = endpoint.outside.clone();
                    said.or_else(|| self.addresses.for_clients(inside, host))
                })
                .collect();
            for (endpoint, found) in subject.endpoints.iter_mut().zip(found) {
                endpoint.outside = found;
            }
        }
        subjects
    }

    /// The host that the spec names for the node of a subject.
    fn host(&self, scene: &ChainScene, subject: &Subject) -> Option<&str> {
        let node = node_of(subject, &scene.topology.subjects)?;
        self.nodes.get(node)?.host.as_deref()
    }

    fn inside<'a>(&self, subject: &'a Subject, endpoint: &'a Endpoint) -> Inside<'a> {
        Inside {
            namespace: &subject.namespace,
            service: &endpoint.service,
            port: &endpoint.port,
            number: endpoint.number,
            web_socket: self
                .ports
                .get(&endpoint.port)
                .is_some_and(|kind| kind.web_socket),
        }
    }
}

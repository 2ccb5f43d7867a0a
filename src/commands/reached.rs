//! Where a chain's ports are reached: what the user's file says, else what the clusters assigned.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::ChainScene;
use crate::cluster::addresses::{Addresses, Inside, Reach};
use crate::cluster::{ClusterError, Clusters};
use crate::pipeline::between::is_for_peers;
use crate::pipeline::run::node_of;
use crate::pipeline::{Resolved, ResolvedService};
use crate::plugin::contract::{Endpoint, Subject};
use crate::spec::NodeEntry;

/// What the addresses of all subjects are found by.
pub struct Reached<'a> {
    subjects: &'a [Subject],
    resolved: &'a Resolved,
    nodes: Vec<NodeEntry>,
    /// By cluster.
    addresses: BTreeMap<String, Addresses>,
    ports: BTreeMap<String, Kind>,
}

/// What a port is for, by its name.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// Whether no other party can be a peer without it.
    for_peers: bool,
    web_socket: bool,
}

impl<'a> Reached<'a> {
    /// Asks the clusters about the Services and Ingresses of a chain.
    ///
    /// # Errors
    /// They may not be listed, or a server does not answer.
    pub async fn read(
        clusters: &Clusters,
        resolved: &'a Resolved,
        services: &[ResolvedService],
        subjects: &'a [Subject],
    ) -> Result<Self, ClusterError> {
        let mut addresses = BTreeMap::new();
        for (name, connection) in clusters.all() {
            let own = subjects
                .iter()
                .filter(|it| !it.foreign && it.cluster == name);
            let namespaces: BTreeSet<String> = own.map(|it| it.namespace.clone()).collect();
            let found = Addresses::read(connection, &namespaces, &resolved.chain).await;
            addresses.insert(
                name.to_owned(),
                found.map_err(|error| error.of_cluster(name))?,
            );
        }
        let ports = services
            .iter()
            .flat_map(|service| &service.plugin.descriptor.ports)
            .map(|port| {
                let kind = Kind {
                    for_peers: is_for_peers(port),
                    web_socket: port.purpose == "ws",
                };
                (port.name.clone(), kind)
            })
            .collect();
        Ok(Self {
            subjects,
            resolved,
            nodes: resolved.spec.node_entries(),
            addresses,
            ports,
        })
    }

    /// As [`read`](Self::read), of a chain that is remembered.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn of(scene: &'a ChainScene) -> Result<Self, ClusterError> {
        let subjects = &scene.topology.subjects;
        Self::read(&scene.clusters, &scene.resolved, &scene.services, subjects).await
    }

    /// Whether no other party can be a peer without a port, by its name.
    pub fn needed(&self, port: &str) -> bool {
        self.ports.get(port).is_some_and(|kind| kind.for_peers)
    }

    /// Where other parties reach a port; `host` leads to node ports.
    pub fn by_parties(
        &self,
        subject: &Subject,
        endpoint: &Endpoint,
        reach: Reach,
        host: Option<&str>,
    ) -> Option<String> {
        let said = endpoint.outside.clone().filter(|_| reach == Reach::Outside);
        said.or_else(|| self.assigned(subject, endpoint, reach, host))
    }

    /// The same by what its cluster assigned, whatever is said.
    pub fn assigned(
        &self,
        subject: &Subject,
        endpoint: &Endpoint,
        reach: Reach,
        host: Option<&str>,
    ) -> Option<String> {
        let addresses = self.addresses.get(&subject.cluster)?;
        let host = host.or_else(|| self.host(subject));
        addresses.of(self.inside(subject, endpoint), reach, host)
    }

    /// Whether a load balancer is still to give a port its address.
    pub fn is_awaited(&self, subject: &Subject, endpoint: &Endpoint) -> bool {
        let addresses = self.addresses.get(&subject.cluster);
        addresses.is_some_and(|it| it.is_awaited(self.inside(subject, endpoint)))
    }

    /// The subjects of a chain, each of its own endpoints with the address at which clients outside reach it.
    pub fn by_clients(&self) -> Vec<Subject> {
        let mut subjects = self.subjects.to_vec();
        for subject in subjects.iter_mut().filter(|it| !it.foreign) {
            let found: Vec<Option<String>> = subject
                .endpoints
                .iter()
                .map(|endpoint| {
                    let addresses = self.addresses.get(&subject.cluster);
                    let by_cluster = || {
                        let inside = self.inside(subject, endpoint);
                        addresses?.for_clients(inside, self.host(subject))
                    };
                    endpoint.outside.clone().or_else(by_cluster)
                })
                .collect();
            for (endpoint, found) in subject.endpoints.iter_mut().zip(found) {
                endpoint.outside = found;
            }
        }
        subjects
    }

    /// The host that the spec names for the node of a subject, or for its cluster.
    fn host(&self, subject: &Subject) -> Option<&str> {
        let node = node_of(subject, self.subjects).and_then(|node| self.nodes.get(node));
        let of_cluster = || {
            let entry = self.resolved.spec.clusters.get(&subject.cluster)?;
            entry.host.as_deref()
        };
        node.and_then(|it| it.host.as_deref()).or_else(of_cluster)
    }

    fn inside<'b>(&self, subject: &'b Subject, endpoint: &'b Endpoint) -> Inside<'b> {
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

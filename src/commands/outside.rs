//! Where others really reach a chain's ports, for an operation that wants to know.

use crate::cluster::Connection;
use crate::cluster::addresses::{Addresses, Inside, Reach};
use crate::pipeline::run::node_of;
use crate::plugin::contract::{Endpoint, Topology};

use super::scene::ChainScene;

/// In the schema of an operation's arguments: its endpoints say where others really reach them.
pub const ASKED: &str = "x-chain-addresses";

/// The topology with every endpoint's address outside as the cluster has it, where it has one.
///
/// # Errors
/// Services may not be listed, or the server does not answer.
pub async fn observed(connection: &Connection, chain: &ChainScene) -> anyhow::Result<Topology> {
    let mut topology = chain.topology.clone();
    let own = topology.subjects.iter().filter(|subject| !subject.foreign);
    let namespaces = own.map(|subject| subject.namespace.clone()).collect();
    let addresses = Addresses::read(connection, &namespaces, &chain.head.chain).await?;
    let entries = chain.resolved.spec.node_entries();
    for subject in topology.subjects.iter_mut().filter(|it| !it.foreign) {
        let place = node_of(subject, &chain.topology.subjects);
        let host = place
            .and_then(|place| entries.get(place))
            .and_then(|entry| entry.host.as_deref());
        // What the user's file says of a host goes first, as in what is exported.
        let unknown = |endpoint: &&mut Endpoint| endpoint.outside.is_none();
        for endpoint in subject.endpoints.iter_mut().filter(unknown) {
            let inside = Inside {
                namespace: &subject.namespace,
                service: &endpoint.service,
                port: &endpoint.port,
                number: endpoint.number,
            };
            endpoint.outside = addresses.of(inside, Reach::Outside, host);
        }
    }
    Ok(topology)
}

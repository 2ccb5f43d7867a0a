//! `network_p2p` of CITA-Cloud v4.0.0: messages between the nodes, in sessions that are encrypted by a key per node.
//!
//! Peers are the Services of all other nodes; the service ends when a name does not resolve, and takes the first address
//! it gets, once. A node more changes the list of every other one, so it takes effect at the next start: the new node
//! dials the old ones, and a session works in both directions.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, KeptSpec, Port};
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Item, Plugin, Provisioned, Rendered, Topology, error,
    export_plugin,
};
use cita_cloud_formats::network_config::{NetworkConfig, P2P_PORT, Peer};
use cita_cloud_formats::network_key::NetworkKey;
use cita_cloud_formats::service::Service;
use cita_cloud_service::container::{self, ServiceContainer};
use cita_cloud_service::{NetworkFacts, Nodes, Run, facts};

const SERVICE: Service = Service::Network;

/// The secret key of a node's sessions.
const KEY: &str = "network-key";

/// Its public half. Public items are there on later runs, so this one also says that the key was born.
const PUBLIC_KEY: &str = "network-public-key";

/// The peers as they are now, when those that the init container copied may be older: the service ends at once when a
/// peer's name does not resolve, and a container that is started anew would find a node there that has been removed.
const FRESH: &str = "/etc/cita-cloud/network-config.toml";

/// The plugin.
#[derive(Debug)]
pub struct Network {
    nodes: Nodes,
}

fn ports() -> Vec<Port> {
    let p2p = Port {
        name: "network".to_owned(),
        number: P2P_PORT,
        reach: "peers".to_owned(),
        purpose: "p2p".to_owned(),
        ..Port::default()
    };
    vec![p2p, container::grpc(SERVICE, "network-grpc", "pod", "grpc")]
}

impl Plugin for Network {
    fn descriptor() -> Descriptor {
        let kept = |name: &str, secret: bool| KeptSpec {
            name: name.to_owned(),
            kinds: vec!["node".to_owned()],
            secret,
            ..KeptSpec::default()
        };
        Descriptor {
            kept: vec![kept(KEY, true), kept(PUBLIC_KEY, false)],
            ports: ports(),
            resources: container::requests("20m", "32Mi"),
            ..container::descriptor(
                SERVICE,
                "network_p2p",
                "network: peer-to-peer over TCP, encrypted by a key of each node",
                "citacloud/network_p2p:v4.0.0",
            )
        }
    }

    fn warm() {
        // The first key of a curve makes its table of base points.
        let key = NetworkKey::generate(&mut |length| vec![1; length as usize]);
        std::hint::black_box(key.map(|key| key.public_key())).ok();
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let (keep, public_key) = match at.kept_text(PUBLIC_KEY) {
            Some(public_key) => (Vec::new(), public_key),
            None => born(at)?,
        };
        let facts = NetworkFacts {
            grpc_port: SERVICE.grpc_port(),
            p2p_port: P2P_PORT,
            public_key: Some(public_key),
        };
        Ok(Provisioned {
            keep,
            ..facts::known(&facts)
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let this = self.nodes.subject(&at.call.subject)?;
        let peers = self
            .nodes
            .all()
            .filter(|node| node.id != this.id)
            .map(|node| {
                let (ip, port) = self.nodes.address(Some(this), node, "network")?;
                Ok(Peer { ip, port })
            })
            .collect::<Result<Vec<_>, Diagnostics>>()?;
        let config = NetworkConfig {
            port: P2P_PORT,
            peers,
        };
        let container = ServiceContainer {
            service: SERVICE,
            run: Run::new(
                "network",
                &[
                    "network",
                    "run",
                    "-p",
                    "50000",
                    "-k",
                    "/network/network-key",
                ],
            )
            .folder("logs")
            .fresh(FRESH, NetworkConfig::FILE_NAME),
            ports: ports(),
        };
        Ok(container
            .rendered(at)?
            .file(NetworkConfig::FILE_NAME, config.render())
            .bind(
                "network",
                "/data/network-config.toml",
                at.own(NetworkConfig::FILE_NAME),
                Delivery::SeedStart,
                Change::Wait,
            )
            .bind(
                "network",
                FRESH,
                at.own(NetworkConfig::FILE_NAME),
                Delivery::Live,
                Change::Wait,
            )
            .bind(
                "network",
                "/network/network-key",
                at.own(KEY),
                Delivery::Mounted,
                Change::Roll,
            )
            .build())
    }
}

/// A new key: what is kept, and its public half.
fn born(at: &At<'_>) -> Result<(Vec<Item>, String), Diagnostics> {
    let key = NetworkKey::generate(&mut |length| at.host.entropy(length))
        .map_err(|fault| vec![error("entropy", "", fault.to_string())])?;
    let public_key = key.public_key();
    let item = |name: &str, text: &str, secret: bool| Item {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        secret,
        media: "text/plain".to_owned(),
    };
    let keep = vec![
        item(KEY, &key.render(), true),
        item(PUBLIC_KEY, &public_key, false),
    ];
    Ok((keep, public_key))
}

export_plugin!(Network);

#[cfg(test)]
mod tests;

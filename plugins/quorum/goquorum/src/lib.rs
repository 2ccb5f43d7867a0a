//! The client `goquorum`: keys and accounts of nodes, the genesis block, the lists of nodes, and the container.
//!
//! What the consensus and the privacy manager say in terms of the field becomes arguments of the client's own version
//! here (`spelling`). Operations that are the client's: votes on validators, scripts, test contracts (`work`).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod existing;
mod genesis;
mod helpers;
mod keys;
mod node;
mod options;
mod peers;
mod spelling;
mod work;

use chain_plugin_sdk::descriptor::{Budget, Descriptor, Image, Phase};
use chain_plugin_sdk::{
    At, Configured, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin,
};
use quorum_service::container::{kept, need, requests};
use quorum_service::facts::{self, ClientFacts};
use quorum_service::nodes::enode;
use quorum_service::{CHAIN, CLIENT, CONSENSUS, Nodes, PRIVACY, RELEASE, STACK};

use crate::options::CONTAINER;
pub use crate::work::Work;

/// The plugin.
#[derive(Debug)]
pub struct GoQuorum {
    nodes: Nodes,
}

impl Plugin for GoQuorum {
    fn descriptor() -> Descriptor {
        let node = || vec!["node".to_owned()];
        let chain = || CHAIN.to_owned();
        let mut needs = Vec::new();
        for phase in [Phase::Configure, Phase::Render] {
            needs.extend([
                need(phase, CONSENSUS, Phase::Configure, CHAIN, false),
                need(phase, CONSENSUS, Phase::Provision, "node", false),
                need(phase, PRIVACY, Phase::Configure, CHAIN, true),
                need(phase, PRIVACY, Phase::Provision, "node", true),
            ]);
        }
        needs.extend(work::needs());
        Descriptor {
            name: "goquorum".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "client: GoQuorum, with JSON-RPC on 8545 and web sockets on 8546".to_owned(),
            license: "Apache-2.0".to_owned(),
            stack: STACK.to_owned(),
            role: CLIENT.to_owned(),
            series: vec![RELEASE.to_owned()],
            options: options::schema(),
            on: [
                (Phase::Provision, node()),
                (Phase::Configure, vec![chain()]),
                (Phase::Render, vec![chain(), "node".to_owned()]),
            ]
            .into(),
            needs,
            kept: vec![
                kept(keys::NODE_KEY, true),
                kept(keys::NODE_ID, false),
                kept(keys::KEYSTORE, true),
                kept(keys::ACCOUNT, false),
                kept(keys::PASSWORD, true),
            ],
            container: CONTAINER.to_owned(),
            images: vec![Image {
                name: CONTAINER.to_owned(),
                default: "quorumengineering/quorum:24.4.1".to_owned(),
            }],
            ports: node::ports(),
            resources: requests("100m", "512Mi"),
            operations: work::operations(),
            // The standard parameters of scrypt take 256 MiB at once.
            budget: [(
                Phase::Provision,
                Budget {
                    memory_mib: 512,
                    seconds: 60,
                },
            )]
            .into(),
            ..Descriptor::default()
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let node = self.nodes.subject(&at.call.subject)?;
        let (keep, identity) = keys::identity(at)?;
        let facts = ClientFacts {
            node_id: identity.node.to_string(),
            node_address: identity.node.address().to_string(),
            enode: enode(&self.nodes, node, identity.node)?.to_string(),
            account_address: Some(identity.account),
        };
        Ok(Provisioned {
            keep,
            ..facts::known(&facts)
        })
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        genesis::configured(&self.nodes, at)
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        if at.call.subject == CHAIN {
            node::chain(&self.nodes, at)
        } else {
            node::node(&self.nodes, at)
        }
    }
}

export_plugin!(GoQuorum, operate = Work);

#[cfg(test)]
mod tests;

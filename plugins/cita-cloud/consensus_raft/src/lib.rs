//! `consensus_raft` of CITA-Cloud v4.0.0: the order of blocks, by raft.
//!
//! Raft ids count from 0 without a gap, and node 0 is the hard-wired first leader. The service registers with the
//! network once, so it ends with it (`run.sh`); its own log file grows without end at debug level, and is kept small.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, Need, Phase, Port};
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin,
};
use cita_cloud_formats::consensus_config::ConsensusConfig;
use cita_cloud_formats::service::Service;
use cita_cloud_service::container::{self, ServiceContainer};
use cita_cloud_service::{Grpc, Nodes, Run, facts};

const SERVICE: Service = Service::Consensus;

mod wake;

/// Its own log, which it appends to without end.
const LOG: &str = "logs/consensus_service.log";

/// The plugin.
#[derive(Debug)]
pub struct Consensus {
    nodes: Nodes,
}

fn port() -> Port {
    container::grpc(SERVICE, "consensus", "pod", "grpc")
}

fn need(role: &str) -> Need {
    Need {
        phase: Phase::Render,
        role: role.to_owned(),
        from: Phase::Provision,
        kind: Some("node".to_owned()),
        optional: false,
    }
}

impl Plugin for Consensus {
    fn descriptor() -> Descriptor {
        Descriptor {
            needs: vec![need("network"), need("controller")],
            ports: vec![port()],
            resources: container::requests("20m", "32Mi"),
            ..container::descriptor(
                SERVICE,
                "consensus_raft",
                "consensus: raft, for parties that trust each other; goes on with a majority of the validators",
                "citacloud/consensus_raft:v4.0.0",
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, _at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let grpc_port = SERVICE.grpc_port();
        Ok(facts::known(&Grpc { grpc_port }))
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let config = ConsensusConfig {
            network_port: facts::grpc_port(at, "network")?,
            controller_port: facts::grpc_port(at, "controller")?,
            node_id: self.nodes.number(&at.call.subject)?,
        };
        let container = ServiceContainer {
            service: SERVICE,
            run: Run::new("consensus", &["consensus", "run", "-p", "50001"])
                .after("network", config.network_port)
                .folder("logs")
                .trim(LOG)
                // Its raft's task can end in a panic; the process lives on, deaf.
                .dead(LOG, "channel.closed")
                // A controller that was started anew while its block became final offers that block again, and for ever
                // (it makes its offer before it reads what the others finalized): raft commits it each time, and no
                // controller does anything. With the consensus the controller starts anew, and offers the next.
                .stuck(LOG, "propose,.hash.", "commiting.proposal,.entry.")
                .beside(wake::PATH),
            ports: vec![port()],
        };
        let raft_id = u64::from(config.node_id) + 1;
        Ok(container
            .rendered(at)?
            .file(wake::FILE, wake::script(LOG, SERVICE.grpc_port(), raft_id))
            .bind(
                "consensus",
                wake::PATH,
                at.own(wake::FILE),
                Delivery::Mounted,
                Change::Roll,
            )
            .file(ConsensusConfig::FILE_NAME, config.render())
            .bind(
                "consensus",
                "/data/consensus-config.toml",
                at.own(ConsensusConfig::FILE_NAME),
                Delivery::SeedStart,
                Change::Roll,
            )
            .build())
    }
}

export_plugin!(Consensus);

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::serde_json::{Value, from_str, json};
    use chain_plugin_sdk::{Content, Subject, TestHost};

    const VECTORS: &str = include_str!("../../../../tests/fixtures/cita-cloud/vectors.json");

    fn node(ordinal: u32) -> Subject {
        Subject {
            id: format!("node/node{ordinal}"),
            kind: "node".to_owned(),
            name: format!("node{ordinal}"),
            parent: Some("chain".to_owned()),
            ordinal,
            born_ms: 0,
            foreign: false,
            cluster: String::new(),
            namespace: "default".to_owned(),
            workload: Some(format!("statefulset/test-chain-{ordinal}")),
            endpoints: Vec::new(),
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    fn rendered(ordinals: &[u32], of: u32) -> Rendered {
        let consensus = Consensus::open(Topology {
            chain: "test-chain".to_owned(),
            stack: "cita-cloud".to_owned(),
            release: "v4.0.0".to_owned(),
            subjects: ordinals.iter().copied().map(node).collect(),
            host_features: Vec::new(),
            extra: "{}".to_owned(),
        })
        .unwrap();
        let id = format!("node/node{of}");
        let host = TestHost::new()
            .fact(
                &id,
                "network",
                &json!({"grpcPort": 50000, "p2pPort": 40000}),
            )
            .fact(&id, "controller", &json!({"grpcPort": 50004}));
        let call = TestHost::call(&id, "consensus", &json!({}), &[]);
        consensus.render(&host.at(&call)).unwrap()
    }

    fn config(rendered: &Rendered) -> String {
        let file = rendered
            .files
            .iter()
            .find(|file| file.name == "consensus-config.toml")
            .unwrap();
        let Content::Bytes(bytes) = &file.content else {
            panic!("no bytes")
        };
        String::from_utf8(bytes.clone()).unwrap()
    }

    #[test]
    fn golden_configuration_of_every_node() {
        let vectors: Value = from_str(VECTORS).unwrap();
        let files = &vectors["golden_seed_runner_k8s"]["scenarios"]["local"]["files"];
        for of in 0..3 {
            let path = format!("cita-cloud/test-chain/node{of}/consensus-config.toml");
            assert_eq!(
                Some(config(&rendered(&[0, 1, 2], of)).as_str()),
                files[path].as_str()
            );
        }
    }

    #[test]
    fn ids_are_without_a_gap_when_an_ordinal_was_given_up() {
        assert!(config(&rendered(&[0, 1, 4], 4)).contains("node_id = 2\n"));
    }

    #[test]
    fn it_begins_and_ends_with_the_network() {
        let rendered = rendered(&[0], 0);
        assert!(
            rendered.fragments[0]
                .body
                .contains(r#""--after","network:50000""#)
        );
    }
}

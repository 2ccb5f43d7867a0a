//! The explorer `cakeshop`: one pod for the chain, in which people see blocks, accounts and contracts.
//!
//! It reads the list of nodes at its first start and then keeps its own, so a node that comes later is added in it.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, Port};
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Plugin, Rendered, RenderedBuilder, Topology, export_plugin,
};
use quorum_formats::cakeshop::{CakeshopNode, PORT, arguments, nodes_file};
use quorum_formats::tessera_config::THIRD_PARTY_PORT;
use quorum_service::fault::at as fault_at;
use quorum_service::{EXPLORER, Nodes, container, side};
use serde_json::json;

/// The name of the container and of its image.
const CONTAINER: &str = "cakeshop";
/// The volume of what it knows.
const VOLUME: &str = "explorer";
/// The list of nodes that it begins with.
const FILE: &str = "cakeshop-nodes.json";

/// The plugin.
#[derive(Debug)]
pub struct Cakeshop {
    nodes: Nodes,
}

fn ports() -> Vec<Port> {
    vec![container::port("explorer", PORT, "clients", "explorer")]
}

impl Plugin for Cakeshop {
    fn descriptor() -> Descriptor {
        Descriptor {
            ports: ports(),
            resources: container::requests("100m", "512Mi"),
            ..side::descriptor(
                EXPLORER,
                CONTAINER,
                "explorer: Cakeshop, blocks and contracts for people at port 8080",
                "quorumengineering/cakeshop:0.12.1",
                (VOLUME, "1Gi"),
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let here = self.nodes.subject(&at.call.subject)?;
        let list = side::asked(&self.nodes, here, "rpc", |node, host, rpc| {
            CakeshopNode::new(&node.name, host, rpc, THIRD_PARTY_PORT)
        })?;
        let mut command = vec!["java".to_owned()];
        command.extend(arguments(&format!("/etc/quorum/{FILE}"), "/cakeshop/data"));
        let probe = |failures: u32| json!({"tcpSocket": {"port": "explorer"}, "periodSeconds": 5, "failureThreshold": failures});
        Ok(RenderedBuilder::new()
            .file(FILE, nodes_file(&list).map_err(fault_at("nodes", ""))?)
            .container(&json!({
                "name": CONTAINER,
                "image": at.image(CONTAINER),
                "command": command,
                "workingDir": "/cakeshop/data",
                "env": [{"name": "HOME", "value": "/cakeshop/data"}],
                "ports": container::ports(&ports()),
                "startupProbe": probe(60),
                "readinessProbe": probe(3),
            }))
            .volume(CONTAINER, "/cakeshop/data", VOLUME, "cakeshop")
            .bind(
                CONTAINER,
                &format!("/etc/quorum/{FILE}"),
                at.own(FILE),
                Delivery::Live,
                Change::Wait,
            )
            .build())
    }
}

export_plugin!(Cakeshop);

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::serde_json::{Value, from_slice};
    use chain_plugin_sdk::{Content, TestHost};
    use quorum_service::fixture;

    #[test]
    fn it_knows_every_node_by_its_service() {
        let call = TestHost::call(
            "explorer/explorer",
            EXPLORER,
            &json!({}),
            &[(CONTAINER, "c:1")],
        );
        let host = TestHost::new();
        let rendered = Cakeshop::open(fixture::beside(2, EXPLORER))
            .unwrap()
            .render(&host.at(&call))
            .unwrap();
        let Content::Bytes(list) = &rendered.files[0].content else {
            panic!("no bytes")
        };
        let list: Value = from_slice(list).unwrap();
        assert_eq!(list.as_array().unwrap().len(), 2);
        assert_eq!(list[1]["rpcUrl"], "http://demo-node1:8545");
        assert_eq!(list[1]["transactionManagerUrl"], "http://demo-node1:9080");
        assert!(!rendered.fragments[0].body.contains("node1"));
    }
}

//! The monitor `prometheus`: one pod for the chain, which collects the metrics of every client.
//!
//! The list of nodes is a file that it rereads: a node more restarts nothing. A client serves metrics when the chain has
//! a monitor.

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
use quorum_service::{MONITOR, Nodes, container, side};
use serde_json::json;

/// The name of the container and of its image.
const CONTAINER: &str = "prometheus";
/// The volume of what was collected.
const VOLUME: &str = "metrics";
/// The configuration, which names no node.
const CONFIG: &str = "prometheus.yml";
/// The file that says whom to ask, in the format of file-based service discovery, which is always reread.
const TARGETS: &str = "targets.json";
/// The text of the configuration: the job of the original, with its targets in a file of their own.
const CONFIG_TEXT: &str = "global:
  scrape_interval: 5s
  scrape_timeout: 5s
  evaluation_interval: 5s
scrape_configs:
  - job_name: geth
    metrics_path: /debug/metrics/prometheus
    scheme: http
    file_sd_configs:
      - files:
          - /etc/quorum/targets/targets.json
";

/// The plugin.
#[derive(Debug)]
pub struct Prometheus {
    nodes: Nodes,
}

fn ports() -> Vec<Port> {
    vec![container::port("prometheus", 9090, "clients", "monitor")]
}

impl Plugin for Prometheus {
    fn descriptor() -> Descriptor {
        Descriptor {
            ports: ports(),
            resources: container::requests("50m", "128Mi"),
            ..side::descriptor(
                MONITOR,
                CONTAINER,
                "monitor: Prometheus, metrics of all clients at port 9090",
                "prom/prometheus:v2.53.2",
                (VOLUME, "5Gi"),
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
        let targets = side::asked(
            &self.nodes,
            here,
            "metrics",
            |node, host, port| json!({"targets": [format!("{host}:{port}")], "labels": {"node": node.name}}),
        )?;
        let probe =
            json!({"httpGet": {"path": "/-/ready", "port": "prometheus"}, "periodSeconds": 10});
        Ok(RenderedBuilder::new()
            .file(CONFIG, CONFIG_TEXT)
            .file(TARGETS, json!(targets).to_string())
            .container(&json!({
                "name": CONTAINER,
                "image": at.image(CONTAINER),
                "args": [
                    format!("--config.file=/etc/quorum/{CONFIG}"),
                    "--storage.tsdb.path=/prometheus",
                ],
                "ports": container::ports(&ports()),
                "readinessProbe": probe,
            }))
            .volume(CONTAINER, "/prometheus", VOLUME, "prometheus")
            .bind(
                CONTAINER,
                &format!("/etc/quorum/{CONFIG}"),
                at.own(CONFIG),
                Delivery::Mounted,
                Change::Roll,
            )
            .bind(
                CONTAINER,
                &format!("/etc/quorum/targets/{TARGETS}"),
                at.own(TARGETS),
                Delivery::Live,
                Change::Wait,
            )
            .build())
    }
}

export_plugin!(Prometheus);

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::{Content, TestHost};
    use quorum_service::fixture;

    #[test]
    fn it_asks_every_node_and_a_node_more_changes_the_list_alone() {
        let rendered = |nodes: u32| {
            let call = TestHost::call(
                "monitor/monitor",
                MONITOR,
                &json!({}),
                &[(CONTAINER, "p:1")],
            );
            let host = TestHost::new();
            Prometheus::open(fixture::beside(nodes, MONITOR))
                .unwrap()
                .render(&host.at(&call))
                .unwrap()
        };
        let (two, three) = (rendered(2), rendered(3));
        assert_eq!(
            (&two.fragments, &two.bindings),
            (&three.fragments, &three.bindings)
        );
        let Content::Bytes(list) = &three.files[1].content else {
            panic!("no bytes")
        };
        let list = String::from_utf8_lossy(list);
        for node in 0..3 {
            assert!(
                list.contains(&format!("\"demo-node{node}:6060\"")),
                "{list}"
            );
        }
        assert!(!list.contains("node9"));
    }
}

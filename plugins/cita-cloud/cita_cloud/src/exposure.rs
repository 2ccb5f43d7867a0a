//! How the chain is reached from outside, and the arithmetic of `NodePorts`.
//!
//! One block of ports per chain, as the original counts them: the first is the RPC, then five for each node, of which
//! the executor's `call` is the last; slots stay reserved when what they are for is off. Where the block does not fit
//! into Kubernetes' range, Services are reached inside the cluster only, and a note says so.

use chain_plugin_sdk::serde_json::{self, Value};
use chain_plugin_sdk::{Diagnostic, Diagnostics, Severity, Subject, error, warning};
use serde::{Deserialize, Serialize};

use crate::options::{NODE_PORT, Options};

/// The range of `NodePorts`.
const RANGE: std::ops::RangeInclusive<u32> = 30000..=32767;

/// Ports of the block that belong to one node.
const SLOTS: u32 = 5;

/// The type of the Services that face outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Not at all.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// At a port of every machine of the cluster.
    NodePort,
    /// At an address of its own.
    LoadBalancer,
}

/// What `expand` found out; it stands in the chain's `extra`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// Type of the Services.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// First port of the block of `NodePorts`.
    pub base: u16,
    /// Whether nodes reach each other from outside too, since they live in several clusters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub peers: bool,
    /// Last port that the block would need, if it does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<u32>,
}

/// Decides for a number of nodes. `expose` is `{type, port}` of the user's file.
pub fn decide(expose: &Value, options: &Options, nodes: u32) -> Result<Exposure, Diagnostics> {
    let asked = match expose.get("type") {
        None | Some(Value::Null) => None,
        Some(kind) => Some(serde_json::from_value::<Kind>(kind.clone()).map_err(|_| {
            let message =
                format!("expose type {kind} is none of ClusterIP, NodePort, LoadBalancer");
            vec![error("expose", "/expose/type", message)]
        })?),
    };
    let (base, path) = base(expose, options)?;
    let mut exposure = Exposure {
        kind: asked.unwrap_or(Kind::NodePort),
        base,
        peers: false,
        overflow: None,
    };
    if exposure.kind != Kind::NodePort {
        return Ok(exposure);
    }
    if !RANGE.contains(&u32::from(base)) {
        let message = format!("port {base} is outside the range of NodePorts, 30000 to 32767");
        return Err(vec![error("node-port", path, message)]);
    }
    let last = u32::from(base)
        + if options.expose_executor {
            SLOTS.saturating_mul(nodes)
        } else {
            0
        };
    if RANGE.contains(&last) {
        return Ok(exposure);
    }
    if asked.is_some() {
        let message = format!(
            "{nodes} nodes need the NodePorts {base} to {last}, and the range ends at 32767"
        );
        let hint = "a lower port, `exposeExecutor: false`, or `expose: {type: ClusterIP}`";
        return Err(vec![error("node-port", path, message).hint(hint)]);
    }
    exposure.kind = Kind::ClusterIp;
    exposure.overflow = Some(last);
    Ok(exposure)
}

/// The first port of the block, and where it was said.
fn base(expose: &Value, options: &Options) -> Result<(u16, &'static str), Diagnostics> {
    let Some(port) = expose.get("port").filter(|port| !port.is_null()) else {
        return Ok((options.node_port, "/options/nodePort"));
    };
    let path = "/expose/port";
    let Some(port) = port.as_u64().and_then(|port| u16::try_from(port).ok()) else {
        return Err(vec![error("expose", path, format!("{port} is no port"))]);
    };
    if options.node_port != NODE_PORT && options.node_port != port {
        let message = format!(
            "expose.port is {port} and the option nodePort is {}",
            options.node_port
        );
        return Err(vec![error("expose", path, message).hint("say one of them")]);
    }
    Ok((port, path))
}

/// What `expand` decided for a chain.
pub fn of(chain: &Subject) -> Result<Exposure, Diagnostics> {
    #[derive(Deserialize)]
    struct Extra {
        expose: Exposure,
    }
    serde_json::from_str::<Extra>(&chain.extra)
        .map(|extra| extra.expose)
        .map_err(|fault| {
            vec![error(
                "topology",
                "",
                format!("extra of the chain does not fit: {fault}"),
            )]
        })
}

impl Exposure {
    /// The `NodePort` of the RPC, which is one for the chain.
    pub fn rpc(&self) -> Option<u16> {
        (self.kind == Kind::NodePort).then_some(self.base)
    }

    /// The `NodePort` of one of a node's ports, by its name.
    pub fn of_node(&self, number: u32, port: &str) -> Option<u16> {
        let slot = match port {
            "process" => 0,
            "exporter" => 1,
            "chaincode" => 2,
            "eventhub" => 3,
            "call" => 4,
            _ => return None,
        };
        let port = u32::from(self.base) + 1 + SLOTS.checked_mul(number)? + slot;
        u16::try_from(port)
            .ok()
            .filter(|_| self.kind == Kind::NodePort)
    }

    /// What the user should know.
    pub fn note(&self) -> Option<Diagnostic> {
        if let Some(last) = self.overflow {
            let message = format!(
                "the chain is reached inside the cluster only: its block of NodePorts would be {} to {last}, and the range ends at 32767",
                self.base
            );
            let hint = "`exposeExecutor: false` leaves one port, the RPC's";
            return Some(warning("expose", "/expose", message).hint(hint));
        }
        (self.kind == Kind::ClusterIp).then(|| Diagnostic {
            severity: Severity::Info,
            ..warning(
                "expose",
                "/expose",
                "the chain is reached inside the cluster only",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::serde_json::json;

    const VECTORS: &str = include_str!("../../../../tests/fixtures/cita-cloud/vectors.json");

    #[test]
    fn vector_node_port_arithmetic() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let nodes = vectors["node_port_arithmetic"]["local_base_30004"]
            .as_array()
            .unwrap()
            .clone();
        let exposure = decide(&json!({}), &Options::default(), 3).unwrap();
        for (number, ports) in nodes.iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            for name in ["process", "exporter", "chaincode", "eventhub", "call"] {
                let port = exposure.of_node(number, name).map(u64::from);
                assert_eq!(port, ports[name].as_u64(), "node {number}, {name}");
            }
            if number == 0 {
                assert_eq!(exposure.rpc().map(u64::from), ports["rpc"].as_u64());
            }
        }
    }

    #[test]
    fn a_block_that_does_not_fit_is_not_exposed_and_a_note_says_so() {
        let fits = decide(&Value::Null, &Options::default(), 552).unwrap();
        assert_eq!(
            (fits.kind, fits.of_node(551, "call")),
            (Kind::NodePort, Some(32764))
        );
        let too_many = decide(&Value::Null, &Options::default(), 553).unwrap();
        assert_eq!(too_many.kind, Kind::ClusterIp);
        assert_eq!((too_many.rpc(), too_many.of_node(0, "call")), (None, None));
        assert!(too_many.note().unwrap().message.contains("30004 to 32769"));
        let options = Options {
            expose_executor: false,
            ..Options::default()
        };
        assert_eq!(
            decide(&Value::Null, &options, 10_000).unwrap().kind,
            Kind::NodePort
        );
    }

    #[test]
    fn what_was_asked_for_in_words_is_refused_rather_than_changed() {
        let asked = |port: u64| {
            decide(
                &json!({"type": "NodePort", "port": port}),
                &Options::default(),
                3,
            )
        };
        for (port, said) in [
            (29_999, "outside the range"),
            (32_760, "32760 to 32775"),
            (70_000, "no port"),
        ] {
            let refused = asked(port).unwrap_err();
            assert!(refused[0].message.contains(said), "{}", refused[0].message);
            assert_eq!(refused[0].path, "/expose/port");
        }
        assert_eq!(asked(32_752).unwrap().of_node(2, "call"), Some(32_767));
    }

    #[test]
    fn the_port_is_said_in_one_place() {
        let options = Options {
            node_port: 31000,
            ..Options::default()
        };
        assert_eq!(decide(&json!({}), &options, 1).unwrap().base, 31000);
        assert_eq!(
            decide(&json!({"port": 31000}), &options, 1).unwrap().base,
            31000
        );
        assert!(decide(&json!({"port": 31001}), &options, 1).is_err());
    }

    #[test]
    fn a_cluster_ip_needs_no_ports() {
        let inside = decide(
            &json!({"type": "ClusterIP", "port": 1}),
            &Options::default(),
            3,
        )
        .unwrap();
        assert_eq!((inside.rpc(), inside.of_node(1, "call")), (None, None));
        assert!(decide(&json!({"type": "Ingress"}), &Options::default(), 3).is_err());
    }
}

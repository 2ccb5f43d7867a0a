//! How nodes are reached from outside of the cluster: Services of their own, beside the ones inside.
//!
//! Without a first port the cluster assigns `NodePorts`. With one, a node has a block of eight from it on, by its
//! ordinal, and each port its place in the block, so that a node more never moves another's.

use chain_plugin_sdk::Diagnostics;
use quorum_service::fault::{refuse, refuse_with};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The range of `NodePorts`.
const RANGE: std::ops::RangeInclusive<u32> = 30000..=32767;

/// Ports of the block that belong to one subject.
const SLOTS: u32 = 8;

/// The places of ports in a block.
const PLACES: [&str; 6] = ["rpc", "ws", "p2p", "raft", "tm", "tm-third-party"];

/// The type of the Services that face outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// There are none.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// At a port of every machine of the cluster.
    NodePort,
    /// At an address of its own.
    LoadBalancer,
}

/// What the user says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Exposure {
    /// The type.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: Kind,
    /// First port of the blocks of `NodePorts`.
    pub port: Option<u16>,
}

fn or_default<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Kind, D::Error> {
    Option::<Kind>::deserialize(from).map(Option::unwrap_or_default)
}

impl Exposure {
    /// Reads `expose` of the user's file.
    pub fn of(expose: &Value) -> Result<Self, Diagnostics> {
        if expose.is_null() {
            return Ok(Self::default());
        }
        let exposure: Self = serde_json::from_value(expose.clone()).map_err(|_| {
            let message = format!("{expose} is no exposure");
            let hint =
                "`--expose-type` is ClusterIP, NodePort or LoadBalancer, `--expose-port` a number";
            refuse_with("expose", "/expose", message, hint)
        })?;
        match exposure.port {
            Some(port) if exposure.kind != Kind::NodePort => Err(refuse_with(
                "expose",
                "/expose/port",
                format!("port {port} is for NodePorts"),
                "`--expose-type NodePort`",
            )),
            _ => Ok(exposure),
        }
    }

    /// The `NodePort` of a port of the node with this ordinal; nothing when the cluster assigns it.
    pub fn node_port(&self, ordinal: u32, port: &str) -> Option<u16> {
        let base = u32::from(self.port?);
        let place = PLACES.iter().position(|name| *name == port)?;
        let place = u32::try_from(place).ok()?;
        let number = base
            .checked_add(SLOTS.checked_mul(ordinal)?)?
            .checked_add(place)?;
        u16::try_from(number).ok()
    }

    /// Whether the blocks of ordinals up to `last` are all within the range.
    pub fn check(&self, last: u32) -> Result<(), Diagnostics> {
        let Some(port) = self.port else {
            return Ok(());
        };
        let first = u32::from(port);
        let end = first.saturating_add(SLOTS.saturating_mul(last.saturating_add(1)));
        if RANGE.contains(&first) && end <= RANGE.end().saturating_add(1) {
            return Ok(());
        }
        let message = format!(
            "the NodePorts from {first} to {} are not within 30000 to 32767",
            end.saturating_sub(1)
        );
        Err(refuse("node-port", "/expose/port", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_said_is_nothing_exposed() {
        for nothing in [Value::Null, json!({}), json!({"type": null})] {
            assert_eq!(Exposure::of(&nothing).unwrap(), Exposure::default());
        }
    }

    #[test]
    fn blocks_do_not_overlap_and_stay_where_they_are() {
        let exposure = Exposure::of(&json!({"type": "NodePort", "port": 31000})).unwrap();
        assert_eq!(exposure.node_port(0, "rpc"), Some(31000));
        assert_eq!(exposure.node_port(1, "tm"), Some(31012));
        assert_eq!(exposure.node_port(1, "metrics"), None);
        let assigned = Exposure::of(&json!({"type": "NodePort"})).unwrap();
        assert_eq!(assigned.node_port(0, "rpc"), None);
    }

    #[test]
    fn what_cannot_be_is_told_where_it_stands() {
        let path = |expose: Value| Exposure::of(&expose).unwrap_err()[0].path.clone();
        assert_eq!(path(json!({"type": "Tunnel"})), "/expose");
        assert_eq!(path(json!({"port": 31000})), "/expose/port");
        let late = Exposure::of(&json!({"type": "NodePort", "port": 32760})).unwrap();
        assert!(late.check(0).is_ok());
        assert!(late.check(1).is_err());
    }
}

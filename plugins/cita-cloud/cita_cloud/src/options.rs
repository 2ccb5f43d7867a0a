//! The stack's own options, and what every session is told beside the subjects.

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::serde_json::{self, Value, json};
use chain_plugin_sdk::spec::ServiceSpec;
use chain_plugin_sdk::{Diagnostics, Topology, error};
use serde::{Deserialize, Deserializer};

/// The first `NodePort` when the user says nothing.
pub const NODE_PORT: u16 = 30004;

/// The stack's options.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Address of the super admin, if the user has one.
    pub super_admin: Option<String>,
    /// First port of the block of `NodePorts`.
    pub node_port: u16,
    /// Whether the executors are reached from outside.
    pub expose_executor: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            super_admin: None,
            node_port: NODE_PORT,
            expose_executor: true,
        }
    }
}

/// The schema of the options.
pub fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "superAdmin": {
                "type": "string", "pattern": "^0x[0-9a-fA-F]{40}$", "x-chain-fixed": true,
                "description": "address of the account that may change validators and block interval later: 0x and 40 hex digits; an account of its own is made for the chain when absent",
            },
            "nodePort": {
                "type": "integer", "minimum": 1, "maximum": 65535, "default": NODE_PORT,
                "description": "first NodePort of the chain: the RPC; node i has its executor at this + 5 + 5 i; `expose.port` says the same and goes before",
            },
            "exposeExecutor": {
                "type": "boolean", "default": true,
                "description": "make a Service for the executor of each node (port `call`), and let anyone reach it",
            },
        },
    })
}

/// What a session is told beside the subjects.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// Filled roles with the ports of their plugins.
    pub services: Vec<ServiceSpec>,
    /// The stack's options.
    #[serde(deserialize_with = "or_default")]
    pub options: Options,
}

/// A null is what the user did not say.
fn or_default<'de, D: Deserializer<'de>>(from: D) -> Result<Options, D::Error> {
    Option::<Options>::deserialize(from).map(Option::unwrap_or_default)
}

impl Extra {
    /// Reads it from a topology.
    pub fn of(topology: &Topology) -> Result<Self, Diagnostics> {
        serde_json::from_str(&topology.extra).map_err(|fault| {
            let message = format!("the topology's extra does not fit: {fault}");
            vec![error("topology", "", message)]
        })
    }

    /// Ports that other nodes must reach, of whichever service.
    pub fn peer_ports(&self) -> impl Iterator<Item = &Port> {
        ports(&self.services, "peers")
    }

    /// Ports of a role that clients must reach.
    pub fn client_ports<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Port> {
        let of_role = self
            .services
            .iter()
            .filter(move |service| service.role == role);
        of_role.flat_map(|service| service.ports.iter().filter(|port| port.reach == "clients"))
    }
}

/// Ports with a certain reach, of all services but the stack itself.
pub fn ports<'a>(services: &'a [ServiceSpec], reach: &'a str) -> impl Iterator<Item = &'a Port> {
    services
        .iter()
        .filter(|service| service.role != cita_cloud_service::STACK_ROLE)
        .flat_map(|service| service.ports.iter())
        .filter(move |port| port.reach == reach)
}

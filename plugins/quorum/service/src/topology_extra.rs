//! What a session is told beside the subjects: which plugin fills which role.

use chain_plugin_sdk::Topology;
use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::spec::ServiceSpec;
use serde::Deserialize;
use serde_json::Value;

/// The option of the stack by which nodes know each other by their addresses outside.
pub const PEERS_OUTSIDE: &str = "peersOutside";

/// The topology's `extra`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// Filled roles with the ports of their plugins.
    pub services: Vec<ServiceSpec>,
    /// The stack's options.
    pub options: Value,
    /// How the user wants the chain to be reached.
    pub expose: Value,
}

impl Extra {
    /// Reads it; what does not fit is as if it were not there.
    pub fn of(topology: &Topology) -> Self {
        serde_json::from_str(&topology.extra).unwrap_or_default()
    }

    /// Whether nodes know each other by their addresses outside, also inside of one cluster.
    pub fn peers_outside(&self) -> bool {
        self.options.get(PEERS_OUTSIDE) == Some(&Value::Bool(true))
    }

    /// The plugin that fills a role.
    pub fn service(&self, role: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|service| service.role == role)
    }

    /// The port of a role that is there for a purpose: `rpc`, `metrics`, ...
    pub fn port(&self, role: &str, purpose: &str) -> Option<&Port> {
        self.service(role)?
            .ports
            .iter()
            .find(|port| port.purpose == purpose)
    }
}

//! Parts of a container that are alike for all services.

use chain_plugin_sdk::descriptor::Port;
use serde_json::{Value, json};

/// What a container asks for when the user says nothing.
pub fn requests(cpu: &str, memory: &str) -> Value {
    json!({"requests": {"cpu": cpu, "memory": memory}})
}

/// A port in a descriptor.
pub fn port(name: &str, number: u16, reach: &str, purpose: &str) -> Port {
    Port {
        name: name.to_owned(),
        number,
        reach: reach.to_owned(),
        purpose: purpose.to_owned(),
        ..Port::default()
    }
}

/// The ports of a container, by name and number; TCP when the descriptor does not say it.
pub fn ports(ports: &[Port]) -> Vec<Value> {
    let protocol = |port: &Port| match port.protocol.as_str() {
        "" => "TCP".to_owned(),
        said => said.to_owned(),
    };
    ports
        .iter()
        .map(|port| json!({"name": port.name, "containerPort": port.number, "protocol": protocol(port)}))
        .collect()
}

//! Services: one for each pod, whose name and address stay; the policy of the network, if wanted.
//!
//! A Service does not publish pods that are not ready: an orderer dials the address of one that is gone for 20 seconds,
//! and does nothing else meanwhile.

use chain_plugin_sdk::{RenderedBuilder, Subject};
use fabric_service::Network;
use serde_json::{Value, json};

/// Label of all pods of a chain; the host's own, which every selector must have.
const HOST_CHAIN: &str = "chain.dev/chain";

/// Label of a subject's pod: its name.
pub const NODE: &str = "fabric/node";

/// Label by which a pod that is not of the chain is let in as a client.
const CLIENT: &str = "fabric/client";

/// The Service of a subject that has a pod.
pub fn service(builder: RenderedBuilder, network: &Network, subject: &Subject) -> RenderedBuilder {
    let Some(first) = subject.endpoints.first() else {
        return builder;
    };
    let ports: Vec<Value> = subject
        .endpoints
        .iter()
        .map(|it| json!({"name": it.port, "port": it.number, "targetPort": it.number, "protocol": "TCP"}))
        .collect();
    builder.object(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": first.service},
        "spec": {
            "type": "ClusterIP",
            "selector": {HOST_CHAIN: network.topology.chain, NODE: subject.name},
            "ports": ports,
        },
    }))
}

/// Only pods of the chain reach the pods of an organisation; clients are let in by a label of their own.
pub fn policy(network: &Network, org: &Subject) -> Value {
    let chain = &network.topology.chain;
    let own = json!({"matchLabels": {HOST_CHAIN: chain}});
    let client = json!({"matchLabels": {CLIENT: "true"}});
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("{chain}-{}", org.name)},
        "spec": {
            "podSelector": own,
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [
                {"podSelector": own, "namespaceSelector": {}},
                {"podSelector": client, "namespaceSelector": {}},
            ]}],
        },
    })
}

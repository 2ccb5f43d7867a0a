//! The `NetworkPolicy` of the chain: its pods reach each other and DNS, clients reach what is for clients.
//!
//! Egress is closed too, so DNS is named: without it a policy that is enforced breaks every host name of a peer.

use chain_plugin_sdk::descriptor::Port;
use quorum_service::Nodes;
use serde_json::{Value, json};

use crate::objects::selector;

/// The policy.
pub fn policy(nodes: &Nodes) -> Value {
    let chain = &nodes.topology.chain;
    let of_chain = json!({"podSelector": {"matchLabels": selector(chain, None)}});
    let all = || {
        nodes
            .extra
            .services
            .iter()
            .flat_map(|service| &service.ports)
    };
    let rule = |port: &Port| json!({"port": port.number, "protocol": "TCP"});
    let among: Vec<Value> = all().filter(|port| port.reach != "pod").map(rule).collect();
    let clients: Vec<Value> = all()
        .filter(|port| port.reach == "clients")
        .map(rule)
        .collect();
    let peers: Vec<Value> = all()
        .filter(|port| port.reach == "peers")
        .map(rule)
        .collect();
    let mut ingress = vec![json!({"from": [of_chain], "ports": among})];
    if !clients.is_empty() {
        ingress.push(json!({"ports": clients}));
    }
    let mut egress = vec![
        json!({"to": [of_chain], "ports": among}),
        json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}),
    ];
    // Nodes of other parties, clusters and namespaces, and whoever is reached outside: their pods cannot be selected, and
    // their ports are their own.
    if !nodes.one_home() || nodes.extra.peers_outside() {
        ingress.push(json!({"ports": peers}));
        egress.push(json!({}));
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("{chain}-nodes")},
        "spec": {
            "podSelector": {"matchLabels": selector(chain, None)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    })
}

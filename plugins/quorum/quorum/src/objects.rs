//! Services: one inside the cluster for each pod, whose name and address stay, and one that faces outside if wanted.
//!
//! Metrics are never exposed to the outside.

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::{RenderedBuilder, Subject};
use quorum_service::Nodes;
use serde_json::{Value, json};

use crate::expand::SIDE;
use crate::exposure::{Exposure, Kind};
use crate::names;

/// Label of all pods of a chain; the host's own, which every selector must have.
const HOST_CHAIN: &str = "chain.dev/chain";

/// Label of a subject's pod, by the name of its workload.
pub const NODE: &str = "quorum/node";

/// Marks a Service that faces outside; the host adds what the user says about those.
const EXPOSE: &str = "chain.dev/expose";

/// What selects all pods of the chain, or one of them.
pub fn selector(chain: &str, workload: Option<&str>) -> Value {
    match workload {
        Some(workload) => json!({HOST_CHAIN: chain, NODE: workload}),
        None => json!({HOST_CHAIN: chain}),
    }
}

/// The ports of a subject's pod that somebody else must reach.
pub fn ports<'a>(nodes: &'a Nodes, subject: &'a Subject) -> impl Iterator<Item = &'a Port> {
    let side = SIDE.contains(&subject.kind.as_str());
    nodes
        .extra
        .services
        .iter()
        .filter(move |service| {
            if side {
                service.role == subject.kind
            } else {
                !SIDE.contains(&service.role.as_str())
            }
        })
        .flat_map(|service| &service.ports)
        .filter(|port| port.reach != "pod")
}

/// The Services of a subject.
pub fn services(
    mut builder: RenderedBuilder,
    nodes: &Nodes,
    subject: &Subject,
    exposure: &Exposure,
) -> RenderedBuilder {
    let name = names::workload_of(subject);
    let selector = selector(&nodes.topology.chain, Some(name));
    let inside: Vec<Value> = ports(nodes, subject)
        .map(|port| entry(port, None))
        .collect();
    if inside.is_empty() {
        return builder;
    }
    let mut spec = json!({"type": "ClusterIP", "selector": selector, "ports": inside});
    if let (true, Some(spec)) = (subject.kind == "node", spec.as_object_mut()) {
        // A peer that is refused is dialled again after 35 seconds, and validators that missed each other wait longer
        // in each round: whether a node can be dialled must not depend on whether its JSON-RPC answers already.
        spec.insert("publishNotReadyAddresses".to_owned(), json!(true));
    }
    builder = builder.object(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name},
        "spec": spec,
    }));
    if exposure.kind == Kind::ClusterIp {
        return builder;
    }
    let mut facing = Vec::new();
    for port in ports(nodes, subject).filter(|port| port.purpose != "metrics") {
        let assigned = (subject.kind == "node")
            .then(|| exposure.node_port(subject.ordinal, &port.name))
            .flatten();
        if let Some(number) = assigned {
            builder = builder.claim(format!("nodeport/{}/{number}", subject.cluster));
        }
        facing.push(entry(port, assigned));
    }
    if facing.is_empty() {
        return builder;
    }
    builder.object(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": names::outside(name), "annotations": {EXPOSE: "true"}},
        "spec": {"type": exposure.kind, "selector": selector, "ports": facing},
    }))
}

fn entry(port: &Port, node_port: Option<u16>) -> Value {
    let number = port.number;
    let mut value =
        json!({"name": port.name, "port": number, "targetPort": number, "protocol": "TCP"});
    if let (Some(node_port), Some(map)) = (node_port, value.as_object_mut()) {
        map.insert("nodePort".to_owned(), json!(node_port));
    }
    value
}

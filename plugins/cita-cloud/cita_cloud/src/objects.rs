//! The Services and the `NetworkPolicy` of the chain.
//!
//! Names, ports and `NodePorts` are the original's, with these changes: the executors' Services begin with the chain's
//! name, the GUI of the file exchange (8384) is in no Service, and a `NetworkPolicy` keeps the kms (50005, which signs for
//! whoever asks) and everything else that only the pod needs from the rest of the cluster.

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::serde_json::{Map, Value, json};
use chain_plugin_sdk::{Diagnostics, RenderedBuilder, Subject};
use cita_cloud_formats::syncthing::config::SYNC_PORT;
use cita_cloud_service::Nodes;

use crate::exposure::{Exposure, Kind};
use crate::names;
use crate::options::Extra;

/// Label of all pods of a chain; the host's own, which every selector must have.
const HOST_CHAIN: &str = "chain.dev/chain";

/// Marks a Service that faces outside; the host adds what the user says about those.
const EXPOSE: &str = "chain.dev/expose";

/// The original's labels, of the chain or of one node.
pub fn labels(chain: &str, workload: Option<&str>) -> Value {
    let mut labels = Map::new();
    labels.insert("chain_name".to_owned(), json!(chain));
    if let Some(workload) = workload {
        labels.insert("node_name".to_owned(), json!(workload));
    }
    Value::Object(labels)
}

fn selector(chain: &str, workload: Option<&str>) -> Value {
    let mut labels = labels(chain, workload);
    if let Some(labels) = labels.as_object_mut() {
        labels.insert(HOST_CHAIN.to_owned(), json!(chain));
    }
    labels
}

fn protocol(port: &Port) -> &str {
    if port.protocol.is_empty() {
        "TCP"
    } else {
        &port.protocol
    }
}

fn service_port(port: &Port, node_port: Option<u16>) -> Value {
    let number = port.number;
    let mut value = json!({"name": port.name, "port": number, "targetPort": number, "protocol": protocol(port)});
    if let (Some(node_port), Some(map)) = (node_port, value.as_object_mut()) {
        map.insert("nodePort".to_owned(), json!(node_port));
    }
    value
}

fn sync_port() -> Value {
    json!({"name": "syncthing", "port": SYNC_PORT, "targetPort": SYNC_PORT, "protocol": "TCP"})
}

fn facing_outside(name: &str, exposure: &Exposure, selector: &Value, ports: &[Value]) -> Value {
    let mut object = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name},
        "spec": {"type": exposure.kind, "selector": selector, "ports": ports},
    });
    if exposure.kind != Kind::ClusterIp
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.insert("annotations".to_owned(), json!({EXPOSE: "true"}));
    }
    object
}

/// What there is once for the chain.
pub fn of_chain(
    builder: RenderedBuilder,
    nodes: &Nodes,
    extra: &Extra,
    exposure: &Exposure,
) -> Result<RenderedBuilder, Diagnostics> {
    let chain = nodes.chain()?;
    let name = &nodes.topology.chain;
    let mut node_port = exposure.rpc();
    let rpc = node_port;
    let ports: Vec<Value> = extra
        .client_ports("controller")
        .map(|port| service_port(port, node_port.take()))
        .collect();
    let service = facing_outside(&names::rpc(name), exposure, &selector(name, None), &ports);
    let policy = policy(nodes, extra, chain);
    let mut builder = builder;
    // Neither reaches beyond its cluster.
    for cluster in nodes.clusters() {
        if let Some(port) = rpc {
            builder = builder.claim(format!("nodeport/{cluster}/{port}"));
        }
        if !ports.is_empty() {
            builder = builder.object_in(cluster, &service);
        }
        builder = builder.object_in(cluster, &policy);
    }
    Ok(builder)
}

/// What there is for each node.
pub fn of_node(
    builder: RenderedBuilder,
    nodes: &Nodes,
    node: &Subject,
    extra: &Extra,
    exposure: &Exposure,
) -> Result<RenderedBuilder, Diagnostics> {
    let chain = &nodes.topology.chain;
    let workload = names::workload_of(node);
    let selector = selector(chain, Some(workload));
    let mut ports: Vec<Value> = extra
        .peer_ports()
        .map(|port| service_port(port, None))
        .collect();
    ports.push(sync_port());
    let mut builder = builder.object(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": workload},
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": ports,
            // The services listen on 0.0.0.0 and take the first address of a name.
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            // A peer that is refused is dialled again after 15 seconds, by the file exchange after 60: what its
            // neighbour does must not depend on whether all of the neighbour's services are up.
            "publishNotReadyAddresses": true,
        },
    }));
    if exposure.peers {
        let own = extra
            .peer_ports()
            .map(|port| service_port(port, None))
            .chain([sync_port()]);
        let ports: Vec<Value> = own.collect();
        let mut service = facing_outside(&names::peers(workload), exposure, &selector, &ports);
        if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("publishNotReadyAddresses".to_owned(), json!(true));
        }
        builder = builder.object(&service);
    }
    if !extra.options.expose_executor {
        return Ok(builder);
    }
    let number = nodes.number(&node.id)?;
    let mut ports = Vec::new();
    for port in extra.client_ports("executor") {
        let node_port = exposure.of_node(number, &port.name);
        if let Some(port) = node_port {
            builder = builder.claim(format!("nodeport/{}/{port}", node.cluster));
        }
        ports.push(service_port(port, node_port));
    }
    if ports.is_empty() {
        return Ok(builder);
    }
    let name = names::executor(workload);
    Ok(builder.object(&facing_outside(&name, exposure, &selector, &ports)))
}

/// Who may reach the pods: nodes each other, and clients what is for clients.
fn policy(nodes: &Nodes, extra: &Extra, chain: &Subject) -> Value {
    let name = &nodes.topology.chain;
    let rule = |port: &Port| json!({"port": port.number, "protocol": protocol(port)});
    let mut peers: Vec<Value> = extra.peer_ports().map(rule).collect();
    peers.push(json!({"port": SYNC_PORT, "protocol": "TCP"}));
    let mut clients: Vec<Value> = extra.client_ports("controller").map(rule).collect();
    if extra.options.expose_executor {
        clients.extend(extra.client_ports("executor").map(rule));
    }
    let here = nodes.all().all(|node| {
        !node.foreign && node.cluster == chain.cluster && node.namespace == chain.namespace
    });
    let mut ingress = vec![if here {
        json!({"from": [{"podSelector": {"matchLabels": selector(name, None)}}], "ports": peers})
    } else {
        json!({"ports": peers})
    }];
    if !clients.is_empty() {
        ingress.push(json!({"ports": clients}));
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("{name}-nodes")},
        "spec": {
            "podSelector": {"matchLabels": selector(name, None)},
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        },
    })
}

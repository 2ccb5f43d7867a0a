//! How a node is reached: the ports of its Services.

use serde::Serialize;
use serde_json::Value;

use super::{entries, label, text};
use crate::cluster::logs::WORKLOAD_LABEL;

/// One port of one Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointStatus {
    /// Name of the Service.
    pub service: String,
    /// Name of the port, or its number where it has none.
    pub port: String,
    /// Inside the cluster: `10.96.0.7:8545`, or `name:8545` for a Service without an address.
    pub inside: String,
    /// From outside: `<node>:30004` (any Kubernetes node's address stands for `<node>`), or the load balancer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<String>,
}

/// The endpoints of a workload, in the order of its Services' names.
pub(super) fn endpoints(workload: &str, services: &[Value]) -> Vec<EndpointStatus> {
    let mut own: Vec<&Value> = services
        .iter()
        .filter(|service| is_of(service, workload))
        .collect();
    own.sort_by_key(|service| text(service, "/metadata/name"));
    own.into_iter().flat_map(of_service).collect()
}

/// A Service is of the workload that it selects; one without a selector of the one that its label names.
fn is_of(service: &Value, workload: &str) -> bool {
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    let selected = selector
        .and_then(|selector| selector.get(WORKLOAD_LABEL))
        .and_then(Value::as_str);
    match selected {
        Some(selected) => selected == workload,
        None => selector.is_none() && label(service, WORKLOAD_LABEL) == workload,
    }
}

fn of_service(service: &Value) -> Vec<EndpointStatus> {
    let name = text(service, "/metadata/name");
    let host = match text(service, "/spec/clusterIP") {
        "" | "None" => name,
        address => address,
    };
    let balancer = entries(service, "/status/loadBalancer/ingress")
        .map(|ingress| match text(ingress, "/ip") {
            "" => text(ingress, "/hostname"),
            address => address,
        })
        .find(|address| !address.is_empty());
    let wants_balancer = text(service, "/spec/type") == "LoadBalancer";
    entries(service, "/spec/ports")
        .map(|port| {
            let number = |key: &str| port.pointer(key).and_then(Value::as_u64).filter(|n| *n > 0);
            let own = number("/port").unwrap_or_default();
            let outside = match (balancer, number("/nodePort")) {
                (Some(balancer), _) => Some(with_port(balancer, own)),
                (None, Some(node_port)) => Some(format!("<node>:{node_port}")),
                (None, None) if wants_balancer => Some("<pending>".to_owned()),
                (None, None) => None,
            };
            EndpointStatus {
                service: name.to_owned(),
                port: match text(port, "/name") {
                    "" => own.to_string(),
                    name => name.to_owned(),
                },
                inside: with_port(host, own),
                outside,
            }
        })
        .collect()
}

/// An IPv6 address needs brackets before a port.
fn with_port(host: &str, port: u64) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(name: &str, spec: Value, status: Value) -> Value {
        json!({"metadata": {"name": name}, "spec": spec, "status": status})
    }

    #[test]
    fn ports_are_shown_from_inside_and_outside() {
        let selector = json!({"chain.dev/workload": "c-0"});
        let services = [
            service(
                "c-0-rpc",
                json!({"clusterIP": "10.96.0.7", "type": "NodePort", "selector": selector,
                "ports": [{"name": "rpc", "port": 8545, "nodePort": 30004}]}),
                json!({}),
            ),
            service(
                "c-0",
                json!({"clusterIP": "None", "selector": selector, "ports": [{"port": 40000}]}),
                json!({}),
            ),
            service(
                "c-0-lb",
                json!({"clusterIP": "fd00::1", "type": "LoadBalancer", "selector": selector,
                "ports": [{"name": "p2p", "port": 30303, "nodePort": 31000}]}),
                json!({"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}),
            ),
            service(
                "c-1",
                json!({"clusterIP": "10.96.0.8", "selector": {"chain.dev/workload": "c-1"},
                "ports": [{"port": 1}]}),
                json!({}),
            ),
        ];
        let shown: Vec<String> = endpoints("c-0", &services)
            .into_iter()
            .map(|e| format!("{} {} {}", e.port, e.inside, e.outside.unwrap_or_default()))
            .collect();
        assert_eq!(
            shown,
            [
                "40000 c-0:40000 ",
                "p2p [fd00::1]:30303 lb.example:30303",
                "rpc 10.96.0.7:8545 <node>:30004"
            ]
        );
    }
}

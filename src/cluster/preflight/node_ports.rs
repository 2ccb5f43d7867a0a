//! `NodePorts`: out of range, twice, or taken.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use crate::cluster::apply::ApplyPlan;
use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::labels::{label, meta};
use crate::cluster::object_api::{ApiKind, identify, show_object};
use crate::cluster::request::ListQuery;

/// The `NodePorts` that a cluster hands out unless it was configured otherwise.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// `NodePorts` of a Service with the path of each.
fn node_ports(service: &Value) -> Vec<(i64, String, String)> {
    let mut ports = Vec::new();
    let list = service.pointer("/spec/ports").and_then(Value::as_array);
    for (number, port) in list.into_iter().flatten().enumerate() {
        let protocol = port
            .get("protocol")
            .and_then(Value::as_str)
            .unwrap_or("TCP");
        if let Some(node_port) = port
            .get("nodePort")
            .and_then(Value::as_i64)
            .filter(|p| *p != 0)
        {
            ports.push((
                node_port,
                protocol.to_owned(),
                format!(".spec.ports[{number}].nodePort"),
            ));
        }
    }
    if let Some(port) = service
        .pointer("/spec/healthCheckNodePort")
        .and_then(Value::as_i64)
    {
        ports.push((
            port,
            "TCP".to_owned(),
            ".spec.healthCheckNodePort".to_owned(),
        ));
    }
    ports
}

fn is_service(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Service")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

pub(super) async fn check_node_ports(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
) -> Result<Vec<Finding>, ClusterError> {
    let services: Vec<&Value> = plan.objects.iter().filter(|o| is_service(o)).collect();
    if services
        .iter()
        .all(|service| node_ports(service).is_empty())
    {
        return Ok(Vec::new());
    }
    let Some(kind) = ApiKind::known("", "Service") else {
        return Ok(Vec::new());
    };
    let query = ListQuery::default();
    let existing = match connection.list(&kind, "", query).await {
        Err(error) if error.is_forbidden() => {
            let mut own = Vec::new();
            let namespaces: BTreeSet<&str> = services
                .iter()
                .map(|s| match meta(s, "namespace") {
                    "" => connection.namespace.as_str(),
                    its => its,
                })
                .collect();
            for namespace in namespaces {
                match connection.list(&kind, namespace, query).await {
                    Ok(items) => own.extend(items),
                    Err(error) if error.is_forbidden() || error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
            own
        }
        other => other?,
    };
    overlaps(&connection.namespace, &services, &existing)
}

/// Ports out of range, twice in the plan, or taken by Services that are not of the plan.
fn overlaps(
    default_namespace: &str,
    services: &[&Value],
    existing: &[Value],
) -> Result<Vec<Finding>, ClusterError> {
    let mut findings = Vec::new();
    let mut planned: BTreeMap<(i64, String), String> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for service in services {
        let id = identify(service, "", default_namespace)?;
        let what = show_object(&id);
        for (port, protocol, path) in node_ports(service) {
            if !NODE_PORTS.contains(&port) {
                findings.push(Finding::error(
                    format!(
                        "{what}: {path} is {port}, outside {}-{}",
                        NODE_PORTS.start(),
                        NODE_PORTS.end()
                    ),
                    "choose another first port with --expose-port, or fewer nodes, or --expose-type ClusterIP"
                        .to_owned(),
                ));
            }
            if let Some(other) = planned.insert((port, protocol.clone()), what.clone()) {
                findings.push(Finding::error(
                    format!("{what}: {path} is {port}/{protocol}, and so is one of {other}"),
                    None,
                ));
            }
        }
        names.insert((id.namespace, id.name));
    }
    for service in existing {
        let place = (
            meta(service, "namespace").to_owned(),
            meta(service, "name").to_owned(),
        );
        if names.contains(&place) {
            continue;
        }
        for (port, protocol, _) in node_ports(service) {
            if let Some(what) = planned.get(&(port, protocol.clone())) {
                let owner = match label(service, crate::cluster::labels::CHAIN) {
                    "" => String::new(),
                    chain => format!(" of chain {chain:?}"),
                };
                findings.push(Finding::error(
                    format!(
                        "{what}: node port {port}/{protocol} is taken by service {:?} in namespace {:?}{owner}",
                        place.1, place.0
                    ),
                    "choose another first port with --expose-port".to_owned(),
                ));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(name: &str, port: i64, protocol: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "n"},
               "spec": {"ports": [{"port": 1, "nodePort": port, "protocol": protocol}]}})
    }

    #[test]
    fn ports_out_of_range_twice_or_taken_are_found() {
        let (a, b, c) = (
            service("a", 30_004, "TCP"),
            service("b", 30_004, "TCP"),
            service("c", 35_004, "TCP"),
        );
        let other = service("x", 30_004, "TCP");
        let udp = service("y", 30_004, "UDP");
        let found = overlaps("n", &[&a, &b, &c], &[other, udp, a.clone()]).unwrap();
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "service/b: .spec.ports[0].nodePort is 30004/TCP, and so is one of service/a",
                "service/c: .spec.ports[0].nodePort is 35004, outside 30000-32767",
                "service/b: node port 30004/TCP is taken by service \"x\" in namespace \"n\"",
            ]
        );
    }
}

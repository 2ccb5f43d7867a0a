//! At which addresses the cluster lets others reach a chain's Services: what the server assigned, not what was asked.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde_json::Value;

use super::connect::Connection;
use super::error::ClusterError;
use super::labels::{CHAIN, meta};
use super::object_api::ApiKind;
use super::request::ListQuery;

/// From where others reach the chain: `--reach`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reach {
    /// From another cluster
    Outside,
    /// From another namespace of this cluster
    Cluster,
}

/// The Services of one namespace that carry a chain's label, and a host that leads to node ports.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    services: BTreeMap<String, Value>,
    node_host: Option<String>,
}

impl Addresses {
    /// Reads them. The host of node ports is an address of any cluster node, when nodes may be listed.
    ///
    /// # Errors
    /// Services may not be listed, or the server does not answer.
    pub async fn read(
        connection: &Connection,
        namespace: &str,
        chain: &str,
    ) -> Result<Self, ClusterError> {
        let Some(kind) = ApiKind::known("", "Service") else {
            return Ok(Self::default());
        };
        let labels = format!("{CHAIN}={chain}");
        let query = ListQuery {
            labels: &labels,
            ..ListQuery::default()
        };
        let services = connection.list(&kind, namespace, query).await?;
        Ok(Self {
            services: services
                .into_iter()
                .map(|service| (meta(&service, "name").to_owned(), service))
                .collect(),
            node_host: node_host(connection).await?,
        })
    }

    /// Where port `name` (or `number`) of Service `service` is reached: from outside by it, or by another Service of the
    /// chain that leads to the same pods. `host` leads to its node ports, when it is known
    /// better than from the cluster.
    pub fn of(
        &self,
        service: &str,
        name: &str,
        number: u16,
        reach: Reach,
        host: Option<&str>,
    ) -> Option<String> {
        let inside = self.services.get(service)?;
        if reach == Reach::Cluster {
            let number = port(inside, name, number)?.get("port")?.as_u64()?;
            return Some(format!(
                "{service}.{}.svc:{number}",
                meta(inside, "namespace")
            ));
        }
        let selector = |service: &Value| service.pointer("/spec/selector").cloned();
        let same_pods = |other: &&Value| selector(other) == selector(inside);
        self.services
            .values()
            .filter(same_pods)
            .find_map(|service| self.outside(service, name, number, host))
    }

    fn outside(
        &self,
        object: &Value,
        name: &str,
        number: u16,
        host: Option<&str>,
    ) -> Option<String> {
        let port = port(object, name, number)?;
        let text = |value: Option<&Value>| value.and_then(Value::as_u64);
        if let Some(ingress) = object.pointer("/status/loadBalancer/ingress/0") {
            let host = ingress.get("ip").or_else(|| ingress.get("hostname"))?;
            return Some(at(host.as_str()?, text(port.get("port"))?));
        }
        let node_port = text(port.get("nodePort")).filter(|port| *port != 0)?;
        host.or(self.node_host.as_deref())
            .map(|host| at(host, node_port))
    }
}

/// `host:port`, an IPv6 address in brackets.
fn at(host: &str, port: u64) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn port<'a>(service: &'a Value, name: &str, number: u16) -> Option<&'a Value> {
    let ports = service.pointer("/spec/ports")?.as_array()?;
    let named = |port: &&Value| port.get("name").and_then(Value::as_str) == Some(name);
    let numbered = |port: &&Value| {
        port.get("port").and_then(Value::as_u64) == Some(u64::from(number))
            || port.get("targetPort").and_then(Value::as_str) == Some(name)
    };
    ports
        .iter()
        .find(named)
        .or_else(|| ports.iter().find(numbered))
}

/// An address of a cluster node: an external one before an internal one.
async fn node_host(connection: &Connection) -> Result<Option<String>, ClusterError> {
    let Some(kind) = ApiKind::known("", "Node") else {
        return Ok(None);
    };
    let nodes = match connection.list(&kind, "", ListQuery::default()).await {
        Err(error) if error.is_forbidden() => return Ok(None),
        other => other?,
    };
    let of_type = |wanted: &str| {
        nodes.iter().find_map(|node| {
            let addresses = node.pointer("/status/addresses")?.as_array()?;
            addresses
                .iter()
                .find(|address| address.get("type").and_then(Value::as_str) == Some(wanted))?
                .get("address")?
                .as_str()
                .map(ToOwned::to_owned)
        })
    };
    Ok(of_type("ExternalIP").or_else(|| of_type("InternalIP")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn addresses(service: Value) -> Addresses {
        Addresses {
            services: [("x-0".to_owned(), service)].into(),
            node_host: Some("192.0.2.1".to_owned()),
        }
    }

    fn service(kind: &str, node_port: u16) -> Value {
        json!({"metadata": {"name": "x-0", "namespace": "n"}, "spec": {"type": kind,
            "selector": {"x": "0"}, "ports": [{"name": "p2p", "port": 30303, "nodePort": node_port}]}})
    }

    #[test]
    fn node_ports_are_those_that_the_server_assigned() {
        let known = addresses(service("NodePort", 31_234));
        let of = |host| known.of("x-0", "p2p", 30303, Reach::Outside, host);
        assert_eq!(of(None).as_deref(), Some("192.0.2.1:31234"));
        assert_eq!(of(Some("a.example")).as_deref(), Some("a.example:31234"));
        assert_eq!(of(Some("fd00::1")).as_deref(), Some("[fd00::1]:31234"));
        assert_eq!(
            known
                .of("x-0", "other", 30303, Reach::Outside, None)
                .as_deref(),
            Some("192.0.2.1:31234"),
            "by number, too"
        );
        assert_eq!(known.of("x-1", "p2p", 30303, Reach::Outside, None), None);
    }

    #[test]
    fn a_service_beside_the_one_inside_leads_to_the_same_pods() {
        let mut known = addresses(service("ClusterIP", 0));
        let mut beside = service("NodePort", 31_777);
        beside["metadata"]["name"] = json!("x-0-outside");
        let mut other = service("NodePort", 31_888);
        other["spec"]["selector"] = json!({"x": "1"});
        known.services.insert("x-0-outside".to_owned(), beside);
        known.services.insert("a".to_owned(), other);
        assert_eq!(
            known.of("x-0", "p2p", 0, Reach::Outside, None).as_deref(),
            Some("192.0.2.1:31777")
        );
    }

    #[test]
    fn a_load_balancer_has_its_own_address_and_the_services_port() {
        let mut balanced = service("LoadBalancer", 31_234);
        balanced["status"] = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}});
        let known = addresses(balanced);
        assert_eq!(
            known.of("x-0", "p2p", 0, Reach::Outside, None).as_deref(),
            Some("lb.example:30303")
        );
    }

    #[test]
    fn what_is_inside_alone_has_no_address_outside() {
        let known = addresses(service("ClusterIP", 0));
        assert_eq!(known.of("x-0", "p2p", 0, Reach::Outside, None), None);
        assert_eq!(
            known.of("x-0", "p2p", 0, Reach::Cluster, None).as_deref(),
            Some("x-0.n.svc:30303")
        );
    }
}

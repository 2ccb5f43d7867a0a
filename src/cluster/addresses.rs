//! At which addresses the cluster lets others reach a chain's Services: what the server assigned, not what was asked.

use std::collections::{BTreeMap, BTreeSet};

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

/// The Services and Ingresses that carry a chain's label, and a host that leads to node ports.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// By namespace and name.
    services: BTreeMap<(String, String), Value>,
    ingresses: Vec<Value>,
    node_host: Option<String>,
}

/// One port of a Service inside.
#[derive(Debug, Clone, Copy)]
pub struct Inside<'a> {
    /// Namespace of the Service.
    pub namespace: &'a str,
    /// Its name.
    pub service: &'a str,
    /// Name of the port.
    pub port: &'a str,
    /// Number of the port.
    pub number: u16,
}

impl Addresses {
    /// Reads them in `namespaces`. The host of node ports is an address of any cluster node, when nodes may be listed.
    ///
    /// # Errors
    /// Services may not be listed, or the server does not answer.
    pub async fn read(
        connection: &Connection,
        namespaces: &BTreeSet<String>,
        chain: &str,
    ) -> Result<Self, ClusterError> {
        let (Some(services), Some(ingresses)) = (
            ApiKind::known("", "Service"),
            ApiKind::known("networking.k8s.io", "Ingress"),
        ) else {
            return Ok(Self::default());
        };
        let labels = format!("{CHAIN}={chain}");
        let query = ListQuery {
            labels: &labels,
            ..ListQuery::default()
        };
        let mut all = Self {
            node_host: node_host(connection).await?,
            ..Self::default()
        };
        for namespace in namespaces {
            for service in connection.list(&services, namespace, query).await? {
                let name = meta(&service, "name").to_owned();
                all.services.insert((namespace.clone(), name), service);
            }
            match connection.list(&ingresses, namespace, query).await {
                Err(error) if error.is_forbidden() => {}
                found => all.ingresses.extend(found?),
            }
        }
        Ok(all)
    }

    /// Where a port is reached: from outside by its Service, by another Service of the chain that leads to the same pods,
    /// or by an Ingress that gives the whole of a host to it. `host` leads to its node ports, when it is known better than
    /// from the cluster.
    pub fn of(&self, inside: Inside<'_>, reach: Reach, host: Option<&str>) -> Option<String> {
        let place = (inside.namespace.to_owned(), inside.service.to_owned());
        let service = self.services.get(&place)?;
        if reach == Reach::Cluster {
            let number = port(service, inside.port, inside.number)?
                .get("port")?
                .as_u64()?;
            return Some(format!(
                "{}.{}.svc:{number}",
                inside.service, inside.namespace
            ));
        }
        let selector = |service: &Value| service.pointer("/spec/selector").cloned();
        let same_pods = |(place, other): &(&(String, String), &Value)| {
            place.0 == inside.namespace && selector(other) == selector(service)
        };
        self.services
            .iter()
            .filter(same_pods)
            .find_map(|(_, service)| self.outside(service, inside.port, inside.number, host))
            .or_else(|| self.by_ingress(inside))
    }

    /// `host:80`. A host with TLS is none: an address does not say that it wants TLS.
    fn by_ingress(&self, inside: Inside<'_>) -> Option<String> {
        let here = |ingress: &&Value| meta(ingress, "namespace") == inside.namespace;
        let mut ingresses = self.ingresses.iter().filter(here);
        ingresses.find_map(|ingress| {
            let leads = |rule: &&Value| {
                let paths = rule.pointer("/http/paths").and_then(Value::as_array);
                paths.into_iter().flatten().any(|path| {
                    let backend = path.pointer("/backend/service");
                    let is_all = path.get("path").and_then(Value::as_str) == Some("/");
                    is_all && backend.is_some_and(|it| is_port(it, inside))
                })
            };
            let rules = ingress.pointer("/spec/rules")?.as_array()?;
            let host = rules.iter().find(leads)?.get("host")?.as_str()?;
            let tls = ingress.pointer("/spec/tls").and_then(Value::as_array);
            let is_safe = tls.into_iter().flatten().any(|it| {
                let hosts = it.get("hosts").and_then(Value::as_array);
                hosts.is_some_and(|all| all.iter().any(|it| it.as_str() == Some(host)))
            });
            (!is_safe).then(|| at(host, 80))
        })
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

/// Whether the backend of an Ingress is a port.
fn is_port(backend: &Value, inside: Inside<'_>) -> bool {
    let text = |path: &str| backend.pointer(path).and_then(Value::as_str);
    let number = backend.pointer("/port/number").and_then(Value::as_u64);
    text("/name") == Some(inside.service)
        && (text("/port/name") == Some(inside.port) || number == Some(u64::from(inside.number)))
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

    fn place(name: &str) -> (String, String) {
        ("n".to_owned(), name.to_owned())
    }

    fn inside<'a>(service: &'a str, port: &'a str, number: u16) -> Inside<'a> {
        Inside {
            namespace: "n",
            service,
            port,
            number,
        }
    }

    fn addresses(service: Value) -> Addresses {
        Addresses {
            services: [(place("x-0"), service)].into(),
            ingresses: Vec::new(),
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
        let of = |host| known.of(inside("x-0", "p2p", 30303), Reach::Outside, host);
        assert_eq!(of(None).as_deref(), Some("192.0.2.1:31234"));
        assert_eq!(of(Some("a.example")).as_deref(), Some("a.example:31234"));
        assert_eq!(of(Some("fd00::1")).as_deref(), Some("[fd00::1]:31234"));
        assert_eq!(
            known
                .of(inside("x-0", "other", 30303), Reach::Outside, None)
                .as_deref(),
            Some("192.0.2.1:31234"),
            "by number, too"
        );
        assert_eq!(
            known.of(inside("x-1", "p2p", 30303), Reach::Outside, None),
            None
        );
    }

    #[test]
    fn a_service_beside_the_one_inside_leads_to_the_same_pods() {
        let mut known = addresses(service("ClusterIP", 0));
        let mut beside = service("NodePort", 31_777);
        beside["metadata"]["name"] = json!("x-0-outside");
        let mut other = service("NodePort", 31_888);
        other["spec"]["selector"] = json!({"x": "1"});
        known.services.insert(place("x-0-outside"), beside);
        known.services.insert(place("a"), other);
        assert_eq!(
            known
                .of(inside("x-0", "p2p", 0), Reach::Outside, None)
                .as_deref(),
            Some("192.0.2.1:31777")
        );
    }

    #[test]
    fn a_load_balancer_has_its_own_address_and_the_services_port() {
        let mut balanced = service("LoadBalancer", 31_234);
        balanced["status"] = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}});
        let known = addresses(balanced);
        assert_eq!(
            known
                .of(inside("x-0", "p2p", 0), Reach::Outside, None)
                .as_deref(),
            Some("lb.example:30303")
        );
    }

    #[test]
    fn what_is_inside_alone_has_no_address_outside() {
        let known = addresses(service("ClusterIP", 0));
        assert_eq!(
            known.of(inside("x-0", "p2p", 0), Reach::Outside, None),
            None
        );
        assert_eq!(
            known
                .of(inside("x-0", "p2p", 0), Reach::Cluster, None)
                .as_deref(),
            Some("x-0.n.svc:30303")
        );
    }

    #[test]
    fn an_ingress_leads_where_it_gives_a_whole_host() {
        let mut known = addresses(service("ClusterIP", 0));
        let rule = |host: &str, path: &str| {
            json!({"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix",
                "backend": {"service": {"name": "x-0", "port": {"number": 30303}}}}]}})
        };
        let mut ingress = json!({"metadata": {"name": "x", "namespace": "n"},
            "spec": {"rules": [rule("a.example", "/deep"), rule("b.example", "/")]}});
        known.ingresses.push(ingress.clone());
        let of = |known: &Addresses| known.of(inside("x-0", "p2p", 30303), Reach::Outside, None);
        assert_eq!(of(&known).as_deref(), Some("b.example:80"));
        ingress["spec"]["tls"] = json!([{"hosts": ["b.example"], "secretName": "s"}]);
        known.ingresses = vec![ingress.clone()];
        assert_eq!(of(&known), None, "TLS");
        ingress["spec"]["tls"] = json!([]);
        ingress["metadata"]["namespace"] = json!("m");
        known.ingresses = vec![ingress];
        assert_eq!(of(&known), None);
    }

    #[test]
    fn a_service_of_that_name_in_another_namespace_is_another() {
        let known = addresses(service("NodePort", 31_234));
        let elsewhere = Inside {
            namespace: "m",
            ..inside("x-0", "p2p", 30303)
        };
        assert_eq!(known.of(elsewhere, Reach::Outside, None), None);
    }
}

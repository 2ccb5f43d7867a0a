//! At which addresses the cluster lets others reach a chain's Services: what the server assigned, not what was asked.

use std::borrow::Cow;
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
    /// Whether web sockets are what it speaks: then an Ingress leads to it by `ws` or `wss`.
    pub web_socket: bool,
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

    /// Where a port is reached by other parties: from outside by its Service, by another Service of the chain that leads
    /// to the same pods, or by an Ingress that gives the whole of a host to it. `host` leads to its node ports, when it is
    /// known better than from the cluster.
    ///
    /// `host:port`; with a scheme before it where TLS is spoken, which no port says by itself.
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
        self.by_service(service, inside, host)
            .or_else(|| self.routes(inside).find_map(Route::whole_host))
    }

    /// Where clients outside reach a port: as [`of`](Self::of) says, else the URL at which an Ingress leads to it.
    pub fn for_clients(&self, inside: Inside<'_>, host: Option<&str>) -> Option<String> {
        let url = || self.routes(inside).find_map(Route::url);
        self.of(inside, Reach::Outside, host).or_else(url)
    }

    /// Whether a port will have an address outside once a load balancer's controller gave one to its Service.
    pub fn is_awaited(&self, inside: Inside<'_>) -> bool {
        let place = (inside.namespace.to_owned(), inside.service.to_owned());
        let Some(service) = self.services.get(&place) else {
            return false;
        };
        self.to_same_pods(service, inside.namespace).any(|service| {
            let has_port = port(service, inside.port, inside.number).is_some();
            has_port && wants_balancer(service) && given(service).is_none()
        })
    }

    fn by_service(
        &self,
        service: &Value,
        inside: Inside<'_>,
        host: Option<&str>,
    ) -> Option<String> {
        self.to_same_pods(service, inside.namespace)
            .find_map(|service| self.outside(service, inside.port, inside.number, host))
    }

    /// The Services of a namespace that lead where this one leads.
    fn to_same_pods<'a>(
        &'a self,
        service: &'a Value,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Value> {
        let selector = |service: &Value| service.pointer("/spec/selector").cloned();
        let same = move |(place, other): &(&(String, String), &Value)| {
            place.0 == namespace && selector(other) == selector(service)
        };
        self.services.iter().filter(same).map(|(_, it)| it)
    }

    /// All ways by which Ingresses lead to a port.
    fn routes<'a>(&'a self, inside: Inside<'a>) -> impl Iterator<Item = Route<'a>> {
        let here = move |ingress: &&Value| meta(ingress, "namespace") == inside.namespace;
        let list = |value: &'a Value, path: &str| {
            let found = value.pointer(path).and_then(Value::as_array);
            found.into_iter().flatten()
        };
        self.ingresses.iter().filter(here).flat_map(move |ingress| {
            list(ingress, "/spec/rules").flat_map(move |rule| {
                list(rule, "/http/paths").filter_map(move |path| {
                    let leads = is_port(path.pointer("/backend/service")?, inside);
                    // A rule without a host answers at every address that the Ingress was given.
                    let named = rule.get("host").and_then(Value::as_str);
                    let host = named.or_else(|| given(ingress))?;
                    leads.then(|| Route {
                        host,
                        path: path.get("path").and_then(Value::as_str).unwrap_or("/"),
                        tls: has_tls(ingress, named),
                        web_socket: inside.web_socket,
                    })
                })
            })
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
        if let Some(host) = given(object) {
            return Some(at(host, text(port.get("port"))?));
        }
        let node_port = text(port.get("nodePort")).filter(|port| *port != 0)?;
        // One that waits for its balancer would have another address a moment later; its node ports are used by who says
        // so.
        let of_nodes = self
            .node_host
            .as_deref()
            .filter(|_| !wants_balancer(object));
        host.or(of_nodes).map(|host| at(host, node_port))
    }
}

fn wants_balancer(service: &Value) -> bool {
    service.pointer("/spec/type").and_then(Value::as_str) == Some("LoadBalancer")
}

/// One way by which an Ingress leads to a port.
#[derive(Debug, Clone, Copy)]
struct Route<'a> {
    host: &'a str,
    path: &'a str,
    tls: bool,
    web_socket: bool,
}

impl Route<'_> {
    /// The address of a port that has the host for itself.
    fn whole_host(self) -> Option<String> {
        match (self.path, self.tls) {
            ("/", false) => Some(at(self.host, 80)),
            ("/", true) => Some(format!("{}://{}", self.scheme(), at(self.host, 443))),
            _ => None,
        }
    }

    /// The URL, without a port that its scheme means anyway.
    fn url(self) -> Option<String> {
        let host = bracketed(self.host);
        // A pattern of a controller's own is no path.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%".contains(c);
        let is_path = self.path.starts_with('/') && self.path.chars().all(plain);
        is_path.then(|| format!("{}://{host}{}", self.scheme(), self.path))
    }

    fn scheme(self) -> &'static str {
        match (self.web_socket, self.tls) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "ws",
            (true, true) => "wss",
        }
    }
}

/// The address that a load balancer's controller gave to a Service or Ingress.
fn given(object: &Value) -> Option<&str> {
    let all = object.pointer("/status/loadBalancer/ingress")?.as_array()?;
    all.iter().find_map(|one| {
        let text = |key: &str| one.get(key)?.as_str().filter(|text| !text.is_empty());
        text("ip").or_else(|| text("hostname"))
    })
}

/// Whether an Ingress ends TLS for a host; for any host when none is named.
fn has_tls(ingress: &Value, host: Option<&str>) -> bool {
    let tls = ingress.pointer("/spec/tls").and_then(Value::as_array);
    tls.into_iter().flatten().any(|one| {
        let hosts = one.get("hosts").and_then(Value::as_array);
        let mut hosts = hosts
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .peekable();
        // Without hosts it is for all of them.
        hosts.peek().is_none()
            || host.is_some_and(|host| hosts.any(|pattern| is_host(pattern, host)))
    })
}

/// Whether a host is the one that is meant, or one label below `*.domain`.
fn is_host(pattern: &str, host: &str) -> bool {
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(domain), Some((_, rest))) => domain == rest,
        _ => pattern == host,
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
    format!("{}:{port}", bracketed(host))
}

/// A host as it stands before a port or in a URL: an IPv6 address in brackets.
fn bracketed(host: &str) -> Cow<'_, str> {
    if host.contains(':') {
        Cow::Owned(format!("[{host}]"))
    } else {
        Cow::Borrowed(host)
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
            web_socket: port == "ws",
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
        for hosts in [json!(["b.example"]), json!(["*.example"]), json!([])] {
            ingress["spec"]["tls"] = json!([{"hosts": hosts, "secretName": "s"}]);
            known.ingresses = vec![ingress.clone()];
            assert_eq!(of(&known).as_deref(), Some("https://b.example:443"));
        }
        ingress["spec"]["tls"] = json!([{"hosts": ["a.example", "*.b.example"]}]);
        known.ingresses = vec![ingress.clone()];
        assert_eq!(
            of(&known).as_deref(),
            Some("b.example:80"),
            "of other hosts"
        );
        ingress["spec"]["tls"] = json!([]);
        ingress["metadata"]["namespace"] = json!("m");
        known.ingresses = vec![ingress];
        assert_eq!(of(&known), None);
    }

    #[test]
    fn clients_come_by_a_path_too_with_the_scheme_that_it_is_reached_by() {
        let mut known = addresses(service("ClusterIP", 0));
        let path = |port: &str, path: &str| json!({"path": path, "backend": {"service": {"name": "x-0", "port": {"name": port}}}});
        let mut ingress = json!({"metadata": {"name": "x", "namespace": "n"}, "spec": {"rules": [
            {"host": "a.example", "http": {"paths": [path("p2p", "/0/rpc"), path("ws", "/0/ws")]}}]}});
        known.ingresses = vec![ingress.clone()];
        let of = |known: &Addresses, port| known.for_clients(inside("x-0", port, 0), None);
        assert_eq!(of(&known, "p2p").as_deref(), Some("http://a.example/0/rpc"));
        assert_eq!(of(&known, "ws").as_deref(), Some("ws://a.example/0/ws"));
        assert_eq!(
            known.of(inside("x-0", "p2p", 0), Reach::Outside, None),
            None
        );
        ingress["spec"]["tls"] = json!([{"hosts": ["a.example"]}]);
        known.ingresses = vec![ingress.clone()];
        assert_eq!(
            of(&known, "p2p").as_deref(),
            Some("https://a.example/0/rpc")
        );
        assert_eq!(of(&known, "ws").as_deref(), Some("wss://a.example/0/ws"));
        // Without a host it is reached where its controller says, and not before.
        ingress["spec"]["rules"][0]["host"] = Value::Null;
        known.ingresses = vec![ingress.clone()];
        assert_eq!(of(&known, "p2p"), None);
        ingress["status"] = json!({"loadBalancer": {"ingress": [{"ip": "fd00::9"}]}});
        known.ingresses = vec![ingress.clone()];
        assert_eq!(of(&known, "ws").as_deref(), Some("ws://[fd00::9]/0/ws"));
        ingress["spec"]["rules"][0]["http"]["paths"][0]["path"] = json!("/0(/|$)(.*)");
        known.ingresses = vec![ingress];
        assert_eq!(of(&known, "p2p"), None, "a pattern is no path");
    }

    #[test]
    fn one_that_waits_for_its_balancer_has_no_address_yet() {
        let known = addresses(service("LoadBalancer", 31_234));
        let of = |host| known.of(inside("x-0", "p2p", 30303), Reach::Outside, host);
        assert_eq!(of(None), None);
        assert_eq!(of(Some("a.example")).as_deref(), Some("a.example:31234"));
        assert!(known.is_awaited(inside("x-0", "p2p", 30303)));
        let inside_alone = addresses(service("ClusterIP", 0));
        assert!(!inside_alone.is_awaited(inside("x-0", "p2p", 30303)));
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

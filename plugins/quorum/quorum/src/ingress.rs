//! Ingresses to the JSON-RPC of the nodes: one for each under a host name of its own, or one for all by path.
//!
//! The one for all is one object in one piece, since the list of its paths belongs to one owner. Clients are told to
//! answer at every path, so no controller has to rewrite any.

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::{Diagnostic, Subject, warning};
use quorum_service::{CLIENT, Nodes, PRIVACY};
use serde_json::{Value, json};

use crate::names;
use crate::options::{Ingress, Options};

/// The Ingress of one node, if each has one.
pub fn of_node(nodes: &Nodes, node: &Subject, options: &Options) -> Option<Value> {
    if options.ingress != Ingress::OneToOne {
        return None;
    }
    let domain = options.ingress_host.as_deref()?;
    let host = format!("{}.{domain}", node.name);
    let paths = paths(nodes, node, options, "");
    let mut object = object(names::workload_of(node), Some(&host), paths, options);
    if options.ingress_privacy
        && let Some(port) = nodes.extra.port(PRIVACY, "p2p")
        && let Some(rules) = object
            .pointer_mut("/spec/rules")
            .and_then(Value::as_array_mut)
    {
        rules.push(json!({
            "host": format!("{}-tm.{domain}", node.name),
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend(node, port)}]},
        }));
    }
    Some(object)
}

/// The URL by which clients come to a port of a node through its Ingress; the host is `<ingress>` where any leads there.
pub fn url(nodes: &Nodes, node: &Subject, port: &str, options: &Options) -> Option<String> {
    let found = nodes.extra.service(CLIENT)?.ports.iter();
    let purpose = found
        .filter(|it| it.name == port)
        .map(|it| it.purpose.as_str())
        .find(|it| *it == "rpc" || (*it == "ws" && options.ingress_ws))?;
    let domain = options.ingress_host.as_deref();
    let (host, prefix) = match options.ingress {
        Ingress::None => return None,
        Ingress::OneToOne => (format!("{}.{}", node.name, domain?), String::new()),
        Ingress::OneToMany => (
            domain.unwrap_or("<ingress>").to_owned(),
            format!("/{}", node.name),
        ),
    };
    let scheme = match (purpose, options.ingress_tls_secret.is_some()) {
        ("rpc", false) => "http",
        ("rpc", true) => "https",
        (_, false) => "ws",
        (_, true) => "wss",
    };
    Some(format!("{scheme}://{host}{prefix}/quorum-{purpose}"))
}

fn backend(node: &Subject, port: &Port) -> Value {
    json!({"service": {"name": names::workload_of(node), "port": {"number": port.number}}})
}

/// The Ingress of all nodes in the chain's home, if there is one, and what to know about the others.
pub fn of_chain(nodes: &Nodes, options: &Options) -> Option<(Value, Option<Diagnostic>)> {
    if options.ingress != Ingress::OneToMany {
        return None;
    }
    let home = nodes.chain().ok()?;
    let here = |node: &&Subject| node.cluster == home.cluster && node.namespace == home.namespace;
    let all: Vec<Value> = nodes
        .own()
        .filter(here)
        .flat_map(|node| paths(nodes, node, options, &format!("/{}", node.name)))
        .collect();
    let elsewhere: Vec<&str> = nodes
        .own()
        .filter(|node| !here(node))
        .map(|node| node.name.as_str())
        .collect();
    let note = (!elsewhere.is_empty()).then(|| {
        let message = format!(
            "the Ingress does not lead to {}: it reaches Services of its own namespace only",
            elsewhere.join(", ")
        );
        warning("ingress", "/options/ingress", message).hint("`--ingress one-to-one`")
    });
    let name = format!("{}-nodes", nodes.topology.chain);
    let host = options.ingress_host.as_deref();
    Some((object(&name, host, all, options), note))
}

fn paths(nodes: &Nodes, node: &Subject, options: &Options, prefix: &str) -> Vec<Value> {
    let path = |name: &str, port: &Port| {
        json!({
            "path": format!("{prefix}/quorum-{name}"),
            "pathType": "Prefix",
            "backend": backend(node, port),
        })
    };
    let port = |purpose: &str| nodes.extra.port(CLIENT, purpose);
    let rpc = port("rpc").map(|port| path("rpc", port));
    let ws = port("ws").filter(|_| options.ingress_ws);
    rpc.into_iter()
        .chain(ws.map(|port| path("ws", port)))
        .collect()
}

fn object(name: &str, host: Option<&str>, paths: Vec<Value>, options: &Options) -> Value {
    let mut rule = json!({"http": {"paths": paths}});
    let mut spec = json!({});
    if let (Some(host), Some(rule)) = (host, rule.as_object_mut()) {
        rule.insert("host".to_owned(), json!(host));
    }
    if let Some(spec) = spec.as_object_mut() {
        spec.insert("rules".to_owned(), json!([rule]));
        if let Some(class) = &options.ingress_class {
            spec.insert("ingressClassName".to_owned(), json!(class));
        }
        if let (Some(secret), Some(host)) = (&options.ingress_tls_secret, host) {
            let tls = json!([{"hosts": [host], "secretName": secret}]);
            spec.insert("tls".to_owned(), tls);
        }
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name},
        "spec": spec,
    })
}

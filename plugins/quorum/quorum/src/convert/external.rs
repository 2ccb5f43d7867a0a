//! `external_nodes`: nodes of another party, read as its bundle, and our own for a party that still uses the other tool.

use std::collections::BTreeSet;

use chain_plugin_sdk::{Blob, Diagnostics, Host, Subject, Topology};
use quorum_formats::enode::{Endpoint, Enode};
use quorum_formats::qubernetes::{ExternalNode, Qubernetes};
use quorum_service::facts::{ClientFacts, text};
use quorum_service::fault::{at as fault_at, refuse, refuse_with};
use quorum_service::privacy::PEERS;
use quorum_service::{CHAIN, CLIENT, Nodes, P2P, RAFT_ENDPOINT, RAFT_PORT, RELEASE, STACK};
use serde_json::{Value, json};

use super::notes::Notes;
use super::{QUBERNETES, fault};
use crate::names;

/// What a party is called that does not say it.
const PARTY: &str = "external";
/// The file that is written.
const FILE: &str = "external_nodes.yaml";

/// The bundle of another party.
pub fn read(text: &str) -> Result<(Value, Diagnostics), Diagnostics> {
    let read = Qubernetes::parse_external(text).map_err(|it| fault(&it))?;
    let mut notes = Notes::of(text, &read.unhonoured).map_err(|it| fault(&it))?;
    let mut taken = BTreeSet::new();
    let mut keys = BTreeSet::new();
    let mut subjects = Vec::new();
    for (index, node) in read.nodes.iter().enumerate() {
        if !keys.insert(node.enode.id) {
            return Err(at(
                node,
                index,
                "Enode_Url",
                "another entry has the same node key",
            ));
        }
        let name = name(node, index, &mut taken);
        subjects.push(subject(node, index, &name)?);
    }
    notes.tell(
        "the file names neither the chain nor its party nor its genesis block: `kubectl chain join -f FILE --chain NAME --party NAME` says the first two; a chain that is still to be made needs --client-genesis FILE too",
    );
    let bundle = json!({
        "apiVersion": "chain.dev/v1alpha1", "kind": "Bundle",
        "metadata": {"name": CHAIN, "party": PARTY},
        "spec": {"stack": STACK, "release": RELEASE, "subjects": subjects},
    });
    Ok((bundle, notes.done()))
}

/// What to know about nodes of others that stand in the file of a network.
pub fn beside(read: &Qubernetes, notes: &mut Notes) {
    if read.external_nodes.is_empty() {
        return;
    }
    notes.warn(
        "/external_nodes",
        "nodes of other parties do not belong to the file of a chain",
        Some("put them into a file of their own, and after create: `kubectl chain join -f FILE --chain NAME --party NAME`"),
    );
}

fn at(node: &ExternalNode, index: usize, key: &str, message: &str) -> Diagnostics {
    let path = format!("/external_nodes/{index}/{key}");
    refuse(QUBERNETES, &path, format!("line {}: {message}", node.line))
}

/// A label may stand there twice, or be no name.
fn name(node: &ExternalNode, index: usize, taken: &mut BTreeSet<String>) -> String {
    let given = node.name.clone();
    let mut name = given
        .filter(|name| names::not_a_label(name).is_none())
        .unwrap_or_else(|| format!("node{index}"));
    while !taken.insert(name.clone()) {
        name = format!("{name}-{index}");
    }
    name
}

fn subject(node: &ExternalNode, index: usize, name: &str) -> Result<Value, Diagnostics> {
    let Some(endpoint) = &node.enode.endpoint else {
        return Err(at(
            node,
            index,
            "Enode_Url",
            "it names no host; expected enode://<128 hex digits>@<host>:<port>",
        ));
    };
    let address = node.enode.id.address();
    if let Some(said) = node.address.filter(|said| *said != address) {
        let message = format!("it is {said}, and the key in Enode_Url has the address {address}");
        return Err(at(node, index, "Node_Acct_Addr", &message));
    }
    let mut endpoints =
        vec![json!({"port": P2P, "address": joined(&endpoint.host, endpoint.port)})];
    if let Some(port) = endpoint.raft_port {
        endpoints.push(json!({"port": RAFT_ENDPOINT, "address": joined(&endpoint.host, port)}));
    }
    if let Some(url) = &node.tm_url {
        let address = host_and_port(url).ok_or_else(|| {
            let message = format!("{url:?} is no address; expected <host>:<port>");
            at(node, index, "Tm_Url", &message)
        })?;
        endpoints.push(json!({"port": PEERS, "address": address}));
    }
    let facts = ClientFacts {
        node_id: node.enode.id.to_string(),
        node_address: address.to_string(),
        account_address: None,
        enode: node.enode.to_string(),
    };
    let facts: Value = serde_json::from_str(&text(&facts)).unwrap_or_default();
    Ok(json!({
        "id": format!("node/{name}"), "kind": "node", "name": name, "parent": CHAIN, "ordinal": index,
        "endpoints": endpoints, "facts": {CLIENT: facts},
    }))
}

/// The address of a privacy manager, with or without what a URL has around it.
fn host_and_port(url: &str) -> Option<&str> {
    let url = url.trim();
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let address = rest.unwrap_or(url).trim_end_matches('/');
    let (host, port) = address.rsplit_once(':')?;
    let good =
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|it| it > 0);
    good.then_some(address)
}

fn joined(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Our own nodes, for another party's file.
pub fn write(all: Topology, host: &dyn Host) -> Result<Vec<Blob>, Diagnostics> {
    let nodes = Nodes::new(all);
    let list = nodes
        .own()
        .map(|node| external(node, host))
        .collect::<Result<Vec<_>, _>>()?;
    if list.is_empty() {
        return Err(refuse(QUBERNETES, "", "the chain has no node of its own"));
    }
    Ok(vec![Blob {
        name: FILE.to_owned(),
        bytes: Qubernetes::render_external(&list).into_bytes(),
    }])
}

fn external(node: &Subject, host: &dyn Host) -> Result<ExternalNode, Diagnostics> {
    let (_, facts) = host
        .facts(&node.id, CLIENT)
        .into_iter()
        .next()
        .ok_or_else(|| {
            let message = format!("nothing is known of {} yet", node.id);
            refuse_with(QUBERNETES, "", message, "`kubectl chain apply` first")
        })?;
    let facts: ClientFacts = serde_json::from_str(&facts).map_err(fault_at("facts", ""))?;
    let id: quorum_formats::enode::NodeId =
        facts.node_id.parse().map_err(fault_at("node-id", ""))?;
    let outside = |port: &str| {
        let endpoint = node.endpoints.iter().find(|it| it.port == port)?;
        endpoint.outside.clone()
    };
    let place = outside(P2P).and_then(|address| {
        let (host, port) = address.rsplit_once(':')?;
        Some((host.to_owned(), port.parse::<u16>().ok()?))
    });
    let Some((at, port)) = place else {
        return Err(refuse_with(
            QUBERNETES,
            "",
            format!("{} has no address outside for its peers", node.id),
            "`--expose-type NodePort` or LoadBalancer, and --host for node ports",
        ));
    };
    let raft = outside(RAFT_ENDPOINT)
        .and_then(|address| address.rsplit_once(':')?.1.parse().ok())
        .unwrap_or(RAFT_PORT);
    let at = at.trim_start_matches('[').trim_end_matches(']');
    let endpoint = Endpoint::listed(at, port, raft).map_err(fault_at("enode", ""))?;
    Ok(ExternalNode {
        line: 0,
        name: Some(node.name.clone()),
        enode: Enode::new(id, endpoint),
        tm_url: outside(PEERS),
        address: Some(id.address()),
    })
}

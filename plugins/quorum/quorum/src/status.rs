//! The hook `status`: what a node says about itself, and whether it takes part in the consensus.
//!
//! Four questions of JSON-RPC, side by side; how members are listed is a fact of the client.

use chain_plugin_sdk::{Diagnostics, Host, Operate, Outcome, Request, Topology, Turn, warning};
use quorum_service::facts::{ClientChain, ClientFacts};
use quorum_service::operation::{done_with, step};
use quorum_service::rpc::{self, Fault};
use quorum_service::{CHAIN, CLIENT};
use serde_json::{Value, json};

/// The columns that it fills.
pub const COLUMNS: [&str; 4] = ["HEIGHT", "PEERS", "VALIDATOR", "SYNCING"];

/// A run about one node.
#[derive(Debug)]
pub struct Status {
    subject: String,
    port: String,
    members_method: Option<String>,
    /// Names by which a list of members may mean the node, in lower case.
    names: Vec<String>,
    asked: bool,
}

impl Operate for Status {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let chain: Option<ClientChain> = fact(host, CHAIN);
        let node: Option<ClientFacts> = fact(host, &what.subject);
        let names = node.into_iter().flat_map(|node| {
            [
                Some(node.node_id),
                Some(node.node_address),
                node.account_address,
            ]
            .into_iter()
            .flatten()
            .map(|name| name.to_ascii_lowercase())
        });
        Ok(Self {
            port: rpc::port(&all),
            subject: what.subject,
            members_method: chain.and_then(|chain| chain.members_method),
            names: names.collect(),
            asked: false,
        })
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        if !std::mem::replace(&mut self.asked, true) {
            let methods = ["eth_blockNumber", "net_peerCount", "eth_syncing"].map(str::to_owned);
            let methods = methods.into_iter().chain(self.members_method.clone());
            let ask = |method: String| {
                let params = if method.ends_with("getValidators") || method.ends_with("getSigners")
                {
                    json!(["latest"])
                } else {
                    json!([])
                };
                let says = if method == "eth_blockNumber" {
                    "asks how it is"
                } else {
                    ""
                };
                step(
                    &self.subject,
                    says,
                    5000,
                    rpc::ask(&self.port, &method, &params),
                )
            };
            return Turn::Steps(methods.map(ask).collect());
        }
        let mut answers = outcomes.iter().map(|outcome| rpc::result(Some(outcome)));
        let mut fault = None;
        let mut next = |read: &dyn Fn(&Value) -> Option<String>| {
            let shown = match answers.next() {
                Some(Ok(value)) => read(&value),
                Some(Err(why)) => {
                    fault.get_or_insert(why);
                    None
                }
                None => None,
            };
            shown.unwrap_or_else(|| "-".to_owned())
        };
        let number = |value: &Value| rpc::quantity(value).map(|number| number.to_string());
        let height = next(&number);
        let peers = next(&number);
        let syncing = next(&|value| {
            Some(match value {
                Value::Bool(false) => "no".to_owned(),
                value => value
                    .get("highestBlock")
                    .and_then(rpc::quantity)
                    .map_or_else(|| "yes".to_owned(), |to| format!("to {to}")),
            })
        });
        let validator = next(&|value| self.validator(value).map(str::to_owned));
        let table = json!({
            "HEIGHT": height, "PEERS": peers, "VALIDATOR": validator, "SYNCING": syncing,
        });
        let notes = fault.into_iter().map(|fault: Fault| {
            warning(
                "status",
                "",
                format!("{}: {}", self.subject, fault.message()),
            )
        });
        done_with(
            format!("height {height}, peers {peers}, validator: {validator}, syncing: {syncing}"),
            &table,
            notes.collect(),
        )
    }
}

impl Status {
    /// Whether a list of members names this node.
    fn validator(&self, members: &Value) -> Option<&'static str> {
        let names = |text: &str| self.names.contains(&text.to_ascii_lowercase());
        let found = members.as_array()?.iter().find_map(|member| match member {
            Value::String(address) => names(address).then_some("yes"),
            member => {
                let id = member.get("nodeId").and_then(Value::as_str)?;
                let learner = member.get("role").and_then(Value::as_str) == Some("learner");
                names(id).then_some(if learner { "learner" } else { "yes" })
            }
        });
        Some(found.unwrap_or("no"))
    }
}

fn fact<T: serde::de::DeserializeOwned>(host: &dyn Host, subject: &str) -> Option<T> {
    let (_, text) = host.facts(subject, CLIENT).into_iter().next()?;
    serde_json::from_str(&text).ok()
}

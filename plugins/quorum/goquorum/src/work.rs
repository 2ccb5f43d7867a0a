//! The operations of the client: votes on validators, scripts, test contracts.

pub mod accept;
pub mod contract;
pub mod script;
pub mod vote;

use chain_plugin_sdk::descriptor::{Need, Operation, Phase};
use chain_plugin_sdk::{Diagnostics, Host, Operate, Outcome, Request, Topology, Turn};
use quorum_service::container::need;
use quorum_service::fault::refuse;
use quorum_service::{CHAIN, CONSENSUS, PRIVACY};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::options::CONTAINER;
use accept::Accept;
use contract::Contract;
use script::Script;
use vote::Vote;

/// An operation at work.
#[derive(Debug)]
pub enum Work {
    /// Votes for or against a validator.
    Vote(Vote),
    /// A script in the console of a node.
    Script(Script),
    /// A contract that is deployed, written and read.
    Contract(Contract),
    /// Whether the whole chain works.
    Accept(Accept),
}

impl Operate for Work {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        match what.operation.as_str() {
            "add-validator" => Vote::start(all, &what, host, true).map(Self::Vote),
            "remove-validator" => Vote::start(all, &what, host, false).map(Self::Vote),
            "test-contract" => Contract::start(&all, &what, host).map(Self::Contract),
            "accept" => Accept::start(all, &what, host).map(Self::Accept),
            "exec-js" | "console" => Script::start(&all, &what).map(Self::Script),
            other => Err(refuse(
                "operation",
                "",
                format!("there is no operation {other}"),
            )),
        }
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        match self {
            Self::Vote(vote) => vote.next(&outcomes),
            Self::Script(script) => script.next(&outcomes),
            Self::Contract(contract) => contract.next(&outcomes),
            Self::Accept(accept) => accept.next(&outcomes),
        }
    }
}

/// What operations may read.
pub fn needs() -> Vec<Need> {
    vec![
        need(Phase::Operate, CONSENSUS, Phase::Configure, CHAIN, false),
        need(Phase::Operate, PRIVACY, Phase::Provision, "node", true),
    ]
}

/// The facts of a role about a subject, if there are any.
pub(crate) fn fact<T: DeserializeOwned>(host: &dyn Host, subject: &str, role: &str) -> Option<T> {
    let (_, text) = host.facts(subject, role).into_iter().next()?;
    serde_json::from_str(&text).ok()
}

/// What the descriptor says about them.
pub fn operations() -> Vec<Operation> {
    let patience = json!({
        "type": "integer", "minimum": 1, "maximum": 86400, "default": 180,
        "description": "seconds after which it is given up",
    });
    let vote = |name: &str, summary: &str| Operation {
        name: name.to_owned(),
        summary: summary.to_owned(),
        args: json!({
            "type": "object", "additionalProperties": false, "required": ["validator"],
            "properties": {
                "validator": {
                    "type": "string", "description": "a node of the chain by its name, or an address of another party's",
                },
                "patience": patience,
            },
        }),
        ..Operation::default()
    };
    let of_node = |name: &str, summary: &str, args: serde_json::Value| Operation {
        name: name.to_owned(),
        summary: summary.to_owned(),
        kind: "node".to_owned(),
        args,
        exec: vec![CONTAINER.to_owned()],
        ..Operation::default()
    };
    let none = json!({"type": "object", "additionalProperties": false, "properties": {}});
    vec![
        vote("add-validator", "lets the validators vote a new one in, and waits until it is"),
        vote("remove-validator", "lets the validators vote one out, and waits until it is"),
        of_node(
            "exec-js",
            "evaluates an expression in the console of a node",
            json!({
                "type": "object", "additionalProperties": false, "required": ["script"],
                "properties": {"script": {"type": "string", "description": "JavaScript, such as eth.blockNumber"}},
            }),
        ),
        of_node("console", "opens the console of a node", none.clone()),
        Operation {
            exec: Vec::new(),
            ..of_node(
                "test-contract",
                "deploys a contract, writes it, and compares what every node reads",
                json!({
                    "type": "object", "additionalProperties": false,
                    "properties": {
                        "private": {
                            "type": "boolean", "default": false,
                            "description": "for this node and the next one only: the others must not see it",
                        },
                        "patience": patience,
                    },
                }),
            )
        },
        Operation {
            name: "accept".to_owned(),
            summary: "whether the chain works: peers, one head, contracts, and private ones seen only where they should be".to_owned(),
            args: json!({"type": "object", "additionalProperties": false, "properties": {"patience": patience}}),
            ..Operation::default()
        },
    ]
}

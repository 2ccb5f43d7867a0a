//! What is done with a network that runs.
//!
//! Every operation looks before it acts, so it may be stopped anywhere and begun again: what is done already is found
//! done. Messages are signed by the Admin of the organisation that they are of; its key is read by consent, and goes into
//! no answer.

mod bring_up;
mod call;
mod chaincode;
mod channel;
mod crew;
mod submit;
mod trouble;

use chain_plugin_sdk::descriptor::Operation;
use chain_plugin_sdk::doing::Doing;
use chain_plugin_sdk::{Diagnostics, Host, Operate, Outcome, Report, Request, Topology, Turn};
use fabric_service::fault::refuse;
use fabric_service::{Network, item, kind};
use serde_json::{Value, json};

use self::crew::Crew;

/// An operation: what is said about it, and what it does.
struct Entry {
    name: &'static str,
    summary: &'static str,
    kind: &'static str,
    args: fn() -> Value,
}

/// The operations that are run by name.
const ENTRIES: [Entry; 6] = [
    Entry {
        name: "bring-up",
        summary: "join all channels and deploy all chaincodes, as the spec says",
        kind: "",
        args: nothing,
    },
    Entry {
        name: "channel-join",
        summary: "join all orderers and peers of its organisations to a channel",
        kind: kind::CHANNEL,
        args: nothing,
    },
    Entry {
        name: "channel-list",
        summary: "which orderers and peers are in which channels, and how far",
        kind: "",
        args: nothing,
    },
    Entry {
        name: "chaincode-deploy",
        summary: "install, approve and commit a chaincode, as far as this party can",
        kind: kind::CHAINCODE,
        args: nothing,
    },
    Entry {
        name: "chaincode-invoke",
        summary: "send a transaction to a chaincode and wait until it is committed",
        kind: kind::CHAINCODE,
        args: chaincode::call_args,
    },
    Entry {
        name: "chaincode-query",
        summary: "ask a chaincode, without a transaction",
        kind: kind::CHAINCODE,
        args: chaincode::call_args,
    },
];

fn nothing() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

/// The operations of the stack.
pub fn operations() -> Vec<Operation> {
    let named = ENTRIES.iter().map(|entry| Operation {
        name: entry.name.to_owned(),
        summary: entry.summary.to_owned(),
        kind: entry.kind.to_owned(),
        args: (entry.args)(),
        secrets: vec![item::KEY.to_owned()],
        ..Operation::default()
    });
    let hook = Operation {
        name: "after-ready".to_owned(),
        summary: "bring up what is new".to_owned(),
        hook: "after-ready".to_owned(),
        covers: [
            kind::ORDERER,
            kind::PEER,
            kind::CHANNEL,
            kind::CHAINCODE,
            kind::SERVER,
        ]
        .map(ToOwned::to_owned)
        .to_vec(),
        secrets: vec![item::KEY.to_owned()],
        ..Operation::default()
    };
    named.chain([hook]).collect()
}

/// An operation at work.
#[derive(Debug)]
pub struct Work(Doing);

impl Operate for Work {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let crew = Crew::gather(Network::new(all)?, &what, host)?;
        let now = what.now_ms;
        Ok(Self(Doing::new(now, move |hands| {
            run(crew.with(hands), what)
        })))
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _: &dyn Host) -> Turn {
        self.0.next(outcomes)
    }
}

async fn run(crew: Crew, what: Request) -> Result<Report, Diagnostics> {
    let args: Value = serde_json::from_str(&what.args).unwrap_or_default();
    match what.operation.as_str() {
        "bring-up" | "after-ready" => bring_up::bring_up(&crew).await,
        "channel-join" => channel::join(&crew, &what.subject).await,
        "channel-list" => channel::list(&crew).await,
        "chaincode-deploy" => chaincode::deploy_one(&crew, &what.subject).await,
        "chaincode-invoke" => chaincode::invoke(&crew, &what.subject, &args).await,
        "chaincode-query" => chaincode::query(&crew, &what.subject, &args).await,
        other => Err(refuse(
            "operation",
            "",
            format!("there is no operation {other}"),
        )),
    }
}

/// The end of an operation: words for people, a table for machines.
fn report(text: impl Into<String>, table: &Value) -> Report {
    Report {
        text: text.into(),
        table: table.to_string(),
        files: Vec::new(),
        notes: Vec::new(),
    }
}

//! What is done with a network that runs.
//!
//! Every operation looks before it acts, so it may be stopped anywhere and begun again: what is done already is found
//! done. Messages are signed by the Admin of the organisation that they are of; its key is read by consent, and goes into
//! no answer.

mod amend;
mod bring_up;
mod call;
mod chaincode;
mod change;
mod channel;
mod consenters;
mod crew;
mod definition;
mod endorse;
mod endorsers;
mod fetch;
mod gate;
mod invocation;
mod invoke;
mod ledger;
mod legacy;
mod members;
mod membership;
mod once;
mod orderers;
mod pending;
mod profile;
mod proposed;
mod quorum;
mod register;
mod registry;
mod renew;
mod roster;
mod signing;
mod sound;
mod spec;
mod status;
mod steps;
mod submit;
mod transactions;
mod trouble;
mod update;
mod words;

pub use change::listed;

use chain_plugin_sdk::descriptor::Operation;
use chain_plugin_sdk::doing::Doing;
use chain_plugin_sdk::{Diagnostics, Host, Operate, Outcome, Report, Request, Topology, Turn};
use fabric_service::fault::refuse;
use fabric_service::{Network, item, kind};
use serde_json::{Value, json};

use self::crew::Crew;
use self::gate::{Gate, Leading};
use self::roster::Roster;
use self::status::Status;

/// An operation: what is said about it, and what it does.
struct Entry {
    name: &'static str,
    summary: &'static str,
    kind: &'static str,
    args: fn() -> Value,
    secrets: &'static [&'static str],
}

/// It signs as administrators.
const SIGNS: &[&str] = &[item::KEY];
/// It registers as the administrator of a CA server.
const REGISTERS: &[&str] = &[item::CA_PASSWORD];
/// It reads no key.
const NONE: &[&str] = &[];

/// The operations that are run by name.
const ENTRIES: [Entry; 27] = [
    Entry {
        name: "bring-up",
        summary: "join all channels and deploy all chaincodes, as the spec says",
        kind: "",
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-create",
        summary: "make a channel, and join it",
        kind: "",
        args: amend::channel_args,
        secrets: NONE,
    },
    Entry {
        name: "channel-join",
        summary: "join all orderers and peers of its organisations to a channel",
        kind: kind::CHANNEL,
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-list",
        summary: "which orderers and peers are in which channels, and how far",
        kind: "",
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-fetch",
        summary: "a block of a channel as a file",
        kind: kind::CHANNEL,
        args: fetch::args,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-update",
        summary: "change batches, capabilities, policies or maintenance of a channel",
        kind: kind::CHANNEL,
        args: update::args,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-add-org",
        summary: "make an organisation a member of a channel",
        kind: kind::CHANNEL,
        args: members::args,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-remove-org",
        summary: "take an organisation out of a channel",
        kind: kind::CHANNEL,
        args: members::args,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-sign",
        summary: "show what a change in a file does, and sign it",
        kind: kind::CHANNEL,
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "channel-submit",
        summary: "submit a change with the signatures of all its files, or transactions",
        kind: kind::CHANNEL,
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "anchor-set",
        summary: "set the peers by which others know an organisation",
        kind: kind::CHANNEL,
        args: members::anchor_args,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-deploy",
        summary: "install, approve and commit a chaincode, as far as this party can",
        kind: kind::CHAINCODE,
        args: legacy::args,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-package",
        summary: "the package of a chaincode as a file, and its id",
        kind: kind::CHAINCODE,
        args: legacy::args,
        secrets: NONE,
    },
    Entry {
        name: "chaincode-install",
        summary: "install a chaincode on the peers that lack it",
        kind: kind::CHAINCODE,
        args: legacy::args,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-approve",
        summary: "approve the definition of a chaincode for the organisations of this party",
        kind: kind::CHAINCODE,
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-commit",
        summary: "commit the definition of a chaincode, once enough have approved it",
        kind: kind::CHAINCODE,
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-endorse",
        summary: "show what a transaction in a file does, and endorse it",
        kind: kind::CHANNEL,
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-upgrade",
        summary: "wish for another version, image or policy of a chaincode",
        kind: kind::CHAINCODE,
        args: steps::upgrade_args,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-invoke",
        summary: "send a transaction to a chaincode and wait until it is committed",
        kind: kind::CHAINCODE,
        args: invoke::args,
        secrets: SIGNS,
    },
    Entry {
        name: "chaincode-query",
        summary: "ask a chaincode, without a transaction",
        kind: kind::CHAINCODE,
        args: invoke::args,
        secrets: SIGNS,
    },
    Entry {
        name: "org-definition",
        summary: "the definition of an organisation as a file, for others to add it to their channel",
        kind: kind::ORG,
        args: nothing,
        secrets: NONE,
    },
    Entry {
        name: "orderer-add",
        summary: "start an orderer, and make it a consenter of all channels (Raft, BFT)",
        kind: "",
        args: orderers::args,
        secrets: SIGNS,
    },
    Entry {
        name: "orderer-remove",
        summary: "take an orderer out of all channels, and stop it (Raft, BFT)",
        kind: kind::ORDERER,
        args: nothing,
        secrets: SIGNS,
    },
    Entry {
        name: "identity-issue",
        summary: "issue an identity to a person or a program",
        kind: "",
        args: amend::identity_args,
        secrets: NONE,
    },
    Entry {
        name: "identity-register",
        summary: "register a person or a program at an organisation's CA server",
        kind: "",
        args: register::args,
        secrets: REGISTERS,
    },
    Entry {
        name: profile::NAME,
        summary: "addresses and certificates of the network as a file, for clients of an organisation",
        kind: kind::ORG,
        args: profile::args,
        secrets: NONE,
    },
    Entry {
        name: "cert-renew",
        summary: "renew certificates of an organisation's orderers, peers and users over the same keys",
        kind: kind::ORG,
        args: renew::args,
        secrets: NONE,
    },
];

fn nothing() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

fn owned(all: &[&str]) -> Vec<String> {
    all.iter().map(|it| (*it).to_owned()).collect()
}

/// Administrators stand beside channels and nodes, and all of them may be needed.
fn everybody(secrets: &[&str]) -> String {
    if secrets.is_empty() {
        String::new()
    } else {
        "chain".to_owned()
    }
}

/// The operations of the stack.
pub fn operations() -> Vec<Operation> {
    let named = ENTRIES.iter().map(|entry| Operation {
        name: entry.name.to_owned(),
        summary: entry.summary.to_owned(),
        kind: entry.kind.to_owned(),
        args: (entry.args)(),
        secrets: owned(entry.secrets),
        secrets_of: everybody(entry.secrets),
        ..Operation::default()
    });
    let hook = Operation {
        name: "after-ready".to_owned(),
        summary: "bring up what is new".to_owned(),
        hook: "after-ready".to_owned(),
        covers: owned(&[
            kind::ORDERER,
            kind::PEER,
            kind::CHANNEL,
            kind::CHAINCODE,
            kind::SERVER,
        ]),
        secrets: owned(SIGNS),
        secrets_of: everybody(SIGNS),
        ..Operation::default()
    };
    let looks = [
        ("orderer-status", kind::ORDERER, &status::OF_ORDERERS),
        ("peer-status", kind::PEER, &status::OF_PEERS),
    ];
    let looks = looks.map(|(name, of_kind, columns)| Operation {
        name: name.to_owned(),
        summary: "heights of its channels, and how long its certificates hold".to_owned(),
        kind: of_kind.to_owned(),
        hook: "status".to_owned(),
        columns: owned(columns),
        ..Operation::default()
    });
    let around = [
        (
            "orderer-gate",
            kind::ORDERER,
            "gate",
            "wait until an orderer that was restarted is back in its channels",
        ),
        (
            "peer-gate",
            kind::PEER,
            "gate",
            "wait until a peer that was restarted has all blocks of its channels",
        ),
        (
            gate::TURN,
            kind::ORDERER,
            "before-restart",
            "whether an orderer leads a channel, and so goes last",
        ),
    ];
    let around = around.map(|(name, of_kind, hook, summary)| Operation {
        name: name.to_owned(),
        summary: summary.to_owned(),
        kind: of_kind.to_owned(),
        hook: hook.to_owned(),
        ..Operation::default()
    });
    named.chain([hook]).chain(looks).chain(around).collect()
}

/// Whether an operation signs, and so asks for keys.
fn signs(operation: &str) -> bool {
    let entry = ENTRIES.iter().find(|it| it.name == operation);
    entry.is_none_or(|it| it.secrets.contains(&item::KEY))
}

/// An operation at work.
#[derive(Debug)]
pub struct Work(Doing);

impl Operate for Work {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let now = what.now_ms;
        if what.operation.ends_with("-status") {
            let status = Status::gather(all, &what, host)?;
            return Ok(Self(Doing::new(now, move |hands| status.look(hands))));
        }
        if what.operation.ends_with(gate::GATE) {
            let gate = Gate::gather(all, &what, host)?;
            return Ok(Self(Doing::new(now, move |hands| gate.pass(hands))));
        }
        if what.operation == gate::TURN {
            let turn = Leading::of(&all, &what);
            return Ok(Self(Doing::new(now, move |hands| turn.tell(hands))));
        }
        if what.operation == register::NAME {
            let desk = register::Desk::gather(&Network::new(all)?, &what, host)?;
            return Ok(Self(Doing::new(now, move |hands| desk.register(hands))));
        }
        let network = Network::new(all)?;
        if what.operation == profile::NAME {
            let profile = profile::make(&network, &what, host)?;
            return Ok(Self(Doing::new(now, move |_| async { Ok(profile) })));
        }
        let roster = Roster::gather(&network, &what, host)?;
        let crew = Crew::gather(network, &what, host, signs(&what.operation))?;
        Ok(Self(Doing::new(now, move |hands| {
            run(crew.with(hands), roster, what)
        })))
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _: &dyn Host) -> Turn {
        self.0.next(outcomes)
    }

    fn ended(
        &mut self,
        outcomes: Vec<(u32, Outcome)>,
        _: &dyn Host,
    ) -> Result<Turn, Vec<(u32, Outcome)>> {
        Ok(self.0.ended(outcomes))
    }
}

async fn run(crew: Crew, roster: Roster, what: Request) -> Result<Report, Diagnostics> {
    let args: Value = serde_json::from_str(&what.args).unwrap_or_default();
    let (on, files) = (&what.subject, &what.files);
    let old = crew.network.release.system_channel();
    match what.operation.as_str() {
        "bring-up" | "after-ready" => bring_up::bring_up(crew, &roster).await,
        "channel-create" => amend::channel_create(&crew, &args).await,
        "channel-join" => channel::join(&crew, on).await,
        "channel-list" => channel::list(&crew).await,
        "channel-fetch" => fetch::fetch(&crew, on, &args).await,
        "channel-update" => update::update(&crew, on, &args).await,
        "channel-add-org" => members::add(&crew, &roster, on, &args, files).await,
        "channel-remove-org" => members::remove(&crew, on, &args).await,
        "channel-sign" => signing::sign(&crew, on, files).await,
        "channel-submit" => signing::submit_files(&crew, on, files).await,
        "anchor-set" => members::anchor_set(&crew, on, &args).await,
        "chaincode-deploy" if old => legacy::deploy_one(&crew, on, &args, files).await,
        "chaincode-install" if old => legacy::install(&crew, on, &args, files).await,
        "chaincode-package" if old => legacy::package(&crew, on, &args, files),
        "chaincode-upgrade" if old => legacy::upgrade(&crew, on, &args, files).await,
        "chaincode-approve" | "chaincode-commit" | "chaincode-endorse" if old => {
            Err(legacy::unknown(&what.operation))
        }
        // Who began with one of these may come back with the files to the same.
        "chaincode-deploy" | "chaincode-commit" if !files.is_empty() => {
            let channel = crew.chaincode(on)?.about.channel.clone();
            endorse::endorse(&crew, &channel, files).await
        }
        "chaincode-deploy" => chaincode::deploy_one(&crew, on).await,
        "chaincode-package" => steps::package(&crew, on),
        "chaincode-install" => steps::install(&crew, on).await,
        "chaincode-approve" => steps::approve(&crew, on).await,
        "chaincode-commit" => steps::commit(&crew, on).await,
        "chaincode-endorse" => endorse::endorse(&crew, on, files).await,
        "chaincode-upgrade" => steps::upgrade(&crew, on, &args).await,
        "chaincode-invoke" => invoke::invoke(&crew, on, &args).await,
        "chaincode-query" => invoke::query(&crew, on, &args).await,
        "org-definition" => members::define(&crew, &roster, on),
        "orderer-add" => orderers::add(&crew, &roster, &args).await,
        "orderer-remove" => orderers::remove(crew, &roster, on).await,
        "identity-issue" => amend::identity_issue(&crew, &args).await,
        "cert-renew" => renew::renew(&crew, on, &args).await,
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

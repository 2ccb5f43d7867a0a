//! A contract that shows whether the chain works: deployed, written, and read by every node.
//!
//! A private one is for this node and the next one: they read what was written, the others nothing at all. The number of
//! the transaction that deploys is remembered before it is sent, and with it the contract's address. So a run that was cut
//! off, or whose answer was lost, looks at what is there, and deploys no second one.

use chain_plugin_sdk::{Act, Diagnostics, Host, Outcome, Request, Topology, Turn};
use quorum_formats::address::Address;
use quorum_formats::contract::{
    INITIAL_VALUE, created, deployment, get_data, set_data, transaction, value,
};
use quorum_formats::quantity::Quantity;
use quorum_formats::tessera_key::TesseraPublicKey;
use quorum_service::facts::PrivacyNode;
use quorum_service::fault::{at as fault_at, refuse_with};
use quorum_service::operation::{acted, done, failed, pause, step};
use quorum_service::{Nodes, PRIVACY, rpc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::work::fact;

/// What is written after the deployment.
const WRITTEN: u64 = INITIAL_VALUE + 1;

/// Milliseconds between two looks.
const PAUSE: u32 = 1000;

/// Attempts to take away what is remembered.
const FORGETS: u8 = 3;

/// What is remembered of a run until it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Underway {
    /// The account that deploys.
    from: String,
    /// The number of its transaction.
    nonce: u64,
    private: bool,
}

/// A run.
#[derive(Debug)]
pub struct Contract {
    port: String,
    /// The node that deploys.
    node: String,
    /// All nodes of one's own, and whether they must be able to read.
    readers: Vec<(String, bool)>,
    /// Whom a private contract is for, besides the node itself; nobody for a public one.
    private_for: Vec<TesseraPublicKey>,
    from: Address,
    contract: Address,
    /// What is remembered, of this run or of one that was cut off.
    underway: Option<Underway>,
    /// Whether it is surely remembered.
    noted: bool,
    /// How often it was to be taken away.
    forgets: u8,
    ends_ms: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begun,
    /// Asked for its account.
    Account,
    /// Asked for the number of the account's next transaction.
    Counted,
    /// That number is being remembered.
    Noted,
    /// A transaction was sent: the deployment, or else the write.
    Sent(bool),
    /// Its receipt was asked for.
    Receipt(bool, String),
    /// Before the receipt is asked for again.
    Paused(bool, String),
    /// All were asked for what they read: the first value, or else the second.
    Read(bool),
    /// Before they are asked again.
    Waited(bool),
    /// What is remembered is taken away; then this is the end: it passed, or else why not.
    Forgotten(Result<(), String>),
}

#[derive(Deserialize)]
#[serde(default)]
struct Args {
    private: bool,
    patience: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            private: false,
            patience: 180,
        }
    }
}

impl Contract {
    /// Begins, as the user asks.
    pub fn start(all: &Topology, what: &Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let args: Args = serde_json::from_str(&what.args).map_err(fault_at("args", ""))?;
        let ends_ms = what
            .now_ms
            .saturating_add(args.patience.saturating_mul(1000));
        Self::new(all, &what.subject, host, args.private, ends_ms)
    }

    /// A contract from `node`, until a point in time.
    pub fn new(
        all: &Topology,
        node: &str,
        host: &dyn Host,
        private: bool,
        ends_ms: u64,
    ) -> Result<Self, Diagnostics> {
        let nodes = Nodes::new(all.clone());
        let ids: Vec<String> = nodes.own().map(|it| it.id.clone()).collect();
        let place = ids.iter().position(|id| id == node).unwrap_or_default();
        let next = ids
            .iter()
            .cycle()
            .nth(place.saturating_add(1))
            .filter(|id| *id != node);
        let mut private_for = Vec::new();
        if private {
            let key = next.and_then(|id| fact::<PrivacyNode>(host, id, PRIVACY));
            let key = key.ok_or_else(|| {
                refuse_with(
                    "private",
                    "/private",
                    "a private contract needs a privacy manager, and a second node",
                    "`--privacy tessera` when the chain is created",
                )
            })?;
            private_for.push(key.public_key.parse().map_err(fault_at("public-key", ""))?);
        }
        let underway: Option<Underway> = host
            .state(node)
            .and_then(|state| serde_json::from_str(&state).ok());
        let underway = underway.filter(|it| it.private == private);
        let readers = ids.iter().map(|id| {
            let sees = !private || id == node || Some(id) == next;
            (id.clone(), sees)
        });
        Ok(Self {
            port: rpc::port(all),
            node: node.to_owned(),
            readers: readers.collect(),
            private_for,
            from: Address::default(),
            contract: Address::default(),
            noted: underway.is_some(),
            forgets: 0,
            underway,
            ends_ms,
            stage: Stage::Begun,
        })
    }

    /// The next turn.
    pub fn next(&mut self, outcomes: &[Outcome]) -> Turn {
        let outcome = outcomes.first();
        let late = outcome.is_some_and(|outcome| outcome.at_ms > self.ends_ms);
        match &self.stage {
            Stage::Begun => {
                self.stage = Stage::Account;
                self.ask("asks for its account", "eth_accounts", &json!([]))
            }
            Stage::Account => {
                let account = rpc::result(outcome)
                    .map(|accounts| accounts.get(0).and_then(Value::as_str)?.parse().ok());
                match account {
                    Ok(Some(account)) => {
                        self.from = account;
                        self.stage = Stage::Counted;
                        let params = json!([account.to_string(), "pending"]);
                        let says = "asks how many transactions it sent";
                        self.ask(says, "eth_getTransactionCount", &params)
                    }
                    Ok(None) => failed("contract", "the node has no account", "`--client-unlock`"),
                    Err(fault) => failed("contract", fault.message(), "see that the node runs"),
                }
            }
            Stage::Counted => match rpc::result(outcome).map(|count| rpc::quantity(&count)) {
                Ok(Some(count)) => self.counted(count),
                Ok(None) => failed("contract", "the node counts no transactions", ""),
                Err(fault) => failed("contract", fault.message(), "see that the node runs"),
            },
            // Who may not write into the chain's records tests it all the same.
            Stage::Noted => {
                self.noted = acted(outcome).is_ok();
                self.deploy()
            }
            Stage::Sent(deploys) => match rpc::result(outcome) {
                Ok(Value::String(hash)) => self.receipt(*deploys, hash),
                Ok(other) => failed(
                    "contract",
                    format!("{other} is no hash of a transaction"),
                    "",
                ),
                Err(fault) if late => self.late(fault.message()),
                // Whether it was sent is not known: look.
                Err(rpc::Fault::Unreachable(_)) => {
                    self.stage = if *deploys {
                        Stage::Begun
                    } else {
                        Stage::Waited(true)
                    };
                    pause(&self.node, "looks whether it was sent", PAUSE)
                }
                Err(fault) => failed(
                    "contract",
                    fault.message(),
                    "the account must be unlocked (`--client-unlock`), and the privacy manager must run",
                ),
            },
            Stage::Receipt(deploys, hash) => {
                let (deploys, hash) = (*deploys, hash.clone());
                match rpc::result(outcome) {
                    Ok(Value::Object(receipt)) => self.mined(deploys, &receipt),
                    _ if late => self.late("the transaction is in no block"),
                    _ => {
                        self.stage = Stage::Paused(deploys, hash);
                        pause(&self.node, "waits for a block", PAUSE)
                    }
                }
            }
            Stage::Paused(deploys, hash) => self.receipt(*deploys, hash.clone()),
            Stage::Waited(first) => self.read(*first),
            Stage::Read(first) => {
                let first = *first;
                match self.compare(outcomes, if first { INITIAL_VALUE } else { WRITTEN }) {
                    Ok(()) if first => {
                        let (to, data) = (self.contract, set_data(Quantity::from(WRITTEN)));
                        self.send(false, Some(to), &data)
                    }
                    Ok(()) => self.forget(Ok(())),
                    // A run that was cut off had written already.
                    Err(_) if first && self.compare(outcomes, WRITTEN).is_ok() => {
                        self.forget(Ok(()))
                    }
                    Err(why) if late => self.late(&why),
                    Err(_) => {
                        self.stage = Stage::Waited(first);
                        pause(&self.node, "waits for the nodes to agree", PAUSE)
                    }
                }
            }
            Stage::Forgotten(Err(why)) => failed(
                "contract",
                why.clone(),
                "see `kubectl chain status --probe`: blocks must be made",
            ),
            Stage::Forgotten(Ok(())) => match acted(outcome) {
                // Taken away twice is taken away.
                Err(_) if self.noted && self.forgets < FORGETS => self.forget(Ok(())),
                Err(why) if self.noted => failed("remember", why, "run the same command again"),
                _ => self.passed(),
            },
        }
    }

    /// The account has sent so many transactions.
    fn counted(&mut self, count: u64) -> Turn {
        let from = self.from.to_string();
        let known = self.underway.clone().filter(|it| it.from == from);
        match known.map(|it| it.nonce) {
            Some(nonce) if nonce < count => {
                self.contract = created(self.from, nonce);
                self.read(true)
            }
            Some(nonce) if nonce == count => self.deploy(),
            _ => {
                let underway = Underway {
                    from,
                    nonce: count,
                    private: !self.private_for.is_empty(),
                };
                let state = json!(underway).to_string();
                self.underway = Some(underway);
                self.stage = Stage::Noted;
                let act = Act::Remember(state);
                Turn::Steps(vec![step(&self.node, "", 0, act)])
            }
        }
    }

    fn deploy(&mut self) -> Turn {
        let data = deployment(Quantity::from(INITIAL_VALUE));
        self.send(true, None, &data)
    }

    /// The end, before which nothing is left to go on with.
    fn forget(&mut self, end: Result<(), String>) -> Turn {
        self.stage = Stage::Forgotten(end);
        self.forgets = self.forgets.saturating_add(1);
        let act = Act::Remember(json!(null).to_string());
        Turn::Steps(vec![step(&self.node, "", 0, act)])
    }

    fn passed(&self) -> Turn {
        let kind = if self.private_for.is_empty() {
            "public"
        } else {
            "private"
        };
        let readers: Vec<&str> = self
            .readers
            .iter()
            .filter(|(_, sees)| *sees)
            .map(|(id, _)| id.as_str())
            .collect();
        done(
            format!(
                "{kind} contract {} of {}: deployed, written, read by {}",
                self.contract,
                self.node,
                readers.join(", ")
            ),
            &json!({"contract": self.contract.to_string(), "kind": kind, "readBy": readers}),
        )
    }

    fn ask(&self, says: &str, method: &str, params: &Value) -> Turn {
        let act = rpc::ask(&self.port, method, params);
        Turn::Steps(vec![step(&self.node, says, 4 * rpc::PATIENCE, act)])
    }

    fn send(&mut self, deploys: bool, to: Option<Address>, data: &str) -> Turn {
        let nonce = self
            .underway
            .as_ref()
            .map(|it| it.nonce)
            .filter(|_| deploys);
        let transaction = transaction(self.from, nonce, to, data, &self.private_for);
        self.stage = Stage::Sent(deploys);
        let says = if deploys {
            "deploys the contract"
        } else {
            "writes it"
        };
        self.ask(says, "eth_sendTransaction", &json!([transaction]))
    }

    fn receipt(&mut self, deploys: bool, hash: String) -> Turn {
        let params = json!([hash]);
        self.stage = Stage::Receipt(deploys, hash);
        self.ask("asks for the receipt", "eth_getTransactionReceipt", &params)
    }

    fn mined(&mut self, deploys: bool, receipt: &serde_json::Map<String, Value>) -> Turn {
        if receipt.get("status").and_then(Value::as_str) == Some("0x0") {
            return failed(
                "contract",
                "the transaction failed when it was carried out",
                "",
            );
        }
        if deploys {
            let address = receipt.get("contractAddress").and_then(Value::as_str);
            match address.and_then(|address| address.parse().ok()) {
                Some(address) => self.contract = address,
                None => return failed("contract", "the receipt names no contract", ""),
            }
        }
        self.read(deploys)
    }

    fn read(&mut self, first: bool) -> Turn {
        self.stage = Stage::Read(first);
        let call = json!([{"to": self.contract.to_string(), "data": get_data()}, "latest"]);
        let ask = |(id, _): &(String, bool)| {
            step(
                id,
                "reads the contract",
                rpc::PATIENCE,
                rpc::ask(&self.port, "eth_call", &call),
            )
        };
        Turn::Steps(self.readers.iter().map(ask).collect())
    }

    /// Whether every node reads what it should, and nobody else anything.
    fn compare(&self, outcomes: &[Outcome], wanted: u64) -> Result<(), String> {
        for ((id, sees), outcome) in self.readers.iter().zip(outcomes) {
            let answer = match rpc::result(Some(outcome)) {
                Ok(answer) => answer.as_str().and_then(value),
                // A node without a part in a private contract may refuse to be asked.
                Err(rpc::Fault::Refused(_)) if !*sees => None,
                Err(fault) => return Err(format!("{id}: {}", fault.message())),
            };
            match (answer, sees) {
                (None, false) => {}
                (Some(found), true) if found == Quantity::from(wanted) => {}
                (Some(found), true) => return Err(format!("{id} reads {found}, not {wanted}")),
                (None, true) => return Err(format!("{id} sees no contract {}", self.contract)),
                (Some(found), false) => {
                    return Err(format!(
                        "{id} reads {found} of a contract that is private to others"
                    ));
                }
            }
        }
        Ok(())
    }

    fn late(&mut self, why: &str) -> Turn {
        self.forget(Err(why.to_owned()))
    }
}

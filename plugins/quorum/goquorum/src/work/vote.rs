//! Votes for or against a validator: by every validator of one's own, until the chain has counted them.
//!
//! A round is: who is a validator, who has voted, vote where a vote is missing, wait. So a request whose answer was
//! lost is never repeated blindly, and a rerun goes on where the last one stopped. When the vote has come to its
//! result, what is left of it is taken back: a vote that stays would count again after a later change of mind.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Diagnostics, Host, Outcome, Request, Topology, Turn, warning};
use quorum_formats::address::Address;
use quorum_service::facts::{ClientFacts, ConsensusFacts, Identity};
use quorum_service::fault::{at as fault_at, refuse_with};
use quorum_service::operation::{done_with, failed, pause, step};
use quorum_service::{CHAIN, CLIENT, CONSENSUS, Nodes, rpc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::work::fact;

/// Milliseconds between two rounds.
const PAUSE: u32 = 2000;

/// Attempts to take a vote back.
const ATTEMPTS: u8 = 3;

/// How a consensus names what concerns votes in JSON-RPC.
#[derive(Debug, Clone, Copy)]
struct Methods {
    list: &'static str,
    pending: &'static str,
    propose: &'static str,
    discard: &'static str,
}

const ISTANBUL: Methods = Methods {
    list: "istanbul_getValidators",
    pending: "istanbul_candidates",
    propose: "istanbul_propose",
    discard: "istanbul_discard",
};

const CLIQUE: Methods = Methods {
    list: "clique_getSigners",
    pending: "clique_proposals",
    propose: "clique_propose",
    discard: "clique_discard",
};

/// A run.
#[derive(Debug)]
pub struct Vote {
    port: String,
    methods: Methods,
    /// In, or out.
    join: bool,
    /// Who is voted on.
    target: Address,
    /// One's own nodes, by id, with the address by which they vote.
    nodes: Vec<(String, Address)>,
    /// Those of them that vote.
    voters: Vec<String>,
    /// Votes that decide.
    needed: usize,
    ends_ms: u64,
    stage: Stage,
    said: String,
    /// Those from whom the vote is being taken back.
    left: Vec<String>,
    /// How often that was tried.
    attempts: u8,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Rested,
    Listed,
    Counted,
    Cast,
    TakenBack,
}

#[derive(Deserialize)]
#[serde(default)]
struct Args {
    validator: String,
    patience: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            validator: String::new(),
            patience: 180,
        }
    }
}

impl Vote {
    /// Begins.
    pub fn start(
        all: Topology,
        what: &Request,
        host: &dyn Host,
        join: bool,
    ) -> Result<Self, Diagnostics> {
        let args: Args = serde_json::from_str(&what.args).map_err(fault_at("args", ""))?;
        let port = rpc::port(&all);
        let nodes = Nodes::new(all);
        let consensus: Option<ConsensusFacts> = fact(host, CHAIN, CONSENSUS);
        let consensus = consensus.ok_or_else(|| {
            let hint = "run `kubectl chain apply` first";
            refuse_with(
                "consensus",
                "",
                "the consensus of the chain is not known",
                hint,
            )
        })?;
        let (methods, identity) = match consensus.identity {
            Identity::Node => (ISTANBUL, Identity::Node),
            Identity::Account => (CLIQUE, Identity::Account),
            Identity::Number => {
                let message = format!("members of {} are not voted on", consensus.kind);
                let hint = "`kubectl chain apply` adds a member, `kubectl chain run raft-remove` ends a membership";
                return Err(refuse_with("consensus", "", message, hint));
            }
        };
        let address = |node: &str| {
            let facts: ClientFacts = fact(host, node, CLIENT)?;
            let text = match identity {
                Identity::Account => facts.account_address?,
                _ => facts.node_address,
            };
            text.parse::<Address>().ok()
        };
        let named = nodes.all().find(|node| node.name == args.validator);
        let target = match named.and_then(|node| address(&node.id)) {
            Some(address) => address,
            None => Address::checked(&args.validator).map_err(|fault| {
                let known: Vec<&str> = nodes.all().map(|node| node.name.as_str()).collect();
                let hint = format!("nodes: {}; or an address", known.join(", "));
                refuse_with("validator", "/validator", fault.to_string(), hint)
            })?,
        };
        let own = nodes
            .own()
            .filter_map(|node| Some((node.id.clone(), address(&node.id)?)));
        Ok(Self {
            nodes: own.collect(),
            port,
            methods,
            join,
            target,
            voters: Vec::new(),
            needed: 0,
            ends_ms: what
                .now_ms
                .saturating_add(args.patience.saturating_mul(1000)),
            stage: Stage::Rested,
            said: "no node was asked yet".to_owned(),
            left: Vec::new(),
            attempts: 0,
        })
    }

    /// The next turn.
    pub fn next(&mut self, outcomes: &[Outcome]) -> Turn {
        match self.stage {
            Stage::Rested => {
                let now = outcomes.first().map_or(0, |outcome| outcome.at_ms);
                if now > self.ends_ms {
                    return self.late();
                }
                self.stage = Stage::Listed;
                let all: Vec<String> = self.nodes.iter().map(|(id, _)| id.clone()).collect();
                self.ask(
                    &all,
                    "asks who is a validator",
                    self.methods.list,
                    &json!(["latest"]),
                )
            }
            Stage::Listed => self.listed(outcomes),
            Stage::Counted => self.counted(outcomes),
            Stage::Cast => {
                self.hear(outcomes);
                self.stage = Stage::Rested;
                if self.voters.len() < self.needed {
                    return self.others();
                }
                self.wait()
            }
            Stage::TakenBack => self.taken_back(outcomes),
        }
    }

    /// What is left of the vote is taken back from those who may still have some of it; done with those who are silent.
    fn take_back(&mut self, left: Vec<String>) -> Turn {
        self.stage = Stage::TakenBack;
        self.attempts = self.attempts.saturating_add(1);
        let params = json!([self.target.to_string()]);
        let turn = self.ask(
            &left,
            "takes back what is left of the vote",
            self.methods.discard,
            &params,
        );
        self.left = left;
        turn
    }

    fn taken_back(&mut self, outcomes: &[Outcome]) -> Turn {
        let failed = |outcome: &Outcome| rpc::result(Some(outcome)).is_err();
        let asked = self.left.iter().zip(outcomes);
        let left: Vec<String> = asked
            .filter(|(_, outcome)| failed(outcome))
            .map(|(id, _)| id.clone())
            .collect();
        if !left.is_empty() && self.attempts < ATTEMPTS {
            return self.take_back(left);
        }
        let notes = if left.is_empty() {
            Vec::new()
        } else {
            let message = format!(
                "{} did not say whether a vote of theirs is left; one that is would count again after a later change of mind",
                left.join(", ")
            );
            vec![warning("vote", "", message).hint("run the same command again when they run")]
        };
        done_with(
            format!("{} is {}", self.target, self.wish()),
            &json!({"validator": self.target.to_string(), "in": self.join}),
            notes,
        )
    }

    fn wish(&self) -> &'static str {
        if self.join {
            "a validator"
        } else {
            "no validator"
        }
    }

    /// Who is a validator, as the nodes say.
    fn listed(&mut self, outcomes: &[Outcome]) -> Turn {
        self.hear(outcomes);
        let lists: Vec<Vec<Address>> = outcomes.iter().filter_map(addresses).collect();
        let Some(members) = lists.first() else {
            self.stage = Stage::Rested;
            return self.wait();
        };
        let agree = |list: &&Vec<Address>| list.contains(&self.target) == self.join;
        if lists.iter().filter(agree).count().saturating_mul(2) > lists.len() {
            let all = self.nodes.iter().map(|(id, _)| id.clone()).collect();
            return self.take_back(all);
        }
        if !self.join && members.len() == 1 {
            return failed("validator", "it is the last validator", "");
        }
        self.needed = members.len() / 2 + 1;
        let votes = self
            .nodes
            .iter()
            .filter(|(_, address)| members.contains(address));
        self.voters = votes.map(|(id, _)| id.clone()).collect();
        if self.voters.is_empty() {
            return failed(
                "vote",
                "none of the nodes here is a validator, so none has a vote",
                "those who have one must vote",
            );
        }
        self.stage = Stage::Counted;
        let whom = self.voters.clone();
        self.ask(
            &whom,
            "asks for pending votes",
            self.methods.pending,
            &json!([]),
        )
    }

    /// Votes where no vote is pending.
    fn counted(&mut self, outcomes: &[Outcome]) -> Turn {
        self.hear(outcomes);
        let missing: Vec<String> = self
            .voters
            .iter()
            .zip(outcomes)
            .filter(|(_, outcome)| match rpc::result(Some(outcome)) {
                Ok(pending) => votes(&pending).get(&self.target) != Some(&self.join),
                Err(_) => false,
            })
            .map(|(id, _)| id.clone())
            .collect();
        self.stage = Stage::Cast;
        if missing.is_empty() {
            return self.next(&[]);
        }
        let params = json!([self.target.to_string(), self.join]);
        let says = format!("votes for {} to be {}", self.target, self.wish());
        self.ask(&missing, &says, self.methods.propose, &params)
    }

    fn ask(&self, whom: &[String], says: &str, method: &str, params: &Value) -> Turn {
        let ask = |id: &String| {
            step(
                id,
                says,
                rpc::PATIENCE,
                rpc::ask(&self.port, method, params),
            )
        };
        Turn::Steps(whom.iter().map(ask).collect())
    }

    fn hear(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            if let Err(fault) = rpc::result(Some(outcome)) {
                fault.message().clone_into(&mut self.said);
            }
        }
    }

    fn wait(&self) -> Turn {
        pause(CHAIN, "waits for the votes to be counted", PAUSE)
    }

    fn late(&self) -> Turn {
        failed(
            "vote",
            format!("{} is not yet {}: {}", self.target, self.wish(), self.said),
            "votes are counted as their voters make blocks; see that they run, and run the same command again",
        )
    }

    /// Too few votes are one's own: the others must give theirs.
    fn others(&self) -> Turn {
        let verb = if self.join { "add" } else { "remove" };
        let message = format!(
            "{} of {} votes are cast; the others are those of other parties",
            self.voters.len(),
            self.needed
        );
        let hint = format!(
            "there: kubectl chain run {verb}-validator validator={}",
            self.target
        );
        done_with(
            message.clone(),
            &json!({"validator": self.target.to_string(), "cast": self.voters.len(), "needed": self.needed}),
            vec![warning("vote", "", message).hint(hint)],
        )
    }
}

fn addresses(outcome: &Outcome) -> Option<Vec<Address>> {
    let value = rpc::result(Some(outcome)).ok()?;
    let list = value.as_array()?;
    list.iter().map(|it| it.as_str()?.parse().ok()).collect()
}

/// Pending votes: address to in or out.
fn votes(pending: &Value) -> BTreeMap<Address, bool> {
    let all = pending.as_object().into_iter().flatten();
    all.filter_map(|(address, vote)| Some((address.parse().ok()?, vote.as_bool()?)))
        .collect()
}

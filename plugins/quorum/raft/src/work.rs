//! An operation at work: look, act, look again until the members agree, and remember.
//!
//! A request whose answer was lost may have been carried out, so every act is followed by a look, and nothing is asked
//! for that the members have already. A number counts only when `raft_cluster` lists it: two nodes that are added at
//! once can be answered with one number.

use chain_plugin_sdk::{
    Act, Diagnostics, Host, Operate, Outcome, Request, Subject, Topology, Turn, warning,
};
use quorum_service::fault::{refuse, refuse_with};
use quorum_service::nodes::enode;
use quorum_service::operation::{acted, done, done_with, failed, pause, step};
use quorum_service::{CHAIN, Nodes, rpc};
use serde::Deserialize;
use serde_json::json;

use crate::cluster;
use crate::goal::{Goal, Standing, Who};
use crate::{Gone, Joined, founds, gone, joined, node_id, number};

/// Milliseconds between two looks.
const PAUSE: u32 = 1000;

/// Looks before the members are given up.
const LOOKS: u32 = 60;

/// A run.
#[derive(Debug)]
pub struct Work {
    subject: String,
    /// What is remembered of the chain when the subject has left it.
    leaves: Option<Gone>,
    /// How the other party calls the node whose number it is told.
    tells: Option<String>,
    port: String,
    goal: Goal,
    /// Nodes that may be asked, the next one first.
    living: Vec<String>,
    looks: u32,
    stage: Stage,
    /// What the members said last.
    said: String,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is to be done.
    Idle(String),
    /// What is remembered is not known among the living, so nothing can be said.
    Unknown,
    /// Nothing was asked yet, or a pause has ended.
    Rested,
    /// The first of the living was asked for its members.
    Looked,
    /// It was told what is wanted.
    Told,
    /// The number is being remembered.
    Remembering(u16),
    /// That it went is being remembered.
    Leaving,
    /// A node has a number from elsewhere, which is to be remembered.
    Given(String, u16),
    /// It is being remembered.
    Taking(String, u16),
    /// The node is being started with it.
    Starting(String, u16),
}

#[derive(Deserialize)]
struct Args {
    member: String,
    #[serde(default)]
    number: u16,
}

impl Operate for Work {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let port = rpc::port(&all);
        let nodes = Nodes::new(all);
        let subject = what.subject.clone();
        let (mut stage, mut tells) = (Stage::Rested, None);
        let goal = match what.operation.as_str() {
            "join" => {
                let node = nodes.subject(&subject)?;
                // Who has a number is looked up too: it may have gone, and come back.
                if founds(&nodes, host, node) {
                    stage = Stage::Idle(format!("{} founds the chain", node.name));
                }
                let (node_id, enode) = node_id(host, &subject).ok_or_else(|| {
                    let message = format!("the key of {subject} is not known");
                    refuse_with("node-id", "", message, "run the same command again")
                })?;
                Goal::Member { node_id, enode }
            }
            "leave" => {
                // Facts about a node that goes may be gone before it; its number is not.
                let known = node_id(host, &subject).map(|(node_id, _)| Who::Node(node_id));
                let number = number(host, &subject).map(Who::Number);
                if known.is_none() && number.is_none() {
                    stage = Stage::Unknown;
                }
                Goal::Gone(known.or(number).unwrap_or(Who::Number(0)))
            }
            "raft-add" => {
                let Args { member, .. } = args(&what.args)?;
                let node = named(&member, nodes.all().filter(|node| node.foreign))?;
                let known = node_id(host, &node.id).and_then(|(id, _)| id.parse().ok());
                let id = known.ok_or_else(|| {
                    let message = format!("the key of {member} is not known");
                    refuse("node-id", "/member", message)
                })?;
                tells = Some(node.id.rsplit('/').next().unwrap_or(&member).to_owned());
                Goal::Member {
                    node_id: format!("{id}"),
                    enode: enode(&nodes, node, id)?.to_string(),
                }
            }
            "raft-number" => {
                let Args { member, number } = args(&what.args)?;
                let node = named(&member, nodes.own())?;
                stage = Stage::Given(node.id.clone(), number);
                Goal::Voter(Who::Number(number))
            }
            operation => {
                let Args { member, .. } = args(&what.args)?;
                let who = who(&member, &nodes, host)?;
                if operation == "raft-promote" {
                    Goal::Voter(who)
                } else {
                    Goal::Gone(who)
                }
            }
        };
        let members = nodes.own().filter(|node| {
            node.id != subject && (founds(&nodes, host, node) || joined(host, &node.id).is_some())
        });
        let leaves = (what.operation == "leave").then(|| {
            let mut gone = gone(host);
            gone.left.insert(subject.clone());
            gone
        });
        Ok(Self {
            living: members.map(|node| node.id.clone()).collect(),
            subject,
            leaves,
            tells,
            port,
            goal,
            looks: 0,
            stage,
            said: "there is no other member to ask".to_owned(),
        })
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        let outcome = outcomes.first();
        match &self.stage {
            Stage::Idle(text) => done(text.clone(), &json!(null)),
            Stage::Unknown => {
                let message = format!(
                    "the number of {} among the members is not known",
                    self.subject
                );
                let hint = "see `raft.cluster`, and `kubectl chain run raft-remove member=NUMBER`";
                done_with(
                    message.clone(),
                    &json!(null),
                    vec![warning("raft", "", message).hint(hint)],
                )
            }
            Stage::Given(node, number) => {
                let (node, number) = (node.clone(), *number);
                let turn = Turn::Steps(vec![step(
                    &node,
                    format!("remembers number {number}"),
                    0,
                    Act::Remember(json!(Joined { number }).to_string()),
                )]);
                self.stage = Stage::Taking(node, number);
                turn
            }
            Stage::Taking(node, number) => match acted(outcome) {
                Ok(()) => {
                    let says = format!("starts {node} with it");
                    self.stage = Stage::Starting(node.clone(), *number);
                    // Nothing of the spec changes: what was remembered is rendered.
                    Turn::Steps(vec![step(CHAIN, says, 0, Act::Amend("{}".to_owned()))])
                }
                Err(why) => failed("remember", why, "run the same command again"),
            },
            Stage::Starting(node, number) => match acted(outcome) {
                Ok(()) => done(
                    format!("{node} has number {number}"),
                    &json!({"node": node, "number": number}),
                ),
                Err(why) => failed("amend", why, "run the same command again"),
            },
            Stage::Rested => self.look(),
            Stage::Looked => match rpc::result(outcome).map(|answer| cluster::read(&answer)) {
                Ok(Some(members)) => match self.goal.standing(&members) {
                    Standing::Met(number) => self.met(number),
                    Standing::Hopeless(why) => failed("raft", why, ""),
                    Standing::Open(method, params) => {
                        let Some(whom) = self.living.first() else {
                            return self.nobody();
                        };
                        self.stage = Stage::Told;
                        Turn::Steps(vec![step(
                            whom,
                            format!("asks the members: {method} about {}", self.subject),
                            rpc::PATIENCE,
                            rpc::ask(&self.port, method, &params),
                        )])
                    }
                },
                Ok(None) => self.another("its answer lists no members".to_owned()),
                Err(fault) => self.another(fault.message().to_owned()),
            },
            Stage::Told => {
                if let Err(fault) = rpc::result(outcome) {
                    self.said = fault.message().to_owned();
                }
                self.stage = Stage::Rested;
                pause(&self.subject, "waits for the members to agree", PAUSE)
            }
            Stage::Leaving => match acted(outcome) {
                Ok(()) => done(
                    format!("{} is no member any more", self.subject),
                    &json!(null),
                ),
                Err(why) => failed("remember", why, "run the same command again"),
            },
            Stage::Remembering(number) => match acted(outcome) {
                Ok(()) => done(
                    format!("{} has number {number}", self.subject),
                    &json!({"node": self.subject, "number": number}),
                ),
                Err(why) => failed("remember", why, "run the same command again"),
            },
        }
    }
}

impl Work {
    fn look(&mut self) -> Turn {
        if self.looks >= LOOKS {
            return failed(
                "raft",
                format!(
                    "the members did not agree within {LOOKS} looks: {}",
                    self.said
                ),
                "see that a majority of the members runs, and run the same command again",
            );
        }
        self.looks = self.looks.saturating_add(1);
        let Some(whom) = self.living.first() else {
            return self.nobody();
        };
        self.stage = Stage::Looked;
        Turn::Steps(vec![step(
            whom,
            "asks who is a member",
            rpc::PATIENCE,
            rpc::ask(&self.port, "raft_cluster", &json!([])),
        )])
    }

    /// The first of the living does not answer: the next one is asked.
    fn another(&mut self, said: String) -> Turn {
        if let Some(whom) = (!self.living.is_empty()).then(|| self.living.remove(0)) {
            self.said = format!("{whom}: {said}");
        }
        self.look()
    }

    fn nobody(&self) -> Turn {
        failed(
            "raft",
            format!("no member answers: {}", self.said),
            "see that the others run, and run the same command again",
        )
    }

    fn met(&mut self, number: Option<u16>) -> Turn {
        match (&self.goal, number) {
            (Goal::Member { .. }, Some(number)) if self.tells.is_some() => {
                let node = self.tells.as_deref().unwrap_or_default();
                let text = format!(
                    "it has number {number}; its party types: kubectl chain run raft-number member={node} number={number}"
                );
                done(text, &json!({"node": node, "number": number}))
            }
            (Goal::Member { .. }, Some(number)) => {
                self.stage = Stage::Remembering(number);
                Turn::Steps(vec![step(
                    &self.subject,
                    format!("remembers number {number}"),
                    0,
                    Act::Remember(json!(Joined { number }).to_string()),
                )])
            }
            (Goal::Gone(_), None) if self.leaves.is_some() => {
                self.stage = Stage::Leaving;
                Turn::Steps(vec![step(
                    CHAIN,
                    format!("remembers that {} has left", self.subject),
                    0,
                    Act::Remember(json!(self.leaves).to_string()),
                )])
            }
            (Goal::Voter(_), number) => done("it has a vote", &json!({"number": number})),
            _ => done("it is no member any more", &json!(null)),
        }
    }
}

fn args(text: &str) -> Result<Args, Diagnostics> {
    serde_json::from_str(text).map_err(quorum_service::fault::at("args", "/member"))
}

/// The node of that name among `these`.
fn named<'a>(
    name: &str,
    these: impl Iterator<Item = &'a Subject>,
) -> Result<&'a Subject, Diagnostics> {
    let these: Vec<&Subject> = these.collect();
    let found = these.iter().find(|node| node.name == name).copied();
    found.ok_or_else(|| {
        let names: Vec<&str> = these.iter().map(|node| node.name.as_str()).collect();
        let message = format!("there is no such node {name}");
        refuse_with(
            "member",
            "/member",
            message,
            format!("nodes: {}", names.join(", ")),
        )
    })
}

/// Whom a user means: a node by its name, or a member by its number.
fn who(text: &str, nodes: &Nodes, host: &dyn Host) -> Result<Who, Diagnostics> {
    if let Ok(number) = text.parse() {
        return Ok(Who::Number(number));
    }
    let node = nodes.all().find(|node| node.name == text);
    let known = node.and_then(|node| node_id(host, &node.id));
    known.map(|(node_id, _)| Who::Node(node_id)).ok_or_else(|| {
        let names: Vec<&str> = nodes.all().map(|node| node.name.as_str()).collect();
        let message = format!("there is no node {text}");
        let hint = format!("nodes: {}; or the number of a member", names.join(", "));
        refuse_with("member", "/member", message, hint)
    })
}

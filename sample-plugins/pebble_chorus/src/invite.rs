//! The operation `invite`: a node more, written into the user's own spec.
//!
//! It changes nothing by itself. The host merges the patch, runs the whole pipeline, and so calls `join` for the new node.

use chain_plugin_sdk::serde_json::{self, json};
use chain_plugin_sdk::{
    Act, Diagnostics, Host, Operate, Outcome, Report, Request, Step, Topology, Turn, error,
};
use serde::Deserialize;

/// A run of it.
pub struct Invite {
    chain: String,
    nodes: usize,
    asked: bool,
}

#[derive(Deserialize)]
#[serde(default)]
struct Args {
    guests: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { guests: 1 }
    }
}

impl Operate for Invite {
    fn start(all: Topology, what: Request, _host: &dyn Host) -> Result<Self, Diagnostics> {
        let Args { guests } = serde_json::from_str(&what.args)
            .map_err(|fault| vec![error("args", "", fault.to_string())])?;
        let there = all.subjects.iter().filter(|it| it.kind == "node").count();
        Ok(Self {
            chain: what.subject,
            nodes: there + guests,
            asked: false,
        })
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        if !self.asked {
            self.asked = true;
            return Turn::Steps(vec![Step {
                on: self.chain.clone(),
                says: format!("growing to {} nodes", self.nodes),
                sensitive: false,
                timeout_ms: 0,
                act: Act::Amend(json!({"nodes": self.nodes}).to_string()),
            }]);
        }
        match outcomes.into_iter().next().map(|outcome| outcome.answer) {
            Some(Ok(_)) => Turn::Done(Report {
                text: format!("the chain has {} nodes", self.nodes),
                table: json!({"nodes": self.nodes}).to_string(),
                files: Vec::new(),
                notes: Vec::new(),
            }),
            Some(Err(failure)) => Turn::Failed(vec![error("amend", "", failure.message)]),
            None => Turn::Failed(vec![error("amend", "", "the host did not answer")]),
        }
    }
}

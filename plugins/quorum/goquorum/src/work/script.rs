//! The console of a node: an expression that is evaluated there, or how to open it.

use chain_plugin_sdk::{Act, Diagnostics, Exec, Outcome, Request, Topology, Turn};
use quorum_formats::console;
use quorum_service::Nodes;
use quorum_service::fault::at as fault_at;
use quorum_service::operation::{done, failed, step};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::options::CONTAINER;

/// Milliseconds that an expression may take.
const PATIENCE: u32 = 120_000;

/// A run.
#[derive(Debug)]
pub struct Script {
    subject: String,
    script: Option<String>,
    /// How a person opens the console.
    by_hand: String,
    asked: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Args {
    script: Option<String>,
}

impl Script {
    /// Begins.
    pub fn start(all: &Topology, what: &Request) -> Result<Self, Diagnostics> {
        let args: Args = serde_json::from_str(&what.args).map_err(fault_at("args", "/script"))?;
        let nodes = Nodes::new(all.clone());
        let node = nodes.subject(&what.subject)?;
        let workload = node.workload.clone().unwrap_or_default();
        Ok(Self {
            by_hand: format!(
                "kubectl exec -it -n {} {workload} -c {CONTAINER} -- /geth-helpers/geth-attach.sh",
                node.namespace
            ),
            subject: what.subject.clone(),
            script: args.script,
            asked: false,
        })
    }

    /// The next turn.
    pub fn next(&mut self, outcomes: &[Outcome]) -> Turn {
        let Some(script) = &self.script else {
            return done(self.by_hand.clone(), &json!({"command": self.by_hand}));
        };
        if !std::mem::replace(&mut self.asked, true) {
            let command = ["sh", "/geth-helpers/geth-exec.sh", script].map(str::to_owned);
            return Turn::Steps(vec![step(
                &self.subject,
                "evaluates the expression",
                PATIENCE,
                Act::Exec(Exec {
                    container: CONTAINER.to_owned(),
                    command: command.into(),
                    stdin: Vec::new(),
                    tty: false,
                }),
            )]);
        }
        match outcomes.first().map(|outcome| &outcome.answer) {
            Some(Ok(answer)) => {
                let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
                // The console prints an error and still ends with 0.
                if answer.code != 0 || console::failed(&text) {
                    let more: Value = serde_json::from_str(&answer.more).unwrap_or_default();
                    let stderr = more.get("stderr").and_then(Value::as_str);
                    let said = format!("{text} {}", stderr.unwrap_or_default());
                    let message = format!(
                        "the console ends with code {}: {}",
                        answer.code,
                        said.trim()
                    );
                    return failed("console", message, "");
                }
                done(text.clone(), &json!({"answer": text}))
            }
            Some(Err(failure)) => {
                failed("console", failure.message.clone(), "see that the node runs")
            }
            None => failed("console", "the host gave no answer", ""),
        }
    }
}

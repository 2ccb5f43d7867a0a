//! The console of a node: an expression that is evaluated there, or the user's own terminal at it.

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
    /// The expression; none opens the console.
    script: Option<String>,
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
        nodes.subject(&what.subject)?;
        Ok(Self {
            subject: what.subject.clone(),
            script: args.script,
            asked: false,
        })
    }

    fn exec(&self, command: &[&str], tty: bool) -> Exec {
        Exec {
            container: CONTAINER.to_owned(),
            command: command.iter().map(ToString::to_string).collect(),
            stdin: Vec::new(),
            tty,
        }
    }

    /// The next turn.
    pub fn next(&mut self, outcomes: &[Outcome]) -> Turn {
        if !std::mem::replace(&mut self.asked, true) {
            let (says, exec) = match &self.script {
                Some(script) => (
                    "evaluates the expression",
                    self.exec(&["sh", "/geth-helpers/geth-exec.sh", script], false),
                ),
                None => ("", self.exec(&["sh", "/geth-helpers/geth-attach.sh"], true)),
            };
            return Turn::Steps(vec![step(&self.subject, says, PATIENCE, Act::Exec(exec))]);
        }
        match outcomes.first().map(|outcome| &outcome.answer) {
            Some(Ok(answer)) => {
                if self.script.is_none() {
                    return match answer.code {
                        0 => done(String::new(), &Value::Null),
                        code => failed("console", format!("it ended with code {code}"), ""),
                    };
                }
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

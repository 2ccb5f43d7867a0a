//! The operation `join`: before a node is added, a living one gives it a seat.
//!
//! `pebble join ID` answers `seat N`, the same N however often it is asked, so an operation that was cut off is begun
//! again without harm. Living nodes are asked one after the other until one answers.

use chain_plugin_sdk::serde_json::{self, json};
use chain_plugin_sdk::{
    Act, Diagnostics, Exec, Host, Operate, Outcome, Report, Request, Step, Topology, Turn, error,
};

use crate::{Identity, State, remembered};

/// A run of it.
pub struct Join {
    node: String,
    id: String,
    /// Nodes that may still be asked, the next one last.
    living: Vec<String>,
    stage: Stage,
}

enum Stage {
    /// Nothing was done yet.
    Begun,
    /// A living node was asked.
    Asked(String),
    /// The seat was given, or had been given before.
    Seated(u32),
}

impl Operate for Join {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let node = what.subject;
        let facts = host.facts(&node, "talker");
        let identity = facts
            .first()
            .and_then(|(_, text)| serde_json::from_str(text).ok());
        let Some(Identity { id }) = identity else {
            return Err(vec![error(
                "id",
                "",
                format!("the id of {node} is not known"),
            )]);
        };
        let own = all
            .subjects
            .iter()
            .find(|it| it.id == node)
            .map_or(0, |it| it.ordinal);
        let mut older: Vec<_> = all
            .subjects
            .iter()
            .filter(|it| it.kind == "node" && !it.foreign && it.ordinal < own)
            .collect();
        older.sort_by_key(|it| std::cmp::Reverse(it.ordinal));
        let stage = match remembered(host, &node) {
            Some(State { seat }) => Stage::Seated(seat),
            None => Stage::Begun,
        };
        Ok(Self {
            node,
            id,
            living: older.iter().map(|it| it.id.clone()).collect(),
            stage,
        })
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        let outcome = outcomes.into_iter().next();
        match (&self.stage, outcome) {
            (Stage::Seated(seat), None) => done(&format!("{} has seat {seat}", self.node)),
            (Stage::Seated(seat), Some(outcome)) => match outcome.answer {
                Ok(_) => done(&format!("{} took seat {seat}", self.node)),
                Err(failure) => refused(format!(
                    "the seat could not be remembered: {}",
                    failure.message
                )),
            },
            (Stage::Begun, _) => self.ask(Vec::new()),
            (Stage::Asked(whom), outcome) => {
                let whom = whom.clone();
                let said = match outcome.map(|it| it.answer) {
                    Some(Ok(answer)) if answer.code == 0 => {
                        let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
                        if let Some(seat) =
                            text.strip_prefix("seat ").and_then(|it| it.parse().ok())
                        {
                            return self.seated(seat);
                        }
                        format!(
                            "{whom} answered `{}`",
                            text.chars().take(60).collect::<String>()
                        )
                    }
                    Some(Ok(answer)) => format!("{whom} ended with code {}", answer.code),
                    Some(Err(failure)) => format!("{whom}: {}", failure.message),
                    None => format!("{whom} gave no answer"),
                };
                self.ask(vec![said])
            }
        }
    }
}

impl Join {
    /// Asks the next living node; without any left, says what the last one said.
    fn ask(&mut self, said: Vec<String>) -> Turn {
        let Some(whom) = self.living.pop() else {
            let why = said
                .first()
                .cloned()
                .unwrap_or_else(|| "there is no older node to ask".to_owned());
            return refused(why);
        };
        self.stage = Stage::Asked(whom.clone());
        Turn::Steps(vec![Step {
            says: format!("asking {whom} for a seat"),
            on: whom,
            sensitive: false,
            timeout_ms: 10_000,
            act: Act::Exec(Exec {
                container: "chorus".to_owned(),
                command: vec!["pebble".to_owned(), "join".to_owned(), self.id.clone()],
                stdin: Vec::new(),
                tty: false,
            }),
        }])
    }

    fn seated(&mut self, seat: u32) -> Turn {
        self.stage = Stage::Seated(seat);
        Turn::Steps(vec![Step {
            on: self.node.clone(),
            says: format!("remembering seat {seat}"),
            sensitive: false,
            timeout_ms: 0,
            act: Act::Remember(json!(State { seat }).to_string()),
        }])
    }
}

fn done(text: &str) -> Turn {
    Turn::Done(Report {
        text: text.to_owned(),
        table: "null".to_owned(),
        files: Vec::new(),
        notes: Vec::new(),
    })
}

fn refused(why: String) -> Turn {
    Turn::Failed(vec![
        error("no-seat", "", format!("no node gave a seat: {why}"))
            .hint("see that the others run, and try again"),
    ])
}

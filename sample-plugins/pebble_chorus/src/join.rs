//! The operation `join`: before a node is added, a living one gives it a seat.
//!
//! `pebble join ID` answers `seat N`, the same N whoever is asked and however often, so an operation that was cut off is
//! begun again without harm. All older nodes are asked at once and the first seat is taken: one that does not answer keeps
//! nobody waiting.

use std::collections::BTreeMap;

use chain_plugin_sdk::serde_json::{self, json};
use chain_plugin_sdk::{
    Act, Diagnostics, Exec, Host, Operate, Outcome, Report, Request, Step, Topology, Turn, error,
};

use crate::{Identity, State, remembered};

/// A run of it.
pub struct Join {
    node: String,
    id: String,
    /// Nodes that are asked, the oldest first: the number of a question is its place here.
    living: Vec<String>,
    /// What those said who gave no seat.
    said: BTreeMap<u32, String>,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Nothing was done yet.
    Begun,
    /// All were asked.
    Asked,
    /// The seat was given before.
    Seated(u32),
    /// The seat was given, and is being remembered.
    Remembering(u32),
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
        older.sort_by_key(|it| it.ordinal);
        let stage = match remembered(host, &node) {
            Some(State { seat }) => Stage::Seated(seat),
            None => Stage::Begun,
        };
        Ok(Self {
            node,
            id,
            living: older.iter().map(|it| it.id.clone()).collect(),
            said: BTreeMap::new(),
            stage,
        })
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        let first = match self.stage {
            Stage::Remembering(_) => self.asked(),
            _ => 0,
        };
        let numbered = (first..).zip(outcomes).collect();
        self.turn(numbered)
    }

    fn ended(
        &mut self,
        outcomes: Vec<(u32, Outcome)>,
        _host: &dyn Host,
    ) -> Result<Turn, Vec<(u32, Outcome)>> {
        Ok(self.turn(outcomes))
    }
}

impl Join {
    /// The next turn, by the numbers of the steps that ended.
    fn turn(&mut self, outcomes: Vec<(u32, Outcome)>) -> Turn {
        match self.stage {
            Stage::Begun => self.ask(),
            Stage::Seated(seat) => done(&format!("{} has seat {seat}", self.node)),
            Stage::Asked => self.answered(outcomes),
            Stage::Remembering(seat) => {
                let own = self.asked();
                // Other numbers are those who answer too late.
                match outcomes.into_iter().find(|(number, _)| *number == own) {
                    None => Turn::Steps(Vec::new()),
                    Some((_, outcome)) => match outcome.answer {
                        Ok(_) => done(&format!("{} took seat {seat}", self.node)),
                        Err(failure) => refused(format!(
                            "the seat could not be remembered: {}",
                            failure.message
                        )),
                    },
                }
            }
        }
    }

    /// How many were asked.
    fn asked(&self) -> u32 {
        u32::try_from(self.living.len()).unwrap_or(u32::MAX)
    }

    /// Asks all older nodes.
    fn ask(&mut self) -> Turn {
        if self.living.is_empty() {
            return refused("there is no older node to ask".to_owned());
        }
        self.stage = Stage::Asked;
        let ask = |whom: &String| Step {
            says: format!("asking {whom} for a seat"),
            on: whom.clone(),
            sensitive: false,
            timeout_ms: 10_000,
            act: Act::Exec(Exec {
                container: "chorus".to_owned(),
                command: vec!["pebble".to_owned(), "join".to_owned(), self.id.clone()],
                stdin: Vec::new(),
                tty: false,
            }),
        };
        Turn::Steps(self.living.iter().map(ask).collect())
    }

    /// Takes the first seat; when all have answered without one, tells what they said.
    fn answered(&mut self, outcomes: Vec<(u32, Outcome)>) -> Turn {
        for (number, outcome) in outcomes {
            let said = match outcome.answer {
                Ok(answer) if answer.code == 0 => {
                    let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
                    if let Some(seat) = text.strip_prefix("seat ").and_then(|it| it.parse().ok()) {
                        return self.seated(seat);
                    }
                    format!("answered `{}`", text.chars().take(60).collect::<String>())
                }
                Ok(answer) => format!("ended with code {}", answer.code),
                Err(failure) => failure.message,
            };
            self.said.insert(number, said);
        }
        if self.said.len() < self.living.len() {
            return Turn::Steps(Vec::new());
        }
        let all: Vec<String> = self
            .living
            .iter()
            .zip(self.said.values())
            .map(|(whom, said)| format!("{whom}: {said}"))
            .collect();
        refused(all.join("; "))
    }

    fn seated(&mut self, seat: u32) -> Turn {
        self.stage = Stage::Remembering(seat);
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

//! The operation `greet`: says the chain's greeting to a node's own client, over TLS, as the node itself.
//!
//! The key is named, never seen: the host takes it from its vault to the connection.

use chain_plugin_sdk::serde_json;
use chain_plugin_sdk::{
    Act, Diagnostics, Host, Http, Operate, Outcome, Ref, Report, Request, Step, Tls, Topology,
    Turn, error,
};

use crate::Options;

/// A run of it.
pub struct Greet {
    what: Request,
    name: String,
    greeting: String,
    asked: bool,
}

impl Operate for Greet {
    fn start(all: Topology, what: Request, _host: &dyn Host) -> Result<Self, Diagnostics> {
        let Options { greeting, .. } = serde_json::from_str(&what.options)
            .map_err(|fault| vec![error("options", "", fault.to_string())])?;
        let node = all.subjects.iter().find(|it| it.id == what.subject);
        Ok(Self {
            name: node.map(|it| it.name.clone()).unwrap_or_default(),
            what,
            greeting,
            asked: false,
        })
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        if !self.asked {
            self.asked = true;
            return Turn::Steps(vec![self.step()]);
        }
        match outcomes.into_iter().next().map(|outcome| outcome.answer) {
            Some(Ok(answer)) if answer.code == 200 => Turn::Done(Report {
                text: String::from_utf8_lossy(&answer.body).into_owned(),
                table: "null".to_owned(),
                files: Vec::new(),
                notes: Vec::new(),
            }),
            Some(Ok(answer)) => failed(format!("it answered {}", answer.code)),
            Some(Err(failure)) => failed(failure.message),
            None => failed("no answer".to_owned()),
        }
    }
}

impl Greet {
    fn step(&self) -> Step {
        let own = |name: &str| Ref {
            role: self.what.role.clone(),
            instance: self.what.instance.clone(),
            subject: self.what.subject.clone(),
            name: name.to_owned(),
        };
        Step {
            on: self.what.subject.clone(),
            says: format!("greeting {}", self.name),
            sensitive: false,
            timeout_ms: 5_000,
            act: Act::Http(Http {
                port: "ask".to_owned(),
                h2: false,
                tls: Some(Tls {
                    server_name: self.name.clone(),
                    roots: Vec::new(),
                    identity: Some((own("id"), own("seed"))),
                }),
                method: "POST".to_owned(),
                path: "/greeting".to_owned(),
                headers: Vec::new(),
                body: self.greeting.clone().into_bytes(),
            }),
        }
    }
}

fn failed(why: String) -> Turn {
    Turn::Failed(vec![error("greet", "", why)])
}

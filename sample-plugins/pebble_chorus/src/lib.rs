//! The consensus of `pebble`: members speak in turn; those that join later are given a seat by those that are there.
//!
//! It takes the `seed` of the client, if the client and the user agree: its own container signs with it, and at a node's
//! birth a public `pledge` is made from it. A node that joins asks a living one for a seat, by the operation `join`.

mod invite;
mod join;

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{
    Descriptor, Image, KeptSpec, Need, Operation, Phase, Port, Take,
};
use chain_plugin_sdk::serde_json::{self, json};
use chain_plugin_sdk::{
    At, Change, Configured, Delivery, Diagnostics, Host, Item, Operate, Outcome, Plugin,
    Provisioned, Rendered, RenderedBuilder, Request, Subject, Topology, Turn, reference, warning,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use invite::Invite;
pub use join::Join;

chain_plugin_sdk::export_plugin!(Chorus, operate = Work);

/// An operation at work.
pub enum Work {
    /// A node is given a seat.
    Join(Join),
    /// The chain grows.
    Invite(Invite),
}

impl Operate for Work {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        if what.operation == "invite" {
            return Invite::start(all, what, host).map(Self::Invite);
        }
        Join::start(all, what, host).map(Self::Join)
    }

    fn next(&mut self, outcomes: Vec<Outcome>, host: &dyn Host) -> Turn {
        match self {
            Self::Join(join) => join.next(outcomes, host),
            Self::Invite(invite) => invite.next(outcomes, host),
        }
    }

    fn ended(
        &mut self,
        outcomes: Vec<(u32, Outcome)>,
        host: &dyn Host,
    ) -> Result<Turn, Vec<(u32, Outcome)>> {
        match self {
            Self::Join(join) => join.ended(outcomes, host),
            Self::Invite(invite) => invite.ended(outcomes, host),
        }
    }
}

/// A session.
pub struct Chorus {
    all: Topology,
}

/// What is remembered of a node that joined.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    seat: u32,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
}

#[derive(Serialize, Deserialize)]
struct Facts {
    order: Vec<String>,
    kind: String,
}

impl Plugin for Chorus {
    fn descriptor() -> Descriptor {
        let node = || vec!["node".to_owned()];
        let need = |phase| Need {
            phase,
            role: "talker".into(),
            from: Phase::Provision,
            kind: Some("node".into()),
            optional: false,
        };
        Descriptor {
            name: "pebble_chorus".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: env!("CARGO_PKG_DESCRIPTION").into(),
            license: "Apache-2.0".into(),
            stack: "pebble".into(),
            role: "chorus".into(),
            series: vec!["first".into()],
            on: BTreeMap::from([
                (Phase::Provision, node()),
                (Phase::Configure, vec!["chain".into()]),
                (Phase::Render, node()),
            ]),
            needs: vec![
                need(Phase::Provision),
                need(Phase::Configure),
                need(Phase::Render),
                need(Phase::Operate),
            ],
            kept: vec![KeptSpec {
                name: "pledge".into(),
                kinds: node(),
                ..KeptSpec::default()
            }],
            takes: vec![Take {
                role: "talker".into(),
                item: "seed".into(),
                phases: vec![Phase::Provision],
            }],
            container: "chorus".into(),
            images: vec![Image {
                name: "chorus".into(),
                default: "registry.example/pebble/chorus:1.0".into(),
            }],
            ports: vec![Port {
                name: "sing".into(),
                number: 7710,
                reach: "peers".into(),
                purpose: "p2p".into(),
                ..Port::default()
            }],
            operations: vec![
                Operation {
                    name: "invite".into(),
                    summary: "Grows the chain by as many nodes as there are guests".into(),
                    args: json!({
                        "type": "object",
                        "properties": {"guests": {"type": "integer", "minimum": 1, "default": 1}},
                        "additionalProperties": false,
                    }),
                    ..Operation::default()
                },
                Operation {
                    name: "join".into(),
                    summary: "Asks a living node to give the new one a seat".into(),
                    kind: "node".into(),
                    hook: "before-add".into(),
                    exec: vec!["chorus".into()],
                    ..Operation::default()
                },
            ],
            ..Descriptor::default()
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self { all: topology })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let (mut keep, mut notes) = (Vec::new(), Vec::new());
        let seed = reference("talker", &at.call.subject, "seed");
        let mut pledge = at.kept_text("pledge");
        if pledge.is_none() {
            pledge = at.host.kept(&seed).map(|seed| pledge_of(&seed));
            match &pledge {
                Some(pledge) => keep.push(Item {
                    name: "pledge".to_owned(),
                    bytes: pledge.clone().into_bytes(),
                    secret: false,
                    media: "text/plain".to_owned(),
                }),
                None => notes.push(warning(
                    "no-seed",
                    "",
                    format!(
                        "{} makes no pledge: its seed may not be read",
                        at.call.subject
                    ),
                )),
            }
        }
        let facts = pledge.map_or_else(|| json!({}), |pledge| json!({"pledge": pledge}));
        Ok(Provisioned {
            keep,
            facts: facts.to_string(),
            notes,
        })
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let mut founders: Vec<&Subject> = self
            .all
            .subjects
            .iter()
            .filter(|it| it.kind == "node")
            .collect();
        founders.sort_by_key(|it| it.ordinal);
        let order = founders
            .iter()
            .map(|it| at.fact(&it.id, "talker").map(|Identity { id }| id))
            .collect::<Result<_, _>>()?;
        let facts = json!(Facts {
            order,
            kind: "round-robin".to_owned(),
        });
        Ok(Configured {
            files: Vec::new(),
            facts: facts.to_string(),
            fingerprint: None,
            notes: Vec::new(),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let node = &at.call.subject;
        let seed = reference("talker", node, "seed");
        let mut args = vec!["--key".to_owned(), "/etc/chorus/seed".to_owned()];
        match self.seat(at)? {
            Some(seat) => args.extend(["--seat".to_owned(), seat.to_string()]),
            None => args.push("--wait-for-seat".to_owned()),
        }
        Ok(RenderedBuilder::new()
            .container(&json!({
                "name": "chorus",
                "image": at.image("chorus"),
                "args": args,
                "ports": [{"name": "sing", "containerPort": 7710}],
            }))
            .bind(
                "chorus",
                "/etc/chorus/seed",
                seed,
                Delivery::Mounted,
                Change::Roll,
            )
            .build())
    }
}

impl Chorus {
    /// A founder's seat is its place in the order; that of one who joined was remembered.
    fn seat(&self, at: &At<'_>) -> Result<Option<u32>, Diagnostics> {
        let node = &at.call.subject;
        if let Some(State { seat }) = remembered(at.host, node) {
            return Ok(Some(seat));
        }
        let Facts { order, .. } = at.fact("chain", "chorus")?;
        let Identity { id } = at.fact(node, "talker")?;
        let place = order.iter().position(|member| *member == id);
        Ok(place.and_then(|place| u32::try_from(place).ok()))
    }
}

pub(crate) fn remembered(host: &dyn Host, node: &str) -> Option<State> {
    serde_json::from_str(&host.state(node)?).ok()
}

/// What a member promises with its seed.
pub fn pledge_of(seed: &[u8]) -> String {
    let hash = Sha256::new()
        .chain_update(b"pebble pledge")
        .chain_update(seed)
        .finalize();
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;

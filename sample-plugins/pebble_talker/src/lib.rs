//! The client of `pebble`: makes the keys of nodes and the genesis file, and runs the container that talks to peers.
//!
//! A node's `seed` is a secret; its `id` is derived from it and public. The genesis file is made from what the consensus
//! gives about the chain, which in turn is made from the ids: client -> consensus -> client.

mod genesis;
mod greet;

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{
    Descriptor, Image, KeptSpec, Need, Operation, Phase, Port, Volume,
};
use chain_plugin_sdk::serde_json::json;
use chain_plugin_sdk::{
    At, Blob, Change, Configured, Delivery, Diagnostics, Item, Plugin, Provisioned, Rendered,
    RenderedBuilder, Subject, Topology, error, reference,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use genesis::{Circle, Genesis, Order};

pub use greet::Greet;

chain_plugin_sdk::export_plugin!(Talker, operate = Greet);

/// A session.
pub struct Talker {
    all: Topology,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    greeting: String,
    log_level: String,
}

#[derive(Deserialize)]
struct Motto {
    motto: String,
}

impl Plugin for Talker {
    fn descriptor() -> Descriptor {
        let node = || vec!["node".to_owned()];
        Descriptor {
            name: "pebble_talker".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: env!("CARGO_PKG_DESCRIPTION").into(),
            license: "Apache-2.0".into(),
            stack: "pebble".into(),
            role: "talker".into(),
            series: vec!["first".into()],
            options: json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "greeting": {
                        "type": "string", "default": "hello", "maxLength": 40, "x-chain-fixed": true,
                        "description": "The first message of the chain",
                    },
                    "logLevel": {
                        "type": "string", "default": "info", "enum": ["debug", "info", "error"],
                        "description": "How much the client says",
                    },
                },
            }),
            on: BTreeMap::from([
                (Phase::Provision, node()),
                (Phase::Configure, vec!["chain".into()]),
                (Phase::Render, node()),
            ]),
            needs: vec![
                Need {
                    phase: Phase::Configure,
                    role: "chorus".into(),
                    from: Phase::Configure,
                    kind: Some("chain".into()),
                    optional: false,
                },
                Need {
                    phase: Phase::Configure,
                    role: "stack".into(),
                    from: Phase::Provision,
                    kind: Some("circle".into()),
                    optional: false,
                },
            ],
            kept: vec![
                KeptSpec {
                    name: "seed".into(),
                    kinds: node(),
                    secret: true,
                    share: vec!["chorus".into()],
                    ..KeptSpec::default()
                },
                KeptSpec {
                    name: "id".into(),
                    kinds: node(),
                    ..KeptSpec::default()
                },
            ],
            container: "talker".into(),
            images: vec![Image {
                name: "talker".into(),
                default: "registry.example/pebble/talker:1.0".into(),
            }],
            ports: vec![
                Port {
                    name: "talk".into(),
                    number: 7700,
                    reach: "peers".into(),
                    purpose: "p2p".into(),
                    ..Port::default()
                },
                Port {
                    name: "ask".into(),
                    number: 7701,
                    reach: "clients".into(),
                    purpose: "rpc".into(),
                    ..Port::default()
                },
            ],
            volumes: vec![Volume {
                name: "data".into(),
                size: "1Gi".into(),
                ..Volume::default()
            }],
            resources: json!({"requests": {"cpu": "50m", "memory": "64Mi"}}),
            operations: vec![Operation {
                name: "greet".into(),
                summary: "Says the greeting to a node, as the node itself".into(),
                kind: "node".into(),
                secrets: vec!["seed".into()],
                ..Operation::default()
            }],
            ..Descriptor::default()
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self { all: topology })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let mut keep = Vec::new();
        let id = at.kept_text("id").unwrap_or_else(|| {
            let seed = at.entropy::<32>();
            let id = id_of(&seed);
            keep.push(item("seed", &seed, true));
            keep.push(item("id", id.as_bytes(), false));
            id
        });
        Ok(Provisioned {
            keep,
            facts: json!({"id": id}).to_string(),
            notes: Vec::new(),
        })
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let options: Options = at.options()?;
        let Order { order, kind } = at.fact(&at.call.subject, "chorus")?;
        let chain = self.of_kind("chain").next();
        let circles = self
            .of_kind("circle")
            .map(|it| {
                let Motto { motto } = at.fact(&it.id, "stack")?;
                Ok(Circle {
                    name: it.name.clone(),
                    motto,
                })
            })
            .collect::<Result<_, Diagnostics>>()?;
        let genesis = Genesis {
            chain: self.all.chain.clone(),
            born_ms: chain.map_or(0, |it| it.born_ms).to_string(),
            greeting: options.greeting,
            circles,
            kind,
            members: order,
        };
        let text = genesis
            .text()
            .map_err(|fault| vec![error("genesis", "", fault.to_string())])?;
        Ok(Configured {
            fingerprint: Some(hex(&Sha256::digest(&text))),
            files: vec![Blob {
                name: "genesis.json".to_owned(),
                bytes: text.into_bytes(),
            }],
            facts: "{}".to_owned(),
            notes: Vec::new(),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let peers: Vec<String> = self
            .of_kind("node")
            .filter(|it| it.id != at.call.subject)
            .flat_map(|it| it.endpoints.iter().filter(|port| port.port == "talk"))
            .map(|it| match &it.outside {
                Some(outside) => outside.clone(),
                None => format!("{}:{}", it.service, it.number),
            })
            .collect();
        let probe = json!({"tcpSocket": {"port": "ask"}, "periodSeconds": 5});
        Ok(RenderedBuilder::new()
            .file("peers.json", json!(peers).to_string())
            .container(&json!({
                "name": "talker",
                "image": at.image("talker"),
                "args": ["serve", "--genesis", "/etc/pebble/genesis.json", "--log", options.log_level],
                "ports": [
                    {"name": "talk", "containerPort": 7700},
                    {"name": "ask", "containerPort": 7701},
                ],
                "readinessProbe": probe,
            }))
            .volume("talker", "/var/lib/pebble", "data", "")
            .bind(
                "talker",
                "/etc/pebble/genesis.json",
                at.own_of("chain", "genesis.json"),
                Delivery::Mounted,
                Change::Roll,
            )
            .bind(
                "talker",
                "/etc/pebble-peers/peers.json",
                at.own("peers.json"),
                Delivery::Live,
                Change::Wait,
            )
            .bind(
                "talker",
                "/etc/pebble-keys/seed",
                reference("talker", &at.call.subject, "seed"),
                Delivery::Mounted,
                Change::Roll,
            )
            .build())
    }
}

impl Talker {
    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Subject> {
        self.all.subjects.iter().filter(move |it| it.kind == kind)
    }
}

/// The public id that belongs to a seed.
pub fn id_of(seed: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"pebble id");
    hash.update(seed);
    hex(&hash.finalize()[..20])
}

fn item(name: &str, bytes: &[u8], secret: bool) -> Item {
    Item {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        secret,
        media: "application/octet-stream".to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The options as the host gives them when the user says nothing.
#[cfg(test)]
fn default_options() -> chain_plugin_sdk::serde_json::Value {
    json!({"greeting": "hello", "logLevel": "info"})
}

#[cfg(test)]
mod tests;

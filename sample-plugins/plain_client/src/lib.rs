//! A client of somebody else's for the stack `quorum`: driven by the same consensus plugins as `goquorum`, with a genesis
//! file and flags of its own.
//!
//! It knows nothing of the other plugins but the facts that the stack's schemas describe. Its keys are a stand-in: the
//! sample is about who tells whom what, not about curves.

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{Descriptor, Image, KeptSpec, Need, Phase, Port, Volume};
use chain_plugin_sdk::serde_json::json;
use chain_plugin_sdk::{
    At, Blob, Change, Configured, Delivery, Diagnostics, Item, Plugin, Provisioned, Rendered,
    RenderedBuilder, Subject, Topology, error,
};
use serde::Deserialize;

chain_plugin_sdk::export_plugin!(Plain);

/// What this client takes of what a consensus says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consensus {
    kind: String,
    block_period_ms: u64,
    members: Vec<String>,
    genesis: GenesisFields,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GenesisFields {
    difficulty: String,
    mix_hash: String,
    extra_data: String,
}

/// A session.
pub struct Plain {
    all: Topology,
}

impl Plugin for Plain {
    fn descriptor() -> Descriptor {
        let need = |phase| Need {
            phase,
            role: "consensus".into(),
            from: Phase::Configure,
            kind: Some("chain".into()),
            optional: false,
        };
        let port = |name: &str, number, reach: &str, purpose: &str| Port {
            name: name.into(),
            number,
            reach: reach.into(),
            purpose: purpose.into(),
            ..Port::default()
        };
        Descriptor {
            name: "plain_client".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: env!("CARGO_PKG_DESCRIPTION").into(),
            license: "Apache-2.0".into(),
            stack: "quorum".into(),
            role: "client".into(),
            series: vec!["v24.4.1".into()],
            on: BTreeMap::from([
                (Phase::Provision, vec!["node".into()]),
                (Phase::Configure, vec!["chain".into()]),
                (Phase::Render, vec!["node".into()]),
            ]),
            needs: vec![need(Phase::Configure), need(Phase::Render)],
            kept: vec![
                KeptSpec {
                    name: "key".into(),
                    kinds: vec!["node".into()],
                    secret: true,
                    ..KeptSpec::default()
                },
                KeptSpec {
                    name: "id".into(),
                    kinds: vec!["node".into()],
                    ..KeptSpec::default()
                },
            ],
            container: "plain".into(),
            images: vec![Image {
                name: "plain".into(),
                default: "registry.example/plain/client:3.1".into(),
            }],
            ports: vec![
                port("rpc", 7000, "clients", "rpc"),
                port("p2p", 7001, "peers", "p2p"),
            ],
            volumes: vec![Volume {
                name: "data".into(),
                size: "1Gi".into(),
                ..Volume::default()
            }],
            ..Descriptor::default()
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self { all: topology })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let item = |name: &str, text: String, secret| Item {
            name: name.to_owned(),
            bytes: text.into_bytes(),
            secret,
            media: "text/plain".to_owned(),
        };
        let (keep, id) = match at.kept_text("id") {
            Some(id) => (Vec::new(), id),
            None => {
                let (key, id) = (hex(&at.entropy::<32>()), hex(&at.entropy::<64>()));
                (
                    vec![item("key", key, true), item("id", id.clone(), false)],
                    id,
                )
            }
        };
        let node = self.subject(&at.call.subject)?;
        let address =
            |from: usize| format!("0x{}", id.chars().skip(from).take(40).collect::<String>());
        let service = node.endpoints.iter().find(|it| it.port == "p2p");
        let place = service.map_or_else(String::new, |it| format!("{}:{}", it.service, it.number));
        let facts = json!({
            "nodeId": id, "nodeAddress": address(0), "accountAddress": address(40),
            "enode": format!("enode://{id}@{place}"),
        });
        Ok(Provisioned {
            keep,
            facts: facts.to_string(),
            notes: Vec::new(),
        })
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let consensus: Consensus = at.fact("chain", "consensus")?;
        let genesis = json!({
            "engine": consensus.kind,
            "difficulty": consensus.genesis.difficulty,
            "mix": consensus.genesis.mix_hash,
            "extra": consensus.genesis.extra_data,
        });
        let text = genesis.to_string() + "\n";
        // A stand-in for the hash of block 0.
        let hash = text.bytes().fold(7_u64, |hash, byte| {
            hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        let hash = format!("0x{hash:064x}");
        Ok(Configured {
            files: vec![Blob {
                name: "plain-genesis.json".to_owned(),
                bytes: text.into_bytes(),
            }],
            facts: json!({"chainId": 7, "networkId": 7, "genesisHash": hash}).to_string(),
            fingerprint: Some(hash),
            notes: Vec::new(),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let consensus: Consensus = at.fact("chain", "consensus")?;
        let args = vec![
            format!("engine={}", consensus.kind),
            format!("tick={}ms", consensus.block_period_ms),
            format!("quorum-of={}", consensus.members.len()),
            "genesis=/plain/genesis.json".to_owned(),
        ];
        Ok(RenderedBuilder::new()
            .container(&json!({
                "name": "plain",
                "image": at.image("plain"),
                "command": ["plain-client"],
                "args": args,
                "ports": [
                    {"name": "rpc", "containerPort": 7000}, {"name": "p2p", "containerPort": 7001},
                ],
            }))
            .volume("plain", "/plain/data", "data", "")
            .bind(
                "plain",
                "/plain/genesis.json",
                at.own_of("chain", "plain-genesis.json"),
                Delivery::Mounted,
                Change::Roll,
            )
            .bind(
                "plain",
                "/plain/key",
                at.own("key"),
                Delivery::Mounted,
                Change::Roll,
            )
            .build())
    }
}

impl Plain {
    fn subject(&self, id: &str) -> Result<&Subject, Diagnostics> {
        let found = self.all.subjects.iter().find(|it| it.id == id);
        found.ok_or_else(|| vec![error("subject", "", format!("there is no {id}"))])
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::TestHost;
    use chain_plugin_sdk::serde_json::{Value, from_slice, from_str};

    fn session() -> Plain {
        Plain::open(Topology {
            chain: "demo".into(),
            stack: "quorum".into(),
            release: "v24.4.1".into(),
            subjects: vec![],
            host_features: vec![],
            extra: "{}".into(),
        })
        .unwrap()
    }

    /// What `qbft` gives about a chain of one node: the published vector's extra data.
    fn host() -> TestHost {
        let extra = "0xf83aa00000000000000000000000000000000000000000000000000000000000000000d594d8dba507e85f116b1f7e231ca8525fc9008a6966c080c0";
        let facts = json!({
            "kind": "qbft", "blockPeriodMs": 2000, "requestTimeoutMs": 4000, "epochLength": 30000,
            "identity": "node", "members": ["0xd8Dba507e85F116b1f7e231cA8525fC9008A6966"],
            "genesis": {"difficulty": "0x1", "mixHash": "0x63", "extraData": extra},
        });
        TestHost::new().fact("chain", "consensus", &facts)
    }

    #[test]
    fn what_qbft_says_becomes_this_clients_own_words() {
        let host = host();
        let call = TestHost::call("node/node0", "client", &json!({}), &[("plain", "p:1")]);
        let rendered = session().render(&host.at(&call)).unwrap();
        let pod: Value = from_str(&rendered.fragments[0].body).unwrap();
        let args = &pod["spec"]["containers"][0]["args"];
        assert_eq!(
            *args,
            json!([
                "engine=qbft",
                "tick=2000ms",
                "quorum-of=1",
                "genesis=/plain/genesis.json"
            ])
        );
        assert!(
            !args.to_string().contains("--"),
            "none of the other client's flags"
        );
    }

    #[test]
    fn the_extra_data_is_in_its_genesis_as_the_consensus_wrote_it() {
        let host = host();
        let call = TestHost::call("chain", "client", &json!({}), &[("plain", "p:1")]);
        let made = session().configure(&host.at(&call)).unwrap();
        let genesis: Value = from_slice(&made.files[0].bytes).unwrap();
        assert!(
            genesis["extra"]
                .as_str()
                .unwrap()
                .contains("d8dba507e85f116b1f7e231ca8525fc9008a6966")
        );
        assert_eq!(genesis["engine"], "qbft");
    }
}

//! The privacy manager `constellation`, the elder of Tessera, for clients of before 2020.
//!
//! It knows peers by IP address only and is told of them at its start: a script looks names of Services up. One peer
//! that is reached is enough, so a node more changes one object and restarts nobody.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::{
    At, Configured, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder, Topology,
    export_plugin,
};
use quorum_formats::constellation::Constellation as Arguments;
use quorum_service::facts::{self, PrivacyChain};
use quorum_service::privacy::{self, DATA, KEYS, PEERS, SOCKET, SOCKETS};
use quorum_service::{CHAIN, Nodes, container};
use serde::Deserialize;
use serde_json::json;

/// The name of the container and of its image.
const CONTAINER: &str = "constellation";
/// The peers of all nodes, one URL a line.
const LIST: &str = "constellation-peers";
/// The file that starts it.
const SCRIPT: &str = "constellation.sh";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    verbosity: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self { verbosity: 1 }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Constellation {
    nodes: Nodes,
}

impl Plugin for Constellation {
    fn descriptor() -> Descriptor {
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "key": privacy::key_schema(),
                    "verbosity": {
                        "type": "integer", "minimum": 0, "maximum": 3, "default": 1, "description": "how much it logs",
                    },
                },
            }),
            ..privacy::descriptor(
                "constellation",
                "privacy manager: Constellation, before Tessera; without privacy enhancements",
                "quorumengineering/constellation:0.3.2",
                "128Mi",
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        privacy::provisioned(at)
    }

    fn configure(&self, _at: &At<'_>) -> Result<Configured, Diagnostics> {
        Ok(Configured {
            files: Vec::new(),
            facts: facts::text(&PrivacyChain {
                privacy_enhancements: false,
            }),
            fingerprint: None,
            notes: Vec::new(),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        if at.call.subject == CHAIN {
            let urls = self.nodes.with_port(PEERS).map(|node| {
                let (host, port) = self.nodes.address(None, node, PEERS)?;
                Ok(url(&host, port) + "\n")
            });
            return Ok(RenderedBuilder::new()
                .file(LIST, urls.collect::<Result<String, Diagnostics>>()?)
                .file(SCRIPT, include_str!("constellation.sh"))
                .build());
        }
        let options: Options = at.options()?;
        let node = self.nodes.subject(&at.call.subject)?;
        let (host, port) = self.nodes.address(None, node, PEERS)?;
        let arguments = Arguments {
            folder: DATA.to_owned(),
            socket: format!("{SOCKETS}/{SOCKET}"),
            keys: KEYS.to_owned(),
            url: url(&host, port),
            port,
            other_nodes: Vec::new(),
            verbosity: options.verbosity,
        };
        // The script adds the peers, which it looks up.
        let mut arguments = arguments.arguments();
        arguments.retain(|argument| !argument.starts_with("--othernodes"));
        let builder = RenderedBuilder::new().container(&json!({
            "name": CONTAINER,
            "image": at.image(CONTAINER),
            "command": ["sh", format!("/opt/quorum/{SCRIPT}")],
            "args": arguments,
            "ports": container::ports(&Self::descriptor().ports),
            "startupProbe": privacy::probe(5, 60),
            "readinessProbe": privacy::probe(10, 3),
        }));
        Ok(privacy::bound(builder, at, CONTAINER, SCRIPT, LIST).build())
    }
}

/// A URL in which the script puts an address for the name. It speaks TLS of its own everywhere, so an address that says so
/// says nothing new.
fn url(host: &str, port: u16) -> String {
    let host = host.strip_prefix("https://").unwrap_or(host);
    format!("https://@{host}@:{port}/")
}

export_plugin!(Constellation);

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::{Content, TestHost};
    use quorum_service::{PRIVACY, fixture};

    const IMAGE: (&str, &str) = ("constellation", "quorumengineering/constellation:0.3.2");

    fn rendered(nodes: u32, subject: &str) -> Rendered {
        let session = Constellation::open(fixture::topology(nodes, 0)).unwrap();
        let host = TestHost::new();
        let call = TestHost::call(subject, PRIVACY, &json!({}), &[IMAGE]);
        session.render(&host.at(&call)).unwrap()
    }

    #[test]
    fn the_list_names_all_nodes_and_the_pod_none_but_its_own() {
        let chain = rendered(2, CHAIN);
        let Content::Bytes(list) = &chain.files[0].content else {
            panic!("no bytes")
        };
        assert_eq!(
            list,
            b"https://@demo-node0@:9001/\nhttps://@demo-node1@:9001/\n"
        );
        assert_eq!(rendered(2, "node/node0"), rendered(3, "node/node0"));
        let body = &rendered(2, "node/node0").fragments[0].body;
        assert!(body.contains("--url=https://@demo-node0@:9001/") && !body.contains("node1"));
        assert!(body.contains("--socket=/run/quorum/tm.ipc"));
    }

    #[test]
    fn nodes_of_others_are_peers_where_they_are_reached() {
        let topology = fixture::parties(PEERS, "192.0.2.7:31001");
        let call = TestHost::call(CHAIN, PRIVACY, &json!({}), &[IMAGE]);
        let session = Constellation::open(topology).unwrap();
        let rendered = session.render(&TestHost::new().at(&call)).unwrap();
        let Content::Bytes(list) = &rendered.files[0].content else {
            panic!("no bytes")
        };
        assert_eq!(
            list,
            b"https://@demo-node0@:9001/\nhttps://@192.0.2.7@:31001/\n"
        );
    }

    #[test]
    fn a_peer_behind_tls_is_named_as_any_other() {
        assert_eq!(url("https://a.example", 443), "https://@a.example@:443/");
        assert_eq!(url("a.example", 9001), "https://@a.example@:9001/");
    }

    #[test]
    fn the_script_looks_names_up_and_leaves_out_peers_that_have_no_address() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("constellation.sh"), include_str!("constellation.sh")).unwrap();
        fs::write(at("peers"), "https://@one@:9001/\nhttps://@two@:9001/\n").unwrap();
        fs::write(at("socket"), "").unwrap();
        let program = |name: &str, text: &str| {
            fs::write(at(name), format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
        };
        program(
            "getent",
            "case $2 in one) echo '10.0.0.1  one' ;; *) exit 2 ;; esac",
        );
        program(
            "constellation-node",
            "for one in \"$@\"; do echo \"$one\"; done",
        );
        let run = |own: &str| {
            std::process::Command::new("sh")
                .arg(at("constellation.sh"))
                .args([own, "--port=9001"])
                .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
                .env("CHAIN_PEERS", at("peers"))
                .env("CHAIN_SOCKET", at("socket"))
                .output()
                .unwrap()
        };
        let output = run("--url=https://@one@:9001/");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "--url=https://10.0.0.1:9001/\n--port=9001\n--othernodes=https://10.0.0.1:9001/\n"
        );
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("@two@:9001/ does not resolve yet")
        );
        assert!(!at("socket").exists());
        assert!(!run("--url=https://@two@:9001/").status.success());
    }
}

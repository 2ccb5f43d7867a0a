//! The privacy manager `tessera`: private payloads travel between nodes past the chain, which has their hashes only.
//!
//! One configuration for all nodes, in the shape that the version reads; a node puts its own name in when it starts.
//! So a node more changes one object, and restarts nobody: Tessera tells its peers of those that it learns of.

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
use quorum_formats::tessera_config::{KeySource, Shape, THIRD_PARTY_PORT, TesseraConfig};
use quorum_formats::version::Version;
use quorum_service::facts::{self, PrivacyChain};
use quorum_service::fault::{at as fault_at, refuse_with};
use quorum_service::privacy::{self, DATA, KEY, KEYS, PEERS, PUBLIC_KEY, SOCKETS};
use quorum_service::{CHAIN, Nodes, PRIVACY, container};
use serde::Deserialize;
use serde_json::json;

/// The name of the container and of its image.
const CONTAINER: &str = "tessera";
/// The configuration of all nodes.
const CONFIG: &str = "tessera-config.json";
/// The file that starts it.
const SCRIPT: &str = "tessera.sh";
/// What a node replaces by its own name.
const HOST: &str = "%TESSERA_HOST%";
/// The first version with privacy enhancements.
const ENHANCED: Version = Version::new(1, 0, 0);

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    version: Option<String>,
    java_options: String,
    always_send_to: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: None,
            java_options: "-Xms128M -Xmx256M".to_owned(),
            always_send_to: Vec::new(),
        }
    }
}

impl Options {
    fn version(&self, at: &At<'_>) -> Result<Version, Diagnostics> {
        if let Some(version) = &self.version {
            return version.parse().map_err(fault_at("version", "/version"));
        }
        Version::of_image(&at.image(CONTAINER)).map_err(|fault| {
            let hint = "`--privacy-version 24.4.2` says which one it is: its configuration differs between versions";
            refuse_with("version", "/version", fault.to_string(), hint)
        })
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Tessera {
    nodes: Nodes,
}

impl Plugin for Tessera {
    fn descriptor() -> Descriptor {
        let mut descriptor = Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "key": privacy::key_schema(),
                    "version": {
                        "type": "string", "pattern": r"^v?[0-9]+\.[0-9]+(\.[0-9]+)?([-+].*)?$",
                        "description": "version of Tessera, when the tag of its image names none",
                    },
                    "javaOptions": {
                        "type": "string", "default": "-Xms128M -Xmx256M", "description": "options of the Java machine",
                    },
                    "alwaysSendTo": {
                        "type": "array", "items": {"type": "string", "pattern": "^[0-9A-Za-z+/]{43}=$"}, "default": [],
                        "description": "public keys that get every private transaction",
                    },
                },
            }),
            ..privacy::descriptor(
                "tessera",
                "privacy manager: Tessera, private payloads between the nodes that a sender names",
                "quorumengineering/tessera:24.4.2",
                "512Mi",
            )
        };
        descriptor.ports.push(container::port(
            "tm-third-party",
            THIRD_PARTY_PORT,
            "clients",
            "third-party",
        ));
        descriptor
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        privacy::provisioned(at)
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let options: Options = at.options()?;
        let facts = PrivacyChain {
            privacy_enhancements: options.version(at)? >= ENHANCED,
        };
        Ok(Configured {
            files: Vec::new(),
            facts: facts::text(&facts),
            fingerprint: None,
            notes: Vec::new(),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        if at.call.subject == CHAIN {
            self.chain(at)
        } else {
            self.node(at)
        }
    }
}

impl Tessera {
    fn chain(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let version = options.version(at)?;
        let chain: PrivacyChain = at.fact(CHAIN, PRIVACY)?;
        if chain.privacy_enhancements && version < ENHANCED {
            let message = format!(
                "Tessera {version} knows no privacy enhancements, and the genesis block of the chain has them"
            );
            return Err(refuse_with(
                "version",
                "/version",
                message,
                "an image of 1.0.0 or later",
            ));
        }
        let peers = self.nodes.with_port(PEERS).map(|node| {
            let (host, port) = self.nodes.address(None, node, PEERS)?;
            Ok(TesseraConfig::peer_url(&format!("{host}:{port}")))
        });
        let config = TesseraConfig {
            folder: DATA.to_owned(),
            socket_folder: Some(SOCKETS.to_owned()),
            bind_host: Some("0.0.0.0".to_owned()),
            keys: KeySource::Files {
                private: format!("{KEYS}/{KEY}"),
                public: format!("{KEYS}/{PUBLIC_KEY}"),
                password_file: None,
            },
            always_send_to: options.always_send_to,
            privacy_enhancements: chain.privacy_enhancements,
            ..TesseraConfig::new(HOST, peers.collect::<Result<_, Diagnostics>>()?)
        };
        let text = config
            .render(Shape::of_version(&version))
            .map_err(fault_at("config", ""))?;
        Ok(RenderedBuilder::new()
            .file(CONFIG, text.as_bytes().to_vec())
            .file(SCRIPT, include_str!("tessera.sh"))
            .build())
    }

    fn node(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let node = self.nodes.subject(&at.call.subject)?;
        // As peers know it: with the namespace where nodes live in several.
        let (host, _) = self.nodes.address(None, node, PEERS)?;
        let builder = RenderedBuilder::new().container(&json!({
            "name": CONTAINER,
            "image": at.image(CONTAINER),
            "command": ["sh", format!("/opt/quorum/{SCRIPT}")],
            "env": [
                {"name": "TESSERA_HOST", "value": host},
                {"name": "JAVA_OPTS", "value": options.java_options},
                {"name": "HOME", "value": DATA},
            ],
            "ports": container::ports(&Self::descriptor().ports),
            "startupProbe": privacy::probe(5, 60),
            "readinessProbe": privacy::probe(10, 3),
        }));
        Ok(privacy::bound(builder, at, CONTAINER, SCRIPT, CONFIG).build())
    }
}

export_plugin!(Tessera);

#[cfg(test)]
mod tests;

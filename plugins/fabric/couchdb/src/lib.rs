//! The state of a peer in `CouchDB`, in the peer's own pod, where it answers on loopback alone.
//!
//! The image starts as any user: `local.d` is open to all, and only the folder of the data needs a volume. Its entry point
//! writes the administrator into `local.d` at each start, so the password is kept here and not on the volume.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, Image, KeptSpec, Phase};
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder, Topology,
    export_plugin,
};
use fabric_service::container::requests;
use fabric_service::descriptor::{disk, kept, kinds, plugin, port, text_item};
use fabric_service::facts::{self, StateDatabase};
use fabric_service::{Network, Release, kind, port as ports, role};
use serde::Deserialize;
use serde_json::json;

/// The name of the container, of its image and of its volume.
const CONTAINER: &str = "couchdb";
/// The password of the administrator, a secret.
const PASSWORD: &str = "password";
/// Name of the administrator. Public items are there on later runs, so it also says that the password was born.
const USER: &str = "user";
/// The configuration over that of the image.
const CONFIG: &str = "fabric.ini";
/// Where it is read: after what the image puts there, by the order of names.
const CONFIG_PATH: &str = "/opt/couchdb/etc/default.d/50-fabric.ini";
/// What `curl` of the image asks; the kubelet does not reach the pod's loopback.
const HEALTH: &str = "http://127.0.0.1:5984/_up";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    user: String,
    logging: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user: "admin".to_owned(),
            logging: "warning".to_owned(),
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct CouchDb {
    network: Network,
}

impl Plugin for CouchDb {
    fn descriptor() -> Descriptor {
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "user": {
                        "type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$", "default": "admin", "x-chain-fixed": true,
                        "description": "name of the administrator; the password is born with the peer",
                    },
                    "logging": {
                        "type": "string", "enum": ["debug", "info", "notice", "warning", "error", "none"],
                        "default": "warning",
                        "description": "what is logged at least; at `notice` every request is",
                    },
                },
            }),
            on: [
                (Phase::Provision, kinds(&[kind::PEER])),
                (Phase::Render, kinds(&[kind::PEER])),
            ]
            .into(),
            kept: vec![
                KeptSpec {
                    share: vec![role::PEER.to_owned()],
                    ..kept(PASSWORD, &[kind::PEER], true)
                },
                kept(USER, &[kind::PEER], false),
            ],
            container: CONTAINER.to_owned(),
            images: vec![Image {
                name: CONTAINER.to_owned(),
                default: "couchdb:3.4.2".to_owned(),
            }],
            ports: vec![port(ports::COUCHDB, 5984, "pod", "rpc")],
            volumes: vec![disk(CONTAINER, "10Gi", kind::PEER)],
            resources: requests("50m", "128Mi"),
            ..plugin(
                "couchdb",
                role::STATE_DB,
                "state database: CouchDB in the peer's pod, for queries of what is stored",
                &Release::ALL,
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let (keep, user) = if let Some(user) = at.kept_text(USER) {
            (Vec::new(), user)
        } else {
            let Options { user, .. } = at.options()?;
            let password: String = at
                .entropy::<24>()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let keep = vec![
                text_item(PASSWORD, &password, true),
                text_item(USER, &user, false),
            ];
            (keep, user)
        };
        Ok(Provisioned {
            keep,
            ..facts::known(&StateDatabase {
                kind: "CouchDB".to_owned(),
                address: Some("127.0.0.1:5984".to_owned()),
                user: Some(user),
            })
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let probe = |period: u32, failures: u32| {
            json!({
                "exec": {"command": ["curl", "-sS", "-f", "-o", "/dev/null", "-m", "4", HEALTH]},
                "periodSeconds": period,
                "failureThreshold": failures,
                "timeoutSeconds": 5,
            })
        };
        Ok(RenderedBuilder::new()
            .file(CONFIG, config(self.network.release, &options.logging))
            .container(&json!({
                "name": CONTAINER,
                "image": at.image(CONTAINER),
                "startupProbe": probe(1, 300),
                "readinessProbe": probe(5, 3),
            }))
            .env(CONTAINER, "COUCHDB_USER", at.own(USER))
            .env(CONTAINER, "COUCHDB_PASSWORD", at.own(PASSWORD))
            .volume(CONTAINER, "/opt/couchdb/data", CONTAINER, "")
            .bind(
                CONTAINER,
                CONFIG_PATH,
                at.own(CONFIG),
                Delivery::Mounted,
                Change::Roll,
            )
            .build())
    }
}

/// With `single_node` it makes its own databases at the first start, which the peer would wait for otherwise. One copy of
/// each: asked for the three of its default, it logs an error for every database that a channel or chaincode makes.
///
/// A peer of 1.4 makes itself the administrator of `_users` too, which `CouchDB` 3 refuses unless it is told not to; the peer
/// then ends with a word about a wrong password.
fn config(release: Release, logging: &str) -> String {
    let users = if release == Release::V1_4 {
        "users_db_security_editable = true\n"
    } else {
        ""
    };
    format!(
        "[couchdb]\nsingle_node = true\n{users}\n[cluster]\nn = 1\n\n[chttpd]\nbind_address = 127.0.0.1\nport = 5984\n\n[log]\nlevel = {logging}\n"
    )
}

export_plugin!(CouchDb);

#[cfg(test)]
mod tests;

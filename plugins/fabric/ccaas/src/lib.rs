//! The chaincode runtime `ccaas`: chaincode is a server of its own, one pod for each organisation, and peers dial it.
//!
//! The package names an address and no image, so its id is known before anything runs: pods start with it beside the
//! peers, and a pod that dies comes back without a peer noticing more than one failed call.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, Phase};
use chain_plugin_sdk::{
    At, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder, Topology, export_plugin,
    warning,
};
use fabric_service::extra::{self, Server};
use fabric_service::facts::{self, Package, Runtime};
use fabric_service::fault::{at as fault_at, refuse_with};
use fabric_service::{CHAIN, Network, Release, container, descriptor, kind, port, role};
use fabric_transaction::package::{Code, Connection, Index, PackageError, build};
use serde::Deserialize;
use serde_json::json;

/// The name of the container.
const CONTAINER: &str = "chaincode";
/// Where chaincode listens in its pod.
const PORT: u16 = 9999;
/// The volume of its temporary files.
const SCRATCH: &str = "chaincode-tmp";
/// The longest value of a label in Kubernetes.
const LABEL_VALUE_MAX: usize = 63;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    dial_timeout: String,
    read_only_root: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dial_timeout: "10s".to_owned(),
            read_only_root: false,
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Ccaas {
    network: Network,
}

impl Plugin for Ccaas {
    fn descriptor() -> Descriptor {
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "dialTimeout": {
                        "type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m))+$", "default": "10s",
                        "x-chain-fixed": true,
                        "description": "how long a peer waits for chaincode to answer its call; a part of the package",
                    },
                    "readOnlyRoot": {
                        "type": "boolean", "default": false,
                        "description": "mount the root of chaincode's image read-only; /tmp stays writable",
                    },
                },
            }),
            on: [
                (Phase::Provision, descriptor::kinds(&[CHAIN, kind::SERVER])),
                (Phase::Render, descriptor::kinds(&[kind::SERVER])),
            ]
            .into(),
            container: CONTAINER.to_owned(),
            ports: vec![descriptor::port(
                port::CHAINCODE,
                PORT,
                "peers",
                "chaincode",
            )],
            resources: container::requests("50m", "64Mi"),
            ..descriptor::plugin(
                "ccaas",
                role::CHAINCODE,
                "chaincode as a service: a pod of its own for each organisation, which peers dial",
                &[Release::V2_5, Release::V3_1],
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        if at.call.subject == CHAIN {
            return Ok(facts::known(&Runtime {
                kind: "ccaas".to_owned(),
                builder: None,
            }));
        }
        let server = self.server(at)?;
        let package_id = package_id(at, &server)?;
        // Whoever makes the package again must know all that is in it.
        let usual = Connection::plain(&server.address).dial_timeout;
        let options: Options = at.options()?;
        Ok(facts::known(&Package {
            kind: "ccaas".to_owned(),
            label: server.label,
            address: Some(server.address),
            dial_timeout: Some(options.dial_timeout).filter(|it| *it != usual),
            image: None,
            indexes: server.indexes,
            package_id,
        }))
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let server = self.server(at)?;
        if server.image.is_empty() {
            let message = format!("{} has no image to run", server.chaincode);
            let hint = "give the chaincode an image that holds its server, such as registry.example/basic:1.0";
            return Err(refuse_with("image", "", message, hint));
        }
        let id = package_id(at, &server)?;
        let environment = [
            ("CHAINCODE_ID", id.clone()),
            // What shims for Java and Node.js read.
            ("CORE_CHAINCODE_ID_NAME", id),
            ("CHAINCODE_SERVER_ADDRESS", format!("0.0.0.0:{PORT}")),
        ];
        let listens = json!({"port": port::CHAINCODE});
        let mut builder = RenderedBuilder::new();
        if let Some(why) = movable(&server.image) {
            let message = format!(
                "image {} of {} {why}: other code may run tomorrow under the same package id",
                server.image, server.chaincode
            );
            builder = builder.note(
                warning("image", "", message).hint("name a tag that does not move, or a digest"),
            );
        }
        // The volume is said here and not bound: for a bound one the host prepares the pod with a shell of the first
        // image, and an image of chaincode often has none.
        Ok(builder
            .pod(&json!({"spec": {
                "terminationGracePeriodSeconds": 10,
                "volumes": [{"name": SCRATCH, "emptyDir": {"sizeLimit": "256Mi"}}],
                "containers": [{
                    "name": CONTAINER,
                    "image": server.image,
                    "env": container::environment(&environment),
                    "ports": container::ports(&Self::descriptor().ports),
                    "startupProbe": {"tcpSocket": listens, "periodSeconds": 1, "failureThreshold": 300},
                    "readinessProbe": {"tcpSocket": listens, "periodSeconds": 5, "timeoutSeconds": 5},
                    "securityContext": {"readOnlyRootFilesystem": options.read_only_root},
                    "volumeMounts": [{"name": SCRATCH, "mountPath": "/tmp"}],
                }],
            }}))
            .build())
    }
}

impl Ccaas {
    /// What the stack says about the server of the call; its name must do as the value of a label, which pods carry.
    fn server(&self, at: &At<'_>) -> Result<Server, Diagnostics> {
        let subject = self.network.subject(&at.call.subject)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if subject.name.len() > LABEL_VALUE_MAX || !subject.name.chars().all(fits) {
            let message = format!(
                "{} of {} characters cannot be the value of a label, which has {LABEL_VALUE_MAX} letters, digits and `-_.` at most",
                subject.id,
                subject.name.len()
            );
            return Err(refuse_with(
                "name",
                "",
                message,
                "a shorter name for the chaincode or its organisation",
            ));
        }
        extra::of(subject)
    }
}

/// The id of the package that peers install; every organisation makes the same bytes.
fn package_id(at: &At<'_>, server: &Server) -> Result<String, Diagnostics> {
    let options: Options = at.options()?;
    let connection = Connection {
        dial_timeout: options.dial_timeout,
        ..Connection::plain(&server.address)
    };
    let indexes: Vec<_> = server.indexes.iter().map(Index::from).collect();
    let package = build(&server.label, &Code::Service(connection), &indexes).map_err(|fault| match &fault {
        PackageError::Label(_) => refuse_with(
            "label",
            "",
            format!("{}: {fault}", server.chaincode),
            "the label is made of name and version of the chaincode: begin with a letter or digit, go on with letters, digits and `_.+-`",
        ),
        _ => fault_at("package", "")(fault),
    })?;
    Ok(package.id)
}

/// Why an image may be another one tomorrow.
fn movable(image: &str) -> Option<&'static str> {
    if image.contains('@') {
        return None;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        None => Some("has no tag"),
        Some((_, "latest")) => Some("has the tag latest"),
        Some(_) => None,
    }
}

export_plugin!(Ccaas);

#[cfg(test)]
mod tests;

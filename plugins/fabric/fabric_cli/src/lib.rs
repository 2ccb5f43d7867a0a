//! The command line `fabric_cli`: a pod with Fabric's own programs for people, as an administrator of an organisation.
//!
//! It sleeps until somebody opens a shell in it. It holds the key of the user whose subject is above its own, so whoever
//! may open that shell is that user.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, Image, Phase};
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Plugin, Rendered, RenderedBuilder, Subject, Topology,
    export_plugin,
};
use fabric_service::facts::OrgIdentity;
use fabric_service::fault::refuse_with;
use fabric_service::{Network, Release, container, descriptor, extra, image, kind, port, role};
use serde::Deserialize;
use serde_json::json;

/// The name of the container and of its image.
const CONTAINER: &str = "cli";
/// The image with all programs, of the releases that have one.
const TOOLS: &str = "hyperledger/fabric-tools";
/// The releases that it is for.
const SERIES: [Release; 3] = Release::ALL;
/// The volume for the files of whoever works here, and where it is mounted.
const WORK: &str = "cli-work";
const HOME: &str = "/var/hyperledger/work";
/// The certificates of all TLS CAs of the network, in one file.
const ROOTS: &str = "tls-roots.pem";
const ROOTS_PATH: &str = "/etc/hyperledger/network/tls-roots.pem";
/// Waits, and ends at once when it is told to: `sleep` as the first process of a container would pass over the signal.
const SLEEP: &str =
    "trap 'kill \"$!\"; exit 0' TERM INT; while :; do sleep 3600 & wait \"$!\"; done";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    logging: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            logging: "warning".to_owned(),
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct FabricCli {
    network: Network,
}

impl Plugin for FabricCli {
    fn descriptor() -> Descriptor {
        let image = |name: &str, default: &str| Image {
            name: name.to_owned(),
            default: default.to_owned(),
        };
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "logging": {
                        "type": "string", "pattern": "^[A-Za-z0-9_.,:=-]+$", "default": "warning",
                        "description": "what the programs log, as FABRIC_LOGGING_SPEC says it",
                    },
                },
            }),
            on: [(Phase::Render, descriptor::kinds(&[kind::CLI]))].into(),
            needs: vec![descriptor::need(
                Phase::Render,
                role::MSP,
                Phase::Provision,
                kind::ORG,
                false,
            )],
            takes: descriptor::takes_identity(),
            container: CONTAINER.to_owned(),
            images: vec![
                image(CONTAINER, "hyperledger/fabric-tools:2.5.16"),
                image("cli-1.4", "hyperledger/fabric-tools:1.4.12"),
                // There are no tools in 3.x; the image of peers has the program `peer`.
                image("cli-3.1", "hyperledger/fabric-peer:3.1.5"),
            ],
            volumes: vec![descriptor::disk(WORK, "1Gi", kind::CLI)],
            resources: container::requests("10m", "32Mi"),
            ..descriptor::plugin(
                "fabric_cli",
                role::CLI,
                "a pod with Fabric's own command line, as administrator of an organisation",
                &SERIES,
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let here = self.network.subject(&at.call.subject)?;
        let user = self.user(here)?;
        let org = self.network.org(here)?;
        let identity: OrgIdentity = at.fact(&org.id, role::MSP)?;
        let administrators = if identity.node_ous {
            Vec::new()
        } else {
            extra::administrators(&self.network, &org.id)?
        };
        let environment = self.environment(&options, org, &identity)?;
        let builder = RenderedBuilder::new()
            .file(ROOTS, self.roots(at)?)
            .pod(&json!({"spec": {
                "terminationGracePeriodSeconds": 5,
                "containers": [{
                    "name": CONTAINER,
                    "image": image::image(at, CONTAINER, TOOLS, &SERIES, self.network.release),
                    "command": ["sh", "-c", SLEEP],
                    "workingDir": HOME,
                    "env": container::environment(&environment),
                }],
            }}))
            .volume(CONTAINER, HOME, WORK, "work")
            .bind(
                CONTAINER,
                ROOTS_PATH,
                at.own(ROOTS),
                Delivery::Live,
                Change::Wait,
            );
        let builder = container::identity(
            builder,
            CONTAINER,
            &user.id,
            &org.id,
            identity.node_ous,
            &administrators,
        );
        Ok(builder.build())
    }
}

impl FabricCli {
    /// The user whose identity the pod of the call has.
    fn user(&self, here: &Subject) -> Result<&Subject, Diagnostics> {
        let parent = self.network.parent(here)?;
        if parent.kind == kind::USER {
            return Ok(parent);
        }
        let message = format!(
            "{} belongs to {}: a pod gets keys of subjects above it alone, so a command line belongs to a user",
            here.id, parent.id
        );
        Err(refuse_with(
            "user",
            "",
            message,
            "the stack makes an administrator of the organisation its parent",
        ))
    }

    fn environment(
        &self,
        options: &Options,
        org: &Subject,
        identity: &OrgIdentity,
    ) -> Result<Vec<(&'static str, String)>, Diagnostics> {
        let id = container::IDENTITY;
        let mut all = vec![
            ("FABRIC_CFG_PATH", "/etc/hyperledger/fabric".to_owned()),
            ("FABRIC_LOGGING_SPEC", options.logging.clone()),
            ("HOME", HOME.to_owned()),
            ("CORE_PEER_LOCALMSPID", identity.msp_id.clone()),
            ("CORE_PEER_MSPCONFIGPATH", format!("{id}/msp")),
            ("CORE_PEER_TLS_ENABLED", "true".to_owned()),
            ("CORE_PEER_TLS_ROOTCERT_FILE", ROOTS_PATH.to_owned()),
        ];
        if let Some(peer) = self.network.children(&org.id, kind::PEER).next() {
            let (host, number) = self.network.address(peer, port::PEER)?;
            all.push(("CORE_PEER_ADDRESS", format!("{host}:{number}")));
        }
        let mut orderers = self.network.of_kind(kind::ORDERER);
        if let Some(orderer) = orderers.find(|it| !it.foreign) {
            let (host, number) = self.network.address(orderer, port::ORDERER)?;
            all.push(("ORDERER_ADDRESS", format!("{host}:{number}")));
            all.push(("ORDERER_CA", ROOTS_PATH.to_owned()));
        }
        Ok(all)
    }

    /// The certificates of all TLS CAs, in the order of organisations: whichever node is called, its root is there.
    fn roots(&self, at: &At<'_>) -> Result<String, Diagnostics> {
        let mut all = String::new();
        for org in self.network.of_kind(kind::ORG) {
            let identity: OrgIdentity = at.fact(&org.id, role::MSP)?;
            all.push_str(identity.tls_ca_certificate.trim_end());
            all.push('\n');
        }
        Ok(all)
    }
}

export_plugin!(FabricCli);

#[cfg(test)]
mod tests;

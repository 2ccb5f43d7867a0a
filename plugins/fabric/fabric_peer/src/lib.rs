//! Peers: they endorse, commit, and run the chaincode of their organisation.
//!
//! How chaincode runs is said by the role `chaincode`. A peer asks a docker daemon for its health as long as its
//! configuration names one, and no variable can take that name away; so where none is wanted, the configuration of its own
//! image goes without through `sed`, in its own container just before it starts: a container more in each pod would cost
//! its start.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod chaincode;
mod environment;
mod options;

use chain_plugin_sdk::descriptor::{Descriptor, Phase, Take};
use chain_plugin_sdk::{
    At, Diagnostics, Plugin, Rendered, RenderedBuilder, Topology, export_plugin, reference, warning,
};
use fabric_service::container::{self, requests};
use fabric_service::descriptor::{disk, kinds, need, plugin, port, scratch, takes_identity};
use fabric_service::facts::{self, OrgIdentity, StateDatabase};
use fabric_service::{CHAIN, Network, Release, extra, image, kind, port as ports, role};
use serde_json::json;

use chaincode::Runs;
use environment::Environment;
use options::Options;

/// The name of the container and of its image.
const CONTAINER: &str = "peer";
/// Where the images come from.
const REPOSITORY: &str = "hyperledger/fabric-peer";
/// The volume of the ledger.
const LEDGER: &str = "ledger";
/// The volume of the configuration.
const CONFIG: &str = "peer-config";
/// The volume of what chaincode is built in.
const TMP: &str = "peer-tmp";
/// The secret of the state database.
const PASSWORD: &str = "password";
/// Where the ledger is mounted.
const DATA: &str = "/var/hyperledger/production";
/// Where the configuration is mounted.
const CONFIG_PATH: &str = "/etc/hyperledger/cfg";

/// The configuration of the image without the endpoint of a docker daemon. The indent differs between releases.
const WITHOUT_DOCKER: &str = r#"sed '/^vm:/,/^[a-z]/s#^\( *endpoint:\).*#\1#' "${FABRIC_CFG_PATH:-/etc/hyperledger/fabric}/core.yaml" > /etc/hyperledger/cfg/core.yaml"#;

/// The plugin.
#[derive(Debug)]
pub struct Peer {
    network: Network,
}

impl Plugin for Peer {
    fn descriptor() -> Descriptor {
        let after = |role: &str, kind: &str, optional: bool| {
            need(Phase::Render, role, Phase::Provision, kind, optional)
        };
        let mut listeners = vec![
            port(ports::PEER, 7051, "clients", "rpc"),
            port(ports::PEER_OPS, 9443, "peers", "metrics"),
            port(ports::PEER_CHAINCODE, 7052, "peers", "chaincode"),
        ];
        for port in &mut listeners {
            if port.name != ports::PEER_CHAINCODE {
                port.operators = vec![role::STACK.to_owned()];
            }
        }
        let mut takes = takes_identity();
        takes.push(Take {
            role: role::STATE_DB.to_owned(),
            item: PASSWORD.to_owned(),
            phases: Vec::new(),
        });
        Descriptor {
            options: options::schema(),
            on: [(Phase::Render, kinds(&[kind::PEER]))].into(),
            needs: vec![
                after(role::MSP, kind::ORG, false),
                after(role::STATE_DB, kind::PEER, true),
                after(role::CHAINCODE, CHAIN, true),
            ],
            takes,
            container: CONTAINER.to_owned(),
            images: image::images(CONTAINER, REPOSITORY, &Release::ALL),
            ports: listeners,
            volumes: vec![
                disk(LEDGER, "10Gi", kind::PEER),
                scratch(CONFIG, "16Mi", kind::PEER),
                scratch(TMP, "1Gi", kind::PEER),
            ],
            resources: requests("50m", "64Mi"),
            ..plugin(
                "fabric_peer",
                role::PEER,
                "peers: endorse, commit, and keep the ledger",
                &Release::ALL,
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
        let network = &self.network;
        let peer = network.subject(&at.call.subject)?;
        let org = network.parent(peer)?;
        let identity: OrgIdentity = at.fact(&org.id, role::MSP)?;
        let state: Option<StateDatabase> = facts::optional(at, &peer.id, role::STATE_DB)?;
        let runs = Runs::of(at, network, peer, org)?;
        let from = image::image(at, CONTAINER, REPOSITORY, &Release::ALL, network.release);
        let environment = Environment {
            network,
            peer,
            org,
            msp_id: &identity.msp_id,
            state: state.as_ref(),
            runs: &runs,
            options: &options,
        };
        let without_docker = runs.without_docker(network.release);
        let variables = environment.all()?;
        let open: Vec<_> = Self::descriptor()
            .ports
            .into_iter()
            .filter(|it| it.name != ports::PEER_CHAINCODE || runs.dials())
            .collect();
        let (startup, readiness) = probes(network.release, &runs);
        let mut own = json!({
            "name": CONTAINER,
            "image": from,
            "env": container::environment(&variables),
            "ports": container::ports(&open),
            "startupProbe": startup,
            "readinessProbe": readiness,
            "securityContext": {"readOnlyRootFilesystem": true},
        });
        if let (true, Some(own)) = (without_docker, own.as_object_mut()) {
            own.insert("command".to_owned(), json!(["sh", "-c", start()]));
        }
        let mut builder = RenderedBuilder::new()
            .container(&own)
            .volume(CONTAINER, DATA, LEDGER, "")
            .volume(CONTAINER, "/tmp", TMP, "");
        if without_docker {
            builder = builder.volume(CONTAINER, CONFIG_PATH, CONFIG, "");
        }
        if let Some((path, volume)) = runs.builder_volume() {
            builder = builder.volume(CONTAINER, path, volume, "");
        }
        if state.is_some_and(|state| state.user.is_some()) {
            let password = reference(role::STATE_DB, &peer.id, PASSWORD);
            let variable = "CORE_LEDGER_STATE_COUCHDBCONFIG_PASSWORD";
            builder = builder.env(CONTAINER, variable, password);
        }
        if options.names_images() && !runs.by_docker() {
            let why = "images for chaincode are named, and no docker daemon builds chaincode here";
            builder = builder.note(warning("option", "", why));
        }
        let administrators = if identity.node_ous {
            Vec::new()
        } else {
            extra::administrators(network, &org.id)?
        };
        Ok(container::identity(
            builder,
            CONTAINER,
            &peer.id,
            &org.id,
            identity.node_ous,
            &administrators,
        )
        .build())
    }
}

/// How a peer starts that has a configuration of its own: what it reads then is named last, since until then the image
/// says where its own lies.
fn start() -> String {
    format!("{WITHOUT_DOCKER} && export FABRIC_CFG_PATH={CONFIG_PATH} && exec peer node start")
}

/// Its health covers the docker daemon, which 1.4 asks even where there is none: then only whether it listens counts.
fn probes(release: Release, runs: &Runs) -> (serde_json::Value, serde_json::Value) {
    let probe = |period: u32, failures: u32| {
        if release == Release::V1_4 && !runs.by_docker() {
            json!({
                "tcpSocket": {"port": ports::PEER},
                "periodSeconds": period,
                "failureThreshold": failures,
                "timeoutSeconds": 5,
            })
        } else {
            container::probe("/healthz", ports::PEER_OPS, period, failures)
        }
    };
    (probe(1, 300), probe(5, 3))
}

export_plugin!(Peer);

#[cfg(test)]
mod tests;

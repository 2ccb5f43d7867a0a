//! The chaincode runtime `dind`: a docker daemon for each organisation, which builds and runs chaincode for its peers.
//!
//! For releases and chaincode that know nothing else. The daemon is privileged: who may call it is root on its node, so a
//! policy lets in the organisation's peers alone. Chaincode that stopped, with its container or with the daemon, is started
//! again by its peer at the next call; a supervisor beside the daemon says what stopped and why, and starts nothing, since
//! peers turn away chaincode that others start.

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
    At, Change, Delivery, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder, Subject,
    Topology, export_plugin, warning,
};
use fabric_service::facts::{self, Runtime};
use fabric_service::fault::refuse;
use fabric_service::{CHAIN, Network, Release, container, descriptor, extra, kind, port, role};
use serde::Deserialize;
use serde_json::{Value, json};

/// The name of the daemon's container and of its image.
const CONTAINER: &str = "docker";
/// The name of the container beside it.
const SUPERVISOR: &str = "supervisor";
/// Where the daemon listens: without TLS, as peers of 1.4 know it by default.
const PORT: u16 = 2375;
/// The volume with images and containers, and where the daemon has it.
const DATA: &str = "docker-data";
const DATA_PATH: &str = "/var/lib/docker";
/// The supervisor's program.
const SCRIPT: &str = "supervisor.sh";
const SCRIPT_PATH: &str = "/etc/hyperledger/docker/supervisor.sh";
const SCRIPT_FOLDER: &str = "/etc/hyperledger/docker";
/// Names of the peers whose chaincode is here, as peers know themselves (`CORE_PEER_ID`, their host) and call containers;
/// in a folder of their own, so that a peer more restarts nothing.
const PEERS: &str = "peers";
const PEERS_PATH: &str = "/etc/hyperledger/docker/peers/peers";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    registry_mirrors: Vec<String>,
    insecure_registries: Vec<String>,
    dns: Vec<String>,
    dns_search: Vec<String>,
    dns_options: Vec<String>,
    mtu: Option<u16>,
}

impl Options {
    /// The daemon's command line. `--tls=false` says that it is meant: without, the daemon waits or gives up.
    fn arguments(&self) -> Vec<String> {
        let mut all = [
            "dockerd",
            "--host=unix:///var/run/docker.sock",
            &format!("--host=tcp://0.0.0.0:{PORT}"),
            "--tls=false",
        ]
        .map(str::to_owned)
        .to_vec();
        let lists = [
            ("registry-mirror", &self.registry_mirrors),
            ("insecure-registry", &self.insecure_registries),
            ("dns", &self.dns),
            ("dns-search", &self.dns_search),
            ("dns-opt", &self.dns_options),
        ];
        for (flag, values) in lists {
            all.extend(values.iter().map(|value| format!("--{flag}={value}")));
        }
        all.extend(self.mtu.map(|mtu| format!("--mtu={mtu}")));
        all
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Dind {
    network: Network,
}

impl Plugin for Dind {
    fn descriptor() -> Descriptor {
        let list = |pattern: &str, description: &str| {
            json!({
                "type": "array", "default": [], "items": {"type": "string", "pattern": pattern},
                "description": description,
            })
        };
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "registryMirrors": list("^https?://[^ ]+$", "mirrors of Docker Hub, as URLs, for images with which chaincode is built"),
                    "insecureRegistries": list("^[A-Za-z0-9.:/_-]+$", "registries to speak with without a trusted certificate, HOST:PORT"),
                    "dns": list("^[0-9A-Fa-f.:]+$", "name servers for chaincode; those of the daemon's pod, which are the cluster's, when empty"),
                    "dnsSearch": list("^[A-Za-z0-9.-]+$", "domains in which chaincode looks for short names; those of the daemon's pod when empty"),
                    "dnsOptions": list("^[a-z0-9-]+(:[0-9]+)?$", "options of chaincode's resolver, such as ndots:2"),
                    "mtu": {
                        "type": "integer", "minimum": 576, "maximum": 9216,
                        "description": "packet size of the network of chaincode; not above that of the cluster's, or large packets are lost",
                    },
                },
            }),
            on: [
                (Phase::Provision, descriptor::kinds(&[CHAIN])),
                (Phase::Render, descriptor::kinds(&[kind::DOCKER])),
            ]
            .into(),
            container: CONTAINER.to_owned(),
            // Not 29: its API is too new for peers before 2.5.15.
            images: vec![Image {
                name: CONTAINER.to_owned(),
                default: "docker:28.5.2-dind".to_owned(),
            }],
            ports: vec![descriptor::port(port::DOCKER, PORT, "peers", "docker")],
            volumes: vec![descriptor::disk(DATA, "20Gi", kind::DOCKER)],
            resources: container::requests("250m", "512Mi"),
            permissions: ["privileged", "root", "capabilities"]
                .map(str::to_owned)
                .into(),
            ..descriptor::plugin(
                "dind",
                role::CHAINCODE,
                "chaincode that a docker daemon builds and runs, one for each organisation; privileged, for 1.4",
                &[Release::V1_4, Release::V2_5],
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, _at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        Ok(facts::known(&Runtime {
            kind: "docker".to_owned(),
            builder: None,
        }))
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let here = self.network.subject(&at.call.subject)?;
        let peers = self.peers(here)?;
        let names = peers
            .iter()
            .map(|it| Ok(format!("{}\n", extra::of::<extra::Node>(it)?.host)))
            .collect::<Result<String, Diagnostics>>()?;
        let asks = json!({"path": "/_ping", "port": port::DOCKER});
        let note = warning(
            "network-policy",
            "",
            format!(
                "the docker daemon of {} gives root on its node to whoever reaches port {PORT}: a NetworkPolicy lets in its peers alone, where the cluster enforces policies",
                here.id
            ),
        );
        Ok(RenderedBuilder::new()
            .file(SCRIPT, include_str!("supervisor.sh"))
            .file(PEERS, names)
            .object(&policy(here, &peers)?)
            .container(&json!({
                "name": CONTAINER,
                "image": at.image(CONTAINER),
                "args": options.arguments(),
                // No certificates: the entry point of the image would make some.
                "env": container::environment(&[("DOCKER_TLS_CERTDIR", "")]),
                "ports": container::ports(&Self::descriptor().ports),
                "startupProbe": {"httpGet": asks, "periodSeconds": 1, "failureThreshold": 300, "timeoutSeconds": 5},
                "readinessProbe": {"httpGet": asks, "periodSeconds": 10, "timeoutSeconds": 5},
                // A list of its own, for to drop all is what the host says otherwise, and a privileged container without
                // capabilities mounts nothing. To reboot the node is the one that no daemon needs.
                "securityContext": {
                    "privileged": true, "runAsUser": 0, "runAsGroup": 0, "capabilities": {"drop": ["SYS_BOOT"]},
                },
            }))
            .container(&json!({
                "name": SUPERVISOR,
                "image": at.image(CONTAINER),
                "command": ["sh", SCRIPT_PATH],
                "env": container::environment(&[
                    ("DOCKER_HOST", format!("tcp://127.0.0.1:{PORT}")),
                    // A folder that is there, and has no file of the client's.
                    ("DOCKER_CONFIG", SCRIPT_FOLDER.to_owned()),
                    ("SUPERVISOR_PEERS", PEERS_PATH.to_owned()),
                ]),
                "resources": container::requests("10m", "32Mi"),
                "securityContext": {"readOnlyRootFilesystem": true},
            }))
            .volume(CONTAINER, DATA_PATH, DATA, "docker")
            .bind(SUPERVISOR, SCRIPT_PATH, at.own(SCRIPT), Delivery::Mounted, Change::Roll)
            .bind(SUPERVISOR, PEERS_PATH, at.own(PEERS), Delivery::Live, Change::Wait)
            .note(note.hint("use chaincode as a service (`--chaincode ccaas`) with 2.5 and later"))
            .build())
    }
}

impl Dind {
    /// The peers whose chaincode runs in a daemon: those of its organisation.
    fn peers<'a>(&'a self, here: &'a Subject) -> Result<Vec<&'a Subject>, Diagnostics> {
        let org = &self.network.org(here)?.id;
        let all = self.network.children(org, kind::PEER);
        Ok(all.filter(|it| !it.foreign).collect())
    }
}

/// Lets the peers in and nobody else. It means the daemon's own pod, which the host selects, and peers by their workloads:
/// two organisations may share a namespace.
fn policy(here: &Subject, peers: &[&Subject]) -> Result<Value, Diagnostics> {
    let workload = |of: &Subject| {
        let named = of.workload.as_deref().and_then(|it| it.split_once('/'));
        named
            .map(|(_, name)| name.to_owned())
            .ok_or_else(|| refuse("workload", "", format!("{} has no pod", of.id)))
    };
    let near = peers
        .iter()
        .filter(|it| it.namespace == here.namespace && it.cluster == here.cluster);
    let names = near.map(|it| workload(it)).collect::<Result<Vec<_>, _>>()?;
    let ingress = if names.is_empty() {
        json!([])
    } else {
        json!([{
            "from": [{"podSelector": {"matchExpressions": [
                {"key": "chain.dev/workload", "operator": "In", "values": names},
            ]}}],
            "ports": [{"protocol": "TCP", "port": PORT}],
        }])
    };
    Ok(json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": format!("{}-peers", workload(here)?)},
        "spec": {"policyTypes": ["Ingress"], "ingress": ingress},
    }))
}

export_plugin!(Dind);

#[cfg(test)]
mod supervision;
#[cfg(test)]
mod tests;

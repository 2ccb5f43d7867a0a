//! How a peer comes to run chaincode: what the role `chaincode` says, as this peer needs it.

use chain_plugin_sdk::{At, Diagnostics, Subject};
use fabric_service::facts::{self, Builder, Runtime};
use fabric_service::fault::refuse_with;
use fabric_service::{CHAIN, Network, Release, kind, port, role};
use serde_json::{Value, json};

/// How chaincode runs.
#[derive(Debug, PartialEq, Eq)]
pub enum Runs {
    /// Not at all, or as servers that the peer dials.
    Dialled,
    /// The peer starts it by an external builder, and it dials the peer at an address.
    Started {
        /// The builder, unless the peer's image has it and its configuration too.
        builder: Option<Builder>,
        /// `host:port` of the peer.
        address: String,
    },
    /// A docker daemon builds and runs it, and it dials the peer at an address.
    Docker {
        /// The daemon, `tcp://host:port`.
        daemon: String,
        /// `host:port` of the peer.
        address: String,
    },
}

impl Runs {
    /// As the role `chaincode` says for a peer of `org`.
    pub fn of(
        at: &At<'_>,
        network: &Network,
        peer: &Subject,
        org: &Subject,
    ) -> Result<Self, Diagnostics> {
        let runtime: Option<Runtime> = facts::optional(at, CHAIN, role::CHAINCODE)?;
        let Some(runtime) = runtime else {
            return Ok(Self::Dialled);
        };
        let address = || {
            let (host, number) = network.address(peer, port::PEER_CHAINCODE)?;
            Ok::<_, Diagnostics>(format!("{host}:{number}"))
        };
        match runtime.kind.as_str() {
            "docker" => {
                let daemon = network.children(&org.id, kind::DOCKER).next();
                let daemon = daemon.ok_or_else(|| {
                    let message = format!("{} has no docker daemon to run chaincode", org.id);
                    refuse_with(
                        "chaincode",
                        "",
                        message,
                        "the stack makes one for each organisation with peers",
                    )
                })?;
                let (host, number) = network.address(daemon, port::DOCKER)?;
                Ok(Self::Docker {
                    daemon: format!("tcp://{host}:{number}"),
                    address: address()?,
                })
            }
            "k8s" => Ok(Self::Started {
                builder: runtime.builder,
                address: address()?,
            }),
            _ => Ok(Self::Dialled),
        }
    }

    /// Whether a docker daemon runs it.
    pub const fn by_docker(&self) -> bool {
        matches!(self, Self::Docker { .. })
    }

    /// Whether it dials the peer.
    pub const fn dials(&self) -> bool {
        !matches!(self, Self::Dialled)
    }

    /// Whether the peer starts with a configuration that names no docker daemon. That of 1.4 cannot do without.
    pub fn without_docker(&self, release: Release) -> bool {
        !self.by_docker() && release > Release::V1_4
    }

    /// Where the builder is mounted, and from which volume.
    pub fn builder_volume(&self) -> Option<(&str, &str)> {
        match self {
            Self::Started {
                builder: Some(builder),
                ..
            } => Some((&builder.path, builder.volume.as_deref()?)),
            _ => None,
        }
    }

    /// The variables of the peer for it.
    pub fn variables(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        let mut set = |name: &str, value: String| all.push((name.to_owned(), value));
        match self {
            Self::Dialled => {
                set(
                    "CORE_PEER_CHAINCODELISTENADDRESS",
                    "127.0.0.1:7052".to_owned(),
                );
            }
            Self::Started { address, .. } | Self::Docker { address, .. } => {
                set(
                    "CORE_PEER_CHAINCODELISTENADDRESS",
                    "0.0.0.0:7052".to_owned(),
                );
                set("CORE_PEER_CHAINCODEADDRESS", address.clone());
            }
        }
        match self {
            Self::Docker { daemon, .. } => {
                set("CORE_VM_ENDPOINT", daemon.clone());
                // The network of the daemon's pod, in which the names of the cluster are known.
                set("CORE_VM_DOCKER_HOSTCONFIG_NETWORKMODE", "host".to_owned());
            }
            Self::Started {
                builder: Some(builder),
                ..
            } => {
                set(
                    "CORE_CHAINCODE_EXTERNALBUILDERS",
                    builders(builder).to_string(),
                );
                for (name, value) in &builder.environment {
                    set(name, value.clone());
                }
            }
            _ => {}
        }
        all
    }
}

/// The list of builders, which replaces that of the image: the one that is wanted, and that of servers.
fn builders(wanted: &Builder) -> Value {
    let mut seen: Vec<&String> = wanted.environment.keys().collect();
    seen.extend(&wanted.passed);
    json!([
        {"name": wanted.name, "path": wanted.path, "propagateEnvironment": seen},
        {
            "name": "ccaas_builder",
            "path": "/opt/hyperledger/ccaas_builder",
            "propagateEnvironment": ["CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"],
        },
    ])
}

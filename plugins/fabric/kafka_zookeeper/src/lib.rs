//! Kafka's brokers and the ensemble of `ZooKeeper` behind them: the legacy of release 1.4.
//!
//! Both are told by files of ours. The entry point of the image of Kafka edits its own configuration from variables, which
//! only root may do; that of `ZooKeeper` writes one only where there is none. So an image of another version serves as well,
//! if it has the same programs at the same places.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod config;

use chain_plugin_sdk::descriptor::{Descriptor, Image, Phase};
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostic, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder,
    Subject, Topology, export_plugin, warning,
};
use config::{KafkaConfig, Member, ZooKeeperConfig};
use fabric_service::container::{environment, ports as container_ports, requests};
use fabric_service::descriptor::{disk, kinds, plugin, port};
use fabric_service::facts::{self, Brokers};
use fabric_service::fault::refuse_with;
use fabric_service::{CHAIN, Network, Release, kind, port as ports, role};
use serde::Deserialize;
use serde_json::{Value, json};

/// The container and the image of a broker.
const KAFKA: &str = "kafka";
/// The container and the image of a member of the ensemble.
const ZOOKEEPER: &str = "zookeeper";
/// The volume of a broker.
const KAFKA_DATA: &str = "kafka-data";
/// The volume of a member.
const ZOOKEEPER_DATA: &str = "zookeeper-data";
/// A broker's configuration.
const SERVER_PROPERTIES: &str = "server.properties";
/// What a broker logs: to its output alone.
const LOG4J: &str = "log4j.properties";
/// The ensemble's configuration.
const ZOO_CFG: &str = "zoo.cfg";
/// Where a broker's files lie.
const KAFKA_FILES: &str = "/etc/hyperledger/kafka";
/// Where the image of `ZooKeeper` has its configuration.
const ZOOKEEPER_FILES: &str = "/conf";
/// Copies of a topic, where there are as many brokers.
const COPIES: u32 = 3;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    max_message_bytes: u32,
    kafka_heap: String,
    zookeeper_heap: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_message_bytes: config::MAX_MESSAGE_BYTES,
            kafka_heap: "1G".to_owned(),
            zookeeper_heap: "512M".to_owned(),
        }
    }
}

fn listeners(of: &str) -> Vec<chain_plugin_sdk::descriptor::Port> {
    match of {
        kind::KAFKA => vec![port(ports::KAFKA, 9092, "peers", "rpc")],
        _ => vec![
            port(ports::ZOOKEEPER, 2181, "peers", "rpc"),
            port(ports::ZOOKEEPER_QUORUM, 2888, "peers", "p2p"),
            port(ports::ZOOKEEPER_ELECTION, 3888, "peers", "p2p"),
        ],
    }
}

/// The plugin.
#[derive(Debug)]
pub struct KafkaZooKeeper {
    network: Network,
}

impl Plugin for KafkaZooKeeper {
    fn descriptor() -> Descriptor {
        let heap = |default: &str, of: &str| {
            json!({
                "type": "string", "pattern": "^[1-9][0-9]*[kKmMgG]$", "default": default,
                "description": format!("largest heap of {of}, as Java takes it"),
            })
        };
        let image = |name: &str, default: &str| Image {
            name: name.to_owned(),
            default: default.to_owned(),
        };
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "maxMessageBytes": {
                        "type": "integer", "minimum": 1_048_576, "maximum": 1_073_741_824,
                        "default": config::MAX_MESSAGE_BYTES,
                        "description": "largest message of a broker; above a channel's absolute limit of a block, with room for its envelope",
                    },
                    "kafkaHeap": heap("1G", "a broker"),
                    "zookeeperHeap": heap("512M", "a member of the ensemble"),
                },
            }),
            on: [
                (Phase::Provision, kinds(&[CHAIN])),
                (Phase::Render, kinds(&[kind::KAFKA, kind::ZOOKEEPER])),
            ]
            .into(),
            container: KAFKA.to_owned(),
            images: vec![
                image(KAFKA, "hyperledger/fabric-kafka:0.4.22"),
                image(ZOOKEEPER, "hyperledger/fabric-zookeeper:0.4.22"),
            ],
            ports: [listeners(kind::KAFKA), listeners(kind::ZOOKEEPER)].concat(),
            volumes: vec![
                disk(KAFKA_DATA, "20Gi", kind::KAFKA),
                disk(ZOOKEEPER_DATA, "2Gi", kind::ZOOKEEPER),
            ],
            resources: requests("100m", "512Mi"),
            ..plugin(
                "kafka_zookeeper",
                role::KAFKA,
                "brokers: Kafka and its ZooKeeper (legacy), for orderers of 1.4",
                &[Release::V1_4],
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, _at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let brokers = self.addresses(kind::KAFKA, ports::KAFKA)?;
        let members = self.network.of_kind(kind::ZOOKEEPER).count();
        if brokers.is_empty() || members == 0 {
            let message = format!(
                "{} brokers with {members} members of their ensemble",
                brokers.len()
            );
            let hint =
                "there must be one of each at least; 4 brokers and 3 members stand the loss of one";
            return Err(refuse_with("brokers", "", message, hint));
        }
        Ok(Provisioned {
            notes: remarks(brokers.len(), members),
            ..facts::known(&Brokers { brokers })
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let subject = self.network.subject(&at.call.subject)?;
        if subject.kind == kind::KAFKA {
            self.broker(at, &options, subject)
        } else {
            self.member(at, &options, subject)
        }
    }
}

/// What to say about numbers that give nothing.
fn remarks(brokers: usize, members: usize) -> Diagnostics {
    let say = |why: String, hint: &str| -> Diagnostic { warning("brokers", "", why).hint(hint) };
    let mut all = Vec::new();
    if brokers < 4 {
        let why = format!(
            "{brokers} Kafka brokers: with fewer than 4 no channel is made while one of them is down, since its topic wants 3 copies"
        );
        all.push(say(why, "use 4 brokers or more"));
    }
    if members < 3 {
        let why = format!("{members} ZooKeepers stand no loss: the ensemble needs more than half");
        all.push(say(why, "use 3 ZooKeepers, or 5"));
    }
    all
}

impl KafkaZooKeeper {
    fn addresses(&self, of_kind: &str, port: &str) -> Result<Vec<String>, Diagnostics> {
        self.network
            .of_kind(of_kind)
            .map(|subject| {
                let (host, number) = self.network.address(subject, port)?;
                Ok(format!("{host}:{number}"))
            })
            .collect()
    }

    fn broker(
        &self,
        at: &At<'_>,
        options: &Options,
        here: &Subject,
    ) -> Result<Rendered, Diagnostics> {
        let (host, number) = self.network.address(here, ports::KAFKA)?;
        let brokers = u32::try_from(self.network.of_kind(kind::KAFKA).count()).unwrap_or(COPIES);
        let config = KafkaConfig {
            id: here.ordinal,
            advertised: format!("{host}:{number}"),
            ensemble: self.addresses(kind::ZOOKEEPER, ports::ZOOKEEPER)?,
            copies: brokers.clamp(1, COPIES),
            max_message_bytes: options.max_message_bytes,
        };
        let log4j = format!("-Dlog4j.configuration=file:{KAFKA_FILES}/{LOG4J}");
        let heap = format!("-Xmx{}", options.kafka_heap);
        let container = json!({
            "name": KAFKA,
            "image": at.image(KAFKA),
            "command": ["/opt/kafka/bin/kafka-server-start.sh", format!("{KAFKA_FILES}/{SERVER_PROPERTIES}")],
            "env": environment(&[
                ("KAFKA_HEAP_OPTS", heap.as_str()),
                ("KAFKA_LOG4J_OPTS", log4j.as_str()),
                // The scripts make it whatever is logged, and without this also log the collection of garbage there.
                ("LOG_DIR", "/tmp"),
                ("EXTRA_ARGS", "-name kafkaServer"),
            ]),
            "ports": container_ports(&listeners(kind::KAFKA)),
            "startupProbe": probe(ports::KAFKA, 1, 300),
            "readinessProbe": probe(ports::KAFKA, 5, 3),
        });
        // A broker hands its partitions over before it goes.
        let builder = RenderedBuilder::new()
            .pod(&json!({"spec": {"terminationGracePeriodSeconds": 60}}))
            .file(SERVER_PROPERTIES, config.text())
            .file(LOG4J, config::LOG4J_TEXT)
            .container(&container)
            .volume(KAFKA, config::KAFKA_VOLUME, KAFKA_DATA, "");
        let builder = file(builder, at, KAFKA, KAFKA_FILES, SERVER_PROPERTIES);
        Ok(file(builder, at, KAFKA, KAFKA_FILES, LOG4J).build())
    }

    fn member(
        &self,
        at: &At<'_>,
        options: &Options,
        here: &Subject,
    ) -> Result<Rendered, Diagnostics> {
        let members = self.network.of_kind(kind::ZOOKEEPER).map(|subject| {
            let (host, _) = self.network.address(subject, ports::ZOOKEEPER)?;
            let id = number(subject);
            Ok(Member { id, host })
        });
        let config = ZooKeeperConfig {
            members: members.collect::<Result<_, Diagnostics>>()?,
        };
        let heap = format!("-Xmx{}", options.zookeeper_heap);
        let container = json!({
            "name": ZOOKEEPER,
            "image": at.image(ZOOKEEPER),
            "env": environment(&[
                // The entry point puts it onto the volume when there is none.
                ("ZOO_MY_ID", number(here).to_string().as_str()),
                ("ZOO_DATA_DIR", config::ZOOKEEPER_VOLUME),
                ("JVMFLAGS", heap.as_str()),
            ]),
            "ports": container_ports(&listeners(kind::ZOOKEEPER)),
            "resources": requests("50m", "256Mi"),
            "startupProbe": probe(ports::ZOOKEEPER, 1, 300),
            "readinessProbe": probe(ports::ZOOKEEPER, 5, 3),
        });
        let builder = RenderedBuilder::new()
            .file(ZOO_CFG, config.text())
            .container(&container)
            .volume(ZOOKEEPER, config::ZOOKEEPER_VOLUME, ZOOKEEPER_DATA, "");
        Ok(file(builder, at, ZOOKEEPER, ZOOKEEPER_FILES, ZOO_CFG).build())
    }
}

/// Members are numbered from one; zero is no number for one.
const fn number(member: &Subject) -> u32 {
    member.ordinal.saturating_add(1)
}

fn file(
    builder: RenderedBuilder,
    at: &At<'_>,
    container: &str,
    folder: &str,
    name: &str,
) -> RenderedBuilder {
    let path = format!("{folder}/{name}");
    builder.bind(
        container,
        &path,
        at.own(name),
        Delivery::Mounted,
        Change::Roll,
    )
}

/// A member listens before there is a quorum, which it could not help to make otherwise: its Service leads to it only when
/// it is ready.
fn probe(port: &str, period: u32, failures: u32) -> Value {
    json!({
        "tcpSocket": {"port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    })
}

export_plugin!(KafkaZooKeeper);

#[cfg(test)]
mod tests;

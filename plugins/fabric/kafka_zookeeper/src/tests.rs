//! An ensemble that is one, brokers that lose nothing, and numbers that are remarked upon.

use super::*;
use chain_plugin_sdk::{Content, TestHost};
use fabric_service::fixture::{self, Size};

const IMAGES: [(&str, &str); 2] = [(KAFKA, "k:1"), (ZOOKEEPER, "z:1")];

fn session(brokers: u32) -> KafkaZooKeeper {
    let size = Size {
        brokers,
        ..Size::default()
    };
    let roles = [(role::KAFKA, "kafka_zookeeper")];
    let mut topology = fixture::topology(Release::V1_4, size, &roles);
    for subject in &mut topology.subjects {
        if subject.kind == kind::ZOOKEEPER {
            let mut endpoint = subject.endpoints[0].clone();
            for (port, number) in [
                (ports::ZOOKEEPER_QUORUM, 2888),
                (ports::ZOOKEEPER_ELECTION, 3888),
            ] {
                (endpoint.port, endpoint.number) = (port.to_owned(), number);
                subject.endpoints.push(endpoint.clone());
            }
        }
    }
    KafkaZooKeeper::open(topology).unwrap()
}

fn rendered(brokers: u32, subject: &str, options: &Value) -> Rendered {
    let call = TestHost::call(subject, role::KAFKA, options, &IMAGES);
    session(brokers).render(&TestHost::new().at(&call)).unwrap()
}

fn text(rendered: &Rendered, name: &str) -> String {
    let file = rendered.files.iter().find(|it| it.name == name).unwrap();
    let Content::Bytes(bytes) = &file.content else {
        panic!("no bytes")
    };
    String::from_utf8(bytes.clone()).unwrap()
}

fn provisioned(brokers: u32) -> Result<Provisioned, Diagnostics> {
    let call = TestHost::call(CHAIN, role::KAFKA, &json!({}), &IMAGES);
    session(brokers).provision(&TestHost::new().at(&call))
}

#[test]
fn all_members_have_one_configuration_and_a_number_of_their_own() {
    let first = rendered(3, "zookeeper/zookeeper0", &json!({}));
    let last = rendered(3, "zookeeper/zookeeper2", &json!({}));
    let config = text(&first, ZOO_CFG);
    assert_eq!(config, text(&last, ZOO_CFG));
    for line in [
        "server.1=demo-zookeeper0.home:2888:3888",
        "server.2=demo-zookeeper1.home:2888:3888",
        "server.3=demo-zookeeper2.home:2888:3888",
        "dataDir=/data",
        "clientPort=2181",
        "quorumListenOnAllIPs=true",
    ] {
        assert!(config.lines().any(|it| it == line), "{config}");
    }
    assert_eq!(
        fixture::variables(&last, ZOOKEEPER),
        ["ZOO_MY_ID=3", "ZOO_DATA_DIR=/data", "JVMFLAGS=-Xmx512M"]
    );
    assert_eq!(
        fixture::bindings(&last, ZOOKEEPER),
        [
            "/data <- zookeeper-data/",
            "/conf/zoo.cfg <- kafka zookeeper/zookeeper2 zoo.cfg",
        ]
    );
    let container = fixture::container(&last, ZOOKEEPER);
    assert!(
        container.get("command").is_none(),
        "the entry point writes the number"
    );
    assert_eq!(container["ports"].as_array().unwrap().len(), 3);
}

#[test]
fn a_broker_loses_nothing_and_names_its_service() {
    let rendered = rendered(4, "kafka/kafka2", &json!({}));
    assert_eq!(
        text(&rendered, SERVER_PROPERTIES),
        "broker.id=2
listeners=PLAINTEXT://0.0.0.0:9092
advertised.listeners=PLAINTEXT://demo-kafka2.home:9092
log.dirs=/var/kafka/logs
zookeeper.connect=demo-zookeeper0.home:2181,demo-zookeeper1.home:2181,demo-zookeeper2.home:2181,demo-zookeeper3.home:2181
zookeeper.connection.timeout.ms=30000
default.replication.factor=3
offsets.topic.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
log.retention.ms=-1
message.max.bytes=103809024
replica.fetch.max.bytes=103809024
"
    );
    assert_eq!(
        fixture::bindings(&rendered, KAFKA),
        [
            "/var/kafka <- kafka-data/",
            "/etc/hyperledger/kafka/server.properties <- kafka kafka/kafka2 server.properties",
            "/etc/hyperledger/kafka/log4j.properties <- kafka kafka/kafka2 log4j.properties",
        ]
    );
    let container = fixture::container(&rendered, KAFKA);
    assert_eq!(
        container["command"],
        json!([
            "/opt/kafka/bin/kafka-server-start.sh",
            "/etc/hyperledger/kafka/server.properties"
        ])
    );
    assert_eq!(container["readinessProbe"]["tcpSocket"]["port"], "kafka");
}

#[test]
fn copies_are_no_more_than_brokers() {
    for (brokers, copies, in_sync) in [(1, 1, 1), (2, 2, 1), (3, 3, 2)] {
        let config = text(
            &rendered(brokers, "kafka/kafka0", &json!({})),
            SERVER_PROPERTIES,
        );
        for line in [
            format!("default.replication.factor={copies}"),
            format!("min.insync.replicas={in_sync}"),
        ] {
            assert!(config.lines().any(|it| it == line), "{brokers}: {config}");
        }
    }
}

#[test]
fn the_user_sizes_messages_and_heaps() {
    let options = json!({"maxMessageBytes": 2_000_000, "kafkaHeap": "2G", "zookeeperHeap": "300m"});
    let broker = rendered(4, "kafka/kafka0", &options);
    let config = text(&broker, SERVER_PROPERTIES);
    assert!(config.contains("message.max.bytes=2000000\nreplica.fetch.max.bytes=2000000\n"));
    assert_eq!(
        fixture::variables(&broker, KAFKA)[0],
        "KAFKA_HEAP_OPTS=-Xmx2G"
    );
    let member = rendered(4, "zookeeper/zookeeper0", &options);
    assert_eq!(
        fixture::variables(&member, ZOOKEEPER)[2],
        "JVMFLAGS=-Xmx300m"
    );
}

#[test]
fn others_learn_of_the_brokers_and_the_user_of_numbers_that_are_too_small() {
    let four = provisioned(4).unwrap();
    let facts: Brokers = serde_json::from_str(&four.facts).unwrap();
    assert_eq!(
        facts.brokers,
        [
            "demo-kafka0.home:9092",
            "demo-kafka1.home:9092",
            "demo-kafka2.home:9092",
            "demo-kafka3.home:9092",
        ]
    );
    assert!(four.notes.is_empty());
    assert_eq!(provisioned(3).unwrap().notes.len(), 1);
    let two: Vec<String> = provisioned(2)
        .unwrap()
        .notes
        .into_iter()
        .map(|note| note.message)
        .collect();
    assert!(two[0].starts_with("2 Kafka brokers") && two[1].starts_with("2 ZooKeepers"));
    let fault = provisioned(0).unwrap_err();
    assert!(fault[0].message.contains("0 brokers"));
}

#[test]
fn names_of_the_ensembles_ports_begin_with_its_kind_and_fit_a_service() {
    for port in listeners(kind::ZOOKEEPER) {
        assert!(port.name.starts_with(kind::ZOOKEEPER) && port.name.len() <= 15);
    }
}

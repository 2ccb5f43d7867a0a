//! Vectors that Fabric's own tools made, and descriptions of the same channels.
//!
//! A description here repeats what the `configtx.yaml` of the vector says; only certificates are
//! taken out of the vector's decoded form, since they are its inputs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::genesis::Seed;
use crate::model::{
    AnchorPeer, Application, BatchSize, BftConsenter, BftOptions, Channel, Consensus, Msp, NodeOus,
    Orderer, Organization, OrganizationRole, Policies, RaftConsenter, RaftOptions, Release,
};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/", $name))
    };
}
pub(crate) use fixture;

pub const SCRATCH: &[u8] = fixture!("scratch/scratch.block");
pub const SOLO: &[u8] = fixture!("14-solo-genesis.block");
pub const KAFKA: &[u8] = fixture!("14-kafka-genesis.block");
pub const RAFT: &[u8] = fixture!("25-etcdraft-app-genesis.block");
pub const BFT: &[u8] = fixture!("31-bft-app-genesis.block");
pub const CHANNEL_TX: &[u8] = fixture!("14-channel.tx");
pub const ANCHORS_TX: &[u8] = fixture!("14-Org1MSPanchors.tx");

pub const BLOCKS: [(&str, &[u8]); 5] = [
    ("scratch", SCRATCH),
    ("14-solo", SOLO),
    ("14-kafka", KAFKA),
    ("25-etcdraft", RAFT),
    ("31-bft", BFT),
];

pub fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

pub fn solo_json() -> Value {
    json(fixture!("14-solo-genesis.json"))
}
pub fn kafka_json() -> Value {
    json(fixture!("14-kafka-genesis.json"))
}
pub fn raft_json() -> Value {
    json(fixture!("25-etcdraft-app-genesis.json"))
}
pub fn bft_json() -> Value {
    json(fixture!("31-bft-app-genesis.json"))
}
pub fn scratch_json() -> Value {
    json(fixture!("scratch/scratch.json"))
}
pub fn created_json() -> Value {
    json(fixture!("14-mychannel-block0.json"))
}

fn text(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

/// The tree inside the decoded form of a block.
pub fn group_in(block: &Value) -> &Value {
    &block["data"]["data"][0]["payload"]["data"]["config"]["channel_group"]
}

/// Nonce and time of a decoded block.
pub fn seed_of(block: &Value) -> Seed {
    let header = &block["data"]["data"][0]["payload"]["header"];
    let nonce = header["signature_header"]["nonce"].as_str().unwrap();
    let time = header["channel_header"]["timestamp"].as_str().unwrap();
    let number = |range: std::ops::Range<usize>| time[range].parse::<i64>().unwrap();
    // Howard Hinnant's other direction, by counting.
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut days = 0;
    for year in 1970..number(0..4) {
        days += if leap(year) { 366 } else { 365 };
    }
    let february = if leap(number(0..4)) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    days += months[..usize::try_from(number(5..7)).unwrap() - 1]
        .iter()
        .sum::<i64>();
    days += number(8..10) - 1;
    Seed {
        nonce: STANDARD.decode(nonce).unwrap().try_into().unwrap(),
        timestamp: days * 86_400 + number(11..13) * 3600 + number(14..16) * 60 + number(17..19),
    }
}

/// Certificates of an organisation out of its decoded group; units certified by the root or by any.
fn msp(group: &Value, certified: bool) -> Msp {
    let config = &group["values"]["MSP"]["value"]["config"];
    let root = text(&config["root_certs"][0]);
    Msp {
        node_ous: Some(NodeOus::usual(certified.then_some(root.as_str()))),
        root_certs: vec![root],
        tls_root_certs: vec![text(&config["tls_root_certs"][0])],
        ..Msp::default()
    }
}

pub fn organization(
    group: &Value,
    name: &str,
    msp_id: &str,
    role: OrganizationRole,
) -> Organization {
    Organization {
        name: name.to_owned(),
        msp_id: msp_id.to_owned(),
        role,
        msp: msp(group, true),
        endpoints: Vec::new(),
        anchor_peers: Vec::new(),
        policies: Policies::new(),
    }
}

fn anchor(host: &str, port: u16) -> Vec<AnchorPeer> {
    vec![AnchorPeer {
        host: host.to_owned(),
        port,
    }]
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

/// `14-configtx.yaml`, profiles Solo and Kafka.
pub fn system_channel(block: &Value, consensus: Consensus) -> Channel {
    let group = group_in(block);
    let consortium = &group["groups"]["Consortiums"]["groups"]["SampleConsortium"]["groups"];
    let mut orderer = Orderer::new(consensus);
    orderer.addresses = strings(&["orderer0.orgorderer1:7050"]);
    orderer.batch_size = BatchSize {
        max_message_count: 10,
        absolute_max_bytes: 98 * 1024 * 1024,
        preferred_max_bytes: 512 * 1024,
    };
    Channel {
        id: "syschan".to_owned(),
        release: Release::V1_4,
        organizations: vec![organization(
            &group["groups"]["Orderer"]["groups"]["OrdererOrg"],
            "OrdererOrg",
            "OrdererMSP",
            OrganizationRole::Orderer,
        )],
        orderer: Some(orderer),
        application: Application::default(),
        capabilities: None,
        policies: Policies::new(),
        consortium: None,
        consortiums: [(
            "SampleConsortium".to_owned(),
            ["Org1MSP", "Org2MSP"]
                .into_iter()
                .map(|id| organization(&consortium[id], id, id, OrganizationRole::Application))
                .collect(),
        )]
        .into(),
    }
}

pub fn kafka_brokers() -> Consensus {
    Consensus::Kafka {
        brokers: (0..3)
            .map(|n| format!("kafka-{n}.kafka-headless.default:9092"))
            .collect(),
    }
}

/// `14-configtx.yaml`, profile Chan.
pub fn created_channel() -> Channel {
    let block = created_json();
    let group = group_in(&block);
    let organizations = ["Org1MSP", "Org2MSP"]
        .into_iter()
        .zip(["peer0.org1", "peer0.org2"])
        .map(|(id, host)| {
            let found = &group["groups"]["Application"]["groups"][id];
            let mut one = organization(found, id, id, OrganizationRole::Application);
            one.anchor_peers = anchor(host, 7051);
            one
        })
        .collect();
    Channel {
        id: "mychannel".to_owned(),
        release: Release::V1_4,
        organizations,
        orderer: None,
        application: Application::default(),
        capabilities: None,
        policies: Policies::new(),
        consortium: Some("SampleConsortium".to_owned()),
        consortiums: std::collections::BTreeMap::new(),
    }
}

fn raft_of(group: &Value) -> Consensus {
    let consenters =
        &group["groups"]["Orderer"]["values"]["ConsensusType"]["value"]["metadata"]["consenters"];
    Consensus::Etcdraft {
        consenters: consenters
            .as_array()
            .unwrap()
            .iter()
            .map(|one| RaftConsenter {
                host: "127.0.0.1".to_owned(),
                port: u16::try_from(one["port"].as_u64().unwrap()).unwrap(),
                client_tls_cert: text(&one["client_tls_cert"]),
                server_tls_cert: text(&one["server_tls_cert"]),
            })
            .collect(),
        options: RaftOptions::default(),
    }
}

/// `25-configtx.yaml`.
pub fn raft_channel() -> Channel {
    let block = raft_json();
    let group = group_in(&block);
    let mut ordering = organization(
        &group["groups"]["Orderer"]["groups"]["OrdererOrg"],
        "OrdererOrg",
        "OrdererMSP",
        OrganizationRole::Orderer,
    );
    ordering.endpoints = strings(&["127.0.0.1:17050"]);
    let mut organizations = vec![ordering];
    for id in ["Org1MSP", "Org2MSP"] {
        let found = &group["groups"]["Application"]["groups"][id];
        organizations.push(organization(found, id, id, OrganizationRole::Application));
    }
    organizations[1].anchor_peers = anchor("127.0.0.1", 17051);
    let mut orderer = Orderer::new(raft_of(group));
    orderer.batch_size = BatchSize {
        max_message_count: 10,
        absolute_max_bytes: 99 * 1024 * 1024,
        preferred_max_bytes: 512 * 1024,
    };
    Channel {
        id: "mychannel".to_owned(),
        release: Release::V2_5,
        organizations,
        orderer: Some(orderer),
        application: Application::default(),
        capabilities: None,
        policies: Policies::new(),
        consortium: None,
        consortiums: std::collections::BTreeMap::new(),
    }
}

/// `31-configtx.yaml`.
pub fn bft_channel() -> Channel {
    let block = bft_json();
    let group = group_in(&block);
    let mapping = &group["groups"]["Orderer"]["values"]["Orderers"]["value"]["consenter_mapping"];
    let consenters = mapping
        .as_array()
        .unwrap()
        .iter()
        .zip(1_u32..)
        .map(|(one, id)| BftConsenter {
            id,
            host: "127.0.0.1".to_owned(),
            port: u16::try_from(16_040 + id * 10).unwrap(),
            msp_id: "OrdererMSP".to_owned(),
            identity: text(&one["identity"]),
            client_tls_cert: text(&one["client_tls_cert"]),
            server_tls_cert: text(&one["server_tls_cert"]),
        })
        .collect();
    let mut ordering = organization(
        &group["groups"]["Orderer"]["groups"]["OrdererOrg"],
        "OrdererOrg",
        "OrdererMSP",
        OrganizationRole::Orderer,
    );
    ordering.endpoints = (5..9).map(|n| format!("127.0.0.1:160{n}0")).collect();
    let peers = organization(
        &group["groups"]["Application"]["groups"]["Org1MSP"],
        "Org1MSP",
        "Org1MSP",
        OrganizationRole::Application,
    );
    Channel {
        id: "bftchan".to_owned(),
        release: Release::V3_1,
        organizations: vec![ordering, peers],
        orderer: Some(Orderer::new(Consensus::Bft {
            consenters,
            options: Box::new(BftOptions::default()),
        })),
        application: Application::default(),
        capabilities: None,
        policies: Policies::new(),
        consortium: None,
        consortiums: std::collections::BTreeMap::new(),
    }
}

/// The block made without any tool of Fabric, from its certificates.
pub fn scratch_channel() -> Channel {
    let pem = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let msp = |ca: &[u8], tls: &[u8]| Msp {
        root_certs: vec![pem(ca)],
        tls_root_certs: vec![pem(tls)],
        node_ous: Some(NodeOus::usual(None)),
        ..Msp::default()
    };
    let server = pem(fixture!("scratch/ord/orderer0/t/cert.pem"));
    let members = |id: &str| -> Policies {
        ["Readers", "Writers"]
            .into_iter()
            .map(|name| (name.to_owned(), format!("OR('{id}.member')")))
            .collect()
    };
    let mut orderer = Orderer::new(Consensus::Etcdraft {
        consenters: vec![RaftConsenter {
            host: "127.0.0.1".to_owned(),
            port: 15050,
            client_tls_cert: server.clone(),
            server_tls_cert: server,
        }],
        options: RaftOptions::default(),
    });
    orderer.batch_size = BatchSize {
        max_message_count: 10,
        absolute_max_bytes: 10 * 1024 * 1024,
        preferred_max_bytes: 512 * 1024,
    };
    // Its maker writes this number although it is 0; the tools of Fabric leave it out.
    orderer.max_channels = Some(0);
    Channel {
        id: "scratch".to_owned(),
        release: Release::V2_5,
        organizations: vec![
            Organization {
                name: "OrdererOrg".to_owned(),
                msp_id: "OrdererMSP".to_owned(),
                role: OrganizationRole::Orderer,
                msp: msp(
                    fixture!("scratch/ord/ca/cert.pem"),
                    fixture!("scratch/ord/tlsca/cert.pem"),
                ),
                endpoints: strings(&["127.0.0.1:15050"]),
                anchor_peers: Vec::new(),
                policies: Policies::new(),
            },
            Organization {
                name: "Org1MSP".to_owned(),
                msp_id: "Org1MSP".to_owned(),
                role: OrganizationRole::Application,
                msp: msp(
                    fixture!("scratch/org1/ca/cert.pem"),
                    fixture!("scratch/org1/tlsca/cert.pem"),
                ),
                endpoints: Vec::new(),
                anchor_peers: anchor("127.0.0.1", 15151),
                policies: members("Org1MSP"),
            },
        ],
        orderer: Some(orderer),
        application: Application::default(),
        capabilities: None,
        policies: Policies::new(),
        consortium: None,
        consortiums: std::collections::BTreeMap::new(),
    }
}

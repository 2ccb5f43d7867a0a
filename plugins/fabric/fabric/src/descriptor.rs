//! What the stack says about itself: roles, kinds, disruption groups, what it takes, its operations.

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{
    Descriptor, Kind, Phase, Release as Roles, Role, Rollout, Take,
};
use fabric_service::descriptor::{kept, kinds, need};
use fabric_service::{CHAIN, Release, STACK, facts, item, kind, role};
use serde_json::Value;

use crate::convert;
use crate::input::key;
use crate::options;
use crate::work;

/// What the stack keeps about channels: the nonce of their first block, so that a block made again is the same.
pub const NONCE: &str = "nonce";

/// Roles in the order of their containers, with the plugin that fills each when the user says nothing.
const ROLES: [(&str, &str, &str); 8] = [
    (role::MSP, "msp_native", "one"),
    (role::CA, "", "optional"),
    (role::ORDERER, "orderer_raft", "one"),
    (role::KAFKA, "", "optional"),
    (role::STATE_DB, "goleveldb", "one"),
    (role::PEER, "fabric_peer", "one"),
    (role::CHAINCODE, "ccaas", "one"),
    (role::CLI, "", "optional"),
];

/// The descriptor of the stack.
pub fn descriptor() -> Descriptor {
    Descriptor {
        name: STACK.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "Hyperledger Fabric: organisations with peers and orderers, channels, chaincode"
            .to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        series: Release::ALL.map(|it| it.name().to_owned()).to_vec(),
        options: options::schema(),
        on: [
            (Phase::Provision, kinds(&[CHAIN, kind::CHANNEL])),
            (Phase::Configure, kinds(&[CHAIN, kind::CHANNEL])),
            (Phase::Render, rendered()),
        ]
        .into(),
        needs: needs(),
        kept: vec![kept(NONCE, &[CHAIN, kind::CHANNEL], false)],
        takes: [
            (role::MSP, item::KEY),
            (role::MSP, item::TLS_KEY),
            (role::CA, item::CA_PASSWORD),
        ]
        .map(|(role, item)| Take {
            role: role.to_owned(),
            item: item.to_owned(),
            phases: vec![Phase::Operate],
        })
        .to_vec(),
        operations: work::operations(),
        formats: convert::formats(),
        releases: Release::ALL
            .into_iter()
            .map(|release| (release.name().to_owned(), roles(release)))
            .collect(),
        default_release: Release::V2_5.name().to_owned(),
        kinds: all_kinds(),
        rollout: vec![
            Rollout {
                name: "orderers".to_owned(),
                kinds: kinds(&[kind::ORDERER]),
                max_unavailable: "1".to_owned(),
            },
            Rollout {
                name: "peers".to_owned(),
                kinds: kinds(&[kind::PEER]),
                max_unavailable: "1".to_owned(),
            },
            Rollout {
                name: "brokers".to_owned(),
                kinds: kinds(&[kind::KAFKA, kind::ZOOKEEPER]),
                max_unavailable: "1".to_owned(),
            },
        ],
        ..Descriptor::default()
    }
}

/// Kinds for which there is something beside containers: Services, policies.
fn rendered() -> Vec<String> {
    kinds(&[
        kind::ORG,
        kind::ORDERER,
        kind::PEER,
        kind::SERVER,
        kind::CA,
        kind::CLI,
        kind::KAFKA,
        kind::ZOOKEEPER,
        kind::DOCKER,
    ])
}

/// A block is made of what everybody said about himself; operations read the same.
fn needs() -> Vec<chain_plugin_sdk::descriptor::Need> {
    let wanted = [
        (role::MSP, kind::ORG, false),
        (role::MSP, kind::ORDERER, false),
        (role::MSP, kind::PEER, false),
        (role::MSP, kind::USER, false),
        (role::ORDERER, CHAIN, false),
        (role::KAFKA, CHAIN, true),
        (role::CHAINCODE, CHAIN, true),
    ];
    let mut all = Vec::new();
    for (role, kind, optional) in wanted {
        for phase in [Phase::Configure, Phase::Operate] {
            all.push(need(phase, role, Phase::Provision, kind, optional));
        }
    }
    all.push(need(
        Phase::Operate,
        role::CA,
        Phase::Provision,
        kind::CA,
        true,
    ));
    for of_kind in [kind::SERVER, kind::CHAINCODE] {
        all.push(need(
            Phase::Operate,
            role::CHAINCODE,
            Phase::Provision,
            of_kind,
            true,
        ));
    }
    all
}

fn all_kinds() -> Vec<Kind> {
    let counted = |name: &str, key: &str, flag: &str, value: &str, summary: &str| Kind {
        name: name.to_owned(),
        key: key.to_owned(),
        flag: flag.to_owned(),
        value: value.to_owned(),
        summary: summary.to_owned(),
    };
    let made = |name: &str, summary: &str| counted(name, "", "", "", summary);
    vec![
        counted(
            kind::ORG,
            key::ORGS,
            "orgs",
            "",
            "organisations: how many, or their names (default 2)",
        ),
        counted(
            kind::ORDERER,
            key::ORDERERS,
            "orderers",
            "",
            "orderers of the organisation that orders (default 3)",
        ),
        counted(
            kind::PEER,
            key::PEERS,
            "peers",
            "",
            "peers of each organisation (default 2)",
        ),
        counted(
            kind::USER,
            key::USERS,
            "users",
            "",
            "users of each organisation beside its Admin (default 1)",
        ),
        counted(
            kind::CHANNEL,
            key::CHANNELS,
            "channel",
            "",
            "channels to make, by name",
        ),
        counted(
            kind::CHAINCODE,
            key::CHAINCODES,
            "chaincode",
            "image",
            "chaincodes to deploy: NAME=IMAGE, several with commas",
        ),
        counted(
            kind::KAFKA,
            key::KAFKAS,
            "kafkas",
            "",
            "brokers of the orderer `orderer_kafka` (default 4)",
        ),
        counted(
            kind::ZOOKEEPER,
            key::ZOOKEEPERS,
            "zookeepers",
            "",
            "members of the brokers' ensemble (default 3)",
        ),
        made(kind::SERVER, "the pod of a chaincode for one organisation"),
        made(kind::CA, "the CA server of an organisation"),
        made(kind::CLI, "the command line of an organisation"),
        made(kind::DOCKER, "the docker daemon of an organisation"),
    ]
}

fn roles(release: Release) -> Roles {
    let role = |(name, default, count): (&str, &str, &str)| {
        let default = match (name, release) {
            // No peer of 1.4 runs chaincode that it did not build.
            (role::CHAINCODE, Release::V1_4) => "",
            _ => default,
        };
        let count = if default.is_empty() {
            "optional"
        } else {
            count
        };
        let facts: BTreeMap<String, Value> = [
            CHAIN,
            kind::ORG,
            kind::ORDERER,
            kind::PEER,
            kind::USER,
            kind::SERVER,
            kind::CHAINCODE,
            kind::CA,
        ]
        .into_iter()
        .map(|kind| (kind.to_owned(), facts::schema(name, kind)))
        .filter(|(_, schema)| *schema != Value::Null)
        .collect();
        Role {
            name: name.to_owned(),
            default: default.to_owned(),
            count: count.to_owned(),
            facts,
        }
    };
    let roles = ROLES
        .into_iter()
        .filter(|(name, ..)| release == Release::V1_4 || *name != role::KAFKA);
    Roles {
        roles: roles.map(role).collect(),
    }
}

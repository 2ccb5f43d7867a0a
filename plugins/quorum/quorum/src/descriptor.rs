//! What the stack says about itself: roles, kinds, volumes, the disruption group, its operations.

use chain_plugin_sdk::descriptor::{
    Descriptor, Kind, Operation, Phase, Release, Role, Rollout, Volume,
};
use quorum_service::container::need;
use quorum_service::{
    CHAIN, CLIENT, CONSENSUS, DATA_VOLUME, EXPLORER, MONITOR, PRIVACY, RELEASE, SOCKET_VOLUME,
    STACK, facts,
};
use serde_json::{Value, json};

use crate::{convert, options, status};

/// Roles in the order of their containers, with the plugin that fills each when the user says nothing.
const ROLES: [(&str, &str, &str); 5] = [
    (PRIVACY, "", "optional"),
    (CLIENT, "goquorum", "one"),
    (CONSENSUS, "qbft", "one"),
    (EXPLORER, "", "optional"),
    (MONITOR, "", "optional"),
];

/// The descriptor of the stack.
pub fn descriptor() -> Descriptor {
    let pods = || {
        let kinds = ["node", EXPLORER, MONITOR];
        kinds.map(str::to_owned).to_vec()
    };
    let mut render = vec![CHAIN.to_owned()];
    render.extend(pods());
    let kind = |name: &str, summary: &str| Kind {
        name: name.to_owned(),
        summary: summary.to_owned(),
        ..Kind::default()
    };
    let volume = |name: &str, size: &str, medium: &str| Volume {
        name: name.to_owned(),
        size: size.to_owned(),
        medium: medium.to_owned(),
        kinds: vec!["node".to_owned()],
    };
    Descriptor {
        name: "quorum".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "GoQuorum: one pod per node with the client and, if wanted, a privacy manager"
            .to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        series: vec![RELEASE.to_owned()],
        options: options::schema(),
        on: [(Phase::Render, render)].into(),
        needs: vec![
            // For those who write the nodes down for others.
            need(Phase::Render, CLIENT, Phase::Provision, "node", true),
            need(Phase::Operate, CLIENT, Phase::Configure, CHAIN, true),
            need(Phase::Operate, CLIENT, Phase::Provision, "node", true),
        ],
        formats: convert::formats(),
        volumes: vec![
            volume(DATA_VOLUME, "10Gi", "disk"),
            volume(SOCKET_VOLUME, "1Mi", "memory"),
        ],
        operations: vec![
            Operation {
                name: "status".to_owned(),
                summary: "block height, peers, part in the consensus, and whether it is syncing"
                    .to_owned(),
                kind: "node".to_owned(),
                hook: "status".to_owned(),
                columns: status::COLUMNS.map(str::to_owned).into(),
                ..Operation::default()
            },
            Operation {
                name: "endpoints".to_owned(),
                summary: "where clients reach each node, inside the cluster and outside".to_owned(),
                args: json!({
                    "type": "object", "additionalProperties": false, "properties": {},
                    "x-chain-addresses": true,
                }),
                ..Operation::default()
            },
        ],
        releases: [(
            RELEASE.to_owned(),
            Release {
                roles: ROLES.map(role).into(),
            },
        )]
        .into(),
        default_release: RELEASE.to_owned(),
        kinds: vec![
            kind(EXPLORER, "the pod that shows blocks to people"),
            kind(MONITOR, "the pod that collects metrics"),
        ],
        rollout: vec![Rollout {
            name: "validators".to_owned(),
            kinds: vec!["node".to_owned()],
            max_unavailable: "third".to_owned(),
        }],
        ..Descriptor::default()
    }
}

fn role((name, default, count): (&str, &str, &str)) -> Role {
    let facts = [CHAIN, "node"]
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
}

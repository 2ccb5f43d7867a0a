//! What the stack says about itself: roles, kinds, volumes, the rollout group, its own container.

use chain_plugin_sdk::descriptor::{
    Descriptor, Image, KeptSpec, Kind, Need, Operation, Phase, Release, Role, Rollout, Volume,
};
use chain_plugin_sdk::serde_json::Value;
use cita_cloud_formats::syncthing::config::SYNC_PORT;
use cita_cloud_service::{CHAIN, RELEASE, STACK, STACK_ROLE, container, facts, run};

use crate::{options, status, sync};

/// Roles in the order of their containers, with the plugin that fills each when the user says nothing. The kms is last,
/// as in the original.
const ROLES: [(&str, &str); 6] = [
    ("network", "network_p2p"),
    ("consensus", "consensus_raft"),
    ("executor", "executor_evm"),
    ("storage", "storage_sqlite"),
    ("controller", "controller_poc"),
    ("kms", "kms_sm"),
];

/// The descriptor of the stack.
pub fn descriptor() -> Descriptor {
    let kept = |name: &str, secret: bool| KeptSpec {
        name: name.to_owned(),
        kinds: vec!["node".to_owned()],
        secret,
        ..KeptSpec::default()
    };
    let own = |kind: &str| Need {
        phase: Phase::Render,
        role: STACK_ROLE.to_owned(),
        from: Phase::Provision,
        kind: Some(kind.to_owned()),
        optional: false,
    };
    Descriptor {
        name: "cita_cloud".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: "CITA-Cloud: one pod per node, one container per microservice".to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        series: vec![RELEASE.to_owned()],
        options: options::schema(),
        on: [
            (Phase::Provision, vec!["node".to_owned()]),
            (Phase::Render, vec!["chain".to_owned(), "node".to_owned()]),
        ]
        .into(),
        needs: vec![
            own("node"),
            of_chain(Phase::Render),
            of_chain(Phase::Operate),
        ],
        kept: vec![
            kept(sync::CERTIFICATE, false),
            kept(sync::KEY, true),
            kept(sync::DEVICE_ID, false),
        ],
        container: sync::CONTAINER.to_owned(),
        images: vec![Image {
            name: sync::CONTAINER.to_owned(),
            default: sync::IMAGE.to_owned(),
        }],
        ports: vec![container::port(sync::PORT, SYNC_PORT, "peers", "p2p")],
        volumes: vec![
            Volume {
                name: container::VOLUME.to_owned(),
                size: "10Gi".to_owned(),
                kinds: vec!["node".to_owned()],
                ..Volume::default()
            },
            Volume {
                name: run::VOLUME.to_owned(),
                size: "1Mi".to_owned(),
                medium: "memory".to_owned(),
                kinds: vec!["node".to_owned()],
            },
        ],
        resources: container::requests("50m", "96Mi"),
        operations: vec![status()],
        releases: [(
            RELEASE.to_owned(),
            Release {
                roles: ROLES.map(role).into(),
            },
        )]
        .into(),
        default_release: RELEASE.to_owned(),
        kinds: vec![Kind {
            name: "account".to_owned(),
            summary: "the super admin's account, unless the option superAdmin names one".to_owned(),
            ..Kind::default()
        }],
        rollout: vec![Rollout {
            name: "validators".to_owned(),
            kinds: vec!["node".to_owned()],
            max_unavailable: "minority".to_owned(),
        }],
        ..Descriptor::default()
    }
}

/// What the controller says of the chain.
fn of_chain(phase: Phase) -> Need {
    Need {
        phase,
        role: "controller".to_owned(),
        from: Phase::Configure,
        kind: Some(CHAIN.to_owned()),
        optional: true,
    }
}

fn role((name, default): (&str, &str)) -> Role {
    let facts = ["account", "chain", "node"]
        .into_iter()
        .map(|kind| (kind.to_owned(), facts::schema(name, kind)))
        .filter(|(_, schema)| *schema != Value::Null)
        .collect();
    Role {
        name: name.to_owned(),
        default: default.to_owned(),
        count: "one".to_owned(),
        facts,
    }
}

fn status() -> Operation {
    Operation {
        name: "status".to_owned(),
        summary: "block height, and whether it advances".to_owned(),
        kind: "node".to_owned(),
        hook: "status".to_owned(),
        exec: vec!["controller".to_owned()],
        columns: status::COLUMNS.map(str::to_owned).into(),
        ..Operation::default()
    }
}

//! The stack `pebble`: nodes live in circles, and each circle vouches for its nodes.
//!
//! Subjects: the chain, its circles, and the nodes of each circle. A circle keeps a secret root, from which every node
//! that is born in it gets a badge. Everything that talks is the business of the plugins `talker` and `chorus`.

mod expand;
mod session;

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{Descriptor, KeptSpec, Kind, Phase, Release, Role, Rollout};
use chain_plugin_sdk::serde_json::json;

pub use expand::Pebbles;
pub use session::Pebble;

chain_plugin_sdk::export_plugin!(Pebble, stack = Pebbles);

/// What the stack says about itself.
pub fn descriptor() -> Descriptor {
    let fact = |kind: &str, key: &str| {
        let schema =
            json!({"type": "object", "required": [key], "properties": {key: {"type": "string"}}});
        BTreeMap::from([(kind.to_owned(), schema)])
    };
    Descriptor {
        name: "pebble".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        summary: env!("CARGO_PKG_DESCRIPTION").into(),
        license: "Apache-2.0".into(),
        stack: "pebble".into(),
        series: vec!["first".into()],
        default_release: "first".into(),
        releases: BTreeMap::from([(
            "first".into(),
            Release {
                roles: vec![
                    Role {
                        name: "talker".into(),
                        default: "pebble_talker".into(),
                        facts: fact("node", "id"),
                        ..Role::default()
                    },
                    Role {
                        name: "chorus".into(),
                        default: "pebble_chorus".into(),
                        facts: fact("chain", "kind"),
                        ..Role::default()
                    },
                ],
            },
        )]),
        kinds: vec![Kind {
            name: "circle".into(),
            key: "circles".into(),
            flag: "circles".into(),
            summary: "How many circles the nodes are spread over, or their names".into(),
            ..Kind::default()
        }],
        rollout: vec![Rollout {
            name: "members".into(),
            kinds: vec!["node".into()],
            max_unavailable: "third".into(),
        }],
        on: BTreeMap::from([
            (Phase::Provision, vec!["circle".into(), "node".into()]),
            (Phase::Render, vec!["circle".into(), "node".into()]),
        ]),
        kept: vec![
            KeptSpec {
                name: "root".into(),
                kinds: vec!["circle".into()],
                secret: true,
                ..KeptSpec::default()
            },
            KeptSpec {
                name: "motto".into(),
                kinds: vec!["circle".into()],
                ..KeptSpec::default()
            },
            KeptSpec {
                name: "badge".into(),
                kinds: vec!["node".into()],
                ..KeptSpec::default()
            },
        ],
        ..Descriptor::default()
    }
}

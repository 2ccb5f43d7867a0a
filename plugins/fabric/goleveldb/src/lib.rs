//! The state of a peer in `LevelDB`, within the peer itself: nothing to run, nothing to keep.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, Phase};
use chain_plugin_sdk::{At, Diagnostics, Plugin, Provisioned, Topology, export_plugin};
use fabric_service::descriptor::{kinds, plugin};
use fabric_service::facts::{self, StateDatabase};
use fabric_service::{Release, kind, role};

/// The plugin.
#[derive(Debug)]
pub struct LevelDb;

impl Plugin for LevelDb {
    fn descriptor() -> Descriptor {
        Descriptor {
            on: [(Phase::Provision, kinds(&[kind::PEER]))].into(),
            ..plugin(
                "goleveldb",
                role::STATE_DB,
                "state database: LevelDB within the peer",
                &Release::ALL,
            )
        }
    }

    fn open(_topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self)
    }

    fn provision(&self, _at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        Ok(facts::known(&StateDatabase {
            kind: "goleveldb".to_owned(),
            ..StateDatabase::default()
        }))
    }
}

export_plugin!(LevelDb);

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::TestHost;
    use serde_json::{Value, json};

    #[test]
    fn a_peer_is_told_its_kind_and_gets_no_container() {
        let call = TestHost::call("peer/peer0.org1", role::STATE_DB, &json!({}), &[]);
        let host = TestHost::new();
        let provisioned = LevelDb.provision(&host.at(&call)).unwrap();
        let facts: Value = provisioned.facts.parse().unwrap();
        assert_eq!(facts, json!({"kind": "goleveldb"}));
        assert!(provisioned.keep.is_empty());
        let rendered = LevelDb.render(&host.at(&call)).unwrap();
        assert!(rendered.fragments.is_empty() && rendered.bindings.is_empty());
    }
}

//! One orderer that agrees with nobody: the legacy of release 1.4, for trials.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::{At, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin};
use fabric_orderer::{Pod, descriptor, pod};
use fabric_service::fault::refuse_with;
use fabric_service::{Network, Release, facts, facts::Ordering};
use serde::Deserialize;
use serde_json::json;

/// The releases that have it.
const SERIES: [Release; 1] = [Release::V1_4];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    logging: Option<String>,
}

/// The plugin.
#[derive(Debug)]
pub struct Solo {
    network: Network,
}

impl Plugin for Solo {
    fn descriptor() -> Descriptor {
        descriptor::descriptor(
            "orderer_solo",
            "orderer: solo (legacy), a single one that stands no fault",
            &SERIES,
            json!({}),
        )
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, _at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let orderers = pod::count(&self.network);
        if orderers > 1 {
            let message = format!(
                "solo with {orderers} orderers: each would make blocks of its own, and peers would disagree"
            );
            let hint = "use one orderer, or `--orderer orderer_raft`";
            return Err(refuse_with("orderers", "", message, hint));
        }
        Ok(facts::known(&Ordering {
            kind: "solo".to_owned(),
            settings: BTreeMap::new(),
            consenters: false,
        }))
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let pod = Pod {
            series: &SERIES,
            logging: options.logging,
            ..Pod::default()
        };
        Ok(pod.rendered(&self.network, at)?.build())
    }
}

export_plugin!(Solo);

#[cfg(test)]
mod tests;

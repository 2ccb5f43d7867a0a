//! Orderers that agree by `SmartBFT`: less than a third of them may lie or crash.
//!
//! Each is a consenter of a channel by its identity and its TLS certificate, and every block bears the signatures of a
//! quorum of them.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod settings;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::{
    At, Diagnostic, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin, warning,
};
use fabric_orderer::{Log, Pod, descriptor, pod};
use fabric_service::descriptor::disk;
use fabric_service::{Network, Release, facts, facts::Ordering, kind};
use settings::Options;

/// The releases that have it.
const SERIES: [Release; 1] = [Release::V3_1];
/// The volume of its log. It keeps no snapshots: a block says where it stands.
const LOG: Log = Log {
    volume: "bft",
    path: "/var/hyperledger/smartbft",
    snapshots: false,
};

/// What to say about a number of orderers. From four on one may fail; a number between two steps costs messages only.
fn remark(orderers: usize) -> Option<Diagnostic> {
    if orderers == 0 || orderers >= 4 {
        return None;
    }
    let plural = if orderers == 1 { "" } else { "s" };
    let why = format!(
        "{orderers} orderer{plural} stand no fault at all: to stand one that lies or is down, BFT needs four"
    );
    Some(warning("orderers", "", why).hint("use 4 orderers, or 7 for two faults"))
}

/// The plugin.
#[derive(Debug)]
pub struct Bft {
    network: Network,
}

impl Plugin for Bft {
    fn descriptor() -> Descriptor {
        let mut all = descriptor::descriptor(
            "orderer_bft",
            "orderers: SmartBFT, which stands lies and crashes of less than a third",
            &SERIES,
            settings::schema(),
        );
        all.volumes.push(disk(LOG.volume, "2Gi", kind::ORDERER));
        all
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let options: Options = at.options()?;
        options.check()?;
        let ordering = Ordering {
            kind: "BFT".to_owned(),
            settings: options.settings(),
            consenters: true,
        };
        Ok(Provisioned {
            notes: remark(pod::count(&self.network)).into_iter().collect(),
            ..facts::known(&ordering)
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let pod = Pod {
            series: &SERIES,
            logging: options.logging,
            log: Some(LOG),
            cluster: true,
            ..Pod::default()
        };
        Ok(pod.rendered(&self.network, at)?.build())
    }
}

export_plugin!(Bft);

#[cfg(test)]
mod tests;

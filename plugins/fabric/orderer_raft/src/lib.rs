//! Orderers that agree by Raft (etcd's): any of them may crash while more than half stand.
//!
//! Each is a consenter of a channel by its TLS certificate. The log of Raft has a volume of its own: the program takes two
//! files of 64 MB for each channel at once.

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
use chain_plugin_sdk::{
    At, Diagnostic, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin, warning,
};
use fabric_orderer::{Log, Pod, descriptor, options, pod};
use fabric_service::descriptor::disk;
use fabric_service::fault::refuse_with;
use fabric_service::{Network, Release, facts, facts::Ordering, kind};
use serde::Deserialize;
use serde_json::json;

/// The releases that have it.
const SERIES: [Release; 3] = Release::ALL;
/// The volume of its log.
const LOG: Log = Log {
    volume: "raft",
    path: "/var/hyperledger/etcdraft",
    snapshots: true,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    logging: Option<String>,
    tick_interval: String,
    election_tick: u32,
    heartbeat_tick: u32,
    max_inflight_blocks: u32,
    snapshot_interval_size: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            logging: None,
            tick_interval: "500ms".to_owned(),
            election_tick: 10,
            heartbeat_tick: 1,
            max_inflight_blocks: 5,
            snapshot_interval_size: 16 * 1024 * 1024,
        }
    }
}

impl Options {
    /// What an orderer refuses in a channel's metadata, and with it the channel.
    fn check(&self) -> Result<(), Diagnostics> {
        options::positive_length("tickInterval", &self.tick_interval)?;
        for (name, value) in [
            ("electionTick", self.election_tick),
            ("heartbeatTick", self.heartbeat_tick),
            ("maxInflightBlocks", self.max_inflight_blocks),
            ("snapshotIntervalSize", self.snapshot_interval_size),
        ] {
            options::positive(name, u64::from(value))?;
        }
        if self.election_tick <= self.heartbeat_tick {
            let message = format!(
                "option `electionTick` is {}, it must be above `heartbeatTick` with {}",
                self.election_tick, self.heartbeat_tick
            );
            let hint = "usual are 10 and 1: a leader is missed after ten heartbeats";
            return Err(refuse_with("option", "/electionTick", message, hint));
        }
        Ok(())
    }

    fn ordering(&self) -> Ordering {
        let settings = [
            ("tickInterval", json!(self.tick_interval)),
            ("electionTick", json!(self.election_tick)),
            ("heartbeatTick", json!(self.heartbeat_tick)),
            ("maxInflightBlocks", json!(self.max_inflight_blocks)),
            ("snapshotIntervalSize", json!(self.snapshot_interval_size)),
        ];
        Ordering {
            kind: "etcdraft".to_owned(),
            settings: settings
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<BTreeMap<_, _>>(),
            consenters: true,
        }
    }
}

/// What to say about a number of orderers; an odd one from three on needs no word.
fn remark(orderers: usize) -> Option<Diagnostic> {
    let (why, hint) = match orderers {
        0 => return None,
        1 => (
            "1 orderer: while it is down, for an update too, nothing is ordered".to_owned(),
            "three orderers stand the loss of one".to_owned(),
        ),
        even if even.is_multiple_of(2) => (
            format!(
                "{even} orderers stand the loss of {}, no more than {} would: Raft needs more than half",
                (even - 1) / 2,
                even - 1
            ),
            format!("use {} or {} orderers", even - 1, even + 1),
        ),
        _ => return None,
    };
    Some(warning("orderers", "", why).hint(hint))
}

/// Channels for which the volume of the log is enough as it is when the user says nothing of it: 2Gi, of which each takes
/// two files of 64 MB at once, and snapshots beside them.
const ROOMY: usize = 10;

/// What to say about a number of channels: an orderer whose disk is full stops, and does not say why beforehand.
fn crowded(channels: usize) -> Option<Diagnostic> {
    (channels > ROOMY).then(|| {
        let why = format!(
            "{channels} channels take {} MB of each orderer's volume `{}` at once, and more as they go; it has 2Gi unless `storage` says otherwise",
            channels * 128,
            LOG.volume
        );
        let hint = "`storage: {byKind: {orderer: {size: 10Gi}}}` sets both volumes of an orderer";
        warning("storage", "", why).hint(hint)
    })
}

/// The plugin.
#[derive(Debug)]
pub struct Raft {
    network: Network,
}

impl Plugin for Raft {
    fn descriptor() -> Descriptor {
        let mut all = descriptor::descriptor(
            "orderer_raft",
            "orderers: Raft, which stands crashes of a minority",
            &SERIES,
            json!({
                "tickInterval": options::length("500ms", "length of a tick of Raft's clock"),
                "electionTick": options::number(1, 10, "ticks without a leader before an election; above heartbeatTick"),
                "heartbeatTick": options::number(1, 1, "ticks between a leader's heartbeats"),
                "maxInflightBlocks": options::number(1, 5, "blocks on their way to followers at once"),
                "snapshotIntervalSize": options::number(1, 16 * 1024 * 1024, "bytes of log after which a snapshot is taken"),
            }),
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
        let channels = self.network.of_kind(kind::CHANNEL);
        let channels = channels.filter(|it| !it.foreign).count();
        let orderers = remark(pod::count(&self.network));
        Ok(Provisioned {
            notes: orderers.into_iter().chain(crowded(channels)).collect(),
            ..facts::known(&options.ordering())
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

export_plugin!(Raft);

#[cfg(test)]
mod tests;

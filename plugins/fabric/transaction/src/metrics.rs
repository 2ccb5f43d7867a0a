//! What the Prometheus metrics of orderers and peers tell about the health of channels.
//!
//! A Fabric node is "healthy" when its process serves; whether it takes part in the consensus, who
//! leads and how high the ledger is stand only in `/metrics`. Reads the text format 0.0.4 as far as
//! plain samples go: comments, histograms and metrics of others are passed over.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::participation::{Relation, State};

/// A line that is no sample.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line} of the metrics is not `name{{label=\"value\"}} number`: {text:?}")]
pub struct MetricsError {
    /// Number of the line, from 1.
    pub line: usize,
    /// Its beginning.
    pub text: String,
}

/// The state of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// By name of the channel.
    pub channels: BTreeMap<String, Channel>,
    /// Requests that wait in the pool of a BFT orderer, over all channels that it does not tell
    /// apart. More than 0 and not falling while other orderers have 0: it is stuck, restart it.
    pub pool: Option<u64>,
}

/// The state of one channel on a node. What a node does not report is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channel {
    /// What an orderer is in the channel (`participation_consensus_relation`).
    pub relation: Option<Relation>,
    /// What the channel does on an orderer (`participation_status`).
    pub status: Option<State>,
    /// Raft orderers that the leader can reach, itself included.
    pub raft_active_nodes: Option<u64>,
    /// Orderers of the consensus.
    pub cluster_size: Option<u64>,
    /// Whether this orderer leads.
    pub is_leader: Option<bool>,
    /// Number of the newest block that an orderer wrote.
    pub committed_block: Option<u64>,
    /// Number of the consenter that leads, with BFT.
    pub bft_leader: Option<u64>,
    /// Number of blocks (`ledger_blockchain_height`).
    pub height: Option<u64>,
    /// Other peers that a peer knows of in the channel.
    pub peers_known: Option<u64>,
    /// Requests that wait in the pool of a BFT orderer.
    pub pool: Option<u64>,
}

impl Channel {
    /// The gate between two restarts of Raft orderers: a consenter, running, and all nodes active.
    /// Ask all orderers that remain: each reports what it sees.
    pub fn raft_is_whole(&self) -> bool {
        self.takes_part()
            && self
                .cluster_size
                .is_some_and(|size| size > 0 && self.raft_active_nodes == Some(size))
    }

    /// Whether an orderer is a consenter of the running channel. A follower where a consenter is
    /// expected has a TLS key that is not in the channel's configuration.
    pub fn takes_part(&self) -> bool {
        self.relation == Some(Relation::Consenter) && self.status == Some(State::Active)
    }
}

/// Reads the body of `/metrics`.
///
/// # Errors
/// A line that is neither sample nor comment, as when a page of HTML arrives instead.
pub fn read(text: &str) -> Result<Metrics, MetricsError> {
    let mut metrics = Metrics::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let sample = sample(line).ok_or_else(|| MetricsError {
            line: at + 1,
            text: line.chars().take(80).collect(),
        })?;
        metrics.add(&sample);
    }
    Ok(metrics)
}

struct Sample<'a> {
    name: &'a str,
    channel: Option<String>,
    value: f64,
}

impl Metrics {
    fn add(&mut self, sample: &Sample<'_>) {
        let number = whole(sample.value);
        let Some(name) = &sample.channel else {
            if sample.name == "consensus_smartbft_pool_count_of_elements" {
                self.pool = number;
            }
            return;
        };
        let mut channel = Channel::default();
        let known = self.channels.get_mut(name);
        let is_new = known.is_none();
        let to = known.unwrap_or(&mut channel);
        match sample.name {
            "participation_consensus_relation" => {
                to.relation = number.map(|number| match number {
                    1 => Relation::Consenter,
                    2 => Relation::Follower,
                    3 => Relation::ConfigTracker,
                    _ => Relation::Other,
                });
            }
            "participation_status" => {
                to.status = number.map(|number| match number {
                    0 => State::Inactive,
                    1 => State::Active,
                    2 => State::Onboarding,
                    3 => State::Failed,
                    _ => State::Unknown,
                });
            }
            "consensus_etcdraft_active_nodes" => to.raft_active_nodes = number,
            "consensus_etcdraft_cluster_size" | "consensus_BFT_cluster_size" => {
                to.cluster_size = number;
            }
            "consensus_etcdraft_is_leader" | "consensus_BFT_is_leader" => {
                to.is_leader = number.map(|number| number == 1);
            }
            "consensus_etcdraft_committed_block_number"
            | "consensus_BFT_committed_block_number" => to.committed_block = number,
            "consensus_BFT_leader_id" => to.bft_leader = number,
            "consensus_smartbft_pool_count_of_elements" => to.pool = number,
            "ledger_blockchain_height" => to.height = number,
            "gossip_membership_total_peers_known" => to.peers_known = number,
            _ => return,
        }
        if is_new {
            self.channels.insert(name.clone(), channel);
        }
    }
}

/// A gauge's value as a whole number; gauges are floats, `1.5e+01` included.
fn whole(value: f64) -> Option<u64> {
    const MAX: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    ((0.0..=MAX).contains(&value) && value.fract() == 0.0).then_some(value as u64)
}

/// Parses `name{label="value",...} number [time]`.
fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let (name, rest) = line.split_at_checked(end)?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (channel, rest) = match rest.trim_start().strip_prefix('{') {
        Some(labels) => channel_label(labels)?,
        None => (None, rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = match words.next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().ok()?,
    };
    if let Some(time) = words.next() {
        let digits = time.strip_prefix('-').unwrap_or(time);
        if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
    }
    words.next().is_none().then_some(Sample {
        name,
        channel,
        value,
    })
}

/// Reads labels up to the brace that ends them; gives that of the channel and what follows.
fn channel_label(labels: &str) -> Option<(Option<String>, &str)> {
    let mut channel = None;
    let mut rest = labels.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((channel, behind));
        }
        let (label, behind) = rest.split_once('=')?;
        let quoted = behind.trim_start().strip_prefix('"')?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        if label.trim() == "channel" {
            channel = Some(value);
        }
        rest = quoted.get(end + 1..)?.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAFT: &str = r#"# HELP consensus_etcdraft_active_nodes Number of active nodes in this channel.
# TYPE consensus_etcdraft_active_nodes gauge
consensus_etcdraft_active_nodes{channel="mychannel"} 3
consensus_etcdraft_cluster_size{channel="mychannel"} 3
consensus_etcdraft_committed_block_number{channel="mychannel"} 1.2e+01
consensus_etcdraft_is_leader{channel="mychannel"} 1
consensus_etcdraft_active_nodes{channel="other"} 2
consensus_etcdraft_cluster_size{channel="other"} 3
blockcutter_block_fill_duration_bucket{channel="mychannel",le="+Inf"} 11
go_memstats_alloc_bytes 4.76e+06
ledger_blockchain_height{channel="mychannel"} 13
participation_consensus_relation{channel="mychannel"} 1
participation_consensus_relation{channel="other"} 2
participation_status{channel="mychannel"} 1
participation_status{channel="other"} 1
grpc_comm_conn_opened 7 1395066363000
"#;

    #[test]
    fn channels_are_told_apart() {
        let metrics = read(RAFT).unwrap();
        assert_eq!(metrics.channels.len(), 2);
        let mine = &metrics.channels["mychannel"];
        assert!(mine.raft_is_whole());
        assert_eq!(mine.committed_block, Some(12));
        assert_eq!(mine.height, Some(13));
        assert_eq!(mine.is_leader, Some(true));
        let other = &metrics.channels["other"];
        assert!(!other.raft_is_whole());
        assert_eq!(other.relation, Some(Relation::Follower));
        assert_eq!(other.height, None);
    }

    #[test]
    fn bft_and_gossip_have_names_of_their_own() {
        let metrics = read(
            "consensus_BFT_leader_id{channel=\"c\"} 4\nconsensus_BFT_is_leader{channel=\"c\"} 0\n\
             consensus_smartbft_pool_count_of_elements 9\n\
             consensus_smartbft_pool_count_of_elements{channel=\"c\"} 8\n\
             gossip_membership_total_peers_known{channel=\"c\"} 3\n",
        )
        .unwrap();
        let channel = &metrics.channels["c"];
        assert_eq!(channel.bft_leader, Some(4));
        assert_eq!(channel.is_leader, Some(false));
        assert_eq!((metrics.pool, channel.pool), (Some(9), Some(8)));
        assert_eq!(channel.peers_known, Some(3));
    }

    #[test]
    fn labels_may_be_quoted_and_values_odd() {
        let metrics =
            read("ledger_blockchain_height { a=\"}\\\"\" , channel = \"x\\\\y\", } NaN\n").unwrap();
        assert_eq!(metrics.channels["x\\y"].height, None);
        for number in ["-1", "0.5", "+Inf", "1e300"] {
            let text = format!("ledger_blockchain_height{{channel=\"c\"}} {number}");
            assert_eq!(read(&text).unwrap().channels["c"].height, None, "{number}");
        }
    }

    #[test]
    fn what_is_no_metrics_is_refused_with_its_line() {
        assert_eq!(read("a 1\n<html>").unwrap_err().line, 2);
        for text in [
            "a",
            "a b",
            "a{",
            "a{b",
            "a{b=",
            "a{b=\"",
            "a{b=\"c\\",
            "a{b=\"c\"",
            "{} 1",
            "1a 2",
            "a 1 2 3",
            "a 1 x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        // Cut anywhere, even within a character.
        for end in 0..RAFT.len() {
            let _ = read(&RAFT[..end]);
        }
    }
}

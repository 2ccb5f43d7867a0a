//! Nodes that start again, as they look from outside: healthy at once, in their channels only later. And their metrics.

use std::fmt::Write as _;

use chain_plugin_sdk::{Failure, Http, Response};
use serde_json::json;

use super::Ledger;
use super::chain::Chain;
use super::wire::{failure, plain, text};

/// When a node that starts again serves calls, and has its channels, in milliseconds.
pub const SERVES: u64 = 400;
/// When it has all blocks again.
pub const CATCHES_UP: u64 = 1_500;
/// When an orderer hears of a leader again.
pub const HEARS: u64 = 3_000;
/// How many blocks it lacks before.
const LACKS: u64 = 2;

impl Ledger {
    /// Starts a node again, now.
    pub fn restart(&mut self, node: &str) {
        self.restarted.insert(node.to_owned(), self.clock_ms);
    }

    /// For how long a node has been at work.
    pub fn uptime_ms(&self, node: &str) -> u64 {
        let since = self.restarted.get(node);
        since.map_or(u64::MAX, |at| self.clock_ms.saturating_sub(*at))
    }

    pub(super) fn serves(&self, node: &str) -> bool {
        self.uptime_ms(node) >= SERVES
    }

    /// What a node tells over the port of its operations, from its first moment on.
    pub(super) fn operations(&self, node: &str, http: &Http) -> Result<Response, Failure> {
        if http.h2 || http.tls.is_some() {
            return Err(failure("broken", "the interface speaks plain HTTP/1.1"));
        }
        match http.path.as_str() {
            "/healthz" => return Ok(plain(200, &json!({"status": "OK"}))),
            "/metrics" => {}
            _ => return Ok(text(404, "404 page not found")),
        }
        let orderer = self.orderers.get(node);
        let peer = self.peers.get(node);
        let channels = orderer
            .map(|it| &it.channels)
            .or(peer.map(|it| &it.channels));
        let Some(channels) = channels else {
            return Err(failure("refused", format!("there is no {node}")));
        };
        let mut body = String::from("# HELP go_threads of the program\ngo_threads 9\n");
        for (name, key) in channels.iter().filter(|_| self.serves(node)) {
            let Some(chain) = self.chains.get(key) else {
                continue;
            };
            let lacks = if self.uptime_ms(node) < CATCHES_UP {
                LACKS
            } else {
                0
            };
            let height = chain.height().saturating_sub(lacks);
            let mut line = |name_of: &str, value: u64| {
                let _ = writeln!(body, "{name_of}{{channel=\"{name}\"}} {value}");
            };
            line("ledger_blockchain_height", height);
            if let Some(it) = orderer {
                self.consensus(node, chain, chain.ordering.has(&it.tls), &mut line);
            }
        }
        Ok(text(200, &body))
    }

    fn consensus(
        &self,
        node: &str,
        chain: &Chain,
        is_consenter: bool,
        line: &mut impl FnMut(&str, u64),
    ) {
        let Some(consenters) = &chain.ordering.consenters else {
            return;
        };
        line(
            "participation_consensus_relation",
            if is_consenter { 1 } else { 2 },
        );
        line("participation_status", 1);
        if !is_consenter {
            return;
        }
        let size = u64::try_from(consenters.len()).unwrap_or(0);
        let up = |id: &&String| !self.down.contains(*id) && self.uptime_ms(id) >= HEARS;
        let taking_part = self
            .orderers
            .iter()
            .filter(|(_, it)| chain.ordering.has(&it.tls))
            .map(|(id, _)| id);
        // The first of them that has been there for long enough to be elected leads.
        let leader = taking_part.clone().find(up);
        let leads = leader.is_some_and(|it| it == node);
        let hears = self.uptime_ms(node) >= HEARS && leader.is_some();
        let active = taking_part.filter(up).count();
        let active = u64::try_from(active).unwrap_or(0);
        if chain.ordering.bft {
            line("consensus_BFT_cluster_size", size);
            line("consensus_BFT_is_leader", u64::from(leads));
            line("consensus_BFT_leader_id", u64::from(hears));
        } else {
            line("consensus_etcdraft_cluster_size", size);
            line("consensus_etcdraft_is_leader", u64::from(leads));
            line(
                "consensus_etcdraft_active_nodes",
                if hears { active } else { 0 },
            );
        }
    }
}

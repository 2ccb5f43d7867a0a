//! Health and metrics of nodes, over plain HTTP.

use std::fmt::Write as _;

use chain_plugin_sdk::{Http, Response};
use serde_json::{Value, json};

use super::Ledger;
use super::wire::{plain, text};

impl Ledger {
    /// What a node answers on its port of operations.
    pub(super) fn operations(&self, id: &str, http: &Http) -> Response {
        match (http.method.as_str(), http.path.as_str()) {
            ("GET", "/healthz") => plain(200, &json!({"status": "OK"})),
            ("GET", "/metrics") => text(self.metrics(id)),
            _ => plain(404, &Value::Null),
        }
    }

    fn metrics(&self, id: &str) -> String {
        let mut all =
            String::from("# HELP ledger_blockchain_height Height of the chain in blocks.\n");
        let mut tell = |name: &str, channel: &str, value: u64| {
            let _ = writeln!(all, "{name}{{channel=\"{channel}\"}} {value}");
        };
        let peer = self.peers.get(id).map(|it| &it.channels);
        let orderer = self.orderers.get(id);
        let channels = peer.or_else(|| orderer.map(|it| &it.channels));
        for (name, key) in channels.into_iter().flatten() {
            let Some(chain) = self.chains.get(key) else {
                continue;
            };
            tell("ledger_blockchain_height", name, chain.height());
            let Some(orderer) = orderer else { continue };
            let consents = chain.ordering.consenters.is_some() && chain.ordering.has(&orderer.tls);
            let relation = match &chain.ordering.consenters {
                None => 0,
                Some(_) if consents => 1,
                Some(_) => 2,
            };
            tell("participation_consensus_relation", name, relation);
            tell("participation_status", name, 1);
            if consents && !chain.ordering.bft {
                // The first of those that are there leads.
                let leads = self.led(key) && self.consenting(key).next() == Some(id);
                tell("consensus_etcdraft_is_leader", name, u64::from(leads));
            }
        }
        all
    }
}

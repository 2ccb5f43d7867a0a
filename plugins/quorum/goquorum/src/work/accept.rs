//! Whether the whole chain works: every node has peers, all have one chain, and contracts do what they should.

use chain_plugin_sdk::{Diagnostics, Host, Outcome, Request, Topology, Turn};
use quorum_service::facts::{ClientChain, PrivacyNode};
use quorum_service::fault::{at as fault_at, refuse};
use quorum_service::operation::{done, failed, pause, step};
use quorum_service::{CHAIN, CLIENT, Nodes, PRIVACY, rpc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::work::contract::Contract;
use crate::work::fact;

/// Milliseconds between two looks.
const PAUSE: u32 = 2000;

/// A run.
#[derive(Debug)]
pub struct Accept {
    port: String,
    nodes: Vec<String>,
    genesis: Option<String>,
    /// What is still to be tried, the next one last.
    contracts: Vec<Contract>,
    passed: Vec<String>,
    ends_ms: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Rested,
    /// Peers, genesis block and height of each node.
    Looked,
    /// The block at the lowest of the heights.
    Compared(u64),
    /// A contract.
    Contract,
}

#[derive(Deserialize)]
#[serde(default)]
struct Args {
    patience: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { patience: 180 }
    }
}

impl Accept {
    /// Begins.
    pub fn start(all: Topology, what: &Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let args: Args = serde_json::from_str(&what.args).map_err(fault_at("args", ""))?;
        let nodes = Nodes::new(all.clone());
        let ids: Vec<String> = nodes.own().map(|node| node.id.clone()).collect();
        let first = ids
            .first()
            .ok_or_else(|| refuse("nodes", "", "there is no node"))?;
        let ends_ms = what
            .now_ms
            .saturating_add(args.patience.saturating_mul(1000));
        let private = ids.len() > 1 && fact::<PrivacyNode>(host, first, PRIVACY).is_some();
        let mut contracts = Vec::new();
        if private {
            contracts.push(Contract::new(&all, first, host, true, ends_ms)?);
        }
        contracts.push(Contract::new(&all, first, host, false, ends_ms)?);
        let chain: Option<ClientChain> = fact(host, CHAIN, CLIENT);
        Ok(Self {
            port: rpc::port(&all),
            nodes: ids,
            genesis: chain.map(|chain| chain.genesis_hash),
            contracts,
            passed: Vec::new(),
            ends_ms,
            stage: Stage::Rested,
        })
    }

    /// The next turn.
    pub fn next(&mut self, outcomes: &[Outcome]) -> Turn {
        match self.stage {
            Stage::Rested => {
                self.stage = Stage::Looked;
                let asks = [
                    ("net_peerCount", json!([])),
                    ("eth_getBlockByNumber", json!(["0x0", false])),
                    ("eth_blockNumber", json!([])),
                ];
                self.ask(&asks)
            }
            Stage::Looked => match self.looked(outcomes) {
                Ok(height) => {
                    self.stage = Stage::Compared(height);
                    let params = json!([format!("{height:#x}"), false]);
                    self.ask(&[("eth_getBlockByNumber", params)])
                }
                Err(why) => self.again(outcomes, &why),
            },
            Stage::Compared(height) => match self.compared(outcomes, height) {
                Ok(hash) => {
                    self.passed.push(format!(
                        "{} nodes have block {height}, {hash}",
                        self.nodes.len()
                    ));
                    self.stage = Stage::Contract;
                    self.contract(&[])
                }
                Err(why) => self.again(outcomes, &why),
            },
            Stage::Contract => self.contract(outcomes),
        }
    }

    fn ask(&self, asks: &[(&str, Value)]) -> Turn {
        let of_node = |id: &String| {
            asks.iter()
                .map(|(method, params)| {
                    let act = rpc::ask(&self.port, method, params);
                    step(id, format!("asks {method}"), rpc::PATIENCE, act)
                })
                .collect::<Vec<_>>()
        };
        Turn::Steps(self.nodes.iter().flat_map(of_node).collect())
    }

    /// Peers and genesis block of every node; the lowest height.
    fn looked(&self, outcomes: &[Outcome]) -> Result<u64, String> {
        let mut lowest = u64::MAX;
        for (id, answers) in self.nodes.iter().zip(outcomes.chunks(3)) {
            let mut answers = answers.iter().map(|outcome| {
                rpc::result(Some(outcome)).map_err(|fault| format!("{id}: {}", fault.message()))
            });
            let mut next = || {
                answers
                    .next()
                    .unwrap_or_else(|| Err(format!("{id} is silent")))
            };
            let peers = rpc::quantity(&next()?).unwrap_or_default();
            if peers == 0 && self.nodes.len() > 1 {
                return Err(format!("{id} has no peers"));
            }
            let genesis = next()?;
            let hash = genesis.get("hash").and_then(Value::as_str);
            if self.genesis.is_some() && hash != self.genesis.as_deref() {
                let found = hash.unwrap_or("none");
                return Err(format!(
                    "{id} has the genesis block {found}, which is another chain's"
                ));
            }
            lowest = lowest.min(rpc::quantity(&next()?).unwrap_or_default());
        }
        Ok(lowest)
    }

    fn compared(&self, outcomes: &[Outcome], height: u64) -> Result<String, String> {
        let mut hashes = self.nodes.iter().zip(outcomes).map(|(id, outcome)| {
            let block = rpc::result(Some(outcome)).map_err(|fault| fault.message().to_owned());
            let hash = block.map(|block| block.get("hash")?.as_str().map(str::to_owned))?;
            hash.map(|hash| (id, hash))
                .ok_or_else(|| format!("{id} has no block {height}"))
        });
        let (first, hash) = hashes
            .next()
            .unwrap_or_else(|| Err("there is no node".to_owned()))?;
        for other in hashes {
            let (id, found) = other?;
            if found != hash {
                return Err(format!(
                    "{first} and {id} have different blocks at height {height}"
                ));
            }
        }
        Ok(hash)
    }

    fn contract(&mut self, outcomes: &[Outcome]) -> Turn {
        let Some(contract) = self.contracts.last_mut() else {
            return done(self.passed.join("\n"), &json!({"passed": self.passed}));
        };
        match contract.next(outcomes) {
            Turn::Done(report) => {
                self.passed.push(report.text);
                self.contracts.pop();
                self.contract(&[])
            }
            turn => turn,
        }
    }

    fn again(&mut self, outcomes: &[Outcome], why: &str) -> Turn {
        let now = outcomes.first().map_or(0, |outcome| outcome.at_ms);
        if now > self.ends_ms {
            return failed(
                "accept",
                why,
                "see `kubectl chain status --probe` and `kubectl chain logs`",
            );
        }
        self.stage = Stage::Rested;
        pause(CHAIN, format!("waits: {why}"), PAUSE)
    }
}

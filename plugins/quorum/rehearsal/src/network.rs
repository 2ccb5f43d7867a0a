//! The nodes: what each answers at its JSON-RPC port and in its console, and what operations left behind.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::{Act, Exec, Failure, Http, Response, TestHost, Topology};
use quorum_service::facts::{ClientFacts, text};
use quorum_service::{CHAIN, CLIENT, CONSENSUS, PRIVACY, fixture};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::store::{Asked, Store};
use crate::voters::Voters;

/// Hash of block 0.
const GENESIS: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

/// A network, as operations find it.
#[derive(Debug, Clone)]
pub struct Network {
    /// The chain with its nodes.
    pub topology: Topology,
    facts: Vec<(String, String, Value)>,
    clients: BTreeMap<String, ClientFacts>,
    /// Addresses by which nodes vote.
    voting: BTreeMap<String, String>,
    /// Nodes by the keys of their privacy managers.
    keys: BTreeMap<String, String>,
    /// Who votes.
    pub voters: Voters,
    /// Who is a member by number.
    pub cluster: Cluster,
    /// What is deployed.
    pub store: Store,
    /// What operations remembered, by subject.
    pub remembered: BTreeMap<String, Value>,
    /// What of it was there when the chain was rendered last.
    pub rendered: BTreeMap<String, Value>,
    /// Nodes that answer nothing.
    pub silent: BTreeSet<String>,
    /// Blocks so far.
    pub height: u64,
    /// The time.
    pub now_ms: u64,
}

fn consensus(kind: &str, identity: &str, members: &[String]) -> Value {
    json!({
        "kind": kind, "blockPeriodMs": 1000, "identity": identity, "members": members,
        "genesis": {"difficulty": "0x1", "mixHash": "0x0", "extraData": "0x"},
    })
}

impl Network {
    /// So many nodes, the last `late` of which came after the chain's birth.
    fn new(nodes: u32, late: u32) -> Self {
        let client = |index: u32| (format!("node/node{index}"), fixture::client(index));
        let clients: BTreeMap<String, ClientFacts> = (0..nodes).map(client).collect();
        let facts = clients.iter().map(|(id, client)| {
            let facts = serde_json::from_str(&text(client)).unwrap_or_default();
            (id.clone(), CLIENT.to_owned(), facts)
        });
        let chain = json!({"chainId": 1, "networkId": 1, "genesisHash": GENESIS});
        let facts = facts.chain([(CHAIN.to_owned(), CLIENT.to_owned(), chain)]);
        Self {
            topology: fixture::topology(nodes, late),
            facts: facts.collect(),
            clients,
            voting: BTreeMap::new(),
            keys: BTreeMap::new(),
            voters: Voters::default(),
            cluster: Cluster::default(),
            store: Store::default(),
            remembered: BTreeMap::new(),
            rendered: BTreeMap::new(),
            silent: BTreeSet::new(),
            height: 5,
            now_ms: 1_700_000_000_000,
        }
    }

    /// A chain whose first nodes vote, in `istanbul`, `qbft` or `clique`.
    pub fn voting(kind: &str, nodes: u32, voters: u32) -> Self {
        let mut network = Self::new(nodes, nodes - voters);
        let address = |client: &ClientFacts| match (kind, &client.account_address) {
            ("clique", Some(account)) => account.clone(),
            _ => client.node_address.clone(),
        };
        let addresses = network.clients.iter();
        network.voting = addresses
            .map(|(id, client)| (id.clone(), address(client).to_lowercase()))
            .collect();
        let members: Vec<String> = (0..voters)
            .filter_map(|index| network.voting.get(&format!("node/node{index}")).cloned())
            .collect();
        let identity = if kind == "clique" { "account" } else { "node" };
        let facts = consensus(kind, identity, &members);
        network
            .facts
            .push((CHAIN.to_owned(), CONSENSUS.to_owned(), facts));
        network.voters.members = members.into_iter().collect();
        network
    }

    /// A chain of Raft; the last `late` nodes are to join it.
    pub fn raft(nodes: u32, late: u32) -> Self {
        let mut network = Self::new(nodes, late);
        let founders = (0..nodes - late).map(|index| fixture::client(index).node_id);
        network.cluster = Cluster::of(founders);
        let numbers: BTreeMap<&str, u16> = network
            .cluster
            .members
            .iter()
            .map(|(number, member)| (member.node_id.as_str(), *number))
            .collect();
        let mut facts = consensus("raft", "number", &[]);
        if let Some(facts) = facts.as_object_mut() {
            facts.insert("numbers".to_owned(), json!(numbers));
        }
        network
            .facts
            .push((CHAIN.to_owned(), CONSENSUS.to_owned(), facts));
        network
    }

    /// The same with a privacy manager beside each node.
    #[must_use]
    pub fn private(mut self) -> Self {
        for (index, id) in self.clients.keys().enumerate() {
            // 31 zero bytes and the number of the node.
            let last = ["AA", "AE", "AI", "AM", "AQ", "AU"].get(index).copied();
            let key = format!("{}{}=", "A".repeat(41), last.unwrap_or("AY"));
            let facts = json!({"publicKey": key, "socket": "tm.ipc"});
            self.facts.push((id.clone(), PRIVACY.to_owned(), facts));
            self.keys.insert(key, id.clone());
        }
        self
    }

    /// The same with a node of another party, which is reached at `host`.
    #[must_use]
    pub fn joined_by(mut self, id: &str, name: &str, host: &str) -> Self {
        let mut node = fixture::node(9, false);
        (node.id, node.name, node.foreign) = (id.to_owned(), name.to_owned(), true);
        let ports = [("p2p", 31001), ("raft", 31002)];
        node.endpoints = ports
            .map(|(port, number)| chain_plugin_sdk::Endpoint {
                port: port.to_owned(),
                service: String::new(),
                number: 0,
                outside: Some(format!("{host}:{number}")),
            })
            .into();
        self.topology.subjects.push(node);
        let facts = text(&fixture::client(8));
        let facts = serde_json::from_str(&facts).unwrap_or_default();
        self.facts.push((id.to_owned(), CLIENT.to_owned(), facts));
        self
    }

    /// The host, as an operation sees it now.
    pub fn host(&self) -> TestHost {
        let facts = self.facts.iter();
        let host = facts.fold(TestHost::new(), |host, (subject, role, facts)| {
            host.fact(subject, role, facts)
        });
        let states = self.remembered.iter();
        states.fold(host, |host, (subject, state)| host.state(subject, state))
    }

    /// Does what a step asks for.
    pub fn act(&mut self, on: &str, act: &Act) -> Result<Response, Failure> {
        match act {
            Act::Sleep(ms) => {
                self.pass(*ms);
                Ok(response(0, ""))
            }
            Act::Http(http) => self.http(on, http),
            Act::Exec(exec) => self.console(on, exec),
            Act::Remember(state) => {
                let state = serde_json::from_str(state);
                let state = state.map_err(|fault| failure("invalid", &fault.to_string()))?;
                self.remembered.insert(on.to_owned(), state);
                Ok(response(0, ""))
            }
            Act::Amend(_) => {
                self.rendered = self.remembered.clone();
                Ok(response(0, ""))
            }
            _ => Err(failure("unsupported", "not in a rehearsal")),
        }
    }

    /// Time passes: blocks are made, proposals hold.
    pub fn pass(&mut self, ms: u32) {
        self.now_ms += u64::from(ms);
        self.height += 1;
        self.voters.block(&self.voting);
        self.cluster.settle();
        self.store.block();
    }

    fn http(&mut self, on: &str, http: &Http) -> Result<Response, Failure> {
        if self.silent.contains(on) || !self.clients.contains_key(on) {
            return Err(failure("refused", "connection refused"));
        }
        if (http.port.as_str(), http.path.as_str(), http.method.as_str()) != ("rpc", "/", "POST") {
            return Ok(response(404, ""));
        }
        let body: Value = serde_json::from_slice(&http.body).unwrap_or_default();
        let method = body.get("method").and_then(Value::as_str);
        let params = body.get("params").cloned().unwrap_or_default();
        let answer = match self.answer(on, method.unwrap_or_default(), &params) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
            Err(why) => {
                json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": why}})
            }
        };
        Ok(response(200, &answer.to_string()))
    }

    fn answer(&mut self, on: &str, method: &str, params: &Value) -> Result<Value, String> {
        if let Some(answer) = self.voters.answer(on, method, params) {
            return Ok(answer);
        }
        let client = self.clients.get(on).cloned().ok_or("no such node")?;
        if let Some(answer) = self.cluster.answer(&client.node_id, method, params) {
            return answer;
        }
        let all = self.clients.keys().cloned().collect();
        let account = client.account_address.unwrap_or_default().to_lowercase();
        let asked = Asked {
            id: on,
            account: &account,
            keys: &self.keys,
            all: &all,
        };
        if let Some(answer) = self.store.answer(asked, method, params) {
            return answer;
        }
        match method {
            "net_peerCount" => Ok(json!(format!("{:#x}", self.clients.len() - 1))),
            "eth_blockNumber" => Ok(json!(format!("{:#x}", self.height))),
            "eth_syncing" => Ok(json!(false)),
            "eth_getBlockByNumber" => Ok(match params.get(0).and_then(Value::as_str) {
                Some("0x0") => json!({"hash": GENESIS}),
                Some(number) => json!({"hash": format!("{number}-of-all")}),
                None => Value::Null,
            }),
            other => Err(format!("the method {other} does not exist")),
        }
    }

    /// The console of a node, by the scripts that its pod has: it prints errors, and ends with 0 all the same.
    fn console(&mut self, on: &str, exec: &Exec) -> Result<Response, Failure> {
        if self.silent.contains(on) {
            return Err(failure("not-found", "the pod is not there"));
        }
        let words: Vec<&str> = exec.command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["sh", "/geth-helpers/geth-attach.sh"] if exec.tty => Ok(response(0, "")),
            ["sh", "/geth-helpers/geth-exec.sh", "eth.blockNumber"] => {
                Ok(response(0, &format!("{}\n", self.height)))
            }
            ["sh", "/geth-helpers/geth-exec.sh", _] => {
                Ok(response(0, "ReferenceError: it is not defined\n"))
            }
            _ => Err(failure("not-found", "no such program")),
        }
    }
}

/// Why a step was not done, or nobody knows whether it was.
pub fn failure(kind: &str, message: &str) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message: message.to_owned(),
    }
}

fn response(code: i32, body: &str) -> Response {
    Response {
        code,
        body: body.as_bytes().to_vec(),
        more: "{}".to_owned(),
    }
}

//! A network of real nodes that run what the plugins render.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chain_plugin_sdk::{Diagnostics, Failure, Http, Report, Response, Subject};
use fabric_loopback::http::{self, ExchangeError};
use fabric_loopback::{Kind, Loopback, Process, Programs};
use fabric_rehearsal::driver::{self, Call, Faults, World};
use fabric_rehearsal::network::{Network, Spec};
use fabric_rehearsal::pod;
use fabric_service::kind;
use serde_json::{Value, json};

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// The nodes, each at an address of its own.
pub struct Nodes {
    loopback: Loopback,
    /// Address and ports by subject.
    places: BTreeMap<String, (String, BTreeMap<String, u16>)>,
}

fn failure(kind: &str, message: impl std::fmt::Display) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message: message.to_string(),
    }
}

impl Nodes {
    fn request(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let (name, ports) = &self.places[call.node];
        let port = ports[call.port];
        let node = self.loopback.node(name).unwrap();
        let tls = call.http.tls.as_ref().map(|tls| http::Tls {
            server_name: tls.server_name.clone(),
            roots: String::from_utf8(tls.roots.clone()).unwrap(),
            identity: None,
        });
        let request = http::Request {
            to: SocketAddr::from((node.address, port)),
            tls,
            h2: call.http.h2,
            method: call.http.method.clone(),
            path: call.http.path.clone(),
            headers: call.http.headers.clone(),
            body: call.http.body.clone(),
            timeout: Duration::from_millis(u64::from(call.timeout_ms)),
        };
        let answer = http::send(&request).map_err(|fault| {
            let kind = match &fault {
                ExchangeError::Connect(..) => "refused",
                ExchangeError::Handshake(..) => "tls",
                ExchangeError::Http(..) => "broken",
                ExchangeError::Timeout(..) => "timeout",
                _ => "invalid",
            };
            failure(kind, fault)
        })?;
        Ok(Response {
            code: i32::from(answer.status),
            body: answer.body,
            more: json!({"headers": answer.headers, "trailers": answer.trailers}).to_string(),
        })
    }
}

impl World for Nodes {
    fn http(&mut self, node: &str, port: &str, http: &Http) -> Result<Response, Failure> {
        self.request(&Call {
            node,
            port,
            http,
            timeout_ms: 30_000,
        })
    }

    fn turn(&mut self, calls: &[Call<'_>]) -> Vec<Result<Response, Failure>> {
        let this = &*self;
        thread::scope(|scope| {
            let all: Vec<_> = calls
                .iter()
                .map(|call| scope.spawn(move || this.request(call)))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }

    fn pass(&mut self, ms: u32) {
        thread::sleep(Duration::from_millis(u64::from(ms)));
    }

    fn now_ms(&mut self) -> Option<u64> {
        Some(now_ms())
    }
}

/// A network with its nodes.
pub struct Stage {
    pub network: Network,
    pub nodes: Nodes,
}

/// The process that a subject's pod runs; nothing for those without one.
fn process(network: &Network, subject: &Subject) -> Option<Process> {
    let (container, kind) = match subject.kind.as_str() {
        kind::ORDERER => ("orderer", Kind::Orderer),
        kind::PEER => ("peer", Kind::Peer),
        kind::SERVER => ("chaincode", Kind::Chaincode),
        _ => return None,
    };
    let containers = pod::containers(network, &subject.id).unwrap();
    let container = &containers[container];
    let mut process = Process::new(&subject.name, kind);
    process.env = container.env.clone();
    // What its script says last before the program takes its place.
    let script = container.template["command"][2].as_str();
    let own = script.and_then(|it| it.split_once("export FABRIC_CFG_PATH="));
    if let Some(path) = own.and_then(|(_, rest)| rest.split_whitespace().next()) {
        process
            .env
            .insert("FABRIC_CFG_PATH".to_owned(), path.to_owned());
    }
    process.files = container.files.clone();
    for other in &network.topology.subjects {
        let Some(endpoint) = other.endpoints.first() else {
            continue;
        };
        let full = format!("{}.{}", endpoint.service, other.namespace);
        process.hosts.insert(full, other.name.clone());
        if other.namespace == subject.namespace {
            process
                .hosts
                .insert(endpoint.service.clone(), other.name.clone());
        }
    }
    Some(process)
}

impl Stage {
    /// Starts all pods of the network that the spec describes.
    pub fn start(programs: &Programs, mut spec: Spec) -> Self {
        spec.now_ms = now_ms();
        let network = Network::new(spec).unwrap();
        let all = network.topology.subjects.iter();
        let processes: Vec<Process> = all.filter_map(|it| process(&network, it)).collect();
        let mut ports: BTreeMap<String, u16> = BTreeMap::new();
        let told: Value = serde_json::from_str(&network.topology.extra).unwrap();
        for port in told["services"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|it| it["ports"].as_array().unwrap())
        {
            let number = port["number"].as_u64().unwrap();
            ports.insert(
                port["name"].as_str().unwrap().to_owned(),
                u16::try_from(number).unwrap(),
            );
        }
        let subjects = network.topology.subjects.iter();
        let places = subjects
            .map(|it| (it.id.clone(), (it.name.clone(), ports.clone())))
            .collect();
        let loopback = Loopback::start(programs, processes).unwrap();
        Self {
            network,
            nodes: Nodes { loopback, places },
        }
    }

    /// Runs an operation in which nothing goes wrong.
    pub fn run(&mut self, operation: &str, subject: &str, args: &Value) -> Report {
        self.try_run(operation, subject, args, &Faults::none())
            .unwrap_or_else(|faults| panic!("{operation}: {faults:#?}"))
    }

    /// Runs an operation, and tells how long it took and of how many requests.
    pub fn try_run(
        &mut self,
        operation: &str,
        subject: &str,
        args: &Value,
        faults: &Faults,
    ) -> Result<Report, Diagnostics> {
        let (network, world) = (&mut self.network, &mut self.nodes);
        let begun = Instant::now();
        let end = driver::run(network, world, operation, subject, args, &[], faults);
        let log = &self.network.log;
        println!(
            "{operation} {subject}: {:.2} s, {} requests in {} turns, {} ms slept",
            begun.elapsed().as_secs_f32(),
            log.requests.len(),
            log.turns,
            log.slept_ms,
        );
        if std::env::var_os("CHAIN_TEST_VERBOSE").is_some() {
            for (node, port, request) in &log.requests {
                println!("    {node} {port} {request}");
            }
            for (on, says) in &log.says {
                println!("    [{on}] {says}");
            }
        }
        end
    }

    /// How far each node is, by channel and node.
    pub fn heights(&mut self) -> BTreeMap<(String, String), u64> {
        let report = self.run("channel-list", "chain", &json!({}));
        assert_eq!(report.notes, [], "{}", report.text);
        let rows: Vec<Value> = serde_json::from_str(&report.table).unwrap();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        rows.iter()
            .map(|row| {
                let height = row["height"].as_u64().unwrap();
                ((text(row, "channel"), text(row, "node")), height)
            })
            .collect()
    }

    /// Heights once all nodes of each channel are equally far: peers hear of blocks by gossip.
    pub fn settled(&mut self) -> BTreeMap<(String, String), u64> {
        let begun = Instant::now();
        loop {
            let heights = self.heights();
            let mut of: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
            for ((channel, _), height) in &heights {
                of.entry(channel).or_default().insert(*height);
            }
            if of.values().all(|heights| heights.len() == 1) {
                return heights;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{heights:?}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// What programs wrote where no volume is: pods have a root that is read-only.
    pub fn strays(&self) -> Vec<String> {
        let mut found = Vec::new();
        for subject in &self.network.topology.subjects {
            let Some(process) = process(&self.network, subject) else {
                continue;
            };
            let containers = pod::containers(&self.network, &subject.id).unwrap();
            let volumes = containers.values().flat_map(|it| it.volumes.keys());
            let volumes: Vec<&str> = volumes.map(String::as_str).collect();
            let root = self.nodes.loopback.node(&process.name).unwrap().root();
            let mut files = Vec::new();
            walk(&root, &root, &mut files);
            for file in files {
                let own = process.files.contains_key(&file);
                let made = [
                    "/etc/hosts",
                    "/etc/nsswitch.conf",
                    "/usr/local/bin/program",
                    "/etc/hyperledger/fabric/",
                    "/etc/hyperledger/cfg/core.yaml",
                    "/opt/hyperledger/ccaas_builder/",
                ];
                let image = made.iter().any(|it| file.starts_with(it));
                let volume = volumes.iter().any(|it| {
                    file.strip_prefix(it)
                        .is_some_and(|rest| rest.starts_with('/'))
                });
                if !own && !image && !volume {
                    found.push(format!("{}: {file}", process.name));
                }
            }
        }
        found
    }

    /// Ends a node at once, as a crash of its machine does.
    pub fn kill(&mut self, name: &str) {
        println!("-- {name} is killed");
        self.nodes.loopback.kill(name).unwrap();
    }

    /// Starts it again.
    pub fn restart(&mut self, name: &str) {
        println!("-- {name} starts again");
        self.nodes.loopback.restart(name).unwrap();
    }

    /// A node's log.
    #[allow(dead_code)]
    pub fn log(&self, name: &str) -> String {
        self.nodes.loopback.node(name).unwrap().log()
    }
}

fn walk(root: &Path, at: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(at).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            walk(root, &entry.path(), files);
        } else {
            let path = entry.path();
            let inside = path.strip_prefix(root).unwrap();
            files.push(format!("/{}", inside.display()));
        }
    }
}

//! A model of Fabric behind the pods of a control plane: what a pod's program would answer, the model answers, over real
//! connections.
//!
//! The pods of the tests' control plane run nothing, but their ports can be led to this process. So each pod of a chain
//! begins a node of the model from what its container has mounted, as its program would; its listeners shake hands with
//! the pod's own certificate, and hand whole requests to the model.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chain_plugin_sdk::{Http, Response};
use fabric_rehearsal::driver::{Fault, Faults, World as _};
use fabric_rehearsal::ledger::{Door, Ledger};
use fabric_rehearsal::pod::Container;
use fabric_service::{Release, port};
use kubectl_chain::cluster::Connection;
use tokio::runtime::Runtime;

use super::listener::{self, Listening};
use super::mounts::{self, Pod};
use super::plane::Plane;

/// The model with its listeners; all end with it.
pub struct Front {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// What all connections share.
pub struct Shared {
    ledger: Mutex<Ledger>,
    trouble: Mutex<Trouble>,
}

/// What came, and what goes wrong with it.
#[derive(Default)]
struct Trouble {
    /// Node and request line of each request.
    asked: Vec<(String, String)>,
    faults: Faults,
    /// Who is killed.
    victim: Option<Arc<Mutex<Child>>>,
}

/// What becomes of a request.
pub enum Reply {
    /// An answer.
    Answer(Response),
    /// The connection is lost.
    Lost,
    /// Nothing is said, until the client has had enough.
    Silence,
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

impl Shared {
    /// Hands a request to a node of the model.
    pub fn answer(&self, node: &str, port: &str, http: &Http) -> Reply {
        let fault = {
            let mut trouble = self.trouble.lock().unwrap();
            let number = trouble.asked.len();
            let line = format!("{} {}", http.method, http.path);
            trouble.asked.push((node.to_owned(), line));
            let fault = trouble.faults.0.get(&number).copied();
            if fault == Some(Fault::KilledBefore) {
                trouble.kill();
            }
            fault
        };
        if matches!(fault, Some(Fault::KilledBefore | Fault::LostBefore)) {
            return Reply::Lost;
        }
        let answer = {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.is_now(now_ms());
            ledger.http(node, port, http)
        };
        if fault == Some(Fault::KilledAfter) {
            self.trouble.lock().unwrap().kill();
        }
        match answer {
            _ if fault.is_some() => Reply::Lost,
            Ok(response) => Reply::Answer(response),
            Err(failure) if failure.kind == "timeout" => Reply::Silence,
            Err(_) => Reply::Lost,
        }
    }
}

impl Trouble {
    fn kill(&mut self) {
        let victim = self.victim.take().expect("nobody to kill");
        victim.lock().unwrap().kill().unwrap();
    }
}

/// The ports on which the program of a container listens, by their names: number, and whether they speak TLS and HTTP/2.
fn listens(container: &Container) -> Vec<(u16, &'static str, bool)> {
    let number = |name: &str| {
        let text = container.env.get(name)?;
        text.rsplit(':').next()?.parse().ok()
    };
    for name in ["CORE_PEER_TLS", "ORDERER_GENERAL_TLS"] {
        let asks = format!("{name}_CLIENTAUTHREQUIRED");
        let asks = container.env.get(&asks);
        assert!(asks.is_none(), "nodes that ask for certificates: {asks:?}");
    }
    [
        ("ORDERER_GENERAL_LISTENPORT", port::ORDERER, true),
        ("ORDERER_ADMIN_LISTENADDRESS", port::ADMIN, false),
        ("ORDERER_OPERATIONS_LISTENADDRESS", port::ORDERER_OPS, false),
        ("CORE_PEER_LISTENADDRESS", port::PEER, true),
        ("CORE_OPERATIONS_LISTENADDRESS", port::PEER_OPS, false),
    ]
    .into_iter()
    .filter_map(|(name, port, rpc)| Some((number(name)?, port, rpc)))
    .collect()
}

/// A pod whose node runs.
struct Running {
    pod: Pod,
    listening: Vec<Listening>,
}

impl Running {
    /// Starts the node of a pod, from what its container has.
    async fn start(shared: &Arc<Shared>, pod: Pod, container: &Container) -> Self {
        let door = Door::of(container).unwrap();
        let begun = shared.ledger.lock().unwrap().boot(&pod.id, container);
        begun.unwrap_or_else(|why| panic!("{}: {why:?}", pod.name));
        let mut listening = Vec::new();
        for (number, port, rpc) in listens(container) {
            let door = rpc.then_some(&door);
            let made = listener::listen(shared, &pod.id, (port, number), door).await;
            listening.push(made);
        }
        Self { pod, listening }
    }

    /// Leads the pod's ports here. Whatever was in the folder may have gone with an earlier pod of this name.
    fn lead(&self, pods: &std::path::Path) {
        let folder = pods.join(&self.pod.namespace).join(&self.pod.name);
        let ports = folder.join("ports");
        // The folder may go meanwhile: then the next look writes again.
        let _ = std::fs::create_dir_all(&ports);
        for it in &self.listening {
            let file = ports.join(it.number.to_string());
            let said = it.here.to_string();
            if std::fs::read_to_string(&file).ok() != Some(said.clone()) {
                let new = ports.join(".new");
                let _ = std::fs::write(&new, said).and_then(|()| std::fs::rename(&new, &file));
            }
        }
    }
}

/// Begins a node for each pod of a chain, and ends it with the pod, for ever.
async fn follow(shared: Arc<Shared>, connection: Connection, chain: String, pods: PathBuf) {
    let mut running: BTreeMap<String, Running> = BTreeMap::new();
    loop {
        let found = mounts::pods(&connection, &chain).await;
        running.retain(|uid, it| {
            let stays = found.contains_key(uid);
            if !stays {
                shared.ledger.lock().unwrap().stop(&it.pod.id);
            }
            stays
        });
        for (uid, pod) in found {
            if let Some(known) = running.get(&uid) {
                known.lead(&pods);
                continue;
            }
            // What it mounts may come a moment later.
            if let Some(container) = mounts::container(&connection, &pod).await {
                let begun = Running::start(&shared, pod, &container).await;
                begun.lead(&pods);
                running.insert(uid, begun);
            }
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

impl Front {
    /// A model behind all pods of the chain of a name, in all namespaces; none where pods are real.
    pub fn of(plane: &Plane, chain: &str) -> Option<Self> {
        let pods = plane.pods_folder()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let shared = Arc::new(Shared {
            ledger: Mutex::new(Ledger::empty(Release::V2_5, now_ms())),
            trouble: Mutex::default(),
        });
        let (flags, chain, given) = (
            plane.flags("default"),
            chain.to_owned(),
            Arc::clone(&shared),
        );
        runtime.spawn(async move {
            let connection = Connection::open(&flags).await.unwrap();
            follow(given, connection, chain, pods).await;
        });
        Some(Self {
            shared,
            runtime: Some(runtime),
        })
    }

    /// The model.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared.ledger.lock().unwrap()
    }

    /// Node and request line of each request so far.
    pub fn asked(&self) -> Vec<(String, String)> {
        self.shared.trouble.lock().unwrap().asked.clone()
    }

    /// From now on things go wrong, counted from the next request; who is killed is `victim`.
    pub fn goes_wrong(&self, faults: &Faults, victim: Option<Arc<Mutex<Child>>>) {
        let mut trouble = self.shared.trouble.lock().unwrap();
        let so_far = trouble.asked.len();
        let shifted = faults.0.iter().map(|(at, fault)| (at + so_far, *fault));
        trouble.faults = Faults(shifted.collect());
        trouble.victim = victim;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

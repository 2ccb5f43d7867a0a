//! Operations: a plugin says what to do turn by turn, the host does it, and a crash loses nothing but the turn.
//!
//! Steps of one turn run side by side. Exec, logs and http reach the plugin's own containers and ports (and ports that are
//! open to clients); what a step may not do comes back as the outcome `forbidden`, and the plugin goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chain_plugin_sdk::descriptor::{Operation, Phase};
use futures::future::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use serde_json::{Value, json};

use super::recall::{recall_facts, recall_public, remembered};
use super::resolve::ResolvedService;
use super::secrets::{Consents, Secrets, WHOLE};
use super::world::{ServiceDoor, World};
use crate::cluster::forward::{Identity, TlsSettings};
use crate::plugin::contract::operate::{
    Act, Failure, Outcome, Report, Request, Response, Step, Turn,
};
use crate::plugin::contract::{Diagnostic, Ref, Subject, Topology};
use crate::plugin::{Door as _, PluginError, Runtime, Sandbox};
use crate::state::{Head, Public, StoreError};

/// Most turns of one operation: one that goes on for ever ends here. Hundreds of nodes of which each is asked once a second
/// for as long as an operation waits need some ten thousand.
pub const MOST_TURNS: usize = 100_000;
/// The hook that is called between two restarts of one disruption group.
pub const GATE: &str = "gate";
/// The hook that is asked whether somebody had better be restarted after the others of its group.
pub const BEFORE_RESTART: &str = "before-restart";
/// The hook that `status` calls.
pub const STATUS: &str = "status";
/// When the host calls an operation by itself.
pub const HOOKS: [&str; 6] = [
    "before-add",
    "after-ready",
    "before-remove",
    BEFORE_RESTART,
    GATE,
    STATUS,
];
/// Longest time that one step may take.
pub const LONGEST_STEP: Duration = Duration::from_hours(1);

/// What a step does in the world. One implementation talks to a cluster; tests have state machines.
pub trait Acts: Send + Sync {
    /// Runs a program in a container of the subject's pod.
    fn exec(
        &self,
        on: &Subject,
        container: &str,
        command: &[String],
        stdin: &[u8],
        tty: bool,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// Sends an HTTP request to a port of the subject's pod.
    fn http(
        &self,
        on: &Subject,
        port: u16,
        request: &crate::plugin::contract::operate::Http,
        tls: Option<TlsSettings>,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// Reads a container's log.
    fn logs(
        &self,
        on: &Subject,
        container: &str,
        since_ms: u64,
        limit: u32,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// Waits for an object of the chain.
    fn wait(
        &self,
        on: &Subject,
        condition: &Value,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// Remembers this plugin's state about the subject, durably.
    fn remember(
        &self,
        on: &Subject,
        key: &str,
        state: Value,
    ) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// Merges a patch into the user's spec and runs the whole pipeline for what changed.
    fn amend(&self, patch: Value) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// Makes items of a subject again, and runs the whole pipeline for what changed.
    fn renew(
        &self,
        on: &Subject,
        items: &[String],
    ) -> impl Future<Output = Result<Response, Failure>> + Send;

    /// Now, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Tells the user what a step does.
    fn says(&self, on: &Subject, text: &str);
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The plugin.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// A secret that it may use cannot be read.
    #[error(transparent)]
    Secrets(#[from] StoreError),
    /// The plugin gave up.
    #[error("operation {operation} of {plugin} failed: {}", lines(diagnostics))]
    Failed {
        /// The operation.
        operation: String,
        /// The plugin.
        plugin: String,
        /// Its words.
        diagnostics: Vec<Diagnostic>,
    },
    /// It waits, and no step is under way.
    #[error("operation {operation} of {plugin} waits for something that is no step")]
    Idle {
        /// The operation.
        operation: String,
        /// The plugin.
        plugin: String,
    },
    /// It never ends.
    #[error("operation {operation} of {plugin} did not end within {MOST_TURNS} turns")]
    Endless {
        /// The operation.
        operation: String,
        /// The plugin.
        plugin: String,
    },
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    let mut all = Vec::new();
    for diagnostic in diagnostics {
        all.push(diagnostic.message.clone());
        if let Some(hint) = &diagnostic.hint {
            all.push(format!("hint: {hint}"));
        }
    }
    if all.is_empty() {
        "it did not say why".to_owned()
    } else {
        all.join("\n")
    }
}

/// What an operation is started with.
pub struct Start<'a> {
    /// The service whose plugin it is.
    pub service: &'a ResolvedService,
    /// All services, for their ports.
    pub services: &'a [ResolvedService],
    /// The operation, as the descriptor has it.
    pub operation: &'a Operation,
    /// The subject that it is about.
    pub subject: &'a str,
    /// Arguments as JSON.
    pub args: Value,
    /// Files that the user named.
    pub files: Vec<crate::plugin::contract::Blob>,
    /// 32 fresh bytes.
    pub seed: [u8; 32],
    /// The secrets that it may use.
    pub secrets: Secrets,
}

/// What is known of the chain while an operation runs.
pub struct Scene<'a> {
    /// The topology.
    pub topology: &'a Topology,
    /// Facts and results of the current revision.
    pub public: &'a Public,
    /// The head, for remembered state.
    pub head: Option<&'a Head>,
    /// Permissions that the user granted, by plugin.
    pub granted: &'a BTreeMap<String, BTreeSet<String>>,
    /// On whose secrets all agree.
    pub consents: &'a Consents,
}

/// Runs an operation to its end.
pub async fn drive<A: Acts>(
    start: Start<'_>,
    scene: &Scene<'_>,
    runtime: &Runtime,
    acts: &A,
) -> Result<Report, OperateError> {
    let service = start.service;
    let plugin = service.plugin.name().to_owned();
    let operation = start.operation;
    let door = door(service, operation, scene, start.secrets);
    let request = Request {
        operation: operation.name.clone(),
        subject: start.subject.to_owned(),
        role: service.role.clone(),
        instance: service.instance.clone(),
        options: service.options.without_secrets(),
        args: start.args.to_string(),
        files: start.files,
        now_ms: acts.now_ms(),
        seed: start.seed.to_vec(),
    };
    door.about(start.subject);
    let sandbox = Sandbox::new(runtime, &service.plugin, Arc::clone(&door) as _)?;
    let mut run = sandbox.start(scene.topology, &request)?;
    let none = BTreeSet::new();
    let granted = scene.granted.get(service.plugin.name()).unwrap_or(&none);
    let reach = Reach::new(service, start.services, operation, granted);
    let mut under_way = FuturesUnordered::new();
    let mut asked = 0;
    let mut outcomes = Vec::new();
    for _ in 0..MOST_TURNS {
        let end = match run.next(&outcomes)? {
            Turn::Steps(steps) => {
                for (step, number) in steps.into_iter().zip(asked..) {
                    let work = take(step, scene, &reach, &door, service, acts);
                    under_way.push(work.map(move |outcome| (number, outcome)));
                    asked = number + 1;
                }
                let Some(first) = under_way.next().await else {
                    return Err(OperateError::Idle {
                        operation: operation.name.clone(),
                        plugin,
                    });
                };
                outcomes = vec![first];
                // What has ended meanwhile comes with it.
                while let Some(Some(more)) = under_way.next().now_or_never() {
                    outcomes.push(more);
                }
                continue;
            }
            Turn::Done(report) => Ok(report),
            Turn::Failed(diagnostics) => Err(OperateError::Failed {
                operation: operation.name.clone(),
                plugin,
                diagnostics,
            }),
        };
        // Nothing that was begun is left half done.
        while under_way.next().await.is_some() {}
        return end;
    }
    Err(OperateError::Endless {
        operation: operation.name.clone(),
        plugin,
    })
}

fn door(
    service: &ResolvedService,
    operation: &Operation,
    scene: &Scene<'_>,
    secrets: Secrets,
) -> Arc<ServiceDoor> {
    let world = Arc::new(World::new(
        &scene.topology.subjects,
        remembered(scene.head),
        Some(Arc::new(secrets)),
    ));
    recall_public(&world, scene.public);
    for (subject, services) in &scene.public.facts {
        // They were checked against each other when they were given.
        let _ = recall_facts(&world, subject, services);
    }
    let door = ServiceDoor::new(world, service, Phase::Operate, scene.consents);
    Arc::new(door.of_whole(operation.secrets_of == WHOLE))
}

/// Which containers and ports the steps of an operation may reach.
struct Reach {
    containers: BTreeSet<String>,
    ports: BTreeMap<String, u16>,
}

impl Reach {
    /// A container is reached if it is the plugin's main one and nobody else's, or if the user granted `exec:<container>`;
    /// a port if the plugin alone declares its number, if it is open to clients, or if its own plugin names the role among its
    /// operators.
    fn new(
        service: &ResolvedService,
        services: &[ResolvedService],
        operation: &Operation,
        granted: &BTreeSet<String>,
    ) -> Self {
        let others = || services.iter().filter(|other| other.key() != service.key());
        let own = service.plugin.descriptor.container.clone();
        let own_alone = others().all(|other| other.plugin.descriptor.container != own);
        let containers = operation
            .exec
            .iter()
            .filter(|name| {
                (**name == own && own_alone) || granted.contains(&format!("exec:{name}"))
            })
            .cloned()
            .collect();
        let own_ports = service.plugin.descriptor.ports.iter().filter(|port| {
            others()
                .flat_map(|other| &other.plugin.descriptor.ports)
                .all(|theirs| theirs.number != port.number && theirs.name != port.name)
        });
        let open = services
            .iter()
            .flat_map(|other| &other.plugin.descriptor.ports)
            .filter(|port| port.reach == "clients" || port.operators.contains(&service.role));
        let ports = own_ports
            .chain(open)
            .map(|port| (port.name.clone(), port.number))
            .collect();
        Self { containers, ports }
    }
}

fn failure(kind: &str, message: impl Into<String>) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message: message.into(),
    }
}

/// An answer without a body.
pub fn done() -> Response {
    Response {
        code: 0,
        body: Vec::new(),
        more: "{}".to_owned(),
    }
}

async fn take<A: Acts>(
    step: Step,
    scene: &Scene<'_>,
    reach: &Reach,
    door: &ServiceDoor,
    service: &ResolvedService,
    acts: &A,
) -> Outcome {
    let answer = answer(step, scene, reach, door, service, acts).await;
    Outcome {
        at_ms: acts.now_ms(),
        answer,
    }
}

async fn answer<A: Acts>(
    step: Step,
    scene: &Scene<'_>,
    reach: &Reach,
    door: &ServiceDoor,
    service: &ResolvedService,
    acts: &A,
) -> Result<Response, Failure> {
    let on = scene
        .topology
        .subjects
        .iter()
        .find(|subject| subject.id == step.on)
        .ok_or_else(|| failure("not-found", format!("no subject `{}`", step.on)))?;
    if on.foreign {
        return Err(failure(
            "forbidden",
            format!("`{}` is of another party", step.on),
        ));
    }
    if !step.says.is_empty() {
        acts.says(on, &step.says);
    }
    let timeout = match step.timeout_ms {
        0 => Duration::from_secs(30),
        given => Duration::from_millis(u64::from(given)).min(LONGEST_STEP),
    };
    let json = |text: &str| {
        serde_json::from_str::<Value>(text).map_err(|fault| failure("invalid", fault.to_string()))
    };
    let contained = |container: &str| {
        if reach.containers.contains(container) {
            return Ok(());
        }
        let plugin = service.plugin.name();
        Err(failure(
            "forbidden",
            format!("plugin {plugin} may not reach container `{container}`"),
        ))
    };
    match step.act {
        Act::Exec(exec) => {
            contained(&exec.container)?;
            acts.exec(
                on,
                &exec.container,
                &exec.command,
                &exec.stdin,
                exec.tty,
                timeout,
            )
            .await
        }
        Act::Http(http) => {
            let port = reach.ports.get(&http.port).copied().ok_or_else(|| {
                failure(
                    "forbidden",
                    format!(
                        "plugin {} may not reach port `{}`",
                        service.plugin.name(),
                        http.port
                    ),
                )
            })?;
            let tls = http
                .tls
                .as_ref()
                .map(|tls| settings(tls, door))
                .transpose()?;
            acts.http(on, port, &http, tls, timeout).await
        }
        Act::Logs(logs) => {
            contained(&logs.container)?;
            acts.logs(on, &logs.container, logs.since_ms, logs.limit, timeout)
                .await
        }
        Act::Sleep(ms) => {
            tokio::time::sleep(Duration::from_millis(u64::from(ms)).min(LONGEST_STEP)).await;
            Ok(done())
        }
        Act::Wait(condition) => acts.wait(on, &json(&condition)?, timeout).await,
        Act::Remember(state) => acts.remember(on, &service.key(), json(&state)?).await,
        Act::Amend(patch) => acts.amend(json(&patch)?).await,
        Act::Renew(items) => acts.renew(on, &items).await,
        Act::Other((kind, _)) => Err(failure(
            "unsupported",
            format!("this host knows no act `{kind}`"),
        )),
    }
}

/// How TLS is spoken: an identity is a reference, so its key goes from the vault to the connection and no guest sees it.
fn settings(
    tls: &crate::plugin::contract::operate::Tls,
    door: &ServiceDoor,
) -> Result<TlsSettings, Failure> {
    let bytes = |from: &Ref| {
        door.kept(from)
            .map_err(|why| failure("forbidden", why))?
            .ok_or_else(|| {
                failure(
                    "not-found",
                    format!(
                        "there is no `{}` of {} about {} that this operation may use; its descriptor names it under `secrets`",
                        from.name, from.role, from.subject
                    ),
                )
            })
    };
    let identity = match &tls.identity {
        Some((certificates, key)) => Some(Identity {
            certificates: bytes(certificates)?,
            key: bytes(key)?,
        }),
        None => None,
    };
    Ok(TlsSettings {
        server_name: tls.server_name.clone(),
        roots: tls.roots.clone(),
        identity,
    })
}

/// Operations that are called by themselves: those of `hook`, each with its service.
pub fn hooks<'a>(
    services: &'a [ResolvedService],
    hook: &'a str,
) -> impl Iterator<Item = (&'a ResolvedService, &'a Operation)> {
    services.iter().flat_map(move |service| {
        service
            .plugin
            .descriptor
            .operations
            .iter()
            .filter(move |it| it.hook == hook)
            .map(move |it| (service, it))
    })
}

/// The kind of subject that an operation is about.
pub fn about(operation: &Operation) -> &str {
    if operation.kind.is_empty() {
        "chain"
    } else {
        &operation.kind
    }
}

/// Whether a hook is due for subjects of `kind`: it is about them, or covers them.
pub fn serves(operation: &Operation, kind: &str) -> bool {
    about(operation) == kind || operation.covers.iter().any(|it| it == kind)
}

/// A response in which a program's streams stand.
pub fn streams(code: i32, stdout: Vec<u8>, stderr: &[u8]) -> Response {
    Response {
        code,
        body: stdout,
        more: json!({"stderr": String::from_utf8_lossy(stderr)}).to_string(),
    }
}

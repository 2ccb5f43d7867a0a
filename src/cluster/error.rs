//! What can go wrong between this host and a cluster, in words that name the object and the next step.
//!
//! Every request goes through one place ([`crate::cluster::request`]), which turns a server's answer into one of these;
//! so the same fault reads the same everywhere. [`ClusterError::hint`] is the last line that `ui` prints. No error
//! holds the data of a Secret: server messages are taken over, bodies never.

mod conflict;
mod denial;
mod hint;

use std::time::Duration;

use self::conflict::field_conflicts;
use crate::state::Home;
use crate::state::lock::LockError;
use crate::state::store::StoreError;

pub use conflict::FieldConflict;
pub use denial::Denial;

/// A fault of talking to, or working on, a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Neither a kubeconfig nor an in-cluster configuration was found.
    #[error("no kubeconfig found: {searched} does not exist, and this is not a pod")]
    NoKubeconfig {
        /// Where was looked.
        searched: String,
    },
    /// A kubeconfig is there and cannot be used.
    #[error("cannot use the kubeconfig")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// The context that was asked for is in no kubeconfig.
    #[error(
        "context {context:?} is not in the kubeconfig; it has: {}",
        list(known)
    )]
    UnknownContext {
        /// The context asked for.
        context: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// The cluster or the user that was asked for is in no kubeconfig.
    #[error("{what} {name:?} is not in the kubeconfig; it has: {}", list(known))]
    UnknownEntry {
        /// `cluster` or `user`.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// No context was asked for, and the kubeconfig names none.
    #[error("the kubeconfig has no current context; it has: {}", list(known))]
    NoCurrentContext {
        /// Those that exist.
        known: Vec<String>,
    },
    /// A subject lives in a cluster that the chain's file does not name.
    #[error("nobody says how cluster {cluster:?} is reached")]
    UnknownCluster {
        /// Its name in the spec.
        cluster: String,
    },
    /// One of the clusters of a chain cannot be used.
    #[error("cluster {cluster:?}")]
    InCluster {
        /// Its name in the spec.
        cluster: String,
        /// Why.
        #[source]
        source: Box<ClusterError>,
    },
    /// A context leads elsewhere than where the chain lives.
    #[error(
        "context {context:?} leads to another cluster than {cluster:?}, where the chain lives: namespace {namespace:?} has the UID {found} and had {recorded}"
    )]
    OtherCluster {
        /// Its name in the spec.
        cluster: String,
        /// The context.
        context: String,
        /// The chain's namespace there.
        namespace: String,
        /// UID of the namespace that was found.
        found: String,
        /// UID of the namespace in which the chain lives.
        recorded: String,
    },
    /// Two names for one place.
    #[error("{one} and {other} are one namespace of one cluster")]
    SameCluster {
        /// The first: `cluster "west"`.
        one: String,
        /// The second, or `the home of the chain`.
        other: String,
    },
    /// The chain has a place here, and is remembered in another cluster.
    #[error("the home of chain {chain:?} is {home}")]
    HomeElsewhere {
        /// The chain.
        chain: String,
        /// Where it is, as its signpost says.
        home: Home,
    },
    /// The chain has a place here, and its head may not be read.
    #[error("the home of chain {chain:?} is namespace {home:?}, which you may not look into")]
    HomeClosed {
        /// The chain.
        chain: String,
        /// Namespace of its head.
        home: String,
        /// What the server said.
        #[source]
        source: Box<ClusterError>,
    },
    /// The chain has a place here, and is not where its signpost says.
    #[error(
        "configmap/chain-{chain} in namespace {place:?} says that the home of chain {chain:?} is namespace {home:?}, where it is not"
    )]
    HomeGone {
        /// The chain.
        chain: String,
        /// The namespace of the signpost.
        place: String,
        /// Namespace that it names.
        home: String,
    },
    /// A connection flag has a value that cannot be used.
    #[error("{flag}: {reason}")]
    Flag {
        /// The flag, e.g. `--server`.
        flag: &'static str,
        /// Why not; never the value of a token.
        reason: String,
    },
    /// The client could not be set up, e.g. for its certificates.
    #[error("cannot set up a connection to {server}")]
    Setup {
        /// The server's URL.
        server: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// No answer, after all attempts.
    #[error("cannot reach the API server {server} ({what}; {attempts} attempts)")]
    Unreachable {
        /// The server's URL.
        server: String,
        /// The request.
        what: String,
        /// How often it was tried.
        attempts: u32,
        /// The last fault.
        #[source]
        source: Box<kube::Error>,
    },
    /// No answer in time, after all attempts.
    #[error("the API server {server} did not answer {what} within {} s", after.as_secs())]
    Timeout {
        /// The server's URL.
        server: String,
        /// The request.
        what: String,
        /// How long one attempt may take.
        after: Duration,
    },
    /// HTTP 401.
    #[error(
        "the API server {server} does not accept the credentials of context {context:?} (401 Unauthorized)"
    )]
    Unauthorized {
        /// The server's URL.
        server: String,
        /// The context's name, "" in a pod.
        context: String,
    },
    /// HTTP 403 for want of rights.
    #[error("not allowed to {} {}{}: {}", .0.verb, .0.qualified(), in_namespace(&.0.namespace), .0.message)]
    Forbidden(Box<Denial>),
    /// The server refused the object: invalid, over quota, or by an admission rule.
    #[error("{what}: the server refused it ({code}): {message}")]
    Refused {
        /// The object or request.
        what: String,
        /// HTTP status.
        code: u16,
        /// What the server said.
        message: String,
    },
    /// HTTP 404.
    #[error("{what} not found: {message}")]
    NotFound {
        /// The object or request.
        what: String,
        /// What the server said.
        message: String,
    },
    /// HTTP 409 on create.
    #[error("{what} already exists")]
    AlreadyExists {
        /// The object.
        what: String,
    },
    /// HTTP 409: somebody else changed it first.
    #[error("{what} was changed by somebody else at the same time: {message}")]
    Conflict {
        /// The object.
        what: String,
        /// What the server said.
        message: String,
    },
    /// HTTP 409 of server-side apply: fields that other managers own.
    #[error("{}", field_conflicts(what, conflicts))]
    FieldConflict {
        /// The object.
        what: String,
        /// The fields and their owners.
        conflicts: Vec<FieldConflict>,
    },
    /// 429 or 5xx, after all attempts.
    #[error("{what}: the server failed {attempts} times ({code}): {message}")]
    ServerFailure {
        /// The object or request.
        what: String,
        /// HTTP status.
        code: u16,
        /// What the server said.
        message: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The answer is not what the API promises.
    #[error("{what}: cannot read the server's answer")]
    Answer {
        /// The request.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An object without kind, name or version came in.
    #[error("an object of the plan has no {field}: {what}")]
    Shapeless {
        /// What is missing.
        field: &'static str,
        /// What is known of it.
        what: String,
    },
    /// The cluster does not serve this kind.
    #[error("the cluster has no kind {kind} in {api_version}")]
    UnknownKind {
        /// e.g. `monitoring.coreos.com/v1`.
        api_version: String,
        /// e.g. `ServiceMonitor`.
        kind: String,
    },
    /// An object of that name is there and belongs to nobody or to somebody else.
    #[error("{what} in namespace {namespace:?} exists and is not of chain {chain:?} ({owner})")]
    Foreign {
        /// The object.
        what: String,
        /// Its namespace.
        namespace: String,
        /// The chain that wanted it.
        chain: String,
        /// Whose it seems to be.
        owner: String,
    },
    /// An object is being deleted and does not go.
    #[error("{what} in namespace {namespace:?} is still being deleted after {} s{}", after.as_secs(), held_by(finalizers))]
    Terminating {
        /// The object.
        what: String,
        /// Its namespace.
        namespace: String,
        /// How long was waited.
        after: Duration,
        /// What holds it.
        finalizers: Vec<String>,
    },
    /// A workload did not become ready in time.
    #[error("{what} did not become ready within {} s: {why}", after.as_secs())]
    NotReady {
        /// The workload.
        what: String,
        /// How long was waited.
        after: Duration,
        /// Why not, as far as the cluster shows.
        why: String,
    },
    /// Several workloads did not become ready in time.
    #[error("{} of {total} workloads are not ready after {} s:\n{}", unready.len(), after.as_secs(), lines(unready))]
    ManyNotReady {
        /// Name and reason of each.
        unready: Vec<String>,
        /// How many there are in all.
        total: usize,
        /// How long was waited.
        after: Duration,
    },
    /// A workload went away while it was waited for.
    #[error("{what} was deleted while waiting for it")]
    Gone {
        /// The workload.
        what: String,
    },
    /// An update stopped because too many members of a disruption group are down.
    #[error("update of group {group:?} stopped before {member}: {reason}")]
    GroupStopped {
        /// The group.
        group: String,
        /// The member that was to be next, or that did not come up.
        member: String,
        /// Why.
        reason: String,
    },
    /// A plugin's health gate said no.
    #[error("update of group {group:?} stopped after {member}: the health gate failed")]
    Gate {
        /// The group.
        group: String,
        /// The member that was just updated.
        member: String,
        /// What the gate said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A plugin could not say who goes last.
    #[error("update of group {group:?} stopped: its plugin does not say who goes last")]
    Turn {
        /// The group.
        group: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operation lock is not ours (any more).
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Head, vault or revision.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Several faults of one wave.
    #[error("{} objects failed:\n{}", .0.len(), lines(&.0.iter().map(|it| one_line(it)).collect::<Vec<_>>()))]
    Several(Vec<ClusterError>),
}

impl ClusterError {
    /// Whether the object that was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether rights are missing.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden(_))
    }

    /// Whether a chain that has a place here cannot be seen from its home: what is here can be.
    pub fn is_no_way_home(&self) -> bool {
        matches!(
            self,
            Self::HomeElsewhere { .. } | Self::HomeClosed { .. } | Self::HomeGone { .. }
        )
    }

    /// Whether going on with other objects makes no sense.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::InCluster { .. }
                | Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Unauthorized { .. }
                | Self::Lock(_)
        )
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn in_namespace(namespace: &str) -> String {
    if namespace.is_empty() {
        String::new()
    } else {
        format!(" in namespace {namespace:?}")
    }
}

fn held_by(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!(" (held by {})", names.join(", "))
    }
}

fn lines(items: &[String]) -> String {
    let mut text = String::new();
    for item in items {
        text.push_str("  ");
        text.push_str(item);
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// An error with its causes on one line, for lists of errors and warnings.
pub fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

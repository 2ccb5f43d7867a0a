//! Apply: makes the cluster hold what was rendered, and touches nothing that is not the chain's.
//!
//! Objects go in waves, each in parallel. What would not change is found by one list per kind and costs no request.
//! A name that is taken by somebody else is refused, an object that is being deleted is waited for, a field that
//! another manager owns is an error unless it is forced. Before each wave the lock is checked (`fence`). Updates that
//! restart pods are sequenced by disruption groups, see [`super::rollout`].

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use futures::future::join;
use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

use super::clusters::Clusters;
use super::compare::is_unchanged;
use super::connect::{Connection, DEFAULT_CONCURRENCY};
use super::error::ClusterError;
use super::labels::{CHAIN, MANAGED_BY, label, meta};
use super::live::{LiveObjects, finalizers, is_of_chain, is_terminating};
use super::object_api::{ApiKind, identify, show_object};
use super::request::ApplyMode;
use super::rollout;
use crate::state::ObjectId;

/// What happened to one object; `Display` is kubectl's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was changed.
    Configured,
    /// Nothing was written.
    Unchanged,
    /// It is no longer wanted and was deleted.
    Pruned,
    /// The chain is being deleted, and it with it.
    Deleted,
    /// It is no longer wanted and was left: it is not (only) ours, or it holds data.
    Kept,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Pruned => "pruned",
            Self::Deleted => "deleted",
            Self::Kept => "kept",
        })
    }
}

/// What the caller wants to hear, and what it has to say in between. All methods have a default.
pub trait Hooks: Send + Sync {
    /// One object is done. Called as soon as it is, in no fixed order within a wave.
    fn done(&self, _id: &ObjectId, _outcome: Outcome) {}

    /// Something takes its time, e.g. an object that is being deleted, or a pod that is not ready.
    fn waiting(&self, _id: &ObjectId, _why: &str) {}

    /// Whether this run still holds the operation lock. Called before each wave of writes, each member of a disruption
    /// group and each prune. Implement it with [`crate::state::lock::fence`].
    fn fence(&self) -> impl Future<Output = Result<(), ClusterError>> + Send {
        async { Ok(()) }
    }

    /// Those of `members` of `group` that had better be updated after the others, as their plugin sees it now.
    fn later(
        &self,
        _group: &str,
        _members: &[ObjectId],
    ) -> impl Future<Output = Result<BTreeSet<ObjectId>, Box<dyn std::error::Error + Send + Sync>>> + Send
    {
        async { Ok(BTreeSet::new()) }
    }

    /// Called before a running `member` of `group` is updated: its gate is owed from here on, also to a run that finds
    /// it updated.
    fn begins(
        &self,
        _group: &str,
        _member: &ObjectId,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send {
        async { Ok(()) }
    }

    /// Whether a run that was interrupted updated this member and never saw it pass its gate.
    fn owes_gate(&self, _member: &ObjectId) -> bool {
        false
    }

    /// The plugin's health gate, after `member` of `group` is ready again and before the next one is touched.
    fn gate(
        &self,
        _group: &str,
        _member: &ObjectId,
    ) -> impl Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send {
        async { Ok(()) }
    }
}

/// Hooks that hear and say nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Hooks for Quiet {}

/// Workloads of which only so many may be down at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisruptionGroup {
    /// For messages.
    pub name: String,
    /// How many may be down; 0 counts as 1.
    pub max_unavailable: usize,
    /// All of it, also those that are not in this plan.
    pub members: Vec<ObjectId>,
}

/// How to apply.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Take fields over from other managers.
    pub force_conflicts: bool,
    /// Take objects over that are not the chain's.
    pub adopt: bool,
    /// The chain is new: its objects are not looked for, and a name that is taken shows when it is written.
    pub fresh: bool,
    /// A server dry run took one new object of each shape: the others are not searched for unknown fields again.
    pub checked: bool,
    /// Objects in flight at once.
    pub concurrency: usize,
    /// How long to wait for one object to be gone, or for one member of a group to be ready.
    pub timeout: Duration,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            force_conflicts: false,
            adopt: false,
            fresh: false,
            checked: false,
            concurrency: DEFAULT_CONCURRENCY,
            timeout: Duration::from_mins(5),
        }
    }
}

/// What to apply, in one cluster.
#[derive(Debug, Clone)]
pub struct ApplyPlan<'a> {
    /// The cluster's name in the spec, "" for home: it stands in every [`ObjectId`].
    pub cluster: &'a str,
    /// The chain's name, as in the label [`CHAIN`] of every object.
    pub chain: &'a str,
    /// The chain's UID, as in the label [`super::labels::UID`] of every object.
    pub uid: &'a str,
    /// The objects, final: after merge, patches and gate.
    pub objects: &'a [Value],
    /// Disruption groups. A `StatefulSet` in none is a group of its kind: one at a time.
    pub groups: &'a [DisruptionGroup],
    /// Where members of groups are looked at that live in other clusters; none when there are no others.
    pub clusters: Option<&'a Clusters>,
    /// How.
    pub options: ApplyOptions,
}

/// How many objects had which outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Made.
    pub created: usize,
    /// Changed.
    pub configured: usize,
    /// As they were.
    pub unchanged: usize,
}

/// One object on its way.
pub(super) struct Item<'a> {
    pub id: ObjectId,
    pub kind: ApiKind,
    pub object: &'a Value,
    pub live: Option<&'a Value>,
}

/// The plan at work.
pub(super) struct Applier<'a, H> {
    pub connection: &'a Connection,
    pub plan: &'a ApplyPlan<'a>,
    pub hooks: &'a H,
}

/// Applies the plan. Outcomes are given to `hooks` as they come.
///
/// # Errors
/// The first fault that makes going on senseless, or all faults of the wave in which the first one was.
pub async fn apply<H: Hooks>(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    hooks: &H,
) -> Result<Applied, ClusterError> {
    let kinds = kinds_of(connection, plan).await?;
    let live = list_live(connection, plan, &kinds).await?;
    let items = items(connection, plan, &kinds, &live)?;
    let applier = Applier {
        connection,
        plan,
        hooks,
    };
    let mut total = Applied::default();
    let mut waves: Vec<Vec<&Item<'_>>> = vec![Vec::new(); WAVES];
    for item in &items {
        if applier.is_unchanged(item) {
            hooks.done(&item.id, Outcome::Unchanged);
            total.unchanged += 1;
        } else if let Some(wave) = waves.get_mut(wave_of(&item.kind)) {
            wave.push(item);
        }
    }
    let last = waves.iter().rposition(|wave| !wave.is_empty());
    let mut fenced: Option<Instant> = None;
    for (wave, todo) in waves.into_iter().enumerate() {
        if todo.is_empty() {
            continue;
        }
        if fenced.is_none_or(|at| at.elapsed() > STILL_OURS) {
            hooks.fence().await?;
        }
        let (at_once, groups) = if wave == WORKLOADS {
            rollout::sequence(&applier, todo).await?
        } else {
            (todo, Vec::new())
        };
        // The lock is looked at for the next wave while this one is under way.
        let begun = Instant::now();
        let fence = async {
            if last == Some(wave) {
                return Ok(());
            }
            hooks.fence().await
        };
        let (outcomes, fence) = join(applier.all(&at_once), fence).await;
        for outcome in outcomes? {
            total.count(outcome);
        }
        fence?;
        fenced = Some(begun);
        for outcome in rollout::roll(&applier, groups).await? {
            total.count(outcome);
        }
    }
    Ok(total)
}

/// What applying one object would give.
#[derive(Debug)]
pub struct Preview {
    /// The object.
    pub id: ObjectId,
    /// As it is; `None` if it is not there. Of a Secret only the metadata.
    pub live: Option<Value>,
    /// As the server would store it, or why it would refuse.
    pub result: Result<Value, ClusterError>,
}

/// Asks the server what applying would do, writing nothing; for `--dry-run=server`, `diff` and the plan's checks.
/// Objects that would not change are asked for only with `all`.
///
/// # Errors
/// The server does not answer. What it says about one object is in its [`Preview`].
pub async fn preview(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    all: bool,
) -> Result<Vec<Preview>, ClusterError> {
    ask(connection, plan, |applier, item| {
        all || !applier.is_unchanged(item)
    })
    .await
}

/// As [`preview`], for the plan's checks: every object that is there and would change, and of those that are not there
/// one of each shape. A server that takes the objects of one node takes those of the others, which differ in numbers.
///
/// # Errors
/// As [`preview`].
pub async fn preview_samples(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
) -> Result<Vec<Preview>, ClusterError> {
    let seen = RefCell::new(BTreeSet::new());
    ask(connection, plan, |applier, item| {
        if item.live.is_some() {
            return !applier.is_unchanged(item);
        }
        seen.borrow_mut().insert(shape(item.object))
    })
    .await
}

/// An object without what differs from node to node: digits (of hex, too), and the contents of files.
fn shape(object: &Value) -> String {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "data" | "binaryData"))
                .map(|(key, value)| (without_digits(key), plain(value)))
                .collect(),
            Value::Array(list) => list.iter().map(plain).collect(),
            Value::String(text) => Value::String(without_digits(text)),
            Value::Number(_) => Value::from(0),
            other => other.clone(),
        }
    }
    fn without_digits(text: &str) -> String {
        text.chars().filter(|c| !c.is_ascii_hexdigit()).collect()
    }
    plain(object).to_string()
}

async fn ask(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    wanted: impl Fn(&Applier<'_, Quiet>, &Item<'_>) -> bool,
) -> Result<Vec<Preview>, ClusterError> {
    let kinds = kinds_of(connection, plan).await?;
    let live = list_live(connection, plan, &kinds).await?;
    let items = items(connection, plan, &kinds, &live)?;
    let applier = Applier {
        connection,
        plan,
        hooks: &Quiet,
    };
    let asked: Vec<_> = items
        .iter()
        .filter(|item| wanted(&applier, item))
        .map(|item| applier.preview_one(item))
        .collect();
    Ok(stream::iter(asked)
        .buffered(plan.options.concurrency.max(1))
        .collect()
        .await)
}

impl Applied {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Unchanged => self.unchanged += 1,
            _ => self.configured += 1,
        }
    }
}

/// For how long the lock, once looked at, is taken as ours: it holds for much longer than this and the wave that follows.
const STILL_OURS: Duration = Duration::from_secs(5);

/// Services under way at once: a server gives them their addresses one after the other, so with more of them only
/// others would wait.
const SERVICES_AT_ONCE: usize = 16;

const WAVES: usize = 4;
const WORKLOADS: usize = 2;

/// The wave of a kind: what others need comes first.
fn wave_of(kind: &ApiKind) -> usize {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("" | "rbac.authorization.k8s.io", "Role" | "ClusterRole") => 0,
        (
            "" | "rbac.authorization.k8s.io" | "networking.k8s.io" | "policy" | "storage.k8s.io",
            "ServiceAccount"
            | "RoleBinding"
            | "ClusterRoleBinding"
            | "Secret"
            | "ConfigMap"
            | "PersistentVolumeClaim"
            | "PersistentVolume"
            | "StorageClass"
            | "Service"
            | "NetworkPolicy"
            | "PodDisruptionBudget",
        ) => 1,
        ("apps", _) | ("", "Pod") => WORKLOADS,
        _ => 3,
    }
}

async fn kinds_of(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
) -> Result<Vec<ApiKind>, ClusterError> {
    let mut kinds = Vec::with_capacity(plan.objects.len());
    for object in plan.objects {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        kinds.push(connection.kind_of(text("apiVersion"), text("kind")).await?);
    }
    Ok(kinds)
}

async fn list_live(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    kinds: &[ApiKind],
) -> Result<LiveObjects, ClusterError> {
    if plan.options.fresh {
        return Ok(LiveObjects::default());
    }
    let mut wanted = BTreeSet::new();
    for (object, kind) in plan.objects.iter().zip(kinds) {
        let namespace = match (kind.namespaced, meta(object, "namespace")) {
            (false, _) => "",
            (true, "") => &connection.namespace,
            (true, given) => given,
        };
        wanted.insert((kind.clone(), namespace.to_owned()));
    }
    LiveObjects::list(connection, plan.cluster, plan.chain, &wanted).await
}

fn items<'a>(
    connection: &Connection,
    plan: &ApplyPlan<'a>,
    kinds: &[ApiKind],
    live: &'a LiveObjects,
) -> Result<Vec<Item<'a>>, ClusterError> {
    let pairs = plan.objects.iter().zip(kinds);
    pairs
        .map(|(object, kind)| {
            let mut id = identify(object, plan.cluster, &connection.namespace)?;
            if !kind.namespaced {
                id.namespace.clear();
            }
            Ok(Item {
                live: live.get(&id),
                id,
                kind: kind.clone(),
                object,
            })
        })
        .collect()
}

impl<H: Hooks> Applier<'_, H> {
    /// Whether nothing need be done. Of Secrets the values are not read, so they are always applied.
    pub fn is_unchanged(&self, item: &Item<'_>) -> bool {
        let secret = item.kind.group.is_empty() && item.kind.kind == "Secret";
        item.live.is_some_and(|live| {
            !secret
                && is_of_chain(live, self.plan.uid)
                && !is_terminating(live)
                && is_unchanged(item.object, live)
        })
    }

    /// Applies items side by side. After a fault of one object the others of the wave are still tried; after a fatal
    /// one nothing new is begun.
    async fn all(&self, items: &[&Item<'_>]) -> Result<Vec<Outcome>, ClusterError> {
        let (mut services, mut others) = (Vec::new(), Vec::new());
        for item in items {
            if item.kind.group.is_empty() && item.kind.kind == "Service" {
                services.push(self.one(item));
            } else {
                others.push(self.one(item));
            }
        }
        let concurrency = self.plan.options.concurrency.max(1);
        let mut results = stream::select(
            stream::iter(services).buffer_unordered(concurrency.min(SERVICES_AT_ONCE)),
            stream::iter(others).buffer_unordered(concurrency),
        );
        let mut outcomes = Vec::new();
        let mut errors = Vec::new();
        while let Some(result) = results.next().await {
            match result {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => errors.push(error),
            }
        }
        match errors.len() {
            0 => Ok(outcomes),
            1 => Err(errors.remove(0)),
            _ => Err(ClusterError::Several(errors)),
        }
    }

    /// Applies one object and tells the hooks.
    pub async fn one(&self, item: &Item<'_>) -> Result<Outcome, ClusterError> {
        let outcome = self.settle(item).await?;
        self.hooks.done(&item.id, outcome);
        Ok(outcome)
    }

    async fn patch(
        &self,
        item: &Item<'_>,
        create_only: bool,
        dry_run: bool,
    ) -> Result<Value, ClusterError> {
        self.connection
            .apply_object(
                &item.kind,
                &item.id.namespace,
                &item.id.name,
                item.object,
                ApplyMode {
                    force: self.plan.options.force_conflicts,
                    dry_run,
                    create_only,
                    lenient: create_only && !dry_run && self.plan.options.checked,
                },
            )
            .await
    }

    /// What the server would make of an item that is there.
    pub async fn dry_run(&self, item: &Item<'_>) -> Result<Value, ClusterError> {
        self.patch(item, false, true).await
    }

    async fn settle(&self, item: &Item<'_>) -> Result<Outcome, ClusterError> {
        let mut live = item.live.cloned();
        loop {
            match &live {
                Some(there) if is_terminating(there) => {
                    self.wait_gone(item).await?;
                    live = None;
                }
                Some(there) => {
                    self.check_owner(item, there)?;
                    let after = self.patch(item, false, false).await?;
                    if is_terminating(&after) {
                        live = Some(after);
                        continue;
                    }
                    return Ok(if meta(&after, "uid") != meta(there, "uid") {
                        Outcome::Created
                    } else if meta(&after, "resourceVersion") == meta(there, "resourceVersion") {
                        Outcome::Unchanged
                    } else {
                        Outcome::Configured
                    });
                }
                None => match self.patch(item, true, false).await {
                    Ok(_) => return Ok(Outcome::Created),
                    // It is there, and the list by label did not show it: somebody else's, or just made.
                    Err(
                        error
                        @ (ClusterError::Conflict { .. } | ClusterError::FieldConflict { .. }),
                    ) => {
                        live = self
                            .connection
                            .get(&item.kind, &item.id.namespace, &item.id.name)
                            .await?;
                        if live.is_none() {
                            return Err(error);
                        }
                    }
                    Err(error) => return Err(error),
                },
            }
        }
    }

    async fn preview_one(&self, item: &Item<'_>) -> Preview {
        let mut live = item.live.cloned();
        let result = loop {
            match &live {
                // It will be gone, and made anew.
                Some(there) if is_terminating(there) => break Ok(item.object.clone()),
                Some(there) => match self.check_owner(item, there) {
                    Ok(()) => break self.patch(item, false, true).await,
                    Err(error) => break Err(error),
                },
                None => match self.patch(item, true, true).await {
                    Err(
                        error
                        @ (ClusterError::Conflict { .. } | ClusterError::FieldConflict { .. }),
                    ) => {
                        match self
                            .connection
                            .get(&item.kind, &item.id.namespace, &item.id.name)
                            .await
                        {
                            Ok(Some(there)) => live = Some(there),
                            Ok(None) => break Err(error),
                            Err(error) => break Err(error),
                        }
                    }
                    result => break result,
                },
            }
        };
        Preview {
            id: item.id.clone(),
            live,
            result,
        }
    }

    fn check_owner(&self, item: &Item<'_>, there: &Value) -> Result<(), ClusterError> {
        if self.plan.options.adopt || is_of_chain(there, self.plan.uid) {
            return Ok(());
        }
        let owner = match (label(there, CHAIN), label(there, MANAGED_BY)) {
            ("", "") => "it has no owner's label".to_owned(),
            ("", tool) => format!("it is managed by {tool:?}"),
            (chain, _) if chain == self.plan.chain => {
                "it is of an earlier chain of the same name".to_owned()
            }
            (chain, _) => format!("it is of chain {chain:?}"),
        };
        Err(ClusterError::Foreign {
            what: show_object(&item.id),
            namespace: item.id.namespace.clone(),
            chain: self.plan.chain.to_owned(),
            owner,
        })
    }

    async fn wait_gone(&self, item: &Item<'_>) -> Result<(), ClusterError> {
        self.hooks
            .waiting(&item.id, "is being deleted; waiting until it is gone");
        wait_gone(
            self.connection,
            &item.kind,
            &item.id,
            self.plan.options.timeout,
        )
        .await
    }
}

/// Waits until an object that is being deleted is gone, or was replaced by one that is not being deleted.
pub(super) async fn wait_gone(
    connection: &Connection,
    kind: &ApiKind,
    id: &ObjectId,
    timeout: Duration,
) -> Result<(), ClusterError> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        match connection.get(kind, &id.namespace, &id.name).await? {
            Some(there) if is_terminating(&there) => {
                if begun.elapsed() >= timeout {
                    return Err(ClusterError::Terminating {
                        what: show_object(id),
                        namespace: id.namespace.clone(),
                        after: timeout,
                        finalizers: finalizers(&there),
                    });
                }
            }
            _ => return Ok(()),
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(Duration::from_secs(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_differ_in_numbers_have_one_shape() {
        let claim = |name: &str, size: &str, mode: &str| {
            shape(&serde_json::json!({
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name},
                "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}},
            }))
        };
        let one = claim("x-0-data", "10Gi", "ReadWriteOnce");
        assert_eq!(one, claim("x-17-data", "20Gi", "ReadWriteOnce"));
        assert_ne!(one, claim("x-1-data", "10Gi", "ReadOnlyMany"));
        let files =
            |text: &str| shape(&serde_json::json!({"kind": "ConfigMap", "data": {"f": text}}));
        assert_eq!(files("one"), files("other"));
    }

    #[test]
    fn what_others_need_goes_first() {
        let wave = |group: &str, kind: &str| wave_of(&ApiKind::known(group, kind).unwrap());
        assert_eq!(wave("rbac.authorization.k8s.io", "Role"), 0);
        assert_eq!(wave("rbac.authorization.k8s.io", "RoleBinding"), 1);
        assert_eq!(wave("", "ServiceAccount"), 1);
        assert_eq!(wave("", "Secret"), 1);
        assert_eq!(wave("policy", "PodDisruptionBudget"), 1);
        assert_eq!(wave("networking.k8s.io", "NetworkPolicy"), 1);
        assert_eq!(wave("apps", "StatefulSet"), WORKLOADS);
        assert_eq!(wave("networking.k8s.io", "Ingress"), 3);
    }
}

//! Watch: waits until the chain's workloads are ready, and says why one is not.
//!
//! One label-selected watch for `StatefulSets`, Deployments and pods per namespace, however many nodes the chain has;
//! events are listed now and then, and only while something is not ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use serde_json::Value;
use tokio::time::Instant;

use super::connect::Connection;
use super::error::ClusterError;
use super::labels::{CHAIN, meta};
use super::object_api::{ApiKind, show_object};
use super::readiness::{Readiness, readiness, why_not};
use super::request::ListQuery;
use crate::state::ObjectId;

/// How far one workload is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The workload.
    pub id: ObjectId,
    /// Whether it is ready.
    pub ready: bool,
    /// Ready and wanted pods.
    pub available: i64,
    /// Ready and wanted pods.
    pub wanted: i64,
    /// Why it is not ready, in one line.
    pub why: Option<String>,
}

/// How often the progress is told while nothing changes, and events are read.
const TICK: Duration = Duration::from_secs(2);

/// Changes within this time are told together.
const SWARM: Duration = Duration::from_millis(100);

/// What is seen of the chain.
#[derive(Default)]
struct Seen {
    workloads: BTreeMap<ObjectId, Value>,
    pods: BTreeMap<(String, String), Value>,
    events: BTreeMap<String, Vec<Value>>,
    /// Which watches have given their first full answer.
    complete: BTreeSet<usize>,
    /// Workloads that were there and are not any more.
    deleted: BTreeSet<ObjectId>,
    /// What a watch that begins anew has found so far, by watch.
    relisted: BTreeMap<usize, BTreeSet<String>>,
}

/// Waits until all of `expected` (`StatefulSets` and Deployments of one cluster) are ready. `progress` hears of each
/// workload whenever it changes.
///
/// # Errors
/// [`ClusterError::ManyNotReady`] after `timeout`, with the reason for each; [`ClusterError::Gone`] if one is deleted
/// while it is waited for.
pub async fn wait_ready(
    connection: &Connection,
    chain: &str,
    expected: &[ObjectId],
    timeout: Duration,
    mut progress: impl FnMut(&Progress) + Send,
) -> Result<(), ClusterError> {
    if expected.is_empty() {
        return Ok(());
    }
    let namespaces: BTreeSet<&str> = expected.iter().map(|id| id.namespace.as_str()).collect();
    let kinds: BTreeSet<(&str, &str)> = expected
        .iter()
        .map(|id| (id.group.as_str(), id.kind.as_str()))
        .chain([("", "Pod")])
        .collect();
    let mut watches = Vec::new();
    for namespace in &namespaces {
        for (group, kind) in &kinds {
            if let Some(kind) = ApiKind::known(group, kind) {
                let number = watches.len();
                watches.push(watch(connection, chain, kind, namespace, number));
            }
        }
    }
    let wanted_watches = watches.len();
    let mut changes = stream::select_all(watches);
    let mut seen = Seen::default();
    let mut told: BTreeMap<ObjectId, Progress> = BTreeMap::new();
    let deadline = Instant::now() + timeout;
    let mut next_look = Instant::now() + TICK;
    let mut next_telling = Instant::now();
    let mut untold = true;
    loop {
        let wake = next_look.min(deadline);
        let wake = if untold { wake.min(next_telling) } else { wake };
        let change = tokio::select! {
            change = changes.next() => change,
            () = tokio::time::sleep_until(wake) => None,
        };
        untold |= change.is_some();
        let mut failure = None;
        if let Some(change) = change {
            failure = seen.take(change, expected).err();
        }
        if let Some(source) = failure {
            // The watcher goes on by itself; only a refusal is final.
            if let Some(error) = refusal(connection, &source) {
                return Err(error);
            }
        }
        let late = Instant::now() >= deadline;
        if Instant::now() >= next_look || late {
            next_look = Instant::now() + TICK;
            for namespace in &namespaces {
                let events = list_events(connection, namespace).await;
                seen.events.insert((*namespace).to_owned(), events);
            }
        }
        // Changes come in swarms: all workloads are looked at a few times a second, not at each change.
        if (seen.complete.len() < wanted_watches || Instant::now() < next_telling) && !late {
            continue;
        }
        untold = false;
        next_telling = Instant::now() + SWARM;
        let mut unready = Vec::new();
        for id in expected {
            if seen.deleted.contains(id) {
                return Err(ClusterError::Gone {
                    what: show_object(id),
                });
            }
            let now = seen.progress(id);
            if !now.ready {
                let why = now.why.as_deref().unwrap_or("no reason seen");
                unready.push(format!("{}: {why}", show_object(id)));
            }
            if told.get(id) != Some(&now) {
                progress(&now);
                told.insert(id.clone(), now);
            }
        }
        if unready.is_empty() {
            return Ok(());
        }
        if late {
            return Err(ClusterError::ManyNotReady {
                unready,
                total: expected.len(),
                after: timeout,
            });
        }
    }
}

/// How far workloads are now, by one list each of workloads, pods and events; for `status`.
///
/// # Errors
/// Rights are missing, or the server does not answer.
pub async fn look(
    connection: &Connection,
    chain: &str,
    expected: &[ObjectId],
) -> Result<Vec<Progress>, ClusterError> {
    let mut seen = Seen::default();
    let labels = format!("{CHAIN}={chain}");
    let places: BTreeSet<(&str, &str, &str)> = expected
        .iter()
        .flat_map(|id| {
            let namespace = id.namespace.as_str();
            [
                (id.group.as_str(), id.kind.as_str(), namespace),
                ("", "Pod", namespace),
            ]
        })
        .collect();
    for (group, kind, namespace) in places {
        let Some(kind) = ApiKind::known(group, kind) else {
            continue;
        };
        let query = ListQuery {
            labels: &labels,
            ..ListQuery::default()
        };
        for object in connection.list(&kind, namespace, query).await? {
            seen.put(&kind, object, expected);
        }
        if kind.kind == "Pod" {
            let events = list_events(connection, namespace).await;
            seen.events.insert(namespace.to_owned(), events);
        }
    }
    Ok(expected.iter().map(|id| seen.progress(id)).collect())
}

/// Warnings of a namespace; none if they may not be read: they only explain.
async fn list_events(connection: &Connection, namespace: &str) -> Vec<Value> {
    let Some(kind) = ApiKind::known("", "Event") else {
        return Vec::new();
    };
    let query = ListQuery {
        fields: "type=Warning",
        ..ListQuery::default()
    };
    connection
        .list(&kind, namespace, query)
        .await
        .unwrap_or_default()
}

/// A change that a watch saw.
struct Change {
    watch: usize,
    kind: ApiKind,
    namespace: String,
    event: Result<Event<DynamicObject>, watcher::Error>,
}

fn watch(
    connection: &Connection,
    chain: &str,
    kind: ApiKind,
    namespace: &str,
    number: usize,
) -> BoxStream<'static, Change> {
    let resource = ApiResource {
        group: kind.group.clone(),
        version: kind.version.clone(),
        api_version: kind.api_version(),
        kind: kind.kind.clone(),
        plural: kind.plural.clone(),
    };
    let api: Api<DynamicObject> =
        Api::namespaced_with(connection.client.clone(), namespace, &resource);
    let config = watcher::Config::default().labels(&format!("{CHAIN}={chain}"));
    let namespace = namespace.to_owned();
    watcher::watcher(api, config)
        .default_backoff()
        .map(move |event| Change {
            watch: number,
            kind: kind.clone(),
            namespace: namespace.clone(),
            event,
        })
        .boxed()
}

/// An error of a watch that will not go away by waiting.
fn refusal(connection: &Connection, error: &watcher::Error) -> Option<ClusterError> {
    let status = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status,
        _ => return None,
    };
    match status.code {
        401 => Some(ClusterError::Unauthorized {
            server: connection.server.clone(),
            context: connection.context_name.clone(),
        }),
        403 => Some(ClusterError::Refused {
            what: "watch".to_owned(),
            code: 403,
            message: status.message.clone(),
        }),
        _ => None,
    }
}

impl Seen {
    fn take(&mut self, change: Change, expected: &[ObjectId]) -> Result<(), watcher::Error> {
        let value_of = |object: &DynamicObject| serde_json::to_value(object).unwrap_or_default();
        match change.event? {
            Event::Init => {
                self.relisted.insert(change.watch, BTreeSet::new());
            }
            Event::InitApply(object) => {
                let value = value_of(&object);
                if let Some(names) = self.relisted.get_mut(&change.watch) {
                    names.insert(meta(&value, "name").to_owned());
                }
                self.put(&change.kind, value, expected);
            }
            Event::InitDone => {
                self.complete.insert(change.watch);
                // What went away while the watch was broken is not told as deleted.
                let names = self.relisted.remove(&change.watch).unwrap_or_default();
                self.keep_only(&change.kind, &change.namespace, &names);
            }
            Event::Apply(object) => self.put(&change.kind, value_of(&object), expected),
            Event::Delete(object) => {
                let value = value_of(&object);
                if change.kind.kind == "Pod" {
                    let name = meta(&value, "name").to_owned();
                    self.pods.remove(&(change.namespace, name));
                } else if let Some(id) = find(&change.kind, &value, expected) {
                    self.workloads.remove(id);
                    self.deleted.insert(id.clone());
                }
            }
        }
        Ok(())
    }

    fn keep_only(&mut self, kind: &ApiKind, namespace: &str, names: &BTreeSet<String>) {
        if kind.kind == "Pod" {
            self.pods
                .retain(|(n, name), _| n != namespace || names.contains(name));
            return;
        }
        let gone: Vec<ObjectId> = self
            .workloads
            .keys()
            .filter(|id| {
                id.kind == kind.kind && id.namespace == namespace && !names.contains(&id.name)
            })
            .cloned()
            .collect();
        for id in gone {
            self.workloads.remove(&id);
            self.deleted.insert(id);
        }
    }

    fn put(&mut self, kind: &ApiKind, mut value: Value, expected: &[ObjectId]) {
        if let Value::Object(object) = &mut value {
            object.insert("kind".to_owned(), kind.kind.as_str().into());
        }
        if kind.kind == "Pod" {
            let place = (
                meta(&value, "namespace").to_owned(),
                meta(&value, "name").to_owned(),
            );
            self.pods.insert(place, value);
        } else if let Some(id) = find(kind, &value, expected) {
            self.deleted.remove(id);
            self.workloads.insert(id.clone(), value);
        }
    }

    fn progress(&self, id: &ObjectId) -> Progress {
        let Some(workload) = self.workloads.get(id) else {
            return Progress {
                id: id.clone(),
                ready: false,
                available: 0,
                wanted: 1,
                why: Some("it is not there".to_owned()),
            };
        };
        let Readiness {
            ready,
            available,
            wanted,
            ..
        } = readiness(workload);
        let why = if ready {
            None
        } else {
            // Only the namespace's pods whose name begins with the workload's are looked at: a chain has thousands.
            let from = (id.namespace.clone(), id.name.clone());
            let pods: Vec<Value> = self
                .pods
                .range(from..)
                .take_while(|((namespace, name), _)| {
                    *namespace == id.namespace && name.starts_with(&id.name)
                })
                .map(|(_, pod)| pod.clone())
                .collect();
            let events = self
                .events
                .get(&id.namespace)
                .map_or(&[][..], Vec::as_slice);
            why_not(workload, &pods, events)
        };
        Progress {
            id: id.clone(),
            ready,
            available,
            wanted,
            why,
        }
    }
}

fn find<'a>(kind: &ApiKind, object: &Value, expected: &'a [ObjectId]) -> Option<&'a ObjectId> {
    expected.iter().find(|id| {
        id.kind == kind.kind
            && id.group == kind.group
            && id.name == meta(object, "name")
            && id.namespace == meta(object, "namespace")
    })
}

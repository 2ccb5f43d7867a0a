//! Updates that restart pods, in an order that keeps the chain alive.
//!
//! A disruption group says how many of its members may be down at once. One member is applied, waited for, passed
//! through the plugin's gate; then the next. Members that are down already come first: updating them costs nothing, and
//! may be what heals them; those that the plugin wants last come last. If the group does not recover in time the rollout
//! stops, and the next run goes on from there: with the gate of whoever was updated and has not passed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

use super::apply::{Applier, Hooks, Item, Outcome};
use super::clusters::Clusters;
use super::connect::Connection;
use super::error::ClusterError;
use super::live::{LiveObjects, is_terminating};
use super::object_api::show_object;
use super::readiness::readiness;
use crate::state::ObjectId;

/// Pause between two looks at a group.
const POLL: Duration = Duration::from_millis(500);

/// A group with those of its members that are to be updated.
pub(super) struct Sequence<'a> {
    name: String,
    max_unavailable: usize,
    members: BTreeSet<ObjectId>,
    todo: Vec<&'a Item<'a>>,
}

/// Tells what can be applied at once from what must be sequenced. A dry run of each changed workload tells whether its
/// pods would be replaced.
pub(super) async fn sequence<'a, H: Hooks>(
    applier: &Applier<'_, H>,
    items: Vec<&'a Item<'a>>,
) -> Result<(Vec<&'a Item<'a>>, Vec<Sequence<'a>>), ClusterError> {
    let asked: Vec<_> = items.iter().map(|item| restarts(applier, item)).collect();
    let answers: Vec<Result<bool, ClusterError>> = stream::iter(asked)
        .buffered(applier.plan.options.concurrency.max(1))
        .collect()
        .await;
    let mut at_once = Vec::new();
    let mut sequences: BTreeMap<String, Sequence<'a>> = BTreeMap::new();
    for (item, answer) in items.into_iter().zip(answers) {
        if !answer? {
            at_once.push(item);
            continue;
        }
        let group = applier
            .plan
            .groups
            .iter()
            .find(|group| group.members.contains(&item.id));
        let name = group.map_or("(no group)", |group| group.name.as_str());
        let sequence = sequences
            .entry(name.to_owned())
            .or_insert_with(|| Sequence {
                name: name.to_owned(),
                max_unavailable: group.map_or(1, |group| group.max_unavailable.max(1)),
                members: group
                    .map(|group| group.members.iter().cloned().collect())
                    .unwrap_or_default(),
                todo: Vec::new(),
            });
        sequence.members.insert(item.id.clone());
        sequence.todo.push(item);
    }
    Ok((at_once, sequences.into_values().collect()))
}

/// Whether applying an item replaces running pods.
async fn restarts<H: Hooks>(
    applier: &Applier<'_, H>,
    item: &Item<'_>,
) -> Result<bool, ClusterError> {
    let Some(live) = item.live.filter(|live| !is_terminating(live)) else {
        return Ok(false);
    };
    let grouped = applier
        .plan
        .groups
        .iter()
        .any(|g| g.members.contains(&item.id));
    // A Deployment rolls by itself, unless the stack wants it in step with others.
    if !(item.kind.kind == "StatefulSet" || grouped) || item.kind.group != "apps" {
        return Ok(false);
    }
    if live.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0) {
        return Ok(false);
    }
    let after = match applier.dry_run(item).await {
        Ok(after) => after,
        // The real apply will say so, with everything else that is wrong in this wave.
        Err(error) if !error.is_fatal() => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(after.pointer("/spec/template") != live.pointer("/spec/template"))
}

/// Updates all sequences, those of different groups side by side. When one stops, the others begin nothing new.
pub(super) async fn roll<H: Hooks>(
    applier: &Applier<'_, H>,
    sequences: Vec<Sequence<'_>>,
) -> Result<Vec<Outcome>, ClusterError> {
    let stopped = AtomicBool::new(false);
    let work: Vec<_> = sequences
        .into_iter()
        .map(|sequence| async {
            let result = roll_one(applier, sequence, &stopped).await;
            if result.is_err() {
                stopped.store(true, Ordering::Relaxed);
            }
            result
        })
        .collect();
    let mut outcomes = Vec::new();
    let mut errors = Vec::new();
    for result in futures::future::join_all(work).await {
        match result {
            Ok(more) => outcomes.extend(more),
            Err(error) => errors.push(error),
        }
    }
    match errors.len() {
        0 => Ok(outcomes),
        1 => Err(errors.remove(0)),
        _ => Err(ClusterError::Several(errors)),
    }
}

async fn roll_one<H: Hooks>(
    applier: &Applier<'_, H>,
    mut sequence: Sequence<'_>,
    stopped: &AtomicBool,
) -> Result<Vec<Outcome>, ClusterError> {
    let timeout = applier.plan.options.timeout;
    let mut outcomes = Vec::new();
    let mut progress = Instant::now();
    let mut in_flight: BTreeMap<ObjectId, Instant> = sequence
        .members
        .iter()
        .filter(|id| applier.hooks.owes_gate(id))
        .filter(|id| sequence.todo.iter().all(|item| item.id != **id))
        .map(|id| (id.clone(), progress))
        .collect();
    loop {
        if stopped.load(Ordering::Relaxed) {
            sequence.todo.clear();
        }
        if sequence.todo.is_empty() && in_flight.is_empty() {
            return Ok(outcomes);
        }
        let mut down = look(applier, &sequence).await?;
        let finished: Vec<ObjectId> = in_flight
            .keys()
            .filter(|id| !down.contains_key(*id))
            .cloned()
            .collect();
        let gated = !finished.is_empty();
        for id in finished {
            applier
                .hooks
                .gate(&sequence.name, &id)
                .await
                .map_err(|source| ClusterError::Gate {
                    group: sequence.name.clone(),
                    member: show_object(&id),
                    source,
                })?;
            in_flight.remove(&id);
            progress = Instant::now();
        }
        if gated {
            // A gate takes its time, and who was up before it may be down by now.
            down = look(applier, &sequence).await?;
        }
        if let Some((id, _)) = in_flight
            .iter()
            .find(|(_, since)| since.elapsed() >= timeout)
        {
            return Err(ClusterError::GroupStopped {
                group: sequence.name,
                member: sequence
                    .todo
                    .first()
                    .map_or_else(|| "its end".to_owned(), |next| show_object(&next.id)),
                reason: format!(
                    "{} was updated and did not become ready within {} s: {}",
                    show_object(id),
                    timeout.as_secs(),
                    down.get(id).map_or("no reason seen", String::as_str),
                ),
            });
        }
        while let Some(at) = next(applier, &sequence, &down).await? {
            let item = sequence.todo.remove(at);
            applier.hooks.fence().await?;
            applier.hooks.begins(&sequence.name, &item.id).await?;
            outcomes.push(applier.one(item).await?);
            down.entry(item.id.clone())
                .or_insert_with(|| "it was just updated".to_owned());
            in_flight.insert(item.id.clone(), Instant::now());
            progress = Instant::now();
        }
        if in_flight.is_empty()
            && let Some(next) = sequence.todo.first()
        {
            let others: Vec<String> = down
                .iter()
                .map(|(id, why)| format!("{} ({why})", show_object(id)))
                .collect();
            let reason = format!(
                "{} of {} members are down, {} may be: {}",
                down.len(),
                sequence.members.len(),
                sequence.max_unavailable,
                others.join(", ")
            );
            if progress.elapsed() >= timeout {
                return Err(ClusterError::GroupStopped {
                    group: sequence.name,
                    member: show_object(&next.id),
                    reason,
                });
            }
            applier.hooks.waiting(&next.id, &reason);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Which of the group's members are down, and why as far as the workload itself says.
async fn look<H: Hooks>(
    applier: &Applier<'_, H>,
    sequence: &Sequence<'_>,
) -> Result<BTreeMap<ObjectId, String>, ClusterError> {
    let plan = applier.plan;
    let mut down = down_in(
        applier.connection,
        plan.cluster,
        plan.chain,
        &sequence.members,
    )
    .await?;
    let others = plan.clusters.into_iter().flat_map(Clusters::all);
    for (name, connection) in others.filter(|(name, _)| *name != plan.cluster) {
        let there = down_in(connection, name, plan.chain, &sequence.members).await;
        down.extend(there.map_err(|error| error.of_cluster(name))?);
    }
    Ok(down)
}

/// Those of `members` in one cluster that are down.
async fn down_in(
    connection: &Connection,
    cluster: &str,
    chain: &str,
    members: &BTreeSet<ObjectId>,
) -> Result<BTreeMap<ObjectId, String>, ClusterError> {
    let here = || members.iter().filter(|id| id.cluster == cluster);
    let mut wanted = BTreeSet::new();
    for id in here() {
        wanted.insert((connection.kind_of_id(id).await?, id.namespace.clone()));
    }
    let live = LiveObjects::list(connection, cluster, chain, &wanted).await?;
    let mut down = BTreeMap::new();
    for id in here() {
        let Some(there) = live.get(id) else {
            down.insert(id.clone(), "it is not there".to_owned());
            continue;
        };
        let state = readiness(there);
        if !state.ready {
            down.insert(
                id.clone(),
                format!("{} of {} pods are ready", state.available, state.wanted),
            );
        }
    }
    Ok(down)
}

/// The place in the sequence of the member that is to be updated now; none while too many are down.
async fn next<H: Hooks>(
    applier: &Applier<'_, H>,
    sequence: &Sequence<'_>,
    down: &BTreeMap<ObjectId, String>,
) -> Result<Option<usize>, ClusterError> {
    let todo: Vec<ObjectId> = sequence.todo.iter().map(|item| item.id.clone()).collect();
    // Who never passed its gate may be what keeps the others from theirs, so it goes as one that is down.
    let first = |id: &ObjectId| down.contains_key(id) || applier.hooks.owes_gate(id);
    let later = match todo.as_slice() {
        [] | [_] => BTreeSet::new(),
        all if all.iter().any(first) || down.len() >= sequence.max_unavailable => BTreeSet::new(),
        all => applier
            .hooks
            .later(&sequence.name, all)
            .await
            .map_err(|source| ClusterError::Turn {
                group: sequence.name.clone(),
                source,
            })?,
    };
    let room = down.len() < sequence.max_unavailable;
    Ok(choose(
        &todo,
        |id| down.contains_key(id),
        first,
        &later,
        room,
    ))
}

/// The place in `todo` of the member that may be updated now: one that is down at any time, any other where there is
/// room for one more that is down, those of `later` only when no others are left.
fn choose(
    todo: &[ObjectId],
    is_down: impl Fn(&ObjectId) -> bool,
    first: impl Fn(&ObjectId) -> bool,
    later: &BTreeSet<ObjectId>,
    room: bool,
) -> Option<usize> {
    if let Some(at) = todo.iter().position(is_down) {
        return Some(at);
    }
    if !room || todo.is_empty() {
        return None;
    }
    let urgent = todo.iter().position(first);
    let usual = || todo.iter().position(|id| !later.contains(id));
    urgent.or_else(usual).or(Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ObjectId {
        ObjectId {
            group: "apps".into(),
            kind: "StatefulSet".into(),
            namespace: "n".into(),
            name: name.into(),
            cluster: String::new(),
        }
    }

    #[test]
    fn those_that_are_down_go_first_and_those_that_should_wait_go_last() {
        let (a, b, c) = (id("a"), id("b"), id("c"));
        let place = |todo: &[&ObjectId],
                     down: &[&ObjectId],
                     owing: &[&ObjectId],
                     later: &[&ObjectId],
                     most: usize| {
            let todo: Vec<ObjectId> = todo.iter().map(|id| (*id).clone()).collect();
            let later: BTreeSet<ObjectId> = later.iter().map(|id| (*id).clone()).collect();
            choose(
                &todo,
                |id| down.contains(&id),
                |id| owing.contains(&id),
                &later,
                down.len() < most,
            )
        };
        assert_eq!(place(&[&a, &b], &[], &[], &[], 1), Some(0));
        assert_eq!(place(&[&a, &b], &[&b], &[], &[], 1), Some(1));
        assert_eq!(
            place(&[&a, &b], &[&c], &[], &[], 1),
            None,
            "another member is down"
        );
        assert_eq!(place(&[&a, &b], &[&c], &[], &[], 2), Some(0));
        assert_eq!(place(&[], &[], &[], &[], 1), None);
        assert_eq!(place(&[&a, &b, &c], &[], &[], &[&a], 1), Some(1));
        assert_eq!(
            place(&[&a, &b], &[], &[], &[&a, &b], 1),
            Some(0),
            "somebody has to begin"
        );
        assert_eq!(place(&[&a, &b], &[], &[&b], &[&b], 1), Some(1));
        assert_eq!(
            place(&[&a, &b], &[&a], &[], &[&a], 1),
            Some(0),
            "one that is down leads nobody"
        );
    }
}

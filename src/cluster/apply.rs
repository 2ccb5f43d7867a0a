//! Apply: makes the cluster hold what was rendered, and touches nothing that is not the chain's.
//!
//! Objects go in waves, each in parallel. What would not change is found by one list per kind and costs no request.
//! A name that is taken by somebody else is refused, an object that is being deleted is waited for, a field that
//! another manager owns is an error unless it is forced. Before each wave the lock is checked (`fence`). Updates that
//! restart pods are sequenced by disruption groups, see `rollout`.

mod applier;
mod hooks;
mod items;
mod preview;
mod waves;

use std::time::Duration;

use futures::future::join;
use serde_json::Value;
use tokio::time::Instant;

use self::items::{items, kinds_of, list_live};
use self::waves::{WAVES, WORKLOADS, wave_of};
use super::clusters::Clusters;
use super::connect::{Connection, DEFAULT_CONCURRENCY};
use super::error::ClusterError;
use super::rollout;
use crate::state::ObjectId;

pub(super) use applier::{Applier, wait_gone};
pub use hooks::{Hooks, Outcome, Quiet};
pub(super) use items::Item;
pub use preview::{Preview, preview, preview_samples};

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
    /// The chain's name, as in the label [`CHAIN`](super::labels::CHAIN) of every object.
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

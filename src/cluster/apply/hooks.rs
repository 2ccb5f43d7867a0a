//! What the caller of an apply hears, and what it says in between.

use std::collections::BTreeSet;
use std::future::Future;

use crate::cluster::error::ClusterError;
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

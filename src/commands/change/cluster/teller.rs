//! What is told and asked while objects are applied: kubectl's words, the lock, the gates of plugins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::cluster::ClusterError;
use crate::cluster::apply::{Hooks, Outcome as Done};
use crate::commands::circumstances::now_ms;
use crate::commands::hooks::HookRun;
use crate::commands::{Once, in_cluster, keep_lock};
use crate::pipeline::form;
use crate::state::{ObjectId, Store, lock};
use crate::ui::Printer;

/// Tells each object as kubectl does, keeps the lock while it writes, and lets plugins gate restarts.
pub(super) struct Teller<'a, S> {
    pub(super) hooks: HookRun<'a, S>,
    pub(super) store: &'a S,
    pub(super) printer: &'a Printer,
    pub(super) claim: &'a lock::Claim,
    pub(super) names: BTreeMap<ObjectId, String>,
    pub(super) quiet: bool,
    pub(super) changes_only: bool,
    pub(super) busy: Once,
    pub(super) lock: Mutex<Lock>,
}

/// Whose the operation lock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// Not taken: nothing was written yet.
    Open,
    /// Ours, by the write of the head just before the first wave.
    Fresh,
    /// Ours when the head was last read.
    Held,
}

impl<S: Store> Teller<'_, S> {
    /// Whose the lock was; it is ours from here on, or the run ends.
    fn take(&self) -> Lock {
        let mut lock = self
            .lock
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut lock, Lock::Held)
    }
}

impl<S: Store> Hooks for Teller<'_, S> {
    fn done(&self, id: &ObjectId, outcome: Done) {
        if self.quiet || self.changes_only && outcome == Done::Unchanged {
            return;
        }
        let name = self.names.get(id).cloned().unwrap_or_else(|| show(id));
        // A pipe that nobody reads any more must not stop a half-applied chain.
        let place = in_cluster(&id.cluster);
        let _ = self.printer.line(&format!("{name} {outcome}{place}"));
    }

    fn waiting(&self, id: &ObjectId, why: &str) {
        self.busy.waiting(self.printer, &show(id), id, why);
    }

    async fn later(
        &self,
        _group: &str,
        members: &[ObjectId],
    ) -> Result<BTreeSet<ObjectId>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.hooks.later(members).await?)
    }

    async fn begins(&self, _group: &str, member: &ObjectId) -> Result<(), ClusterError> {
        Ok(self.hooks.begins(member).await?)
    }

    fn owes_gate(&self, member: &ObjectId) -> bool {
        self.hooks.owes_gate(member)
    }

    async fn gate(
        &self,
        _group: &str,
        member: &ObjectId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.hooks.gate(member).await?)
    }

    async fn fence(&self) -> Result<(), ClusterError> {
        match self.take() {
            Lock::Fresh => {}
            Lock::Held => {
                keep_lock(self.store, &self.claim.holder).await?;
            }
            Lock::Open => {
                form::acquire(self.store, self.claim, now_ms().unwrap_or_default()).await?;
            }
        }
        Ok(())
    }
}

fn show(id: &ObjectId) -> String {
    let kind = id.kind.to_lowercase();
    if id.group.is_empty() {
        format!("{kind}/{}", id.name)
    } else {
        format!("{kind}.{}/{}", id.group, id.name)
    }
}

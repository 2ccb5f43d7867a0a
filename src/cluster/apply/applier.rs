//! The plan at work: one object, and many side by side.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

use super::{ApplyPlan, Hooks, Item, Outcome};
use crate::cluster::compare::is_unchanged;
use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::labels::{CHAIN, MANAGED_BY, label, meta};
use crate::cluster::live::{finalizers, is_of_chain, is_terminating};
use crate::cluster::object_api::{ApiKind, show_object};
use crate::cluster::request::ApplyMode;
use crate::state::ObjectId;

/// The plan at work.
pub(in crate::cluster) struct Applier<'a, H> {
    pub connection: &'a Connection,
    pub plan: &'a ApplyPlan<'a>,
    pub hooks: &'a H,
}

/// Services under way at once: a server gives them their addresses one after the other, so with more of them only
/// others would wait.
const SERVICES_AT_ONCE: usize = 16;

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
    pub(super) async fn all(&self, items: &[&Item<'_>]) -> Result<Vec<Outcome>, ClusterError> {
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

    pub(super) async fn patch(
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

    pub(super) fn check_owner(&self, item: &Item<'_>, there: &Value) -> Result<(), ClusterError> {
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
pub(in crate::cluster) async fn wait_gone(
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

//! A chain in several clusters: Services first, then the addresses that the clusters assigned to them, then all else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;

use super::part::{Target, parts};
use super::{Round, Wish};
use crate::cluster::addresses::Reach;
use crate::cluster::apply::{self, ApplyOptions, Hooks, Outcome};
use crate::cluster::{ClusterError, ClusterStore, Clusters};
use crate::commands::reached::Reached;
use crate::commands::{in_cluster, keep_lock};
use crate::pipeline::between::{Observed, assigned, is_spread, remember};
use crate::pipeline::form::{Prepared, Verb};
use crate::state::store::update_head;
use crate::state::{ClusterRecord, Head, ObjectId, StoreError, lock};
use crate::ui::Printer;

/// Pause between two looks at Services that wait for their load balancers.
const POLL: Duration = Duration::from_secs(1);

/// What it takes to find the addresses between clusters.
pub(super) struct Between<'a> {
    pub wish: &'a Wish,
    pub clusters: &'a Clusters,
    pub records: &'a BTreeMap<String, ClusterRecord>,
    pub store: &'a ClusterStore,
    pub claim: &'a lock::Claim,
}

/// What was seen of addresses.
struct Look {
    observed: Observed,
    /// Ports that a balancer will give an address, for people.
    awaited: Vec<String>,
    /// Ports that nothing will.
    unreachable: Vec<String>,
}

impl Between<'_> {
    /// Finds the addresses, and computes everything with them when they are others than those it was computed with. True
    /// if it was computed anew.
    pub async fn settle(
        &self,
        prepared: &mut Prepared,
        verb: Verb,
        target: &Target<'_>,
        options: &ApplyOptions,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        if !is_spread(&prepared.outcome.subjects) {
            return Ok(false);
        }
        let seen = self.look(prepared).await?;
        let whole = seen.awaited.is_empty() && seen.unreachable.is_empty();
        if whole && !remember(&mut prepared.head.clone(), &seen.observed) {
            return Ok(false);
        }
        prepared
            .claim(self.store, &self.wish.resolved, self.claim)
            .await?;
        let found = self.find(prepared, target, options, printer).await;
        let again = match found {
            Ok(observed) => self.again(&observed, verb).await,
            Err(error) => Err(error),
        };
        match again {
            Ok(again) => {
                *prepared = again;
                Ok(true)
            }
            Err(error) => {
                lock::release(self.store, &self.claim.holder).await.ok();
                Err(error)
            }
        }
    }

    /// Applies the Services and waits until all addresses are there.
    async fn find(
        &self,
        prepared: &Prepared,
        target: &Target<'_>,
        options: &ApplyOptions,
        printer: &Printer,
    ) -> anyhow::Result<Observed> {
        let teller = Teller {
            store: self.store,
            printer,
            claim: self.claim,
        };
        for mut part in parts(prepared, self.clusters)? {
            let is_service =
                |object: &Value| object.get("kind").and_then(Value::as_str) == Some("Service");
            part.objects.retain(is_service);
            apply::apply(&part.connection, &part.plan(target, options), &teller)
                .await
                .map_err(|error| error.of_cluster(&part.cluster))?;
        }
        let deadline = Instant::now() + options.timeout;
        let mut told = false;
        loop {
            let seen = self.look(prepared).await?;
            if !seen.unreachable.is_empty() {
                bail!(
                    "nodes in other clusters cannot reach {}: no address outside\nhint: expose the chain with --expose-type NodePort or LoadBalancer, or name a `host` for the node or its cluster",
                    seen.unreachable.join(", ")
                );
            }
            if seen.awaited.is_empty() {
                return Ok(seen.observed);
            }
            if Instant::now() >= deadline {
                bail!(
                    "no load balancer gave an address within {} s to {}\nhint: see its events with kubectl describe service; then run the same command again: it goes on where it stopped",
                    options.timeout.as_secs(),
                    seen.awaited.join(", ")
                );
            }
            if !told {
                printer.note(&format!(
                    "waiting for the address of {}",
                    seen.awaited.join(", ")
                ));
                told = true;
            }
            teller.fence().await?;
            tokio::time::sleep(POLL).await;
        }
    }

    async fn look(&self, prepared: &Prepared) -> Result<Look, ClusterError> {
        let outcome = &prepared.outcome;
        let (resolved, subjects) = (&self.wish.resolved, &outcome.subjects);
        let reached = Reached::read(self.clusters, resolved, &outcome.services, subjects).await?;
        let mut look = Look {
            observed: Observed::new(),
            awaited: Vec::new(),
            unreachable: Vec::new(),
        };
        for (subject, endpoint) in assigned(subjects, &prepared.head) {
            let port = format!("port {} of {}", endpoint.port, subject.id);
            match reached.assigned(subject, endpoint, Reach::Outside, None) {
                Some(address) => {
                    let of_subject = look.observed.entry(subject.id.clone()).or_default();
                    of_subject.insert(endpoint.port.clone(), address);
                }
                None if reached.is_awaited(subject, endpoint) => look.awaited.push(port),
                None => look.unreachable.push(port),
            }
        }
        Ok(look)
    }

    /// Remembers the addresses, and computes everything with them.
    async fn again(&self, observed: &Observed, verb: Verb) -> anyhow::Result<Prepared> {
        update_head(self.store, |head: &mut Head| {
            remember(head, observed);
            Ok::<(), StoreError>(())
        })
        .await?;
        let round = Round {
            keep_files: false,
            renew: &self.wish.renew,
            clusters: self.records,
            stand_in: false,
        };
        Ok(self.wish.prepare(self.store, verb, &round).await?)
    }
}

/// Tells each Service, and keeps the lock.
struct Teller<'a> {
    store: &'a ClusterStore,
    printer: &'a Printer,
    claim: &'a lock::Claim,
}

impl Hooks for Teller<'_> {
    fn done(&self, id: &ObjectId, outcome: Outcome) {
        // What is as it was is told with all else.
        if outcome != Outcome::Unchanged {
            let place = in_cluster(&id.cluster);
            let line = format!("service/{} {outcome}{place}", id.name);
            let _ = self.printer.line(&line);
        }
    }

    async fn fence(&self) -> Result<(), ClusterError> {
        keep_lock(self.store, &self.claim.holder).await
    }
}

//! `create` and `apply` in a cluster: check, remember, apply, prune, wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::bail;
use futures::future::{join, try_join_all};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{Change, DryRun, Wish, plan, print_objects, tell_notes};
use crate::cluster::apply::{
    self, ApplyOptions, ApplyPlan, DisruptionGroup, Hooks, Outcome as Done,
};
use crate::cluster::preflight::{self, ClaimChecks, Finding, NamespaceState};
use crate::cluster::prune::{PrunePlan, prune};
use crate::cluster::{ClusterError, ClusterStore, Connection, watch};
use crate::commands::Context;
use crate::commands::circumstances::now_ms;
use crate::commands::hooks::{HookRun, subject_of};
use crate::pipeline::Resolved;
use crate::pipeline::form::{self, Prepared, Verb};
use crate::pipeline::run::Renewal;
use crate::pipeline::shape::groups;
use crate::plugin::contract::Subject;
use crate::state::{ObjectId, Store, lock};
use crate::ui::{Message, Printer, Progress};

impl Change {
    pub(super) async fn in_cluster(
        &self,
        verb: Verb,
        wish: &Wish,
        context: &Context,
    ) -> anyhow::Result<bool> {
        let printer = &context.printer;
        let resolved = &wish.resolved;
        let connection = Connection::open(&context.connect)
            .await?
            .in_namespace(&resolved.namespace);
        let store = ClusterStore::new(&connection, &resolved.chain, "", &resolved.namespace);
        let (mut prepared, home) = wish.prepare_in(&connection, &store, verb).await?;
        let namespaces = homes(&prepared, &resolved.namespace);
        let uid = prepared.head.uid.clone();
        let store = store.with_uid(&uid);
        tell_notes(&prepared, printer);
        let objects = values(&prepared);
        let disruption = disruption_groups(resolved, &prepared);
        let plan = ApplyPlan {
            cluster: "",
            chain: &resolved.chain,
            uid: &uid,
            objects: &objects,
            groups: &disruption,
            options: ApplyOptions {
                force_conflicts: self.force_conflicts,
                adopt: self.adopt,
                timeout: self.timeout,
                fresh: prepared.stored.is_none(),
                ..ApplyOptions::default()
            },
        };
        let (mut missing, mut sampled) = (namespaces.clone(), false);
        if prepared.stored.is_none() || prepared.writes() {
            let checked = check(&connection, &plan, &prepared, &namespaces, home, printer).await;
            if checked.is_err() {
                // What the checks found may be the work of another run that began meanwhile: then that is said.
                prepared.check_raced(&store).await?;
            }
            let states = checked?;
            sampled = true;
            missing.retain(|name| !matches!(states.get(name), Some(NamespaceState::Exists { .. })));
        }
        for line in plan::lines(
            &prepared,
            &wish.hooks(&connection, &store, &prepared, printer),
        ) {
            printer.note(&line);
        }
        if self.dry_run == DryRun::Server {
            return self
                .preview(&connection, &plan, &prepared, &missing, printer)
                .await;
        }
        let claim = wish.drawn.claim(if verb == Verb::Create {
            "create"
        } else {
            "apply"
        });
        let mut written = None;
        if prepared.writes() {
            for namespace in &missing {
                let (_, made) = preflight::ensure_namespace(&connection, namespace).await?;
                if made {
                    printer.line(&format!("namespace/{namespace} created"))?;
                }
            }
            written = Some(prepared.commit(&store, resolved, &claim).await?);
        }
        let hooks = wish.hooks(&connection, &store, &prepared, printer);
        let mut rendered_again = Vec::new();
        let called = hooks.run("before-remove").await? + hooks.run("before-add").await?;
        if called > 0 {
            // What hooks remembered is rendered.
            prepared = wish
                .prepare(&store, Verb::Apply, false, &Renewal::new())
                .await?;
            written = None;
            if prepared.writes() {
                written = Some(prepared.commit(&store, resolved, &claim).await?);
            }
            rendered_again = values(&prepared);
        }
        let mut plan = plan;
        if called > 0 {
            plan.objects = &rendered_again;
        } else {
            plan.options.checked = sampled && missing.is_empty();
        }
        let hooks = Teller {
            hooks: wish.hooks(&connection, &store, &prepared, printer),
            store: &store,
            printer,
            claim: &claim,
            names: prepared
                .objects
                .iter()
                .map(|object| (object.id(), object.display()))
                .collect(),
            quiet: self.output.is_some(),
            lock: Mutex::new(if prepared.writes() {
                Lock::Fresh
            } else {
                Lock::Open
            }),
        };
        let result = self
            .apply_and_prune(&connection, &plan, &prepared, &hooks)
            .await;
        if result.is_err() {
            lock::release(&store, &claim.holder).await.ok();
        }
        result?;
        let after = !hooks.hooks.due("after-ready").is_empty();
        if self.wait || after {
            let waited = wait(&connection, resolved, &prepared, self.timeout, printer).await;
            if waited.is_err() {
                form::finish(&store, &prepared.revision, &claim.holder, None).await?;
            }
            waited?;
        }
        if after {
            hooks.hooks.run("after-ready").await?;
        }
        form::finish(&store, &prepared.revision, &claim.holder, written).await?;
        if let Some(format) = self.output {
            print_objects(format, &prepared.objects, printer)?;
        }
        if !self.wait && verb == Verb::Create && self.output.is_none() {
            printer.note(&format!(
                "see how it comes up: kubectl chain status {}",
                resolved.chain
            ));
        }
        Ok(true)
    }

    async fn apply_and_prune<S: Store>(
        &self,
        connection: &Connection,
        plan: &ApplyPlan<'_>,
        prepared: &Prepared,
        hooks: &Teller<'_, S>,
    ) -> anyhow::Result<()> {
        apply::apply(connection, plan, hooks).await?;
        if !self.no_prune {
            let plan = PrunePlan {
                cluster: "",
                chain: plan.chain,
                uid: plan.uid,
                previous: &prepared.previous,
                current: &prepared.revision.inventory,
            };
            prune(connection, &plan, hooks).await?;
        }
        Ok(())
    }

    async fn preview(
        &self,
        connection: &Connection,
        plan: &ApplyPlan<'_>,
        prepared: &Prepared,
        missing: &BTreeSet<String>,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        if let Some(format) = self.output {
            print_objects(format, &prepared.objects, printer)?;
            return Ok(true);
        }
        let names: BTreeMap<ObjectId, String> = prepared
            .objects
            .iter()
            .map(|object| (object.id(), object.display()))
            .collect();
        // The server tells nothing of what goes into a namespace that is not there yet: all of it is new.
        let (fresh, there): (Vec<_>, Vec<_>) = prepared
            .objects
            .iter()
            .partition(|object| missing.contains(object.namespace()));
        let mut changed: BTreeMap<ObjectId, &str> =
            fresh.iter().map(|it| (it.id(), "created")).collect();
        let there: Vec<Value> = there.iter().map(|it| it.value.clone()).collect();
        let plan = &ApplyPlan {
            objects: &there,
            ..plan.clone()
        };
        for preview in apply::preview(connection, plan, false).await? {
            preview.result?;
            changed.insert(
                preview.id,
                if preview.live.is_some() {
                    "configured"
                } else {
                    "created"
                },
            );
        }
        for (id, name) in &names {
            let word = changed.get(id).copied().unwrap_or("unchanged");
            printer.line(&format!("{name} {word} (server dry run)"))?;
        }
        for id in prepared.previous.difference(&prepared.revision.inventory) {
            printer.line(&format!(
                "{}/{} pruned (server dry run)",
                id.kind.to_lowercase(),
                id.name
            ))?;
        }
        Ok(true)
    }
}

/// How the namespace of a chain's head is, once the server has said so.
type Home = JoinHandle<Result<NamespaceState, ClusterError>>;

impl Wish {
    /// Reads the head and computes everything, and has the server asked meanwhile how the head's namespace is.
    ///
    /// A chain that is to be created is mostly not there: everything is computed for that while the server is asked for
    /// the head. Where there is one after all, what was computed is thrown away.
    async fn prepare_in(
        &self,
        connection: &Connection,
        store: &ClusterStore,
        verb: Verb,
    ) -> anyhow::Result<(Prepared, Home)> {
        let asked = tokio::spawn({
            let (connection, store) = (connection.clone(), store.clone());
            async move {
                let stored = store.load_head().await;
                // Not before there is a connection that both can use.
                let home = tokio::spawn(async move {
                    preflight::namespace_state(&connection, &connection.namespace).await
                });
                (stored, home)
            }
        });
        let guessed = if verb == Verb::Create {
            Some(
                self.prepare_from(None, store, verb, false, &self.renew)
                    .await,
            )
        } else {
            None
        };
        let (stored, home) = asked.await?;
        let prepared = match (stored?, guessed) {
            (None, Some(guessed)) => guessed?,
            (stored, guessed) => {
                drop(guessed);
                self.prepare_from(stored, store, verb, false, &self.renew)
                    .await?
            }
        };
        Ok((prepared, home))
    }

    fn hooks<'a, S: Store>(
        &'a self,
        connection: &'a Connection,
        store: &'a S,
        prepared: &'a Prepared,
        printer: &'a Printer,
    ) -> HookRun<'a, S> {
        HookRun {
            connection,
            store,
            resolved: &self.resolved,
            prepared,
            runtime: &self.runtime,
            printer,
            granted: &self.granted,
            consents: &self.consents,
            seed: self.drawn.seed,
        }
    }
}

/// Tells each object as kubectl does, keeps the lock while it writes, and lets plugins gate restarts.
struct Teller<'a, S> {
    hooks: HookRun<'a, S>,
    store: &'a S,
    printer: &'a Printer,
    claim: &'a lock::Claim,
    names: BTreeMap<ObjectId, String>,
    quiet: bool,
    lock: Mutex<Lock>,
}

/// Whose the operation lock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
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
        if self.quiet {
            return;
        }
        let name = self.names.get(id).cloned().unwrap_or_else(|| show(id));
        // A pipe that nobody reads any more must not stop a half-applied chain.
        let _ = self.printer.line(&format!("{name} {outcome}"));
    }

    fn waiting(&self, id: &ObjectId, why: &str) {
        self.printer
            .note(&format!("waiting for {}: {why}", show(id)));
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
        let now_ms = now_ms().unwrap_or_default();
        match self.take() {
            Lock::Fresh => {}
            Lock::Held => {
                lock::renew(self.store, &self.claim.holder, now_ms, form::LOCK_MS).await?;
            }
            Lock::Open => {
                form::acquire(self.store, self.claim, now_ms).await?;
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

/// The namespaces in which the chain lives: that of its head, and those of its subjects.
fn homes(prepared: &Prepared, home: &str) -> BTreeSet<String> {
    let subjects = prepared.outcome.subjects.iter().filter(|it| !it.foreign);
    let theirs = subjects.map(|it| it.namespace.clone());
    theirs.chain([home.to_owned()]).collect()
}

/// The objects as they are sent.
fn values(prepared: &Prepared) -> Vec<Value> {
    let objects = prepared.objects.iter();
    objects.map(|object| object.value.clone()).collect()
}

/// All that can be known to fail before the first write. Gives how the namespaces are.
async fn check(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    prepared: &Prepared,
    namespaces: &BTreeSet<String>,
    home: Home,
    printer: &Printer,
) -> anyhow::Result<BTreeMap<String, NamespaceState>> {
    let kinds = prepared
        .revision
        .inventory
        .iter()
        .chain(&prepared.previous)
        .map(|id| (id.group.clone(), id.kind.clone()))
        .collect();
    let claims: Vec<String> = prepared.claims.iter().cloned().collect();
    let checks = ClaimChecks {
        chain: plan.chain,
        uid: plan.uid,
        namespaces,
        kinds: &kinds,
        claims: &claims,
        makes_vaults: !prepared.outcome.vaults.is_empty(),
    };
    // Both rounds only ask, so they are under way together; what the first one finds comes first.
    let second = async {
        let others = namespaces
            .iter()
            .filter(|namespace| **namespace != connection.namespace)
            .map(|namespace| async move {
                let state = preflight::namespace_state(connection, namespace).await?;
                Ok::<_, ClusterError>((namespace.clone(), state))
            });
        let others = try_join_all(others).await?;
        let mut states: BTreeMap<_, _> = others.into_iter().collect();
        states.insert(connection.namespace.clone(), home.await??);
        let findings = preflight::before_apply(connection, plan, &states).await?;
        Ok::<_, anyhow::Error>((states, findings))
    };
    let (first, second) = join(preflight::before_claim(connection, &checks), second).await;
    judge(first?, printer)?;
    let (states, findings) = second?;
    judge(findings, printer)?;
    Ok(states)
}

/// Prints findings; errors among them end the run before the first write.
fn judge(findings: Vec<Finding>, printer: &Printer) -> anyhow::Result<()> {
    let mut errors = Vec::new();
    for finding in findings {
        match finding.severity {
            preflight::Severity::Warning => {
                printer.message(
                    &Message::new(crate::ui::Level::Warning, finding.message).hint(finding.hint),
                );
            }
            preflight::Severity::Error => errors.push(match finding.hint {
                Some(hint) => format!("{}\nhint: {hint}", finding.message),
                None => finding.message,
            }),
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        bail!("{}", errors.join("\n"))
    }
}

fn disruption_groups(resolved: &Resolved, prepared: &Prepared) -> Vec<DisruptionGroup> {
    let workload = |subject: &String| {
        let subject = prepared
            .outcome
            .subjects
            .iter()
            .find(|it| it.id == *subject)?;
        let (kind, name) = subject.workload.as_deref()?.split_once('/')?;
        let kind = if kind == "deployment" {
            "Deployment"
        } else {
            "StatefulSet"
        };
        Some(ObjectId {
            group: "apps".to_owned(),
            kind: kind.to_owned(),
            namespace: subject.namespace.clone(),
            name: name.to_owned(),
            cluster: subject.cluster.clone(),
        })
    };
    groups(
        &resolved.stack.plugin.descriptor.rollout,
        &prepared.outcome.subjects,
    )
    .into_iter()
    .map(|group| DisruptionGroup {
        name: group.name,
        max_unavailable: group
            .max_unavailable
            .as_u64()
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(1),
        members: group.subjects.iter().filter_map(workload).collect(),
    })
    .collect()
}

async fn wait(
    connection: &Connection,
    resolved: &Resolved,
    prepared: &Prepared,
    timeout: Duration,
    printer: &Printer,
) -> anyhow::Result<()> {
    let is_workload = |id: &&ObjectId| id.group == "apps";
    let expected: Vec<ObjectId> = prepared
        .revision
        .inventory
        .iter()
        .filter(is_workload)
        .cloned()
        .collect();
    let node = |id: &ObjectId| name_of(&prepared.outcome.subjects, id);
    let progress = Progress::new(printer, expected.iter().map(&node));
    let result = watch::wait_ready(connection, &resolved.chain, &expected, timeout, |step| {
        let name = node(&step.id);
        if step.ready {
            progress.done(&name);
        } else {
            let count = format!("{}/{} ready", step.available, step.wanted);
            progress.set(
                &name,
                step.why
                    .as_ref()
                    .map_or(count.clone(), |why| format!("{count}, {why}")),
            );
        }
    })
    .await;
    progress.finish();
    result?;
    printer.note(&format!("chain {} is ready", resolved.chain));
    Ok(())
}

/// The name of the subject whose workload it is.
fn name_of(subjects: &[Subject], id: &ObjectId) -> String {
    subject_of(subjects, id).map_or_else(|| id.name.clone(), |it| it.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(org: &str) -> Subject {
        Subject {
            id: format!("peer/peer0.{org}"),
            kind: "peer".to_owned(),
            name: format!("peer0.{org}"),
            parent: None,
            ordinal: 0,
            born_ms: 0,
            foreign: false,
            cluster: String::new(),
            namespace: org.to_owned(),
            workload: Some("statefulset/c-peer0".to_owned()),
            endpoints: Vec::new(),
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    #[test]
    fn workloads_of_one_name_are_told_apart_by_their_namespace() {
        let subjects = [peer("org1"), peer("org2")];
        let id = |namespace: &str, name: &str| ObjectId {
            group: "apps".to_owned(),
            kind: "StatefulSet".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            cluster: String::new(),
        };
        assert_eq!(name_of(&subjects, &id("org2", "c-peer0")), "peer0.org2");
        assert_eq!(name_of(&subjects, &id("org1", "c-peer0")), "peer0.org1");
        assert_eq!(name_of(&subjects, &id("org3", "c-peer0")), "c-peer0");
    }
}

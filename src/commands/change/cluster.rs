//! `create` and `apply` in a cluster: check, remember, apply, prune, wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::bail;
use futures::future::{join, try_join_all};
use serde_json::Value;

use super::checks::{Home, check};
use super::namespaces::{Missing, every_namespace, home_of, make_namespaces, uid_of};
use super::part::{Part, Target, parts};
use super::spread::Between;
use super::{Change, DryRun, Round, Wish, plan, print_objects, tell_notes};
use crate::cluster::apply::{
    self, ApplyOptions, ApplyPlan, DisruptionGroup, Hooks, Outcome as Done,
};
use crate::cluster::preflight::{self, NamespaceState};
use crate::cluster::prune::{PrunePlan, prune};
use crate::cluster::{ClusterError, ClusterStore, Clusters, ConnectFlags, Connection, watch};
use crate::commands::circumstances::now_ms;
use crate::commands::hooks::{HookRun, subject_of};
use crate::commands::{Context, Once, in_cluster, keep_lock};
use crate::manifest::Object;
use crate::pipeline::Resolved;
use crate::pipeline::form::{self, Prepared, Verb};
use crate::pipeline::run::Renewal;
use crate::pipeline::shape::groups;
use crate::plugin::contract::Subject;
use crate::state::{ClusterRecord, ObjectId, Store, StoreError, lock};
use crate::ui::{Printer, Progress};

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
        let Begun {
            mut prepared,
            home,
            clusters,
            mut records,
        } = wish
            .prepare_in(&context.connect, &connection, &store, verb)
            .await?;
        let uid = prepared.head.uid.clone();
        let mut store = store.with_uid(&uid).reaching(&clusters);
        tell_notes(&prepared, printer);
        let mut parts = parts(&prepared, &clusters)?;
        let disruption = disruption_groups(resolved, &prepared);
        let options = ApplyOptions {
            force_conflicts: self.force_conflicts,
            adopt: self.adopt,
            timeout: self.timeout,
            fresh: prepared.stored.is_none(),
            ..ApplyOptions::default()
        };
        let target = Target {
            chain: &resolved.chain,
            uid: &uid,
            groups: &disruption,
            clusters: &clusters,
        };
        let mut missing: Missing = every_namespace(&parts);
        let mut sampled = false;
        let mut marked = true;
        let mut home_uid = None;
        let places = prepared.places();
        let looked = store.is_marked(&prepared.head, &places);
        if prepared.stored.is_none() || prepared.writes() {
            let checked = check(&target, &options, &parts, &prepared, home, printer);
            let (checked, looked) = join(checked, looked).await;
            if checked.is_err() || looked.is_err() {
                // What the checks found may be the work of another run that began meanwhile: then that is said.
                prepared.check_raced(&store).await?;
            }
            // Whose a place is says more than what of theirs is in the way there.
            let looked = match looked {
                Err(taken @ StoreError::PlaceTaken { .. }) => return Err(taken.into()),
                looked => looked,
            };
            let states = checked?;
            looked?;
            sampled = true;
            missing
                .retain(|place| !matches!(states.get(place), Some(NamespaceState::Exists { .. })));
            home_uid = uid_of(states.get(&home_of(&connection)));
        } else {
            marked = looked.await?;
            if !marked {
                home_uid = uid_of(Some(&home.await??));
            }
        }
        for line in plan::lines(
            &prepared,
            &wish.hooks(&clusters, &store, &prepared, printer),
        ) {
            printer.note(&line);
        }
        if self.dry_run == DryRun::Server {
            return self
                .preview(&target, &options, &parts, &prepared, &missing, printer)
                .await;
        }
        let claim = wish.drawn.claim(if verb == Verb::Create {
            "create"
        } else {
            "apply"
        });
        let mut written = None;
        if prepared.writes() {
            let made = make_namespaces(&clusters, &missing, printer).await?;
            home_uid = home_uid.or(uid_of(made.get(&home_of(&connection))));
            if !missing.is_empty() {
                // A namespace that was just made is known from now on.
                clusters.identify(&mut records).await?;
                form::know_clusters(&mut prepared.head, &records);
            }
        }
        store = store.at_home(&home_uid.unwrap_or_default());
        let between = Between {
            wish,
            clusters: &clusters,
            records: &records,
            store: &store,
            claim: &claim,
        };
        let settling = between.settle(&mut prepared, verb, &target, &options, printer);
        if Box::pin(settling).await? {
            parts = super::part::parts(&prepared, &clusters)?;
            sampled = false;
        }
        if prepared.writes() {
            written = Some(prepared.commit(&store, resolved, &claim).await?);
        } else if !marked {
            written = Some(prepared.claim(&store, resolved, &claim).await?);
        }
        let hooks = wish.hooks(&clusters, &store, &prepared, printer);
        let called = hooks.run("before-remove").await? + hooks.run("before-add").await?;
        if called > 0 {
            // What hooks remembered is rendered.
            let round = Round {
                keep_files: false,
                renew: &Renewal::new(),
                clusters: &records,
                stand_in: false,
            };
            prepared = wish.prepare(&store, Verb::Apply, &round).await?;
            written = None;
            if prepared.writes() {
                written = Some(prepared.commit(&store, resolved, &claim).await?);
            }
            parts = super::part::parts(&prepared, &clusters)?;
        }
        let options = ApplyOptions {
            checked: called == 0 && sampled && missing.is_empty(),
            ..options
        };
        let hooks = Teller {
            hooks: wish.hooks(&clusters, &store, &prepared, printer),
            store: &store,
            printer,
            claim: &claim,
            names: prepared
                .objects
                .iter()
                .map(|object| (object.id(), object.display()))
                .collect(),
            quiet: self.output.is_some(),
            changes_only: self.changes_only,
            busy: Once::default(),
            lock: Mutex::new(if written.is_some() {
                Lock::Fresh
            } else {
                Lock::Open
            }),
        };
        let result = self
            .apply_and_prune(&target, &options, &parts, &prepared, &hooks)
            .await;
        if result.is_err() {
            lock::release(&store, &claim.holder).await.ok();
        }
        result?;
        let after = !hooks.hooks.due("after-ready").is_empty();
        if self.wait || after {
            let waited = wait(&clusters, resolved, &prepared, self.timeout, printer).await;
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
        target: &Target<'_>,
        options: &ApplyOptions,
        parts: &[Part],
        prepared: &Prepared,
        hooks: &Teller<'_, S>,
    ) -> anyhow::Result<()> {
        for part in parts {
            apply::apply(&part.connection, &part.plan(target, options), hooks)
                .await
                .map_err(|error| error.of_cluster(&part.cluster))?;
        }
        for part in parts.iter().filter(|_| !self.no_prune) {
            let plan = PrunePlan {
                cluster: &part.cluster,
                chain: target.chain,
                uid: target.uid,
                previous: &prepared.previous,
                current: &prepared.revision.inventory,
            };
            prune(&part.connection, &plan, hooks)
                .await
                .map_err(|error| error.of_cluster(&part.cluster))?;
        }
        Ok(())
    }

    async fn preview(
        &self,
        target: &Target<'_>,
        options: &ApplyOptions,
        parts: &[Part],
        prepared: &Prepared,
        missing: &Missing,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        if let Some(format) = self.output {
            print_objects(format, &prepared.objects, printer)?;
            return Ok(true);
        }
        // The server tells nothing of what goes into a namespace that is not there yet: all of it is new.
        let is_fresh = |object: &&Object| {
            let place = (object.cluster.clone(), object.namespace().to_owned());
            missing.contains(&place)
        };
        let fresh = prepared.objects.iter().filter(is_fresh);
        let mut changed: BTreeMap<ObjectId, &str> = fresh.map(|it| (it.id(), "created")).collect();
        for part in parts {
            let there: Vec<Value> = prepared
                .objects
                .iter()
                .filter(|it| it.cluster == part.cluster && !is_fresh(it))
                .map(|it| it.value.clone())
                .collect();
            let plan = ApplyPlan {
                objects: &there,
                ..part.plan(target, options)
            };
            let previews = apply::preview(&part.connection, &plan, false).await;
            for preview in previews.map_err(|error| error.of_cluster(&part.cluster))? {
                preview
                    .result
                    .map_err(|error| error.of_cluster(&part.cluster))?;
                let word = if preview.live.is_some() {
                    "configured"
                } else {
                    "created"
                };
                changed.insert(preview.id, word);
            }
        }
        let objects: BTreeMap<ObjectId, String> = prepared
            .objects
            .iter()
            .map(|object| (object.id(), object.display()))
            .collect();
        for (id, name) in &objects {
            let (word, place) = (changed.get(id).copied(), in_cluster(&id.cluster));
            let word = word.unwrap_or("unchanged");
            printer.line(&format!("{name} {word}{place} (server dry run)"))?;
        }
        for id in prepared.previous.difference(&prepared.revision.inventory) {
            let (kind, place) = (id.kind.to_lowercase(), in_cluster(&id.cluster));
            printer.line(&format!(
                "{kind}/{} pruned{place} (server dry run)",
                id.name
            ))?;
        }
        Ok(true)
    }
}

/// What is known before the first write.
struct Begun {
    prepared: Prepared,
    home: Home,
    clusters: Clusters,
    /// The other clusters, as far as they are known by the UIDs of their namespaces.
    records: BTreeMap<String, ClusterRecord>,
}

impl Wish {
    fn first_round<'a>(&'a self, clusters: &'a BTreeMap<String, ClusterRecord>) -> Round<'a> {
        Round {
            keep_files: false,
            renew: &self.renew,
            clusters,
            stand_in: true,
        }
    }

    /// Reads the head and computes everything, and has the server asked meanwhile how the head's namespace is.
    ///
    /// A chain that is to be created is mostly not there: everything is computed for that while the server is asked for
    /// the head. Where there is one after all, what was computed is thrown away.
    async fn prepare_in(
        &self,
        flags: &ConnectFlags,
        connection: &Connection,
        store: &ClusterStore,
        verb: Verb,
    ) -> anyhow::Result<Begun> {
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
        let mut records = self.resolved.clusters();
        let guessed = if verb == Verb::Create && records.is_empty() {
            let round = self.first_round(&records);
            Some(self.prepare_from(None, store, verb, &round).await)
        } else {
            None
        };
        let (stored, home) = asked.await?;
        if let (Err(StoreError::NotHome { signpost, .. }), Verb::Create) = (&stored, verb) {
            let (chain, namespace) = (&self.resolved.chain, &connection.namespace);
            let home = &signpost.home;
            bail!(
                "another chain `{chain}` has a place in namespace `{namespace}`: its home is {home}\nhint: give the new chain another name or another namespace; that one is changed by kubectl chain apply {chain} {}",
                home.flags()
            );
        }
        let stored = stored?;
        for (name, known) in stored.iter().flat_map(|it| &it.head.clusters) {
            match records.get_mut(name) {
                Some(record) => record.uid.clone_from(&known.uid),
                None => {
                    records.insert(name.clone(), known.clone());
                }
            }
        }
        let clusters = Clusters::open(flags, connection.clone(), &records).await?;
        clusters.identify(&mut records).await?;
        let prepared = match (stored, guessed) {
            (None, Some(guessed)) => guessed?,
            (stored, guessed) => {
                drop(guessed);
                let store = store.clone().reaching(&clusters);
                let round = self.first_round(&records);
                self.prepare_from(stored, &store, verb, &round).await?
            }
        };
        Ok(Begun {
            prepared,
            home,
            clusters,
            records,
        })
    }

    fn hooks<'a, S: Store>(
        &'a self,
        clusters: &'a Clusters,
        store: &'a S,
        prepared: &'a Prepared,
        printer: &'a Printer,
    ) -> HookRun<'a, S> {
        HookRun {
            clusters,
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
    changes_only: bool,
    busy: Once,
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
    clusters: &Clusters,
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
    let told = |step: &watch::Progress| {
        let name = node(&step.id);
        if step.ready {
            progress.done(&name);
        } else {
            let count = format!("{}/{} ready", step.available, step.wanted);
            let why = step.why.as_ref();
            progress.set(
                &name,
                why.map_or(count.clone(), |why| format!("{count}, {why}")),
            );
        }
    };
    let waits = clusters.all().map(|(name, connection)| {
        let here = expected.iter().filter(|id| id.cluster == name);
        let here: Vec<ObjectId> = here.cloned().collect();
        let told = &told;
        async move {
            watch::wait_ready(connection, &resolved.chain, &here, timeout, told)
                .await
                .map_err(|error| error.of_cluster(name))
        }
    });
    let result = try_join_all(waits).await;
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

//! `create` and `apply` in a cluster: check, remember, apply, prune, wait.

mod begun;
mod disruption;
mod preview;
mod teller;
mod wait;

use std::sync::Mutex;

use futures::future::join;

use self::begun::Begun;
use self::disruption::disruption_groups;
use self::teller::{Lock, Teller};
use self::wait::wait;
use super::checks::check;
use super::namespaces::{Missing, every_namespace, home_of, make_namespaces, uid_of};
use super::part::{Part, Target, parts};
use super::spread::Between;
use super::{Change, DryRun, Round, Wish, plan, print_objects, tell_notes};
use crate::cluster::apply::{self, ApplyOptions};
use crate::cluster::preflight::NamespaceState;
use crate::cluster::prune::{PrunePlan, prune};
use crate::cluster::{ClusterStore, Clusters, Connection};
use crate::commands::hooks::HookRun;
use crate::commands::{Context, Once};
use crate::pipeline::form::{self, Prepared, Verb};
use crate::pipeline::run::Renewal;
use crate::state::{Store, StoreError, lock};
use crate::ui::Printer;

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
}

impl Wish {
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

//! `kubectl chain delete`: takes a chain down; keys and volumes stay unless they are purged.

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::circumstances::draw;
use super::scene::clusters_of;
use super::{Context, Once, in_cluster, keep_lock};
use crate::cluster::apply::{Hooks, Outcome};
use crate::cluster::delete::{DeletePlan, delete_objects, purge_records};
use crate::cluster::{ClusterError, ClusterStore, Clusters, Connection};
use crate::pipeline::form::acquire;
use crate::state::signpost::places;
use crate::state::store::update_head;
use crate::state::{Head, Inventory, ObjectId, Phase, Remembered, Store, StoreError, lock};
use crate::ui::Printer;

/// Delete a chain
///
/// Workloads and everything else that was applied go; volumes and keys stay,
/// and a tombstone remembers them: creating the chain again revives it. With
/// --purge they go too, and nothing is left.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Take a chain down, and keep its keys and volumes
  kubectl chain delete test-chain

  # Remove everything for ever
  kubectl chain delete test-chain --purge")]
pub struct Delete {
    /// The chain
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Delete volumes and keys too
    #[arg(long)]
    pub purge: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long to wait until everything is gone
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = super::logs::parse_duration)]
    pub timeout: Duration,
}

impl Delete {
    /// Deletes it.
    pub async fn run(self, context: &Context) -> anyhow::Result<bool> {
        let printer = &context.printer;
        let connection = Connection::open(&context.connect).await?;
        let namespace = connection.namespace.clone();
        let store = ClusterStore::new(&connection, &self.name, "", &namespace);
        let stored = store.load_head().await;
        if let Err(StoreError::NotHome { signpost, .. }) = &stored {
            let (chain, home) = (&self.name, &signpost.home);
            let purge = if self.purge { " --purge" } else { "" };
            bail!(
                "chain `{chain}` has a place in namespace `{namespace}`; its home is {home}, and it is deleted from there, as a whole\nhint: kubectl chain delete {chain}{purge} {}",
                home.flags()
            );
        }
        let Some(stored) = stored? else {
            bail!(
                "no chain `{}` in namespace `{namespace}`\nhint: kubectl chain get -A lists those of all namespaces",
                self.name
            );
        };
        let head = stored.head;
        if head.phase == Phase::Tombstone && !self.purge {
            printer.line(&format!(
                "chain/{} unchanged (deleted before; --purge removes keys and volumes)",
                self.name
            ))?;
            return Ok(true);
        }
        self.confirm(&connection, &head, printer)?;
        let clusters = clusters_of(context, &connection, &head).await?;
        let store = store.with_uid(&head.uid);
        let drawn = draw()?;
        let claim = drawn.claim("delete");
        acquire(&store, &claim, drawn.now_ms).await?;
        let hooks = Teller {
            store: &store,
            printer,
            holder: claim.holder.clone(),
            busy: Once::default(),
        };
        let result = self.delete(&clusters, &store, &head, &hooks).await;
        if result.is_err() {
            lock::release(&store, &claim.holder).await.ok();
        }
        result?;
        Ok(true)
    }

    async fn delete<S: Store>(
        &self,
        clusters: &Clusters,
        store: &S,
        head: &Head,
        hooks: &Teller<'_, S>,
    ) -> anyhow::Result<()> {
        let mut inventory = Inventory::new();
        for number in store.list_revisions().await? {
            inventory.extend(store.read_revision(number).await?.inventory);
        }
        let all: Vec<_> = clusters
            .all()
            .map(|(name, connection)| {
                let wanted = places(head, &inventory).into_keys();
                // The retired have keys and volumes too.
                let sites = wanted.chain(head.subjects.values().map(Remembered::site));
                let here = sites.filter(|site| site.cluster == name);
                let mut namespaces: BTreeSet<String> =
                    here.map(|site| site.namespace.to_owned()).collect();
                namespaces.insert(connection.namespace.clone());
                (name, connection, namespaces)
            })
            .collect();
        for (name, connection, namespaces) in &all {
            let plan = DeletePlan {
                cluster: name,
                chain: &self.name,
                uid: &head.uid,
                namespaces,
                inventory: &inventory,
                purge: self.purge,
                timeout: self.timeout,
            };
            delete_objects(connection, &plan, hooks)
                .await
                .map_err(|error| error.of_cluster(name))?;
        }
        if !self.purge {
            update_head(store, |head: &mut Head| {
                head.phase = Phase::Tombstone;
                head.applied = 0;
                head.lock = None;
                Ok::<(), crate::state::StoreError>(())
            })
            .await?;
            hooks.printer.line(&format!(
                "chain/{} deleted (keys and volumes kept)",
                self.name
            ))?;
            return Ok(());
        }
        // The home last: what is remembered there leads to all else.
        for (name, connection, namespaces) in all.iter().rev() {
            let is_home = |it: &&String| name.is_empty() && **it == connection.namespace;
            let others = namespaces.iter().filter(|it| !is_home(it));
            for namespace in others.chain(namespaces.iter().filter(is_home)) {
                purge_records(connection, name, &self.name, &head.uid, namespace, hooks)
                    .await
                    .map_err(|error| error.of_cluster(name))?;
            }
        }
        if let Some(stored) = store.load_head().await? {
            let _ = store.delete_head(&stored.version).await?;
        }
        hooks.printer.line(&format!("chain/{} purged", self.name))?;
        Ok(())
    }

    fn confirm(
        &self,
        connection: &Connection,
        head: &Head,
        printer: &Printer,
    ) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        let what = if self.purge {
            "with its keys and volumes, FOR EVER"
        } else {
            "(keys and volumes are kept)"
        };
        let nodes = head
            .subjects
            .values()
            .filter(|it| it.pod && !it.retired)
            .count();
        printer.note(&format!("context:   {}", connection.context_name));
        printer.note(&format!("namespace: {}", connection.namespace));
        for (name, record) in &head.clusters {
            printer.note(&format!(
                "cluster:   {name} (context {}, namespace {})",
                record.context, record.namespace
            ));
        }
        printer.note(&format!(
            "Delete chain {} of {nodes} nodes {what}? Type its name to go on:",
            self.name
        ));
        if !std::io::stdin().is_terminal() {
            bail!("nobody is there to ask\nhint: pass -y to delete without being asked");
        }
        let mut answer = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut answer)
            .context("cannot read the answer")?;
        if answer.trim() == self.name {
            Ok(())
        } else {
            bail!("not deleted")
        }
    }
}

struct Teller<'a, S> {
    store: &'a S,
    printer: &'a Printer,
    holder: String,
    busy: Once,
}

impl<S: Store> Hooks for Teller<'_, S> {
    fn done(&self, id: &ObjectId, outcome: Outcome) {
        let kind = id.kind.to_lowercase();
        let name = if id.group.is_empty() {
            kind
        } else {
            format!("{kind}.{}", id.group)
        };
        let place = in_cluster(&id.cluster);
        let _ = self
            .printer
            .line(&format!("{name}/{} {outcome}{place}", id.name));
    }

    fn waiting(&self, id: &ObjectId, why: &str) {
        let what = format!("{}/{}", id.kind.to_lowercase(), id.name);
        self.busy.waiting(self.printer, &what, id, why);
    }

    async fn fence(&self) -> Result<(), ClusterError> {
        keep_lock(self.store, &self.holder).await
    }
}

//! What is known before the first write: the head as it is, and all that is computed from it.

use std::collections::BTreeMap;

use anyhow::bail;

use crate::cluster::{ClusterStore, Clusters, ConnectFlags, Connection, preflight};
use crate::commands::change::checks::Home;
use crate::commands::change::{Round, Wish};
use crate::pipeline::form::{Prepared, Verb};
use crate::state::{ClusterRecord, Store, StoreError};

/// What is known before the first write.
pub(super) struct Begun {
    pub(super) prepared: Prepared,
    pub(super) home: Home,
    pub(super) clusters: Clusters,
    /// The other clusters, as far as they are known by the UIDs of their namespaces.
    pub(super) records: BTreeMap<String, ClusterRecord>,
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
    pub(super) async fn prepare_in(
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
}

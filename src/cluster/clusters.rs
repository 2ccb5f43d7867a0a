//! The clusters of one chain: its home, and those that its file names beside it, each by a context of the kubeconfig.
//!
//! Most chains have a home alone. Another cluster is used only if the namespace in it is the one that is remembered: a
//! context that was pointed elsewhere meanwhile must not get a chain's keys.

use std::collections::BTreeMap;

use super::connect::{ConnectFlags, Connection};
use super::error::ClusterError;
use super::preflight::{NamespaceState, namespace_state};
use crate::state::ClusterRecord;

/// A connection to each cluster of a chain.
#[derive(Debug, Clone)]
pub struct Clusters {
    home: Connection,
    others: BTreeMap<String, Connection>,
}

impl Clusters {
    /// A home alone.
    pub fn only(home: Connection) -> Self {
        Self {
            home,
            others: BTreeMap::new(),
        }
    }

    /// Connects to the others as the flags say, each in the chain's namespace there. Nothing is sent yet.
    ///
    /// # Errors
    /// A context that is not in the kubeconfig, or that cannot be used.
    pub async fn open(
        flags: &ConnectFlags,
        home: Connection,
        records: &BTreeMap<String, ClusterRecord>,
    ) -> Result<Self, ClusterError> {
        let mut others = BTreeMap::new();
        for (name, record) in records {
            let connection = Connection::open(&flags.of_context(&record.context))
                .await
                .map_err(|error| error.of_cluster(name))?;
            others.insert(name.clone(), connection.in_namespace(&record.namespace));
        }
        Ok(Self { home, others })
    }

    /// Asks each of the others for its namespace, and notes in the records which one it is. One that may not be read is
    /// taken as it is; one that is not there yet is noted when it has been made, by asking again.
    ///
    /// # Errors
    /// A context leads elsewhere than it did, two names mean one place, or a server does not answer.
    pub async fn identify(
        &self,
        records: &mut BTreeMap<String, ClusterRecord>,
    ) -> Result<(), ClusterError> {
        if self.others.is_empty() {
            return Ok(());
        }
        let mut known = BTreeMap::new();
        if let NamespaceState::Exists { uid, .. } =
            namespace_state(&self.home, &self.home.namespace).await?
        {
            known.insert(uid, "the home of the chain".to_owned());
        }
        for (name, record) in records {
            let Some(connection) = self.others.get(name) else {
                continue;
            };
            let state = namespace_state(connection, &record.namespace)
                .await
                .map_err(|error| error.of_cluster(name))?;
            let NamespaceState::Exists { uid, .. } = state else {
                continue;
            };
            if !record.uid.is_empty() && record.uid != uid {
                return Err(ClusterError::OtherCluster {
                    cluster: name.clone(),
                    context: record.context.clone(),
                    namespace: record.namespace.clone(),
                    found: uid,
                    recorded: record.uid.clone(),
                });
            }
            record.uid.clone_from(&uid);
            let this = format!("cluster {name:?}");
            if let Some(other) = known.insert(uid, this.clone()) {
                return Err(ClusterError::SameCluster { one: this, other });
            }
        }
        Ok(())
    }

    /// A cluster by its name in the spec, "" for home.
    ///
    /// # Errors
    /// [`ClusterError::UnknownCluster`].
    pub fn of(&self, cluster: &str) -> Result<&Connection, ClusterError> {
        if cluster.is_empty() {
            return Ok(&self.home);
        }
        self.others
            .get(cluster)
            .ok_or_else(|| ClusterError::UnknownCluster {
                cluster: cluster.to_owned(),
            })
    }

    /// All of them with their names, the home first.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Connection)> {
        let others = self.others.iter().map(|(name, it)| (name.as_str(), it));
        std::iter::once(("", &self.home)).chain(others)
    }
}

impl ClusterError {
    /// The same fault, of a cluster by its name in the spec; that of the home is told as it is.
    #[must_use]
    pub fn of_cluster(self, cluster: &str) -> Self {
        if cluster.is_empty() {
            return self;
        }
        Self::InCluster {
            cluster: cluster.to_owned(),
            source: Box::new(self),
        }
    }
}

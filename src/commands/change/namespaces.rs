//! The namespaces of a chain: those that are missing are made, before anything is written into them.

use std::collections::{BTreeMap, BTreeSet};

use super::part::Part;
use crate::cluster::preflight::{self, NamespaceState};
use crate::cluster::{Clusters, Connection};
use crate::commands::in_cluster;
use crate::ui::Printer;

/// Namespaces by cluster that are not there, or not known to be.
pub(super) type Missing = BTreeSet<(String, String)>;

/// All in which the chain has something.
pub(super) fn every_namespace(parts: &[Part]) -> Missing {
    let of = |part: &Part| {
        let cluster = part.cluster.clone();
        let names = part.namespaces.clone().into_iter();
        names.map(move |name| (cluster.clone(), name))
    };
    parts.iter().flat_map(of).collect()
}

/// Makes those that are not there, and gives how all are then.
pub(super) async fn make_namespaces(
    clusters: &Clusters,
    missing: &Missing,
    printer: &Printer,
) -> anyhow::Result<BTreeMap<(String, String), NamespaceState>> {
    let mut states = BTreeMap::new();
    for (cluster, name) in missing {
        let ensured = preflight::ensure_namespace(clusters.of(cluster)?, name).await;
        let (state, made) = ensured.map_err(|error| error.of_cluster(cluster))?;
        if made {
            let place = in_cluster(cluster);
            printer.line(&format!("namespace/{name} created{place}"))?;
        }
        states.insert((cluster.clone(), name.clone()), state);
    }
    Ok(states)
}

/// The home as a place by cluster and namespace.
pub(super) fn home_of(connection: &Connection) -> (String, String) {
    (String::new(), connection.namespace.clone())
}

/// The UID of a namespace that may be read.
pub(super) fn uid_of(state: Option<&NamespaceState>) -> Option<String> {
    match state {
        Some(NamespaceState::Exists { uid, .. }) => Some(uid.clone()),
        _ => None,
    }
}

//! The other clusters of a chain, and who lives in them.

use super::ResolveError;
use crate::plugin::nearest;
use crate::spec::names::{not_a_label, not_a_namespace};
use crate::spec::{ChainSpec, Loaded, Nodes};

/// Characters that the name of a cluster may have at most.
const CLUSTER_NAME: usize = 63;

/// The clusters have names and namespaces that can be, and every node lives in one of them.
pub(super) fn check_clusters(loaded: &Loaded, spec: &ChainSpec) -> Result<(), ResolveError> {
    for (name, entry) in &spec.clusters {
        let wrong = [
            (String::new(), not_a_label(name, CLUSTER_NAME)),
            (
                "/namespace".to_owned(),
                entry.namespace.as_deref().and_then(not_a_namespace),
            ),
            (
                "/context".to_owned(),
                entry
                    .context
                    .is_empty()
                    .then(|| "the name of a context of the kubeconfig is expected".to_owned()),
            ),
        ];
        for (key, why) in wrong {
            if let Some(why) = why {
                let pointer = format!("/spec/clusters/{name}{key}");
                let message = format!("clusters.{name}{}: {why}", key.replace('/', "."));
                return Err(loaded.refuse(&pointer, message, None).into());
            }
        }
    }
    let Some(Nodes::List(entries)) = &spec.nodes else {
        return Ok(());
    };
    for (index, entry) in entries.iter().enumerate() {
        let unknown = entry
            .cluster
            .as_ref()
            .filter(|name| !spec.clusters.contains_key(*name));
        let Some(name) = unknown else { continue };
        let hint = nearest(name, spec.clusters.keys().map(String::as_str)).map_or_else(
            || format!("name it under `clusters`: {name}: {{context: NAME}}"),
            |near| format!("did you mean `{near}`?"),
        );
        let pointer = format!("/spec/nodes/{index}/cluster");
        let message = format!("nodes[{index}]: there is no cluster `{name}`");
        return Err(loaded.refuse(&pointer, message, Some(hint)).into());
    }
    Ok(())
}

//! The heads of all chains in sight, by one list request.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ClusterError;
use super::labels::{RECORD, meta};
use super::object_api::ApiKind;
use super::request::ListQuery;
use super::{Connection, head_object};
use crate::state::Head;

/// The heads in a namespace, or in all, each with its namespace, by namespace and name. One that is damaged is left out.
///
/// # Errors
/// `ConfigMaps` may not be listed there, or the server does not answer.
pub async fn heads(
    connection: &Connection,
    namespace: Option<&str>,
) -> Result<Vec<(String, Head)>, ClusterError> {
    let Some(kind) = ApiKind::known("", "ConfigMap") else {
        return Ok(Vec::new());
    };
    let labels = format!("{RECORD}=head");
    let query = ListQuery {
        labels: &labels,
        ..ListQuery::default()
    };
    let objects = connection
        .list(&kind, namespace.unwrap_or_default(), query)
        .await?;
    let mut found: Vec<(String, Head)> = objects
        .iter()
        .filter_map(|object| {
            let stored = head_object::from_object(object).ok()?;
            Some((meta(object, "namespace").to_owned(), stored.head))
        })
        .collect();
    found.sort_by(|a, b| (&a.0, &a.1.chain).cmp(&(&b.0, &b.1.chain)));
    Ok(found)
}

/// Namespaces beside a home, with the chains of that home which have subjects there.
pub type Elsewhere = BTreeMap<String, BTreeSet<String>>;

/// Where else chains live than in the home of their heads; one chain, when it is named.
pub fn elsewhere(heads: &[(String, Head)], chain: Option<&str>) -> Elsewhere {
    let mut all = Elsewhere::new();
    for (home, head) in heads {
        let subjects = head.subjects.values();
        let away =
            subjects.filter(|it| !it.retired && it.cluster.is_empty() && it.namespace != *home);
        for remembered in away.filter(|_| chain.is_none_or(|name| head.chain == name)) {
            let chains = all.entry(remembered.namespace.clone()).or_default();
            chains.insert(head.chain.clone());
        }
    }
    all
}

/// The same of the chains whose heads are in the connection's namespace. Nowhere when the heads may not be seen.
///
/// # Errors
/// The server does not answer.
pub async fn find_elsewhere(
    connection: &Connection,
    chain: Option<&str>,
) -> Result<Elsewhere, ClusterError> {
    match heads(connection, Some(&connection.namespace)).await {
        Err(error) if error.is_forbidden() => Ok(Elsewhere::new()),
        found => Ok(elsewhere(&found?, chain)),
    }
}

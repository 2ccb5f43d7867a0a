//! Exclusive claims: what other chains hold already.

use std::collections::BTreeSet;

use super::{ClaimChecks, Finding};
use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::head_object;
use crate::cluster::labels::{RECORD, meta};
use crate::cluster::object_api::ApiKind;
use crate::cluster::request::ListQuery;

/// Heads of other chains that claim the same.
pub(super) async fn check_claims(
    connection: &Connection,
    checks: &ClaimChecks<'_>,
) -> Result<Vec<Finding>, ClusterError> {
    let Some(kind) = ApiKind::known("", "ConfigMap").filter(|_| !checks.claims.is_empty()) else {
        return Ok(Vec::new());
    };
    let labels = format!("{RECORD}=head");
    let query = ListQuery {
        labels: &labels,
        ..ListQuery::default()
    };
    // All chains in sight: of the cluster if they may be listed, else of our own namespaces.
    let mut heads = Vec::new();
    match connection.list(&kind, "", query).await {
        Ok(all) => heads = all,
        Err(error) if error.is_forbidden() => {
            for namespace in checks.namespaces {
                match connection.list(&kind, namespace, query).await {
                    Ok(all) => heads.extend(all),
                    Err(error) if error.is_forbidden() || error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Err(error) => return Err(error),
    }
    let wanted: BTreeSet<&String> = checks.claims.iter().collect();
    let mut findings = Vec::new();
    for object in &heads {
        let Ok(stored) = head_object::from_object(object) else {
            continue;
        };
        let ours = (stored.head.uid == checks.uid && !checks.uid.is_empty())
            || (stored.head.chain == checks.chain
                && checks.namespaces.contains(meta(object, "namespace")));
        if ours || stored.head.phase == crate::state::Phase::Tombstone {
            continue;
        }
        for claim in stored
            .head
            .claims
            .iter()
            .filter(|claim| wanted.contains(claim))
        {
            findings.push(Finding::error(
                format!(
                    "{claim:?} is claimed by chain {:?} in namespace {:?} already",
                    stored.head.chain,
                    meta(object, "namespace")
                ),
                "change the value in one of the two chains, or delete the other chain".to_owned(),
            ));
        }
    }
    Ok(findings)
}

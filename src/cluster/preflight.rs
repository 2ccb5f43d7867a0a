//! What is checked before the first write, so that most faults show before anything is half done.
//!
//! Two rounds. [`before_claim`] needs no objects: version, rights, namespaces, claims of other chains.
//! [`before_apply`] looks at the final objects: `NodePorts`, pod security, quota, and a server dry run. A dry run accepts
//! `NodePorts` out of range and pods over quota, so those are checked here. What cannot be read is not a fault: the
//! server has the last word when the objects are applied.

mod claims;
mod finding;
mod namespaces;
mod node_ports;
mod rights;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join_all, try_join3};
use serde_json::Value;

use self::claims::check_claims;
use self::finding::sort;
use self::node_ports::check_node_ports;
use self::rights::check_rights;
use self::version::check_version;
use super::apply::{ApplyPlan, preview_samples};
use super::connect::Connection;
use super::error::ClusterError;
use super::labels::meta;
use super::rights::Right;
use super::{pod_security, quota};

pub use finding::{Finding, Severity};
pub use namespaces::{NamespaceState, ensure_namespace, namespace_state};
pub use rights::needed_rights;
pub use version::MINIMUM_KUBERNETES;

/// What the first round looks at.
#[derive(Debug, Clone)]
pub struct ClaimChecks<'a> {
    /// The chain's name.
    pub chain: &'a str,
    /// The chain's UID, "" before it has one.
    pub uid: &'a str,
    /// The namespaces of this cluster that the chain touches.
    pub namespaces: &'a BTreeSet<String>,
    /// The kinds that will be applied, as (group, kind).
    pub kinds: &'a BTreeSet<(String, String)>,
    /// Exclusive claims of the chain's plugins.
    pub claims: &'a [String],
    /// Whether vaults will be written (create, scale) or are only referred to.
    pub makes_vaults: bool,
    /// What plugins may do within pods while it is applied. Whether they will is not known before, so a lack is a warning.
    pub reaches: &'a BTreeSet<Right>,
}

/// The first round: before the head is written. Warnings and errors, the errors first.
///
/// # Errors
/// The server does not answer, or does not accept the credentials.
pub async fn before_claim(
    connection: &Connection,
    checks: &ClaimChecks<'_>,
) -> Result<Vec<Finding>, ClusterError> {
    let rights = checks
        .namespaces
        .iter()
        .map(|namespace| check_rights(connection, checks, namespace));
    let (version, rights, claims) = try_join3(
        connection.get_path("/version"),
        try_join_all(rights),
        check_claims(connection, checks),
    )
    .await?;
    let mut findings = claims;
    findings.extend(check_version(&version));
    findings.extend(rights.into_iter().flatten());
    sort(&mut findings);
    Ok(findings)
}

/// The second round: before the objects are applied. `states` are those of the plan's namespaces; what goes into a
/// namespace that is not there yet is not asked of the server.
///
/// # Errors
/// The server does not answer, or does not accept the credentials.
pub async fn before_apply(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    states: &BTreeMap<String, NamespaceState>,
) -> Result<Vec<Finding>, ClusterError> {
    let mut findings = Vec::new();
    for (namespace, state) in states {
        if let NamespaceState::Exists { labels, .. } = state {
            let level = labels
                .get("pod-security.kubernetes.io/enforce")
                .map(String::as_str);
            if level == Some("restricted") {
                for object in plan
                    .objects
                    .iter()
                    .filter(|o| in_namespace(connection, o, namespace))
                {
                    findings.extend(pod_security::restricted(object));
                }
            }
        }
    }
    let there = states
        .iter()
        .filter(|(_, state)| **state != NamespaceState::Missing);
    let quotas = there.map(|(namespace, _)| async move {
        let objects: Vec<&Value> = plan
            .objects
            .iter()
            .filter(|o| in_namespace(connection, o, namespace))
            .collect();
        quota::check(connection, plan, namespace, &objects).await
    });
    // What goes into a namespace that is not there is refused whatever it is.
    let known: Vec<Value> = plan
        .objects
        .iter()
        .filter(|o| {
            !states
                .iter()
                .any(|(n, s)| *s == NamespaceState::Missing && in_namespace(connection, o, n))
        })
        .cloned()
        .collect();
    let known_plan = ApplyPlan {
        objects: &known,
        ..plan.clone()
    };
    let (ports, quotas, previews) = try_join3(
        check_node_ports(connection, plan),
        try_join_all(quotas),
        preview_samples(connection, &known_plan),
    )
    .await?;
    findings.extend(ports);
    findings.extend(quotas.into_iter().flatten());
    for preview in previews {
        if let Err(error) = preview.result {
            if error.is_fatal() {
                return Err(error);
            }
            findings.push(Finding::error(error.to_string(), error.hint()));
        }
    }
    sort(&mut findings);
    Ok(findings)
}

fn in_namespace(connection: &Connection, object: &Value, namespace: &str) -> bool {
    match meta(object, "namespace") {
        "" => connection.namespace == namespace,
        its => its == namespace,
    }
}

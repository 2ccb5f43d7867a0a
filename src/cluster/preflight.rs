//! What is checked before the first write, so that most faults show before anything is half done.
//!
//! Two rounds. [`before_claim`] needs no objects: version, rights, namespaces, claims of other chains.
//! [`before_apply`] looks at the final objects: `NodePorts`, pod security, quota, and a server dry run. A dry run accepts
//! `NodePorts` out of range and pods over quota, so those are checked here. What cannot be read is not a fault: the
//! server has the last word when the objects are applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures::future::{try_join_all, try_join3};
use serde_json::Value;

use super::apply::{ApplyPlan, preview_samples};
use super::connect::Connection;
use super::error::ClusterError;
use super::head_object;
use super::labels::{RECORD, label, meta};
use super::object_api::{ApiKind, identify, show_object};
use super::pod_security;
use super::quota;
use super::request::ListQuery;
use super::rights::{Right, Rights, role_yaml};

/// The oldest Kubernetes that is supported: major, minor.
pub const MINIMUM_KUBERNETES: (u32, u32) = (1, 30);

/// The `NodePorts` that a cluster hands out unless it was configured otherwise.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may go wrong.
    Warning,
    /// It will go wrong: nothing should be written.
    Error,
}

/// Something that the checks found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What, naming object and field.
    pub message: String,
    /// What to do; may have several lines (a Role).
    pub hint: Option<String>,
}

impl Finding {
    pub(super) fn error(message: String, hint: impl Into<Option<String>>) -> Self {
        Self {
            severity: Severity::Error,
            message,
            hint: hint.into(),
        }
    }

    pub(super) fn warning(message: String, hint: impl Into<Option<String>>) -> Self {
        Self {
            severity: Severity::Warning,
            message,
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A namespace, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceState {
    /// It is there. The UID identifies the cluster, too: a context is used only if it matches what was recorded.
    Exists {
        /// Its UID.
        uid: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
    },
    /// It is not there.
    Missing,
    /// It may not be read; it is taken as there.
    Unknown,
}

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

fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup();
}

fn in_namespace(connection: &Connection, object: &Value, namespace: &str) -> bool {
    match meta(object, "namespace") {
        "" => connection.namespace == namespace,
        its => its == namespace,
    }
}

/// Looks at a namespace.
///
/// # Errors
/// The server does not answer.
pub async fn namespace_state(
    connection: &Connection,
    name: &str,
) -> Result<NamespaceState, ClusterError> {
    let Some(kind) = ApiKind::known("", "Namespace") else {
        return Ok(NamespaceState::Unknown);
    };
    match connection.get(&kind, "", name).await {
        Ok(None) => Ok(NamespaceState::Missing),
        Ok(Some(object)) => Ok(exists(&object)),
        Err(error) if error.is_forbidden() => Ok(NamespaceState::Unknown),
        Err(error) => Err(error),
    }
}

fn exists(object: &Value) -> NamespaceState {
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
        .collect();
    NamespaceState::Exists {
        uid: meta(object, "uid").to_owned(),
        labels,
    }
}

/// Makes a namespace if, and only if, it is not there. It gets no label of ours and is never changed or deleted.
/// Returns how it is afterwards, and whether it was made.
///
/// # Errors
/// It is not there and may not be made.
pub async fn ensure_namespace(
    connection: &Connection,
    name: &str,
) -> Result<(NamespaceState, bool), ClusterError> {
    let state = namespace_state(connection, name).await?;
    let Some(kind) = ApiKind::known("", "Namespace").filter(|_| state == NamespaceState::Missing)
    else {
        return Ok((state, false));
    };
    let object =
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    match connection.create(&kind, "", &object).await {
        Ok(made) => Ok((exists(&made), true)),
        Err(ClusterError::AlreadyExists { .. }) => {
            Ok((namespace_state(connection, name).await?, false))
        }
        Err(error) => Err(error),
    }
}

fn check_version(version: &Value) -> Option<Finding> {
    let number = |key: &str| -> Option<u32> {
        let digits: String = version
            .get(key)?
            .as_str()?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    };
    let (Some(major), Some(minor)) = (number("major"), number("minor")) else {
        return Some(Finding::warning(
            "the server does not tell its version".to_owned(),
            None,
        ));
    };
    ((major, minor) < MINIMUM_KUBERNETES).then(|| {
        Finding::error(
            format!(
                "the server is Kubernetes {major}.{minor}; {}.{} or later is needed",
                MINIMUM_KUBERNETES.0, MINIMUM_KUBERNETES.1
            ),
            None,
        )
    })
}

/// The rights that applying these kinds needs in a namespace.
pub fn needed_rights(checks: &ClaimChecks<'_>) -> BTreeSet<Right> {
    let mut needed: BTreeSet<Right> = BTreeSet::new();
    needed.extend(Right::each(
        "",
        "configmaps",
        &["get", "list", "create", "update", "delete"],
    ));
    needed.extend(Right::each("", "pods", &["list", "watch"]));
    needed.extend(Right::each("", "events", &["list"]));
    if checks.makes_vaults {
        needed.extend(Right::each("", "secrets", &["get", "create"]));
    }
    for (group, kind) in checks.kinds {
        let Some(kind) = ApiKind::known(group, kind).filter(|kind| kind.namespaced) else {
            continue;
        };
        // Applying an object that is not there needs `create` too.
        needed.extend(Right::each(
            &kind.group,
            &kind.plural,
            &["get", "list", "create", "patch"],
        ));
        if kind.kind != "PersistentVolumeClaim" {
            needed.extend(Right::each(&kind.group, &kind.plural, &["delete"]));
        }
        if kind.group == "apps" {
            needed.extend(Right::each(&kind.group, &kind.plural, &["watch"]));
        }
    }
    needed
}

async fn check_rights(
    connection: &Connection,
    checks: &ClaimChecks<'_>,
    namespace: &str,
) -> Result<Option<Finding>, ClusterError> {
    let rights = connection.rights(namespace).await?;
    Ok(lacks(&rights, checks, namespace))
}

/// What is found of a user's rights.
fn lacks(rights: &Rights, checks: &ClaimChecks<'_>, namespace: &str) -> Option<Finding> {
    let needed = needed_rights(checks);
    let missing = rights.missing(&needed);
    let out_of_reach = rights.missing(checks.reaches);
    if missing.is_empty() && out_of_reach.is_empty() {
        return None;
    }
    let wanted = needed.iter().chain(checks.reaches).cloned();
    let hint = format!(
        "ask an administrator for this Role and a RoleBinding to it:\n{}",
        role_yaml("kubectl-chain", namespace, wanted)
    );
    if missing.is_empty() {
        let message = format!(
            "not allowed in namespace {namespace:?}: {}; plugins reach pods by it, and may not get their part done",
            listed(&out_of_reach)
        );
        return Some(Finding::warning(message, hint));
    }
    let message = format!(
        "not allowed in namespace {namespace:?}: {}",
        listed(&missing)
    );
    Some(if rights.incomplete {
        Finding::warning(
            format!("perhaps {message} (the server cannot list all rights)"),
            hint,
        )
    } else {
        Finding::error(message, hint)
    })
}

/// `get/list configmaps, patch statefulsets.apps`.
fn listed(rights: &BTreeSet<Right>) -> String {
    let mut by_resource: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for right in rights {
        let resource = if right.group.is_empty() {
            right.resource.clone()
        } else {
            format!("{}.{}", right.resource, right.group)
        };
        by_resource.entry(resource).or_default().push(&right.verb);
    }
    let list: Vec<String> = by_resource
        .iter()
        .map(|(resource, verbs)| format!("{} {resource}", verbs.join("/")))
        .collect();
    list.join(", ")
}

/// Heads of other chains that claim the same.
async fn check_claims(
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

/// `NodePorts` of a Service with the path of each.
fn node_ports(service: &Value) -> Vec<(i64, String, String)> {
    let mut ports = Vec::new();
    let list = service.pointer("/spec/ports").and_then(Value::as_array);
    for (number, port) in list.into_iter().flatten().enumerate() {
        let protocol = port
            .get("protocol")
            .and_then(Value::as_str)
            .unwrap_or("TCP");
        if let Some(node_port) = port
            .get("nodePort")
            .and_then(Value::as_i64)
            .filter(|p| *p != 0)
        {
            ports.push((
                node_port,
                protocol.to_owned(),
                format!(".spec.ports[{number}].nodePort"),
            ));
        }
    }
    if let Some(port) = service
        .pointer("/spec/healthCheckNodePort")
        .and_then(Value::as_i64)
    {
        ports.push((
            port,
            "TCP".to_owned(),
            ".spec.healthCheckNodePort".to_owned(),
        ));
    }
    ports
}

fn is_service(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Service")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

async fn check_node_ports(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
) -> Result<Vec<Finding>, ClusterError> {
    let services: Vec<&Value> = plan.objects.iter().filter(|o| is_service(o)).collect();
    if services
        .iter()
        .all(|service| node_ports(service).is_empty())
    {
        return Ok(Vec::new());
    }
    let Some(kind) = ApiKind::known("", "Service") else {
        return Ok(Vec::new());
    };
    let query = ListQuery::default();
    let existing = match connection.list(&kind, "", query).await {
        Err(error) if error.is_forbidden() => {
            let mut own = Vec::new();
            let namespaces: BTreeSet<&str> = services
                .iter()
                .map(|s| match meta(s, "namespace") {
                    "" => connection.namespace.as_str(),
                    its => its,
                })
                .collect();
            for namespace in namespaces {
                match connection.list(&kind, namespace, query).await {
                    Ok(items) => own.extend(items),
                    Err(error) if error.is_forbidden() || error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
            own
        }
        other => other?,
    };
    overlaps(&connection.namespace, &services, &existing)
}

/// Ports out of range, twice in the plan, or taken by Services that are not of the plan.
fn overlaps(
    default_namespace: &str,
    services: &[&Value],
    existing: &[Value],
) -> Result<Vec<Finding>, ClusterError> {
    let mut findings = Vec::new();
    let mut planned: BTreeMap<(i64, String), String> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for service in services {
        let id = identify(service, "", default_namespace)?;
        let what = show_object(&id);
        for (port, protocol, path) in node_ports(service) {
            if !NODE_PORTS.contains(&port) {
                findings.push(Finding::error(
                    format!(
                        "{what}: {path} is {port}, outside {}-{}",
                        NODE_PORTS.start(),
                        NODE_PORTS.end()
                    ),
                    "choose another first port with --expose-port, or fewer nodes, or --expose-type ClusterIP"
                        .to_owned(),
                ));
            }
            if let Some(other) = planned.insert((port, protocol.clone()), what.clone()) {
                findings.push(Finding::error(
                    format!("{what}: {path} is {port}/{protocol}, and so is one of {other}"),
                    None,
                ));
            }
        }
        names.insert((id.namespace, id.name));
    }
    for service in existing {
        let place = (
            meta(service, "namespace").to_owned(),
            meta(service, "name").to_owned(),
        );
        if names.contains(&place) {
            continue;
        }
        for (port, protocol, _) in node_ports(service) {
            if let Some(what) = planned.get(&(port, protocol.clone())) {
                let owner = match label(service, super::labels::CHAIN) {
                    "" => String::new(),
                    chain => format!(" of chain {chain:?}"),
                };
                findings.push(Finding::error(
                    format!(
                        "{what}: node port {port}/{protocol} is taken by service {:?} in namespace {:?}{owner}",
                        place.1, place.0
                    ),
                    "choose another first port with --expose-port".to_owned(),
                ));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(name: &str, port: i64, protocol: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "n"},
               "spec": {"ports": [{"port": 1, "nodePort": port, "protocol": protocol}]}})
    }

    #[test]
    fn what_plugins_lack_in_pods_is_a_warning_only() {
        let (namespaces, kinds) = (BTreeSet::from(["n".to_owned()]), BTreeSet::new());
        let checks = ClaimChecks {
            chain: "c",
            uid: "",
            namespaces: &namespaces,
            kinds: &kinds,
            claims: &[],
            makes_vaults: false,
            reaches: &BTreeSet::from_iter(Right::each("", "pods/portforward", &["create"])),
        };
        let rights = |more: &str| {
            let rule = |resources: &[&str], verbs: &[&str]| json!({"apiGroups": [""], "resources": resources, "verbs": verbs});
            let rules = [
                rule(&["configmaps"], &["*"]),
                rule(&["pods"], &["list", "watch"]),
                rule(&["events"], &["list"]),
                rule(&[more], &["create"]),
            ];
            Rights::from_review(&json!({"status": {"resourceRules": rules, "incomplete": false}}))
        };
        assert_eq!(lacks(&rights("pods/portforward"), &checks, "n"), None);
        let found = lacks(&rights("pods/eviction"), &checks, "n").unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.message.contains("create pods/portforward"), "{found}");
        let role = found.hint.unwrap();
        assert!(
            role.contains("pods/portforward") && role.contains("configmaps"),
            "{role}"
        );
        // What is needed in any case ends it.
        let found = lacks(&Rights::default(), &checks, "n").unwrap();
        assert_eq!(found.severity, Severity::Error);
    }

    #[test]
    fn ports_out_of_range_twice_or_taken_are_found() {
        let (a, b, c) = (
            service("a", 30_004, "TCP"),
            service("b", 30_004, "TCP"),
            service("c", 35_004, "TCP"),
        );
        let other = service("x", 30_004, "TCP");
        let udp = service("y", 30_004, "UDP");
        let found = overlaps("n", &[&a, &b, &c], &[other, udp, a.clone()]).unwrap();
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "service/b: .spec.ports[0].nodePort is 30004/TCP, and so is one of service/a",
                "service/c: .spec.ports[0].nodePort is 35004, outside 30000-32767",
                "service/b: node port 30004/TCP is taken by service \"x\" in namespace \"n\"",
            ]
        );
    }

    #[test]
    fn old_servers_are_refused() {
        assert!(check_version(&json!({"major": "1", "minor": "29+"})).is_some());
        assert!(check_version(&json!({"major": "1", "minor": "30"})).is_none());
        assert!(check_version(&json!({"major": "2", "minor": "0"})).is_none());
    }
}

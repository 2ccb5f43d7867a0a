//! Quota: whether what the plan adds fits into the namespace's `ResourceQuotas`.
//!
//! A `StatefulSet` over quota is accepted and never gets its pod, and a dry run counts each object alone; so the sum of
//! what is new is compared with what is left. Objects that are there already are in the quota's own count.

use std::collections::BTreeMap;

use serde_json::Value;

use super::apply::ApplyPlan;
use super::connect::Connection;
use super::error::ClusterError;
use super::live::LiveObjects;
use super::object_api::{ApiKind, identify};
use super::preflight::Finding;
use super::request::ListQuery;

/// Amounts by the names that quotas use, e.g. `requests.cpu`; CPU in cores, memory and storage in bytes.
type Amounts = BTreeMap<String, f64>;

/// Compares what the plan adds to a namespace with what its quotas leave.
pub(super) async fn check(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    namespace: &str,
    objects: &[&Value],
) -> Result<Vec<Finding>, ClusterError> {
    let Some(kind) = ApiKind::known("", "ResourceQuota") else {
        return Ok(Vec::new());
    };
    let quotas = match connection
        .list(&kind, namespace, ListQuery::default())
        .await
    {
        Ok(quotas) => quotas,
        Err(error) if error.is_forbidden() || error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if quotas.is_empty() {
        return Ok(Vec::new());
    }
    let mut kinds = std::collections::BTreeSet::new();
    for object in objects {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = connection.kind_of(text("apiVersion"), text("kind")).await?;
        kinds.insert((kind, namespace.to_owned()));
    }
    let live = LiveObjects::list(connection, plan.cluster, plan.chain, &kinds).await?;
    let mut added = Amounts::new();
    for object in objects {
        if live
            .get(&identify(object, plan.cluster, namespace)?)
            .is_none()
        {
            add(&mut added, object);
        }
    }
    Ok(quotas
        .iter()
        .flat_map(|quota| exceeded(namespace, quota, &added))
        .collect())
}

/// What one object adds.
fn add(added: &mut Amounts, object: &Value) {
    let api_version = object
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (group, _) = super::object_api::split_api_version(api_version);
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let Some(known) = ApiKind::known(group, kind) else {
        return;
    };
    let mut count = |name: String, amount: f64| *added.entry(name).or_default() += amount;
    let counted = if group.is_empty() {
        format!("count/{}", known.plural)
    } else {
        format!("count/{}.{group}", known.plural)
    };
    count(counted, 1.0);
    // The older names of the same counts.
    if group.is_empty()
        && matches!(
            kind,
            "ConfigMap" | "Secret" | "Service" | "PersistentVolumeClaim"
        )
    {
        count(known.plural.clone(), 1.0);
    }
    match kind {
        "Service" => match object.pointer("/spec/type").and_then(Value::as_str) {
            Some("NodePort") => {
                let ports = object
                    .pointer("/spec/ports")
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len);
                count("services.nodeports".to_owned(), as_amount(ports));
            }
            Some("LoadBalancer") => count("services.loadbalancers".to_owned(), 1.0),
            _ => {}
        },
        "PersistentVolumeClaim" => {
            let size = object
                .pointer("/spec/resources/requests/storage")
                .and_then(quantity);
            count("requests.storage".to_owned(), size.unwrap_or(0.0));
        }
        "StatefulSet" | "Deployment" | "Pod" => {
            let replicas = match kind {
                "Pod" => 1.0,
                _ => object
                    .pointer("/spec/replicas")
                    .and_then(Value::as_f64)
                    .unwrap_or(1.0),
            };
            let spec = if kind == "Pod" {
                object.get("spec")
            } else {
                object.pointer("/spec/template/spec")
            };
            count("pods".to_owned(), replicas);
            count(
                "count/pods".to_owned(),
                if kind == "Pod" { 0.0 } else { replicas },
            );
            for (name, amount) in pod_amounts(spec.unwrap_or(&Value::Null)) {
                count(name, amount * replicas);
            }
        }
        _ => {}
    }
}

/// Requests and limits of a pod: the sum of its containers, or its largest init container.
fn pod_amounts(spec: &Value) -> Amounts {
    let mut amounts = Amounts::new();
    for sort in ["requests", "limits"] {
        for resource in ["cpu", "memory", "ephemeral-storage"] {
            let of = |container: &Value| {
                container
                    .pointer(&format!("/resources/{sort}/{resource}"))
                    // A limit without a request is the request, too.
                    .or_else(|| container.pointer(&format!("/resources/limits/{resource}")))
                    .and_then(quantity)
                    .unwrap_or(0.0)
            };
            let list = |name: &str| {
                spec.get(name)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
            };
            let running: f64 = list("containers").map(of).sum();
            let starting = list("initContainers").map(of).fold(0.0, f64::max);
            let amount = running.max(starting);
            amounts.insert(format!("{sort}.{resource}"), amount);
            if sort == "requests" {
                amounts.insert(resource.to_owned(), amount);
            }
        }
    }
    amounts
}

fn exceeded(namespace: &str, quota: &Value, added: &Amounts) -> Vec<Finding> {
    // A quota with scopes counts some pods only; whether ours are among them is the server's affair.
    let scoped = quota
        .pointer("/spec/scopes")
        .and_then(Value::as_array)
        .is_some_and(|scopes| !scopes.is_empty())
        || quota.pointer("/spec/scopeSelector").is_some();
    let hard = quota.pointer("/status/hard").and_then(Value::as_object);
    let mut findings = Vec::new();
    for (name, limit) in hard.into_iter().flatten() {
        let (Some(limit), Some(more)) = (quantity(limit), added.get(name)) else {
            continue;
        };
        let used = quota
            .pointer("/status/used")
            .and_then(|used| used.get(name))
            .and_then(quantity)
            .unwrap_or(0.0);
        if used + more <= limit {
            continue;
        }
        let message = format!(
            "namespace {namespace:?}: quota {:?} allows {} of {name}, {} are used and the chain needs {} more",
            super::labels::meta(quota, "name"),
            show(limit),
            show(used),
            show(*more)
        );
        let hint = "ask for a larger quota, or take fewer nodes or smaller resources".to_owned();
        findings.push(if scoped {
            Finding::warning(message, hint)
        } else {
            Finding::error(message, hint)
        });
    }
    findings
}

fn show(amount: f64) -> String {
    let rounded = (amount * 1000.0).round() / 1000.0;
    format!("{rounded}")
}

#[allow(clippy::cast_precision_loss)] // Counts of ports are small.
fn as_amount(count: usize) -> f64 {
    count as f64
}

/// What a quantity may end in; the longer first.
const SUFFIXES: &[(&str, f64)] = &[
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// A Kubernetes quantity as a number: `500m`, `2Gi`, `1e3`, or a plain JSON number.
pub(super) fn quantity(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    for (suffix, factor) in SUFFIXES {
        if let Some(number) = text.strip_suffix(suffix) {
            return number.parse::<f64>().ok().map(|n| n * factor);
        }
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        let close =
            |text: &str, wanted: f64| (quantity(&json!(text)).unwrap() - wanted).abs() < 1e-9;
        assert!(close("500m", 0.5));
        assert!(close("2Gi", 2_147_483_648.0));
        assert!(close("1e3", 1000.0));
        assert!(close("12", 12.0));
        assert!(quantity(&json!("many")).is_none());
    }

    #[test]
    fn what_exceeds_a_quota_is_told_with_numbers() {
        let sts = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a"},
            "spec": {"replicas": 1, "template": {"spec": {
                "containers": [{"resources": {"requests": {"cpu": "500m"}}}, {"resources": {"requests": {"cpu": "250m"}}}],
                "initContainers": [{"resources": {"requests": {"cpu": "600m"}}}]}}}});
        let mut added = Amounts::new();
        add(&mut added, &sts);
        add(&mut added, &sts);
        let quota = json!({"metadata": {"name": "q"}, "status": {
            "hard": {"requests.cpu": "2", "pods": "10"}, "used": {"requests.cpu": "900m", "pods": "1"}}});
        let found = exceeded("n", &quota, &added);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].message,
            "namespace \"n\": quota \"q\" allows 2 of requests.cpu, 0.9 are used and the chain needs 1.5 more"
        );
    }
}

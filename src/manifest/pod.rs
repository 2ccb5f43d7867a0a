//! The workload of one subject: what the host says under and over what plugins say.
//!
//! One pod at most, of its own account without a token, restricted, on claims of its own. Layers: the host's defaults,
//! what plugins say, the user's host keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bind::Plan;
use super::input::{HostKeys, Owner, Service, Shape, Subject};
use super::labels;
use super::mounts::{Write, write};
use super::object::{Object, fill_under, lay_over, list, map_at, set, text};
use super::problem::Problem;

/// What a workload is made of.
pub struct Making<'s, 'a> {
    /// The chain.
    pub shape: &'a Shape,
    /// `StatefulSet` or `Deployment`.
    pub kind: &'static str,
    /// Name of the workload.
    pub name: &'a str,
    /// Volumes, files and seeds.
    pub plan: &'s Plan<'a>,
    /// What plugins say about the pod template, merged.
    pub said: Value,
    /// Disruption group of the subject.
    pub group: Option<&'a str>,
    /// The plugins of this pod with their descriptors' part.
    pub services: Vec<&'a Service>,
}

/// The account and the workload.
pub fn make<'a>(making: Making<'_, 'a>, to: &mut Write<'_, 'a>) -> Vec<Object> {
    let Making {
        shape,
        kind,
        name,
        plan,
        said,
        group,
        services,
    } = making;
    let subject = plan.subject;
    let keys = to.keys;
    let mut template = said;
    for container in list(&template, &["spec", "containers"]) {
        if text(container, &["image"]).is_empty() {
            to.problems.push(Problem::Shape {
                subject: subject.id.clone(),
                why: format!(
                    "container {} of {name} has no image",
                    text(container, &["name"])
                ),
            });
        }
    }
    if list(&template, &["spec", "containers"]).is_empty() {
        to.problems.push(Problem::Shape {
            subject: subject.id.clone(),
            why: format!("no plugin renders a container for {name}"),
        });
    }
    let pod_labels = labels::pod(shape, subject, name, group);
    if let Some(map) = map_at(&mut template, &["metadata"]) {
        lay_over(map.entry("labels").or_insert(Value::Null), &pod_labels);
        for value in map
            .get("labels")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|l| l.values())
        {
            if let Err(why) = super::names::label_value(value.as_str().unwrap_or_default()) {
                to.problems.push(Problem::Shape {
                    subject: subject.id.clone(),
                    why,
                });
            }
        }
    }
    harden_pod(&mut template, Some(name));
    if let Some(spec) = template.get_mut("spec") {
        host_spec(shape, spec, keys);
        main_containers(spec, keys, &services);
    }
    write(plan, &mut template, to);
    if let Some(spec) = template.get_mut("spec") {
        pull_policy(spec, keys);
    }
    harden_containers(&mut template);

    let metadata = |name: &str| json!({"name": name, "namespace": subject.namespace});
    let replicas = u8::from(!keys.stopped);
    let mut spec = json!({
        "replicas": replicas,
        "selector": {"matchLabels": labels::selector(&shape.chain, name)},
        "template": template,
    });
    if kind == "StatefulSet" {
        set(&mut spec, &[], "podManagementPolicy", json!("Parallel"));
        set(
            &mut spec,
            &[],
            "serviceName",
            json!(service_name(subject, name)),
        );
    } else {
        set(&mut spec, &[], "strategy", json!({"type": "Recreate"}));
    }
    let object = |value| Object {
        cluster: subject.cluster.clone(),
        value,
    };
    vec![
        object(json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(name),
            "automountServiceAccountToken": false,
        })),
        object(
            json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata(name), "spec": spec}),
        ),
    ]
}

fn service_name<'a>(subject: &'a Subject, name: &'a str) -> &'a str {
    subject
        .endpoints
        .first()
        .map_or(name, |endpoint| &endpoint.service)
}

/// What every pod of the chain has unless a plugin says otherwise, and what the gate then asks a permission for.
pub fn harden_pod(template: &mut Value, account: Option<&str>) {
    let mut defaults = json!({"spec": {
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": {
            "fsGroup": 1000,
            "fsGroupChangePolicy": "OnRootMismatch",
            "runAsGroup": 1000,
            "runAsNonRoot": true,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 30,
    }});
    if let Some(account) = account {
        set(
            &mut defaults,
            &["spec"],
            "serviceAccountName",
            json!(account),
        );
    }
    if let Some(context) = template.pointer_mut("/spec/securityContext") {
        admit_root(context);
    }
    fill_under(template, defaults);
}

/// Who says root means it: the kubelet would refuse the pod for the default beside it. The gate asks the permission.
fn admit_root(context: &mut Value) {
    if context.get("runAsUser").is_some_and(|user| *user == 0) {
        fill_under(context, json!({"runAsNonRoot": false}));
    }
}

/// The same for each container. Of capabilities it is all or what the plugin says.
pub fn harden_containers(template: &mut Value) {
    for field in ["containers", "initContainers"] {
        for container in containers(template.get_mut("spec"), field) {
            if let Some(context) = container.get_mut("securityContext") {
                admit_root(context);
            }
            fill_under(
                container,
                json!({"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}),
            );
            // The API refuses the one with the other.
            if container.pointer("/securityContext/privileged") == Some(&Value::Bool(true)) {
                set(
                    container,
                    &["securityContext"],
                    "allowPrivilegeEscalation",
                    json!(true),
                );
            }
        }
    }
}

fn containers<'a>(spec: Option<&'a mut Value>, field: &str) -> impl Iterator<Item = &'a mut Value> {
    spec.and_then(|s| s.get_mut(field))
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn host_spec(shape: &Shape, spec: &mut Value, keys: &HostKeys) {
    lay_over(spec, &keys.placement);
    fill_under(
        spec,
        json!({"topologySpreadConstraints": [{
            "labelSelector": {"matchLabels": {labels::CHAIN: shape.chain}},
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
        }]}),
    );
    for name in &keys.pull_secrets {
        if list(spec, &["imagePullSecrets"])
            .iter()
            .any(|s| text(s, &["name"]) == name)
        {
            continue;
        }
        super::object::push(spec, &[], "imagePullSecrets", json!({"name": name}));
    }
}

fn pull_policy(spec: &mut Value, keys: &HostKeys) {
    let Some(policy) = &keys.pull_policy else {
        return;
    };
    for field in ["containers", "initContainers"] {
        for container in containers(Some(spec), field) {
            set(container, &[], "imagePullPolicy", json!(policy));
        }
    }
}

fn main_containers(spec: &mut Value, keys: &HostKeys, services: &[&Service]) {
    let mains: BTreeMap<&str, &Service> = services
        .iter()
        .filter_map(|s| Some((s.container.as_deref()?, *s)))
        .collect();
    for container in containers(Some(spec), "containers") {
        let Some(service) = mains.get(text(container, &["name"])) else {
            continue;
        };
        let Owner { role, instance, .. } = &service.owner;
        if !service.resources.is_null() {
            fill_under(container, json!({"resources": service.resources}));
        }
        let Some(role) = keys.roles.get(&(role.clone(), instance.clone())) else {
            continue;
        };
        if !role.resources.is_null() {
            lay_over(container, &json!({"resources": role.resources}));
        }
        if !role.security.is_null() {
            lay_over(container, &json!({"securityContext": role.security}));
        }
    }
}

/// The budget of a disruption group in each namespace where its subjects live.
pub fn budgets(
    shape: &Shape,
    group: &super::input::DisruptionGroup,
    homes: &[(&str, &str)],
) -> Vec<Object> {
    homes
        .iter()
        .map(|(cluster, namespace)| Object {
            cluster: (*cluster).to_owned(),
            value: json!({
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": format!("{}-{}", shape.chain, group.name), "namespace": namespace},
                "spec": {
                    "maxUnavailable": group.max_unavailable,
                    "selector": {"matchLabels": {labels::CHAIN: shape.chain, labels::GROUP: group.name}},
                    "unhealthyPodEvictionPolicy": "AlwaysAllow",
                },
            }),
        })
        .collect()
}

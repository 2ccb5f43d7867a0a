//! Fragments as JSON: read, placed, and refused where they say what only a binding may say.

use serde_json::Value;

use super::input::{Part, Subject};
use super::names::container_path;
use super::object::{display, get, list, text};
use super::problem::Problem;
use crate::plugin::contract::Place;

/// Names of volumes that the host makes begin so.
pub const HOST_PREFIX: &str = "chain-";

/// A part whose fragments are read.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// The part.
    pub part: &'a Part,
    /// Its subject.
    pub subject: &'a Subject,
    /// What it says about the subject's pod template.
    pub pod: Vec<Value>,
    /// Objects and parts of objects, with the cluster that it names.
    pub objects: Vec<(Option<&'a str>, Value)>,
    /// Containers that it renders into the pod.
    pub containers: Vec<String>,
}

impl<'a> Parsed<'a> {
    /// Reads all fragments of a part. `pod` is the workload as messages name it.
    pub fn new(part: &'a Part, subject: &'a Subject, problems: &mut Vec<Problem>) -> Self {
        let mut parsed = Self {
            part,
            subject,
            pod: Vec::new(),
            objects: Vec::new(),
            containers: Vec::new(),
        };
        for fragment in &part.rendered.fragments {
            let body: Value = match serde_json::from_str(&fragment.body) {
                Ok(body @ Value::Object(_)) => body,
                Ok(_) => {
                    problems.push(parsed.unusable(&subject.id, "it is not a map"));
                    continue;
                }
                Err(error) => {
                    problems
                        .push(parsed.unusable(&subject.id, &format!("it is not JSON: {error}")));
                    continue;
                }
            };
            match &fragment.place {
                Place::Pod => parsed.pod.push(body),
                Place::Object(cluster) => parsed.objects.push((cluster.as_deref(), body)),
            }
        }
        parsed.check_pod(problems);
        for index in 0..parsed.pod.len() {
            for field in ["containers", "initContainers"] {
                let names: Vec<String> = parsed.pod.get(index).map_or(Vec::new(), |pod| {
                    list(pod, &["spec", field])
                        .iter()
                        .map(|c| text(c, &["name"]).to_owned())
                        .collect()
                });
                parsed.containers.extend(names);
            }
        }
        parsed
    }

    /// The plugin.
    pub fn plugin(&self) -> &'a str {
        &self.part.owner.plugin
    }

    /// A problem with one fragment.
    pub fn unusable(&self, object: &str, why: &str) -> Problem {
        Problem::Fragment {
            object: object.to_owned(),
            plugin: self.part.owner.plugin.clone(),
            why: why.to_owned(),
        }
    }

    fn check_pod(&self, problems: &mut Vec<Problem>) {
        if self.pod.is_empty() {
            return;
        }
        let Some(workload) = self.subject.workload.as_deref() else {
            problems.push(self.unusable(&self.subject.id, "this subject has no workload"));
            return;
        };
        let object = workload_display(workload);
        let own: Vec<&str> = self
            .pod
            .iter()
            .flat_map(|pod| list(pod, &["spec", "volumes"]))
            .map(|volume| text(volume, &["name"]))
            .collect();
        for pod in &self.pod {
            for volume in list(pod, &["spec", "volumes"]) {
                self.check_volume(&object, volume, problems);
            }
            for field in ["containers", "initContainers"] {
                for container in list(pod, &["spec", field]) {
                    self.check_container(&object, field, container, &own, problems);
                }
            }
            let labels = get(pod, &["metadata", "labels"]).and_then(Value::as_object);
            for label in labels.into_iter().flat_map(|map| map.keys()) {
                if label.starts_with("chain.dev/") || label.starts_with("applyset.kubernetes.io/") {
                    let why = format!("metadata.labels: label {label} is the host's");
                    problems.push(self.unusable(&object, &why));
                }
            }
            for key in pod.as_object().into_iter().flat_map(|map| map.keys()) {
                if key != "spec" && key != "metadata" {
                    problems.push(self.unusable(
                        &object,
                        &format!("a pod fragment has metadata and spec only, not {key}"),
                    ));
                }
            }
        }
    }

    fn check_volume(&self, object: &str, volume: &Value, problems: &mut Vec<Problem>) {
        let name = text(volume, &["name"]);
        let path = format!("spec.volumes[{name}]");
        if name.starts_with(HOST_PREFIX) {
            problems.push(self.unusable(
                object,
                &format!("{path}: names with {HOST_PREFIX} are the host's"),
            ));
        }
        for (field, what) in [
            ("secret", "a Secret"),
            ("configMap", "a ConfigMap"),
            ("projected", "projected sources"),
            ("persistentVolumeClaim", "a claim"),
        ] {
            if volume.get(field).is_some() {
                problems.push(self.needs_binding(object, format!("{path}.{field}"), what));
            }
        }
    }

    fn check_container(
        &self,
        object: &str,
        field: &str,
        container: &Value,
        own: &[&str],
        problems: &mut Vec<Problem>,
    ) {
        let name = text(container, &["name"]);
        let path = format!("spec.{field}[{name}]");
        if name.starts_with(HOST_PREFIX) {
            problems.push(self.unusable(
                object,
                &format!("{path}: names with {HOST_PREFIX} are the host's"),
            ));
        }
        if container.get("envFrom").is_some() {
            problems.push(self.needs_binding(object, format!("{path}.envFrom"), "an object"));
        }
        for env in list(container, &["env"]) {
            for (key, what) in [
                ("secretKeyRef", "a Secret"),
                ("configMapKeyRef", "a ConfigMap"),
            ] {
                if get(env, &["valueFrom", key]).is_some() {
                    let at = format!("{path}.env[{}].valueFrom.{key}", text(env, &["name"]));
                    problems.push(self.needs_binding(object, at, what));
                }
            }
        }
        for mount in list(container, &["volumeMounts"]) {
            let volume = text(mount, &["name"]);
            let target = text(mount, &["mountPath"]);
            if let Err(why) = container_path(target)
                && target != "/dev/shm"
            {
                let at = format!("{path}.volumeMounts[{target}]: {why}");
                problems.push(self.unusable(object, &at));
            }
            if !own.contains(&volume) {
                let at = format!("{path}.volumeMounts[{}]", text(mount, &["mountPath"]));
                problems.push(self.needs_binding(
                    object,
                    at,
                    &format!("volume {volume}, which this plugin does not render"),
                ));
            }
        }
    }

    fn needs_binding(&self, object: &str, path: String, what: &str) -> Problem {
        Problem::NeedsBinding {
            object: object.to_owned(),
            path,
            plugin: self.part.owner.plugin.clone(),
            what: what.to_owned(),
        }
    }
}

/// `statefulset/NAME` as kind, name: `StatefulSet`, `NAME`.
pub fn workload(text: &str) -> Option<(&'static str, &str)> {
    match text.split_once('/') {
        Some(("statefulset", name)) => Some(("StatefulSet", name)),
        Some(("deployment", name)) => Some(("Deployment", name)),
        _ => None,
    }
}

/// A workload as messages name it.
pub fn workload_display(text: &str) -> String {
    workload(text).map_or_else(
        || text.to_owned(),
        |(kind, name)| display("apps/v1", kind, name),
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{node, part, pod};
    use super::*;
    use serde_json::json;

    fn said(body: Value) -> Vec<String> {
        let subject = node(0);
        let mut part = part("net", &subject.id);
        part.rendered.fragments.push(pod(&body));
        let mut problems = Vec::new();
        Parsed::new(&part, &subject, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_refers_to_other_objects_comes_from_bindings() {
        let said = said(json!({"spec": {
            "volumes": [
                {"name": "k", "secret": {"secretName": "x"}},
                {"name": "c", "configMap": {"name": "x"}},
                {"name": "p", "projected": {"sources": []}},
                {"name": "d", "persistentVolumeClaim": {"claimName": "x"}},
                {"name": "tmp", "emptyDir": {}}],
            "containers": [{"name": "net", "envFrom": [{"secretRef": {"name": "x"}}],
                "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}],
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "data", "mountPath": "/data"}]}]}}));
        assert_eq!(said.len(), 7, "{said:#?}");
        assert_eq!(
            said[0],
            "statefulset.apps/c-0: spec.volumes[k].secret: plugin net refers to a Secret in a raw fragment; use a binding instead"
        );
        assert!(said[6].contains(
            "spec.containers[net].volumeMounts[/data]: plugin net refers to volume data"
        ));
    }

    #[test]
    fn names_of_the_host_and_stray_fields_are_refused() {
        assert_eq!(
            said(json!({"spec": {"containers": [{"name": "chain-init"}]}})).len(),
            1
        );
        assert_eq!(said(json!({"containers": []})).len(), 1);
        let label = json!({"metadata": {"labels": {"chain.dev/workload": "other"}}});
        assert_eq!(said(label).len(), 1);
    }
}

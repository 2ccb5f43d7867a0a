//! The gate, seen from outside.

use serde_json::{Value, json};

use super::*;

#[test]
fn what_is_not_on_the_list_needs_a_permission_of_that_plugin() {
    let privileged = || {
        one(|p| {
            p.rendered.fragments.push(pod(&json!({"spec": {"hostNetwork": true, "containers": [{"name": "net", "securityContext": {"privileged": true}}]}})));
        })
    };
    let mut shape = shape(1);
    let problems = assemble(&shape, privileged()).unwrap_err();
    assert_eq!(
        problems.iter().map(Problem::to_string).collect::<Vec<_>>(),
        [
            "statefulset.apps/c-0: spec.template.spec.containers[net].securityContext.privileged: plugin net: a privileged container needs the permission privileged",
            "statefulset.apps/c-0: spec.template.spec.hostNetwork: plugin net: hostNetwork needs the permission hostNetwork",
        ]
    );
    assert_eq!(
        problems[1].hint().unwrap(),
        "kubectl chain plugin grant net hostNetwork"
    );
    // Granted to another plugin it helps nothing.
    let all: BTreeSet<String> = ["privileged", "hostNetwork"].map(str::to_owned).into();
    shape.granted.insert("vote".to_owned(), all.clone());
    assert_eq!(said(&shape, privileged()).len(), 2);
    shape.granted.insert("net".to_owned(), all);
    done(&shape, privileged());
}

#[test]
fn what_a_patch_adds_is_granted_to_patches() {
    let mut shape = shape(1);
    shape
        .granted
        .insert("net".to_owned(), ["hostNetwork".to_owned()].into());
    shape.patches.push(Patch {
        kind: "StatefulSet".to_owned(),
        name: "c-0".to_owned(),
        patch: json!({"spec": {"template": {"spec": {"hostNetwork": true}}}}),
    });
    let problems = assemble(&shape, parts(1)).unwrap_err();
    assert_eq!(
        problems[0].hint().unwrap(),
        "kubectl chain plugin grant patches hostNetwork"
    );
    shape
        .granted
        .insert("patches".to_owned(), ["hostNetwork".to_owned()].into());
    done(&shape, parts(1));
}

#[test]
fn an_identity_never_runs_twice_and_nothing_foreign_is_referred_to() {
    let patched = |patch: Value| {
        let mut shape = shape(1);
        shape.patches.push(Patch {
            kind: "StatefulSet".to_owned(),
            name: "c-0".to_owned(),
            patch,
        });
        said(&shape, parts(1))
    };
    assert_eq!(
        patched(json!({"spec": {"replicas": 2}})),
        [
            "statefulset.apps/c-0: spec.replicas: patches: running one identity twice is never allowed"
        ]
    );
    let spec = |spec: Value| patched(json!({"spec": {"template": {"spec": spec}}}));
    for (body, kind) in [
        (
            json!({"volumes": [{"name": "x", "secret": {"secretName": "chain-other-v1"}}]}),
            "Secret chain-other-v1",
        ),
        (
            json!({"volumes": [{"name": "x", "persistentVolumeClaim": {"claimName": "other-data"}}]}),
            "PersistentVolumeClaim other-data",
        ),
        (
            json!({"serviceAccountName": "admin"}),
            "ServiceAccount admin",
        ),
        (
            json!({"containers": [{"name": "net", "envFrom": [{"secretRef": {"name": "s"}}]}]}),
            "Secret s",
        ),
        (json!({"imagePullSecrets": [{"name": "s"}]}), "Secret s"),
    ] {
        let said = spec(body);
        assert!(
            said.len() == 1
                && said[0].contains(&format!("{kind}, which is not its own, is never allowed")),
            "{said:?}"
        );
    }
}

#[test]
fn names_and_namespaces_are_the_chains() {
    let with = |name: &str, namespace: &str| {
        said(
            &shape(1),
            one(|p| {
                p.rendered.fragments.push(object(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}})));
            }),
        )
    };
    assert_eq!(with("c-more", "ns"), Vec::<String>::new());
    assert_eq!(
        with("executor-c-0", "ns"),
        [
            "configmap/executor-c-0: metadata.name: plugin net: a name that does not begin with c- is never allowed"
        ]
    );
    // The head, a vault.
    for name in ["chain-c", "chain-c-node-0-v1"] {
        assert_eq!(with(name, "ns").len(), 1);
    }
    assert!(with("c-more", "kube-system")[0].contains(
        "namespace kube-system, in which no subject of the chain lives, is never allowed"
    ));
}

#[test]
fn a_workload_of_a_plugin_is_hardened_and_reaches_no_vault() {
    let with = |volume: Value| {
        let mut shape = shape(1);
        with_kept(&mut shape, "vote", "node/0", "key", vault("vote.key"));
        let parts = one(|p| {
            p.rendered.fragments.push(object(
                &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c-tool"}}),
            ));
            p.rendered.fragments.push(object(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "c-tool"},
                "spec": {"template": {"spec": {"volumes": [volume], "containers": [{"name": "a", "image": "b"}]}}}})));
        });
        assemble(&shape, parts)
    };
    let all = with(json!({"name": "m", "configMap": {"name": "c-tool"}})).unwrap();
    let tool = find(&all, "deployment.apps/c-tool");
    assert_eq!(
        tool["spec"]["template"]["spec"]["automountServiceAccountToken"],
        false
    );
    assert_eq!(
        container(tool, "a")["securityContext"]["allowPrivilegeEscalation"],
        false
    );
    assert_eq!(
        tool["spec"]["selector"]["matchLabels"]["chain.dev/chain"],
        "c"
    );
    let problems =
        with(json!({"name": "m", "secret": {"secretName": "chain-c-node-0-v1"}})).unwrap_err();
    assert!(
        problems[0]
            .to_string()
            .contains("Secret chain-c-node-0-v1, which is not its own"),
        "{problems:?}"
    );
}

#[test]
fn names_that_are_too_long_are_refused_before_the_cluster_accepts_them() {
    let mut shape = shape(0);
    let long = "c-".to_owned() + &"x".repeat(51);
    let mut subject = node(0);
    subject.workload = Some(format!("statefulset/{long}"));
    shape.subjects = vec![chain(), subject];
    assert!(said(&shape, parts(1))[0].contains("has 53 characters, at most 52 fit"));
}

#[test]
fn all_problems_are_found_in_one_run() {
    let parts = one(|p| {
        p.rendered
            .bindings
            .push(binding("net", "/proc/x", "net", "node/0", "own.toml"));
        p.rendered
            .bindings
            .push(binding("net", "/y", "net", "node/0", "nothing"));
        p.rendered
            .fragments
            .push(pod(&json!({"spec": {"hostPID": true}})));
    });
    assert_eq!(said(&shape(1), parts).len(), 3);
    assert_eq!(owner("net").plugin, "net");
}

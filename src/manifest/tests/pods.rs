//! Workloads, claims, Services, budgets: what the host makes and says over plugins.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_node_is_one_workload_with_its_account_claim_service_and_files() {
    let all = done(&shape(1), parts(1));
    let names: Vec<String> = names(&all)
        .into_iter()
        .map(|n| n.split("-files-").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "serviceaccount/c-0",
            "service/c-0",
            "configmap/c-0",
            "configmap/c",
            "persistentvolumeclaim/c-0-data",
            "statefulset.apps/c-0"
        ]
    );
    let set = find(&all, "statefulset.apps/c-0");
    let spec = &set["spec"];
    assert_eq!(spec["replicas"], 1);
    assert_eq!(spec["podManagementPolicy"], "Parallel");
    assert_eq!(spec["serviceName"], "c-0");
    assert_eq!(
        spec["selector"]["matchLabels"],
        json!({"chain.dev/chain": "c", "chain.dev/workload": "c-0"})
    );
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    assert_eq!(pod["serviceAccountName"], "c-0");
    assert_eq!(pod["terminationGracePeriodSeconds"], 30);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    for name in ["net", "vote", "chain-init"] {
        assert_eq!(
            container(set, name)["securityContext"],
            json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})
        );
    }
    assert_eq!(
        container(set, "chain-init")["image"],
        "registry.example/net:1"
    );
    assert_eq!(
        find(&all, "persistentvolumeclaim/c-0-data")["spec"]["resources"]["requests"]["storage"],
        "5Gi"
    );
    assert_eq!(
        find(&all, "service/c-0")["spec"]["selector"],
        json!({"chain.dev/chain": "c", "chain.dev/workload": "c-0"})
    );
}

#[test]
fn every_object_says_whose_it_is_and_no_selector_holds_it() {
    let all = done(&shape(2), parts(2));
    for object in &all.objects {
        let labels = &object.value["metadata"]["labels"];
        assert_eq!(
            labels["chain.dev/uid"],
            "6f1c1d6e-0000-4000-8000-000000000001"
        );
        assert!(
            labels["applyset.kubernetes.io/part-of"]
                .as_str()
                .unwrap()
                .starts_with("applyset-")
        );
        let spec = object.value["spec"].to_string();
        assert!(!spec.contains("applyset") && !spec.contains("chain.dev/uid"));
    }
}

#[test]
fn the_order_of_parts_never_matters() {
    let bytes = |all: Assembled| {
        all.objects
            .iter()
            .map(|o| o.value.to_string())
            .collect::<String>()
    };
    let straight = bytes(done(&shape(7), parts(7)));
    let mut seed = 12345_u64;
    for _ in 0..8 {
        let mut shuffled = parts(7);
        for at in (1..shuffled.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
        }
        assert_eq!(bytes(done(&shape(7), shuffled)), straight);
    }
}

#[test]
fn host_keys_win_over_plugins_and_patches_over_all() {
    let mut shape = shape(1);
    shape.keys.insert(
        "node/0".to_owned(),
        HostKeys {
            stopped: true,
            placement: json!({"nodeSelector": {"disk": "fast"}, "priorityClassName": "high"}),
            pull_secrets: vec!["regcred".to_owned()],
            pull_policy: Some("Always".to_owned()),
            roles: [(
                ("net".to_owned(), "net".to_owned()),
                RoleKeys {
                    resources: json!({"requests": {"cpu": "2"}}),
                    security: Value::Null,
                },
            )]
            .into(),
            ..HostKeys::default()
        },
    );
    shape.patches.push(Patch {
        kind: "StatefulSet".to_owned(),
        name: "*".to_owned(),
        patch: json!({"spec": {"template": {"spec": {"priorityClassName": "low", "containers": [{"name": "vote", "image": "mine"}]}}}}),
    });
    let parts = one(|p| {
        p.rendered.fragments.push(pod(&json!({"spec": {"containers": [{"name": "net", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}], "terminationGracePeriodSeconds": 5}})));
    });
    let all = done(&shape, parts);
    let set = find(&all, "statefulset.apps/c-0");
    let spec = &set["spec"]["template"]["spec"];
    assert_eq!(set["spec"]["replicas"], 0);
    assert_eq!(spec["nodeSelector"], json!({"disk": "fast"}));
    assert_eq!(spec["priorityClassName"], "low");
    assert_eq!(spec["terminationGracePeriodSeconds"], 5);
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "regcred"}]));
    assert_eq!(
        container(set, "net")["resources"],
        json!({"requests": {"cpu": "2", "memory": "1Gi"}})
    );
    assert_eq!(
        container(set, "vote")["resources"],
        json!({"requests": {"cpu": "100m"}})
    );
    assert_eq!(container(set, "vote")["image"], "mine");
    assert_eq!(container(set, "chain-init")["imagePullPolicy"], "Always");
}

#[test]
fn a_disruption_group_has_one_budget_over_all_its_workloads() {
    let mut shape = shape(3);
    shape.groups.push(DisruptionGroup {
        name: "voters".to_owned(),
        max_unavailable: json!(1),
        subjects: vec!["node/0".to_owned(), "node/1".to_owned()],
    });
    let all = done(&shape, parts(3));
    let budget = find(&all, "poddisruptionbudget.policy/c-voters");
    assert_eq!(
        budget["spec"]["selector"]["matchLabels"],
        json!({"chain.dev/chain": "c", "chain.dev/group": "voters"})
    );
    let group = |i| {
        find(&all, &format!("statefulset.apps/c-{i}"))["spec"]["template"]["metadata"]["labels"]["chain.dev/group"].clone()
    };
    assert_eq!((group(1), group(2)), (json!("voters"), Value::Null));
}

#[test]
fn services_that_a_plugin_marks_are_exposed_as_the_user_says() {
    let mut shape = shape(1);
    let expose = |kind: &str| HostKeys {
        expose: Expose {
            kind: Some(kind.to_owned()),
            annotations: [("lb".to_owned(), "token".to_owned())].into(),
            spec: json!({"externalTrafficPolicy": "Local"}),
        },
        ..HostKeys::default()
    };
    let parts = || {
        one(|p| {
            p.rendered
                .fragments
                .push(object(&json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "c-0-rpc", "annotations": {"chain.dev/expose": "rpc"}},
                "spec": {"type": "NodePort", "ports": [{"port": 50004, "nodePort": 30004}]}})));
        })
    };
    shape
        .keys
        .insert("node/0".to_owned(), expose("LoadBalancer"));
    let all = done(&shape, parts());
    let service = find(&all, "service/c-0-rpc");
    assert_eq!(
        (
            &service["spec"]["type"],
            &service["metadata"]["annotations"]["lb"]
        ),
        (&json!("LoadBalancer"), &json!("token"))
    );
    assert_eq!(find(&all, "service/c-0")["spec"]["type"], Value::Null);
    shape.keys.insert("node/0".to_owned(), expose("ClusterIP"));
    assert_eq!(
        find(&done(&shape, parts()), "service/c-0-rpc")["spec"]["ports"],
        json!([{"port": 50004}])
    );
}

#[test]
fn every_object_is_one_that_the_api_knows() {
    use k8s_openapi::api::{
        apps::v1 as apps, core::v1 as core, networking::v1 as networking, policy::v1 as policy,
    };
    fn there_and_back<T: serde::de::DeserializeOwned + serde::Serialize>(value: &Value) {
        let typed: T =
            serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{e}: {value:#}"));
        assert_eq!(serde_json::to_value(typed).unwrap(), *value);
    }
    let mut shape = shape(2);
    with_kept(&mut shape, "net", "node/0", "tree/a", vault("net.tree-a"));
    with_kept(
        &mut shape,
        "net",
        "node/0",
        "tree/b",
        KeptPlace::Public(b"b".to_vec()),
    );
    shape.groups.push(DisruptionGroup {
        name: "all".to_owned(),
        max_unavailable: json!("25%"),
        subjects: vec!["node/0".to_owned()],
    });
    let mut parts = parts(2);
    let net = parts.iter_mut().find(|p| p.owner.role == "net").unwrap();
    net.rendered.files.push(File {
        secret: true,
        content: Content::Bytes(vec![0xff]),
        ..file("password", "")
    });
    net.rendered.files.push(File {
        content: Content::Bytes(vec![0xff]),
        ..file("binary", "")
    });
    net.rendered.bindings.extend([
        binding("net", "/tree", "net", "node/0", "tree/"),
        volume("net", "/tmp", "tmp", ""),
        Binding {
            target: Target::Env("A".to_owned()),
            ..binding("net", "", "net", "node/0", "password")
        },
        Binding {
            delivery: Delivery::SeedOnce,
            ..binding("net", "/data/x", "net", "node/0", "binary")
        },
    ]);
    net.rendered.fragments.push(object(
        &json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "c-0"}, "spec": {"policyTypes": ["Ingress"]}}),
    ));
    let all = done(&shape, parts);
    for object in &all.objects {
        let value = &object.value;
        match object.kind() {
            "StatefulSet" => there_and_back::<apps::StatefulSet>(value),
            "ServiceAccount" => there_and_back::<core::ServiceAccount>(value),
            "Service" => there_and_back::<core::Service>(value),
            "ConfigMap" => there_and_back::<core::ConfigMap>(value),
            "Secret" => there_and_back::<core::Secret>(value),
            "PersistentVolumeClaim" => there_and_back::<core::PersistentVolumeClaim>(value),
            "NetworkPolicy" => there_and_back::<networking::NetworkPolicy>(value),
            "PodDisruptionBudget" => there_and_back::<policy::PodDisruptionBudget>(value),
            other => panic!("{other}"),
        }
    }
    assert_eq!(all.objects.len(), 14);
}

/// 1,000 nodes in 4 s for everything: this layer may have a part of it. Run by hand: `cargo test --release -- --ignored`.
#[test]
#[ignore = "measures time"]
fn a_thousand_nodes_take_less_than_a_second() {
    let mut all = parts(1000);
    for part in &mut all {
        if part.subject != "chain" {
            part.rendered
                .files
                .push(file("peers.json", &"peer\n".repeat(16_000)));
            let bind = binding(
                &part.owner.role,
                "/etc/peers.json",
                &part.owner.role,
                &part.subject,
                "peers.json",
            );
            part.rendered.bindings.push(bind);
        }
    }
    let shape = shape(1000);
    let start = std::time::Instant::now();
    let done = done(&shape, all);
    let assembled = start.elapsed();
    let secrets: Vec<[u8; 32]> = (0..3000_u32)
        .map(|i| {
            let mut key = [0x5a; 32];
            key[..4].copy_from_slice(&i.wrapping_mul(2_654_435_761).to_be_bytes());
            key
        })
        .collect();
    let scanner =
        crate::manifest::leak::Scanner::new(secrets.iter().map(|s| ("s".to_owned(), &s[..])));
    assert!(scanner.scan(&done.objects).is_empty());
    let scanned = start.elapsed();
    let text = crate::manifest::yaml::documents(&done.objects).unwrap();
    eprintln!(
        "{} objects, {} bytes: assembled after {assembled:?}, scanned after {scanned:?}, written after {:?}",
        done.objects.len(),
        text.len(),
        start.elapsed()
    );
    assert!(assembled.as_secs_f64() < 1.0);
}

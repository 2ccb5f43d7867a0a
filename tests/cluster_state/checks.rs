//! Rights, and what is found before the first write.

use super::*;

#[tokio::test]
async fn an_editor_of_one_namespace_can_do_all_of_it() {
    let admin = plane().namespace("editor").await;
    let connection = plane().user(&admin, "edward", "edit").await;
    let namespace = connection.namespace.clone();
    let namespaces = BTreeSet::from([namespace.clone()]);
    let objects = family(&connection, "c-0");
    let kinds: BTreeSet<(String, String)> = inventory(&connection, &objects)
        .into_iter()
        .map(|id| (id.group, id.kind))
        .collect();
    let checks = ClaimChecks {
        chain: "c",
        uid: UID,
        namespaces: &namespaces,
        kinds: &kinds,
        claims: &["port:30004".to_owned()],
        makes_vaults: true,
        reaches: &BTreeSet::from_iter(Right::each("", "pods/portforward", &["create"])),
    };
    assert_eq!(before_claim(&connection, &checks).await.unwrap(), vec![]);
    let state = namespace_state(&connection, &namespace).await.unwrap();
    assert!(matches!(state, NamespaceState::Exists { .. }));
    assert!(!ensure_namespace(&connection, &namespace).await.unwrap().1);

    let store = ClusterStore::new(&connection, "c", UID, &namespace);
    let HeadCreation::Created(version) = store.create_head(&head("c", UID)).await.unwrap() else {
        panic!("the name was free");
    };
    let _ = store
        .create_vault(
            Site::home(&namespace),
            "c-node-0-v1",
            &vault("node-0", b"KEY"),
        )
        .await
        .unwrap();
    let plan = plan(&objects, &[]);
    let findings = before_apply(
        &connection,
        &plan,
        &BTreeMap::from([(namespace.clone(), state)]),
    )
    .await
    .unwrap();
    assert_eq!(findings, vec![]);
    apply(&connection, &plan, &Quiet).await.unwrap();
    let inventory = inventory(&connection, &objects);
    wait_ready(
        &connection,
        "c",
        &inventory
            .iter()
            .filter(|id| id.group == "apps")
            .cloned()
            .collect::<Vec<_>>(),
        Duration::from_mins(1),
        |_| {},
    )
    .await
    .unwrap();
    let delete = DeletePlan {
        cluster: "",
        chain: "c",
        uid: UID,
        namespaces: &namespaces,
        inventory: &inventory,
        purge: true,
        timeout: Duration::from_mins(1),
    };
    delete_objects(&connection, &delete, &Quiet).await.unwrap();
    purge_records(&connection, "", "c", UID, &namespace, &Quiet)
        .await
        .unwrap();
    let _ = store.delete_head(&version).await.unwrap();
}

#[tokio::test]
async fn a_viewer_reads_the_head_and_is_told_the_role_he_lacks() {
    let admin = plane().namespace("viewer").await;
    let namespace = admin.namespace.clone();
    let _ = ClusterStore::new(&admin, "c", UID, &namespace)
        .create_head(&head("c", UID))
        .await
        .unwrap();
    let viewer = plane().user(&admin, "victor", "view").await;
    let store = ClusterStore::new(&viewer, "c", UID, &namespace);
    assert!(store.load_head().await.unwrap().is_some());

    let error = apply(
        &viewer,
        &plan(&[config_map(&viewer, "a", "1")], &[]),
        &Quiet,
    )
    .await
    .unwrap_err();
    let ClusterError::Forbidden(denial) = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (denial.verb.as_str(), denial.resource.as_str()),
        ("patch", "configmaps")
    );
    assert!(error.hint().unwrap().contains("kind: Role"));

    let namespaces = BTreeSet::from([namespace]);
    let kinds = BTreeSet::from([("apps".to_owned(), "StatefulSet".to_owned())]);
    let checks = ClaimChecks {
        chain: "c",
        uid: UID,
        namespaces: &namespaces,
        kinds: &kinds,
        claims: &[],
        makes_vaults: true,
        reaches: &BTreeSet::new(),
    };
    let findings = before_claim(&viewer, &checks).await.unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].severity, Severity::Error);
    assert!(
        findings[0].message.contains("create/get secrets")
            || findings[0].message.contains("secrets")
    );
    assert!(
        findings[0]
            .hint
            .as_ref()
            .unwrap()
            .contains("resources: [\"statefulsets\"]")
    );
}

#[tokio::test]
async fn what_the_server_would_only_show_later_is_found_before() {
    let enforce = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let connection = plane().namespace_with("checks", enforce).await;
    let namespace = connection.namespace.clone();
    let quotas = kind("", "ResourceQuota");
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"count/configmaps": "3"}}});
    connection
        .create(&quotas, &namespace, &quota)
        .await
        .unwrap();
    for _ in 0..100 {
        let live = get(&connection, "", "ResourceQuota", "q").await.unwrap();
        if live.pointer("/status/hard").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let service = |name: &str, port: i64| {
        object(
            &connection,
            "v1",
            "Service",
            name,
            json!({"spec": {"type": "NodePort",
            "ports": [{"port": 1, "nodePort": port}]}}),
        )
    };
    let mut objects: Vec<Value> = (0..4)
        .map(|n| config_map(&connection, &format!("m-{n}"), "1"))
        .collect();
    let mut lax = stateful_set(&connection, "c-0", "x/node:v1");
    lax["spec"]["template"]["spec"]["containers"][0]["securityContext"] = json!({});
    objects.push(lax);
    objects.push(service("s-0", 35_004));
    objects.push(service("s-1", 31_999));
    objects.push(service("s-2", 31_999));
    let mut typo = config_map(&connection, "typo", "1");
    typo["daat"] = json!({});
    objects.push(typo);
    let state = namespace_state(&connection, &namespace).await.unwrap();
    let findings = before_apply(
        &connection,
        &plan(&objects, &[]),
        &BTreeMap::from([(namespace.clone(), state)]),
    )
    .await
    .unwrap();
    let text = findings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    for wanted in [
        "container \"main\"",
        "quota \"q\"",
        "35004",
        "31999/TCP",
        "daat",
    ] {
        assert!(text.contains(wanted), "no {wanted} in:\n{text}");
    }

    // Another chain claims the same.
    let mut other = head("other", "another-uid");
    other.claims = vec!["enode-domain:x".into()];
    let store = ClusterStore::new(&connection, "other", "another-uid", &namespace);
    let _ = store.create_head(&other).await.unwrap();
    let namespaces = BTreeSet::from([namespace.clone()]);
    let checks = ClaimChecks {
        chain: "c",
        uid: UID,
        namespaces: &namespaces,
        kinds: &BTreeSet::new(),
        claims: &["enode-domain:x".to_owned()],
        makes_vaults: false,
        reaches: &BTreeSet::new(),
    };
    let findings = before_claim(&connection, &checks).await.unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].message.contains("\"other\""));
}

#[tokio::test]
async fn a_missing_namespace_is_made_once_and_without_labels() {
    let connection = plane().namespace("make").await;
    let name = format!("{}-b", connection.namespace);
    assert_eq!(
        namespace_state(&connection, &name).await.unwrap(),
        NamespaceState::Missing
    );
    let (state, made) = ensure_namespace(&connection, &name).await.unwrap();
    assert!(made);
    let NamespaceState::Exists { labels, .. } = state else {
        panic!("it was just made");
    };
    assert!(
        labels.keys().all(|k| k == "kubernetes.io/metadata.name"),
        "{labels:?}"
    );
    assert!(!ensure_namespace(&connection, &name).await.unwrap().1);
}

#[tokio::test]
async fn credentials_that_are_no_longer_good_are_said_so() {
    let admin = std::fs::read_to_string(&plane().kubeconfig).unwrap();
    // Another user of the same server, who has nothing but a token that the server does not know.
    let lines = admin.lines().filter(|line| {
        !["client-certificate", "client-key", "token:"]
            .iter()
            .any(|key| line.trim_start().trim_start_matches("- ").starts_with(key))
    });
    let folder = tempfile::tempdir().unwrap();
    let stripped = folder.path().join("config");
    std::fs::write(&stripped, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let mut flags = plane().flags("default");
    flags.kubeconfig = Some(stripped);
    flags.token = Some("expired".parse().unwrap());
    let connection = Connection::open(&flags).await.unwrap();
    let error = connection
        .get_path("/api/v1/namespaces/default/pods")
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClusterError::Unauthorized { .. }),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named() {
    let mut flags = plane().flags("default");
    flags.server = Some("https://127.0.0.1:1".into());
    let connection = Connection::open(&flags).await.unwrap();
    let error = connection.get_path("/version").await.unwrap_err();
    assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("https://127.0.0.1:1"), "{error}");

    let mut flags = plane().flags("default");
    flags.context = Some("nowhere".into());
    let error = Connection::open(&flags).await.unwrap_err();
    assert!(
        matches!(error, ClusterError::UnknownContext { .. }),
        "{error}"
    );
}

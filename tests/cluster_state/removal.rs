//! Prune and delete: what goes and what stays.

use super::*;

#[tokio::test]
async fn prune_takes_only_what_we_applied_and_had_listed() {
    let connection = plane().namespace("prune").await;
    let maps = kind("", "ConfigMap");
    let mut kept = config_map(&connection, "kept", "1");
    kept["metadata"]["annotations"] = json!({labels::KEEP: "true"});
    let claim = object(
        &connection,
        "v1",
        "PersistentVolumeClaim",
        "data",
        json!({"spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
    );
    let ours = vec![
        config_map(&connection, "stays", "1"),
        config_map(&connection, "goes", "1"),
        config_map(&connection, "unlisted", "1"),
        kept,
        claim,
    ];
    apply(&connection, &plan(&ours, &[]), &Quiet).await.unwrap();
    // A stranger copied our labels onto his own object.
    let stranger = config_map(&connection, "stranger", "1");
    connection
        .create(&maps, &connection.namespace, &stranger)
        .await
        .unwrap();

    let mut previous = inventory(&connection, &ours);
    previous.retain(|id| id.name != "unlisted");
    previous.extend(inventory(&connection, std::slice::from_ref(&stranger)));
    previous.extend(inventory(
        &connection,
        &[config_map(&connection, "long-gone", "1")],
    ));
    let current = inventory(&connection, &ours[..1]);
    let ear = Ear::default();
    let plan = PrunePlan {
        cluster: "",
        chain: "c",
        uid: UID,
        previous: &previous,
        current: &current,
    };
    assert_eq!(prune(&connection, &plan, &ear).await.unwrap(), 1);
    assert_eq!(ear.outcomes()["ConfigMap/goes"], Outcome::Pruned);
    assert_eq!(ear.outcomes()["ConfigMap/kept"], Outcome::Kept);
    assert_eq!(ear.outcomes()["PersistentVolumeClaim/data"], Outcome::Kept);
    for name in ["stays", "unlisted", "kept", "stranger"] {
        assert!(
            get(&connection, "", "ConfigMap", name).await.is_some(),
            "{name} is gone"
        );
    }
    assert!(get(&connection, "", "ConfigMap", "goes").await.is_none());
    assert!(
        get(&connection, "", "PersistentVolumeClaim", "data")
            .await
            .is_some()
    );

    let foreign = PrunePlan {
        uid: "another-chain",
        ..plan
    };
    assert_eq!(prune(&connection, &foreign, &Quiet).await.unwrap(), 0);
}

#[tokio::test]
async fn delete_keeps_volumes_and_vaults_and_purge_takes_all() {
    let connection = plane().namespace("delete").await;
    let namespace = connection.namespace.clone();
    let store = ClusterStore::new(&connection, "c", UID, &namespace);
    let _ = store.create_head(&head("c", UID)).await.unwrap();
    let _ = store
        .create_vault(
            Site::home(&namespace),
            "c-node-0-v1",
            &vault("node-0", b"KEY"),
        )
        .await
        .unwrap();
    store.write_public(&Public::default()).await.unwrap();
    let objects = family(&connection, "c-0");
    apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap();
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bystander"}});
    connection
        .create(&kind("", "ConfigMap"), &namespace, &other)
        .await
        .unwrap();

    let namespaces = BTreeSet::from([namespace.clone()]);
    let inventory = inventory(&connection, &objects);
    let mut plan = DeletePlan {
        cluster: "",
        chain: "c",
        uid: UID,
        namespaces: &namespaces,
        inventory: &inventory,
        purge: false,
        timeout: Duration::from_mins(1),
    };
    let ear = Ear::default();
    let deleted = delete_objects(&connection, &plan, &ear).await.unwrap();
    assert_eq!(deleted, objects.len() - 1, "{:?}", ear.outcomes());
    assert_eq!(ear.outcomes()["PersistentVolumeClaim/c-0"], Outcome::Kept);
    assert!(
        get(&connection, "apps", "StatefulSet", "c-0")
            .await
            .is_none()
    );
    assert!(get(&connection, "", "Pod", "c-0-0").await.is_none());
    assert!(
        get(&connection, "", "PersistentVolumeClaim", "c-0")
            .await
            .is_some()
    );
    assert!(
        get(&connection, "", "Secret", "c-node-0-v1")
            .await
            .is_some()
    );
    assert!(store.load_head().await.unwrap().is_some());
    assert_eq!(
        delete_objects(&connection, &plan, &Quiet).await.unwrap(),
        0,
        "twice is no fault"
    );

    plan.purge = true;
    assert_eq!(delete_objects(&connection, &plan, &Quiet).await.unwrap(), 1);
    let purged = purge_records(&connection, "", "c", UID, &namespace, &Quiet)
        .await
        .unwrap();
    assert_eq!(purged, 2);
    let stored = store.load_head().await.unwrap().unwrap();
    let _ = store.delete_head(&stored.version).await.unwrap();
    for (of, name) in [
        ("PersistentVolumeClaim", "c-0"),
        ("Secret", "c-node-0-v1"),
        ("ConfigMap", "chain-c"),
    ] {
        assert!(
            get(&connection, "", of, name).await.is_none(),
            "{of}/{name}"
        );
    }
    assert!(
        get(&connection, "", "ConfigMap", "bystander")
            .await
            .is_some()
    );
    assert_eq!(
        purge_records(&connection, "", "c", UID, &namespace, &Quiet)
            .await
            .unwrap(),
        0
    );
}

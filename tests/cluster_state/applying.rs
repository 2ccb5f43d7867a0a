//! Apply: what is created, changed, left alone, refused and waited for.

use super::*;

#[tokio::test]
async fn the_second_apply_writes_nothing_and_asks_for_nothing_but_secrets() {
    let connection = plane().namespace("apply").await;
    let objects = family(&connection, "c-0");
    let ear = Ear::default();
    let applied = apply(&connection, &plan(&objects, &[]), &ear)
        .await
        .unwrap();
    assert_eq!(applied.created, objects.len());
    assert!(
        ear.outcomes().values().all(|o| *o == Outcome::Created),
        "{:?}",
        ear.outcomes()
    );

    let mut before = BTreeMap::new();
    for object in &objects {
        let id = identify(object, "", &connection.namespace).unwrap();
        let live = get(&connection, &id.group, &id.kind, &id.name)
            .await
            .unwrap();
        assert!(
            is_unchanged(object, &live),
            "{} would be sent again:\n{live:#}",
            id.kind
        );
        if id.kind == "ConfigMap" || id.kind == "Secret" || id.kind == "Ingress" {
            before.insert(id.kind.clone(), version(&live));
        }
    }
    let ear = Ear::default();
    let applied = apply(&connection, &plan(&objects, &[]), &ear)
        .await
        .unwrap();
    assert_eq!(
        applied,
        Applied {
            unchanged: objects.len(),
            ..Applied::default()
        }
    );
    for (of, was) in before {
        let group = if of == "Ingress" {
            "networking.k8s.io"
        } else {
            ""
        };
        assert_eq!(
            version(&get(&connection, group, &of, "c-0").await.unwrap()),
            was,
            "{of}"
        );
    }
    assert_eq!(
        *ear.fences.lock().unwrap(),
        1,
        "only the wave with the Secret was not known to be unchanged"
    );
}

#[tokio::test]
async fn a_change_a_field_less_and_drift_by_hand_are_all_put_right() {
    let connection = plane().namespace("drift").await;
    let mut objects = vec![
        config_map(&connection, "a", "1"),
        config_map(&connection, "b", "1"),
    ];
    objects[0]["data"]["more"] = json!("x");
    apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap();

    objects[0]["data"] = json!({"key": "2"});
    let ear = Ear::default();
    apply(&connection, &plan(&objects, &[]), &ear)
        .await
        .unwrap();
    assert_eq!(ear.outcomes()["ConfigMap/a"], Outcome::Configured);
    assert_eq!(ear.outcomes()["ConfigMap/b"], Outcome::Unchanged);
    assert_eq!(
        get(&connection, "", "ConfigMap", "a").await.unwrap()["data"],
        json!({"key": "2"})
    );

    // Somebody edits by hand: his change is a conflict, not silently undone, and --force-conflicts takes it back.
    let maps = kind("", "ConfigMap");
    let mut live = get(&connection, "", "ConfigMap", "b").await.unwrap();
    live["data"]["key"] = json!("by hand");
    let hand = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": live["metadata"], "data": live["data"]});
    kubectl_replace(&connection, &maps, "b", &hand).await;
    let error = apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap_err();
    let ClusterError::FieldConflict { conflicts, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(conflicts[0].path, ".data.key");
    assert!(
        error.to_string().contains("conflict with \"editor\""),
        "{error}"
    );
    let mut forced = plan(&objects, &[]);
    forced.options.force_conflicts = true;
    apply(&connection, &forced, &Quiet).await.unwrap();
    assert_eq!(
        get(&connection, "", "ConfigMap", "b").await.unwrap()["data"]["key"],
        "1"
    );
}

/// A PUT as another manager.
async fn kubectl_replace(connection: &Connection, kind: &ApiKind, name: &str, object: &Value) {
    let request = http::Request::put(format!(
        "{}/{name}?fieldManager=editor",
        kind.path(&connection.namespace)
    ))
    .header("content-type", "application/json")
    .body(serde_json::to_vec(object).unwrap())
    .unwrap();
    connection.client.request::<Value>(request).await.unwrap();
}

#[tokio::test]
async fn a_strangers_object_is_refused_and_adopted_only_on_request() {
    let connection = plane().namespace("foreign").await;
    let maps = kind("", "ConfigMap");
    let stranger = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"theirs": "1"}});
    connection
        .create(&maps, &connection.namespace, &stranger)
        .await
        .unwrap();
    let objects = [
        config_map(&connection, "a", "1"),
        config_map(&connection, "b", "1"),
    ];

    let previews = preview(&connection, &plan(&objects, &[]), true)
        .await
        .unwrap();
    assert!(
        matches!(previews[0].result, Err(ClusterError::Foreign { .. })),
        "{previews:?}"
    );
    assert!(previews[1].result.is_ok());
    assert!(
        get(&connection, "", "ConfigMap", "b").await.is_none(),
        "a preview writes nothing"
    );

    let error = apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap_err();
    assert!(matches!(error, ClusterError::Foreign { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--adopt"));
    assert_eq!(
        get(&connection, "", "ConfigMap", "a").await.unwrap()["data"],
        json!({"theirs": "1"})
    );

    let mut adopting = plan(&objects, &[]);
    adopting.options.adopt = true;
    apply(&connection, &adopting, &Quiet).await.unwrap();
    assert_eq!(
        get(&connection, "", "ConfigMap", "a").await.unwrap()["data"],
        json!({"theirs": "1", "key": "1"})
    );
}

#[tokio::test]
async fn an_object_that_is_being_deleted_is_waited_for_and_made_anew() {
    let connection = plane().namespace("gone").await;
    let maps = kind("", "ConfigMap");
    let objects = [config_map(&connection, "a", "1")];
    apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap();
    let mut live = get(&connection, "", "ConfigMap", "a").await.unwrap();
    let uid = live["metadata"]["uid"].clone();
    live["metadata"]["finalizers"] = json!(["chain.dev/test"]);
    kubectl_replace(&connection, &maps, "a", &live).await;
    connection
        .delete(&maps, &connection.namespace, "a", &Preconditions::default())
        .await
        .unwrap();

    let mut short = plan(&objects, &[]);
    short.options.timeout = Duration::from_millis(300);
    let error = apply(&connection, &short, &Quiet).await.unwrap_err();
    assert!(error.to_string().contains("chain.dev/test"), "{error}");

    let ear = Ear::default();
    let plan = plan(&objects, &[]);
    let (applied, ()) = tokio::join!(apply(&connection, &plan, &ear), async {
        let waits = async {
            while ear.waited.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waits = tokio::time::timeout(Duration::from_secs(40), waits).await;
        waits.expect("nobody waits for the object");
        let mut live = get(&connection, "", "ConfigMap", "a").await.unwrap();
        live["metadata"]["finalizers"] = json!([]);
        kubectl_replace(&connection, &maps, "a", &live).await;
    });
    assert_eq!(applied.unwrap().created, 1);
    assert_eq!(ear.waited.lock().unwrap().len(), 1);
    let now = get(&connection, "", "ConfigMap", "a").await.unwrap();
    assert_ne!(now["metadata"]["uid"], uid);
    assert!(now["metadata"].get("deletionTimestamp").is_none());
}

#[tokio::test]
async fn a_typo_is_refused_with_its_field() {
    let connection = plane().namespace("strict").await;
    let mut wrong = config_map(&connection, "a", "1");
    wrong["dta"] = json!({});
    let error = apply(&connection, &plan(&[wrong], &[]), &Quiet)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("dta"), "{error}");
}

#[tokio::test]
async fn a_scale_by_hand_is_a_conflict_that_names_stop_and_start() {
    let connection = plane().namespace("scale").await;
    let objects = [stateful_set(&connection, "c-0", "x/node:v1")];
    apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap();
    let path = format!(
        "{}/c-0/scale?fieldManager=kubectl",
        kind("apps", "StatefulSet").path(&connection.namespace)
    );
    let body = json!({"spec": {"replicas": 2}}).to_string().into_bytes();
    let request = http::Request::patch(path)
        .header("content-type", "application/merge-patch+json")
        .body(body)
        .unwrap();
    connection.client.request::<Value>(request).await.unwrap();
    let error = apply(&connection, &plan(&objects, &[]), &Quiet)
        .await
        .unwrap_err();
    assert!(error.to_string().contains(".spec.replicas"), "{error}");
    assert!(error.hint().unwrap().contains("kubectl chain stop"));
}

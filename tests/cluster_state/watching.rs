//! Waiting for workloads, and why one is not ready.

use super::*;

#[tokio::test]
async fn waiting_ends_when_all_are_ready_and_says_why_not_otherwise() {
    let connection = plane().namespace("watch").await;
    let good = vec![
        stateful_set(&connection, "c-0", "x/node:v1"),
        stateful_set(&connection, "c-1", "x/node:v1"),
    ];
    let good_ids: Vec<ObjectId> = inventory(&connection, &good).into_iter().collect();
    let told = Mutex::new(Vec::new());
    let plan_good = plan(&good, &[]);
    let (waited, applied) = tokio::join!(
        wait_ready(&connection, "c", &good_ids, Duration::from_mins(1), |p| {
            told.lock().unwrap().push(p.clone());
        }),
        apply(&connection, &plan_good, &Quiet),
    );
    applied.unwrap();
    waited.unwrap();
    let told = told.into_inner().unwrap();
    assert!(
        told.iter().any(|p| !p.ready) && told.iter().filter(|p| p.ready).count() == 2,
        "{told:?}"
    );

    let mut bad = vec![
        stateful_set(&connection, "c-2", "x/nosuch:v1"),
        stateful_set(&connection, "c-3", "x/node:v1"),
    ];
    bad[1]["spec"]["template"]["spec"]["serviceAccountName"] = json!("nobody");
    apply(&connection, &plan(&bad, &[]), &Quiet).await.unwrap();
    let mut all = good_ids.clone();
    all.extend(inventory(&connection, &bad));
    let error = wait_ready(&connection, "c", &all, Duration::from_secs(6), |_| {})
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("2 of 4 workloads are not ready"), "{text}");
    assert!(
        text.contains("c-2: pod c-2-0: container") && text.contains("ImagePullBackOff"),
        "{text}"
    );
    assert!(
        text.contains("c-3: FailedCreate") && text.contains("nobody"),
        "{text}"
    );
    let looked = look(&connection, "c", &all).await.unwrap();
    assert_eq!(looked.iter().filter(|p| p.ready).count(), 2);

    let doomed = all[2..3].to_vec();
    let sets = kind("apps", "StatefulSet");
    let looking = tokio::sync::Notify::new();
    let (waited, ()) = tokio::join!(
        wait_ready(&connection, "c", &doomed, Duration::from_secs(30), |_| {
            looking.notify_one();
        }),
        async {
            let looks = tokio::time::timeout(Duration::from_secs(20), looking.notified()).await;
            looks.expect("nobody looks at it");
            connection
                .delete(
                    &sets,
                    &connection.namespace,
                    "c-2",
                    &Preconditions::default(),
                )
                .await
                .unwrap();
        },
    );
    assert!(
        matches!(waited, Err(ClusterError::Gone { .. })),
        "{waited:?}"
    );
}

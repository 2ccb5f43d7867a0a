//! Updates that restart pods, one member of a group after the other.

use super::*;

#[tokio::test]
async fn updates_of_a_group_go_one_by_one_and_stop_when_one_stays_down() {
    let connection = plane().namespace("group").await;
    let names = ["c-0", "c-1", "c-2"];
    let of = |image: &str| {
        names
            .iter()
            .map(|n| stateful_set(&connection, n, image))
            .collect::<Vec<_>>()
    };
    let v1 = of("x/node:v1");
    let members: Vec<ObjectId> = inventory(&connection, &v1).into_iter().collect();
    let groups = [DisruptionGroup {
        name: "validators".into(),
        max_unavailable: 1,
        members: members.clone(),
    }];
    apply(&connection, &plan(&v1, &groups), &Quiet)
        .await
        .unwrap();
    wait_ready(&connection, "c", &members, Duration::from_mins(1), |_| {})
        .await
        .unwrap();

    // Watch from outside how many are down at once.
    let v2 = of("x/node:v2");
    let watcher = {
        let connection = connection.clone();
        tokio::spawn(async move {
            let mut most = 0;
            loop {
                let sets = connection
                    .list(
                        &kind("apps", "StatefulSet"),
                        &connection.namespace,
                        ListQuery::default(),
                    )
                    .await
                    .unwrap();
                let down = sets.iter().filter(|s| !readiness(s).ready).count();
                most = most.max(down);
                let done = sets.iter().all(|s| {
                    s.pointer("/spec/template/spec/containers/0/image") == Some(&json!("x/node:v2"))
                });
                if done && down == 0 {
                    return most;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    let ear = Ear {
        last: vec!["c-0".to_owned()],
        ..Ear::default()
    };
    let applied = apply(&connection, &plan(&v2, &groups), &ear).await.unwrap();
    assert_eq!(applied.configured, 3);
    assert_eq!(watcher.await.unwrap(), 1);
    assert_eq!(*ear.gated.lock().unwrap(), ["c-1", "c-2", "c-0"]);

    // A run that ended between a restart and its gate leaves the gate to the next, before anybody else is touched; and
    // whoever owes it and is changed once more goes first.
    let mut mixed = of("x/node:v2");
    mixed[0] = of("x/node:v4").remove(0);
    mixed[2] = of("x/node:v4").remove(2);
    let ear = Ear {
        owing: vec!["c-1".to_owned(), "c-2".to_owned()],
        ..Ear::default()
    };
    apply(&connection, &plan(&mixed, &groups), &ear)
        .await
        .unwrap();
    assert_eq!(*ear.gated.lock().unwrap(), ["c-1", "c-2", "c-0"]);
    apply(&connection, &plan(&v2, &groups), &Quiet)
        .await
        .unwrap();

    // A version that never gets ready stops after the first member.
    let v3 = of("x/neverready:v3");
    let mut stopping = plan(&v3, &groups);
    stopping.options.timeout = Duration::from_secs(4);
    let ear = Ear::default();
    let error = apply(&connection, &stopping, &ear).await.unwrap_err();
    assert!(
        matches!(error, ClusterError::GroupStopped { .. }),
        "{error}"
    );
    assert_eq!(ear.outcomes().len(), 1, "{:?}", ear.outcomes());
    assert!(ear.gated.lock().unwrap().is_empty());

    // The way back heals the one that is down, and touches no other.
    let ear = Ear::default();
    apply(&connection, &plan(&v2, &groups), &ear).await.unwrap();
    let configured = ear
        .outcomes()
        .values()
        .filter(|o| **o == Outcome::Configured)
        .count();
    assert_eq!(configured, 1);
}

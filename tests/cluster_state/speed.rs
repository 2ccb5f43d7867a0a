//! How long four hundred objects take.

use super::*;

/// Not a test but a measurement: `cargo test --release --test cluster_state -- --ignored --nocapture speed`.
#[tokio::test]
#[ignore = "a measurement"]
async fn speed() {
    let connection = plane().namespace("speed").await;
    let objects: Vec<Value> = (0..400)
        .map(|n| match n % 4 {
            0 => config_map(&connection, &format!("o-{n}"), "1"),
            1 => object(
                &connection,
                "v1",
                "ServiceAccount",
                &format!("o-{n}"),
                json!({}),
            ),
            2 => object(
                &connection,
                "v1",
                "Service",
                &format!("o-{n}"),
                json!({"spec": {
                "selector": {"node": "x"}, "ports": [{"name": "p", "port": 1}]}}),
            ),
            _ => {
                let mut set = stateful_set(&connection, &format!("o-{n}"), "x/node:v1");
                set["spec"]["replicas"] = json!(0);
                set
            }
        })
        .collect();
    if let Ok(path) = std::env::var("SPEED_DUMP") {
        // For `kubectl apply --server-side -f` into the namespace `kubectl`.
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        std::fs::write(path, list.replace(&connection.namespace, "kubectl")).unwrap();
    }
    let concurrency = std::env::var("SPEED_CONCURRENCY")
        .ok()
        .and_then(|c| c.parse().ok())
        .unwrap_or(32);
    for round in ["first", "second", "third"] {
        let begun = std::time::Instant::now();
        let mut plan = plan(&objects, &[]);
        plan.options.concurrency = concurrency;
        let applied = apply(&connection, &plan, &Quiet).await.unwrap();
        eprintln!("{round}: {applied:?} in {:?}", begun.elapsed());
    }
}

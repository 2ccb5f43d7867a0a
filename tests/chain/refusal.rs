//! Bad input that only a cluster shows: one clear message, exit 1, and nothing half-applied.

use serde_json::json;

use super::*;

async fn put(connection: &Connection, group: &str, kind: &str, object: Value) {
    let kind = ApiKind::known(group, kind).unwrap();
    connection
        .create(&kind, &connection.namespace, &object)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_refused_and_adopted_when_asked() {
    let admin = plane().namespace("foreign").await;
    let tool = Tool::new(&admin.namespace);
    let object = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "mine-0", "namespace": admin.namespace}});
    put(&admin, "", "ServiceAccount", object).await;
    let said = tool.fails("create mine --nodes 1 --expose-type ClusterIP", 1);
    assert!(
        said.contains("mine-0") && said.contains("--adopt"),
        "{said}"
    );
    tool.run("create mine --nodes 1 --expose-type ClusterIP --adopt --wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_enforces_restricted_takes_the_chain() {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let admin = plane().namespace_with("restricted", labels).await;
    let tool = Tool::new(&admin.namespace);
    tool.run("create tight --nodes 1 --expose-type ClusterIP --wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_quota_is_told_before_the_first_write() {
    let admin = plane().namespace("quota").await;
    let tool = Tool::new(&admin.namespace);
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": admin.namespace},
        "spec": {"hard": {"persistentvolumeclaims": "1"}}});
    let client = &admin.client;
    let api: kube::Api<k8s_openapi::api::core::v1::ResourceQuota> =
        kube::Api::namespaced(client.clone(), &admin.namespace);
    api.create(
        &kube::api::PostParams::default(),
        &serde_json::from_value(quota).unwrap(),
    )
    .await
    .unwrap();
    for _ in 0..100 {
        let there = api.get("small").await.unwrap();
        if there.status.and_then(|it| it.hard).is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let said = tool.fails("create big --nodes 3 --expose-type ClusterIP", 1);
    assert!(
        said.contains("quota") && said.contains("persistentvolumeclaims"),
        "{said}"
    );
    assert!(
        crash::vaults(&admin).await.is_empty(),
        "keys were written although nothing can be applied"
    );
    tool.run("create big --nodes 1 --expose-type ClusterIP --wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_port_that_is_taken_is_told_before_the_first_write() {
    let admin = plane().namespace("ports").await;
    let tool = Tool::new(&admin.namespace);
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "other", "namespace": admin.namespace},
        "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80, "nodePort": 31_504}]}});
    put(&admin, "", "Service", service).await;
    let said = tool.fails(
        "create taken --nodes 1 --expose-type NodePort --expose-port 31504",
        1,
    );
    assert!(said.contains("31504"), "{said}");
    let said = tool.fails(
        "create taken --nodes 1 --expose-type NodePort --expose-port 29999",
        1,
    );
    assert!(said.contains("29999") || said.contains("30000"), "{said}");
    assert!(crash::vaults(&admin).await.is_empty());
}

#[test]
fn no_cluster_and_no_context_are_told() {
    let tool = Tool::new("default");
    let mut command = tool.command("get");
    let output = command
        .env("KUBECONFIG", tool.path("none"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).starts_with("error: "),
        "{}",
        text(&output.stderr)
    );
    let said = tool.fails("get --context nowhere", 1);
    assert!(
        said.contains("nowhere") && said.contains("chain-test"),
        "{said}"
    );
    let said = tool.fails("get --server https://127.0.0.1:1", 1);
    assert!(said.contains("127.0.0.1:1"), "{said}");
}

//! Create, look, change, delete, revive, purge.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_created_watched_changed_deleted_revived_and_purged() {
    let admin = plane().namespace("life").await;
    let tool = Tool::new(&admin.namespace);
    let options = "--expose-type ClusterIP";

    let said = tool.run(&format!("create life --nodes 2 {options} --wait"));
    assert!(said.contains("statefulset.apps/life-0 created"), "{said}");
    let status = tool.run("status life");
    assert!(status.contains("2/2 nodes ready"), "{status}");
    assert!(
        status.lines().all(|line| line.len() <= 80),
        "a table that wraps:\n{status}"
    );
    assert!(tool.run("get").contains("life"));

    // A second run writes nothing at all, not even the head.
    let version =
        |it: &BTreeMap<String, Value>| it["chain-life"]["metadata"]["resourceVersion"].clone();
    let before = version(&of_chain(&admin, "", "ConfigMap").await);
    let said = tool.run(&format!("apply life --nodes 2 {options}"));
    assert!(
        said.lines().all(|line| line.ends_with(" unchanged")),
        "{said}"
    );
    assert_eq!(before, version(&of_chain(&admin, "", "ConfigMap").await));

    // A node more: no pod of the others is restarted, no vault of theirs is written.
    let pods = uids(&admin, "", "Pod").await;
    let vaults = uids(&admin, "", "Secret").await;
    // What no flag says stays as it is.
    tool.run("apply life --nodes 3 --wait");
    let said = tool.run(&format!("apply life --nodes 3 {options}"));
    assert!(
        said.lines().all(|line| line.ends_with(" unchanged")),
        "{said}"
    );
    let grown = uids(&admin, "", "Pod").await;
    assert!(pods.iter().all(|(name, uid)| grown.get(name) == Some(uid)));
    assert_eq!(grown.len(), 3);
    let all = uids(&admin, "", "Secret").await;
    assert!(vaults.iter().all(|(name, uid)| all.get(name) == Some(uid)));

    // A node less: its objects go, its volume and its vault stay; wanted again, it is the same node.
    let said = tool.run(&format!("apply life --nodes 2 {options}"));
    assert!(said.contains("statefulset.apps/life-2 pruned"), "{said}");
    assert_eq!(uids(&admin, "", "Secret").await, all);
    assert!(
        of_chain(&admin, "", "PersistentVolumeClaim")
            .await
            .contains_key("life-2-data")
    );
    tool.run(&format!("apply life --nodes 3 {options} --wait"));
    assert_eq!(uids(&admin, "", "Secret").await, all);

    // Deleted, it leaves keys and volumes, and a tombstone that only `create` revives.
    assert!(tool.fails("delete life", 1).contains("pass -y"));
    tool.run("delete life -y");
    assert!(of_chain(&admin, "apps", "StatefulSet").await.is_empty());
    assert_eq!(uids(&admin, "", "Secret").await, all);
    assert!(tool.run("get").contains("tombstone"));
    assert!(
        tool.fails(&format!("apply life --nodes 3 {options}"), 1)
            .contains("revives it")
    );
    tool.run(&format!("create life --nodes 3 {options} --wait"));
    assert_eq!(uids(&admin, "", "Secret").await, all);

    tool.run("delete life -y --purge");
    for (group, kind) in [
        ("", "Secret"),
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("apps", "StatefulSet"),
    ] {
        let left = of_chain(&admin, group, kind).await;
        assert!(
            left.values()
                .all(|it| it["metadata"]["deletionTimestamp"].is_string()),
            "{kind}: {left:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_is_accepted_by_kubectl_without_a_warning() {
    let admin = plane().namespace("strict").await;
    let tool = Tool::new(&admin.namespace);
    let manifest = tool.run("create strict --nodes 4 --dry-run=client -o yaml");
    let bin = std::process::Command::new("tests/controlplane/build")
        .output()
        .unwrap();
    let kubectl = PathBuf::from(text(&bin.stdout).trim()).join("kubectl");
    let output = Command::new(kubectl)
        .args([
            "apply",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
            "-n",
            &admin.namespace,
        ])
        .env("KUBECONFIG", &plane().kubeconfig)
        .write_stdin(manifest)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    assert!(text(&output.stdout).contains("statefulset.apps/strict-3 created (server dry run)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_found_by_its_name_and_its_log_is_printed() {
    let admin = plane().namespace("logs").await;
    let tool = Tool::new(&admin.namespace);
    tool.run("create logs --nodes 1 --expose-type ClusterIP --wait");
    assert!(tool.run("logs node0").contains("controller"));
    assert!(tool.run("logs node0 -c consensus").contains("consensus"));
    let said = tool.fails("logs node7", 1);
    assert!(said.contains("node0"), "{said}");
    tool.run("create other --nodes 1 --expose-type ClusterIP --wait");
    assert!(tool.fails("logs node0", 1).contains("--chain"));
    assert!(tool.run("logs node0 --chain other").contains("controller"));
}

//! A node more, a node less: what is there already stays as it is, to the byte.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Operator;
use super::plane::plane;

/// Everything of an object but what a server counts.
fn content(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("resourceVersion");
    metadata.remove("managedFields");
    metadata.remove("generation");
    object.as_object_mut().unwrap().remove("status");
    object
}

async fn all(operator: &Operator) -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for (group, kind) in [
        ("", "ConfigMap"),
        ("", "Secret"),
        ("", "Service"),
        ("", "PersistentVolumeClaim"),
        ("apps", "StatefulSet"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("policy", "PodDisruptionBudget"),
    ] {
        for (name, object) in operator.of_chain(group, kind).await {
            let record = object.pointer("/metadata/labels/chain.dev~1record");
            if record.is_none_or(|record| record == "vault") {
                all.insert((kind.to_owned(), name), content(&object));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_more_changes_nothing_but_the_lists_that_name_peers() {
    let one = Operator::new(plane(), "grow").await;
    let flags = "grow --stack quorum --consensus istanbul --privacy tessera";
    one.run(&format!("create {flags} --nodes 3 --wait"));
    let genesis = one.file("genesis.json").await;
    let before = all(&one).await;
    let pods = one.of_chain("", "Pod").await;

    let shown = one.run(&format!("apply {flags} --nodes 4 --dry-run=server"));
    assert!(shown.contains("created (server dry run)"), "{shown}");
    let (code, out, told) = one.output(&format!("apply {flags} --nodes 4 --wait"));
    assert_eq!(code, Some(0), "{out}\n{told}");
    for line in ["plan: new: node/node3\n", " 0 gone, "] {
        assert!(told.contains(line), "{told}");
    }
    let after = all(&one).await;
    let changed: Vec<&(String, String)> = before
        .iter()
        .filter(|(id, object)| after.get(*id) != Some(object))
        .map(|(id, _)| id)
        .collect();
    for (kind, name) in &changed {
        let known = &after[&((*kind).clone(), (*name).clone())];
        let text = known["data"].to_string() + &known["spec"]["maxUnavailable"].to_string();
        assert!(
            text.contains("enode://") || text.contains("9001") || kind == "PodDisruptionBudget",
            "{kind}/{name} changed: {known}"
        );
    }
    assert_eq!(one.file("genesis.json").await, genesis);
    let grown = one.of_chain("", "Pod").await;
    let uid = |pod: &Value| pod["metadata"]["uid"].clone();
    assert!(pods.iter().all(|(name, pod)| uid(&grown[name]) == uid(pod)));
    assert!(one.file("permissioned-nodes.json").await.contains("node3"));

    // What only the genesis reads cannot change, and says so.
    let said = one.fails(&format!("apply {flags} --nodes 4 --client-chain-id 77"));
    assert!(
        said.contains("chainId") && said.contains("cannot become"),
        "{said}"
    );

    // A node less: its objects go, its vault and its volume stay.
    let said = one.run(&format!("apply {flags} --nodes 3"));
    assert!(said.contains("pruned"), "{said}");
    let less = all(&one).await;
    let kept = |kind: &str| less.keys().filter(|(it, _)| it == kind).count();
    assert_eq!(kept("StatefulSet"), 3);
    assert_eq!(kept("PersistentVolumeClaim"), 4);
    assert_eq!(
        less.keys()
            .filter(|(kind, name)| kind == "Secret" && name.contains("node3"))
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_stopped_stays_so_until_it_is_started() {
    let one = Operator::new(plane(), "stopped").await;
    let flags = "--stack quorum --consensus istanbul";
    one.run(&format!("create halts {flags} --nodes 3"));
    let replicas = async |name: &str| {
        let sets = one.of_chain("apps", "StatefulSet").await;
        sets[name]["spec"]["replicas"].as_u64().unwrap()
    };
    let changed = one.run("stop node1");
    let changed: Vec<&str> = changed
        .lines()
        .filter(|line| !line.ends_with(" unchanged"))
        .collect();
    assert_eq!(changed, ["statefulset.apps/halts-node1 configured"]);
    assert_eq!(replicas("halts-node1").await, 0);
    assert_eq!(replicas("halts-node0").await, 1);
    assert!(one.run("stop node1").contains("stopped before"));
    // Who adds a node does not start another by the way.
    one.run(&format!("apply halts {flags} --nodes 4"));
    assert_eq!(replicas("halts-node1").await, 0);
    assert_eq!(replicas("halts-node3").await, 1);
    assert!(one.fails("stop node9").contains("did you mean"));
    one.run("stop --all");
    assert_eq!(replicas("halts-node0").await, 0);
    assert!(one.run("status halts").contains("Stopped"));
    // One of a chain that is stopped as a whole.
    one.run("start node2");
    assert_eq!(replicas("halts-node2").await, 1);
    assert_eq!(replicas("halts-node0").await, 0);
    one.run("start --all");
    for node in 0..4 {
        assert_eq!(replicas(&format!("halts-node{node}")).await, 1);
    }
    // The file has the last word.
    one.receive(
        "chain.yaml",
        "metadata: {name: halts}\nspec: {stack: quorum, nodes: 4, stopped: [node0], services: {consensus: istanbul}}\n",
    );
    one.run("apply -f chain.yaml");
    assert_eq!(replicas("halts-node0").await, 0);
    one.receive(
        "bad.yaml",
        "metadata: {name: halts}\nspec: {stack: quorum, nodes: 4, stopped: [node7], services: {consensus: istanbul}}\n",
    );
    let said = one.fails("apply -f bad.yaml");
    assert!(
        said.contains("spec.stopped") && said.contains("did you mean"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_id_belongs_to_one_chain_of_a_namespace() {
    let one = Operator::new(plane(), "ids").await;
    let flags = "--stack quorum --nodes 1 --client-chain-id";
    one.run(&format!("create first {flags} 77"));
    let said = one.fails(&format!("create second {flags} 77"));
    assert!(
        said.contains("first") && said.contains("quorum-chain-id/77"),
        "{said}"
    );
    one.run(&format!("create second {flags} 78"));
}

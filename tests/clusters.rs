//! One chain in two clusters of one kubeconfig, by one file, on two real control planes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::doc_markdown,
    clippy::panic
)]

#[path = "support/operator.rs"]
mod operator;
#[path = "support/plane.rs"]
mod plane;

use serde_json::{Value, json};

use operator::Operator;
use plane::{Plane, plane, second_plane};

/// Both sides of a chain: the home with a kubeconfig that leads to both, and what is in the other.
struct Two {
    chain: String,
    home: Operator,
    west: Operator,
}

impl Two {
    async fn new(second: &Plane, test: &str) -> Self {
        let home = Operator::new(plane(), test).await.reaching("west", second);
        let west = Operator::new(second, test).await;
        Self {
            chain: test.to_owned(),
            home,
            west,
        }
    }

    /// The file of a chain of nodes, each in a cluster.
    fn file(&self, nodes: &[(&str, Option<&str>)], expose: &Value) {
        let of_stack = json!({"stack": "quorum", "services": {"consensus": "qbft"}});
        self.file_of(of_stack, nodes, expose);
    }

    /// The same of any stack.
    fn file_of(&self, mut spec: Value, nodes: &[(&str, Option<&str>)], expose: &Value) {
        let nodes: Vec<Value> = nodes
            .iter()
            .map(|(name, cluster)| json!({"name": name, "cluster": cluster}))
            .collect();
        spec["nodes"] = json!(nodes);
        spec["expose"] = expose.clone();
        spec["clusters"] = json!({"west": {
            "context": "west", "namespace": self.west.admin.namespace, "host": "west.example"}});
        let chain = json!({
            "apiVersion": "chain.dev/v1alpha1", "kind": "Chain",
            "metadata": {"name": self.chain}, "spec": spec,
        });
        self.home.receive("chain.yaml", &chain.to_string());
    }

    async fn peers_of(&self, of: &Operator) -> String {
        of.file("permissioned-nodes.json").await
    }
}

async fn node_port(of: &Operator, service: &str, port: &str) -> u64 {
    let services = of.of_chain("", "Service").await;
    let ports = services[service]["spec"]["ports"].as_array().unwrap();
    let found = ports.iter().find(|it| it["name"] == port).unwrap();
    found["nodePort"].as_u64().unwrap()
}

async fn names(of: &Operator, group: &str, kind: &str) -> Vec<String> {
    of.of_chain(group, kind).await.into_keys().collect()
}

const NODE_PORT: fn() -> Value = || json!({"type": "NodePort"});

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_lives_in_two_clusters_by_one_file() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    let two = Two::new(second, "wide").await;
    let (home, west) = (&two.home, &two.west);
    two.file(&[("a", None), ("b", Some("west"))], &NODE_PORT());

    // On paper nobody knows which ports the servers will assign.
    let said = home.fails("create -f chain.yaml --dry-run=client");
    assert!(said.contains("host"), "{said}");
    let told = home.run("create -f chain.yaml --dry-run=server");
    assert!(
        told.contains("statefulset.apps/wide-b created in west (server dry run)"),
        "{told}"
    );
    assert_eq!(names(west, "", "Service").await, [""; 0]);

    home.run("create -f chain.yaml --wait");
    assert_eq!(names(home, "apps", "StatefulSet").await, ["wide-a"]);
    assert_eq!(names(west, "apps", "StatefulSet").await, ["wide-b"]);
    // Keys are where their nodes are, and nowhere else.
    let vaults = |all: Vec<String>| -> Vec<String> {
        let own = all
            .into_iter()
            .filter(|it| it.starts_with("wide-vault-node-"));
        own.collect()
    };
    let (here, there) = (
        vaults(names(home, "", "Secret").await),
        vaults(names(west, "", "Secret").await),
    );
    let of = |all: &[String], node: &str| {
        let prefix = format!("wide-vault-node-{node}-");
        !all.is_empty() && all.iter().all(|it| it.starts_with(&prefix))
    };
    assert!(of(&here, "a") && of(&there, "b"), "{here:?} {there:?}");
    // Each knows the other by the port that the other's server assigned.
    let port = node_port(west, "wide-b-outside", "p2p").await;
    let list = two.peers_of(home).await;
    assert!(list.contains(&format!("@west.example:{port}?")), "{list}");
    assert_eq!(list, two.peers_of(west).await);
    assert_eq!(
        home.file("genesis.json").await,
        west.file("genesis.json").await
    );
    for side in [home, west] {
        assert_eq!(
            names(side, "networking.k8s.io", "NetworkPolicy").await,
            ["wide-nodes"]
        );
        let sets = side.of_chain("apps", "StatefulSet").await;
        let (_, set) = sets.first_key_value().unwrap();
        let marked = &set["metadata"]["annotations"]["chain.dev/cluster"];
        assert_eq!(
            marked.as_str(),
            (side.kubeconfig == west.kubeconfig).then_some("west")
        );
    }

    let again = home.run("apply -f chain.yaml");
    assert!(
        again.lines().all(|line| line.contains(" unchanged")),
        "{again}"
    );
    let shown = home.run("status wide");
    assert!(shown.contains("2/2 nodes ready"), "{shown}");
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with('b') && line.contains("west")),
        "{shown}"
    );
    home.run("logs b --chain wide --tail=1");
    the_other_cluster_alone(home, west).await;

    // A node more in the other cluster: its Service first, then everybody's list.
    two.file(
        &[("a", None), ("b", Some("west")), ("c", Some("west"))],
        &NODE_PORT(),
    );
    home.run("apply -f chain.yaml --wait");
    let port = node_port(west, "wide-c-outside", "p2p").await;
    for side in [home, west] {
        let list = two.peers_of(side).await;
        assert!(list.contains(&format!("@west.example:{port}?")), "{list}");
    }
    // Its keys stay where they are, so it cannot move.
    two.file(
        &[("a", None), ("b", None), ("c", Some("west"))],
        &NODE_PORT(),
    );
    let said = home.fails("apply -f chain.yaml");
    assert!(
        said.contains("of cluster \"west\"") && said.contains("cannot move"),
        "{said}"
    );
    // One less: what was the other cluster's goes there.
    two.file(&[("a", None), ("b", Some("west"))], &NODE_PORT());
    let told = home.run("apply -f chain.yaml");
    assert!(
        told.contains("statefulset.apps/wide-c pruned in west"),
        "{told}"
    );
    assert_eq!(names(west, "apps", "StatefulSet").await, ["wide-b"]);

    home.run("stop --all --chain wide");
    let sets = west.of_chain("apps", "StatefulSet").await;
    assert_eq!(sets["wide-b"]["spec"]["replicas"], 0);
    home.run("start --all --chain wide");

    home.run("delete wide -y");
    for side in [home, west] {
        assert_eq!(names(side, "apps", "StatefulSet").await, [""; 0]);
        assert!(!names(side, "", "PersistentVolumeClaim").await.is_empty());
    }
    home.run("create -f chain.yaml --wait");
    assert_eq!(
        vaults(names(west, "", "Secret").await).len(),
        there.len() + 1
    );
    home.run("delete wide -y --purge");
    for side in [home, west] {
        for kind in ["Secret", "ConfigMap", "PersistentVolumeClaim", "Service"] {
            assert_eq!(names(side, "", kind).await, [""; 0], "{kind}");
        }
    }
}

/// Whoever has the other cluster alone sees what is there, and is told where the home is.
async fn the_other_cluster_alone(home: &Operator, west: &Operator) {
    let said = signpost(west, "chain-wide").await.unwrap();
    let namespace = &home.admin.namespace;
    let context = &home.admin.context_name;
    assert_eq!(said["home"]["namespace"], namespace.as_str());
    assert_eq!(said["home"]["context"], context.as_str());
    let uid = home.kubectl(
        &["get", "namespace", namespace, "-o"],
        "jsonpath={.metadata.uid}",
    );
    assert_eq!(said["home"]["uid"], uid.as_str());
    assert_eq!(
        signpost(home, "chain-wide").await,
        None,
        "the head is there"
    );

    let way = format!("--context {context} -n {namespace}");
    let shown = west.run("get");
    assert!(shown.contains(&format!("home: {way}")), "{shown}");
    assert_eq!(west.run("get -o name").trim(), "chain/wide");
    let all = west.run("get -A --no-headers");
    let of_wide = all.lines().filter(|it| it.contains(" wide ")).count();
    assert_eq!(of_wide, 1, "{all}");
    let (code, shown, said) = west.output("status wide");
    assert!(shown.contains("1/1 nodes ready"), "{shown}");
    assert!(
        code == Some(0) && said.contains("of another cluster") && said.contains(namespace.as_str()),
        "{said}"
    );
    west.run("logs b --chain wide --tail=1");
    let (code, _, said) = west.output("logs --tail=1 --all-containers");
    assert!(
        code == Some(0) && said.contains("of another cluster"),
        "{said}"
    );
    for line in [
        "run",
        "stop b",
        "start b --chain wide",
        "apply wide --nodes 3",
        "export wide",
        "get wide -o yaml",
        "delete wide -y --purge",
        "create wide --stack quorum",
    ] {
        let said = west.fails(line);
        assert!(said.contains("of another cluster"), "{line}: {said}");
        assert!(said.contains(&way), "{line}: {said}");
    }
    // What cannot be read hides nothing else of a list.
    let (code, shown, said) = west.output("get -o yaml");
    assert!(code == Some(0) && shown.contains("List"), "{shown}");
    assert!(said.contains("of another cluster"), "{said}");
}

/// What a signpost says, if there is one.
async fn signpost(of: &Operator, name: &str) -> Option<Value> {
    let maps = of.of_chain("", "ConfigMap").await;
    let text = maps.get(name)?["data"]["signpost.json"].as_str()?;
    Some(serde_json::from_str(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_anothers_is_refused_before_anything_is_written() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    let two = Two::new(second, "taken").await;
    let (home, west) = (&two.home, &two.west);
    two.file(&[("a", None), ("b", Some("west"))], &NODE_PORT());
    west.kubectl(&["create", "configmap"], "chain-taken");
    for line in [
        "create -f chain.yaml",
        "create -f chain.yaml --dry-run=server",
    ] {
        let said = home.fails(line);
        assert!(
            said.contains("of cluster \"west\"") && said.contains("is of no chain"),
            "{line}: {said}"
        );
        let typed = format!(
            "kubectl delete configmap chain-taken -n {} --context west",
            west.admin.namespace
        );
        assert!(said.contains(&typed), "{line}: {said}");
    }
    assert_eq!(names(home, "", "ConfigMap").await, [""; 0]);
    west.kubectl(&["delete", "configmap"], "chain-taken");
    // A chain of that name is at home there.
    west.run("create taken --stack quorum --nodes 1 --expose-type ClusterIP");
    let said = home.fails("create -f chain.yaml");
    assert!(said.contains("is the head of another chain"), "{said}");
    assert_eq!(names(home, "", "ConfigMap").await, [""; 0]);
    west.run("delete taken -y --purge");
    home.run("create -f chain.yaml --wait");

    // One that an older build made, or that somebody took away, is there again after the next apply.
    west.kubectl(&["delete", "configmap"], "chain-taken");
    let again = home.run("apply -f chain.yaml");
    assert!(
        again.lines().all(|line| line.contains(" unchanged")),
        "{again}"
    );
    assert!(signpost(west, "chain-taken").await.is_some());
    let version = |maps: std::collections::BTreeMap<String, Value>| {
        maps["chain-taken"]["metadata"]["resourceVersion"].clone()
    };
    let was = version(west.of_chain("", "ConfigMap").await);
    home.run("apply -f chain.yaml");
    assert_eq!(version(west.of_chain("", "ConfigMap").await), was);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_or_is_another_is_told() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    let two = Two::new(second, "apart").await;
    let (home, west) = (&two.home, &two.west);
    let nodes = [("a", None), ("b", Some("west"))];

    // Inside alone, with a host for one of them: nobody can reach the other.
    two.file(&nodes, &json!({"type": "ClusterIP"}));
    let said = home.fails("create -f chain.yaml");
    assert!(
        said.contains("port p2p of node/a") && said.contains("--expose-type"),
        "{said}"
    );
    // What was begun is finished by a file that can be met.
    two.file(&nodes, &NODE_PORT());
    home.run("create -f chain.yaml --wait");

    // A context that leads elsewhere gets nothing, and hides nothing.
    let text = std::fs::read_to_string(&home.kubeconfig).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["contexts"][1]["context"]["cluster"] =
        config["contexts"][0]["context"]["cluster"].clone();
    config["contexts"][1]["context"]["user"] = config["contexts"][0]["context"]["user"].clone();
    std::fs::write(&home.kubeconfig, config.to_string()).unwrap();
    let namespace = &west.admin.namespace;
    home.kubectl(&["create", "namespace"], namespace);
    for line in [
        "apply -f chain.yaml",
        "delete apart -y",
        "stop b --chain apart",
    ] {
        let said = home.fails(line);
        assert!(
            said.contains("leads to another cluster") && said.contains(namespace.as_str()),
            "{line}: {said}"
        );
    }
    let (code, shown, _) = home.output("status apart");
    assert_eq!(code, Some(1));
    assert!(
        shown.contains("1/1 nodes ready") && shown.contains("leads to another"),
        "{shown}"
    );
    let (code, _, said) = home.output("logs a --chain apart --tail=1");
    assert!(
        code == Some(0) && said.contains("leads to another"),
        "{said}"
    );

    // No such context; two names for one place.
    config["contexts"].as_array_mut().unwrap().truncate(1);
    std::fs::write(&home.kubeconfig, config.to_string()).unwrap();
    let said = home.fails("apply -f chain.yaml");
    assert!(
        said.contains("cluster \"west\"") && said.contains("context \"west\""),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stopped_between_services_and_all_else_is_finished() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    // The head, the signpost, the Services of both clusters, the addresses, and what follows.
    for at in 1..=18 {
        let two = Two::new(second, &format!("cut{at}")).await;
        two.file(&[("a", None), ("b", Some("west"))], &NODE_PORT());
        let mut command = two.home.command("create -f chain.yaml");
        let stopped = command
            .env("CHAIN_CRASH_AT", at.to_string())
            .output()
            .unwrap();
        assert_eq!(stopped.status.code(), Some(86), "{at}: it did not stop");
        two.home.run("create -f chain.yaml");
        let port = node_port(&two.west, &format!("cut{at}-b-outside"), "p2p").await;
        let list = two.peers_of(&two.home).await;
        assert!(
            list.contains(&format!("@west.example:{port}?")),
            "{at}: {list}"
        );
        assert_eq!(list, two.peers_of(&two.west).await, "{at}");
        let said = signpost(&two.west, &format!("chain-cut{at}"))
            .await
            .unwrap();
        assert_eq!(
            said["home"]["namespace"],
            two.home.admin.namespace.as_str(),
            "{at}"
        );
        assert!(
            said["groupKinds"].to_string().contains("StatefulSet.apps"),
            "{at}: {said}"
        );
        let again = two.home.run("apply -f chain.yaml");
        assert!(
            again.lines().all(|line| line.contains(" unchanged")),
            "{at}: {again}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn balancers_are_waited_for_and_file_exchange_crosses_clusters() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    let two = Two::new(second, "spread").await;
    let spec = json!({"stack": "cita-cloud"});
    let nodes = [("a", None), ("b", Some("west"))];
    two.file_of(spec, &nodes, &json!({"type": "LoadBalancer"}));
    // Nobody gives an address: nothing but Services was made, and the reason is told.
    let said = two.home.fails("create -f chain.yaml --timeout 3s");
    assert!(
        said.contains("port network of node/a") && said.contains("load balancer"),
        "{said}"
    );
    for side in [&two.home, &two.west] {
        assert_eq!(names(side, "apps", "StatefulSet").await, [""; 0]);
        assert_eq!(names(side, "", "Secret").await, [""; 0]);
    }
    for (side, node, address) in [
        (&two.home, "a", "203.0.113.1"),
        (&two.west, "b", "203.0.113.2"),
    ] {
        side.balance(
            &format!("service/spread-{node}-peers"),
            &json!({"ip": address}),
        );
    }
    two.home.run("create -f chain.yaml --wait");
    for (side, other) in [(&two.home, "203.0.113.2"), (&two.west, "203.0.113.1")] {
        let peers = side.file("network-config.toml").await;
        assert!(
            peers.contains(&format!("ip = \"{other}\"")) && peers.contains("port = 40000"),
            "{peers}"
        );
        let maps = side.of_chain("", "ConfigMap").await;
        let exchange = maps
            .values()
            .find(|map| map["data"].to_string().contains("<device"))
            .map_or_else(String::new, Value::to_string);
        assert!(
            exchange.contains(&format!("tcp://{other}:22000")),
            "{exchange}"
        );
        assert!(
            names(side, "", "Service")
                .await
                .contains(&"spread-node-port".to_owned())
        );
    }
    // An address that moved is in everybody's list after the next apply.
    two.west
        .balance("service/spread-b-peers", &json!({"ip": "203.0.113.9"}));
    two.home.run("apply -f chain.yaml");
    let peers = two.home.file("network-config.toml").await;
    assert!(
        peers.contains("203.0.113.9") && !peers.contains("203.0.113.2"),
        "{peers}"
    );
}

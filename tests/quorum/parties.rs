//! Two parties with a cluster, a home and a kubeconfig each: nothing is carried but one file each way.

use serde_json::Value;

use super::Operator;
use super::plane::{plane, second_plane};

/// The `NodePort` that the server gave to a port of a node, by the Service that faces outside.
async fn node_port(of: &Operator, node: &str, port: &str) -> u64 {
    let services = of.of_chain("", "Service").await;
    let ports = |service: &Value| service["spec"]["ports"].as_array().cloned().unwrap();
    services
        .iter()
        .filter(|(name, service)| name.contains(node) && service["spec"]["type"] == "NodePort")
        .flat_map(|(_, service)| ports(service))
        .find(|it| it["name"] == port)
        .and_then(|it| it["nodePort"].as_u64())
        .unwrap_or_else(|| panic!("{node} has no NodePort {port}"))
}

fn fingerprint(said: &str) -> String {
    said.lines()
        .find_map(|line| line.trim().strip_prefix("fingerprint: "))
        .unwrap_or_else(|| panic!("no fingerprint in\n{said}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn parties_join_each_other_by_one_file_each_way() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    let (alpha, beta) = (
        Operator::new(plane(), "alpha").await,
        Operator::new(second, "beta").await,
    );
    let flags = "--stack quorum --consensus istanbul --privacy tessera --expose-type NodePort";
    alpha.run(&format!("create demo {flags} --nodes 3"));
    let pods = alpha.of_chain("apps", "StatefulSet").await;
    let from_alpha = alpha.run("export demo --party alpha --host alpha.example");
    assert!(!from_alpha.contains("PRIVATE"), "{from_alpha}");

    // The second party's chain has the first one's genesis, and keys of its own.
    beta.receive("alpha.yaml", &from_alpha);
    beta.run(&format!("join -f alpha.yaml {flags} --nodes 2"));
    let genesis = alpha.file("genesis.json").await;
    assert_eq!(beta.file("genesis.json").await, genesis);
    let from_beta = beta.run("export demo --party beta --host beta.example");
    assert_eq!(fingerprint(&from_alpha), fingerprint(&from_beta));
    let list = beta.file("permissioned-nodes.json").await;
    for node in ["node0", "node1", "node2"] {
        let port = node_port(&alpha, node, "p2p").await;
        assert!(list.contains(&format!("@alpha.example:{port}?")), "{list}");
    }

    // The first one learns the second's nodes; its pods stay as they are.
    alpha.receive("beta.yaml", &from_beta);
    let before = alpha.file("permissioned-nodes.json").await;
    for dry in ["client", "server"] {
        alpha.run(&format!("join -f beta.yaml --dry-run={dry}"));
        assert_eq!(alpha.file("permissioned-nodes.json").await, before, "{dry}");
    }
    alpha.run("join -f beta.yaml");
    let list = alpha.file("permissioned-nodes.json").await;
    for node in ["node0", "node1"] {
        let port = node_port(&beta, node, "p2p").await;
        assert!(list.contains(&format!("@beta.example:{port}?")), "{list}");
    }
    assert_eq!(alpha.file("genesis.json").await, genesis);
    let after = alpha.of_chain("apps", "StatefulSet").await;
    for (name, set) in &pods {
        assert_eq!(set["spec"]["template"], after[name]["spec"]["template"]);
    }
    let again = alpha.run("join -f beta.yaml");
    assert!(
        again.lines().all(|line| line.ends_with(" unchanged")),
        "{again}"
    );

    // A third party needs no more than the second's file.
    let gamma = Operator::new(plane(), "gamma").await;
    gamma.receive("beta.yaml", &from_beta);
    gamma.run(&format!("join -f beta.yaml {flags} --nodes 1"));
    assert_eq!(gamma.file("genesis.json").await, genesis);

    // An edit is told by its path, another chain by its fingerprint, one's own file by what it is.
    let port = node_port(&beta, "node0", "p2p").await;
    let edited = from_beta.replacen(&format!(":{port}"), ":30000", 1);
    assert_ne!(edited, from_beta);
    alpha.receive("edited.yaml", &edited);
    let said = alpha.fails("join -f edited.yaml");
    assert!(
        said.contains("/spec/subjects/0/endpoints/") && said.contains("/address"),
        "{said}"
    );
    alpha.receive("own.yaml", &from_alpha);
    assert!(alpha.fails("join -f own.yaml").contains("own"));
    let other = Operator::new(second, "other").await;
    other.run(&format!("create demo {flags} --nodes 3"));
    let from_other = other.run("export demo --party other --host other.example");
    alpha.receive("other.yaml", &from_other);
    let said = alpha.fails("join -f other.yaml");
    assert!(said.contains("/spec/fingerprint"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_in_another_namespace_is_reached_inside_the_cluster() {
    let (one, two) = (
        Operator::new(plane(), "one").await,
        Operator::new(plane(), "two").await,
    );
    one.run("create near --stack quorum --nodes 3");
    let said = one.fails("export near --party one");
    assert!(said.contains("--reach cluster"), "{said}");
    two.receive(
        "one.yaml",
        &one.run("export near --party one --reach cluster"),
    );
    two.run("join -f one.yaml --nodes 1");
    let list = two.file("permissioned-nodes.json").await;
    assert!(
        list.contains(&format!(".{}.svc:30303?", one.admin.namespace)),
        "{list}"
    );
}

/// A file of a chain whose three nodes are reached at one host.
fn hosted(consensus: &str, host: &str, more: &str) -> String {
    let node = |index| format!("  - {{name: node{index}, host: {host}}}\n");
    let nodes: String = (0..3).map(node).collect();
    format!(
        "metadata: {{name: demo}}\nspec:\n  stack: quorum\n  services: {{consensus: {consensus}, privacy: tessera}}\n{more}  nodes:\n{nodes}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn parties_of_qbft_join_and_endpoints_tell_what_the_server_assigned() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    let (alpha, beta) = (
        Operator::new(plane(), "qalpha").await,
        Operator::new(second, "qbeta").await,
    );
    let file = hosted("qbft", "alpha.example", "  expose: {type: NodePort}\n");
    alpha.receive("chain.yaml", &file);
    alpha.run("create -f chain.yaml");
    let told = alpha.run("run endpoints");
    for port in ["rpc", "ws", "p2p", "tm"] {
        let number = node_port(&alpha, "node1", port).await;
        let line = told
            .lines()
            .find(|line| line.starts_with(&format!("node1\t{port}\t")));
        let line = line.unwrap_or_else(|| panic!("{port}: {told}"));
        assert!(
            line.ends_with(&format!("\talpha.example:{number}")),
            "{line}"
        );
    }
    let from_alpha = alpha.run("export demo --party alpha");
    beta.receive("alpha.yaml", &from_alpha);
    let flags = "--stack quorum --consensus qbft --privacy tessera --expose-type NodePort";
    beta.run(&format!("join -f alpha.yaml {flags} --nodes 2"));
    let genesis = alpha.file("genesis.json").await;
    assert_eq!(beta.file("genesis.json").await, genesis);
    let from_beta = beta.run("export demo --party beta --host beta.example");
    assert_eq!(fingerprint(&from_alpha), fingerprint(&from_beta));
    alpha.receive("beta.yaml", &from_beta);
    alpha.run("join -f beta.yaml");
    for (of, at) in [(&alpha, "beta.example"), (&beta, "alpha.example")] {
        let list = of.file("permissioned-nodes.json").await;
        let (other, node) = if at == "beta.example" {
            (&beta, "node1")
        } else {
            (&alpha, "node2")
        };
        let port = node_port(other, node, "p2p").await;
        assert!(list.contains(&format!("@{at}:{port}?")), "{list}");
    }
    assert_eq!(alpha.file("genesis.json").await, genesis);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_of_raft_waits_for_its_number_and_knows_the_founders_by_their_addresses_outside() {
    let Some(second) = second_plane() else {
        eprintln!("skipped: there is no second cluster");
        return;
    };
    let (alpha, beta) = (
        Operator::new(plane(), "ralpha").await,
        Operator::new(second, "rbeta").await,
    );
    let more = "  options: {peersOutside: true}\n  expose: {type: NodePort, port: 30040}\n";
    alpha.receive("chain.yaml", &hosted("raft", "alpha.example", more));
    alpha.run("create -f chain.yaml");
    let founders = alpha.file("static-nodes.json").await;
    for port in [30042, 30050, 30058] {
        let raft = port + 1;
        let place = format!("@alpha.example:{port}?discport=0&raftport={raft}");
        assert!(founders.contains(&place), "{founders}");
    }
    let from_alpha = alpha.run("export demo --party alpha");
    beta.receive("alpha.yaml", &from_alpha);
    let flags = "--stack quorum --consensus raft --privacy tessera --expose-type NodePort";
    beta.run(&format!("join -f alpha.yaml {flags} --nodes 1"));
    assert_eq!(beta.file("static-nodes.json").await, founders);
    assert_eq!(
        beta.file("genesis.json").await,
        alpha.file("genesis.json").await
    );
    let pod = async || {
        let sets = beta.of_chain("apps", "StatefulSet").await;
        sets["demo-node0"]["spec"]["template"].to_string()
    };
    assert!(pod().await.contains("\"pending\""));

    alpha.receive(
        "beta.yaml",
        &beta.run("export demo --party beta --host beta.example"),
    );
    alpha.run("join -f beta.yaml");
    assert_eq!(alpha.file("static-nodes.json").await, founders);
    let list = alpha.file("permissioned-nodes.json").await;
    let port = node_port(&beta, "node0", "raft").await;
    assert!(
        list.contains("@beta.example:") && list.contains(&format!("raftport={port}")),
        "{list}"
    );

    // The number that alpha's members gave, by `raft-add`.
    beta.run("run raft-number member=node0 number=4");
    let pod = pod().await;
    assert!(
        pod.contains("\"--raftjoinexisting\",\"4\"") && !pod.contains("\"pending\""),
        "{pod}"
    );
}

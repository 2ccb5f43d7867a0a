//! Two parties with a cluster, a home and a kubeconfig each: nothing is carried but one file each way.

use serde_json::{Value, json};

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
async fn addresses_are_those_that_balancers_gave() {
    let (one, two) = (
        Operator::new(plane(), "balanced").await,
        Operator::new(plane(), "beside").await,
    );
    let flags = "--stack quorum --consensus istanbul --privacy tessera --nodes 2";
    one.run(&format!("create scale {flags} --expose-type LoadBalancer"));
    // Its controller has not come round yet; node ports are there, but nobody said so.
    let said = one.fails("export scale --party one");
    assert!(
        said.contains("port p2p of node/node0") && said.contains("balancer"),
        "{said}"
    );
    assert!(one.run("run endpoints --chain scale").contains("\t-"));
    let services = one.of_chain("", "Service").await;
    let outside: Vec<&String> = services
        .keys()
        .filter(|name| name.ends_with("-outside"))
        .collect();
    assert_eq!(outside.len(), 2, "{services:?}");
    for (name, address) in outside.iter().zip([
        json!({"ip": "203.0.113.7"}),
        json!({"hostname": "lb.example"}),
    ]) {
        one.balance(&format!("service/{name}"), &address);
    }
    let told = one.run("export scale --party one");
    for address in [
        "203.0.113.7:30303",
        "203.0.113.7:9001",
        "lb.example:30303",
        "lb.example:9001",
    ] {
        assert!(told.contains(address), "{address}\n{told}");
    }
    let shown = one.run("run endpoints --chain scale");
    assert!(
        shown.contains(&format!(
            "node0\tws\tscale-node0.{}.svc:8546\t203.0.113.7:8546",
            one.admin.namespace
        )),
        "{shown}"
    );
    two.receive("one.yaml", &told);
    two.run(&format!("join -f one.yaml {flags} --expose-type NodePort"));
    let list = two.file("permissioned-nodes.json").await;
    assert!(
        list.contains("@203.0.113.7:30303?") && list.contains("@lb.example:30303?"),
        "{list}"
    );
    let config = two.file("tessera-config.json").await;
    assert!(config.contains("http://203.0.113.7:9001"), "{config}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_gives_addresses_with_and_without_tls() {
    let (one, two) = (
        Operator::new(plane(), "front").await,
        Operator::new(plane(), "back").await,
    );
    one.kubectl(
        &[
            "create",
            "secret",
            "generic",
            "front",
            "--from-literal=tls.key=k",
        ],
        "--from-literal=tls.crt=c",
    );
    let chain = |nodes: &str, expose: &str| {
        let text = json!({
            "apiVersion": "chain.dev/v1alpha1", "kind": "Chain", "metadata": {"name": "front"},
            "spec": {
                "stack": "quorum",
                "options": {"ingress": "one-to-one", "ingressHost": "chain.example",
                    "ingressTlsSecret": "front", "ingressPrivacy": true},
                "services": {"consensus": {"plugin": "qbft"}, "privacy": {"plugin": "tessera"}},
                "nodes": serde_json::from_str::<Value>(nodes).unwrap(),
                "expose": {"type": expose},
            },
        });
        one.receive("chain.yaml", &text.to_string());
    };
    chain(
        r#"[{"name": "node0", "host": "plain.example"}, {"name": "node1", "host": "fd00::1"}]"#,
        "ClusterIP",
    );
    one.run("create -f chain.yaml");
    let ingresses = one.of_chain("networking.k8s.io", "Ingress").await;
    assert_eq!(ingresses.len(), 2);
    // A plain host has the port inside.
    let told = one.run("export front --party one");
    for address in [
        "plain.example:30303",
        "[fd00::1]:30303",
        "plain.example:9001",
    ] {
        assert!(told.contains(address), "{address}\n{told}");
    }
    let plain = r#"[{"name": "node0"}, {"name": "node1"}]"#;
    chain(plain, "NodePort");
    one.run("apply -f chain.yaml");
    let shown = one.run("run endpoints --chain front");
    let name_port = node_port(&one, "node0", "rpc").await;
    assert!(
        shown.contains(&format!(":{name_port}")),
        "a node port comes first: {shown}"
    );
    let told = one.run("export front --party one --host nodes.example");
    let p2p = node_port(&one, "node1", "p2p").await;
    assert!(told.contains(&format!("nodes.example:{p2p}")), "{told}");

    // Without Services outside, Ingresses are all there is.
    chain(plain, "ClusterIP");
    one.run("apply -f chain.yaml");
    let shown = one.run("run endpoints --chain front");
    for address in [
        "https://node0.chain.example/quorum-rpc",
        "wss://node1.chain.example/quorum-ws",
        "node0-tm.chain.example:80",
    ] {
        assert!(shown.contains(address), "{address}\n{shown}");
    }
    let said = one.fails("export front --party one --host nodes.example");
    assert!(
        said.contains("port p2p of node/node0") && !said.contains("port tm"),
        "{said}"
    );

    // Peers come by a Service that somebody put beside ours, and to the privacy manager by TLS, where the Ingress ends it.
    for node in ["node0", "node1"] {
        let service = one.of_chain("", "Service").await[&format!("front-{node}")].clone();
        let beside = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": format!("beside-{node}"), "labels": {"chain.dev/chain": "front"}},
            "spec": {"type": "NodePort", "selector": service["spec"]["selector"],
                "ports": [{"name": "p2p", "port": 30303}]},
        });
        one.receive("beside.json", &beside.to_string());
        one.kubectl(
            &["create", "-f"],
            one.home.path().join("beside.json").to_str().unwrap(),
        );
    }
    let tls = json!({"spec": {"tls": [{"hosts": ["*.chain.example"], "secretName": "front"}]}});
    for name in ingresses.keys() {
        one.kubectl(
            &["patch", "ingress", name, "--type=merge", "-p"],
            &tls.to_string(),
        );
    }
    let told = one.run("export front --party one --host nodes.example");
    assert!(
        told.contains("https://node0-tm.chain.example:443"),
        "{told}"
    );
    let p2p = node_port(&one, "node1", "p2p").await;
    two.receive("one.yaml", &told);
    two.run("join -f one.yaml --consensus qbft --privacy tessera --expose-type NodePort --nodes 1");
    let list = two.file("permissioned-nodes.json").await;
    assert!(list.contains(&format!("@nodes.example:{p2p}?")), "{list}");
    let config = two.file("tessera-config.json").await;
    assert!(
        config.contains("\"https://node1-tm.chain.example:443\""),
        "{config}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_leaves_is_no_longer_named_as_a_peer() {
    let (one, two) = (
        Operator::new(plane(), "stay").await,
        Operator::new(plane(), "leave").await,
    );
    let flags = "--stack quorum --consensus qbft --privacy tessera";
    one.run(&format!("create parting {flags} --nodes 2"));
    let alone = one.file("permissioned-nodes.json").await;
    let (genesis, pods) = (
        one.file("genesis.json").await,
        one.of_chain("apps", "StatefulSet").await,
    );
    let export = "--reach cluster";
    two.receive(
        "one.yaml",
        &one.run(&format!("export parting --party one {export}")),
    );
    two.run(&format!("join -f one.yaml {flags} --nodes 1"));
    let told = two.run(&format!("export parting --party two {export}"));
    one.receive("two.yaml", &told);
    one.run("join -f two.yaml");
    let together = one.file("permissioned-nodes.json").await;
    assert_ne!(together, alone);

    let said = one.fails("join --remove tow --chain parting");
    assert!(
        said.contains("no party `tow`") && said.contains("the others are two"),
        "{said}"
    );
    one.run("join --remove two --chain parting --dry-run=server");
    assert_eq!(one.file("permissioned-nodes.json").await, together);
    let said = one.fails("join --remove two --chain parting --dry-run=client");
    assert!(said.contains("--dry-run=server"), "{said}");
    one.run("join --remove two --chain parting");
    assert_eq!(one.file("permissioned-nodes.json").await, alone);
    assert_eq!(one.file("genesis.json").await, genesis);
    let tessera = one.file("tessera-config.json").await;
    assert!(!tessera.contains(&two.admin.namespace), "{tessera}");
    let after = one.of_chain("apps", "StatefulSet").await;
    for (name, set) in &pods {
        assert_eq!(set["spec"]["template"], after[name]["spec"]["template"]);
    }
    assert!(
        !one.run("export parting --party one --reach cluster")
            .contains(&two.admin.namespace)
    );
    let again = one.fails("join --remove two --chain parting");
    assert!(again.contains("none has"), "{again}");
    // Who left may come back.
    one.run("join -f two.yaml");
    assert_eq!(one.file("permissioned-nodes.json").await, together);
    let usage = one.output("join --remove two");
    assert_eq!(usage.0, Some(2), "{}", usage.2);
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

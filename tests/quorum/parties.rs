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

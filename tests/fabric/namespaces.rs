//! Organisations in namespaces of their own: one command makes them, sees them and takes them away.

use kubectl_chain::cluster::object_api::ApiKind;
use kubectl_chain::cluster::request::ListQuery;

use super::Operator;
use super::plane::plane;

async fn names(of: &Operator, group: &str, kind: &str, namespace: &str) -> Vec<String> {
    let kind = ApiKind::known(group, kind).unwrap();
    let query = ListQuery {
        labels: "chain.dev/chain",
        ..ListQuery::default()
    };
    let all = of.admin.list(&kind, namespace, query).await.unwrap();
    let mut names: Vec<String> = all
        .iter()
        .map(|it| it["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organisation_lives_in_a_namespace_of_its_own() {
    let one = Operator::new(plane(), "fabrichome").await;
    let spec = "--stack fabric --orgs nsa,nsb --orderer-org nso --peers 1";
    one.run(&format!("create net {spec} --dry-run=server"));
    let said = one.run(&format!("create net {spec} --wait"));
    for namespace in ["nsa", "nsb", "nso"] {
        assert!(
            said.contains(&format!("namespace/{namespace} created")),
            "{said}"
        );
    }
    // The Service is the host's name in certificates; the pod's controller carries the chain's name.
    assert_eq!(names(&one, "", "Service", "nsa").await, ["peer0"]);
    assert_eq!(
        names(&one, "apps", "StatefulSet", "nsa").await,
        ["net-peer0"]
    );
    assert_eq!(
        names(&one, "", "Service", "nso").await,
        ["orderer0", "orderer1", "orderer2"]
    );
    let status = one.run("status net");
    for node in ["peer0.nsa", "peer0.nsb", "orderer2.nso"] {
        assert!(status.contains(node), "{status}");
    }
    assert!(status.contains("5/5 nodes ready"), "{status}");
    assert!(
        one.run("logs peer0.nsb --chain net")
            .contains("net-peer0-0")
    );
    // An organisation's own: no other's lines.
    let of_org = one.run("logs nsb --chain net --prefix");
    assert!(
        of_org.contains("net-peer0-0") && !of_org.contains("nsa"),
        "{of_org}"
    );
    // Another chain whose organisation has that namespace does not take the Service over.
    let other = Operator::new(plane(), "fabricother").await;
    let said =
        other.fails("create other --stack fabric --orgs nsa --orderer-org nsother --peers 1");
    assert!(said.contains("service/peer0"), "{said}");
    // A peer more touches no other.
    let before = names(&one, "", "Secret", "nsa").await;
    one.run(&format!(
        "apply net {} --wait",
        spec.replace("--peers 1", "--peers 2")
    ));
    let after = names(&one, "", "Secret", "nsa").await;
    assert!(
        before.iter().all(|it| after.contains(it)),
        "{before:?} {after:?}"
    );
    assert_eq!(names(&one, "", "Service", "nsa").await, ["peer0", "peer1"]);
    one.run("delete net -y --purge");
    for namespace in ["nsa", "nsb", "nso"] {
        for (group, kind) in [
            ("apps", "StatefulSet"),
            ("", "Service"),
            ("", "Secret"),
            ("", "ConfigMap"),
        ] {
            let left = names(&one, group, kind, namespace).await;
            assert!(left.is_empty(), "{namespace}: {kind} {left:?}");
        }
    }
}

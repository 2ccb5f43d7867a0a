//! Two parties with a home and namespaces each: the second comes into the first one's channel by one file each way.

use super::Operator;
use super::plane::plane;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_party_has_the_first_ones_channel_and_no_orderers_of_its_own() {
    let (alpha, beta) = (
        Operator::new(plane(), "fabricalpha").await,
        Operator::new(plane(), "fabricbeta").await,
    );
    let base = "--stack fabric --peers 1 --channel shared";
    // The pods of this cluster answer nothing, so nobody waits for what is to be done once they are ready.
    let patience = "--timeout 1s";
    alpha.fails(&format!(
        "create net {base} --orgs pone --orderer-org porder {patience}"
    ));
    let from_alpha = alpha.run("export net --party alpha --reach cluster");
    assert!(!from_alpha.contains("PRIVATE"), "{from_alpha}");
    assert!(
        from_alpha.contains("orderer0.porder.svc:7050"),
        "{from_alpha}"
    );

    beta.receive("alpha.yaml", &from_alpha);
    beta.fails(&format!("join -f alpha.yaml {base} --orgs ptwo {patience}"));
    let (_, status, _) = beta.output("status net -o json");
    assert!(status.contains("peer0.ptwo"), "{status}");
    assert!(!status.contains("orderer"), "{status}");

    // What the second tells has its organisation, and the same channel.
    let from_beta = beta.run("export net --party beta --reach cluster");
    let configured = |text: &str| {
        let tree: serde_json::Value = serde_yaml::from_str(text).unwrap();
        tree["spec"]["configured"]["channel/shared"].clone()
    };
    assert_eq!(configured(&from_alpha), configured(&from_beta));
    assert!(!configured(&from_alpha).is_null());

    // The first learns it; its own objects stay.
    alpha.receive("beta.yaml", &from_beta);
    let sets = alpha.of_chain("apps", "StatefulSet").await;
    let mut join = alpha.command("join -f beta.yaml");
    join.timeout(std::time::Duration::from_secs(20));
    let cut_off = join.output().unwrap();
    assert_eq!(
        cut_off.status.code(),
        None,
        "it waits for orderers that answer nothing"
    );
    assert_eq!(alpha.of_chain("apps", "StatefulSet").await, sets);
    // Now it is somebody who can be added.
    let said = alpha.fails("run channel-add-org shared org=nobody");
    assert!(said.contains("ptwo"), "{said}");
}

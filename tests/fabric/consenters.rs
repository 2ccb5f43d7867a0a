//! Orderers that come and go, and certificates that are made again, while a network lives.

use super::Operator;
use super::front::Front;
use super::live::picture;
use super::plane::plane;

#[tokio::test(flavor = "multi_thread")]
async fn an_orderer_comes_and_goes_and_certificates_are_renewed_while_calls_go_on() {
    let Some(front) = Front::of(plane(), "grows") else {
        return;
    };
    let one = Operator::new(plane(), "fabricgrows").await;
    one.run(
        "create grows --stack fabric --namespaces one --orgs 1 --peers 1 --orderers 1 --channel mychannel \
         --chaincode kv=example/kv:1 --wait",
    );
    let add = r#"run chaincode-invoke kv --chain grows call=["add","n","1"]"#;
    one.run(add);
    one.run("run orderer-add --chain grows");
    let seen = picture(&front.ledger(), "mychannel");
    assert_eq!((seen.consenters, seen.sequence), (2, 1), "{seen:?}");
    assert!(seen.nodes.contains("orderer/orderer1.orderer"), "{seen:?}");
    one.run(add);
    let said = one.run("status grows --probe");
    assert!(said.contains("mychannel=consenter"), "{said}");

    // Over the same keys: who was a consenter stays one, and clients find the new certificates served.
    let before: Vec<String> = served(&front);
    one.run("run cert-renew orderer --chain grows");
    one.run("run cert-renew org1 --chain grows");
    one.run(add);
    let after = served(&front);
    assert!(before.iter().all(|it| !after.contains(it)), "{after:?}");
    let seen = picture(&front.ledger(), "mychannel");
    assert_eq!((seen.consenters, seen.sequence), (2, 1), "{seen:?}");

    one.run("run orderer-remove orderer1.orderer --chain grows");
    let seen = picture(&front.ledger(), "mychannel");
    assert_eq!((seen.consenters, seen.sequence), (1, 2), "{seen:?}");
    one.run(add);
    let said = one.run(r#"run chaincode-query kv --chain grows call=["get","n"]"#);
    assert_eq!(said.trim(), "4");
}

/// The TLS certificates of all nodes.
fn served(front: &Front) -> Vec<String> {
    let ledger = front.ledger();
    let orderers = ledger.orderers.values().map(|it| it.tls.to_pem());
    let peers = ledger.peers.values().map(|it| it.tls.to_pem());
    orderers.chain(peers).collect()
}

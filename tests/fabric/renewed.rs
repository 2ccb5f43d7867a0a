//! Certificates are made again over the same key, by one operation.

use kubectl_chain::cluster::object_api::ApiKind;
use serde_json::Value;

use super::Operator;
use super::plane::plane;

/// A certificate that an orderer's pod reads, from the `ConfigMap`s of its files.
async fn certificate(of: &Operator, name: &str) -> String {
    let kind = ApiKind::known("", "ConfigMap").unwrap();
    let query = kubectl_chain::cluster::request::ListQuery {
        labels: "chain.dev/chain=renew",
        ..kubectl_chain::cluster::request::ListQuery::default()
    };
    let all = of
        .admin
        .list(&kind, &of.admin.namespace, query)
        .await
        .unwrap();
    let set = of
        .admin
        .get(
            &ApiKind::known("apps", "StatefulSet").unwrap(),
            &of.admin.namespace,
            "renew-orderer0-nso",
        )
        .await
        .unwrap()
        .unwrap();
    let volumes = set["spec"]["template"]["spec"]["volumes"]
        .as_array()
        .unwrap();
    let used = |name: &Value| volumes.iter().any(|it| it["configMap"]["name"] == *name);
    all.iter()
        .filter(|it| used(&it["metadata"]["name"]))
        .find_map(|it| it["data"][name].as_str())
        .unwrap()
        .to_owned()
}

const TLS: &str = "msp.tls-cert";

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_another_over_the_same_key() {
    let one = Operator::new(plane(), "fabricrenew").await;
    one.run("create renew --stack fabric --orgs nsr --orderer-org nso --peers 1 --namespaces one --wait");
    let before = certificate(&one, TLS).await;
    one.run("run cert-renew nso --chain renew");
    let after = certificate(&one, TLS).await;
    assert_ne!(before, after);
    let key = |pem: &str| {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        pem.parse_x509().unwrap().public_key().raw.to_vec()
    };
    assert_eq!(
        key(&before),
        key(&after),
        "an orderer with another key is no consenter"
    );
    // What a guest signed in the sandbox is verified by another implementation.
    let authority = certificate(&one, "msp.tlsca-cert").await;
    let (_, authority) = x509_parser::pem::parse_x509_pem(authority.as_bytes()).unwrap();
    let authority = authority.parse_x509().unwrap();
    for text in [&before, &after] {
        let (_, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes()).unwrap();
        let signed = pem.parse_x509().unwrap();
        signed
            .verify_signature(Some(authority.public_key()))
            .unwrap();
    }
    // A second run of the same chain makes nothing again.
    one.run("apply renew --stack fabric --orgs nsr --orderer-org nso --peers 1 --namespaces one");
    assert_eq!(certificate(&one, TLS).await, after);
}

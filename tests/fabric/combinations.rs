//! Each orderer with each state database and each way to run chaincode: the server takes every object, strictly.

use std::process::Command;

use super::Operator;
use super::plane::plane;

/// What the user must grant to plugins that ask for more than others.
const GRANTS: &str = "--grant k8s_builder=rbac --grant k8s_builder=token \
    --grant dind=privileged --grant dind=root --grant dind=capabilities";

const DIGEST: &str = "registry.example/basic@sha256:\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[tokio::test(flavor = "multi_thread")]
async fn every_combination_is_taken_strictly_by_the_server() {
    let one = Operator::new(plane(), "fabricmix").await;
    let mut lines = Vec::new();
    let orderers = [
        ("1.4", "--orderer orderer_solo --orderers 1"),
        ("1.4", "--orderer orderer_kafka --kafka kafka_zookeeper"),
        ("1.4", "--orderer orderer_raft"),
        ("2.5", "--orderer orderer_raft"),
        ("3.1", "--orderer orderer_raft"),
        ("3.1", "--orderer orderer_bft"),
    ];
    for (release, orderer) in orderers {
        for state in ["goleveldb", "couchdb"] {
            let ways: &[&str] = if release == "1.4" {
                &["", "--chaincode dind"]
            } else {
                &[
                    "",
                    "--chaincode basic=registry.example/basic:1.0",
                    "--chaincode k8s_builder",
                    "--chaincode dind",
                ]
            };
            // How peers keep their state has no part in how chaincode runs.
            let ways = if state == "couchdb" { &ways[..1] } else { ways };
            for way in ways {
                if *way == "--chaincode dind" && release == "3.1" {
                    continue;
                }
                let chaincode = if *way == "--chaincode k8s_builder" {
                    format!("{way} --chaincode basic={DIGEST}")
                } else {
                    (*way).to_owned()
                };
                lines.push(format!(
                    "create mix --stack fabric --release {release} {orderer} --state-db {state} {chaincode} {GRANTS} \
                     --namespaces one --channel mychannel --ca fabric_ca --network-policy true"
                ));
            }
        }
    }
    assert!(lines.len() > 20, "{}", lines.len());
    for line in lines {
        let yaml = one.run(&format!("{line} --dry-run=client -o yaml"));
        one.receive("objects.yaml", &yaml);
        let output = Command::new("kubectl")
            .args(["apply", "--dry-run=server", "--validate=strict", "-f"])
            .arg(one.home.path().join("objects.yaml"))
            .env("KUBECONFIG", &one.kubeconfig)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}\n{said}");
        assert!(!said.contains("Warning"), "{line}\n{said}");
    }
}

//! Each consensus with each privacy manager and each Ingress: the server takes every object, strictly.

use std::process::Command;

use super::Operator;
use super::plane::plane;

#[tokio::test(flavor = "multi_thread")]
async fn every_combination_is_taken_strictly_by_the_server() {
    let one = Operator::new(plane(), "mix").await;
    let mut count = 0;
    for consensus in ["istanbul", "qbft", "raft", "clique"] {
        for privacy in ["", "--privacy tessera", "--privacy constellation"] {
            for ingress in [
                "",
                "--ingress one-to-one --ingress-host chain.example --ingress-tls-secret front",
                "--ingress one-to-many --ingress-host chain.example",
            ] {
                let line = format!(
                    "create mix --stack quorum --consensus {consensus} {privacy} {ingress} --explorer cakeshop --monitor prometheus --dry-run=client -o yaml"
                );
                let yaml = one.run(&line);
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
                count += 1;
            }
        }
    }
    assert_eq!(count, 36);
}

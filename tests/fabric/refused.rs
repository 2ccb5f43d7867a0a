//! What cannot work is refused before anything is written, with the place and the way out.

use super::Operator;
use super::plane::plane;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_by_its_name() {
    let one = Operator::new(plane(), "fabricbad").await;
    for (line, words) in [
        ("--orgs Org.One", ["Org.One", "org-one"].as_slice()),
        (
            "--release 3.1 --orderer orderer_solo",
            &["orderer_solo", "1.4"],
        ),
        (
            "--release 3.1 --orderer orderer_kafka",
            &[
                "orderer_kafka",
                "for 3.1 there is orderer_bft, orderer_raft",
                "`--release 1.4`",
            ],
        ),
        (
            "--release 3.1 --kafka kafka_zookeeper",
            &[
                "has no role `kafka`",
                "belongs to release 1.4",
                "`--release 1.4`",
            ],
        ),
        (
            "--release 1.4 --orderer orderer_kafka --channel c",
            &["needs role `kafka`"],
        ),
        (
            "--release 2.5 --orderer orderer_bft",
            &["orderer_bft", "3.1"],
        ),
        ("--chaincode basic=x", &["--channel mychannel"]),
        ("--channel My_Channel", &["My_Channel"]),
        ("--orgs nsx --peers two", &["peers", "a number"]),
        ("--channel c --batch-timeout soon", &["batchTimeout"]),
    ] {
        let (code, out, said) = one.output(&format!(
            "create bad --stack fabric {line} --dry-run=client -o name"
        ));
        assert_ne!(code, Some(0), "{line}\n{out}");
        for word in words {
            assert!(said.contains(word), "{word:?} of {line}\n{said}");
        }
    }
    let said = one.fails("create bad --stack fabirc --dry-run=client -o name");
    assert!(
        said.contains("unknown stack `fabirc`") && said.contains("did you mean `fabric`?"),
        "{said}"
    );
    // Who names no stack has the default one, and is told whose flag it is.
    let said = one.fails("apply bad --peers 3 --dry-run=client -o name");
    assert!(said.contains("--stack fabric"), "{said}");
    // A file is told by its line.
    one.receive(
        "chain.yaml",
        "kind: Chain\nmetadata: {name: bad}\nspec:\n  stack: fabric\n  orgs:\n  - {name: a, mspId: X}\n  - name: b\n    mspId: X\n",
    );
    let said = one.fails("create -f chain.yaml --dry-run=client -o name");
    assert!(said.contains("both X"), "{said}");
    // An even number of orderers works, and is warned of.
    let (code, _, said) =
        one.output("create even --stack fabric --orderers 2 --channel c --dry-run=client -o name");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("2 orderers") || said.contains("even"),
        "{said}"
    );
}

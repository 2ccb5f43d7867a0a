//! A file of qubernetes makes a chain, and parties that still use it are told and heard in its own form.

use super::Operator;
use super::plane::plane;

const FILE: &str = "\
genesis:
  consensus: istanbul
  Quorum_Version: 21.10.2
  Tm_Version: 21.10.2
  Chain_Id: 1234
k8s:
  service:
    type: NodePort
nodes:
- Node_UserIdent: quorum-node1
  Key_Dir: key1
  quorum:
    quorum: {consensus: istanbul, Quorum_Version: 21.10.2}
    tm: {Name: tessera, Tm_Version: 21.10.2}
    geth: {verbosity: 4}
- Node_UserIdent: quorum-node2
  Key_Dir: key2
  quorum:
    quorum: {consensus: istanbul, Quorum_Version: 21.10.2}
    tm: {Name: tessera, Tm_Version: 21.10.2}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_qubernetes_is_a_chain_and_external_nodes_are_a_party() {
    let (one, two) = (
        Operator::new(plane(), "qube").await,
        Operator::new(plane(), "peer").await,
    );
    one.receive("qubernetes.yaml", FILE);
    let (code, chain, said) = one.output("convert qubernetes.yaml");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        chain.contains("stack: quorum") && chain.contains("quorum-node2"),
        "{chain}"
    );
    assert!(said.contains("geth"), "the misplaced key is told: {said}");

    one.run("create net -f qubernetes.yaml");
    let sets = one.of_chain("apps", "StatefulSet").await;
    assert_eq!(
        sets.keys().collect::<Vec<_>>(),
        ["net-quorum-node1", "net-quorum-node2"]
    );
    let genesis: serde_json::Value = serde_json::from_str(&one.file("genesis.json").await).unwrap();
    assert_eq!(genesis["config"]["chainId"], 1234);
    assert_eq!(genesis["alloc"].as_object().unwrap().len(), 2);
    // The same file again changes nothing.
    let again = one.run("apply net -f qubernetes.yaml");
    assert!(
        again.lines().all(|line| line.ends_with(" unchanged")),
        "{again}"
    );

    let external = one.run("export net -o qubernetes --host net.example");
    assert!(external.starts_with("external_nodes:"), "{external}");
    two.run("create peer --stack quorum --consensus istanbul --privacy tessera --nodes 2");
    let before = two.file("genesis.json").await;
    two.receive("external_nodes.yaml", &external);
    two.run("join -f external_nodes.yaml --chain peer --party net");
    let list = two.file("permissioned-nodes.json").await;
    assert_eq!(list.matches("@net.example:").count(), 2, "{list}");
    let privacy = two.file("tessera-config.json").await;
    assert_eq!(privacy.matches("//net.example:").count(), 2, "{privacy}");
    assert_eq!(two.file("genesis.json").await, before);
}

/// The folders of keys that the original made, by the published demo keys.
#[test]
fn folders_of_keys_that_are_there_are_kept() {
    let vectors = include_str!("../fixtures/quorum/vectors.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut file = FILE.replacen("k8s:", "config: {Key_Dir_Base: out/config/}\nk8s:", 1);
    file = file.replacen("    geth: {verbosity: 4}\n", "", 1);
    std::fs::write(home.path().join("qubernetes.yaml"), file).unwrap();
    for index in 0..2 {
        let folder = home.path().join(format!("out/config/key{}", index + 1));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
        let text = |pointer: String| vectors.pointer(&pointer).unwrap().as_str().unwrap();
        write(
            "nodekey",
            text(format!("/nodekeys/{index}/nodekey_hex")).to_owned() + "\n",
        );
        let account = vectors.pointer(&format!("/keystore_v3/cases/{index}/keystore"));
        write("acctkeyfile.json", account.unwrap().to_string());
        let key = text(format!("/tessera_keys/cases/{index}/private_b64"));
        let key = serde_json::json!({"data": {"bytes": key}, "type": "unlocked"});
        write("tm.key", key.to_string());
    }
    let output = assert_cmd::Command::cargo_bin("kubectl-chain")
        .unwrap()
        .args("create net -f qubernetes.yaml --dry-run=client -o json".split(' '))
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("KUBECONFIG", home.path().join("none"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("opened with the empty password"), "{said}");
    let made = String::from_utf8(output.stdout).unwrap();
    for index in 0..2 {
        let account = &vectors["keystore_v3"]["cases"][index]["address"];
        let account = account.as_str().unwrap().trim_start_matches("0x");
        assert!(made.to_lowercase().contains(account), "{account}");
    }
    let list: serde_json::Value = serde_json::from_str(&made).unwrap();
    let list = list["items"].to_string();
    let enodes = vectors["enode_urls_qubernetes"]["computed"].as_array();
    for url in enodes.unwrap().iter().take(2) {
        let id = url.as_str().unwrap().split('@').next().unwrap();
        assert!(list.contains(id), "{id}");
    }
}

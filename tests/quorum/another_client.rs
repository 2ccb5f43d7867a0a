//! A client of somebody else's, built here as its author would build it, under the built-in consensus plugins.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use base64::Engine as _;
use chain_plugin_toolchain::{component, guest};
use serde_json::Value;

/// The component of `sample-plugins/plain_client`.
fn plain_client(folder: &Path) -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-plugins/plain_client");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let found = guest::find(&home).unwrap();
    let modules = guest::build(&[found], Some(&target.join("sample-plugins/guests"))).unwrap();
    let module = std::fs::read(&modules[0]).unwrap();
    let file = folder.join("plain_client.wasm");
    std::fs::write(
        &file,
        component::componentize("plain_client", &module).unwrap(),
    )
    .unwrap();
    file
}

/// Every text in objects of a kind; those of Secrets decoded.
fn texts(list: &Value, kind: &str) -> Vec<String> {
    let decoded = |text: &str| match kind {
        "Secret" => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .ok()?;
            String::from_utf8(bytes).ok()
        }
        _ => Some(text.to_owned()),
    };
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|object| object["kind"] == kind)
        .flat_map(|object| object["data"].as_object().unwrap().values())
        .filter_map(|text| decoded(text.as_str()?))
        .collect()
}

#[test]
fn another_client_is_driven_by_the_same_consensus() {
    let home = tempfile::tempdir().unwrap();
    let client = plain_client(home.path());
    // A validator is a node by its key in istanbul and qbft, and by its account in clique.
    for (consensus, from) in [("qbft", 0), ("istanbul", 0), ("clique", 40)] {
        let output = Command::cargo_bin("kubectl-chain")
            .unwrap()
            .args([
                "create", "other", "--stack", "quorum", "--nodes", "4", "--client",
            ])
            .arg(&client)
            .args(["--consensus", consensus, "--dry-run=client", "-o", "json"])
            .env("HOME", home.path())
            .env("KUBECONFIG", home.path().join("none"))
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{consensus}: {said}");
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        let hex = |text: &String| text.len() == 128 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let ids: Vec<String> = texts(&list, "Secret").into_iter().filter(hex).collect();
        assert_eq!(ids.len(), 4, "each node has an id");
        let genesis = texts(&list, "ConfigMap")
            .into_iter()
            .find(|text| text.starts_with('{') && text.contains("\"engine\""))
            .unwrap();
        let genesis: Value = serde_json::from_str(&genesis).unwrap();
        assert_eq!(genesis["engine"], consensus);
        let extra = genesis["extra"].as_str().unwrap();
        let place = |id: &String| extra.find(&id[from..from + 40]);
        assert!(ids.iter().all(|id| place(id).is_some()), "{extra}");
        let sets = list["items"].as_array().unwrap().iter();
        for set in sets.filter(|object| object["kind"] == "StatefulSet") {
            let args = &set["spec"]["template"]["spec"]["containers"][0]["args"];
            assert_eq!(args[0], format!("engine={consensus}"));
            assert_eq!(args[1], "tick=5000ms");
            assert_eq!(args[2], "quorum-of=4");
        }
    }
}

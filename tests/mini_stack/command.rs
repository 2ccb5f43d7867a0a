//! The command: flags that descriptors bring, and a secret that is not shared.

use super::*;

/// `kubectl chain create demo` with the three plugins as files and a home of its own.
fn create(words: Words, home: &std::path::Path, more: &[&str]) -> Command {
    let mut command = Command::cargo_bin("kubectl-chain").unwrap();
    command
        .env_clear()
        .env("HOME", home)
        .env("KUBECONFIG", home.join("none"));
    command.args([
        "create",
        "demo",
        "--nodes",
        "3",
        "--dry-run=client",
        "--stack",
    ]);
    command.arg(words.plugin("pebble"));
    for role in ["talker", "chorus"] {
        command.arg(format!("--{}", words.say(role)));
        command.arg(words.plugin(&format!("pebble_{role}")));
    }
    command.args([format!("--{}", words.say("circles")), "2".to_owned()]);
    command.args(more);
    command
}

#[test]
fn the_command_makes_a_chain_of_them_with_flags_that_their_descriptors_bring() {
    for words in BOTH {
        let home = tempfile::tempdir().unwrap();
        let grant = words.say("pebble_chorus=take:talker/seed");
        let greeting = words.say("--talker-greeting");
        let more = ["--grant", &grant, &greeting, "good morning", "-o", "json"];
        let output = create(words, home.path(), &more).assert().success();
        let list: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        let items = list["items"].as_array().unwrap();
        let sets = items
            .iter()
            .filter(|it| it["kind"] == "StatefulSet")
            .count();
        assert_eq!(sets, 3);
        let genesis = items
            .iter()
            .filter(|it| it["kind"] == "ConfigMap")
            .flat_map(|it| it["data"].as_object().unwrap().values())
            .filter_map(Value::as_str)
            .find(|text| text.contains("good morning"))
            .unwrap();
        let genesis: Value = serde_json::from_str(genesis).unwrap();
        assert_eq!(genesis["members"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn the_command_says_which_secret_is_not_shared() {
    for words in BOTH {
        let home = tempfile::tempdir().unwrap();
        let output = create(words, home.path(), &["-o", "name"]).assert().code(1);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(
            stderr.contains(&words.say("plugin pebble_chorus binds seed of talker")),
            "{stderr}"
        );
        assert!(output.get_output().stdout.is_empty());
    }
}

//! Operations of a plugin from outside the workspace, by the command: what it may do to a living chain.

use std::os::unix::fs::PermissionsExt as _;

use super::guests::Words;
use super::*;

/// A chain of the sample plugins, named by their files.
fn pebble(verb: &str) -> String {
    let file = |name: &str| Words::Pebble.plugin(name).display().to_string();
    format!(
        "{verb} brook --stack {} --talker {} --chorus {} --circles 1 --grant pebble_chorus=take:talker/seed",
        file("pebble"),
        file("pebble_talker"),
        file("pebble_chorus")
    )
}

fn with_plugins(line: &str) -> String {
    ["pebble", "pebble_talker", "pebble_chorus"]
        .iter()
        .fold(line.to_owned(), |line, name| {
            format!("{line} --plugin {}", Words::Pebble.plugin(name).display())
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_amends_the_spec_and_the_whole_pipeline_runs_for_it() {
    let Some(programs) = plane().exec_folder() else {
        eprintln!("skipped: pods of this cluster run no stubs");
        return;
    };
    // What a living node answers to one that joins.
    std::fs::create_dir_all(&programs).unwrap();
    let stub = programs.join("pebble");
    std::fs::write(&stub, "#!/bin/sh\necho seat 17\n").unwrap();
    std::fs::set_permissions(&stub, std::fs::Permissions::from_mode(0o755)).unwrap();

    let admin = plane().namespace("brook").await;
    let tool = Tool::new(&admin.namespace);
    tool.run(&format!("{} --nodes 2 --wait", pebble("create")));
    let vaults = uids(&admin, "", "Secret").await;
    let listed = tool.run(&with_plugins("run --chain brook"));
    assert!(listed.contains("invite"), "{listed}");

    // What the operation sets off needs the consent that the run before it had: it is not remembered anywhere else.
    let refused = tool.fails(&with_plugins("run invite guests=1 --chain brook"), 1);
    assert!(
        refused.contains("binds seed of talker") && refused.contains("seed is a secret"),
        "{refused}"
    );
    tool.run(&format!(
        "plugin grant {} take:talker/seed",
        Words::Pebble.plugin("pebble_chorus").display()
    ));
    let said = tool.run(&with_plugins("run invite guests=1 --chain brook"));
    assert!(said.contains("the chain has 3 nodes"), "{said}");
    let sets = of_chain(&admin, "apps", "StatefulSet").await;
    assert_eq!(sets.len(), 3);
    let args = |name: &str| sets[name]["spec"]["template"]["spec"]["containers"].to_string();
    assert!(
        sets.keys()
            .any(|name| args(name).contains(r#""--seat","17""#)),
        "the hook that the amendment called remembered a seat, and it is rendered"
    );
    let after = uids(&admin, "", "Secret").await;
    assert!(
        vaults
            .iter()
            .all(|(name, uid)| after.get(name) == Some(uid))
    );
    assert_eq!(after.len(), vaults.len() + 1);

    let wrong = tool.fails(&with_plugins("run invite guests=none --chain brook"), 1);
    assert!(
        wrong.contains("arguments:") && wrong.contains("hint: it takes\n  guests=\n"),
        "{wrong}"
    );
}

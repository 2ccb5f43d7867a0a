//! `plugin check`: every plugin of this repository passes, and each that should not is told why, with what to do.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/guests.rs"]
#[allow(dead_code)]
mod guests;

use std::path::Path;
use std::sync::Arc;

use assert_cmd::Command;
use chain_plugin_toolchain::{CONTRACT_VERSION, section};
use kubectl_chain::pipeline::check::{self, Check, Grade, Subject};
use kubectl_chain::plugin::{Catalog, Plugin, Shared};
use serde_json::{Value, json};

use guests::{Words, hostile_component, impatient, runtime, stamped};

async fn checked(plugin: &Shared, catalog: &Catalog, patient: bool) -> Vec<Check> {
    let subject = Subject {
        plugin,
        catalog,
        against: None,
        chain: None,
    };
    let runtime = if patient { runtime() } else { impatient() };
    check::check(&subject, &runtime).await
}

/// `CHECK GRADE PATH MESSAGE` of everything that was found.
fn found(checks: &[Check]) -> Vec<String> {
    let of = |check: &Check| {
        let name = check.name;
        let all = check.findings.iter().map(move |it| {
            let grade = if it.grade == Grade::Fault { "F" } else { "W" };
            format!("{name} {grade} {} {}", it.path, it.message)
        });
        all.collect::<Vec<_>>()
    };
    checks.iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_built_in_plugin_passes_without_a_word() {
    let catalog = Catalog::built_in().unwrap();
    let mut said = Vec::new();
    let mut count = 0;
    for plugin in catalog.all() {
        let checks = checked(plugin, &catalog, true).await;
        for line in found(&checks) {
            said.push(format!("{}: {line}", plugin.name()));
        }
        let skipped: Vec<&str> = checks
            .iter()
            .filter(|it| it.skipped)
            .map(|it| it.name)
            .collect();
        assert!(skipped.is_empty(), "{}: {skipped:?}", plugin.name());
        count += 1;
    }
    assert!(said.is_empty(), "{}", said.join("\n"));
    // A build without plugins has nothing to look at; CI never makes one.
    assert!(count == 0 || count >= 30, "{count}");
}

/// The stack of the sample plugins with a guest in the place of its chorus.
fn among_pebbles(name: &str, component: Vec<u8>) -> (Shared, Catalog) {
    let mut catalog = Catalog::default();
    for name in ["pebble", "pebble_talker", "pebble_chorus"] {
        catalog.add_file(&Words::Pebble.plugin(name)).unwrap();
    }
    let plugin = Plugin::from_component(&format!("{name}.wasm"), component).unwrap();
    (catalog.add(plugin), catalog)
}

async fn hostile(name: &str) -> Vec<String> {
    let (plugin, catalog) = among_pebbles(name, hostile_component(name));
    found(&checked(&plugin, &catalog, false).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_as_it_should_passes_and_one_that_counts_does_not() {
    // It has no license, which is a warning.
    assert_eq!(hostile("good").await, ["identity W /license it is empty"]);
    let said = hostile("session_counts").await.join("\n");
    for way in [
        "with a session of its own for every call",
        "in another order",
    ] {
        let line = "rehearsal F  what is rendered about node/";
        assert!(said.contains(line) && said.contains(way), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_that_mean_harm_fail_their_check_and_nothing_else() {
    let said = hostile("render_loop").await;
    assert!(
        said.iter()
            .any(|it| it.starts_with("rehearsal F") && it.contains("did not end within 1 s")),
        "{said:?}"
    );
    let said = hostile("forbidden_import").await;
    let wasi = "contract F  it imports wasi:cli/environment@0.2.0, which no host offers";
    assert!(said.contains(&wasi.to_owned()), "{said:?}");
    // What does not keep the contract is never started: the first would not come back.
    for guest in ["start_loop", "missing_export"] {
        let said = hostile(guest).await;
        let fault = "contract F  it does not export the interface `plugin`".to_owned();
        assert!(said.contains(&fault), "{guest}: {said:?}");
        assert!(
            !said.iter().any(|it| it.starts_with("describe F")),
            "{said:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_section_that_says_otherwise_than_the_plugin_is_found() {
    let mut component = hostile_component("good");
    let text = b"means harm";
    let places: Vec<usize> = (0..component.len() - text.len())
        .filter(|at| component[*at..].starts_with(text))
        .collect();
    // Once in the guest's own memory, once in the section behind it.
    assert_eq!(places.len(), 2);
    component[places[1]..][..text.len()].copy_from_slice(b"means well");
    let (plugin, catalog) = among_pebbles("good", component);
    let said = found(&checked(&plugin, &catalog, false).await);
    assert!(
        said.contains(
            &"describe F  the section `chain:descriptor` is not what `describe` gives".to_owned()
        ),
        "{said:?}"
    );
}

fn command(words: &[&str], home: &Path) -> Command {
    let mut command = Command::cargo_bin("kubectl-chain").unwrap();
    command
        .args(words)
        .env("HOME", home)
        .env("KUBECONFIG", home.join("none"))
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .current_dir(home);
    command
}

/// Exit code, stdout, stderr.
fn run(words: &[&str], home: &Path) -> (Option<i32>, String, String) {
    let output = command(words, home).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn an_author_sees_a_line_for_each_check() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| Words::Pebble.plugin(name).display().to_string();
    let (talker, stack, chorus) = (path("pebble_talker"), path("pebble"), path("pebble_chorus"));
    let (code, out, said) = run(&["plugin", "check", &talker, &stack, &chorus], home.path());
    assert_eq!(code, Some(0), "{out}\n{said}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 12, "{out}");
    assert!(
        lines
            .iter()
            .all(|it| it.starts_with("plugin/pebble_talker ") && it.contains(" passed")),
        "{out}"
    );
    assert_eq!(
        lines[0],
        "plugin/pebble_talker contract passed (1.0.0; exports operate, plugin)"
    );
    assert!(
        lines[11].starts_with("plugin/pebble_talker rehearsal passed (pebble first: "),
        "{out}"
    );

    // Without its stack much cannot be seen; that is no fault.
    let (code, out, said) = run(&["plugin", "check", &talker], home.path());
    assert_eq!(code, Some(0), "{out}\n{said}");
    assert!(
        out.contains("rehearsal skipped (stack `pebble` is not in sight: name its .wasm file too)"),
        "{out}"
    );

    let (code, out, _) = run(
        &["plugin", "check", &talker, &stack, &chorus, "-o", "json"],
        home.path(),
    );
    assert_eq!(code, Some(0));
    let all: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(all["kind"], "PluginCheck");
    assert_eq!(all["passed"], true);
    assert_eq!(all["checks"].as_array().unwrap().len(), 12);

    assert_eq!(run(&["plugin", "check"], home.path()).0, Some(2));
    assert_eq!(run(&["plugin", "check", "nobody"], home.path()).0, Some(1));
}

/// A component that is nothing but its descriptor.
fn described(descriptor: &Value) -> Vec<u8> {
    // Who reads a component takes the first section of a name; here there is none before.
    let bare = hostile_component("missing_export");
    let at = bare
        .windows(14)
        .position(|it| it == b"chain:contract")
        .unwrap()
        - 3;
    stamped(
        bare[..at].to_vec(),
        CONTRACT_VERSION,
        &descriptor.to_string(),
    )
}

#[test]
fn a_new_version_is_held_against_the_one_before() {
    let home = tempfile::tempdir().unwrap();
    let stamp = |name: &str, change: &dyn Fn(&mut Value)| {
        let bytes = std::fs::read(Words::Pebble.plugin("pebble_chorus")).unwrap();
        let text = section::read(&bytes, section::DESCRIPTOR).unwrap().unwrap();
        let mut descriptor: Value = serde_json::from_slice(text).unwrap();
        change(&mut descriptor);
        let bytes = described(&descriptor);
        let path = home.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let old = stamp("old.wasm", &|it| {
        it["kept"] = json!([{"name": "seal", "kinds": ["node"], "secret": true}]);
        it["options"] = json!({"properties": {"pace": {"type": "integer"}}});
        it["permissions"] = json!([]);
    });
    let new = stamp("new.wasm", &|it| {
        it["kept"] = json!([]);
        it["options"] = json!({"properties": {"pace": {"type": "string"}}});
        it["permissions"] = json!(["root"]);
    });
    let (code, out, said) = run(&["plugin", "check", &new, "--against", &old], home.path());
    assert_eq!(code, Some(1), "{out}\n{said}");
    assert!(out.contains(" against failed"), "{out}");
    assert!(
        said.contains(
            "error: pebble_chorus: /kept: `seal` is gone\nhint: kept items are append-only"
        ),
        "{said}"
    );
    assert!(said.contains("warning: pebble_chorus: /options/properties/pace/type: `pace`: it was \"integer\", and is \"string\""), "{said}");
    assert!(
        said.contains("warning: pebble_chorus: /permissions: it asks for root now"),
        "{said}"
    );
}

#[test]
fn a_plugin_that_takes_a_flag_of_the_hosts_is_refused_wherever_it_is_loaded() {
    let home = tempfile::tempdir().unwrap();
    let descriptor = json!({"name": "greedy", "stack": "greedy", "series": [],
        "options": {"properties": {"context": {"type": "string"}}}});
    let bytes = described(&descriptor);
    let fault = Plugin::from_component("greedy.wasm", bytes.clone())
        .map(Arc::new)
        .unwrap_err();
    assert!(
        fault
            .to_string()
            .contains("/options/properties/context of its descriptor would be the flag --context"),
        "{fault}"
    );
    let path = home.path().join("greedy.wasm");
    std::fs::write(&path, bytes).unwrap();
    let path = path.display().to_string();
    for words in [
        vec!["plugin", "check", path.as_str()],
        vec!["plugin", "info", path.as_str()],
        vec![
            "create",
            "--stack",
            path.as_str(),
            "--dry-run=client",
            "-n",
            "x",
        ],
    ] {
        let (code, out, said) = run(&words, home.path());
        assert_eq!(code, Some(1), "{words:?}\n{out}\n{said}");
        assert!(
            said.contains("--context, which is kubectl chain's own"),
            "{words:?}\n{said}"
        );
    }
}

//! The commands of the pages below `docs/`: the tool takes each of them as it stands there, operations and their arguments
//! are those that plugins have, and what can be created without a cluster is.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/pages.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use support::{blocks, chain_file, commands, words};

/// An operation of a plugin that is run by name.
struct Operation {
    plugin: String,
    /// Whether it is about somebody in the chain.
    has_subject: bool,
    args: Vec<String>,
}

/// A page, and a folder in which its commands run.
struct Page {
    name: String,
    text: String,
    folder: tempfile::TempDir,
}

fn tool(folder: &Path, words: &[String]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("kubectl-chain"))
        .args(words)
        .current_dir(folder)
        // One for all: what is compiled once stays compiled.
        .env("HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages"))
        .env("KUBECONFIG", folder.join("none"))
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the tool; what it says, when it fails.
fn refused(folder: &Path, words: &[String]) -> Option<String> {
    let output = tool(folder, words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(said)
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|it| (*it).to_owned()).collect()
}

/// All operations of built-in plugins that are run by name, by that name.
static OPERATIONS: LazyLock<BTreeMap<String, Operation>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let listed = tool(folder, &owned(&["plugin", "list", "-o", "name"]));
    let mut all = BTreeMap::new();
    for plugin in String::from_utf8(listed.stdout).unwrap().lines() {
        let told = tool(folder, &owned(&["plugin", "info", plugin, "-o", "json"]));
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        for it in told["operations"].as_array().into_iter().flatten() {
            if it.get("hook").is_some_and(|hook| hook != "") {
                continue;
            }
            let args = it["args"]["properties"].as_object();
            let operation = Operation {
                plugin: plugin.to_owned(),
                has_subject: it["kind"].as_str().is_some_and(|kind| !kind.is_empty()),
                args: args.map_or_else(Vec::new, |it| it.keys().cloned().collect()),
            };
            all.insert(it["name"].as_str().unwrap().to_owned(), operation);
        }
    }
    all
});

fn pages() -> Vec<Page> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| Page {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            text: std::fs::read_to_string(path).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        })
        .collect()
}

impl Page {
    /// The first cells of tables that are one piece of code, and the words in it.
    fn rows(&self) -> Vec<Vec<String>> {
        let cells = self.text.lines().filter_map(|it| it.strip_prefix("| `"));
        cells
            .filter_map(|it| it.split_once("` |"))
            .map(|(code, _)| code.split_whitespace().map(str::to_owned).collect())
            .collect()
    }

    /// An operation is one that there is, with a subject where it needs one, and with arguments that it takes.
    fn judge(&self, words: &[String]) {
        let said = words.join(" ");
        let mut subjects = 0;
        let mut rest = words.iter();
        let Some(name) = rest.next() else {
            return;
        };
        let operation = OPERATIONS
            .get(name)
            .unwrap_or_else(|| panic!("{}: there is no operation {name}: {said}", self.name));
        while let Some(word) = rest.next() {
            if word.starts_with("--") {
                rest.next();
            } else if let Some((arg, _)) = word.split_once('=') {
                let known = operation.args.iter().any(|it| it == arg);
                assert!(known, "{}: {name} takes no {arg}: {said}", self.name);
            } else if word != "..." {
                subjects += 1;
            }
        }
        let wanted = usize::from(operation.has_subject);
        assert_eq!(subjects, wanted, "{}: subjects of {said}", self.name);
    }
}

#[test]
fn commands_of_the_pages_are_taken_as_they_stand() {
    let (mut taken, mut created) = (0, 0);
    for page in pages() {
        for block in blocks(&page.text) {
            let folder = page.folder.path();
            if let Some(file) = chain_file(&block) {
                std::fs::write(folder.join("chain.yaml"), file).unwrap();
            }
            for line in commands(&block) {
                let mut said = words(folder, &line);
                // A plugin that the reader has made, and names that the reader gives.
                if said[0] == "create" && line.contains(".wasm") {
                    continue;
                }
                for word in &mut said {
                    if word == "NAME" {
                        "demo".clone_into(word);
                    }
                }
                // Whatever is wrong with a word is told before help is.
                let mut asked = said.clone();
                asked.push("--help".to_owned());
                let refusal = refused(folder, &asked);
                assert_eq!(refusal, None, "{}: {line}", page.name);
                taken += 1;
                if said[0] == "run" {
                    page.judge(&said[1..]);
                }
                let file = said
                    .iter()
                    .position(|it| it == "-f")
                    .map(|it| &said[it + 1]);
                let there =
                    |file: &String| folder.join(file).metadata().is_ok_and(|it| it.len() > 0);
                if said[0] == "create" && file.is_none_or(there) {
                    said.retain(|it| it != "--wait" && it != "--dry-run=client");
                    said.push("--dry-run=client".to_owned());
                    let refusal = refused(folder, &said);
                    assert_eq!(refusal, None, "{}: {line}", page.name);
                    created += 1;
                }
            }
        }
    }
    assert!(taken >= 40 && created >= 8, "{taken} {created}");
}

#[test]
fn tables_of_operations_are_true_and_whole() {
    let mut judged = 0;
    for page in pages() {
        for row in page.rows() {
            if OPERATIONS.contains_key(&row[0]) {
                page.judge(&row);
                judged += 1;
            }
        }
        for (name, operation) in &*OPERATIONS {
            let told = match page.name.as_str() {
                "fabric.md" if operation.plugin == "fabric" => {
                    page.rows().iter().any(|it| it[0] == *name)
                }
                "quorum.md"
                    if ["quorum", "goquorum", "raft"].contains(&operation.plugin.as_str()) =>
                {
                    page.text.contains(name)
                }
                _ => true,
            };
            assert!(told, "{} says nothing of {name}", page.name);
        }
    }
    assert!(judged >= 27, "{judged}");
}

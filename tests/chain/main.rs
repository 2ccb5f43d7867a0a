//! A chain from `create` to `delete --purge`, through the command, on a real control plane: what is promised to a user.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::doc_markdown,
    clippy::panic
)]

mod crash;
#[path = "../support/guests.rs"]
#[allow(dead_code)]
mod guests;
mod lifecycle;
mod operations;
#[path = "../support/plane.rs"]
mod plane;
mod race;
mod readme;
mod refusal;
mod rights;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;
use kubectl_chain::cluster::Connection;
use kubectl_chain::cluster::object_api::ApiKind;
use kubectl_chain::cluster::request::ListQuery;
use serde_json::Value;

use plane::plane;

/// The command, in a namespace of the plane, with a home of its own.
pub struct Tool {
    namespace: String,
    home: tempfile::TempDir,
}

impl Tool {
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::cargo_bin("kubectl-chain").unwrap();
        command
            .args(line.split_whitespace())
            .args(["-n", &self.namespace])
            .env("KUBECONFIG", &plane().kubeconfig)
            .env("HOME", self.home.path())
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .timeout(std::time::Duration::from_mins(2));
        command
    }

    /// Runs it; panics with all it said if it fails.
    pub fn run(&self, line: &str) -> String {
        let output = self.output(line);
        assert!(
            output.status.success(),
            "{line}\n{}\n{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Runs it; panics if it does not fail with `code`. Returns stderr.
    pub fn fails(&self, line: &str, code: i32) -> String {
        let output = self.output(line);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}\n{said}");
        text(&output.stderr)
    }

    pub fn output(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// All objects of a kind in the namespace of `connection`.
pub async fn list(connection: &Connection, group: &str, kind: &str) -> Vec<Value> {
    let kind = ApiKind::known(group, kind).unwrap();
    connection
        .list(&kind, &connection.namespace, ListQuery::default())
        .await
        .unwrap()
}

/// Name to object, of those that carry a chain's label.
pub async fn of_chain(connection: &Connection, group: &str, kind: &str) -> BTreeMap<String, Value> {
    list(connection, group, kind)
        .await
        .into_iter()
        .filter(|it| it.pointer("/metadata/labels/chain.dev~1chain").is_some())
        .map(|it| (it["metadata"]["name"].as_str().unwrap().to_owned(), it))
        .collect()
}

/// UID by name, of the chain's objects.
pub async fn uids(connection: &Connection, group: &str, kind: &str) -> BTreeMap<String, String> {
    of_chain(connection, group, kind)
        .await
        .into_iter()
        .map(|(name, it)| (name, it["metadata"]["uid"].as_str().unwrap().to_owned()))
        .collect()
}

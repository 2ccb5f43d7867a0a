//! The command as one operator has it: a namespace of a plane, and a home of its own.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use assert_cmd::Command;
use kubectl_chain::cluster::Connection;
use kubectl_chain::cluster::object_api::ApiKind;
use kubectl_chain::cluster::request::ListQuery;
use serde_json::Value;

use crate::plane::Plane;

/// The command, in a namespace of a plane, with a home of its own: as one operator has it.
pub struct Operator {
    /// The admin's connection to its namespace.
    pub admin: Connection,
    /// The kubeconfig that it uses.
    pub kubeconfig: PathBuf,
    /// Its home, in which commands run.
    pub home: tempfile::TempDir,
}

impl Operator {
    /// One with a namespace of its own, called like `test`.
    pub async fn new(plane: &Plane, test: &str) -> Self {
        Self {
            admin: plane.namespace(test).await,
            kubeconfig: plane.kubeconfig.clone(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The same one, whose kubeconfig also has the context `other`, which leads to another plane.
    pub fn reaching(mut self, other: &str, plane: &Plane) -> Self {
        let read = |path: &std::path::Path| -> Value {
            let text = std::fs::read_to_string(path).unwrap();
            serde_yaml::from_str(&text).unwrap()
        };
        let (mut own, mut more) = (read(&self.kubeconfig), read(&plane.kubeconfig));
        for kind in ["clusters", "users", "contexts"] {
            let entry = &mut more[kind][0];
            entry["name"] = other.into();
            if kind == "contexts" {
                entry["context"]["cluster"] = other.into();
                entry["context"]["user"] = other.into();
            }
            own[kind].as_array_mut().unwrap().push(entry.take());
        }
        self.kubeconfig = self.home.path().join("kubeconfig");
        std::fs::write(&self.kubeconfig, own.to_string()).unwrap();
        self
    }

    /// What is run.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::cargo_bin("kubectl-chain").unwrap();
        command
            .args(line.split_whitespace())
            .args(["-n", &self.admin.namespace])
            .current_dir(self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.home.path())
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .timeout(std::time::Duration::from_mins(3));
        command
    }

    /// Starts it and does not wait for its end; what it says goes nowhere.
    pub fn start(&self, line: &str, variables: &[(&str, &str)]) -> std::process::Child {
        let made = self.command(line);
        let mut command = std::process::Command::new(made.get_program());
        command
            .args(made.get_args())
            .current_dir(self.home.path())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        for (name, value) in made.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.envs(variables.iter().copied()).spawn().unwrap()
    }

    /// Runs it: exit code, stdout, stderr.
    pub fn output(&self, line: &str) -> (Option<i32>, String, String) {
        let output = self.command(line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    /// Runs it; panics with all it said if it fails.
    pub fn run(&self, line: &str) -> String {
        let (code, out, said) = self.output(line);
        assert_eq!(code, Some(0), "{line}\n{out}\n{said}");
        out
    }

    /// Runs it; panics if it succeeds. Returns what it said.
    pub fn fails(&self, line: &str) -> String {
        let (code, out, said) = self.output(line);
        assert_eq!(code, Some(1), "{line}\n{out}\n{said}");
        said
    }

    /// Runs kubectl in the same namespace; the last argument may hold spaces.
    pub fn kubectl(&self, words: &[&str], last: &str) -> String {
        let output = std::process::Command::new("kubectl")
            .args(words)
            .arg(last)
            .args(["-n", &self.admin.namespace])
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {words:?} {last}\n{said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Writes into the status of an object what a load balancer's controller would.
    pub fn balance(&self, object: &str, ingress: &Value) {
        let patch = serde_json::json!({"status": {"loadBalancer": {"ingress": [ingress]}}});
        let words = [
            "patch",
            object,
            "--subresource=status",
            "--type=merge",
            "-p",
        ];
        self.kubectl(&words, &patch.to_string());
    }

    /// Puts a file into the folder in which commands run: the one thing that is carried.
    pub fn receive(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }

    /// Name to object, of those of a kind that carry a chain's label.
    pub async fn of_chain(&self, group: &str, kind: &str) -> BTreeMap<String, Value> {
        let kind = ApiKind::known(group, kind).unwrap();
        let query = ListQuery {
            labels: "chain.dev/chain",
            ..ListQuery::default()
        };
        let all = self.admin.list(&kind, &self.admin.namespace, query).await;
        all.unwrap()
            .into_iter()
            .map(|it| (it["metadata"]["name"].as_str().unwrap().to_owned(), it))
            .collect()
    }

    /// The text of the one file called `file` in the chain's objects.
    pub async fn file(&self, file: &str) -> String {
        let maps = self.of_chain("", "ConfigMap").await;
        let suffix = format!(".{file}");
        let data = maps.values().filter_map(|map| map["data"].as_object());
        let mut found = data
            .flatten()
            .filter(|(key, _)| key.ends_with(&suffix))
            .filter_map(|(_, text)| text.as_str());
        let text = found.next().unwrap_or_else(|| panic!("no {file}"));
        assert!(found.next().is_none(), "{file} is there twice");
        text.to_owned()
    }
}

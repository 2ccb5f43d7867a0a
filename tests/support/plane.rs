//! A real control plane for the tests of one binary: started once, gone when the process is.
//!
//! `CHAIN_TEST_KUBECONFIG` names another cluster to use instead. Each test works in a namespace of its own and need not
//! tidy up.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use kubectl_chain::cluster::object_api::ApiKind;
use kubectl_chain::cluster::{ConnectFlags, Connection};
use serde_json::{Value, json};

/// A cluster to test on.
pub struct Plane {
    /// The admin's kubeconfig.
    pub kubeconfig: PathBuf,
}

/// The plane of this test binary.
pub fn plane() -> &'static Plane {
    static PLANE: OnceLock<Plane> = OnceLock::new();
    PLANE.get_or_init(|| {
        let kubeconfig = match std::env::var_os("CHAIN_TEST_KUBECONFIG") {
            Some(path) => PathBuf::from(path),
            None => start(""),
        };
        Plane { kubeconfig }
    })
}

/// A second one, for what happens between two clusters; none in a cluster of somebody's, unless
/// `CHAIN_TEST_KUBECONFIG_2` names another.
pub fn second_plane() -> Option<&'static Plane> {
    static PLANE: OnceLock<Option<Plane>> = OnceLock::new();
    let made = PLANE.get_or_init(|| {
        let kubeconfig = match std::env::var_os("CHAIN_TEST_KUBECONFIG_2") {
            Some(path) => PathBuf::from(path),
            None if std::env::var_os("CHAIN_TEST_KUBECONFIG").is_some() => return None,
            None => start("-2"),
        };
        Some(Plane { kubeconfig })
    });
    made.as_ref()
}

/// Starts one, in a folder that says whose it is.
fn start(suffix: &str) -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/controlplane/run");
    // What dead test runs left behind.
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name
            .strip_prefix("plane-")
            .and_then(|rest| rest.split('-').next())
        else {
            continue;
        };
        if !Path::new("/proc").join(pid).exists() {
            // It may still be stopping: without the list of its processes, which lies in the folder, some would stay.
            let _ = Command::new(&run).arg("stop").arg(entry.path()).status();
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let folder = parent.join(format!("plane-{}{suffix}", std::process::id()));
    let status = Command::new(&run)
        .arg("start")
        .arg(&folder)
        .env("CHAIN_CONTROLPLANE_PARENT", std::process::id().to_string())
        .status()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", run.display()));
    assert!(status.success(), "the control plane did not start");
    folder.join("kubeconfig")
}

impl Plane {
    /// The folder in which programs for `exec` into pods are put; none in a cluster of somebody's.
    pub fn exec_folder(&self) -> Option<PathBuf> {
        let own = std::env::var_os("CHAIN_TEST_KUBECONFIG").is_none();
        own.then(|| self.kubeconfig.with_file_name("exec"))
    }

    /// The folder with one folder for each pod, as the control plane's README says; none in a cluster of somebody's.
    pub fn pods_folder(&self) -> Option<PathBuf> {
        let own = std::env::var_os("CHAIN_TEST_KUBECONFIG").is_none();
        own.then(|| self.kubeconfig.with_file_name("pods"))
    }

    /// The flags of the admin, in a namespace.
    pub fn flags(&self, namespace: &str) -> ConnectFlags {
        ConnectFlags {
            kubeconfig: Some(self.kubeconfig.clone()),
            namespace: Some(namespace.to_owned()),
            ..ConnectFlags::default()
        }
    }

    /// A connection as admin, in a new namespace. A connection belongs to the runtime of the test that made it.
    pub async fn namespace(&self, test: &str) -> Connection {
        self.namespace_with(test, json!({})).await
    }

    /// The same, with labels on the namespace.
    pub async fn namespace_with(&self, test: &str, labels: Value) -> Connection {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{test}-{}-{number}", std::process::id());
        let connection = Connection::open(&self.flags(&name)).await.unwrap();
        let kind = ApiKind::known("", "Namespace").unwrap();
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        connection.create(&kind, "", &object).await.unwrap();
        connection
    }

    /// A connection as `user`, who has the ClusterRole `role` in the namespace of `admin`.
    pub async fn user(&self, admin: &Connection, user: &str, role: &str) -> Connection {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": format!("{user}-{role}"), "namespace": admin.namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        let kind = ApiKind::known("rbac.authorization.k8s.io", "RoleBinding").unwrap();
        admin
            .create(&kind, &admin.namespace, &binding)
            .await
            .unwrap();
        let flags = ConnectFlags {
            as_user: Some(user.to_owned()),
            ..self.flags(&admin.namespace)
        };
        let connection = Connection::open(&flags).await.unwrap();
        // The API server learns of the binding a moment later.
        for _ in 0..100 {
            let rights = connection.rights(&admin.namespace).await.unwrap();
            let get = kubectl_chain::cluster::rights::Right::each("", "pods", &["list"]);
            if rights.missing(&get).is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        connection
    }
}

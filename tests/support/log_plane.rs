//! A control plane for the tests of logs: one per test binary, in a temporary folder, stopped when the process ends.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

static PLANE: OnceCell<Plane> = OnceCell::const_new();

/// A running control plane.
pub struct Plane {
    folder: PathBuf,
}

/// The plane of this test binary.
pub async fn plane() -> &'static Plane {
    PLANE.get_or_init(|| async { Plane::start() }).await
}

impl Plane {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/controlplane/run");
        let status = Command::new(&run)
            .arg("start")
            .arg(&folder)
            .env("CHAIN_CONTROLPLANE_PARENT", std::process::id().to_string())
            .status()
            .unwrap();
        assert!(status.success(), "{} start: {status}", run.display());
        Self { folder }
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A client of the admin, or of somebody else.
    pub async fn client(&self, impersonate: Option<&str>) -> kube::Client {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        config.auth_info.impersonate = impersonate.map(str::to_owned);
        kube::Client::try_from(config).unwrap()
    }

    /// The folder of a pod.
    pub fn pod_folder(&self, namespace: &str, pod: &str) -> PathBuf {
        self.folder.join("pods").join(namespace).join(pod)
    }

    /// Appends a line to the log of a container, stamped now.
    pub fn write(&self, namespace: &str, pod: &str, container: &str, text: &str) {
        use std::io::Write as _;
        let path = self
            .pod_folder(namespace, pod)
            .join(format!("{container}.log"));
        let line = format!("{:.9} stdout F {text}\n", jiff::Timestamp::now());
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// Posts an object of a built-in kind by its path.
pub async fn post(client: &kube::Client, path: &str, body: &Value) -> Value {
    let request = http::Request::post(path).header("content-type", "application/json");
    client
        .request(request.body(serde_json::to_vec(body).unwrap()).unwrap())
        .await
        .unwrap()
}

/// Makes a namespace.
pub async fn namespace(client: &kube::Client, name: &str) {
    post(
        client,
        "/api/v1/namespaces",
        &json!({"metadata": {"name": name}}),
    )
    .await;
}

/// Makes a node of a chain as the host would: a StatefulSet of one pod.
pub async fn node(client: &kube::Client, namespace: &str, chain: &str, name: &str, image: &str) {
    let workload = format!("{chain}-{name}");
    let selector = json!({"chain.dev/chain": chain, "chain.dev/workload": workload});
    let mut labels = selector.clone();
    labels["chain.dev/node"] = json!(name);
    let body = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": workload, "labels": selector},
        "spec": {"replicas": 1, "serviceName": workload, "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": labels, "annotations": {
                    "kubectl.kubernetes.io/default-container": "consensus"}},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                    {"name": "consensus", "image": image, "ports": [{"containerPort": 8080}]},
                    {"name": "kms", "image": image}]}}}});
    post(
        client,
        &format!("/apis/apps/v1/namespaces/{namespace}/statefulsets"),
        &body,
    )
    .await;
}

/// Waits until a pod with another UID than `before` runs, and its log is there; returns its UID.
pub async fn running(
    plane: &Plane,
    client: &kube::Client,
    namespace: &str,
    pod: &str,
    before: &str,
) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    for _ in 0..300 {
        if let Some(found) = pods.get_opt(pod).await.unwrap() {
            let uid = found.metadata.uid.unwrap_or_default();
            let phase = found
                .status
                .and_then(|status| status.phase)
                .unwrap_or_default();
            let log = plane.pod_folder(namespace, pod).join("consensus.log");
            if uid != before && phase == "Running" && log.exists() {
                return uid;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("pod {pod} does not run");
}

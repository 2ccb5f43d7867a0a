//! Logs, exec, port-forward and status against a real API server: see tests/controlplane/README.md.
//!
//! Run with `cargo test --test logs_follow`; the first run builds the control plane.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::similar_names,
    missing_docs
)]

#[path = "support/log_plane.rs"]
mod log_plane;

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kubectl_chain::cluster::Elsewhere;
use kubectl_chain::cluster::connect::{ConnectFlags, Connection};
use kubectl_chain::cluster::exec::{ExecRequest, exec};
use kubectl_chain::cluster::forward::{HttpRequest, PodPort, request};
use kubectl_chain::cluster::logs::{
    Containers, LogEvent, LogOptions, LogStream, LogTarget, Pace, collect, find_nodes, stream_paced,
};
use kubectl_chain::cluster::status;
use kubectl_chain::cluster::wait::{Until, Waited, wait};
use kubectl_chain::commands::logs::Logs;
use kubectl_chain::commands::status::{Status, StatusOutput};
use kubectl_chain::ui::Printer;
use log_plane::{namespace, node, plane, post, running};
use serde_json::json;

fn follow() -> LogOptions {
    LogOptions {
        follow: true,
        ..LogOptions::default()
    }
}

fn open(client: &kube::Client, targets: Vec<LogTarget>, options: &LogOptions) -> LogStream {
    let pace = Pace {
        look: Duration::from_millis(200),
        ..Pace::default()
    };
    stream_paced(client, targets, options, pace)
}

/// The next line or gap, as text; notes are passed over.
async fn next(stream: &mut LogStream) -> String {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(40), stream.next()).await;
        match next
            .expect("nothing came in time")
            .expect("the stream ended")
            .1
        {
            LogEvent::Line(line) => return String::from_utf8_lossy(line.text()).into_owned(),
            LogEvent::Gap(gap) => return gap.to_string(),
            LogEvent::Note(_) => {}
            LogEvent::End(error) => return format!("end {error:?}"),
        }
    }
}

async fn connection(namespace: &str) -> Connection {
    let flags = ConnectFlags {
        kubeconfig: Some(plane().await.kubeconfig()),
        namespace: Some(namespace.to_owned()),
        request_timeout: "0".to_owned(),
        ..ConnectFlags::default()
    };
    Connection::open(&flags).await.unwrap()
}

/// Where a chain lives that lives nowhere else.
fn home() -> Elsewhere {
    Elsewhere::new()
}

/// A node `node0` of chain `c` that runs; returns its pod's UID.
async fn one_node(client: &kube::Client, place: &str) -> String {
    namespace(client, place).await;
    node(client, place, "c", "node0", "x:1").await;
    running(plane().await, client, place, "c-node0-0", "").await
}

#[tokio::test]
async fn a_followed_log_goes_on_in_the_pod_that_replaces_the_first() {
    let plane = plane().await;
    let client = plane.client(None).await;
    let place = "follow";
    let uid = one_node(&client, place).await;
    let nodes = find_nodes(&client, place, &home(), None, &["node0".to_owned()])
        .await
        .unwrap();
    let targets = nodes[0].targets(&Containers::Default).unwrap();
    assert_eq!(targets[0].label, "node0 consensus");
    let mut log = open(&client, targets, &follow());
    assert!(next(&mut log).await.contains("started"));
    for i in 0..50 {
        plane.write(place, "c-node0-0", "consensus", &format!("line {i}"));
    }
    for i in 0..50 {
        assert_eq!(next(&mut log).await, format!("line {i}"));
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), place);
    pods.delete(
        "c-node0-0",
        &kube::api::DeleteParams::default().grace_period(0),
    )
    .await
    .unwrap();
    running(plane, &client, place, "c-node0-0", &uid).await;
    plane.write(place, "c-node0-0", "consensus", "after");
    let gap = next(&mut log).await;
    assert!(
        gap.starts_with("gap: pod was replaced, lines between 20"),
        "{gap}"
    );
    assert!(next(&mut log).await.contains("started"));
    assert_eq!(next(&mut log).await, "after");
}

#[tokio::test]
async fn logs_are_read_whole_by_time_and_by_tail() {
    let plane = plane().await;
    let client = plane.client(None).await;
    let place = "read";
    one_node(&client, place).await;
    let long = "x".repeat(40_000);
    for (container, text) in [
        ("consensus", "first"),
        ("kms", "second"),
        ("consensus", &long),
    ] {
        plane.write(place, "c-node0-0", container, text);
    }
    let nodes = find_nodes(&client, place, &home(), Some("c"), &[])
        .await
        .unwrap();
    let targets = nodes[0].targets(&Containers::All).unwrap();
    let mut log = open(&client, targets.clone(), &LogOptions::default());
    let mut lines = Vec::new();
    while let Some((target, event)) = log.next().await {
        if let LogEvent::Line(line) = event {
            lines.push((target, String::from_utf8_lossy(line.text()).into_owned()));
        }
    }
    assert_eq!(
        lines[2..],
        [(0, "first".to_owned()), (1, "second".to_owned()), (0, long)]
    );
    let tail = LogOptions {
        tail: Some(1),
        ..LogOptions::default()
    };
    assert_eq!(
        next(&mut open(&client, vec![targets[1].clone()], &tail)).await,
        "second"
    );
    let got = collect(&client, targets[1].clone(), 0, 7).await.unwrap();
    assert_eq!(
        (got.bytes.as_slice(), got.truncated),
        (&b"second\n"[..], true)
    );
}

#[tokio::test]
async fn a_command_runs_with_input_and_its_exit_code_comes_back() {
    let client = plane().await.client(None).await;
    let place = "exec";
    one_node(&client, place).await;
    let run = |command: &[&str], stdin: &[u8]| ExecRequest {
        namespace: place.into(),
        pod: "c-node0-0".into(),
        container: "consensus".into(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        stdin: stdin.to_vec(),
        timeout: Duration::from_secs(20),
    };
    let out = exec(
        &client,
        &run(&["sh", "-c", "cat; echo oops >&2; exit 7"], b"hello\0\xff"),
    )
    .await
    .unwrap();
    assert_eq!(
        (out.code, out.stdout.as_slice(), out.stderr.as_slice()),
        (7, &b"hello\0\xff"[..], &b"oops\n"[..])
    );
    let out = exec(&client, &run(&["true"], b"")).await.unwrap();
    assert_eq!(out.code, 0);
    let large = exec(
        &client,
        &run(&["sh", "-c", "head -c 3000000 /dev/zero"], b""),
    )
    .await
    .unwrap();
    assert_eq!(large.stdout.len(), 3_000_000);
    let flood = exec(
        &client,
        &run(&["sh", "-c", "head -c 30000000 /dev/zero"], b""),
    )
    .await
    .unwrap_err();
    assert_eq!(flood.kind(), "truncated");
    let slow = ExecRequest {
        timeout: Duration::from_millis(300),
        ..run(&["sleep", "30"], b"")
    };
    assert_eq!(exec(&client, &slow).await.unwrap_err().kind(), "timeout");
    let nowhere = ExecRequest {
        pod: "no-such-pod".into(),
        ..run(&["true"], b"")
    };
    assert_eq!(
        exec(&client, &nowhere).await.unwrap_err().kind(),
        "not-found"
    );
}

#[tokio::test]
async fn http_reaches_a_port_of_a_pod_and_a_closed_port_says_so() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let plane = plane().await;
    let client = plane.client(None).await;
    let place = "forward";
    one_node(&client, place).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ports = plane.pod_folder(place, "c-node0-0").join("ports");
    std::fs::create_dir_all(&ports).unwrap();
    std::fs::write(
        ports.join("8080"),
        listener.local_addr().unwrap().port().to_string(),
    )
    .unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 1024];
        let _ = stream.read(&mut asked).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await
            .unwrap();
        let _ = stream.read(&mut asked).await;
    });
    let get = HttpRequest {
        h2: false,
        tls: None,
        method: "GET".into(),
        path: "/health".into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_secs(20),
    };
    let to = |port| PodPort {
        namespace: place.into(),
        pod: "c-node0-0".into(),
        port,
    };
    let answer = request(&client, &to(8080), &get).await.unwrap();
    assert_eq!((answer.code, answer.body), (200, b"ok".to_vec()));
    let closed = request(&client, &to(9), &get).await.unwrap_err();
    assert_eq!(closed.kind(), "refused", "{closed:?}");
    let nowhere = PodPort {
        pod: "no-such-pod".into(),
        ..to(8080)
    };
    assert_eq!(
        request(&client, &nowhere, &get).await.unwrap_err().kind(),
        "not-found"
    );
}

#[tokio::test]
async fn status_tells_how_nodes_are_and_why_to_a_viewer_too() {
    let admin = plane().await.client(None).await;
    let place = "status";
    namespace(&admin, place).await;
    let workload = json!({"chain.dev/chain": "c", "chain.dev/workload": "c-node0"});
    let service = json!({"metadata": {"name": "c-node0", "labels": workload},
        "spec": {"type": "NodePort", "selector": workload, "ports": [{"name": "rpc", "port": 8545}]}});
    post(
        &admin,
        &format!("/api/v1/namespaces/{place}/services"),
        &service,
    )
    .await;
    let quota = json!({"metadata": {"name": "small"}, "spec": {"hard": {"pods": "2"}}});
    post(
        &admin,
        &format!("/api/v1/namespaces/{place}/resourcequotas"),
        &quota,
    )
    .await;
    node(&admin, place, "c", "node0", "x:1").await;
    running(plane().await, &admin, place, "c-node0-0", "").await;
    node(&admin, place, "c", "node1", "nosuch:1").await;
    // The quota has room for this pod, and for no third.
    let pods: Api<Pod> = Api::namespaced(admin.clone(), place);
    let there = async {
        while pods.get_opt("c-node1-0").await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let there = tokio::time::timeout(Duration::from_secs(40), there).await;
    there.expect("the pod of node1 is not made");
    node(&admin, place, "c", "node2", "x:1").await;
    let binding = json!({"metadata": {"name": "viewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "vera", "apiGroup": "rbac.authorization.k8s.io"}]});
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{place}/rolebindings");
    post(&admin, &path, &binding).await;
    let mut viewer = connection(place).await;
    viewer.client = plane().await.client(Some("vera")).await;

    let ready = Waited::StatefulSet("c-node0".into());
    wait(
        &viewer,
        place,
        &ready,
        Until::Ready,
        Duration::from_secs(20),
    )
    .await
    .unwrap();
    let never = Waited::StatefulSet("c-node1".into());
    let late = wait(
        &viewer,
        place,
        &never,
        Until::Ready,
        Duration::from_millis(600),
    )
    .await;
    assert_eq!(late.unwrap_err().kind(), "timeout");
    let gone = Waited::Pod("c-node2-0".into());
    wait(&viewer, place, &gone, Until::Gone, Duration::from_secs(5))
        .await
        .unwrap();

    let mut chains = Vec::new();
    for _ in 0..60 {
        chains = status::read(&viewer, Some("c"), &home()).await.unwrap();
        let told = |at: usize, word: &str| {
            chains[0]
                .nodes
                .get(at)
                .is_some_and(|node| node.status == word)
        };
        if told(1, "ImagePullBackOff") && told(2, "FailedCreate") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let nodes = &chains[0].nodes;
    assert_eq!(
        (
            nodes[0].status.as_str(),
            nodes[0].ready_containers,
            nodes[0].why.as_ref()
        ),
        ("Running", 2, None)
    );
    assert!(
        nodes[0].endpoints[0]
            .outside
            .as_ref()
            .unwrap()
            .starts_with("<node>:3")
    );
    assert_eq!(nodes[1].status, "ImagePullBackOff");
    assert_eq!(nodes[2].status, "FailedCreate");
    assert!(
        nodes[2].why.as_ref().unwrap().contains("exceeded quota"),
        "{:?}",
        nodes[2].why
    );
    assert_eq!(chains[0].ready, 1);
}

/// A command line as the user types it.
fn logs(line: &str) -> Logs {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        logs: Logs,
    }
    let words = std::iter::once("logs").chain(line.split_whitespace());
    <Cli as clap::Parser>::try_parse_from(words).unwrap().logs
}

#[tokio::test]
async fn the_commands_print_what_was_read() {
    let plane = plane().await;
    let client = plane.client(None).await;
    let place = "commands";
    one_node(&client, place).await;
    plane.write(place, "c-node0-0", "consensus", "block 1");
    plane.write(place, "c-node0-0", "kms", "key ready");
    let connection = connection(place).await;

    let (printer, seen) = Printer::capture(false);
    assert!(
        logs("node0 --tail=1")
            .run(&ConnectFlags::default(), &connection, &printer)
            .await
            .unwrap()
    );
    assert_eq!(seen.out(), "block 1\n");

    let (printer, seen) = Printer::capture(false);
    assert!(
        logs("--all-containers --tail 1")
            .run(&ConnectFlags::default(), &connection, &printer)
            .await
            .unwrap()
    );
    assert_eq!(
        seen.out(),
        "node0 consensus | block 1\nnode0 kms | key ready\n"
    );

    let (printer, _) = Printer::capture(false);
    let unknown = logs("noed0")
        .run(&ConnectFlags::default(), &connection, &printer)
        .await
        .unwrap_err();
    assert!(
        unknown.to_string().contains("did you mean \"node0\"?"),
        "{unknown}"
    );
    let refused = logs("node0 -p")
        .run(&ConnectFlags::default(), &connection, &printer)
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("cannot read the log of node0/consensus"),
        "{refused}"
    );

    let show = |output| Status {
        chain: Some("c".into()),
        output,
        no_headers: false,
        probe: false,
        plugins: Vec::new(),
    };
    let ready = Waited::StatefulSet("c-node0".into());
    wait(
        &connection,
        place,
        &ready,
        Until::Ready,
        Duration::from_secs(20),
    )
    .await
    .unwrap();
    let (printer, seen) = Printer::capture(false);
    assert!(
        show(None)
            .run(&ConnectFlags::default(), &connection, &printer)
            .await
            .unwrap()
    );
    assert!(seen.out().starts_with("chain/c in commands: 1/1 nodes ready\nNODE    READY   STATUS    RESTARTS   AGE\nnode0   2/2     Running   0"), "{}", seen.out());
    let (printer, seen) = Printer::capture(false);
    show(Some(StatusOutput::Json))
        .run(&ConnectFlags::default(), &connection, &printer)
        .await
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&seen.out()).unwrap();
    assert_eq!(json["nodes"][0]["containers"][1]["name"], "kms");
    let (printer, seen) = Printer::capture(false);
    show(Some(StatusOutput::Yaml))
        .run(&ConnectFlags::default(), &connection, &printer)
        .await
        .unwrap();
    assert!(seen.out().contains("isReady: true"), "{}", seen.out());
}

//! A run that is stopped at any write is finished by the next, and nothing is lost: tried at every single write.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;

/// UID of every vault by name.
pub async fn vaults(connection: &Connection) -> BTreeMap<String, String> {
    list(connection, "", "Secret")
        .await
        .into_iter()
        .filter(|it| it["type"] == "chain.dev/vault")
        .map(|it| {
            let name = it["metadata"]["name"].as_str().unwrap().to_owned();
            (name, it["metadata"]["uid"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// Every validator that the genesis names has its database and its address in one vault.
pub async fn every_validator_has_its_key(connection: &Connection, count: usize) {
    let config = list(connection, "", "ConfigMap")
        .await
        .into_iter()
        .find_map(|it| {
            let data = it["data"].as_object()?.clone();
            data.into_iter()
                .find(|(key, _)| key.ends_with("init_sys_config.toml"))
                .map(|(_, text)| text)
        })
        .expect("the genesis is in a ConfigMap");
    let config = config.as_str().unwrap();
    let (_, validators) = config.split_once("validators").unwrap();
    let named: Vec<&str> = validators
        .split('"')
        .filter(|part| part.starts_with("0x"))
        .collect();
    assert_eq!(named.len(), count, "{config}");
    let secrets = list(connection, "", "Secret").await;
    for address in named {
        let holds = |it: &&Value| {
            it["type"] == "chain.dev/vault"
                && it["data"]["kms.node_address"].as_str() == Some(&BASE64.encode(address))
                && it["data"]["kms.kms.db"]
                    .as_str()
                    .is_some_and(|db| db.len() > 10_000)
        };
        assert_eq!(
            secrets.iter().filter(holds).count(),
            1,
            "validator {address}"
        );
    }
}

/// What is stored, without what differs from run to run: names, data, and what the specs say.
async fn picture(connection: &Connection) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let kinds = [
        ("", "ConfigMap"),
        ("", "Secret"),
        ("", "Service"),
        ("", "ServiceAccount"),
        ("", "PersistentVolumeClaim"),
        ("apps", "StatefulSet"),
        ("policy", "PodDisruptionBudget"),
        ("networking.k8s.io", "NetworkPolicy"),
    ];
    for (group, kind) in kinds {
        for (name, it) in of_chain(connection, group, kind).await {
            if name == "chain-crash" || name.starts_with("chain.crash.v") {
                continue;
            }
            let mut shown = serde_json::json!({"data": it["data"], "binaryData": it["binaryData"], "type": it["type"]});
            for path in [
                "/spec/template",
                "/spec/ports",
                "/spec/selector",
                "/spec/ingress",
                "/spec/maxUnavailable",
                "/spec/resources",
            ] {
                if let Some(value) = it.pointer(path) {
                    shown[path] = value.clone();
                }
            }
            let text = shown
                .to_string()
                .replace(&connection.namespace, "NAMESPACE");
            all.insert(
                format!("{kind}/{name}"),
                serde_json::from_str(&text).unwrap(),
            );
        }
    }
    all
}

fn fixed(mut command: Command) -> Command {
    command
        .env("CHAIN_TEST_SEED", "s")
        .env("CHAIN_TEST_NOW", "1700000000000");
    command
}

const CREATE: &str = "create crash --nodes 2 --expose-type ClusterIP";
const APPLY: &str = "apply crash --nodes 3 --expose-type ClusterIP";

/// Runs `line` to its end and returns how many points it passed.
fn points(tool: &Tool, line: &str) -> usize {
    let file = tool.path("points");
    let _ = std::fs::remove_file(&file);
    let output = fixed(tool.command(line))
        .env("CHAIN_CRASH_COUNT", &file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    std::fs::read_to_string(&file)
        .unwrap_or_default()
        .lines()
        .count()
}

/// Stops `line` at point `at`, looks, runs it again, looks again.
async fn stop_and_finish(
    at: usize,
    before: Option<&str>,
    line: &str,
    wanted: &BTreeMap<String, Value>,
) {
    let admin = plane().namespace("crash").await;
    let tool = Tool::new(&admin.namespace);
    if let Some(before) = before {
        assert!(
            fixed(tool.command(before))
                .output()
                .unwrap()
                .status
                .success()
        );
    }
    let stopped = fixed(tool.command(line))
        .env("CHAIN_CRASH_AT", at.to_string())
        .output()
        .unwrap();
    assert_eq!(
        stopped.status.code(),
        Some(86),
        "point {at}: {}",
        text(&stopped.stderr)
    );
    let left = vaults(&admin).await;
    let again = fixed(tool.command(line)).output().unwrap();
    assert!(
        again.status.success(),
        "point {at}: {}",
        text(&again.stderr)
    );
    let after = vaults(&admin).await;
    assert!(
        left.iter().all(|(name, uid)| after.get(name) == Some(uid)),
        "point {at}: a vault was written twice"
    );
    every_validator_has_its_key(&admin, 2).await;
    let picture = picture(&admin).await;
    assert_eq!(
        picture.keys().collect::<Vec<_>>(),
        wanted.keys().collect::<Vec<_>>(),
        "point {at}"
    );
    for (name, value) in &picture {
        assert_eq!(Some(value), wanted.get(name), "point {at}: {name}");
    }
    let third = fixed(tool.command(line)).output().unwrap();
    let said = text(&third.stdout);
    assert!(
        said.lines().all(|line| line.ends_with(" unchanged")),
        "point {at}: {said}"
    );
}

/// All points, four at a time.
async fn all_points(before: Option<&'static str>, line: &'static str) {
    let admin = plane().namespace("whole").await;
    let tool = Tool::new(&admin.namespace);
    if let Some(before) = before {
        assert!(
            fixed(tool.command(before))
                .output()
                .unwrap()
                .status
                .success()
        );
    }
    let count = points(&tool, line);
    assert!(
        count > 20,
        "only {count} points: is this a build with --features crash-points?"
    );
    let wanted = std::sync::Arc::new(picture(&admin).await);
    let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(1));
    let mut workers = Vec::new();
    for _ in 0..4 {
        let (wanted, next) = (wanted.clone(), next.clone());
        workers.push(tokio::spawn(async move {
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                if at > count {
                    return;
                }
                stop_and_finish(at, before, line, &wanted).await;
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
}

#[cfg(feature = "crash-points")]
#[tokio::test(flavor = "multi_thread")]
async fn create_stopped_at_each_write_is_finished_by_a_second_run() {
    all_points(None, CREATE).await;
}

#[cfg(feature = "crash-points")]
#[tokio::test(flavor = "multi_thread")]
async fn apply_stopped_at_each_write_is_finished_by_a_second_run() {
    all_points(Some(CREATE), APPLY).await;
}

#[cfg(feature = "crash-points")]
#[test]
fn a_folder_stopped_at_each_write_is_finished_by_a_second_run() {
    let tool = Tool::new("default");
    let run = |folder: &str, at: Option<usize>| {
        let folder = tool.path(folder);
        let mut command = fixed(tool.command("create crash --nodes 2"));
        command
            .arg("--output-dir")
            .arg(&folder)
            .env("CHAIN_CRASH_COUNT", folder.with_extension("points"));
        if let Some(at) = at {
            command.env("CHAIN_CRASH_AT", at.to_string());
        }
        (command.output().unwrap(), folder)
    };
    let files = |folder: &std::path::Path| {
        let mut all = BTreeMap::new();
        let mut open = vec![folder.to_path_buf()];
        while let Some(next) = open.pop() {
            for entry in std::fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(folder).unwrap().display().to_string();
                    // The head and revisions say who wrote them when.
                    if !name.contains("head.json") && !name.contains("revisions") {
                        all.insert(name, std::fs::read(&path).unwrap());
                    }
                }
            }
        }
        all
    };
    let (output, whole) = run("whole", None);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let count = std::fs::read_to_string(whole.with_extension("points"))
        .unwrap()
        .lines()
        .count();
    assert!(count > 20, "only {count} points");
    let wanted = files(&whole);
    for at in 1..=count {
        let name = format!("stop{at}");
        let (output, _) = run(&name, Some(at));
        assert_eq!(
            output.status.code(),
            Some(86),
            "point {at}: {}",
            text(&output.stderr)
        );
        let (output, folder) = run(&name, None);
        assert!(
            output.status.success(),
            "point {at}: {}",
            text(&output.stderr)
        );
        let found = files(&folder);
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>(),
            "point {at}"
        );
        assert!(found == wanted, "point {at}: a file differs");
    }
}

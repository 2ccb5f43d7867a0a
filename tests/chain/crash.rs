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

/// A command that is stopped at each of its writes, and what there is before it.
struct Sweep {
    /// Commands that run to their end first.
    before: Vec<String>,
    /// The command.
    line: String,
    /// How many validators of the genesis are this chain's own.
    own: usize,
    /// At least so many points, or something is wrong with the counting.
    least: usize,
    /// What the command may say when the stopped run had done everything.
    done: Option<&'static str>,
    /// From which UIDs and keys are drawn.
    seed: &'static str,
}

impl Sweep {
    fn of(before: &[&str], line: &str) -> Self {
        Self {
            before: before.iter().map(|line| (*line).to_owned()).collect(),
            line: line.to_owned(),
            own: 2,
            least: 20,
            done: None,
            seed: "s",
        }
    }

    fn command(&self, tool: &Tool, line: &str) -> Command {
        let mut command = fixed(tool.command(line));
        command.env("CHAIN_TEST_SEED", self.seed);
        command
    }

    /// A new namespace in which everything before it has run.
    async fn prepared(&self, name: &str) -> (Connection, Tool) {
        let admin = plane().namespace(name).await;
        let tool = Tool::new(&admin.namespace);
        for line in &self.before {
            let output = self.command(&tool, line).output().unwrap();
            assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        }
        (admin, tool)
    }
}

/// Runs the command to its end and returns how many points it passed.
fn points(tool: &Tool, sweep: &Sweep) -> usize {
    let file = tool.path("points");
    let _ = std::fs::remove_file(&file);
    let output = sweep
        .command(tool, &sweep.line)
        .env("CHAIN_CRASH_COUNT", &file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    std::fs::read_to_string(&file)
        .unwrap_or_default()
        .lines()
        .count()
}

/// Stops the command at point `at`, looks, runs it again, looks again.
async fn stop_and_finish(at: usize, sweep: &Sweep, wanted: &BTreeMap<String, Value>) {
    let (admin, tool) = sweep.prepared("crash").await;
    let line = &sweep.line;
    let stopped = sweep
        .command(&tool, line)
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
    let again = sweep.command(&tool, line).output().unwrap();
    let said = text(&again.stderr);
    let was_done = sweep.done.is_some_and(|done| said.contains(done));
    assert!(again.status.success() || was_done, "point {at}: {said}");
    let after = vaults(&admin).await;
    assert!(
        left.iter().all(|(name, uid)| after.get(name) == Some(uid)),
        "point {at}: a vault was written twice"
    );
    if sweep.own > 0 {
        every_validator_has_its_key(&admin, sweep.own).await;
    }
    let picture = picture(&admin).await;
    assert_eq!(
        picture.keys().collect::<Vec<_>>(),
        wanted.keys().collect::<Vec<_>>(),
        "point {at}"
    );
    for (name, value) in &picture {
        assert_eq!(Some(value), wanted.get(name), "point {at}: {name}");
    }
    if sweep.done.is_some() {
        return;
    }
    let third = sweep.command(&tool, line).output().unwrap();
    let said = text(&third.stdout);
    assert!(
        said.lines().all(|line| line.ends_with(" unchanged")),
        "point {at}: {said}"
    );
}

/// All points, four at a time.
async fn all_points(sweep: Sweep) {
    let (admin, tool) = sweep.prepared("whole").await;
    let count = points(&tool, &sweep);
    assert!(
        count > sweep.least,
        "only {count} points: is this a build with --features crash-points?"
    );
    let wanted = std::sync::Arc::new(picture(&admin).await);
    let sweep = std::sync::Arc::new(sweep);
    let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(1));
    let mut workers = Vec::new();
    for _ in 0..4 {
        let (wanted, next, sweep) = (wanted.clone(), next.clone(), sweep.clone());
        workers.push(tokio::spawn(async move {
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                if at > count {
                    return;
                }
                stop_and_finish(at, &sweep, &wanted).await;
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
    all_points(Sweep::of(&[], CREATE)).await;
}

#[cfg(feature = "crash-points")]
#[tokio::test(flavor = "multi_thread")]
async fn apply_stopped_at_each_write_is_finished_by_a_second_run() {
    all_points(Sweep::of(&[CREATE], APPLY)).await;
}

/// Files of two parties of one chain: of the one that [`CREATE`] makes, and of one that joined it.
struct Bundles {
    /// In which the files lie.
    _folder: tempfile::TempDir,
    first: String,
    second: String,
}

impl Bundles {
    async fn made() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let export = |tool: &Tool, party: &str| {
            let path = folder.path().join(format!("{party}.yaml"));
            let line = format!("export crash --party {party} --reach cluster");
            std::fs::write(&path, tool.run(&line)).unwrap();
            path.display().to_string()
        };
        let admin = plane().namespace("first").await;
        let tool = Tool::new(&admin.namespace);
        let output = fixed(tool.command(CREATE)).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let first = export(&tool, "first");
        let admin = plane().namespace("second").await;
        let tool = Tool::new(&admin.namespace);
        let output = fixed(tool.command(&joining(&first)))
            .env("CHAIN_TEST_SEED", "t")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let second = export(&tool, "second");
        Self {
            _folder: folder,
            first,
            second,
        }
    }
}

/// A new chain that joins, with one node of its own.
fn joining(bundle: &str) -> String {
    format!("join -f {bundle} --nodes 1 --expose-type ClusterIP")
}

#[cfg(feature = "crash-points")]
#[tokio::test(flavor = "multi_thread")]
async fn join_of_a_new_chain_stopped_at_each_write_is_finished_by_a_second_run() {
    let bundles = Bundles::made().await;
    all_points(Sweep {
        own: 0,
        seed: "t",
        ..Sweep::of(&[], &joining(&bundles.first))
    })
    .await;
}

#[cfg(feature = "crash-points")]
#[tokio::test(flavor = "multi_thread")]
async fn a_party_taken_in_or_out_at_each_write_is_finished_by_a_second_run() {
    let bundles = Bundles::made().await;
    let join = format!("join -f {} --chain crash", bundles.second);
    let leave = "join --remove second --chain crash";
    all_points(Sweep {
        least: 8,
        ..Sweep::of(&[CREATE], &join)
    })
    .await;
    all_points(Sweep {
        least: 8,
        done: Some("no party `second` has joined"),
        ..Sweep::of(&[CREATE, &join], leave)
    })
    .await;
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

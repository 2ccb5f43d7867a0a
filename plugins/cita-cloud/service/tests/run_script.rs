//! The run script itself, on small services: it waits, it ends with what it depends on, it passes signals on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]
#![cfg(target_os = "linux")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cita_cloud_service::run::SCRIPT;

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

struct Pod {
    folder: tempfile::TempDir,
    shell: &'static [&'static str],
}

impl Pod {
    fn new(shell: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run.sh"), SCRIPT).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        Self { folder, shell }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the script in the data folder with arguments and a command for the shell.
    fn start(&self, name: &str, arguments: &[&str], service: &str) -> Service {
        let errors = self.path(&format!("{name}.err"));
        let child = Command::new(self.shell[0])
            .args(&self.shell[1..])
            .arg(self.path("run.sh"))
            .args(["--name", name])
            .args(arguments)
            .args(["--", "sh", "-c", service])
            .current_dir(self.path("data"))
            .env("CHAIN_RUN", self.path("run"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&errors).unwrap())
            .process_group(0)
            .spawn()
            .unwrap();
        Service { child, errors }
    }
}

struct Service {
    child: Child,
    errors: PathBuf,
}

impl Service {
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// A signal to the script and to all that it started.
    fn signal_all(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let mut kill = Command::new("kill");
        assert!(
            kill.args([signal, "--", &group])
                .status()
                .unwrap()
                .success()
        );
    }

    /// As when the kernel kills all of a container: nobody is told anything.
    fn kill(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        self.child.wait().unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        until("the end of a service", || self.child.try_wait().unwrap())
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

fn until<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    until_every(Duration::from_millis(50), what, found)
}

/// Looks more often, where the time itself is what is tested.
fn until_soon<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    until_every(Duration::from_millis(2), what, found)
}

fn until_every<T>(pause: Duration, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "waited too long for {what}");
        std::thread::sleep(pause);
    }
}

fn there(path: &Path) {
    until(&path.display().to_string(), || path.exists().then_some(()));
}

/// A port, and who listens on it.
fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A service that goes on until it is told to end, and leaves a file when it starts.
fn lasting(file: &str) -> String {
    format!("echo started >>{file}; exec sleep 300")
}

fn in_every_shell(test: impl Fn(Pod)) {
    for shell in [&["sh"][..], &["dash"], &["bash"], &["busybox", "sh"]] {
        let mut probe = Command::new(shell[0]);
        if probe.args(&shell[1..]).args(["-c", ":"]).status().is_ok() {
            test(Pod::new(shell));
        }
    }
}

#[test]
fn it_starts_when_its_prerequisite_runs_and_listens_and_its_folders_are_there() {
    in_every_shell(|pod| {
        let (socket, port) = listener();
        let after = format!("network:{port}");
        let mut waiting = pod.start(
            "consensus",
            &["--after", &after, "--folder", "logs"],
            &lasting("started"),
        );
        until("a word", || {
            waiting.said().contains("waiting for network").then_some(())
        });
        let network = pod.start("network", &[], "exec sleep 300");
        there(&pod.path("run/network"));
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!pod.path("data/started").exists(), "the folder is missing");
        fs::create_dir(pod.path("data/logs")).unwrap();
        there(&pod.path("data/started"));
        waiting.signal("-TERM");
        assert_eq!(waiting.end().code(), Some(143));
        drop((socket, network));
    });
}

#[test]
fn a_prerequisite_that_ends_takes_its_dependants_with_it_at_once() {
    in_every_shell(|pod| {
        let (_socket, port) = listener();
        let after = format!("executor:{port}");
        let mut executor = pod.start("executor", &[], &lasting("executor"));
        let mut controller = pod.start("controller", &["--after", &after], &lasting("controller"));
        there(&pod.path("data/controller"));
        let began = Instant::now();
        executor.signal("-TERM");
        assert_eq!(executor.end().code(), Some(143));
        assert_eq!(controller.end().code(), Some(1));
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{}",
            controller.said()
        );
    });
}

#[test]
fn a_pod_that_is_stopped_ends_in_the_order_of_its_services() {
    in_every_shell(|pod| {
        let (_socket, port) = listener();
        let after = |name: &str| format!("{name}:{port}");
        let (network, consensus, executor) =
            (after("network"), after("consensus"), after("executor"));
        // Ends half a second after it is told to.
        let slow = |name: &str| {
            format!(
                "trap 'sleep 0.5; echo {name} >>order; exit 0' TERM; echo up >{name}; while :; do sleep 0.1; done"
            )
        };
        let mut all = Vec::new();
        for (name, arguments) in [
            ("network", vec![]),
            ("executor", vec![]),
            ("consensus", vec!["--after", &network]),
            (
                "controller",
                vec![
                    "--after", &network, "--after", &consensus, "--after", &executor,
                ],
            ),
        ] {
            all.push(pod.start(name, &arguments, &slow(name)));
            there(&pod.path(&format!("data/{name}")));
        }
        // Waits for what never comes, and so holds nobody up.
        let waiting = pod.start(
            "waiting",
            &["--after", &executor, "--after", "kms:1"],
            "exit 0",
        );
        there(&pod.path("run/executor.d/waiting"));
        let began = Instant::now();
        for service in &all {
            service.signal("-TERM");
        }
        for service in &mut all {
            service.end();
        }
        let took = began.elapsed();
        let order = fs::read_to_string(pod.path("data/order")).unwrap();
        let place = |name: &str| order.lines().position(|line| line == name).unwrap();
        for (first, last) in [
            ("controller", "executor"),
            ("controller", "network"),
            ("consensus", "network"),
        ] {
            assert!(place(first) < place(last), "{order}");
        }
        assert_eq!(order.lines().count(), 4, "{order}");
        assert!(took < Duration::from_secs(6), "{took:?}");
        drop(waiting);
    });
}

#[test]
fn a_prerequisite_that_was_killed_and_came_back_is_not_the_same() {
    in_every_shell(|pod| {
        let (_socket, port) = listener();
        let after = format!("network:{port}");
        let mut network = pod.start("network", &[], "exec sleep 2");
        let mut consensus = pod.start("consensus", &["--after", &after], &lasting("consensus"));
        there(&pod.path("data/consensus"));
        // It stands still, so that it sees nothing but what is there when it goes on.
        consensus.signal_all("-STOP");
        network.kill();
        let _again = pod.start("network", &[], "exec sleep 300");
        until("the new start", || {
            let token = fs::read_to_string(pod.path("run/network")).unwrap();
            token.starts_with("2 ").then_some(())
        });
        consensus.signal_all("-CONT");
        assert_eq!(consensus.end().code(), Some(1));
    });
}

#[test]
fn a_prerequisite_whose_container_is_killed_takes_its_dependants_with_it_at_once() {
    in_every_shell(|pod| {
        // The port stays open, as the one of a service that lingers: only the death of the process is there to be seen.
        let (_socket, port) = listener();
        let after = format!("executor:{port}");
        let mut fastest = Duration::MAX;
        for round in 0..5 {
            let up = format!("up{round}");
            // What the executor started must not count as the executor.
            let mut executor = pod.start("executor", &[], "sleep 300 & exec sleep 300");
            let mut controller = pod.start("controller", &["--after", &after], &lasting(&up));
            there(&pod.path(&format!("data/{up}")));
            std::thread::sleep(Duration::from_millis(150 * round));
            let began = Instant::now();
            if round % 2 == 0 {
                executor.kill();
            } else {
                // The script alone, before what it runs.
                executor.signal("-KILL");
            }
            let ended = until_soon("the end of the controller", || {
                controller.child.try_wait().unwrap()
            });
            assert_eq!(ended.code(), Some(1), "{}", controller.said());
            fastest = fastest.min(began.elapsed());
        }
        assert!(
            fastest < Duration::from_millis(300),
            "{fastest:?} in {:?}",
            pod.shell
        );
    });
}

#[test]
fn one_that_was_killed_is_waited_for_though_its_port_is_open() {
    in_every_shell(|pod| {
        let (_socket, port) = listener();
        let after = format!("executor:{port}");
        let mut executor = pod.start("executor", &[], "exec sleep 300");
        there(&pod.path("run/executor"));
        executor.kill();
        let controller = pod.start("controller", &["--after", &after], &lasting("up"));
        until("a word", || {
            controller
                .said()
                .contains("waiting for executor")
                .then_some(())
        });
        let _again = pod.start("executor", &[], "exec sleep 300");
        there(&pod.path("data/up"));
    });
}

#[test]
fn one_that_is_killed_before_its_pipe_is_opened_is_missed_all_the_same() {
    in_every_shell(|pod| {
        let (_socket, port) = listener();
        let after = format!("executor:{port}");
        let mut executor = pod.start("executor", &[], "exec sleep 300");
        there(&pod.path("run/executor"));
        // A pipe that never ends, as one is that has no writer yet.
        let pipe = pod.path("run/executor.alive.1");
        let _writer = fs::File::options()
            .read(true)
            .write(true)
            .open(&pipe)
            .unwrap();
        let mut controller = pod.start("controller", &["--after", &after], &lasting("up"));
        there(&pod.path("data/up"));
        executor.kill();
        assert_eq!(controller.end().code(), Some(1));
        assert!(
            controller.said().contains("executor is gone"),
            "{}",
            controller.said()
        );
    });
}

#[test]
fn a_port_that_goes_away_ends_it_too() {
    in_every_shell(|pod| {
        let (socket, port) = listener();
        let after = format!("storage:{port}");
        let _storage = pod.start("storage", &[], "exec sleep 300");
        let mut controller = pod.start("controller", &["--after", &after], &lasting("controller"));
        there(&pod.path("data/controller"));
        drop(socket);
        assert_eq!(controller.end().code(), Some(1));
        assert!(
            controller.said().contains("nobody listens"),
            "{}",
            controller.said()
        );
    });
}

#[test]
fn it_ends_as_its_service_ends() {
    in_every_shell(|pod| {
        assert_eq!(pod.start("kms", &[], "exit 101").end().code(), Some(101));
        let mut polite = pod.start(
            "kms",
            &[],
            "trap 'exit 7' TERM; echo up >up; while :; do sleep 0.1; done",
        );
        there(&pod.path("data/up"));
        polite.signal("-TERM");
        assert_eq!(polite.end().code(), Some(7));
    });
}

#[test]
fn it_refuses_a_volume_without_the_file_and_makes_it_private() {
    use std::os::unix::fs::PermissionsExt as _;
    in_every_shell(|pod| {
        let mut refused = pod.start("kms", &["--file", "kms.db"], "echo >started");
        assert_eq!(refused.end().code(), Some(1));
        assert!(
            refused.said().contains("kms.db is missing"),
            "{}",
            refused.said()
        );
        assert!(!pod.path("data/started").exists());
        let db = pod.path("data/kms.db");
        fs::write(&db, "key").unwrap();
        fs::set_permissions(&db, fs::Permissions::from_mode(0o440)).unwrap();
        let mut kms = pod.start(
            "kms",
            &["--file", "kms.db", "--private", "kms.db"],
            "exit 0",
        );
        assert_eq!(kms.end().code(), Some(0));
        assert_eq!(
            fs::metadata(&db).unwrap().permissions().mode() & 0o777,
            0o600
        );
    });
}

#[test]
fn what_changes_while_the_pod_lives_is_copied_at_every_start() {
    in_every_shell(|pod| {
        let from = pod.path("network-config.toml");
        let fresh = format!("{}:network-config.toml", from.display());
        fs::write(pod.path("data/network-config.toml"), "as the pod began").unwrap();
        for now in ["four peers", "three peers"] {
            fs::write(&from, now).unwrap();
            let copy = "cp network-config.toml seen";
            let mut network = pod.start("network", &["--fresh", &fresh], copy);
            assert_eq!(network.end().code(), Some(0));
            assert_eq!(fs::read_to_string(pod.path("data/seen")).unwrap(), now);
        }
        fs::remove_file(&from).unwrap();
        let mut network = pod.start("network", &["--fresh", &fresh], "echo >never");
        assert_eq!(network.end().code(), Some(1));
        assert!(network.said().contains("cannot copy"), "{}", network.said());
        assert!(!pod.path("data/never").exists());
    });
}

#[test]
fn a_file_that_is_followed_starts_its_service_anew_and_nothing_else() {
    in_every_shell(|pod| {
        let from = pod.path("config.xml");
        let follow = format!("{}:config/config.xml", from.display());
        // At once, as the kubelet does: nobody ever reads half of it.
        let change = |text: &str| {
            fs::write(pod.path("new"), text).unwrap();
            fs::rename(pod.path("new"), &from).unwrap();
        };
        fs::create_dir(pod.path("data/config")).unwrap();
        change("three devices");
        // It writes its own file anew, as the real one does when it migrates it.
        // Its line is one write, so that a line is whole as soon as it is seen.
        let service = r#"echo "$(cat config/config.xml)" >>seen; echo migrated >config/config.xml; exec sleep 300"#;
        let mut exchange = pod.start("syncthing", &["--follow", &follow], service);
        let seen = || fs::read_to_string(pod.path("data/seen")).unwrap_or_default();
        let lines = |count| {
            until("a start", || {
                (seen().matches('\n').count() == count).then_some(())
            });
        };
        lines(1);
        let token = fs::read_to_string(pod.path("run/syncthing")).unwrap();
        // Longer than it takes to look twice.
        std::thread::sleep(Duration::from_secs(7));
        assert_eq!(seen(), "three devices\n");
        change("four devices");
        lines(2);
        change("three devices");
        lines(3);
        assert_eq!(seen(), "three devices\nfour devices\nthree devices\n");
        assert_eq!(
            fs::read_to_string(pod.path("run/syncthing")).unwrap(),
            token
        );
        exchange.signal("-TERM");
        assert_eq!(exchange.end().code(), Some(143), "{}", exchange.said());
        assert_eq!(seen().lines().count(), 3, "it was told to end");
    });
}

#[test]
fn a_followed_file_that_is_away_for_a_moment_is_no_change() {
    in_every_shell(|pod| {
        let from = pod.path("config.xml");
        let follow = format!("{}:config.xml", from.display());
        fs::write(&from, "three devices").unwrap();
        let exchange = pod.start("syncthing", &["--follow", &follow], &lasting("starts"));
        there(&pod.path("data/starts"));
        fs::rename(&from, pod.path("away")).unwrap();
        std::thread::sleep(Duration::from_secs(7));
        fs::rename(pod.path("away"), &from).unwrap();
        std::thread::sleep(Duration::from_secs(4));
        let starts = fs::read_to_string(pod.path("data/starts")).unwrap();
        assert_eq!(starts, "started\n");
        assert_eq!(exchange.said(), "");
    });
}

#[test]
fn every_start_has_a_token_of_its_own() {
    in_every_shell(|pod| {
        let token = || fs::read_to_string(pod.path("run/storage")).unwrap();
        pod.start("storage", &[], "exit 0").end();
        let first = token();
        pod.start("storage", &[], "exit 0").end();
        assert!(
            first.starts_with("1 ") && token().starts_with("2 "),
            "{first} {}",
            token()
        );
    });
}

#[test]
fn a_log_without_end_is_cut() {
    in_every_shell(|pod| {
        let log = pod.path("data/consensus_service.log");
        fs::File::create(&log).unwrap().set_len(60 << 20).unwrap();
        pod.start("consensus", &["--trim", "consensus_service.log"], "exit 0")
            .end();
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        assert_eq!(
            fs::metadata(log.with_extension("log.1")).unwrap().len(),
            60 << 20
        );
    });
}

#[test]
fn a_service_that_ended_inside_is_ended() {
    in_every_shell(|pod| {
        let log = pod.path("data/raft.log");
        let last = "handle mail failed: `channel closed`\n";
        fs::write(&log, last).unwrap();
        let dead = ["--dead", "raft.log:channel.closed"];
        let service =
            "echo works >>raft.log; sleep 5; echo >lived; cat again >>raft.log; exec sleep 600";
        fs::write(pod.path("data/again"), last).unwrap();
        let mut consensus = pod.start("consensus", &dead, service);
        assert_eq!(consensus.end().code(), Some(1));
        let said = consensus.said();
        assert!(said.contains("it has ended inside"), "{said}");
        assert!(
            pod.path("data/lived").exists(),
            "what an earlier start wrote is not its end"
        );
        fs::remove_file(pod.path("data/lived")).unwrap();
    });
}

#[test]
fn a_leader_that_has_one_block_committed_for_ever_is_ended() {
    const STUCK: &str = "raft.log:propose,.hash.:commiting.proposal,.entry.";
    let log = |said: &[(&str, &str)]| -> String {
        let line = |(what, hash): &(&str, &str)| {
            format!("Nov 29 INFO {what}: {hash}, tag: peer_1\nNov 29 INFO a word\n")
        };
        said.iter().map(line).collect()
    };
    let offers = |hash| ("propose, hash", hash);
    let commits = |hash| ("commiting proposal, entry", hash);
    let round = |hash| [offers(hash), commits(hash)];
    // One whose offers are refused, one that follows, and one that goes on.
    let well = [
        ("refused", log(&[offers("0c"); 9])),
        ("follows", log(&[commits("0c"); 9])),
        (
            "lives",
            log(&["1a", "1b", "1c", "1d", "1e"].map(round).concat()),
        ),
    ];
    in_every_shell(|pod| {
        let mut others = Vec::new();
        for (name, text) in &well {
            fs::write(pod.path(&format!("data/{name}")), text).unwrap();
            let stuck = STUCK.replace("raft", name);
            let service = format!("cat {name} >>{name}.log; exec sleep 600");
            others.push(pod.start(name, &["--stuck", &stuck], &service));
        }
        // A round that an earlier start wrote does not count.
        fs::write(pod.path("data/raft.log"), log(&round("0c"))).unwrap();
        let three = [round("0a"), round("0c"), round("0c"), round("0c")].concat();
        fs::write(pod.path("data/three"), log(&three)).unwrap();
        fs::write(pod.path("data/fourth"), log(&round("0c"))).unwrap();
        let service =
            "cat three >>raft.log; sleep 8; echo >lived; cat fourth >>raft.log; exec sleep 600";
        let mut leader = pod.start("consensus", &["--stuck", STUCK], service);
        assert_eq!(leader.end().code(), Some(1));
        let said = leader.said();
        assert!(said.contains("goes round in a circle"), "{said}");
        assert!(pod.path("data/lived").exists(), "three times is no circle");
        for other in &mut others {
            let ended = other.child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", other.said());
        }
    });
}

#[test]
fn a_script_runs_beside_its_service_and_no_longer() {
    in_every_shell(|pod| {
        let script = pod.path("wake.sh");
        fs::write(
            &script,
            "echo $$ >beside; [[ -n x ]] && while :; do sleep 0.1; done",
        )
        .unwrap();
        let mut service = pod.start(
            "consensus",
            &["--beside", script.to_str().unwrap()],
            "while [ ! -s beside ]; do sleep 0.1; done; exit 7",
        );
        assert_eq!(service.end().code(), Some(7), "{}", service.said());
        let id = fs::read_to_string(pod.path("data/beside")).unwrap();
        let process = format!("/proc/{}/cmdline", id.trim());
        until("the end of the script", || {
            let words = fs::read_to_string(&process).unwrap_or_default();
            (!words.contains("wake.sh")).then_some(())
        });
    });
}

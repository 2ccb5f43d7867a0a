//! The supervisor's script, run as it is with a `docker` and a `sleep` that live in a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A daemon whose state is a folder: `exited` has a file for each stopped container, `down` stands for a daemon that does
/// not answer. Whatever would change a container is noted in `touched`.
const DOCKER: &str = r#"#!/bin/sh
cd "$FAKE" || exit 1
[ ! -e down ] || { echo "Cannot connect to the daemon" >&2; echo "Is it running?" >&2; exit 1; }
case $1 in
ps)
	[ "$*" = "ps --all --no-trunc --filter status=exited --format => {{.ID}} {{.Names}} {{.Status}}" ] || exit 3
	echo "WARNING: without TLS" >&2
	for file in exited/*; do
		[ ! -f "$file" ] || echo "=> $(cat "$file") ${file#exited/} Exited (2) 3 seconds ago"
	done
	;;
logs)
	[ "$2 $3" = "--tail 5" ] || exit 3
	echo "panic: of $4" >&2
	;;
*) echo "$*" >>touched ;;
esac
"#;
/// Time passes while one sleeps. What happens at a time stands in `at/<time>`; at `end` the supervisor is told to stop.
const SLEEP: &str = r#"#!/bin/sh
cd "$FAKE" || exit 1
clock=$(cat clock)
until=$((clock + $1))
while [ "$clock" -lt "$until" ]; do
	clock=$((clock + 1))
	echo "$clock" >clock
	[ ! -f "at/$clock" ] || sh "at/$clock"
done
[ "$clock" -lt "$(cat end)" ] || kill -TERM "$PPID"
"#;

/// Runs the script for some seconds of its clock, with what `before` puts into the folder, and gives what it said. It never
/// touches a container: a peer of 1.4 or 2.5 turns away chaincode that it did not start itself, and the call after that
/// hangs.
fn run(seconds: u32, before: impl Fn(&Path)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["exited", "at", "bin"] {
        fs::create_dir(at(name)).unwrap();
    }
    for (name, text) in [("docker", DOCKER), ("sleep", SLEEP)] {
        let program = at("bin").join(name);
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(at("clock"), "0\n").unwrap();
    fs::write(at("end"), format!("{seconds}\n")).unwrap();
    fs::write(at("peers"), "peer0.org1\npeer1.org1\n").unwrap();
    fs::write(at("supervisor.sh"), include_str!("supervisor.sh")).unwrap();
    before(folder.path());
    let path = std::env::var("PATH").unwrap();
    let output: Output = Command::new("sh")
        .arg(at("supervisor.sh"))
        .env("PATH", format!("{}:{path}", at("bin").display()))
        .env("FAKE", folder.path())
        .env("SUPERVISOR_PEERS", at("peers"))
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    assert!(!at("touched").exists(), "it changed a container");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

fn stopped(folder: &Path, name: &str, id: &str) {
    fs::write(folder.join("exited").join(name), id).unwrap();
}

fn told(name: &str, id: &str) -> [String; 2] {
    [
        format!(
            "supervisor: {name} stopped: Exited (2) 3 seconds ago; its peer starts it again when it is called"
        ),
        format!("supervisor: {name}: panic: of {id}"),
    ]
}

#[test]
fn the_script_is_posix() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("supervisor.sh");
    fs::write(&script, include_str!("supervisor.sh")).unwrap();
    for shell in ["sh", "bash"] {
        let parsed = Command::new(shell).arg("-n").arg(&script).output();
        assert!(
            parsed.is_ok_and(|it| it.status.success() && it.stderr.is_empty()),
            "{shell}"
        );
    }
}

#[test]
fn chaincode_of_its_peers_that_stopped_is_told_of_once_and_left_to_them() {
    let (first, second) = ("dev-peer0.org1-basic-1.0", "dev-peer1.org1-x_1-abc");
    let said = run(12, |folder| {
        stopped(folder, first, "aa1");
        stopped(folder, second, "bb2");
        for (name, id) in [
            ("dev-peer0.org2-basic-1.0", "cc3"),
            ("registry", "dd4"),
            ("dev-peer0xorg1-a-1", "ee5"),
        ] {
            stopped(folder, name, id);
        }
    });
    let mut expected = vec!["supervisor: the daemon answers".to_owned()];
    expected.extend(told(first, "aa1"));
    expected.extend(told(second, "bb2"));
    assert_eq!(said, expected);
}

#[test]
fn a_container_that_its_peer_made_anew_is_told_of_when_it_stops_too() {
    let name = "dev-peer0.org1-basic-1.0";
    let said = run(20, |folder| {
        stopped(folder, name, "aa1");
        fs::write(folder.join("at/5"), format!("rm exited/{name}")).unwrap();
        fs::write(folder.join("at/9"), format!("echo bb2 >exited/{name}")).unwrap();
    });
    assert_eq!(said[1..], [told(name, "aa1"), told(name, "bb2")].concat());
}

#[test]
fn a_daemon_that_goes_and_comes_back_is_told_of() {
    let name = "dev-peer1.org1-b-1";
    let said = run(20, |folder| {
        fs::write(folder.join("at/5"), "touch down").unwrap();
        let back = format!("rm down; echo aa1 >exited/{name}");
        fs::write(folder.join("at/13"), back).unwrap();
    });
    let mut expected = [
        "the daemon answers",
        "the daemon does not answer: Cannot connect to the daemon",
        "the daemon answers",
    ]
    .map(|line| format!("supervisor: {line}"))
    .to_vec();
    expected.extend(told(name, "aa1"));
    assert_eq!(said, expected);
}

#[test]
fn a_peer_that_joins_is_watched_too() {
    let name = "dev-peer2.org1-basic-1.0";
    let said = run(20, |folder| {
        stopped(folder, name, "aa1");
        fs::write(folder.join("at/9"), "echo peer2.org1 >>peers").unwrap();
    });
    assert_eq!(said[1..], told(name, "aa1"));
}

//! The supervisor's script, run as it is with a `docker`, a `sleep` and a `date` that live in a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A daemon whose state is a folder: `exited` has a file for each stopped container, `down` stands for a daemon that does
/// not answer. Containers with a file in `weak` stop again at once, those in `broken` cannot be started.
const DOCKER: &str = r#"#!/bin/sh
cd "$FAKE" || exit 1
[ ! -e down ] || { echo "Cannot connect to the daemon" >&2; exit 1; }
case $1 in
ps)
	[ "$*" = "ps --all --filter status=exited --format {{.Names}}" ] || exit 3
	ls exited
	;;
start)
	[ ! -e "broken/$2" ] || { echo "no such image" >&2; exit 1; }
	echo "$(cat clock) $2" >>started
	[ -e "weak/$2" ] || rm -f "exited/$2"
	;;
*) exit 3 ;;
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
const DATE: &str = "#!/bin/sh\n[ \"$1\" = +%s ] || exit 3\ncat \"$FAKE/clock\"\n";

/// Runs the script for some seconds of its clock, with what `before` puts into the folder, and gives what it started
/// ("time name") and what it said.
fn run(seconds: u32, before: impl Fn(&Path)) -> (Vec<String>, Output) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["exited", "weak", "broken", "at", "bin"] {
        fs::create_dir(at(name)).unwrap();
    }
    for (name, text) in [("docker", DOCKER), ("sleep", SLEEP), ("date", DATE)] {
        let program = at("bin").join(name);
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(at("clock"), "1000\n").unwrap();
    fs::write(at("end"), format!("{}\n", 1000 + seconds)).unwrap();
    fs::write(at("peers"), "peer0.org1\npeer1.org1\n").unwrap();
    fs::write(at("started"), "").unwrap();
    fs::write(at("supervisor.sh"), include_str!("supervisor.sh")).unwrap();
    before(folder.path());
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .arg(at("supervisor.sh"))
        .env("PATH", format!("{}:{path}", at("bin").display()))
        .env("FAKE", folder.path())
        .env("SUPERVISOR_PEERS", at("peers"))
        .env("SUPERVISOR_STATE", at("state"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let started = fs::read_to_string(at("started")).unwrap();
    (started.lines().map(str::to_owned).collect(), output)
}

fn stopped(folder: &Path, names: &[&str]) {
    for name in names {
        fs::write(folder.join("exited").join(name), "").unwrap();
    }
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
fn chaincode_of_its_peers_is_started_and_nothing_else() {
    let (started, output) = run(6, |folder| {
        stopped(
            folder,
            &[
                "dev-peer0.org1-basic-1.0",
                "dev-peer1.org1-x_1-abc",
                "dev-peer0.org2-basic-1.0",
                "registry",
                "dev-peer0xorg1-a-1",
            ],
        );
    });
    assert_eq!(
        started,
        [
            "1000 dev-peer0.org1-basic-1.0",
            "1000 dev-peer1.org1-x_1-abc"
        ]
    );
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_keeps_stopping_waits_twice_as_long_each_time() {
    let name = "dev-peer0.org1-basic-1.0";
    let times = |most: &str, seconds: u32| -> Vec<u32> {
        let most = most.to_owned();
        let (started, _) = run(seconds, |folder| {
            stopped(folder, &[name]);
            fs::write(folder.join("weak").join(name), "").unwrap();
            // The environment of the script is fixed by `run`; its default is replaced instead.
            let script = folder.join("supervisor.sh");
            let text = fs::read_to_string(&script).unwrap();
            assert!(text.contains("SUPERVISOR_MOST:-300"));
            fs::write(
                &script,
                text.replace("SUPERVISOR_MOST:-300", &format!("SUPERVISOR_MOST:-{most}")),
            )
            .unwrap();
        });
        started.iter().map(|it| it[..4].parse().unwrap()).collect()
    };
    // Seen 2 s after each start, then 1, 2, 4, 8 and 16 s of waiting, at the next look.
    assert_eq!(times("300", 50), [1000, 1004, 1008, 1014, 1024, 1042]);
    let bounded = times("4", 40);
    assert_eq!(bounded, [1000, 1004, 1008, 1014, 1020, 1026, 1032, 1038]);
}

#[test]
fn a_long_run_makes_up_for_failures() {
    let name = "dev-peer0.org1-basic-1.0";
    let (started, output) = run(110, |folder| {
        stopped(folder, &[name]);
        fs::write(folder.join("weak").join(name), "").unwrap();
        fs::write(folder.join("at/1013"), format!("rm weak/{name}")).unwrap();
        // It runs from 1014 on, and dies after more than a minute.
        fs::write(folder.join("at/1101"), format!("touch exited/{name}")).unwrap();
    });
    let expected = ["1000", "1004", "1008", "1014", "1102"].map(|time| format!("{time} {name}"));
    assert_eq!(started, expected);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(&format!("{name} stopped; it starts again in 4 s")),
        "{said}"
    );
    assert!(
        said.contains(&format!("{name} stopped; it starts again in 0 s")),
        "{said}"
    );
}

#[test]
fn after_the_daemon_all_start_at_once_whatever_they_did_before() {
    let names = ["dev-peer0.org1-a-1", "dev-peer1.org1-b-1"];
    let (started, output) = run(40, |folder| {
        stopped(folder, &names[..1]);
        fs::write(folder.join("weak").join(names[0]), "").unwrap();
        // After its third start it would wait for 4 s; meanwhile the daemon goes and comes back.
        fs::write(
            folder.join("at/1011"),
            format!("touch down; rm weak/{}", names[0]),
        )
        .unwrap();
        fs::write(
            folder.join("at/1019"),
            format!("rm down; touch exited/{}", names[1]),
        )
        .unwrap();
    });
    let expected = [(1000, 0), (1004, 0), (1008, 0), (1020, 0), (1020, 1)];
    assert_eq!(
        started,
        expected.map(|(time, which)| format!("{time} {}", names[which]))
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said.matches("the daemon does not answer: Cannot connect to the daemon")
            .count(),
        1,
        "{said}"
    );
    assert_eq!(said.matches("the daemon answers").count(), 2, "{said}");
}

#[test]
fn a_start_that_fails_is_told_and_tried_again() {
    let name = "dev-peer0.org1-basic-1.0";
    let (started, output) = run(20, |folder| {
        stopped(folder, &[name]);
        fs::write(folder.join("broken").join(name), "").unwrap();
        fs::write(folder.join("at/1005"), format!("rm broken/{name}")).unwrap();
    });
    assert_eq!(started, [format!("1008 {name}")]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(&format!("cannot start {name}: no such image")),
        "{said}"
    );
}

#[test]
fn a_peer_that_joins_is_watched_too() {
    let (started, _) = run(20, |folder| {
        stopped(folder, &["dev-peer2.org1-basic-1.0"]);
        fs::write(folder.join("at/1009"), "echo peer2.org1 >>peers").unwrap();
    });
    assert_eq!(started, ["1010 dev-peer2.org1-basic-1.0"]);
}

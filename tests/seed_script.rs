//! The very script that every pod runs, on folders, under `sh` (and under `busybox sh` where there is one).
//!
//! An identity runs once, a volume belongs to one subject, and a file is whole or absent: whatever happens.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kubectl_chain::manifest::seed::SCRIPT;
use tempfile::TempDir;

/// A pod with one volume and two sources: `key`, copied once, and `config`, copied at each start.
struct Pod {
    home: TempDir,
    volume: PathBuf,
    chain: &'static str,
    subject: &'static str,
    name: &'static str,
    user: Option<u32>,
    shell: Vec<&'static str>,
}

impl Pod {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let volume = home.path().join("volume");
        fs::create_dir(&volume).unwrap();
        fs::write(home.path().join("key"), "KEY-ONE").unwrap();
        fs::write(home.path().join("config"), "config 1\n").unwrap();
        fs::write(home.path().join("seed.sh"), SCRIPT).unwrap();
        Self {
            home,
            volume,
            chain: "uid-1",
            subject: "node/0",
            name: "c-0-0",
            user: None,
            shell: vec!["sh"],
        }
    }

    fn source(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.home.path().join(name), text).unwrap();
    }

    fn start(&self) -> Output {
        let home = self.home.path().display();
        let volume = self.volume.display();
        let manifest = format!(
            "pod\tc-0-0\nchain\t{}\nsubject\t{}\nvolume\t{volume}\ndir\t0750\t{volume}/logs\n\
             dir\t0755\t{volume}/a/b\nstart\t0644\t{home}/config\t{volume}/conf/config\n\
             once\t0600\t{home}/key\t{volume}/keys/node key\n",
            self.chain, self.subject
        );
        fs::write(self.home.path().join("manifest"), manifest).unwrap();
        let mut words: Vec<String> = Vec::new();
        if let Some(user) = self.user {
            words.extend(
                [
                    "setpriv",
                    "--clear-groups",
                    "--no-new-privs",
                    "--inh-caps=-all",
                ]
                .map(str::to_owned),
            );
            words.extend([format!("--reuid={user}"), format!("--regid={user}")]);
        }
        words.extend(self.shell.iter().map(|s| (*s).to_owned()));
        words.push(format!("{home}/seed.sh"));
        words.push(format!("{home}/manifest"));
        Command::new(&words[0])
            .args(&words[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("POD_NAME", self.name)
            .output()
            .unwrap()
    }

    fn starts(&self) {
        let out = self.start();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
        assert!(said.is_empty(), "{said}");
    }

    /// Refuses, and says this.
    fn refuses(&self, because: &str) {
        let out = self.start();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success());
        assert!(
            said.contains("chain-init: ") && said.contains(because),
            "{said}"
        );
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.volume.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.volume.join(name)).unwrap().mode() & 0o777
    }
}

/// Everything on the volume but folders, relative.
fn files(at: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.extend(files(&path).into_iter().map(|f| format!("{name}/{f}")));
        } else {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn the_first_start_makes_folders_and_files_with_their_modes_and_a_marker() {
    let pod = Pod::new();
    pod.starts();
    assert_eq!(
        files(&pod.volume),
        [".chain-seed", "conf/config", "keys/node key"]
    );
    assert_eq!(
        (pod.read("keys/node key"), pod.mode("keys/node key")),
        ("KEY-ONE".to_owned(), 0o600)
    );
    assert_eq!(
        (pod.read("conf/config"), pod.mode("conf/config")),
        ("config 1\n".to_owned(), 0o644)
    );
    assert_eq!((pod.mode("logs"), pod.mode("a/b")), (0o750, 0o755));
    let marker = pod.read(".chain-seed");
    assert!(
        marker.starts_with("chain uid-1\nsubject node/0\nonce keys/node key sha256 "),
        "{marker}"
    );
}

#[test]
fn a_restart_keeps_what_was_copied_once_and_renews_what_is_copied_at_start() {
    let pod = Pod::new();
    pod.starts();
    let marker = (
        pod.read(".chain-seed"),
        fs::metadata(pod.volume.join(".chain-seed")).unwrap().ino(),
    );
    fs::write(
        pod.volume.join("keys/node key"),
        "KEY-ONE and what the service added",
    )
    .unwrap();
    fs::write(pod.volume.join("conf/config"), "migrated").unwrap();
    fs::write(pod.volume.join("logs/log"), "line").unwrap();
    pod.source("config", "config 2\n");
    pod.starts();
    pod.starts();
    assert_eq!(
        pod.read("keys/node key"),
        "KEY-ONE and what the service added"
    );
    assert_eq!(pod.read("conf/config"), "config 2\n");
    assert_eq!(pod.read("logs/log"), "line");
    // An unchanged marker is not written again.
    assert_eq!(
        marker,
        (
            pod.read(".chain-seed"),
            fs::metadata(pod.volume.join(".chain-seed")).unwrap().ino()
        )
    );
}

#[test]
fn only_the_first_pod_of_the_set_runs() {
    let mut pod = Pod::new();
    pod.name = "c-0-1";
    pod.refuses("this is pod c-0-1, and only c-0-0 may run: an identity must never run twice");
    assert_eq!(files(&pod.volume), Vec::<String>::new());
    pod.name = "";
    pod.refuses("only c-0-0 may run");
}

#[test]
fn a_volume_of_another_chain_or_subject_is_refused_and_left_alone() {
    let mut pod = Pod::new();
    pod.starts();
    pod.source("key", "KEY-TWO");
    pod.source("config", "other");
    pod.chain = "uid-2";
    pod.refuses("this volume belongs to another chain (uid-1), not to uid-2");
    pod.chain = "uid-1";
    pod.subject = "node/1";
    pod.refuses("this volume belongs to node/0, not to node/1");
    assert_eq!(
        (pod.read("keys/node key"), pod.read("conf/config")),
        ("KEY-ONE".to_owned(), "config 1\n".to_owned())
    );
}

#[test]
fn another_key_than_the_one_on_the_volume_is_refused() {
    let pod = Pod::new();
    pod.starts();
    pod.source("key", "KEY-TWO");
    pod.refuses("keys/node key was made from other content than is kept now: this volume and the vault do not belong together");
    assert_eq!(pod.read("keys/node key"), "KEY-ONE");
    pod.source("key", "KEY-ONE");
    pod.starts();
}

#[test]
fn a_lost_file_is_copied_again() {
    let pod = Pod::new();
    pod.starts();
    fs::remove_file(pod.volume.join("keys/node key")).unwrap();
    pod.starts();
    assert_eq!(pod.read("keys/node key"), "KEY-ONE");
}

#[test]
fn a_start_that_was_interrupted_before_the_marker_goes_on() {
    let pod = Pod::new();
    pod.starts();
    fs::remove_file(pod.volume.join(".chain-seed")).unwrap();
    fs::write(pod.volume.join("keys/.chain-init.new"), "half of a k").unwrap();
    fs::remove_file(pod.volume.join("keys/node key")).unwrap();
    pod.starts();
    assert_eq!(
        files(&pod.volume),
        [".chain-seed", "conf/config", "keys/node key"]
    );
}

#[test]
fn an_unmarked_volume_with_another_key_is_refused() {
    let pod = Pod::new();
    fs::create_dir(pod.volume.join("keys")).unwrap();
    fs::write(pod.volume.join("keys/node key"), "KEY-OF-SOMEBODY").unwrap();
    pod.refuses("keys/node key is already there, and this volume has no marker");
    assert_eq!(pod.read("keys/node key"), "KEY-OF-SOMEBODY");
}

#[test]
fn a_marker_without_text_is_a_damaged_volume() {
    let pod = Pod::new();
    pod.starts();
    fs::write(pod.volume.join(".chain-seed"), "").unwrap();
    pod.refuses("is empty: this volume was damaged");
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused() {
    let pod = Pod::new();
    fs::create_dir_all(pod.volume.join("conf/config")).unwrap();
    pod.refuses("conf/config: a folder is there");
}

#[test]
fn an_unknown_step_and_a_missing_source_are_refused() {
    let pod = Pod::new();
    fs::remove_file(pod.home.path().join("key")).unwrap();
    pod.refuses("cannot read");
    let manifest = pod.home.path().join("m");
    fs::write(&manifest, "explode\tnow\n").unwrap();
    let out = Command::new("sh")
        .arg(pod.home.path().join("seed.sh"))
        .arg(&manifest)
        .output()
        .unwrap();
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("unknown step: explode"));
}

#[test]
fn a_full_disk_leaves_nothing_half() {
    let pod = Pod::new();
    let mounted = is_root()
        && Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(&pod.volume)
            .status()
            .is_ok_and(|s| s.success());
    if !mounted {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    pod.source("key", vec![b'k'; 200_000]);
    let out = pod.start();
    let left = files(&pod.volume);
    pod.source("key", "KEY-ONE");
    let again = pod.start();
    let healed = files(&pod.volume);
    Command::new("umount").arg(&pod.volume).status().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    assert!(
        said.contains("cannot copy to") && said.contains("is there space left on the volume?"),
        "{said}"
    );
    assert_eq!(left, ["conf/config"]);
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(healed, [".chain-seed", "conf/config", "keys/node key"]);
}

#[test]
fn it_runs_as_an_ordinary_user_and_says_when_the_volume_is_not_his() {
    if !is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let mut pod = Pod::new();
    pod.user = Some(1000);
    pod.source("key", "KEY-ONE");
    // As the kubelet mounts a Secret: readable by the group alone.
    fs::set_permissions(
        pod.home.path().join("key"),
        fs::Permissions::from_mode(0o440),
    )
    .unwrap();
    std::os::unix::fs::chown(pod.home.path().join("key"), Some(0), Some(1000)).unwrap();
    pod.refuses("as user 1000");
    std::os::unix::fs::chown(&pod.volume, Some(0), Some(1000)).unwrap();
    fs::set_permissions(&pod.volume, fs::Permissions::from_mode(0o2775)).unwrap();
    pod.starts();
    assert_eq!(pod.mode("keys/node key"), 0o600);
    assert_eq!(
        fs::metadata(pod.volume.join("keys/node key"))
            .unwrap()
            .uid(),
        1000
    );
    pod.starts();
}

#[test]
fn it_runs_under_busybox_too() {
    if Command::new("busybox").arg("true").output().is_err() {
        eprintln!("skipped: there is no busybox");
        return;
    }
    let mut pod = Pod::new();
    pod.shell = vec!["busybox", "sh"];
    pod.starts();
    pod.starts();
    pod.source("key", "KEY-TWO");
    pod.refuses("do not belong together");
}

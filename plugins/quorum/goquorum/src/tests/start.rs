//! The start script itself, run by `sh` on folders, with a client that writes down what it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SCRIPT: &str = include_str!("../start.sh");

/// A node's folders, and a `geth` that fails at `init` as long as a file `broken` is there, and at everything, as the real
/// one does, while the socket of the privacy manager that it is told of is not there.
struct Node {
    folder: tempfile::TempDir,
}

impl Node {
    fn new() -> Self {
        let node = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(node.at("dd")).unwrap();
        fs::create_dir_all(node.at("bin")).unwrap();
        fs::write(node.at("genesis.json"), "{}").unwrap();
        fs::write(node.at("nodes.json"), "[]").unwrap();
        fs::write(node.at("start.sh"), SCRIPT).unwrap();
        let geth = format!(
            "#!/bin/sh\necho \"$*\" >>{0}/told\n[ \"${{PRIVATE_CONFIG:-ignore}}\" = ignore ] || [ -S \"$PRIVATE_CONFIG\" ] || exit 1\n\
             case \"$*\" in *init*) [ ! -e {0}/broken ] ;; esac\n",
            node.folder.path().display()
        );
        fs::write(node.at("bin/geth"), geth).unwrap();
        fs::set_permissions(node.at("bin/geth"), fs::Permissions::from_mode(0o755)).unwrap();
        node
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, more: &[(&str, &str)]) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.at("bin").display());
        let mut command = Command::new("sh");
        command
            .arg(self.at("start.sh"))
            .args(["--datadir", "dd"])
            .env_clear()
            .env("PATH", path)
            .env("QUORUM_DATA_DIR", self.at("dd"))
            .env("GENESIS_HASH", "0xaa")
            .env("PRIVATE_CONFIG", "ignore")
            .env("CHAIN_GENESIS", self.at("genesis.json"))
            .env("CHAIN_NODES", self.at("nodes.json"))
            .env("CHAIN_FOUNDERS", self.at("founders.json"));
        for (name, value) in more {
            command.env(name, value);
        }
        command.output().unwrap()
    }

    fn told(&self) -> Vec<String> {
        let text = fs::read_to_string(self.at("told")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn inits(&self) -> usize {
        self.told()
            .iter()
            .filter(|line| line.contains(" init "))
            .count()
    }
}

fn target(path: &Path) -> PathBuf {
    fs::read_link(path).unwrap()
}

#[test]
fn the_chain_is_made_once_and_the_lists_are_linked() {
    let node = Node::new();
    for _ in 0..2 {
        assert!(node.start(&[]).status.success());
    }
    assert_eq!(node.inits(), 1);
    assert_eq!(node.told().last().unwrap(), "--datadir dd");
    assert_eq!(
        fs::read_to_string(node.at("dd/chain-genesis")).unwrap(),
        "0xaa\n"
    );
    for list in ["dd/permissioned-nodes.json", "dd/geth/static-nodes.json"] {
        assert_eq!(target(&node.at(list)), node.at("nodes.json"), "{list}");
    }
}

#[test]
fn an_init_that_fails_leaves_no_marker_and_is_begun_again() {
    let node = Node::new();
    fs::write(node.at("broken"), "").unwrap();
    let failed = node.start(&[]);
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("geth init refuses"));
    assert!(!node.at("dd/chain-genesis").exists());
    assert_eq!(node.told().len(), 1, "the client itself was not started");
    // A run that was cut off while it wrote.
    fs::write(node.at("dd/chain-genesis"), "").unwrap();
    fs::write(node.at("dd/chain-genesis.new"), "0x").unwrap();
    fs::remove_file(node.at("broken")).unwrap();
    assert!(node.start(&[]).status.success());
    assert_eq!(node.inits(), 2);
}

#[test]
fn a_folder_of_another_chain_is_refused() {
    let node = Node::new();
    assert!(node.start(&[]).status.success());
    let refused = node.start(&[("GENESIS_HASH", "0xbb")]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("holds the chain 0xaa"));
    assert_eq!(node.inits(), 1);
}

#[test]
fn a_node_without_a_number_does_not_start() {
    let node = Node::new();
    let refused = node.start(&[("CHAIN_JOIN", "pending")]);
    assert!(!refused.status.success());
    assert!(node.told().is_empty());
}

#[test]
fn another_number_is_another_membership() {
    let node = Node::new();
    fs::create_dir_all(node.at("dd/raft-wal")).unwrap();
    assert!(node.start(&[("CHAIN_MEMBER", "4")]).status.success());
    assert!(node.at("dd/raft-wal.before-4").exists() && !node.at("dd/raft-wal").exists());
    fs::create_dir_all(node.at("dd/raft-wal")).unwrap();
    assert!(node.start(&[("CHAIN_MEMBER", "4")]).status.success());
    assert!(
        node.at("dd/raft-wal").exists(),
        "the same membership goes on"
    );
    assert!(node.start(&[("CHAIN_MEMBER", "5")]).status.success());
    assert!(node.at("dd/raft-wal.before-5").exists());
}

#[test]
fn founders_of_raft_have_a_list_of_their_own() {
    let node = Node::new();
    fs::write(node.at("founders.json"), "[]").unwrap();
    assert!(node.start(&[]).status.success());
    assert_eq!(
        target(&node.at("dd/geth/static-nodes.json")),
        node.at("founders.json")
    );
    assert_eq!(
        target(&node.at("dd/permissioned-nodes.json")),
        node.at("nodes.json")
    );
}

#[test]
fn the_client_waits_for_the_privacy_manager() {
    let node = Node::new();
    let socket = node.at("tm.ipc");
    let text = socket.display().to_string();
    let linked = node.at("dd/geth/static-nodes.json");
    let opened = std::thread::spawn(move || {
        // The lists are linked right before it waits.
        for _ in 0..600 {
            if linked.is_symlink() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        std::thread::sleep(std::time::Duration::from_millis(1500));
        std::os::unix::net::UnixListener::bind(socket).unwrap()
    });
    let started = node.start(&[("PRIVATE_CONFIG", text.as_str())]);
    drop(opened.join().unwrap());
    assert!(started.status.success(), "{started:?}");
    assert!(String::from_utf8_lossy(&started.stderr).contains("waiting for the privacy manager"));
    assert_eq!(
        node.inits(),
        1,
        "the chain is made before the socket is there"
    );
}

//! Shell scripts that people run in a node's container, by the names that they have always had.
//!
//! POSIX `sh`, without tools that the client's image lacks (the originals wanted `jq` from the
//! internet). Every script takes the folder of the chain from `QUORUM_DATA_DIR`, and fails with the
//! answer on standard error when the console answers with an error, which itself exits with 0.

/// A script and the name of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// The name of the file.
    pub name: &'static str,
    /// Its content.
    pub text: &'static str,
}

/// Opens the console.
pub const GETH_ATTACH: Script = Script {
    name: "geth-attach.sh",
    text: "#!/bin/sh\nexec geth attach --datadir \"$QUORUM_DATA_DIR\" \"$QUORUM_DATA_DIR/geth.ipc\"\n",
};

/// Evaluates one expression, `eth.blockNumber` when none is given.
pub const GETH_EXEC: Script = Script {
    name: "geth-exec.sh",
    text: "#!/bin/sh\n\
           exec geth --exec \"${1:-eth.blockNumber}\" --cache=16 attach \
           --datadir \"$QUORUM_DATA_DIR\" \"$QUORUM_DATA_DIR/geth.ipc\"\n",
};

/// Runs a file in the console: `runscript.sh private_contract.js`.
pub const RUNSCRIPT: Script = Script {
    name: "runscript.sh",
    text: "#!/bin/sh\n\
           [ -f \"$1\" ] || { echo \"usage: $0 <script.js>\" >&2; exit 2; }\n\
           exec geth --exec \"loadScript(\\\"$1\\\")\" attach \
           --datadir \"$QUORUM_DATA_DIR\" \"ipc:$QUORUM_DATA_DIR/geth.ipc\"\n",
};

/// Votes for a validator of Istanbul or QBFT: `ibft_propose.sh <address> [true|false]`.
pub const IBFT_PROPOSE: Script = Script {
    name: "ibft_propose.sh",
    text: r#"#!/bin/sh
case "$1" in
  0x*) ;;
  *) echo "usage: $0 <address> [true|false]" >&2; exit 2 ;;
esac
case "${2:-true}" in
  true|false) ;;
  *) echo "usage: $0 <address> [true|false]" >&2; exit 2 ;;
esac
answer=$(geth --exec "istanbul.propose(\"$1\", ${2:-true})" attach "ipc:$QUORUM_DATA_DIR/geth.ipc") || exit 1
case "$answer" in
  *Error*|*Fatal*) echo "$1: $answer" >&2; exit 1 ;;
esac
echo "$1: $answer"
"#,
};

/// Votes for every validator of `istanbul-validator-config.toml`, which lies beside it, and goes on after a failure.
pub const IBFT_PROPOSE_ALL: Script = Script {
    name: "ibft_propose_all.sh",
    text: r#"#!/bin/sh
here=$(dirname "$0")
list=${1:-$here/istanbul-validator-config.toml}
[ -s "$list" ] || { echo "usage: $0 [istanbul-validator-config.toml]" >&2; exit 2; }
failed=0
for address in $(sed -n '/validators/,$p' "$list" | grep -o '0x[0-9a-fA-F]\{40\}'); do
  sh "$here/ibft_propose.sh" "$address" true || failed=1
done
exit $failed
"#,
};

/// Adds every node of `permissioned-nodes.json` to Raft, but this one and those that are members,
/// and writes `<id>,<url>` to `raft_added.csv`.
pub const RAFT_ADD_ALL_PERMISSIONED: Script = Script {
    name: "raft_add_all_permissioned.sh",
    text: r#"#!/bin/sh
list=${1:-$QUORUM_DATA_DIR/permissioned-nodes.json}
added=$(dirname "$0")/raft_added.csv
[ -w "$(dirname "$0")" ] || added=$QUORUM_DATA_DIR/raft_added.csv
ask() { geth --exec "$1" attach "ipc:$QUORUM_DATA_DIR/geth.ipc"; }
members=$(ask 'JSON.stringify(raft.cluster)') || exit 1
failed=0
for url in $(grep -o 'enode://[^"]*' "$list"); do
  id=$(echo "$url" | sed 's,enode://\([0-9a-f]*\).*,\1,')
  [ "$id" = "$THIS_ENODE" ] && continue
  case "$members" in *"$id"*) continue ;; esac
  answer=$(ask "raft.addPeer(\"$url\")")
  case "$answer" in
    ''|*[!0-9]*) echo "$url: $answer" >&2; failed=1; continue ;;
  esac
  echo "$answer,$url" >> "$added"
  echo "--raftjoinexisting $answer  $url"
  # Two that are added at once can get one id.
  sleep 2
done
exit $failed
"#,
};

/// The scripts for a console in any network.
pub const HELPERS: [Script; 3] = [GETH_ATTACH, GETH_EXEC, RUNSCRIPT];

/// The scripts that a chain of this consensus has besides: `istanbul`, `qbft`, `raft`, ...
#[must_use]
pub fn of_consensus(kind: &str) -> &'static [Script] {
    match kind {
        "istanbul" | "qbft" => &[IBFT_PROPOSE, IBFT_PROPOSE_ALL],
        "raft" => &[RAFT_ADD_ALL_PERMISSIONED],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn every_script_is_one_that_a_shell_reads() {
        for script in [
            GETH_ATTACH,
            GETH_EXEC,
            RUNSCRIPT,
            IBFT_PROPOSE,
            IBFT_PROPOSE_ALL,
            RAFT_ADD_ALL_PERMISSIONED,
        ] {
            assert!(script.text.starts_with("#!/bin/sh\n") && script.text.ends_with('\n'));
            let read = Command::new("sh").args(["-n", "-c", script.text]).output();
            let read = read.unwrap();
            assert!(read.status.success(), "{}: {read:?}", script.name);
        }
    }

    /// Runs a script with a `geth` that only prints what it is asked, and answers with `answer`.
    fn run(script: Script, arguments: &[&str], answer: &str, folder: &str) -> (bool, String) {
        let text = format!(
            "geth() {{ while [ \"$1\" != --exec ]; do shift; done; echo \"asked $2\" >&2; echo '{answer}'; }}\n{}",
            script.text
        );
        let mut command = Command::new("sh");
        command.args(["-c", &text, script.name]).args(arguments);
        command
            .env("QUORUM_DATA_DIR", folder)
            .env("THIS_ENODE", "aa");
        let out = command.output().unwrap();
        let shown = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8(shown).unwrap())
    }

    #[test]
    fn a_vote_is_cast_once_and_its_failure_seen() {
        let (done, shown) = run(IBFT_PROPOSE, &["0x01"], "null", "/");
        assert!(
            done && shown.contains("asked istanbul.propose(\"0x01\", true)"),
            "{shown}"
        );
        let (done, shown) = run(IBFT_PROPOSE, &["0x01", "false"], "Error: no", "/");
        assert!(!done && shown.contains("0x01: Error: no"), "{shown}");
        for wrong in [&["01"][..], &["0x01", "maybe"], &[]] {
            let (done, shown) = run(IBFT_PROPOSE, wrong, "null", "/");
            assert!(!done && shown.starts_with("usage"), "{shown}");
        }
    }

    #[test]
    fn every_validator_of_the_list_is_voted_for() {
        let folder = tempfile();
        let one = format!("0x{}", "ab".repeat(20));
        let two = format!("0x{}", "cd".repeat(20));
        let list = format!("vanity = \"0x00\"\nvalidators = [\n\"{one}\",\n\"{two}\",\n]\n");
        std::fs::write(folder.join("istanbul-validator-config.toml"), list).unwrap();
        let propose = IBFT_PROPOSE.text.replace("$(geth ", "$(sh geth ");
        std::fs::write(folder.join("ibft_propose.sh"), propose).unwrap();
        std::fs::write(folder.join("geth"), "echo \"asked $2\"").unwrap();
        let all = folder.join("ibft_propose_all.sh");
        std::fs::write(&all, IBFT_PROPOSE_ALL.text).unwrap();
        let output = Command::new("sh")
            .arg(&all)
            .current_dir(&folder)
            .env("QUORUM_DATA_DIR", &folder)
            .output();
        let output = output.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        for address in [one, two] {
            assert!(
                said.contains(&format!("asked istanbul.propose(\"{address}\", true)")),
                "{said}"
            );
        }
    }

    fn tempfile() -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("quorum-helpers-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn raft_adds_others_only() {
        let folder = std::env::temp_dir().join(format!("quorum-formats-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let list = "[\n\"enode://aa@a:1?raftport=2\",\n\"enode://bb@b:1?raftport=2\"\n]";
        std::fs::write(folder.join("permissioned-nodes.json"), list).unwrap();
        let path = folder.to_str().unwrap();
        let quick = Script {
            text: &RAFT_ADD_ALL_PERMISSIONED
                .text
                .replace("sleep 2", ":")
                .leak()[..],
            ..RAFT_ADD_ALL_PERMISSIONED
        };
        let script = Script {
            text: &quick.text.replace("$(dirname \"$0\")", path).leak()[..],
            ..quick
        };
        let (done, shown) = run(script, &[], "5", path);
        let added = std::fs::read_to_string(folder.join("raft_added.csv"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(done, "{shown}");
        assert!(!shown.contains("enode://aa"), "{shown}");
        assert!(
            shown.contains("--raftjoinexisting 5  enode://bb@b:1?raftport=2"),
            "{shown}"
        );
        assert_eq!(added.unwrap(), "5,enode://bb@b:1?raftport=2\n");
    }
}

//! The command line of the client, in the spelling of each version.
//!
//! Flags were renamed twice: `--rpc*` and `--ws*` became `--http.*` and `--ws.*` (known from 21.4 on),
//! and 22.1 dropped `--wsapi`, `--wsport`, `--minerthreads` and their like, with which an older
//! command line ends at once. The order is that of the original.

use crate::version::Version;

/// What a consensus asks of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsensusFlags {
    /// Istanbul and QBFT.
    Istanbul {
        /// Seconds between blocks; absent when the genesis file says it (`ibft`, `qbft`).
        block_period: Option<u64>,
    },
    /// Clique.
    Clique,
    /// Raft.
    Raft {
        /// The port of its transport.
        port: u16,
        /// Milliseconds between blocks; 50 when absent.
        block_time: Option<u64>,
        /// The id that a member gave this node, when it joins a network that runs.
        joins_as: Option<u16>,
    },
}

/// What a node is told at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFlags {
    /// The folder of the chain and the keys.
    pub data_dir: String,
    /// The consensus.
    pub consensus: ConsensusFlags,
    /// The id of the network, usually the chain's.
    pub network_id: u64,
    /// 0 to 5; the original writes 9, which counts as 5.
    pub verbosity: u8,
    /// Admit only nodes of `permissioned-nodes.json`.
    pub permissioned: bool,
    /// The file with the password of the first account, which is then unlocked.
    pub password_file: Option<String>,
    /// The port of JSON-RPC over HTTP.
    pub http_port: u16,
    /// The port of JSON-RPC over a web socket.
    pub ws_port: u16,
    /// Listen on the web socket. The original names its port but never does.
    pub ws: bool,
    /// The port at which peers connect.
    pub p2p_port: u16,
    /// Serve metrics on port 6060.
    pub metrics: bool,
    /// Further arguments, last.
    pub extra: Vec<String>,
}

/// The value of the environment variable `PRIVATE_CONFIG`: the socket of the privacy manager, or
/// `ignore` for a node without one.
#[must_use]
pub const fn private_config(socket: Option<&str>) -> &str {
    match socket {
        Some(socket) => socket,
        None => "ignore",
    }
}

/// Flags that 22.1 dropped, and what they are called instead.
const RENAMED: [(&str, &str); 11] = [
    ("--minerthreads", "--miner.threads"),
    ("--gasprice", "--miner.gasprice"),
    ("--targetgaslimit", "--miner.gastarget"),
    ("--etherbase", "--miner.etherbase"),
    ("--extradata", "--miner.extradata"),
    ("--wsaddr", "--ws.addr"),
    ("--wsport", "--ws.port"),
    ("--wsapi", "--ws.api"),
    ("--wsorigins", "--ws.origins"),
    ("--lightserv", "--light.serve"),
    ("--lightpeers", "--light.maxpeers"),
];

/// A user's own arguments for a client of this version: what 22.1 dropped gets its new name, for
/// the client ends at a flag that it does not know. Gives the arguments and the old names that were
/// replaced.
#[must_use]
pub fn renamed(arguments: &[String], version: &Version) -> (Vec<String>, Vec<&'static str>) {
    if *version < Version::new(22, 1, 0) {
        return (arguments.to_vec(), Vec::new());
    }
    let mut replaced = Vec::new();
    let arguments = arguments.iter().map(|argument| {
        let name = argument.split('=').next().unwrap_or_default();
        match RENAMED.iter().find(|(old, _)| *old == name) {
            Some((old, new)) => {
                replaced.push(*old);
                argument.replacen(old, new, 1)
            }
            None => argument.clone(),
        }
    });
    (arguments.collect(), replaced)
}

impl ConsensusFlags {
    const fn api(self) -> &'static str {
        match self {
            Self::Istanbul { .. } => "istanbul",
            Self::Clique => "clique",
            Self::Raft { .. } => "raft",
        }
    }

    fn arguments(self, spelling: Spelling) -> Vec<String> {
        let mut flags = words("--gcmode archive");
        match self {
            Self::Raft {
                port,
                block_time,
                joins_as,
            } => {
                flags.extend(words("--raft --raftport"));
                flags.push(port.to_string());
                flags.push("--raftdnsenable".to_owned());
                for (flag, value) in [
                    ("--raftblocktime", block_time),
                    ("--raftjoinexisting", joins_as.map(u64::from)),
                ] {
                    if let Some(value) = value {
                        flags.extend([flag.to_owned(), value.to_string()]);
                    }
                }
            }
            Self::Istanbul { block_period } => {
                if let Some(period) = block_period {
                    flags.extend(["--istanbul.blockperiod".to_owned(), period.to_string()]);
                }
                flags.extend(sealing(spelling));
            }
            Self::Clique => flags.extend(sealing(spelling)),
        }
        flags
    }
}

/// Which names a version has for what was renamed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Old,
    New,
}

impl ClientFlags {
    /// The arguments for a client of this version, the name of the program not among them.
    #[must_use]
    pub fn arguments(&self, version: &Version) -> Vec<String> {
        let spelling = if *version >= Version::new(21, 4, 0) {
            Spelling::New
        } else {
            Spelling::Old
        };
        let mut flags = vec!["--datadir".to_owned(), self.data_dir.clone()];
        flags.extend(self.consensus.arguments(spelling));
        if self.password_file.is_some() && *version >= Version::new(2, 6, 0) {
            flags.push("--allow-insecure-unlock".to_owned());
        }
        if self.permissioned {
            flags.push("--permissioned".to_owned());
        }
        flags.extend(words("--nodiscover --nat=none --verbosity"));
        flags.push(self.verbosity.to_string());
        flags.push("--networkid".to_owned());
        flags.push(self.network_id.to_string());
        if self.password_file.is_some() {
            flags.extend(words("--unlock 0"));
        }
        flags.push("--emitcheckpoints".to_owned());
        flags.extend(self.servers(version, spelling));
        flags.push("--port".to_owned());
        flags.push(self.p2p_port.to_string());
        if self.metrics {
            flags.extend(words("--metrics --metrics.expensive --pprof"));
            flags.push(match spelling {
                Spelling::Old => "--pprofaddr=0.0.0.0".to_owned(),
                Spelling::New => "--pprof.addr=0.0.0.0".to_owned(),
            });
        }
        flags.extend(self.extra.iter().cloned());
        if let Some(file) = &self.password_file {
            flags.extend(["--password".to_owned(), file.clone()]);
        }
        flags
    }

    /// The namespaces that JSON-RPC serves.
    #[must_use]
    pub fn apis(&self, version: &Version) -> String {
        let base = if *version >= Version::new(22, 1, 0) {
            "admin,eth,debug,miner,net,txpool,personal,web3,quorum"
        } else {
            "admin,db,eth,debug,miner,net,shh,txpool,personal,web3,quorum"
        };
        format!("{base},{}", self.consensus.api())
    }

    fn servers(&self, version: &Version, spelling: Spelling) -> Vec<String> {
        let (http, ws) = match spelling {
            Spelling::Old => (
                ["--rpc", "--rpcaddr", "--rpcport", "--rpcapi"],
                ["--wsaddr", "--wsapi", "--wsport"],
            ),
            Spelling::New => (
                ["--http", "--http.addr", "--http.port", "--http.api"],
                ["--ws.addr", "--ws.api", "--ws.port"],
            ),
        };
        let [on, address, port, api] = http.map(str::to_owned);
        let [ws_address, ws_api, ws_port] = ws.map(str::to_owned);
        let any = || "0.0.0.0".to_owned();
        let apis = self.apis(version);
        let mut flags = vec![on, address, any(), port, self.http_port.to_string()];
        flags.extend([api, apis.clone()]);
        if self.ws {
            flags.extend(["--ws".to_owned(), ws_address, any()]);
        }
        flags.extend([ws_api, apis, ws_port, self.ws_port.to_string()]);
        flags
    }
}

fn sealing(spelling: Spelling) -> Vec<String> {
    words(match spelling {
        Spelling::Old => "--syncmode full --mine --minerthreads 1",
        Spelling::New => "--syncmode full --mine --miner.threads 1",
    })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(consensus: ConsensusFlags) -> ClientFlags {
        ClientFlags {
            data_dir: "D".to_owned(),
            consensus,
            network_id: 1000,
            verbosity: 9,
            permissioned: true,
            password_file: Some("P".to_owned()),
            http_port: 8545,
            ws_port: 8546,
            ws: false,
            p2p_port: 30303,
            metrics: false,
            extra: vec!["--own".to_owned()],
        }
    }

    fn line(flags: &ClientFlags, version: &str) -> String {
        flags.arguments(&version.parse().unwrap()).join(" ")
    }

    #[test]
    fn an_old_client_gets_the_line_of_the_original() {
        let istanbul = flags(ConsensusFlags::Istanbul {
            block_period: Some(3),
        });
        let apis = "admin,db,eth,debug,miner,net,shh,txpool,personal,web3,quorum,istanbul";
        assert_eq!(
            line(&istanbul, "2.7.0"),
            format!(
                "--datadir D --gcmode archive --istanbul.blockperiod 3 --syncmode full --mine \
                 --minerthreads 1 --allow-insecure-unlock --permissioned --nodiscover --nat=none \
                 --verbosity 9 --networkid 1000 --unlock 0 --emitcheckpoints --rpc --rpcaddr 0.0.0.0 \
                 --rpcport 8545 --rpcapi {apis} --wsapi {apis} --wsport 8546 --port 30303 --own \
                 --password P"
            )
        );
        assert!(!line(&istanbul, "2.5.0").contains("insecure"));
    }

    #[test]
    fn a_new_client_gets_no_flag_that_is_gone() {
        let mut qbft = flags(ConsensusFlags::Istanbul { block_period: None });
        qbft.metrics = true;
        qbft.ws = true;
        let line = line(&qbft, "24.4.1");
        for gone in [
            "--minerthreads",
            "--wsapi",
            "--wsport",
            "--rpc",
            "pprofaddr",
            "shh",
            "blockperiod",
        ] {
            assert!(!line.contains(gone), "{gone}");
        }
        for there in [
            "--miner.threads 1",
            "--http --http.addr 0.0.0.0 --http.port 8545",
            "--ws --ws.addr 0.0.0.0 --ws.api",
            "--metrics --metrics.expensive --pprof --pprof.addr=0.0.0.0",
        ] {
            assert!(line.contains(there), "{there}");
        }
    }

    #[test]
    fn a_users_old_flags_get_their_new_names() {
        let own = ["--wsapi=eth", "--minerthreads", "2", "--rpccorsdomain=*"].map(str::to_owned);
        let (kept, none) = renamed(&own, &Version::new(21, 10, 0));
        assert_eq!((kept.as_slice(), none.len()), (&own[..], 0));
        let (new, replaced) = renamed(&own, &Version::new(22, 1, 0));
        assert_eq!(
            new,
            ["--ws.api=eth", "--miner.threads", "2", "--rpccorsdomain=*"]
        );
        assert_eq!(replaced, ["--wsapi", "--minerthreads"]);
    }

    #[test]
    fn raft_neither_mines_nor_forgets_its_id() {
        let raft = flags(ConsensusFlags::Raft {
            port: 50401,
            block_time: None,
            joins_as: Some(5),
        });
        let line = line(&raft, "20.10.0");
        assert!(line.contains("--raft --raftport 50401 --raftdnsenable --raftjoinexisting 5"));
        assert!(line.contains("quorum,raft") && !line.contains("--mine"));
    }

    #[test]
    fn without_a_password_nothing_is_unlocked() {
        let mut clique = flags(ConsensusFlags::Clique);
        clique.password_file = None;
        let line = line(&clique, "24.4.1");
        assert!(!line.contains("unlock") && !line.contains("--password"));
        assert_eq!(private_config(None), "ignore");
    }
}

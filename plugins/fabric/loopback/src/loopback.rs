//! The network of processes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, file};
use crate::process::{Kind, Process};
use crate::programs::Programs;
use crate::{health, root};

/// How long a process may take to get ready or to stop; machines of tests are busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Lines of a log that an error quotes.
const TAIL: usize = 25;

/// Run as its own root, with the system's devices and processes; `$0` is the root, `$1` the program,
/// the rest its arguments. Every step replaces the one before, so the child's id stays the program's.
const ENTER: &str = r#"mount --rbind /dev "$0/dev"
mount --rbind /proc "$0/proc"
mount --bind "$1" "$0/usr/local/bin/program"
root=$0
shift
exec chroot "$root" /usr/local/bin/program "$@""#;

/// One process of the network.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it runs.
    pub kind: Kind,
    /// Where it listens, on the usual ports.
    pub address: Ipv4Addr,
    /// Its root and its log are in here.
    pub folder: PathBuf,
    program: PathBuf,
    env: BTreeMap<String, String>,
    child: Option<Child>,
}

impl Node {
    /// Its root file system: a test may look into its files, and change them between two starts.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read(self.folder.join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(TAIL);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    fn spawn(&mut self) -> Result<(), Error> {
        let path = self.folder.join("log");
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(file("open", &path))?;
        let errors = log.try_clone().map_err(file("open", &path))?;
        let mut command = Command::new("unshare");
        // Whoever is not root becomes it in a namespace of users.
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        command.args(if is_root { &["--mount"][..] } else { &["-rm"] });
        command.args(["--", "sh", "-ec", ENTER]);
        command.arg(self.root()).arg(&self.program);
        command.args(self.kind.arguments());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let child = command
            .env_clear()
            .env("PATH", path)
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn();
        let child = child.map_err(|source| Error::Tool {
            tool: "unshare",
            source,
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// How it ended, if it runs no more.
    fn ended(&mut self) -> Option<String> {
        match &mut self.child {
            None => Some("it was stopped".to_owned()),
            Some(child) => match child.try_wait() {
                Ok(status) => status.map(|status| status.to_string()),
                Err(error) => Some(error.to_string()),
            },
        }
    }

    fn wait_ready(&mut self) -> Result<(), Error> {
        let start = Instant::now();
        let ports = health::ports(self.kind, self.address, &self.env);
        while !health::is_ready(self.kind, self.address, &ports) {
            if let Some(status) = self.ended() {
                return Err(Error::Ended {
                    name: self.name.clone(),
                    status,
                    log: self.tail(),
                });
            }
            self.in_time(start, "ready")?;
            sleep(PAUSE);
        }
        Ok(())
    }

    fn in_time(&self, start: Instant, state: &'static str) -> Result<(), Error> {
        if start.elapsed() < PATIENCE {
            return Ok(());
        }
        Err(Error::Late {
            name: self.name.clone(),
            state,
            after: PATIENCE,
            log: self.tail(),
        })
    }

    fn signal(&self, signal: &str) -> Result<(), Error> {
        let Some(child) = &self.child else {
            return Ok(());
        };
        Command::new("kill")
            .args([signal, &child.id().to_string()])
            .stderr(Stdio::null())
            .status()
            .map(drop)
            .map_err(|source| Error::Tool {
                tool: "kill",
                source,
            })
    }

    fn stop(&mut self, signal: &str) -> Result<(), Error> {
        self.signal(signal)?;
        let start = Instant::now();
        while self.ended().is_none() {
            self.in_time(start, "stopped")?;
            sleep(PAUSE);
        }
        self.child = None;
        Ok(())
    }
}

/// Running processes; they end with it.
#[derive(Debug)]
pub struct Loopback {
    folder: PathBuf,
    nodes: Vec<Node>,
}

impl Loopback {
    /// Starts all processes at once and waits until each is ready.
    ///
    /// Two processes may run the same program; their names must differ.
    ///
    /// # Errors
    /// The first thing that does not work, with the end of the log when a process ended.
    pub fn start(programs: &Programs, processes: Vec<Process>) -> Result<Self, Error> {
        let network = addresses(&processes)?;
        let mut of: BTreeMap<&str, Ipv4Addr> = BTreeMap::new();
        for (process, address) in processes.iter().zip(&network) {
            if of.insert(&process.name, *address).is_some() {
                return Err(Error::Twice(process.name.clone()));
            }
        }
        // What was begun is taken away again when a later step fails.
        let mut loopback = Self {
            folder: folder()?,
            nodes: Vec::new(),
        };
        for process in &processes {
            let node = loopback.prepare(programs, process, &of)?;
            loopback.nodes.push(node);
        }
        for node in &mut loopback.nodes {
            node.spawn()?;
        }
        for node in &mut loopback.nodes {
            node.wait_ready()?;
        }
        Ok(loopback)
    }

    fn prepare(
        &self,
        programs: &Programs,
        process: &Process,
        of: &BTreeMap<&str, Ipv4Addr>,
    ) -> Result<Node, Error> {
        let unknown = |name: &String| Error::Unknown(name.clone());
        let address = *of
            .get(process.name.as_str())
            .ok_or_else(|| unknown(&process.name))?;
        let mut hosts = format!("{address} localhost\n");
        for (name, to) in &process.hosts {
            let to = of.get(to.as_str()).ok_or_else(|| unknown(to))?;
            let _ = writeln!(hosts, "{to} {name}");
        }
        let folder = self.folder.join(&process.name);
        root::make(&folder.join("root"), programs, process, &hosts)?;
        let mut env: BTreeMap<String, String> = process
            .env
            .iter()
            .map(|(name, value)| (name.clone(), root::localized(value, address)))
            .collect();
        // What the image says.
        env.entry("FABRIC_CFG_PATH".to_owned())
            .or_insert_with(|| "/etc/hyperledger/fabric".to_owned());
        Ok(Node {
            name: process.name.clone(),
            kind: process.kind,
            address,
            folder,
            program: programs.program(process.kind)?,
            env,
            child: None,
        })
    }

    /// All processes, in the order in which they were given.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A process by its name.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&self, name: &str) -> Result<&Node, Error> {
        let found = self.nodes.iter().find(|node| node.name == name);
        found.ok_or_else(|| Error::Unknown(name.to_owned()))
    }

    fn node_mut(&mut self, name: &str) -> Result<&mut Node, Error> {
        let found = self.nodes.iter_mut().find(|node| node.name == name);
        found.ok_or_else(|| Error::Unknown(name.to_owned()))
    }

    /// Whether a process runs: one that died has not been stopped by anybody.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn is_running(&mut self, name: &str) -> Result<bool, Error> {
        Ok(self.node_mut(name)?.ended().is_none())
    }

    /// Ends a process as a pod's deletion does, and waits for its end.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self, name: &str) -> Result<(), Error> {
        self.node_mut(name)?.stop("-TERM")
    }

    /// Ends a process as the loss of its machine does.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&mut self, name: &str) -> Result<(), Error> {
        self.node_mut(name)?.stop("-KILL")
    }

    /// Starts a process that was stopped, on its files, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready in time.
    pub fn restart(&mut self, name: &str) -> Result<(), Error> {
        let node = self.node_mut(name)?;
        node.spawn()?;
        node.wait_ready()
    }

    /// Writes a file of a process: seen at once where it is read anew, else at the next start.
    ///
    /// # Errors
    /// A path that is not absolute, or what the file system says.
    pub fn write(&self, name: &str, path: &str, bytes: &[u8]) -> Result<(), Error> {
        root::write(&root::inside(&self.node(name)?.root(), path)?, bytes)
    }

    /// The folder of all processes. It goes with them, but stays when a test fails.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Loopback {
    #[expect(
        clippy::print_stderr,
        reason = "who reads a failed test wants the logs"
    )]
    fn drop(&mut self) {
        for node in &mut self.nodes {
            if let Some(child) = &mut node.child {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        if std::thread::panicking() {
            eprintln!("logs and files of the processes: {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A new folder for the files of a network.
fn folder() -> Result<PathBuf, Error> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "fabric-loopback-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let path = std::env::temp_dir().join(name);
    if path.exists() {
        // Of an earlier process of this number.
        fs::remove_dir_all(&path).map_err(file("remove", &path))?;
    }
    fs::create_dir_all(&path).map_err(file("make", &path))?;
    Ok(path)
}

/// An address for each process, all of one net whose ports nobody holds: several tests run at once.
fn addresses(processes: &[Process]) -> Result<Vec<Ipv4Addr>, Error> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let none = || Error::Addresses(processes.len());
    let last = u8::try_from(processes.len()).map_err(|_| none())?;
    for _ in 0..200 {
        let number = std::process::id().wrapping_mul(7) + NEXT.fetch_add(1, Ordering::Relaxed);
        // 127.1.0.x to 127.200.255.x; 127.0.0.x belongs to others.
        let [.., high, low] = (number % (200 * 256) + 256).to_be_bytes();
        let all: Vec<Ipv4Addr> = (1..=last)
            .map(|host| Ipv4Addr::new(127, high, low, host))
            .collect();
        let free = processes.iter().zip(&all).all(|(process, address)| {
            let ports = [Some(process.kind.port()), process.kind.operations()];
            ports
                .into_iter()
                .flatten()
                .all(|port| TcpListener::bind((*address, port)).is_ok())
        });
        if free {
            return Ok(all);
        }
    }
    Err(none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_addresses_of_its_own() {
        let processes = [
            Process::new("orderer0", Kind::Orderer),
            Process::new("peer0", Kind::Peer),
        ];
        let one = addresses(&processes).unwrap();
        let held = TcpListener::bind((one[1], 9443)).unwrap();
        let other = addresses(&processes).unwrap();
        drop(held);
        assert_eq!(one.len(), 2);
        assert_ne!(one[0], one[1]);
        assert!(one.iter().all(|address| !other.contains(address)));
    }

    #[test]
    fn a_missing_program_is_named() {
        let programs = Programs::at("/nonexistent");
        let fault = Loopback::start(&programs, vec![Process::new("kv", Kind::Chaincode)]);
        let text = fault.unwrap_err().to_string();
        assert!(text.contains("/nonexistent/chaincode"), "{text}");
    }

    #[test]
    fn names_lead_to_processes_that_are_there() {
        let programs = Programs::at("/nonexistent");
        let mut process = Process::new("kv", Kind::Chaincode);
        process.hosts.insert("peer0".into(), "peer0.org1".into());
        let fault = Loopback::start(&programs, vec![process.clone()]).unwrap_err();
        assert!(matches!(fault, Error::Unknown(name) if name == "peer0.org1"));
        process.hosts.clear();
        let fault = Loopback::start(&programs, vec![process.clone(), process]).unwrap_err();
        assert!(matches!(fault, Error::Twice(_)));
    }
}

//! The root file system of a process: a folder that holds what an image and its mounts would.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::error::{Error, file};
use crate::process::{Kind, Process};
use crate::programs::Programs;

/// Where the program is bound.
pub const PROGRAM: &str = "usr/local/bin/program";
/// Where the images have their configuration.
const CONFIGURATION: &str = "etc/hyperledger/fabric";
/// Where a peer gets one without docker.
const WITHOUT_DOCKER: &str = "etc/hyperledger/cfg";
/// Takes the docker daemon out of a peer's configuration: no variable can.
const SED: &str = r"/^vm:/,/^[a-z]/s#^\( *endpoint:\).*#\1#";

/// Makes the folder. `hosts` is the text of `/etc/hosts`.
pub fn make(root: &Path, programs: &Programs, process: &Process, hosts: &str) -> Result<(), Error> {
    for folder in [
        "dev",
        "proc",
        "tmp",
        "usr/local/bin",
        "var/hyperledger/production",
    ] {
        let path = root.join(folder);
        fs::create_dir_all(&path).map_err(file("make", path))?;
    }
    // What is bound needs something to be bound upon.
    write(&root.join(PROGRAM), b"")?;
    write(&root.join("etc/hosts"), hosts.as_bytes())?;
    // No server of names: what is not in the file does not exist.
    write(&root.join("etc/nsswitch.conf"), b"hosts: files\n")?;
    if process.kind != Kind::Chaincode {
        copy(&programs.configuration(), &root.join(CONFIGURATION))?;
    }
    if process.kind == Kind::Peer {
        let builder = programs.builder();
        if builder.is_dir() {
            copy(&builder, &root.join("opt/hyperledger/ccaas_builder"))?;
        }
        without_docker(root)?;
    }
    for (path, bytes) in &process.files {
        write(&inside(root, path)?, bytes)?;
    }
    Ok(())
}

/// The place of an absolute path in the root.
pub fn inside(root: &Path, path: &str) -> Result<PathBuf, Error> {
    let mut parts = Path::new(path).components();
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if parts.next() != Some(Component::RootDir) || !parts.clone().all(plain) {
        return Err(Error::Path(path.to_owned()));
    }
    Ok(root.join(parts.as_path()))
}

/// A value of a container's environment, on this address instead of all or of the pod's own.
pub fn localized(value: &str, address: Ipv4Addr) -> String {
    let own = address.to_string();
    value.replace("0.0.0.0", &own).replace("127.0.0.1", &own)
}

/// Writes a file and the folders above it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file("make", folder))?;
    }
    fs::write(path, bytes).map_err(file("write", path))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(file("make", to))?;
    for entry in fs::read_dir(from).map_err(file("read", from))? {
        let entry = entry.map_err(file("read", from))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).map_err(file("copy", from))?;
        }
    }
    Ok(())
}

/// As the peer's init container does it.
fn without_docker(root: &Path) -> Result<(), Error> {
    let from = root.join(CONFIGURATION).join("core.yaml");
    let made = Command::new("sed")
        .arg(SED)
        .arg(&from)
        .output()
        .map_err(|source| Error::Tool {
            tool: "sed",
            source,
        })?;
    if !made.status.success() {
        let told = String::from_utf8_lossy(&made.stderr).into_owned();
        return Err(Error::Configuration(told));
    }
    write(&root.join(WITHOUT_DOCKER).join("core.yaml"), &made.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_in_the_root() {
        let root = Path::new("/r");
        assert_eq!(inside(root, "/a/b").unwrap(), Path::new("/r/a/b"));
        for path in ["a", "", "/a/../../b", "../a"] {
            assert!(inside(root, path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_pod_listens_on_its_own_address() {
        let own = Ipv4Addr::new(127, 9, 0, 1);
        assert_eq!(localized("0.0.0.0:8443", own), "127.9.0.1:8443");
        assert_eq!(localized("127.0.0.1:9443", own), "127.9.0.1:9443");
        assert_eq!(localized("peer0.org1:7051", own), "peer0.org1:7051");
    }
}

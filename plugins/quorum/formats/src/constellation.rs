//! Constellation, the privacy manager before Tessera: its command line and its configuration file.
//!
//! It has the same key files and knows peers by IP address only, so a URL names an environment
//! variable that the cluster fills with the address of a Service. One reachable peer is enough; the
//! original hard-wires the first node of a fixed name, here the caller says which.

/// Where peers connect.
pub const PORT: u16 = 9001;

/// The settings of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constellation {
    /// The folder of the database.
    pub folder: String,
    /// The path of the socket.
    pub socket: String,
    /// The folder of the keys.
    pub keys: String,
    /// The URL by which peers reach this node, with a trailing slash.
    pub url: String,
    /// Where it listens.
    pub port: u16,
    /// URLs of peers to begin with.
    pub other_nodes: Vec<String>,
    /// 0 to 3, and what is higher counts as 3.
    pub verbosity: u8,
}

/// The name of the environment variable with the IP address of a Service: upper case, hyphens as
/// underscores, `_SERVICE_HOST`. There is none where service links are off.
#[must_use]
pub fn service_host_variable(service: &str) -> String {
    let prefix = service.to_ascii_uppercase().replace('-', "_");
    format!("{prefix}_SERVICE_HOST")
}

/// The URL of a node behind a Service, for a shell to expand.
#[must_use]
pub fn service_url(service: &str) -> String {
    format!("https://${}:{PORT}/", service_host_variable(service))
}

impl Constellation {
    /// The arguments, in the order of the original.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let (folder, keys) = (&self.folder, &self.keys);
        vec![
            format!("--url={}", self.url),
            format!("--port={}", self.port),
            format!("--workdir={folder}"),
            format!("--socket={}", self.socket),
            format!("--publickeys={keys}/tm.pub"),
            format!("--privatekeys={keys}/tm.key"),
            format!("--verbosity={}", self.verbosity),
            format!("--othernodes={}", self.other_nodes.join(",")),
        ]
    }

    /// The same as a configuration file, TOML.
    #[must_use]
    pub fn file(&self) -> String {
        let (folder, keys) = (&self.folder, &self.keys);
        let nodes: Vec<String> = self.other_nodes.iter().map(|url| quoted(url)).collect();
        [
            format!("url = {}", quoted(&self.url)),
            format!("port = {}", self.port),
            format!("workdir = {}", quoted(folder)),
            format!("socket = {}", quoted(&self.socket)),
            format!("othernodes = [{}]", nodes.join(", ")),
            format!("publickeys = [{}]", quoted(&format!("{keys}/tm.pub"))),
            format!("privatekeys = [{}]", quoted(&format!("{keys}/tm.key"))),
            format!("verbosity = {}", self.verbosity),
        ]
        .map(|line| line + "\n")
        .concat()
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Constellation {
        Constellation {
            folder: "/etc/quorum/qdata/tm".to_owned(),
            socket: "/etc/quorum/qdata/tm/tm.ipc".to_owned(),
            keys: "/etc/quorum/qdata/tm".to_owned(),
            url: service_url("quorum-node2"),
            port: PORT,
            other_nodes: vec![service_url("quorum-node1")],
            verbosity: 9,
        }
    }

    #[test]
    fn arguments_are_those_of_the_original() {
        assert_eq!(
            node().arguments().join(" "),
            "--url=https://$QUORUM_NODE2_SERVICE_HOST:9001/ --port=9001 \
             --workdir=/etc/quorum/qdata/tm --socket=/etc/quorum/qdata/tm/tm.ipc \
             --publickeys=/etc/quorum/qdata/tm/tm.pub --privatekeys=/etc/quorum/qdata/tm/tm.key \
             --verbosity=9 --othernodes=https://$QUORUM_NODE1_SERVICE_HOST:9001/"
        );
    }

    #[test]
    fn the_file_says_the_same() {
        let file = node().file();
        assert!(
            file.starts_with("url = \"https://$QUORUM_NODE2_SERVICE_HOST:9001/\"\nport = 9001\n")
        );
        assert!(file.contains("othernodes = [\"https://$QUORUM_NODE1_SERVICE_HOST:9001/\"]\n"));
        assert!(file.ends_with("verbosity = 9\n"));
    }
}

//! `consensus-config.toml`: where the neighbours are, and which node this is.

use crate::service::Service;

/// The content of `consensus-config.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsensusConfig {
    /// gRPC port of the network service.
    pub network_port: u16,
    /// gRPC port of the controller.
    pub controller_port: u16,
    /// Index of the node, from 0 and without gaps: raft id is one more, node 0 is the hard-wired
    /// first leader, and voters are the ids up to the number of validators.
    pub node_id: u32,
}

impl ConsensusConfig {
    /// The name of the file.
    pub const FILE_NAME: &str = "consensus-config.toml";

    /// The configuration of a node, with the fixed ports.
    #[must_use]
    pub const fn new(node_id: u32) -> Self {
        Self {
            network_port: Service::Network.grpc_port(),
            controller_port: Service::Controller.grpc_port(),
            node_id,
        }
    }

    /// The text of the file, byte for byte as the original writes it.
    #[must_use]
    pub fn render(&self) -> String {
        format!(
            "network_port = {}\ncontroller_port = {}\nnode_id = {}\n",
            self.network_port, self.controller_port, self.node_id
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::golden_files;

    #[test]
    fn vector_golden_files() {
        for golden in golden_files(ConsensusConfig::FILE_NAME) {
            let node_id = u32::try_from(golden.node).unwrap();
            assert_eq!(ConsensusConfig::new(node_id).render(), golden.text);
        }
    }
}

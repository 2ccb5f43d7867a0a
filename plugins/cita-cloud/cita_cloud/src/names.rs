//! Names of nodes and of their objects.

use plugin_pods::names::node;
pub use plugin_pods::names::{unfit, workload_of};

/// The name of the RPC's Service.
pub fn rpc(chain: &str) -> String {
    format!("{chain}-node-port")
}

/// The name of the Service of a node's executor.
pub fn executor(workload: &str) -> String {
    format!("{workload}-executor")
}

/// The name of the Service by which nodes of other clusters reach a node.
pub fn peers(workload: &str) -> String {
    format!("{workload}-peers")
}

/// The name of a node's `StatefulSet` and Service: `<chain>-<ordinal>` as the original has it, or with the name that the
/// user gave.
pub fn workload(chain: &str, name: &str, ordinal: u32) -> String {
    if name == node(ordinal) {
        format!("{chain}-{ordinal}")
    } else {
        format!("{chain}-{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_names_are_kept_for_nodes_without_a_name() {
        assert_eq!(workload("test-chain", "node2", 2), "test-chain-2");
        assert_eq!(workload("test-chain", "node2", 3), "test-chain-node2");
        assert_eq!(workload("test-chain", "berlin", 2), "test-chain-berlin");
    }
}

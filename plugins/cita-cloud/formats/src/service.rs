//! The six microservices of a node and what is fixed about each: its name and its gRPC port.

/// One of the six services; a chain has exactly one of each in every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Peer-to-peer messages.
    Network,
    /// Order of blocks.
    Consensus,
    /// Execution of transactions.
    Executor,
    /// The database.
    Storage,
    /// The chain itself and its RPC.
    Controller,
    /// Hashing, keys and signatures.
    Kms,
}

impl Service {
    /// All six, in the order of the original's container list.
    pub const ALL: [Self; 6] = [
        Self::Network,
        Self::Consensus,
        Self::Executor,
        Self::Storage,
        Self::Controller,
        Self::Kms,
    ];

    /// The name, which is also the name of its binary, container and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Consensus => "consensus",
            Self::Executor => "executor",
            Self::Storage => "storage",
            Self::Controller => "controller",
            Self::Kms => "kms",
        }
    }

    /// The gRPC port (TCP) on which the other services of the node expect it.
    #[must_use]
    pub const fn grpc_port(self) -> u16 {
        match self {
            Self::Network => 50000,
            Self::Consensus => 50001,
            Self::Executor => 50002,
            Self::Storage => 50003,
            Self::Controller => 50004,
            Self::Kms => 50005,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_the_order() {
        for (service, port) in Service::ALL.into_iter().zip(50000..) {
            assert_eq!(service.grpc_port(), port, "{}", service.name());
        }
    }
}

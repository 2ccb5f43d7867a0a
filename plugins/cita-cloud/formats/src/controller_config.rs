//! `controller-config.toml`: where the other five services are.

use thiserror::Error;

use crate::service::Service;

/// The only `block_delay_number` with which this generation makes blocks.
///
/// With any other value `d` the controller computes `height - d - 1`, which underflows for heights
/// up to `d`: block 1 is never made, and a release build says nothing about it. Entered the source
/// on 2021-03-30 and is still in v6.0.0 (running notes A 1).
pub const BLOCK_DELAY_NUMBER: u32 = 0;

/// A chain with this delay would stay at height 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "block delay number {0} would keep the chain at height 0: \
     this controller makes blocks only with {BLOCK_DELAY_NUMBER}"
)]
pub struct BlockDelayError(pub u32);

/// Checks what a user asked for against [`BLOCK_DELAY_NUMBER`], which gives the reason.
///
/// # Errors
/// For every number but 0.
pub const fn check_block_delay_number(number: u32) -> Result<(), BlockDelayError> {
    if number == BLOCK_DELAY_NUMBER {
        Ok(())
    } else {
        Err(BlockDelayError(number))
    }
}

/// The content of `controller-config.toml`: the gRPC ports of the other services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerConfig {
    /// gRPC port of the network service.
    pub network_port: u16,
    /// gRPC port of the consensus service.
    pub consensus_port: u16,
    /// gRPC port of the storage service.
    pub storage_port: u16,
    /// gRPC port of the kms.
    pub kms_port: u16,
    /// gRPC port of the executor.
    pub executor_port: u16,
    /// Blocks between proposal and finality; see [`BLOCK_DELAY_NUMBER`].
    pub block_delay_number: u32,
}

impl ControllerConfig {
    /// The name of the file.
    pub const FILE_NAME: &str = "controller-config.toml";

    /// The text of the file, byte for byte as the original writes it.
    #[must_use]
    pub fn render(&self) -> String {
        format!(
            "network_port = {}\nconsensus_port = {}\nstorage_port = {}\nkms_port = {}\n\
             executor_port = {}\nblock_delay_number = {}\n",
            self.network_port,
            self.consensus_port,
            self.storage_port,
            self.kms_port,
            self.executor_port,
            self.block_delay_number
        )
    }
}

impl Default for ControllerConfig {
    /// The fixed ports and no delay.
    fn default() -> Self {
        Self {
            network_port: Service::Network.grpc_port(),
            consensus_port: Service::Consensus.grpc_port(),
            storage_port: Service::Storage.grpc_port(),
            kms_port: Service::Kms.grpc_port(),
            executor_port: Service::Executor.grpc_port(),
            block_delay_number: BLOCK_DELAY_NUMBER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::golden_files;

    #[test]
    fn vector_golden_files() {
        for golden in golden_files(ControllerConfig::FILE_NAME) {
            assert_eq!(ControllerConfig::default().render(), golden.text);
        }
    }

    #[test]
    fn a_delay_is_refused_with_the_reason() {
        assert_eq!(check_block_delay_number(0), Ok(()));
        let error = check_block_delay_number(1).unwrap_err().to_string();
        assert_eq!(
            error,
            "block delay number 1 would keep the chain at height 0: \
             this controller makes blocks only with 0"
        );
    }
}

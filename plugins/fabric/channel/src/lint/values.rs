//! Values of the root and of the orderers that every channel needs.

use fabric_proto::configuration::{
    BatchSize, BatchTimeout, BlockDataHashingStructure, ConfigGroup, HashingAlgorithm,
};

use super::{Linter, Severity, path_of};
use crate::duration;
use crate::tree::{CHANNEL, ORDERER};

impl Linter<'_> {
    /// Says that a value is missing, which nodes refuse.
    fn needed(&mut self, group: &ConfigGroup, path: &str, name: &str, code: &'static str) -> bool {
        let there = group.values.contains_key(name);
        if !there {
            self.add(
                Severity::Refused,
                code,
                format!("{path}/{name}"),
                "is missing: orderers and peers refuse the channel",
                format!("add value {name}"),
            );
        }
        there
    }

    fn wrong(&mut self, code: &'static str, path: String, message: String, hint: &str) {
        self.add(Severity::Refused, code, path, message, hint);
    }

    pub(super) fn root_values(&mut self) {
        let path = format!("/{CHANNEL}");
        let root = self.root;
        self.needed(root, &path, "HashingAlgorithm", "hashing-algorithm");
        let algorithm: Option<HashingAlgorithm> = self.value(root, &path, "HashingAlgorithm");
        if let Some(HashingAlgorithm { name }) = algorithm
            && name != "SHA256"
            && name != "SHA3_256"
        {
            self.wrong(
                "hashing-algorithm",
                format!("{path}/HashingAlgorithm"),
                format!("names `{name}`, expected SHA256: nodes refuse the channel"),
                "set the name to SHA256",
            );
        }
        let name = "BlockDataHashingStructure";
        self.needed(root, &path, name, "hashing-structure");
        let structure: Option<BlockDataHashingStructure> = self.value(root, &path, name);
        if let Some(BlockDataHashingStructure { width }) = structure
            && width != u32::MAX
        {
            self.wrong(
                "hashing-structure",
                format!("{path}/{name}"),
                format!("has width {width}, expected {}: nodes refuse it", u32::MAX),
                "set the width to 4294967295",
            );
        }
    }

    pub(super) fn orderer_values(&mut self) {
        let path = path_of(ORDERER);
        let Some(group) = self.orderer() else {
            self.add(
                Severity::Refused,
                "orderer-missing",
                path,
                "is missing: nobody could order transactions",
                "add the group of the orderers",
            );
            return;
        };
        self.needed(group, &path, "ConsensusType", "consensus-type");
        self.needed(group, &path, "BatchTimeout", "batch-timeout");
        let timeout: Option<BatchTimeout> = self.value(group, &path, "BatchTimeout");
        if let Some(BatchTimeout { timeout }) = timeout {
            self.batch_timeout(&path, &timeout);
        }
        self.needed(group, &path, "BatchSize", "batch-size");
        let size: Option<BatchSize> = self.value(group, &path, "BatchSize");
        if let Some(size) = size {
            self.batch_size(&path, size);
        }
        if !group.values.contains_key("ChannelRestrictions") {
            self.add(
                Severity::Note,
                "channel-restrictions",
                format!("{path}/ChannelRestrictions"),
                "is missing; nodes take that as no restriction",
                "nothing to do",
            );
        }
    }

    fn batch_timeout(&mut self, path: &str, timeout: &str) {
        let path = format!("{path}/BatchTimeout");
        match duration::parse(timeout) {
            None | Some(0) => self.wrong(
                "batch-timeout",
                path,
                format!("is `{timeout}`, expected a positive length of time: nodes refuse it"),
                "set it to a Go duration such as `2s`",
            ),
            Some(length) if length > 60_000_000_000 => self.add(
                Severity::Warning,
                "batch-timeout",
                path,
                format!("is {timeout}: a single transaction waits that long for its block"),
                "set it to a few seconds",
            ),
            Some(_) => {}
        }
    }

    fn batch_size(&mut self, path: &str, size: BatchSize) {
        let path = format!("{path}/BatchSize");
        let numbers = [
            ("max_message_count", size.max_message_count),
            ("absolute_max_bytes", size.absolute_max_bytes),
            ("preferred_max_bytes", size.preferred_max_bytes),
        ];
        for (name, number) in numbers {
            if number == 0 {
                self.wrong(
                    "batch-size",
                    path.clone(),
                    format!("has {name} 0: nodes refuse it"),
                    "set all three to positive numbers",
                );
            }
        }
        if size.preferred_max_bytes > size.absolute_max_bytes {
            self.wrong(
                "batch-size",
                path.clone(),
                "has preferred_max_bytes above absolute_max_bytes: nodes refuse it".to_owned(),
                "set preferred_max_bytes to at most absolute_max_bytes",
            );
        }
        // The limit on a message between nodes is 100 MiB, headers included.
        if size.absolute_max_bytes > 99 * 1024 * 1024 {
            self.add(
                Severity::Warning,
                "batch-size",
                path,
                "has absolute_max_bytes above 99 MiB: such a block does not fit a message",
                "set absolute_max_bytes to at most 99 MiB",
            );
        }
    }
}

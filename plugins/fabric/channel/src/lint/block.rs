//! The outer layers of a genesis block, and the name of the channel.

use fabric_proto::Message;
use fabric_proto::common::{METADATA_SLOTS, Metadata, OrdererBlockMetadata};

use super::{Linter, Severity};
use crate::block::{ConfigBlock, block_data_hash, transaction_id};
use crate::genesis::{Form, metadata};
use crate::model::Release;

/// Longest name of a channel.
const MAX_ID: usize = 249;

/// Checks a name: a small letter, then small letters, digits, `.` and `-`; at most 249 in all.
///
/// Fails with what is wrong.
pub fn check_channel_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() {
        return Err("the name is empty");
    }
    if id.len() > MAX_ID {
        return Err("the name has more than 249 characters");
    }
    if !id.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err("the name does not start with a small letter");
    }
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    if id.chars().all(known) {
        Ok(())
    } else {
        Err("the name has a character besides small letters, digits, `.` and `-`")
    }
}

/// Whether the first slot can be read: signatures over what orderers keep there.
fn is_signatures(slot: &[u8]) -> bool {
    Metadata::decode(slot)
        .is_ok_and(|one| OrdererBlockMetadata::decode(one.value.as_slice()).is_ok())
}

impl Linter<'_> {
    pub(super) fn channel_id(&mut self, id: &str) {
        if let Err(fault) = check_channel_id(id) {
            self.add(
                Severity::Refused,
                "channel-id",
                "block",
                format!("channel `{id}`: {fault}: nodes refuse it"),
                "name the channel like `my-channel1`",
            );
        }
    }

    pub(super) fn block(&mut self, block: &ConfigBlock) {
        let header = block.block.header.clone().unwrap_or_default();
        if header.number != 0 || !header.previous_hash.is_empty() {
            self.add(
                Severity::Refused,
                "block-number",
                "block",
                format!(
                    "is number {} with a previous hash of {} bytes, not a genesis block",
                    header.number,
                    header.previous_hash.len()
                ),
                "give the block with number 0; later ones need the blocks before",
            );
        }
        self.metadata(block);
        let data = block.block.data.clone().unwrap_or_default();
        if header.data_hash != block_data_hash(&data) {
            self.add(
                Severity::Warning,
                "data-hash-mismatch",
                "block",
                "data hash is not that of the data; nodes of 2.5 do not check it in block 0",
                "make the block again: a copy with the right hash is another block",
            );
        }
        let signature_header = &block.envelope.signature_header;
        let channel_header = &block.envelope.channel_header;
        let expected = transaction_id(&signature_header.nonce, &signature_header.creator);
        // Block 0 out of a system channel has none.
        if channel_header.tx_id != expected && block.config.sequence == 0 {
            self.add(
                Severity::Warning,
                "tx-id-mismatch",
                "block",
                "transaction identifier is not the hash of the nonce; nodes do not check it",
                "make the block again",
            );
        }
    }

    fn metadata(&mut self, block: &ConfigBlock) {
        let found = block.block.metadata.clone().unwrap_or_default();
        let slots = found.metadata.len();
        if slots < METADATA_SLOTS {
            self.add(
                Severity::Refused,
                "metadata-slots",
                "block",
                format!(
                    "has {slots} slots of metadata, expected {METADATA_SLOTS}: an orderer drops the \
                     connection, keeps the block and then dies on every start; a peer dies at once"
                ),
                "never send this block; an orderer that has it needs its ledger of the channel deleted",
            );
        } else if found
            .metadata
            .first()
            .is_some_and(|first| !is_signatures(first))
        {
            self.add(
                Severity::Refused,
                "metadata-undecodable",
                "block",
                "has a slot of signatures that does not decode: an orderer fails to start the channel",
                "make the block again",
            );
        } else if found == metadata(Form::V1_4) && self.target.release > Release::V1_4 {
            self.add(
                Severity::Note,
                "metadata-form",
                "block",
                "all slots of metadata are empty, as 1.4 has them; later releases take that",
                "nothing to do",
            );
        }
    }
}

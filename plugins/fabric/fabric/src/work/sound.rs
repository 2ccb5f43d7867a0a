//! The first block of a channel before it is sent: a bad one kills peers, and stays on an orderer's disk.
//!
//! One that was made here was checked then; one that another party gave was not.

use chain_plugin_sdk::{Diagnostics, error};
use fabric_channel::block::decode_config_block;
use fabric_channel::lint::{self, Severity};
use fabric_proto::configuration::ConfigGroup;
use fabric_service::fault::refuse_with;

use super::change::present;
use super::crew::{Channel, Crew};
use crate::hosts;

/// What is said to somebody whose block is not sent.
const ASK: &str = "whoever exported it makes it anew: `kubectl chain export` there, `kubectl chain join` here; nothing was sent to a node";

/// Refuses a block that nodes would refuse, die of, or take and never work with; and one of another channel.
pub fn check(crew: &Crew, channel: &Channel) -> Result<(), Diagnostics> {
    if crew.network.release.system_channel() {
        return Ok(());
    }
    judge(&channel.name, &channel.first, present(crew))
}

fn judge(name: &str, first: &[u8], target: lint::Target) -> Result<(), Diagnostics> {
    let block = decode_config_block(first).map_err(|fault| {
        let message = format!("block 0 of channel {name} cannot be read: {fault}");
        refuse_with("block", "", message, ASK)
    })?;
    if block.channel_id() != name {
        let message = format!(
            "block 0 of channel {name} is that of channel {}",
            block.channel_id()
        );
        return Err(refuse_with("block", "", message, ASK));
    }
    let bad: Diagnostics = lint::lint_block(&block, target)
        .into_iter()
        .filter(|it| it.severity >= Severity::Broken)
        .map(|it| {
            let message = format!("block 0 of channel {name}: {}: {}", it.path, it.message);
            error(it.code, "", message).hint(ASK)
        })
        .collect();
    if !bad.is_empty() {
        return Err(bad);
    }
    hosts::judge(name, &ConfigGroup::default(), &block.group)
}

#[cfg(test)]
mod tests {
    use fabric_channel::model::Release;
    use fabric_proto::Message as _;
    use fabric_proto::common::Block;

    use super::*;

    const BLOCK: &[u8] = include_bytes!("../../../fixtures/25-etcdraft-app-genesis.block");
    const BFT: &[u8] = include_bytes!("../../../fixtures/31-bft-app-genesis.block");

    fn told(name: &str, bytes: &[u8], release: Release) -> String {
        match judge(name, bytes, lint::Target::new(release)) {
            Ok(()) => String::new(),
            Err(all) => format!("{all:?}"),
        }
    }

    fn changed(change: impl FnOnce(&mut Block)) -> Vec<u8> {
        let mut block = Block::decode(BLOCK).unwrap();
        change(&mut block);
        block.encode_to_vec()
    }

    #[test]
    fn a_block_that_would_poison_a_node_is_not_sent() {
        let name = decode_config_block(BLOCK).unwrap().channel_id().to_owned();
        let poisoned = changed(|block| block.metadata = None);
        let why = told(&name, &poisoned, Release::V2_5);
        assert!(
            why.contains("metadata-slots") && why.contains("nothing was sent"),
            "{why}"
        );
        let later = changed(|block| block.header.as_mut().unwrap().number = 7);
        assert!(told(&name, &later, Release::V2_5).contains("block-number"));
        for torn in [&BLOCK[..BLOCK.len() / 2], b"", b"\xff\xff\xff"] {
            let why = told(&name, torn, Release::V2_5);
            assert!(why.contains("cannot be read"), "{why}");
        }
    }

    #[test]
    fn a_block_of_another_channel_or_release_is_not_sent() {
        let name = decode_config_block(BLOCK).unwrap().channel_id().to_owned();
        let why = told("other", BLOCK, Release::V2_5);
        assert!(why.contains(&format!("is that of channel {name}")), "{why}");
        let name = decode_config_block(BFT).unwrap().channel_id().to_owned();
        let why = told(&name, BFT, Release::V2_5);
        assert!(
            why.contains("bft-capability") && why.contains("V3_0"),
            "{why}"
        );
    }
}

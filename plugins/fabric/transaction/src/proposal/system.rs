//! Calls of the system chaincodes `cscc` (channels of a peer) and `qscc` (its ledgers).
//!
//! They name no channel in the header, as the field's own client does: a peer then checks the signer
//! against its own organisation, and the rights on the channel by the argument.

use fabric_proto::common::HeaderType;

use super::Call;

fn call(chaincode: &str, args: &[&[u8]]) -> Call {
    Call::new("", chaincode, args.iter().map(|arg| arg.to_vec()).collect())
}

/// Joins the peer to the channel of block 0. The signer is an administrator of the peer's
/// organisation; the result is empty.
pub fn join_channel(block: &[u8]) -> Call {
    Call {
        // No configuration goes anywhere; but so it was always done.
        header: HeaderType::Config,
        ..call("cscc", &[b"JoinChain", block])
    }
}

/// Lists the channels of the peer: a [`ChannelQueryResponse`](fabric_proto::peer::ChannelQueryResponse).
pub fn channels() -> Call {
    call("cscc", &[b"GetChannels"])
}

/// Gets the newest configuration block of a channel: a [`Block`](fabric_proto::common::Block).
pub fn config_block(channel: &str) -> Call {
    Call {
        header: HeaderType::Config,
        ..call("cscc", &[b"GetConfigBlock", channel.as_bytes()])
    }
}

/// Gets height and newest hash of a channel: a [`BlockchainInfo`](fabric_proto::peer::BlockchainInfo).
pub fn chain_info(channel: &str) -> Call {
    call("qscc", &[b"GetChainInfo", channel.as_bytes()])
}

/// Gets a transaction with its validation code, for a run that lost its stream of events: a
/// [`ProcessedTransaction`](fabric_proto::peer::ProcessedTransaction).
pub fn transaction(channel: &str, tx_id: &str) -> Call {
    call(
        "qscc",
        &[b"GetTransactionByID", channel.as_bytes(), tx_id.as_bytes()],
    )
}

/// Gets a block by its number: a [`Block`](fabric_proto::common::Block).
pub fn block(channel: &str, number: u64) -> Call {
    call(
        "qscc",
        &[
            b"GetBlockByNumber",
            channel.as_bytes(),
            number.to_string().as_bytes(),
        ],
    )
}

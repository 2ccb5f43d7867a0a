//! Envelopes and proposals, opened and verified.

use fabric_proto::Message as _;
use fabric_proto::common::{
    ChannelHeader, Envelope, Header, HeaderType, Payload, SignatureHeader, Timestamp,
};
use fabric_proto::peer::{
    ChaincodeHeaderExtension, ChaincodeInput, ChaincodeInvocationSpec, ChaincodeProposalPayload,
    Proposal, SignedProposal,
};
use fabric_transaction::proposal::tx_id;
use sha2::{Digest as _, Sha256};

use super::member::Known;

/// Longest time between a message and the clock of a node, in milliseconds.
pub const WINDOW: u64 = 15 * 60 * 1000;

/// An envelope whose layers are decoded; nobody verified it yet.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What it is, and of which channel.
    pub channel: ChannelHeader,
    /// Who made it.
    pub signature: SignatureHeader,
    /// Both headers as they are signed.
    pub header: Header,
    /// The message inside.
    pub data: Vec<u8>,
}

/// Decodes the layers of an envelope.
pub fn open(envelope: &Envelope) -> Result<Opened, String> {
    let payload =
        Payload::decode(envelope.payload.as_slice()).map_err(|it| format!("payload: {it}"))?;
    let header = payload.header.ok_or("envelope has no header")?;
    Ok(Opened {
        channel: ChannelHeader::decode(header.channel_header.as_slice())
            .map_err(|it| format!("channel header: {it}"))?,
        signature: SignatureHeader::decode(header.signature_header.as_slice())
            .map_err(|it| format!("signature header: {it}"))?,
        data: payload.data,
        header,
    })
}

/// Whether a message was made within 15 minutes of now, where a node looks at that: before it delivers, and in 3.1 before it
/// endorses. Envelopes are ordered however old they are.
pub fn fresh(time: Option<&Timestamp>, now_ms: u64) -> Result<(), String> {
    let time = time.ok_or("channel header has no timestamp")?;
    let said = u64::try_from(time.seconds)
        .ok()
        .and_then(|it| it.checked_mul(1000))
        .ok_or("timestamp is not one")?
        .saturating_add(u64::try_from(time.nanos).unwrap_or(0) / 1_000_000);
    if said.abs_diff(now_ms) > WINDOW {
        return Err(format!(
            "envelope timestamp {said} is more than 15m0s apart from current server time {now_ms}"
        ));
    }
    Ok(())
}

/// Whether the id of a transaction is that of its nonce and creator.
pub fn own_id(channel: &ChannelHeader, signature: &SignatureHeader) -> Result<(), String> {
    if signature.nonce.len() < 24 {
        return Err(format!(
            "nonce has {} bytes, expected 24",
            signature.nonce.len()
        ));
    }
    let own = tx_id(&signature.nonce, &signature.creator);
    if channel.tx_id == own {
        Ok(())
    } else {
        Err(format!(
            "invalid txid: {} is not {own}, the hash of nonce and creator",
            channel.tx_id
        ))
    }
}

/// A proposal whose layers are decoded; nobody verified it yet.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// What it is, and of which channel.
    pub channel: ChannelHeader,
    /// Who made it.
    pub signature: SignatureHeader,
    /// Name of the chaincode.
    pub chaincode: String,
    /// Function and arguments.
    pub input: ChaincodeInput,
    /// The hash that endorsers sign.
    pub hash: Vec<u8>,
}

/// The hash of a proposal: of both headers, and of the payload without private input.
pub fn proposal_hash(header: &Header, payload: &ChaincodeProposalPayload) -> Vec<u8> {
    let public = ChaincodeProposalPayload {
        input: payload.input.clone(),
        ..ChaincodeProposalPayload::default()
    };
    Sha256::new()
        .chain_update(&header.channel_header)
        .chain_update(&header.signature_header)
        .chain_update(public.encode_to_vec())
        .finalize()
        .to_vec()
}

/// What stands in a proposal's payload: the chaincode and its input.
pub fn invocation(payload: &ChaincodeProposalPayload) -> Result<(String, ChaincodeInput), String> {
    let spec = ChaincodeInvocationSpec::decode(payload.input.as_slice())
        .map_err(|it| format!("invocation: {it}"))?
        .chaincode_spec
        .ok_or("invocation has no spec")?;
    let name = spec.chaincode_id.ok_or("spec names no chaincode")?.name;
    Ok((name, spec.input.ok_or("spec has no input")?))
}

/// Decodes the layers of a proposal.
pub fn propose(signed: &SignedProposal) -> Result<Proposed, String> {
    let proposal = Proposal::decode(signed.proposal_bytes.as_slice())
        .map_err(|it| format!("proposal: {it}"))?;
    let header =
        Header::decode(proposal.header.as_slice()).map_err(|it| format!("header: {it}"))?;
    let channel = ChannelHeader::decode(header.channel_header.as_slice())
        .map_err(|it| format!("channel header: {it}"))?;
    let kinds = [
        HeaderType::EndorserTransaction as i32,
        HeaderType::Config as i32,
    ];
    if !kinds.contains(&channel.r#type) {
        return Err(format!("invalid header type {}", channel.r#type));
    }
    let signature = SignatureHeader::decode(header.signature_header.as_slice())
        .map_err(|it| format!("signature header: {it}"))?;
    own_id(&channel, &signature)?;
    let payload = ChaincodeProposalPayload::decode(proposal.payload.as_slice())
        .map_err(|it| format!("proposal payload: {it}"))?;
    let (chaincode, input) = invocation(&payload)?;
    let extension = ChaincodeHeaderExtension::decode(channel.extension.as_slice())
        .map_err(|it| format!("extension: {it}"))?;
    let named = extension.chaincode_id.unwrap_or_default().name;
    if named != chaincode {
        return Err(format!(
            "header names chaincode {named}, invocation {chaincode}"
        ));
    }
    Ok(Proposed {
        hash: proposal_hash(&header, &payload),
        channel,
        signature,
        chaincode,
        input,
    })
}

/// Counts what was verified, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Signatures that verified: of envelopes, proposals, changes, endorsements.
    pub verified: u64,
    /// How often each sequence of a chaincode became the committed one: channel, chaincode, sequence.
    pub raised: std::collections::BTreeMap<(String, String, i64), u64>,
    /// How often each channel came into being.
    pub created: std::collections::BTreeMap<String, u64>,
    /// Transactions in blocks that changed nothing: channel, id, code. Copies of one envelope are in `copies`.
    pub invalid: Vec<(String, String, i32)>,
    /// Envelopes that stand in a block a second time, byte for byte: harmless.
    pub copies: u64,
    /// What was refused because it broke a rule, with the node that said so.
    pub refusals: Vec<String>,
}

impl Audit {
    /// What is wrong with a ledger, whatever happened to it: a transaction that changed nothing, a refusal, a sequence or
    /// channel that came about twice, or nothing verified at all.
    pub fn fault(&self) -> Option<String> {
        let once = self.raised.values().chain(self.created.values());
        // A change that is sent again when the answer was lost is outdated by itself.
        let mut refused = self
            .refusals
            .iter()
            .filter(|it| !it.contains("error applying config update to existing channel"));
        let clean = self.invalid.is_empty()
            && refused.next().is_none()
            && once.into_iter().all(|it| *it == 1)
            && self.verified > 0;
        (!clean).then(|| format!("{self:#?}"))
    }

    /// Verifies a signature of somebody known, and counts it.
    pub fn signed(&mut self, who: &Known, message: &[u8], signature: &[u8]) -> Result<(), String> {
        who.verify(message, signature)?;
        self.verified += 1;
        Ok(())
    }
}

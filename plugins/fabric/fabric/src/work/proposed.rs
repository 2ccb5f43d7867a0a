//! Proposals and transactions as files: read, put together, and checked before anybody acts on them.
//!
//! A proposal that others must endorse is a [`ProposedTransaction`]; a transaction that only wants to be ordered is its
//! signed envelope, as Fabric itself sends it. Neither has a key or private input in it.

use chain_plugin_sdk::{Blob, Diagnostics};
use fabric_channel::block::open_envelope;
use fabric_channel::policy::MemberSet;
use fabric_proto::Message as _;
use fabric_proto::common::{Envelope, HeaderType};
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::peer::{ChaincodeAction, ProposalResponse, ProposalResponsePayload};
use fabric_proto::proposed::ProposedTransaction;
use fabric_service::fault::{refuse, refuse_with};
use fabric_transaction::endorsement::{Endorsed, Reply, agree};
use fabric_transaction::open;
use fabric_transaction::proposal::Prepared;

use super::crew::Channel;
use super::invocation::Deed;
use super::membership::{Member, Membership};
use super::trouble::chain;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A change of a channel's configuration.
    Change,
    /// A proposal that wants endorsements.
    Proposal,
    /// A transaction that wants to be ordered.
    Transaction,
    /// Something else.
    Unknown,
}

/// Tells what a file holds.
pub fn kind(file: &Blob) -> Kind {
    let opened = Envelope::decode(file.bytes.as_slice())
        .ok()
        .and_then(|it| open_envelope(&it).ok());
    match opened.map(|it| HeaderType::try_from(it.channel_header.r#type)) {
        Some(Ok(HeaderType::ConfigUpdate)) => Kind::Change,
        Some(Ok(HeaderType::EndorserTransaction)) => Kind::Transaction,
        Some(_) => Kind::Unknown,
        None => match ProposedTransaction::decode(file.bytes.as_slice()) {
            Ok(proposed) if proposed.proposal.is_some() => Kind::Proposal,
            _ => Kind::Unknown,
        },
    }
}

/// A proposal with its endorsements.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// The proposal.
    pub prepared: Prepared,
    /// What it does.
    pub deed: Deed,
    /// Encoded identity of who made it.
    pub creator: Vec<u8>,
    /// Answers with endorsements.
    pub replies: Vec<Reply>,
    /// See [`ProposedTransaction::sequence`].
    pub sequence: i64,
    /// The signed envelope, when it is a transaction already.
    pub envelope: Option<Envelope>,
}

/// What was found of a proposal that is in order.
#[derive(Debug)]
pub struct Checked {
    /// Who made it.
    pub creator: Member,
    /// Organisations that have endorsed.
    pub by: MemberSet,
    /// What they agree on; nothing when there are none.
    pub endorsed: Option<Endorsed>,
}

/// An encoded identity's organisation; it is not looked whether it is true.
fn msp_of(identity: &[u8]) -> String {
    let identity = SerializedIdentity::decode(identity);
    identity.map(|it| it.mspid).unwrap_or_default()
}

/// An answer as its endorser signed it: what stands beside that in a file is nobody's word.
fn reply(answer: ProposalResponse) -> Reply {
    let action = ProposalResponsePayload::decode(answer.payload.as_slice())
        .and_then(|it| ChaincodeAction::decode(it.extension.as_slice()));
    let endorser = answer.endorsement.as_ref().map(|it| it.endorser.as_slice());
    Reply {
        peer: format!("of {}", msp_of(endorser.unwrap_or_default())),
        answer: ProposalResponse {
            version: 1,
            timestamp: None,
            response: action.ok().and_then(|it| it.response),
            ..answer
        },
    }
}

impl Proposed {
    /// A proposal of this party.
    ///
    /// # Errors
    /// A call that goes no such way, by what it is.
    pub fn new(prepared: Prepared, replies: Vec<Reply>, sequence: i64) -> Result<Self, String> {
        let call = prepared.invocation().map_err(|fault| chain(&fault))?;
        Ok(Self {
            deed: Deed::read(call)?,
            creator: prepared.creator().map_err(|fault| chain(&fault))?,
            prepared,
            replies: replies.into_iter().map(|it| reply(it.answer)).collect(),
            sequence,
            envelope: None,
        })
    }

    /// Its file, for others to endorse it.
    pub fn file(&self, name: &str) -> Blob {
        let proposed = ProposedTransaction {
            transaction_id: self.prepared.tx_id.clone(),
            proposal: Some(self.prepared.signed.clone()),
            responses: self.replies.iter().map(|it| it.answer.clone()).collect(),
            sequence: self.sequence,
        };
        Blob {
            name: name.to_owned(),
            bytes: proposed.encode_to_vec(),
        }
    }

    /// What it does, in words.
    pub fn words(&self) -> String {
        self.deed.words(&msp_of(&self.creator))
    }

    /// The beginning of its files' names.
    pub fn stem(&self) -> String {
        self.deed.stem(&self.prepared.tx_id)
    }

    /// Checks signatures, and that all are of the channel and of this proposal.
    pub fn check(&self, membership: &Membership, name: &str) -> Result<Checked, Diagnostics> {
        let fault = |why: &str| refuse("file", "", format!("{name}: {why}"));
        let (message, signature) = if let Some(envelope) = &self.envelope {
            (&envelope.payload, &envelope.signature)
        } else {
            let signed = &self.prepared.signed;
            (&signed.proposal_bytes, &signed.signature)
        };
        let creator = membership
            .signed(&self.creator, message, signature)
            .map_err(|why| fault(&format!("who made it: {why}")))?;
        let mut checked = Checked {
            creator,
            by: MemberSet::new(),
            endorsed: None,
        };
        if self.replies.is_empty() {
            return Ok(checked);
        }
        let mut why_not = None;
        let endorsed =
            agree(
                &self.prepared,
                &self.replies,
                |endorser, message, given| match membership.signed(endorser, message, given) {
                    Ok(member) => {
                        checked.by.insert(member.msp_id);
                        true
                    }
                    Err(why) => {
                        why_not = Some(why);
                        false
                    }
                },
            );
        match endorsed {
            Ok(endorsed) => checked.endorsed = Some(endorsed),
            Err(found) => {
                let why = why_not.map(|it| format!(": {it}")).unwrap_or_default();
                return Err(fault(&format!("{}{why}", chain(&found))));
            }
        }
        Ok(checked)
    }
}

fn of_channel(channel: &Channel, file: &Blob, prepared: &Prepared) -> Result<(), Diagnostics> {
    if prepared.channel == channel.name {
        return Ok(());
    }
    let message = format!(
        "{} is about channel {}, not {}",
        file.name, prepared.channel, channel.name
    );
    Err(refuse("file", "", message))
}

/// The proposal in files, their endorsements together.
pub fn read(channel: &Channel, files: &[Blob]) -> Result<Proposed, Diagnostics> {
    let mut whole: Option<(&str, Proposed)> = None;
    for file in files {
        let fault = |why: String| refuse("file", "", format!("{}: {why}", file.name));
        match kind(file) {
            Kind::Proposal => {}
            Kind::Transaction => {
                let hint = format!(
                    "kubectl chain run channel-submit {} --file {}",
                    channel.name, file.name
                );
                let message = format!("{}: it is endorsed and signed already", file.name);
                return Err(refuse_with("file", "", message, hint));
            }
            Kind::Change => {
                let hint = format!(
                    "kubectl chain run channel-sign {} --file {}",
                    channel.name, file.name
                );
                let message = format!("{}: it is a change of a channel", file.name);
                return Err(refuse_with("file", "", message, hint));
            }
            Kind::Unknown => return Err(fault("it is no proposal of a transaction".to_owned())),
        }
        let said = ProposedTransaction::decode(file.bytes.as_slice())
            .map_err(|it| fault(it.to_string()))?;
        if said.encode_to_vec() != file.bytes {
            return Err(fault("it is not as it was written".to_owned()));
        }
        let prepared =
            Prepared::open(&said.proposal.unwrap_or_default()).map_err(|it| fault(chain(&it)))?;
        if prepared.tx_id != said.transaction_id {
            return Err(fault(format!(
                "it says transaction {}, and holds {}",
                said.transaction_id, prepared.tx_id
            )));
        }
        of_channel(channel, file, &prepared)?;
        let replies: Vec<Reply> = said.responses.into_iter().map(reply).collect();
        match &mut whole {
            None => {
                let made = Proposed::new(prepared, replies, said.sequence).map_err(fault)?;
                whole = Some((&file.name, made));
            }
            Some((first, whole)) => {
                if whole.prepared.signed != prepared.signed || whole.sequence != said.sequence {
                    return Err(fault(format!("it is another proposal than {first}")));
                }
                for reply in replies {
                    if !whole.replies.contains(&reply) {
                        whole.replies.push(reply);
                    }
                }
            }
        }
    }
    whole.map(|(_, proposed)| proposed).ok_or_else(|| {
        let hint = "`--file FILE`, several times for endorsements of several organisations";
        refuse_with("file", "", "the file of a proposal is wanted", hint)
    })
}

/// The transaction in a file.
pub fn read_transaction(channel: &Channel, file: &Blob) -> Result<Proposed, Diagnostics> {
    let fault = |why: String| refuse("file", "", format!("{}: {why}", file.name));
    let envelope = Envelope::decode(file.bytes.as_slice()).map_err(|it| fault(it.to_string()))?;
    let (prepared, answers) = open::transaction(&envelope).map_err(|it| fault(chain(&it)))?;
    of_channel(channel, file, &prepared)?;
    let replies = answers.into_iter().map(reply).collect();
    let mut proposed = Proposed::new(prepared, replies, 0).map_err(fault)?;
    proposed.envelope = Some(envelope);
    Ok(proposed)
}

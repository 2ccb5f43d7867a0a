//! Transactions that this party cannot bring in alone: as files for those who must endorse them, or who have an orderer.

use chain_plugin_sdk::{Blob, Diagnostics, Report, warning};
use fabric_channel::policy::MemberSet;
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::Envelope;
use fabric_service::Release;
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_transaction::proposal::Call;
use fabric_transaction::transaction::assemble;
use serde_json::{Value, json};

use super::change::listed;
use super::crew::{Channel, Crew, Node};
use super::proposed::Proposed;

/// For how many minutes peers endorse a proposal, where they look at its time: from 3.1 on.
pub const MINUTES: u64 = 15;

/// Whether peers of a release refuse proposals that are older than [`MINUTES`].
pub fn ages(release: Release) -> bool {
    release >= Release::V3_1
}

/// What others must do.
#[derive(Debug, Clone)]
pub struct Pending {
    text: String,
    rows: Vec<Value>,
    files: Vec<Blob>,
}

/// Whose endorsements a call wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Organisations of this party, which endorse now.
    pub by: MemberSet,
    /// Organisations elsewhere.
    pub missing: MemberSet,
    /// See [`Proposed::sequence`].
    pub sequence: i64,
}

impl Pending {
    /// A proposal that others must endorse.
    pub fn open(crew: &Crew, channel: &Channel, proposed: &Proposed, wanted: &Wanted) -> Self {
        let name = format!("{}.pb", proposed.stem());
        let endorse = format!(
            "kubectl chain run chaincode-endorse {} --file {name}",
            channel.name
        );
        let does = proposed.words();
        let haste = if ages(crew.network.release) {
            format!("\npeers of 3.1 endorse it for {MINUTES} minutes; after that it is made anew")
        } else {
            String::new()
        };
        let text = format!(
            "not done yet: a transaction that {does}\nendorsed by {}; endorsements of {} are missing: send {name} to each of them, who types\n  {endorse}\nand gives a file back; with all of these files type here\n  {endorse} --file ...{haste}",
            listed(&wanted.by),
            listed(&wanted.missing),
        );
        let row = json!({
            "channel": channel.name, "transaction": proposed.prepared.tx_id, "does": does, "done": false,
            "endorsed": wanted.by, "missing": wanted.missing, "file": name,
        });
        Self {
            text,
            rows: vec![row],
            files: vec![proposed.file(&name)],
        }
    }

    /// A transaction that wants an orderer. It is this party's, and `by` has endorsed it.
    pub fn unordered(
        channel: &Channel,
        proposed: &Proposed,
        envelope: &Envelope,
        by: &MemberSet,
    ) -> Self {
        // Several organisations of a party approve at once.
        let whose = match &proposed.deed {
            super::invocation::Deed::Approve(_) => format!("-{}", listed(by)),
            _ => String::new(),
        };
        let name = format!("{}{whose}-ready.pb", proposed.stem());
        let does = proposed.words();
        let text = format!(
            "not done yet: a transaction that {does}\nendorsed by {} and signed; no orderer of channel {} is this party's: send {name} to somebody who has one, and types\n  kubectl chain run channel-submit {} --file {name}",
            listed(by),
            channel.name,
            channel.name,
        );
        let row = json!({
            "channel": channel.name, "transaction": proposed.prepared.tx_id, "does": does, "done": false,
            "endorsed": by, "missing": [], "file": name,
        });
        Self {
            text,
            rows: vec![row],
            files: vec![Blob {
                name,
                bytes: envelope.encode_to_vec(),
            }],
        }
    }

    /// Several as one; nothing of none.
    pub fn together(all: Vec<Self>) -> Option<Self> {
        all.into_iter().reduce(|mut whole, next| {
            whole.text = format!("{}\n{}", whole.text, next.text);
            whole.rows.extend(next.rows);
            whole.files.extend(next.files);
            whole
        })
    }

    /// As the end of an operation.
    pub fn report(self) -> Report {
        let table = match self.rows.as_slice() {
            [only] => only.to_string(),
            all => json!(all).to_string(),
        };
        let names: Vec<&str> = self.files.iter().map(|it| it.name.as_str()).collect();
        let note = format!("others must act first, with {}", names.join(", "));
        Report {
            text: self.text,
            table,
            notes: vec![warning("endorsements", "", note)],
            files: self.files,
        }
    }
}

/// Proposes a call, has it endorsed by peers of this party, and gives it to others to endorse. Nothing when it would settle
/// what is so already.
pub async fn begin(
    crew: &Crew,
    channel: &Channel,
    (call, signer): (&Call, &Identity),
    peers: &[&Node],
    says: &str,
    wanted: &Wanted,
) -> Result<Option<Pending>, Diagnostics> {
    if !call.transient.is_empty() {
        let message = format!(
            "the call of chaincode {} needs endorsements of {}, and its private input belongs into no file",
            call.chaincode,
            listed(&wanted.missing)
        );
        let hint = "a client with a way to their peers makes such a call; or a policy that this party satisfies alone";
        return Err(refuse_with("transient", "/transient", message, hint));
    }
    let Some(agreed) = crew.endorsed(channel, call, signer, peers, says).await? else {
        return Ok(None);
    };
    let proposed = Proposed::new(agreed.prepared, agreed.replies, wanted.sequence)
        .map_err(|why| refuse("chaincode", "", why))?;
    Ok(Some(Pending::open(crew, channel, &proposed, wanted)))
}

/// Proposes a call, has it endorsed by peers of this party, and signs it for somebody who has an orderer.
pub async fn ready(
    crew: &Crew,
    channel: &Channel,
    (call, signer): (&Call, &Identity),
    peers: &[&Node],
    says: &str,
) -> Result<Option<Pending>, Diagnostics> {
    let Some(agreed) = crew.endorsed(channel, call, signer, peers, says).await? else {
        return Ok(None);
    };
    let envelope = assemble(&agreed.prepared, &agreed.endorsed, signer)
        .map_err(fault_at("transaction", ""))?;
    let by = crew
        .orgs
        .iter()
        .filter(|org| {
            peers
                .iter()
                .any(|peer| org.peers.iter().any(|it| it.id == peer.id))
        })
        .map(|org| org.msp_id.clone())
        .collect();
    let proposed = Proposed::new(agreed.prepared, agreed.replies, 0)
        .map_err(|why| refuse("chaincode", "", why))?;
    Ok(Some(Pending::unordered(channel, &proposed, &envelope, &by)))
}

/// Sends a transaction that settles something; without an orderer, gives it to others.
pub async fn settle(
    crew: &Crew,
    channel: &Channel,
    call: &Call,
    signer: &Identity,
    peers: &[&Node],
    says: &str,
) -> Result<Option<Pending>, Diagnostics> {
    if crew.orderers(channel).next().is_none() {
        return ready(crew, channel, (call, signer), peers, says).await;
    }
    crew.settle(channel, call, signer, peers, says).await?;
    Ok(None)
}

//! Transactions that came as files, endorsed and signed elsewhere: checked, ordered, and waited for.

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_channel::block::open_envelope;
use fabric_channel::policy::MemberSet;
use fabric_proto::Message as _;
use fabric_proto::common::{Block, Envelope};
use fabric_service::fault::{refuse, refuse_with};
use fabric_transaction::deliver::Seek;
use fabric_transaction::failure::Verdict;
use serde_json::json;

use super::change::listed;
use super::crew::{Channel, Crew};
use super::endorse::{Standing, bring_in, look, result, seer};
use super::invocation::Deed;
use super::ledger::{self, Which, reader};
use super::membership::Membership;
use super::proposed::{Proposed, read_transaction};
use super::quorum::Rule;
use super::report;
use super::submit::Patience;
use super::trouble::Trouble;

/// Hands in the transactions of files, one after the other.
pub async fn submit(crew: &Crew, channel: &Channel, files: &[Blob]) -> Result<Report, Diagnostics> {
    // All are read before the first is sent.
    let mut all = Vec::new();
    for file in files {
        all.push((file.name.as_str(), read_transaction(channel, file)?));
    }
    if crew.orderers(channel).next().is_none() {
        let message = format!("no orderer of channel {} is this party's", channel.name);
        let hint = "send the file to somebody who has one";
        return Err(refuse_with("channel", "", message, hint));
    }
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for (name, proposed) in &all {
        let text = one(crew, channel, name, proposed).await?;
        let does = proposed.words();
        let result = result(proposed);
        lines.push(format!("{does}\n{text}"));
        lines.extend(result.clone());
        rows.push(json!({
            "channel": channel.name, "transaction": proposed.prepared.tx_id, "does": does, "done": true,
            "result": result,
        }));
    }
    let table = match rows.as_slice() {
        [only] => only.clone(),
        all => json!(all),
    };
    Ok(report(lines.join("\n"), &table))
}

async fn one(
    crew: &Crew,
    channel: &Channel,
    name: &str,
    proposed: &Proposed,
) -> Result<String, Diagnostics> {
    let Some(envelope) = &proposed.envelope else {
        return Err(refuse("file", "", format!("{name}: it is not signed")));
    };
    let root = ledger::configuration(crew, channel).await?.group;
    let membership = Membership::of(&root, crew.now_ms());
    let checked = proposed.check(&membership, name)?;
    let creator = &checked.creator.msp_id;
    let seer = seer(crew, channel).await;
    // Without a peer nobody here knows what is committed: the other parties' peers say whether it is valid.
    let (rule, others) = match (seer, &proposed.deed) {
        (Some(seer), _) => match look(crew, channel, proposed, creator, seer).await? {
            Standing::Done(text) => return Ok(text),
            Standing::Open { rule, others } => (rule, others),
        },
        (None, Deed::Commit(_)) => (Rule::of_commit(), MemberSet::new()),
        (None, Deed::Approve(_)) => (Rule::Own(creator.clone()), MemberSet::new()),
        (None, Deed::Call(_)) => (Rule::Unknown, MemberSet::new()),
    };
    if !rule.is_met(&root, &checked.by) {
        let left = rule
            .missing(&root, &checked.by, &others)
            .map_or_else(String::new, |it| format!(", and not by {}", listed(&it)));
        let message = format!(
            "{name}: the transaction that {} is endorsed by {}{left}: peers would call it invalid",
            proposed.words(),
            listed(&checked.by)
        );
        let hint = "it was signed too early: who made it makes it anew";
        return Err(refuse_with("endorsements", "", message, hint));
    }
    match seer {
        Some(seer) => bring_in(crew, channel, proposed, envelope, seer).await,
        None => follow(crew, channel, proposed, envelope).await,
    }
}

/// Has a transaction ordered, and waits until an orderer has it in a block.
async fn follow(
    crew: &Crew,
    channel: &Channel,
    proposed: &Proposed,
    envelope: &Envelope,
) -> Result<String, Diagnostics> {
    let tx_id = &proposed.prepared.tx_id;
    let newest = ledger::block(crew, channel, Which::Newest).await?;
    let mut number = newest.header.map_or(0, |it| it.number) + 1;
    let mut patience = Patience::new(crew);
    loop {
        match ordered(crew, channel, envelope, tx_id, &mut number).await {
            Ok(()) => {
                return Ok(format!(
                    "transaction {tx_id} stands in block {number} of channel {}; whether it is valid the peers of others say",
                    channel.name
                ));
            }
            Err(trouble) => patience.bear(crew, &channel.id, trouble).await?,
        }
    }
}

async fn ordered(
    crew: &Crew,
    channel: &Channel,
    envelope: &Envelope,
    tx_id: &str,
    number: &mut u64,
) -> Result<(), Trouble> {
    crew.order(channel, envelope).await?;
    let give_up = |_| Trouble::new(&channel.name, "nobody may read it", Verdict::GiveUp);
    let signer = reader(crew, channel).map_err(give_up)?;
    let mut last = Trouble::new(&channel.name, "it has no orderer here", Verdict::GiveUp);
    'orderers: for (_, orderer) in crew.orderers(channel) {
        loop {
            let seek = Seek::Number(*number);
            match crew.block(orderer, &channel.name, seek, signer).await {
                Ok(block) if holds(&block, tx_id) => return Ok(()),
                Ok(_) => *number += 1,
                Err(trouble) => {
                    last = trouble;
                    continue 'orderers;
                }
            }
        }
    }
    Err(last)
}

fn holds(block: &Block, tx_id: &str) -> bool {
    let data = block.data.iter().flat_map(|it| &it.data);
    data.filter_map(|bytes| Envelope::decode(bytes.as_slice()).ok())
        .filter_map(|it| open_envelope(&it).ok())
        .any(|it| it.channel_header.tx_id == tx_id)
}

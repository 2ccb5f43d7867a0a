//! The operation `chaincode-endorse`: a proposal that was made elsewhere, or that comes back from there.
//!
//! It shows what the proposal does, adds the endorsements that this party can give and that bring it nearer, and gives it
//! back. Where it was made, and once all are there, it is signed and brought in. A proposal that the channel has left behind
//! is refused before anybody is asked.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_channel::policy::MemberSet;
use fabric_identity::identity::Identity;
use fabric_proto::common::Envelope;
use fabric_proto::configuration::ConfigGroup;
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_transaction::commit;
use fabric_transaction::definition::Definition;
use fabric_transaction::endorsement::{Endorsed, agree};
use fabric_transaction::failure::Verdict;
use fabric_transaction::transaction::assemble;
use serde_json::json;

use super::chaincode::approvals;
use super::change::listed;
use super::crew::{Channel, Crew, Node};
use super::invocation::Deed;
use super::invoke::{answering, committed, shown};
use super::membership::Membership;
use super::pending::{MINUTES, Pending, Wanted, ages};
use super::proposed::{self, Checked, Proposed};
use super::quorum::{self, Rule, choose};
use super::submit::{Patience, disagreement, signed};
use super::trouble::Trouble;
use super::{ledger, report};

/// Where one looks: a peer, and who may ask it.
pub type Seer<'a> = (&'a Node, &'a Identity);

/// A peer of this party in a channel that answers, else the first.
pub async fn seer<'a>(crew: &'a Crew, channel: &'a Channel) -> Option<Seer<'a>> {
    let (org, admin) = crew.members(channel).next()?;
    let peer = answering(crew, channel, (org, admin)).await?;
    Some((peer, admin))
}

/// How a proposal stands to the channel as it is.
#[derive(Debug)]
pub enum Standing {
    /// What it wants is so already: in words.
    Done(String),
    /// It may come to stand.
    Open {
        /// Who must endorse it.
        rule: Rule,
        /// Who could.
        others: MemberSet,
    },
}

/// Looks how a proposal stands to the channel.
///
/// # Errors
/// That the channel has left it behind.
pub async fn look(
    crew: &Crew,
    channel: &Channel,
    proposed: &Proposed,
    creator: &str,
    seer: Seer<'_>,
) -> Result<Standing, Diagnostics> {
    let tx_id = &proposed.prepared.tx_id;
    let mut patience = Patience::new(crew);
    let code = loop {
        match crew.code_of(channel, tx_id, seer).await {
            Ok(code) => break code,
            Err(trouble) => patience.bear(crew, &channel.id, trouble).await?,
        }
    };
    if let Some(code) = code {
        outcome(channel, proposed, code)?;
        let text = format!("transaction {tx_id} is in channel {} already", channel.name);
        return Ok(Standing::Done(text));
    }
    standing(crew, channel, proposed, creator, seer).await
}

/// The same of a proposal that is in no block.
async fn standing(
    crew: &Crew,
    channel: &Channel,
    proposed: &Proposed,
    creator: &str,
    seer: Seer<'_>,
) -> Result<Standing, Diagnostics> {
    let name = proposed.deed.chaincode();
    let mut patience = Patience::new(crew);
    loop {
        let found = async {
            let there = committed(crew, channel, name, seer).await?;
            let sequence = there.as_ref().map_or(0, |(it, _)| it.sequence);
            let approvals = match &proposed.deed {
                Deed::Commit(wish) if wish.sequence == sequence + 1 => {
                    approvals(crew, channel, wish, seer.0, seer.1).await?
                }
                _ => BTreeMap::new(),
            };
            Ok::<_, Trouble>((there, approvals))
        };
        match found.await {
            Ok((there, approvals)) => {
                let approved = quorum::approved(&approvals);
                return stand(channel, proposed, creator, there, approved);
            }
            Err(mut trouble) => {
                // Another run committed between the two questions.
                if trouble.verdict == Verdict::Done {
                    trouble.verdict = Verdict::Again;
                }
                patience.bear(crew, &channel.id, trouble).await?;
            }
        }
    }
}

fn outdated(channel: &Channel, proposed: &Proposed, why: &str) -> Diagnostics {
    let name = proposed.deed.chaincode();
    let message = format!(
        "the transaction that {} does not fit channel {} any more: {why}",
        proposed.words(),
        channel.name
    );
    let hint = match &proposed.deed {
        Deed::Call(_) => {
            format!("who made it calls anew: kubectl chain run chaincode-invoke {name} call=...")
        }
        _ => format!("who made it looks anew: kubectl chain run chaincode-deploy {name}"),
    };
    refuse_with("chaincode", "", message, hint)
}

fn stand(
    channel: &Channel,
    proposed: &Proposed,
    creator: &str,
    there: Option<(Definition, MemberSet)>,
    approved: MemberSet,
) -> Result<Standing, Diagnostics> {
    let last = there.as_ref().map_or(0, |(it, _)| it.sequence);
    let stale = |why: String| Err(outdated(channel, proposed, &why));
    let (rule, others) = match (&proposed.deed, there) {
        (Deed::Commit(wish), Some((now, _)))
            if wish.sequence == last && wish.differences_of_content(&now).is_empty() =>
        {
            let text = format!(
                "chaincode {} {} is committed on channel {} with sequence {last} already",
                wish.name, wish.version, channel.name
            );
            return Ok(Standing::Done(text));
        }
        (Deed::Commit(wish), _) if wish.sequence != last + 1 => {
            return stale(format!("sequence {last} is committed there"));
        }
        (Deed::Approve(wish), _) if wish.sequence < last || wish.sequence > last + 1 => {
            return stale(format!("sequence {last} is committed there"));
        }
        (Deed::Commit(_), _) => (Rule::of_commit(), approved),
        (Deed::Approve(_), _) => {
            let own = creator.to_owned();
            (Rule::Own(own.clone()), MemberSet::from([own]))
        }
        (Deed::Call(call), None) => {
            let message = format!(
                "chaincode {} is not committed on channel {}",
                call.chaincode, channel.name
            );
            let hint = format!("kubectl chain run chaincode-deploy {}", call.chaincode);
            return Err(refuse_with("chaincode", "", message, hint));
        }
        (Deed::Call(_), Some(_)) if ![0, last].contains(&proposed.sequence) => {
            return stale(format!(
                "it was made under sequence {} of the chaincode, and sequence {last} is committed there",
                proposed.sequence
            ));
        }
        (Deed::Call(_), Some((now, members))) => (Rule::of_call(&now.endorsement), members),
    };
    Ok(Standing::Open { rule, others })
}

/// Whether a transaction in a block changed the state.
///
/// # Errors
/// Why not.
pub fn outcome(channel: &Channel, proposed: &Proposed, code: i32) -> Result<(), Diagnostics> {
    commit::check(code).map_err(|fault| outdated(channel, proposed, &fault.to_string()))
}

/// Shows a proposal, endorses it, and brings it in when it was made here and all have endorsed it.
pub async fn endorse(crew: &Crew, id: &str, files: &[Blob]) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let mut proposed = proposed::read(channel, files)?;
    let root = ledger::configuration(crew, channel).await?.group;
    let membership = Membership::of(&root, crew.now_ms());
    let names: Vec<&str> = files.iter().map(|it| it.name.as_str()).collect();
    let checked = proposed.check(&membership, &names.join(", "))?;
    let Some(seer) = seer(crew, channel).await else {
        let message = format!("no peer of channel {} is this party's", channel.name);
        return Err(refuse("channel", "", message));
    };
    let creator = &checked.creator.msp_id;
    let (rule, others) = match look(crew, channel, &proposed, creator, seer).await? {
        Standing::Done(text) => return Ok(done(channel, &proposed, &text)),
        Standing::Open { rule, others } => (rule, others),
    };
    let chosen = chosen(crew, channel, &proposed, &checked, (&rule, &root, &others))?;
    if !chosen.is_empty() {
        ask(crew, channel, &mut proposed, &chosen).await?;
    }
    let checked = proposed.check(&membership, &names.join(", "))?;
    let missing = rule.missing(&root, &checked.by, &others);
    let own = crew.orgs.iter().filter_map(|org| org.admin.as_ref());
    let signer = own.into_iter().find(|it| it.creator() == proposed.creator);
    match (missing, signer, checked.endorsed) {
        (Some(missing), Some(signer), Some(endorsed)) if missing.is_empty() => {
            finish(
                crew,
                channel,
                &proposed,
                (&endorsed, &checked.by),
                (signer, seer),
            )
            .await
        }
        (Some(missing), Some(_), _) => {
            let wanted = Wanted {
                by: checked.by,
                missing,
                sequence: proposed.sequence,
            };
            Ok(Pending::open(crew, channel, &proposed, &wanted).report())
        }
        (missing, _, _) => {
            let creator = (&checked.creator.msp_id, &checked.creator.name);
            Ok(given_back(
                channel,
                &proposed,
                creator,
                (&chosen, &checked.by, missing),
            ))
        }
    }
}

/// The organisations of this party that endorse.
fn chosen(
    crew: &Crew,
    channel: &Channel,
    proposed: &Proposed,
    checked: &Checked,
    (rule, root, others): (&Rule, &ConfigGroup, &MemberSet),
) -> Result<MemberSet, Diagnostics> {
    let hands: MemberSet = crew
        .members(channel)
        .map(|(org, _)| org.msp_id.clone())
        .collect();
    match &proposed.deed {
        Deed::Approve(_) => {
            let message = "an approval is endorsed by a peer of its own organisation alone";
            Err(refuse("file", "", message))
        }
        Deed::Commit(wish) => {
            let able: MemberSet = hands.intersection(others).cloned().collect();
            let is_met = rule.is_met(root, &checked.by);
            if able.is_empty() && !is_met {
                let message = format!(
                    "{} has not approved exactly this: {}",
                    listed(&hands),
                    proposed.words()
                );
                let hint = format!("kubectl chain run chaincode-approve {}", wish.name);
                return Err(refuse_with("approvals", "", message, hint));
            }
            Ok(choose(rule, root, &checked.by, &able, others))
        }
        Deed::Call(_) => Ok(choose(rule, root, &checked.by, &hands, others)),
    }
}

/// Asks a peer of each organisation, until all agree with those who endorsed before.
async fn ask(
    crew: &Crew,
    channel: &Channel,
    proposed: &mut Proposed,
    chosen: &MemberSet,
) -> Result<(), Diagnostics> {
    young(crew, proposed)?;
    let mut peers = Vec::new();
    for (org, admin) in crew.members(channel) {
        if chosen.contains(&org.msp_id) {
            peers.extend(answering(crew, channel, (org, admin)).await);
        }
    }
    let says = format!("endorsing what {}", proposed.words());
    let mut patience = Patience::new(crew);
    loop {
        let asked = async {
            let mut replies = proposed.replies.clone();
            let fresh = crew
                .replies(&proposed.prepared, &peers, patience.says(&says))
                .await?;
            replies.extend(fresh);
            agree(&proposed.prepared, &replies, signed).map_err(|fault| {
                let trouble = disagreement(channel, &fault);
                match fault.verdict() {
                    Verdict::Again => trouble.because(Some(
                        "what it reads has changed since it was made, or peers do not run the same code: it is made anew",
                    )),
                    _ => trouble,
                }
            })?;
            Ok::<_, Trouble>(replies)
        };
        match asked.await {
            Ok(replies) => {
                proposed.replies = replies;
                return Ok(());
            }
            Err(trouble) => patience.bear(crew, &channel.id, trouble).await?,
        }
    }
}

/// Whether peers still look at a proposal of its age.
fn young(crew: &Crew, proposed: &Proposed) -> Result<(), Diagnostics> {
    if !ages(crew.network.release) {
        return Ok(());
    }
    let made = proposed.prepared.time().map_err(fault_at("file", ""))?;
    let made = u64::try_from(made.seconds).unwrap_or(0);
    let minutes = (crew.now_ms() / 1000).abs_diff(made) / 60;
    if minutes < MINUTES {
        return Ok(());
    }
    let message = format!(
        "the proposal that {} was made {minutes} minutes ago, and peers of 3.1 endorse for {MINUTES}",
        proposed.words()
    );
    let hint = "who made it makes it anew, and sends it at once";
    Err(refuse_with("file", "", message, hint))
}

/// Signs what all have endorsed, and brings it in.
async fn finish(
    crew: &Crew,
    channel: &Channel,
    proposed: &Proposed,
    (endorsed, by): (&Endorsed, &MemberSet),
    (signer, seer): (&Identity, Seer<'_>),
) -> Result<Report, Diagnostics> {
    let envelope =
        assemble(&proposed.prepared, endorsed, signer).map_err(fault_at("transaction", ""))?;
    if crew.orderers(channel).next().is_none() {
        return Ok(Pending::unordered(channel, proposed, &envelope, by).report());
    }
    let text = bring_in(crew, channel, proposed, &envelope, seer).await?;
    Ok(done(channel, proposed, &text))
}

/// Has a transaction ordered, and says where it stands.
///
/// # Errors
/// Why it does not.
pub async fn bring_in(
    crew: &Crew,
    channel: &Channel,
    proposed: &Proposed,
    envelope: &Envelope,
    seer: Seer<'_>,
) -> Result<String, Diagnostics> {
    let tx_id = &proposed.prepared.tx_id;
    let (code, block) = crew.bring_in(channel, envelope, tx_id, seer).await?;
    if commit::check(code).is_err() && matches!(proposed.deed, Deed::Commit(_)) {
        // Who was faster may have committed the same.
        let now = standing(crew, channel, proposed, "", seer).await;
        if let Ok(Standing::Done(text)) = now {
            return Ok(text);
        }
    }
    outcome(channel, proposed, code)?;
    let place = block.map_or_else(
        || format!("channel {}", channel.name),
        |it| format!("block {it} of channel {}", channel.name),
    );
    Ok(format!("transaction {tx_id} is committed in {place}"))
}

/// What the chaincode answered, when it said something.
pub fn result(proposed: &Proposed) -> Option<String> {
    let answer = proposed.replies.first()?.answer.response.as_ref()?;
    Some(shown(&answer.payload)).filter(|it| !it.is_empty())
}

fn done(channel: &Channel, proposed: &Proposed, text: &str) -> Report {
    let does = proposed.words();
    let result = result(proposed);
    let last = result
        .as_ref()
        .map(|it| format!("\n{it}"))
        .unwrap_or_default();
    report(
        format!("{does}\n{text}{last}"),
        &json!({
            "channel": channel.name, "transaction": proposed.prepared.tx_id, "does": does, "done": true,
            "result": result,
        }),
    )
}

/// What goes back to who made it.
fn given_back(
    channel: &Channel,
    proposed: &Proposed,
    (creator, admin): (&String, &String),
    (now, by, missing): (&MemberSet, &MemberSet, Option<MemberSet>),
) -> Report {
    let does = proposed.words();
    let left = match &missing {
        None => "no endorsements would be enough".to_owned(),
        Some(missing) if missing.is_empty() => "all endorsements are there".to_owned(),
        Some(missing) => format!("still missing: {}", listed(missing)),
    };
    let what = format!(
        "what it does on channel {}: {does}\nmade by {admin} of {creator}",
        channel.name
    );
    let table = json!({
        "channel": channel.name, "transaction": proposed.prepared.tx_id, "does": does, "done": false,
        "endorsed": by, "endorsedNow": now, "missing": missing,
    });
    if now.is_empty() {
        let text = format!("{what}\nno endorsement of this party is needed; {left}");
        return report(text, &table);
    }
    let whose: Vec<&str> = now.iter().map(String::as_str).collect();
    let name = format!("{}-{}.pb", proposed.stem(), whose.join("-"));
    let text = format!(
        "{what}\nendorsed by {}; {left}\nsend {name} back to {creator}, and there they type\n  kubectl chain run chaincode-endorse {} --file {name}",
        listed(now),
        channel.name
    );
    Report {
        files: vec![proposed.file(&name)],
        ..report(text, &table)
    }
}

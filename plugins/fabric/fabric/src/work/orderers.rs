//! Orderers of Raft and BFT come into channels and leave them.
//!
//! Coming: the spec names it, it starts, joins with block 0 and follows, a change of the channel makes it a consenter, and it
//! takes part. Leaving: a change of each channel first, then it is told to leave them, and only then the spec forgets it.
//! Every part is looked at before it is done, and one orderer comes or goes at a time: two at once can cost the quorum.

use chain_plugin_sdk::{Diagnostic, Diagnostics, Report, warning};
use fabric_proto::configuration::ConfigGroup;
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_service::{extra, kind};
use fabric_transaction::failure::Verdict;
use fabric_transaction::participation::{ParticipationError, channel_path, read_removal};
use serde_json::{Value, json};

use super::amend::{IN_FILE, amend};
use super::change::{self, Changed, indented, told};
use super::channel::ensure;
use super::consenters::{BFT, RAFT, admit, dismiss, founds};
use super::crew::{Channel, Crew, Node};
use super::roster::Roster;
use super::submit::Patience;
use super::trouble::Trouble;
use super::{report, spec};
use crate::input::{self, Several};

/// How often an orderer that goes is told to leave a channel, and the pause between, in milliseconds.
const ASKED: u32 = 8;
/// See [`ASKED`].
const BETWEEN: u32 = 1_000;

/// Arguments of `orderer-add`.
pub fn args() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "org": {"type": "string", "minLength": 1, "description": "the organisation; the only one that orders when absent"},
            "name": {
                "type": "string", "pattern": "^[a-z][a-z0-9-]*$",
                "description": "name of the orderer in it; the next number when absent",
            },
        },
    })
}

/// What came of making this party's orderers consenters of a channel.
#[derive(Debug, Default)]
pub struct Settled {
    /// Names of those that became consenters now.
    pub fresh: Vec<String>,
    /// The change that others must sign before one can become a consenter.
    pub open: Option<Report>,
}

/// Makes all orderers of this party consenters of a channel, one after the other.
pub async fn settle(
    crew: &Crew,
    roster: &Roster,
    channel: &Channel,
) -> Result<Settled, Diagnostics> {
    let mut settled = Settled::default();
    let kind = crew.ordering.kind.as_str();
    if ![RAFT, BFT].contains(&kind) || crew.network.release.system_channel() {
        return Ok(settled);
    }
    for (_, orderer) in crew.orderers(channel) {
        let consenter = roster.consenter(&orderer.id)?;
        let edit = |group: &mut ConfigGroup| admit(kind, group, consenter);
        match change::change(crew, channel, edit).await? {
            Changed::Already => {}
            Changed::Done(_) => {
                takes_part(crew, channel, orderer).await?;
                settled.fresh.push(orderer.name.clone());
            }
            open @ Changed::Open(_) => {
                settled.open = Some(told(channel, open));
                break;
            }
        }
    }
    Ok(settled)
}

/// The same, without a look at a channel whose block 0 names them all.
pub async fn settle_new(
    crew: &Crew,
    roster: &Roster,
    channel: &Channel,
) -> Result<Settled, Diagnostics> {
    if crew
        .orderers(channel)
        .all(|(_, it)| founds(channel, &it.host))
    {
        return Ok(Settled::default());
    }
    settle(crew, roster, channel).await
}

/// Waits until an orderer takes part in the consensus.
async fn takes_part(crew: &Crew, channel: &Channel, orderer: &Node) -> Result<(), Diagnostics> {
    let mut patience = Patience::new(crew);
    loop {
        let trouble = match crew.orderer_channel(orderer, &channel.name).await {
            Ok(Some(joined)) if joined.participates() => return Ok(()),
            Ok(joined) => {
                let state = joined.map_or("not in it".to_owned(), |it| {
                    format!("{:?}, {:?}", it.relation, it.status).to_lowercase()
                });
                let message = format!(
                    "it is a consenter of channel {} and does not take part yet: {state}",
                    channel.name
                );
                Trouble::new(&orderer.name, message, Verdict::Again)
            }
            Err(trouble) => trouble,
        };
        patience.bear(crew, &orderer.id, trouble).await?;
    }
}

/// Only consenters of channels without a system channel come and go while all runs.
fn possible(crew: &Crew) -> Result<(), Diagnostics> {
    let kind = crew.ordering.kind.as_str();
    let why = match kind {
        RAFT if crew.network.release.system_channel() => {
            "in 1.4 the consenters stand in the system channel and in every other, which is not done here"
        }
        RAFT | BFT => return Ok(()),
        _ => {
            "orderers of this type are no consenters of a channel: their number stands in the spec alone"
        }
    };
    Err(refuse_with(
        "orderer",
        "",
        format!("orderers of type {kind} neither come nor go by this operation"),
        why,
    ))
}

/// The organisation that is meant: of those of this party that order.
fn org_of(crew: &Crew, args: &Value) -> Result<String, Diagnostics> {
    let mut names = Vec::new();
    for org in crew.network.of_kind(kind::ORG).filter(|it| !it.foreign) {
        if extra::of::<extra::Org>(org)?.ordering {
            names.push(org.name.clone());
        }
    }
    match (args.get("org").and_then(Value::as_str), names.as_slice()) {
        (Some(name), _) if names.iter().any(|it| it == name) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (said, _) => {
            let message = said.map_or("which organisation?".to_owned(), |name| {
                format!("{name} is no organisation of this party that orders")
            });
            let hint = format!("`org=NAME`: {}", names.join(", "));
            Err(refuse_with("org", "/org", message, hint))
        }
    }
}

/// The next name in a row.
fn next_name(nodes: &[input::Node]) -> String {
    let taken = |name: &String| nodes.iter().any(|it| it.name == *name);
    // Among one more number than there are names one is free.
    let least = nodes.len();
    (least..=least.saturating_mul(2))
        .map(|n| format!("{}{n}", kind::ORDERER))
        .find(|name| !taken(name))
        .unwrap_or_default()
}

/// Adds an orderer; or finishes what an earlier run began.
pub async fn add(crew: &Crew, roster: &Roster, args: &Value) -> Result<Report, Diagnostics> {
    possible(crew)?;
    let org = org_of(crew, args)?;
    let named = args.get("name").and_then(Value::as_str);
    let id = |name: &str| format!("{}/{name}.{org}", kind::ORDERER);
    let exists = named.is_some_and(|name| crew.network.subject(&id(name)).is_ok());
    // Who names nobody and runs it again wants the one that is on its way, and not one more.
    let mut lines = Vec::new();
    let mut notes = Diagnostics::new();
    let mut files = Vec::new();
    for channel in &crew.channels {
        ensure(crew, channel).await?;
        let settled = settle(crew, roster, channel).await?;
        for name in settled.fresh {
            lines.push(format!("{name} takes part in channel {}", channel.name));
        }
        if let Some(open) = settled.open {
            lines.push(open.text);
            notes.extend(open.notes);
            files.extend(open.files);
        }
    }
    if exists || !lines.is_empty() {
        if lines.is_empty() {
            lines.push("it takes part in all channels already".to_owned());
        }
        let table = json!({"org": org, "done": lines});
        return Ok(Report {
            files,
            notes,
            ..report(lines.join("\n"), &table)
        });
    }
    let mut orgs = spec::orgs(&crew.network)?;
    let entry = spec::org(&mut orgs, &org)?;
    let mut all = spec::listed(entry.orderers.as_ref(), kind::ORDERER);
    let name = named.map_or_else(|| next_name(&all), ToOwned::to_owned);
    all.push(input::Node {
        name: name.clone(),
        ..input::Node::default()
    });
    entry.orderers = Some(Several::List(all));
    let says = format!("starting orderer {name} of {org}");
    amend(crew, &says, &spec::with_orgs(&orgs)).await?;
    let text = format!(
        "orderer {name} of {org} runs, and takes part in the channels that this party alone can change; kubectl chain run channel-list shows where it follows only, and kubectl chain run orderer-add name={name} org={org} gives those changes as files{IN_FILE}"
    );
    Ok(report(text, &json!({"org": org, "orderer": name})))
}

/// Removes an orderer: from its channels, from their files, from the spec.
pub async fn remove(mut crew: Crew, roster: &Roster, id: &str) -> Result<Report, Diagnostics> {
    possible(&crew)?;
    let consenter = roster.consenter(id)?;
    let subject = crew.network.subject(id)?;
    let org = crew.network.parent(subject)?.name.clone();
    let full = subject.name.clone();
    let name = full
        .strip_suffix(&format!(".{org}"))
        .unwrap_or(&full)
        .to_owned();
    // Who was taken out is cut off, and goes on telling of the channel as it was: it is asked nothing any more.
    let leaving = crew
        .without(id)
        .ok_or_else(|| refuse("orderer", "", format!("there is no {id}")))?;
    let crew = &crew;
    let kind = crew.ordering.kind.as_str();
    let mut lines = Vec::new();
    let mut notes = Diagnostics::new();
    for channel in &crew.channels {
        let left = crew.orderers(channel).count();
        if left == 0 {
            let message = format!(
                "{full} is the last orderer of channel {} here",
                channel.name
            );
            return Err(refuse_with(
                "orderer",
                "",
                message,
                "kubectl chain run orderer-add",
            ));
        }
        if left < 3 {
            let message = format!(
                "channel {} has {left} orderers of this party then: it stands the loss of none",
                channel.name
            );
            notes.push(warning("orderer", "", message));
        }
        let edit = |group: &mut ConfigGroup| dismiss(kind, group, consenter);
        match change::change(crew, channel, edit).await? {
            open @ Changed::Open(_) => {
                // It must not leave before the channel lets it go.
                return Ok(told(channel, open));
            }
            Changed::Done(told) => {
                lines.push(format!(
                    "channel {}:{}",
                    channel.name,
                    indented(&told.lines)
                ));
            }
            Changed::Already => {}
        }
        notes.extend(leave(crew, channel, &leaving).await?);
    }
    let mut orgs = spec::orgs(&crew.network)?;
    let entry = spec::org(&mut orgs, &org)?;
    let mut all = spec::listed(entry.orderers.as_ref(), kind::ORDERER);
    all.retain(|it| it.name != name);
    entry.orderers = Some(Several::List(all));
    let says = format!("stopping orderer {name} of {org}");
    amend(crew, &says, &spec::with_orgs(&orgs)).await?;
    lines.push(format!(
        "orderer {full} has left all channels, and is gone{IN_FILE}"
    ));
    Ok(Report {
        notes,
        ..report(lines.join("\n"), &json!({"orderer": full, "removed": true}))
    })
}

/// Tells an orderer to leave a channel, until it has none. It is not waited for as a follower: cut off by the others it
/// calls itself a consenter for minutes.
///
/// One that does not answer is let go all the same: it may be gone for good, which is why it is removed.
async fn leave(
    crew: &Crew,
    channel: &Channel,
    orderer: &Node,
) -> Result<Option<Diagnostic>, Diagnostics> {
    let path = channel_path(&channel.name).map_err(fault_at("channel", ""))?;
    let says = format!("leaving channel {}", channel.name);
    let mut why = String::new();
    for _ in 0..ASKED {
        let answer = crew
            .participation(orderer, &says, "DELETE", path.clone(), None)
            .await;
        let trouble = match answer.map(|(status, body)| read_removal(status, &body)) {
            Ok(Ok(()) | Err(ParticipationError::NotFound(_))) => return Ok(None),
            Ok(Err(fault)) => Trouble::new(&orderer.name, &fault, fault.verdict()),
            Err(trouble) => trouble,
        };
        if !trouble.passes() {
            return Err(trouble.fatal());
        }
        why = trouble.message;
        crew.hands()?.sleep(&orderer.id, "", BETWEEN).await;
    }
    let message = format!(
        "{} did not leave channel {}: {why}; its claim keeps the blocks, delete it before an orderer of this name comes again",
        orderer.name, channel.name
    );
    Ok(Some(warning("orderer", "", message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_name_is_a_free_one() {
        let node = |name: &str| input::Node {
            name: name.to_owned(),
            ..input::Node::default()
        };
        assert_eq!(next_name(&[]), "orderer0");
        assert_eq!(next_name(&[node("orderer0"), node("orderer2")]), "orderer3");
        assert_eq!(next_name(&[node("east"), node("west")]), "orderer2");
    }
}

//! From pods that are ready to a network that works: all channels joined, all chaincodes committed.

use chain_plugin_sdk::doing::{join, join_all};
use chain_plugin_sdk::{Diagnostics, Report, warning};
use serde_json::json;

use super::chaincode::{self, Deployed};
use super::channel;
use super::crew::{Channel, Crew};
use super::legacy;
use super::members::{self, Late};
use super::orderers;
use super::report;
use super::roster::Roster;

/// What a peer says to those who have no part in a channel.
const DENIED: &str = "access denied";

/// Joins what is to be joined and deploys what is to be deployed; channels side by side, then chaincodes side by side.
///
/// Organisations and orderers that came later than a channel are put into it, as far as this party can sign that.
pub async fn bring_up(mut crew: Crew, roster: &Roster) -> Result<Report, Diagnostics> {
    let mut notes = Vec::new();
    let mut lines = Vec::new();
    let mut inside = Vec::new();
    let mut closed = Vec::new();
    for channel in &crew.channels {
        let Some(late) = settled(&crew, roster, channel).await? else {
            let (message, hint) = refuses(channel);
            notes.push(warning("org", "", message).hint(hint));
            lines.push(format!(
                "channel {}: its peers here follow it once they are members",
                channel.name
            ));
            closed.push(channel.id.clone());
            continue;
        };
        for org in &late.outside {
            let name = org.rsplit('/').next().unwrap_or(org);
            let message = format!(
                "{name} is no member of channel {} yet: kubectl chain run channel-add-org {} org={name} gives the change that others must sign",
                channel.name, channel.name
            );
            notes.push(warning("org", "", message));
        }
        inside.push(late);
    }
    crew.channels.retain(|it| !closed.contains(&it.id));
    crew.chaincodes
        .retain(|it| !closed.contains(&it.about.channel));
    for (channel, late) in crew.channels.iter_mut().zip(&inside) {
        let about = &mut channel.about;
        about.orgs.retain(|it| !late.outside.contains(it));
    }
    let crew = &crew;
    let joined = join_all(
        crew.channels
            .iter()
            .map(|channel| channel::ensure(crew, channel)),
    );
    let (joined, supplied) = join(joined, supplies(crew)).await;
    for (channel, joined) in crew.channels.iter().zip(joined) {
        lines.push(joined?.text(channel));
    }
    supplied?;
    for (channel, late) in crew.channels.iter().zip(&inside) {
        members::catch_up(crew, channel, &late.inside).await?;
        let settled = orderers::settle_new(crew, roster, channel).await?;
        let fresh = settled.fresh.iter();
        lines.extend(fresh.map(|name| format!("{name} takes part in channel {}", channel.name)));
        if settled.open.is_some() {
            let message = format!(
                "an orderer follows channel {} only: kubectl chain run orderer-add gives the change that others must sign",
                channel.name
            );
            notes.push(warning("orderer", "", message));
        }
    }
    if crew.network.release.system_channel() {
        old_chaincodes(crew, &mut lines, &mut notes).await?;
    } else {
        chaincodes(crew, &mut lines, &mut notes).await?;
    }
    if lines.is_empty() {
        lines.push("there is no channel in the spec: `--channel mychannel` makes one".to_owned());
    }
    Ok(Report {
        notes,
        ..report(lines.join("\n"), &json!({"done": lines}))
    })
}

/// Which of this party's organisations came later than a channel; nothing, where no node here may know the channel yet.
///
/// Orderers know every channel. Who has none asks peers, and they know a channel that they have joined, and tell of it only
/// when they have got the block that makes them members.
async fn settled(
    crew: &Crew,
    roster: &Roster,
    channel: &Channel,
) -> Result<Option<Late>, Diagnostics> {
    let first = members::settle_new(crew, roster, channel).await;
    if first.is_ok() || crew.orderers(channel).next().is_some() {
        return first.map(Some);
    }
    channel::ensure(crew, channel).await?;
    match members::settle_new(crew, roster, channel).await {
        Err(faults) if faults.iter().any(|it| it.message.contains(DENIED)) => Ok(None),
        again => again.map(Some),
    }
}

/// What is said of a channel that is closed so far, and what to type.
fn refuses(channel: &Channel) -> (String, String) {
    let name = &channel.name;
    (
        format!("peers here have joined channel {name}, and are no members of it yet"),
        format!(
            "who is a member takes in what `kubectl chain export` gives, and runs `kubectl chain run channel-add-org {name} org=NAME`; then here: kubectl chain run bring-up"
        ),
    )
}

/// Chaincode that peers can have before they have joined a channel. That of 1.4 comes from the user's files.
async fn supplies(crew: &Crew) -> Result<(), Diagnostics> {
    if crew.network.release.system_channel() {
        return Ok(());
    }
    let all = crew.chaincodes.iter();
    let all = join_all(all.map(|it| chaincode::supply(crew, it))).await;
    all.into_iter().collect()
}

async fn chaincodes(
    crew: &Crew,
    lines: &mut Vec<String>,
    notes: &mut Diagnostics,
) -> Result<(), Diagnostics> {
    let deployed = join_all(
        crew.chaincodes
            .iter()
            .map(|chaincode| chaincode::deploy(crew, chaincode)),
    )
    .await;
    for (chaincode, deployed) in crew.chaincodes.iter().zip(deployed) {
        let name = &chaincode.about.name;
        match deployed? {
            Deployed::Committed(sequence) => {
                lines.push(format!(
                    "chaincode {name}: committed with sequence {sequence}"
                ));
            }
            Deployed::Waiting(waiting) => notes.push(chaincode::waits(name, &waiting)),
            Deployed::Open(_) => {
                let message = format!(
                    "chaincode {name} is not deployed for this party yet: kubectl chain run chaincode-deploy {name} gives what others must endorse or hand in as files"
                );
                notes.push(warning("chaincode", "", message));
            }
        }
    }
    Ok(())
}

/// Those of 1.4 are instantiated when their code is installed: that comes from a file of the user's.
async fn old_chaincodes(
    crew: &Crew,
    lines: &mut Vec<String>,
    notes: &mut Diagnostics,
) -> Result<(), Diagnostics> {
    for chaincode in &crew.chaincodes {
        let about = &chaincode.about;
        match legacy::deploy(crew, chaincode).await? {
            legacy::Deployed::Done => {
                lines.push(format!(
                    "chaincode {}: {} is instantiated",
                    about.name, about.version
                ));
            }
            legacy::Deployed::Lacks(peers) => {
                let (message, hint) = legacy::lacks(&about.name, &about.version, &peers);
                notes.push(warning("chaincode", "", message).hint(hint));
            }
        }
    }
    Ok(())
}

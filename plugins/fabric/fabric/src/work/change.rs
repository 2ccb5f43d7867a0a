//! A change of a channel's configuration: drafted from the newest one, checked, signed, submitted and seen; or given as a
//! file to those whose signatures are missing.
//!
//! A draft that finds nothing to change is done, so a run that stopped anywhere is finished by the next. When somebody else
//! changes the channel at the same time, the draft is made anew.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Blob, Diagnostic, Diagnostics, Report, error, warning};
use fabric_channel::block::ConfigBlock;
use fabric_channel::lint::{self, Severity};
use fabric_channel::policy::{self, MemberSet};
use fabric_channel::update::{
    UpdateError, compute_update, missing_all, sign_update, signers, unsigned, update_file, wrap,
};
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::configuration::{Config, ConfigGroup, ConfigUpdate, ConfigUpdateEnvelope};
use fabric_service::fault::{at as fault_at, refuse_with};
use fabric_transaction::failure::Verdict;
use serde_json::json;

use super::channel::nonce;
use super::crew::{Channel, Crew};
use super::ledger::{self, reader};
use super::report;
use super::submit::Patience;
use super::trouble::Trouble;
use super::words::differences;
use crate::{blocks, hosts};

/// How long a change that an orderer took is waited for, in milliseconds, before it is submitted again.
const SEEN: u64 = 20_000;
/// Pause between two looks.
const PAUSE: u32 = 300;
/// Drafts before others are left to their changes.
const DRAFTS: u32 = 6;

/// What became of a change.
#[derive(Debug)]
pub enum Changed {
    /// The channel was so already.
    Already,
    /// It stands in the channel.
    Done(Told),
    /// Others must act first.
    Open(Box<Open>),
}

/// A change in words, and what there is to say about its result.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What changes.
    pub lines: Vec<String>,
    /// Remarks on the result.
    pub notes: Diagnostics,
}

/// A change that cannot be submitted here and now.
#[derive(Debug)]
pub struct Open {
    /// The change in words.
    pub told: Told,
    /// The change with the signatures that it has.
    pub envelope: ConfigUpdateEnvelope,
    /// Who signed, by MSP id.
    pub signed: MemberSet,
    /// Who must sign; none if nobody can.
    pub missing: Option<MemberSet>,
}

/// Signatures under a change.
#[derive(Debug)]
pub struct Signed {
    /// All who signed, by MSP id.
    pub by: MemberSet,
    /// Those of this party who did it just now.
    pub now: Vec<String>,
    /// Who must sign besides; none if nobody can.
    pub missing: Option<MemberSet>,
}

/// Changes a channel: `edit` makes a configuration as it shall be out of one as it is, and nothing of one that is so.
pub async fn change<E>(crew: &Crew, channel: &Channel, edit: E) -> Result<Changed, Diagnostics>
where
    E: Fn(&mut ConfigGroup) -> Result<(), Diagnostics>,
{
    let mut sent: Option<Told> = None;
    for _ in 0..DRAFTS {
        let block = ledger::configuration(crew, channel).await?;
        let mut wanted = block.group.clone();
        edit(&mut wanted)?;
        let update = match compute_update(&channel.name, &block.group, &wanted) {
            Ok(update) => update,
            Err(UpdateError::NoDifference { .. }) => {
                return Ok(sent.map_or(Changed::Already, Changed::Done));
            }
            Err(fault) => return Err(fault_at("channel", "")(fault)),
        };
        let told = Told {
            lines: differences(&block.group, &wanted),
            notes: judge(crew, channel, &block.group, &wanted)?,
        };
        let mut envelope = unsigned(&update);
        let signed = sign(crew, &block.config, &update, &mut envelope)?;
        let is_enough = signed.missing.as_ref().is_some_and(MemberSet::is_empty);
        if !is_enough || crew.orderers(channel).next().is_none() {
            return Ok(Changed::Open(Box::new(Open {
                told,
                envelope,
                signed: signed.by,
                missing: signed.missing,
            })));
        }
        submit(crew, channel, &envelope, &block).await?;
        sent = Some(told);
    }
    let message = format!(
        "channel {}: {DRAFTS} changes in a row did not come to stand, since others change it at the same time",
        channel.name
    );
    Err(refuse_with(
        "channel",
        "",
        message,
        "run the same command again",
    ))
}

/// What nodes would refuse of a result, or take and never work with, is an error; what was so before is not blamed on the
/// change.
fn judge(
    crew: &Crew,
    channel: &Channel,
    before: &ConfigGroup,
    after: &ConfigGroup,
) -> Result<Diagnostics, Diagnostics> {
    let notes = judged(&channel.name, before, after, present(crew))?;
    hosts::judge(&channel.name, before, after)?;
    Ok(notes)
}

/// What a channel must stand now: the release of the chain, and certificates that are valid at present.
pub fn present(crew: &Crew) -> lint::Target {
    let now = i64::try_from(crew.now_ms() / 1000).unwrap_or(i64::MAX);
    lint::Target::new(blocks::line(crew.network.release)).at(now)
}

/// The findings that a change brings.
pub fn judged(
    channel: &str,
    before: &ConfigGroup,
    after: &ConfigGroup,
    target: lint::Target,
) -> Result<Diagnostics, Diagnostics> {
    let old = lint::lint_config(channel, before, target);
    let fresh: Vec<lint::Diagnostic> = lint::lint_config(channel, after, target)
        .into_iter()
        .filter(|it| it.severity > Severity::Note && !old.contains(it))
        .collect();
    let told = fresh
        .iter()
        .map(|it| {
            let text = format!("channel {channel}: {}: {}", it.path, it.message);
            let note = if it.severity >= Severity::Broken {
                error(it.code, "", text)
            } else {
                warning(it.code, "", text)
            };
            note.hint(it.hint.clone())
        })
        .collect();
    if lint::is_faulty(&fresh) {
        Err(told)
    } else {
        Ok(told)
    }
}

/// Adds the signatures of this party that a change needs.
pub fn sign(
    crew: &Crew,
    config: &Config,
    update: &ConfigUpdate,
    envelope: &mut ConfigUpdateEnvelope,
) -> Result<Signed, Diagnostics> {
    let fault = fault_at("channel", "");
    let there = config.channel_group.clone().unwrap_or_default();
    let members = policy::members(&there);
    let already: MemberSet = signers(envelope)
        .map_err(&fault)?
        .into_iter()
        .map(|it| it.mspid)
        .collect();
    let own: BTreeMap<&str, &Identity> = crew
        .orgs
        .iter()
        .filter(|org| members.contains(&org.msp_id) && !already.contains(&org.msp_id))
        .filter_map(|org| Some((org.msp_id.as_str(), org.admin.as_ref()?)))
        .collect();
    let hands: MemberSet = own.keys().map(|it| (*it).to_owned()).collect();
    let (chosen, missing) = choose(config, update, &already, &hands).map_err(&fault)?;
    for name in &chosen {
        if let Some(identity) = own.get(name.as_str()) {
            sign_update(envelope, *identity, &nonce(crew));
        }
    }
    Ok(Signed {
        by: already.union(&chosen).cloned().collect(),
        now: chosen.into_iter().collect(),
        missing,
    })
}

/// Who of `hands` signs, since it brings the change nearer; and whose signatures are missing then.
fn choose(
    config: &Config,
    update: &ConfigUpdate,
    already: &MemberSet,
    hands: &MemberSet,
) -> Result<(MemberSet, Option<MemberSet>), UpdateError> {
    let mut all: MemberSet = already.union(hands).cloned().collect();
    let missing = missing_all(config, update, &all)?;
    for hand in hands {
        all.remove(hand);
        if missing_all(config, update, &all)? != missing {
            all.insert(hand.clone());
        }
    }
    Ok((all.difference(already).cloned().collect(), missing))
}

/// Hands a signed change to the orderers, and waits until the channel has changed since `before`: by this change, or by
/// another.
pub async fn submit(
    crew: &Crew,
    channel: &Channel,
    envelope: &ConfigUpdateEnvelope,
    before: &ConfigBlock,
) -> Result<(), Diagnostics> {
    let sent = hand_in(crew, channel, envelope).await;
    let until = crew.now_ms().saturating_add(SEEN);
    loop {
        let now = ledger::configuration(crew, channel).await?;
        if now.config.sequence > before.config.sequence {
            return Ok(());
        }
        // Whose answer was lost may have been heard; who was refused while nothing changed was refused for good.
        sent.clone()?;
        if crew.now_ms() >= until {
            return Ok(());
        }
        crew.hands()?.sleep(&channel.id, "", PAUSE).await;
    }
}

async fn hand_in(
    crew: &Crew,
    channel: &Channel,
    envelope: &ConfigUpdateEnvelope,
) -> Result<(), Diagnostics> {
    // In maintenance orderers take changes of those alone who order.
    let signer = reader(crew, channel)?;
    let mut patience = Patience::new(crew);
    loop {
        let stamp = crew.stamp();
        let whole = wrap(envelope, signer, &stamp.nonce, stamp.time)
            .map_err(|fault| Trouble::new(&channel.name, fault, Verdict::GiveUp))?;
        match crew.order(channel, &whole).await {
            Ok(()) => return Ok(()),
            Err(trouble) if trouble.verdict == Verdict::Done => return Ok(()),
            Err(trouble) => patience.bear(crew, &channel.id, trouble).await?,
        }
    }
}

/// The file of a change.
pub fn file(channel: &str, name: &str, envelope: &ConfigUpdateEnvelope) -> Blob {
    Blob {
        name: name.to_owned(),
        bytes: update_file(channel, envelope, None).encode_to_vec(),
    }
}

/// MSP ids in a row.
pub fn listed<'a>(all: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = all.into_iter().map(String::as_str).collect();
    names.join(", ")
}

/// Indented lines.
pub fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

/// The end of an operation that changes a channel.
pub fn told(channel: &Channel, changed: Changed) -> Report {
    let name = &channel.name;
    match changed {
        Changed::Already => report(
            format!("channel {name} is so already"),
            &json!({"channel": name, "changed": false, "done": true}),
        ),
        Changed::Done(told) => Report {
            text: format!("channel {name} is changed:{}", indented(&told.lines)),
            table: json!({"channel": name, "changed": true, "done": true, "changes": told.lines})
                .to_string(),
            files: Vec::new(),
            notes: told.notes,
        },
        Changed::Open(open) => open_report(name, *open),
    }
}

fn open_report(channel: &str, open: Open) -> Report {
    let file_name = format!("{channel}-update.pb");
    let submit = format!("kubectl chain run channel-submit {channel} --file {file_name}");
    let next = match &open.missing {
        None => {
            "no signatures would be enough: a policy that guards a part of it cannot be satisfied"
                .to_owned()
        }
        Some(missing) if missing.is_empty() => format!(
            "all signatures are there, and no orderer of the channel is this party's: send {file_name} to somebody who has one and types\n  {submit}"
        ),
        Some(missing) => format!(
            "signatures of {} are missing: send {file_name} to each of them, who types\n  kubectl chain run channel-sign {channel} --file {file_name}\nand gives a file back; who has an orderer then types, with all of these files\n  {submit} --file ...",
            listed(missing)
        ),
    };
    let text = format!(
        "channel {channel} is not changed yet:{}\nsigned by {}; {next}",
        indented(&open.told.lines),
        if open.signed.is_empty() {
            "nobody".to_owned()
        } else {
            listed(&open.signed)
        },
    );
    let mut notes: Vec<Diagnostic> = open.told.notes;
    notes.push(warning(
        "signatures",
        "",
        match &open.missing {
            None => format!("channel {channel} cannot be changed so"),
            Some(missing) if missing.is_empty() => {
                format!("channel {channel} waits for somebody who has an orderer")
            }
            Some(missing) => format!("channel {channel} waits for {}", listed(missing)),
        },
    ));
    Report {
        text,
        table: json!({
            "channel": channel, "changed": false, "done": false, "changes": open.told.lines,
            "signed": open.signed, "missing": open.missing,
        })
        .to_string(),
        files: vec![file(channel, &file_name, &open.envelope)],
        notes,
    }
}

#[cfg(test)]
mod tests {
    use super::super::update::tests::{channel, org3};
    use super::*;
    use fabric_channel::edit;
    use fabric_channel::model::Release;

    fn set(ids: &[&str]) -> MemberSet {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn drafted(edit: impl Fn(&mut ConfigGroup)) -> (Config, ConfigUpdate) {
        let before = channel();
        let mut after = before.clone();
        edit(&mut after);
        let update = compute_update("mychannel", &before, &after).unwrap();
        let config = Config {
            sequence: 3,
            channel_group: Some(before),
        };
        (config, update)
    }

    #[test]
    fn who_signs_is_who_brings_the_change_nearer() {
        let (config, update) = drafted(|group| edit::set_batch_timeout(group, "1s").unwrap());
        let all = set(&["OrdererMSP", "Org1MSP", "Org2MSP"]);
        let (chosen, missing) = choose(&config, &update, &set(&[]), &all).unwrap();
        assert_eq!((chosen, missing), (set(&["OrdererMSP"]), Some(set(&[]))));
        // Members alone cannot: none of them signs in vain.
        let (chosen, missing) = choose(&config, &update, &set(&[]), &set(&["Org1MSP"])).unwrap();
        assert_eq!((chosen, missing), (set(&[]), Some(set(&["OrdererMSP"]))));

        let (config, update) = drafted(|group| {
            edit::add_application_organization(group, Release::V2_5, &org3()).unwrap();
        });
        let (chosen, missing) = choose(&config, &update, &set(&[]), &all).unwrap();
        assert_eq!(
            (chosen, missing),
            (set(&["Org1MSP", "Org2MSP"]), Some(set(&[])))
        );
        let (chosen, missing) = choose(&config, &update, &set(&[]), &set(&["Org1MSP"])).unwrap();
        assert_eq!(
            (chosen, missing),
            (set(&["Org1MSP"]), Some(set(&["Org2MSP"])))
        );
        // Who signed before is not asked again.
        let (chosen, missing) =
            choose(&config, &update, &set(&["Org1MSP"]), &set(&["Org2MSP"])).unwrap();
        assert_eq!((chosen, missing), (set(&["Org2MSP"]), Some(set(&[]))));
    }

    #[test]
    fn only_what_a_change_brings_is_blamed_on_it() {
        let target = lint::Target::new(Release::V2_5);
        let before = channel();
        let mut after = before.clone();
        edit::set_capabilities(&mut after, edit::Level::Channel, &["V3_0"]).unwrap();
        let faults = judged("mychannel", &before, &after, target).unwrap_err();
        assert!(
            faults.iter().any(|it| it.message.contains("/Channel")),
            "{faults:?}"
        );
        // The same fault in both, and something else changes.
        let mut again = after.clone();
        edit::set_batch_timeout(&mut again, "1s").unwrap();
        assert!(judged("mychannel", &after, &again, target).is_ok());
    }

    #[test]
    fn what_is_open_says_who_signs_and_what_they_type() {
        let (config, update) = drafted(|group| {
            edit::add_application_organization(group, Release::V2_5, &org3()).unwrap();
        });
        let mut open = Open {
            told: Told {
                lines: vec!["adds".to_owned()],
                notes: Vec::new(),
            },
            envelope: unsigned(&update),
            signed: set(&["Org1MSP"]),
            missing: missing_all(&config, &update, &set(&["Org1MSP"])).unwrap(),
        };
        let report = open_report(
            "mychannel",
            Open {
                envelope: open.envelope.clone(),
                told: open.told.clone(),
                signed: open.signed.clone(),
                missing: open.missing.clone(),
            },
        );
        for part in [
            "signatures of Org2MSP",
            "channel-sign mychannel --file mychannel-update.pb",
            "channel-submit mychannel --file mychannel-update.pb --file",
            "\n  adds\n",
        ] {
            assert!(report.text.contains(part), "{part} in {}", report.text);
        }
        assert_eq!(report.files[0].name, "mychannel-update.pb");
        let (opened, envelope) =
            fabric_channel::block::decode_update_file(&report.files[0].bytes).unwrap();
        assert_eq!(opened.channel_header.channel_id, "mychannel");
        assert_eq!(envelope, open.envelope);
        open.missing = Some(set(&[]));
        assert!(
            open_report("mychannel", open)
                .text
                .contains("no orderer of the channel is this party's")
        );
    }
}

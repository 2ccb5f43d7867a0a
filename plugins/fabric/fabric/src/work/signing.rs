//! The operations `channel-sign` and `channel-submit`: a change that was made elsewhere. Transactions are submitted too.

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_channel::block::{ConfigBlock, decode_update_file};
use fabric_channel::policy::MemberSet;
use fabric_channel::update::{UpdateError, merge, review};
use fabric_proto::Message as _;
use fabric_proto::configuration::{ConfigGroup, ConfigUpdate, ConfigUpdateEnvelope};
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use serde_json::json;

use super::change::{self, Signed, file, indented, listed, submit};
use super::crew::{Channel, Crew};
use super::proposed::{Kind, kind};
use super::{ledger, report, transactions, words};

/// Names of a change's guards, for those who decide.
struct Seen {
    lines: Vec<String>,
    guards: Vec<String>,
    result: ConfigGroup,
}

/// Shows a change, signs it with the administrators of this party whose signatures it lacks, and gives it back.
pub async fn sign(crew: &Crew, id: &str, files: &[Blob]) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let (update, mut envelope) = read(channel, files)?;
    let block = ledger::configuration(crew, channel).await?;
    let seen = see(channel, &block, &update)?;
    let signed = change::sign(crew, &block.config, &update, &mut envelope)?;
    let what = format!(
        "what it does to channel {}:{}\nwho may: {}",
        channel.name,
        indented(&seen.lines),
        seen.guards.join(", ")
    );
    let left = left(signed.missing.as_ref());
    let table = json!({
        "channel": channel.name, "changes": seen.lines, "signed": signed.by, "missing": signed.missing,
    });
    if signed.now.is_empty() {
        let text = format!("{what}\nno signature of this party is needed; {left}");
        return Ok(report(text, &table));
    }
    let name = format!("{}-update-{}.pb", channel.name, signed.now.join("-"));
    let text = format!(
        "{what}\nsigned by {}; {left}\nsend {name} back, or type where an orderer is:\n  kubectl chain run channel-submit {} --file {name}",
        listed(&signed.now),
        channel.name
    );
    Ok(Report {
        files: vec![file(&channel.name, &name, &envelope)],
        ..report(text, &table)
    })
}

/// Submits a change, with the signatures of all its files and those that this party can add; or transactions that are
/// endorsed and signed.
pub async fn submit_files(crew: &Crew, id: &str, files: &[Blob]) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    if files.iter().any(|it| kind(it) == Kind::Transaction) {
        return transactions::submit(crew, channel, files).await;
    }
    let (update, mut envelope) = read(channel, files)?;
    let block = ledger::configuration(crew, channel).await?;
    let seen = match see(channel, &block, &update) {
        Ok(seen) => seen,
        Err(fault) if stands(&block, &update) => {
            drop(fault);
            let table = json!({"channel": channel.name, "changed": false, "done": true});
            return Ok(report(
                format!("channel {} is so already", channel.name),
                &table,
            ));
        }
        Err(fault) => return Err(fault),
    };
    let signed = change::sign(crew, &block.config, &update, &mut envelope)?;
    enough(channel, &signed)?;
    if crew.orderers(channel).next().is_none() {
        let message = format!("no orderer of channel {} is this party's", channel.name);
        let hint = "send the files to somebody who has one";
        return Err(refuse_with("channel", "", message, hint));
    }
    for _ in 0..3 {
        submit(crew, channel, &envelope, &block).await?;
        let now = ledger::configuration(crew, channel).await?;
        if now.config.sequence > block.config.sequence {
            if words::differences(&now.group, &seen.result).is_empty() {
                let table = json!({"channel": channel.name, "changed": true, "done": true, "changes": seen.lines});
                let text = format!(
                    "channel {} is changed:{}",
                    channel.name,
                    indented(&seen.lines)
                );
                return Ok(report(text, &table));
            }
            return Err(outdated(channel, "another change came first"));
        }
    }
    let message = format!(
        "channel {}: the change was taken and does not come to stand",
        channel.name
    );
    Err(refuse_with(
        "channel",
        "",
        message,
        "run the same command again",
    ))
}

fn left(missing: Option<&MemberSet>) -> String {
    match missing {
        None => "no signatures would be enough".to_owned(),
        Some(missing) if missing.is_empty() => "all signatures are there".to_owned(),
        Some(missing) => format!("still missing: {}", listed(missing)),
    }
}

fn enough(channel: &Channel, signed: &Signed) -> Result<(), Diagnostics> {
    if signed.missing.as_ref().is_some_and(MemberSet::is_empty) {
        return Ok(());
    }
    let message = format!(
        "channel {}: signed by {}; {}",
        channel.name,
        listed(&signed.by),
        left(signed.missing.as_ref())
    );
    let hint = format!(
        "each of them: kubectl chain run channel-sign {} --file FILE; then submit with all files that come back",
        channel.name
    );
    Err(refuse_with("signatures", "", message, hint))
}

/// The change in files, their signatures together.
fn read(
    channel: &Channel,
    files: &[Blob],
) -> Result<(ConfigUpdate, ConfigUpdateEnvelope), Diagnostics> {
    if files.is_empty() {
        let hint = "`--file FILE`, several times for signatures of several organisations";
        return Err(refuse_with(
            "file",
            "",
            "the file of a change is wanted",
            hint,
        ));
    }
    let mut all = Vec::new();
    for blob in files {
        if kind(blob) == Kind::Proposal {
            let message = format!("{}: it is a proposal that wants endorsements", blob.name);
            let hint = format!(
                "kubectl chain run chaincode-endorse {} --file {}",
                channel.name, blob.name
            );
            return Err(refuse_with("file", "", message, hint));
        }
        let (opened, envelope) = decode_update_file(&blob.bytes)
            .map_err(|fault| refuse("file", "", format!("{}: {fault}", blob.name)))?;
        let of = &opened.channel_header.channel_id;
        if *of != channel.name {
            let message = format!("{} is about channel {of}, not {}", blob.name, channel.name);
            return Err(refuse("file", "", message));
        }
        all.push(envelope);
    }
    let merged = merge(&all).map_err(|fault| {
        let names: Vec<&str> = files.iter().map(|it| it.name.as_str()).collect();
        refuse("file", "", format!("{}: {fault}", names.join(", ")))
    })?;
    let update =
        ConfigUpdate::decode(merged.config_update.as_slice()).map_err(fault_at("file", ""))?;
    if update.channel_id != channel.name {
        let message = format!(
            "the change is of channel {}, not {}",
            update.channel_id, channel.name
        );
        return Err(refuse("file", "", message));
    }
    Ok((update, merged))
}

fn outdated(channel: &Channel, why: &str) -> Diagnostics {
    let message = format!(
        "the change does not fit channel {} as it is: {why}",
        channel.name
    );
    let hint = "signatures are for the configuration of their time: make the change anew, and sign it again";
    refuse_with("channel", "", message, hint)
}

/// Looks at what a change does to the channel as it is.
fn see(channel: &Channel, block: &ConfigBlock, update: &ConfigUpdate) -> Result<Seen, Diagnostics> {
    let seen = review(&block.config, update)
        .map_err(|fault: UpdateError| outdated(channel, &fault.to_string()))?;
    let result = seen.result.channel_group.unwrap_or_default();
    let mut guards: Vec<String> = seen
        .changes
        .iter()
        .map(|change| {
            change.policy.as_ref().map_or_else(
                || format!("nobody ({})", change.element),
                ToString::to_string,
            )
        })
        .collect();
    guards.sort();
    guards.dedup();
    Ok(Seen {
        lines: words::differences(&block.group, &result),
        guards,
        result,
    })
}

/// Whether what a change writes stands in the channel: it was submitted before.
fn stands(block: &ConfigBlock, update: &ConfigUpdate) -> bool {
    fn within(there: &ConfigGroup, written: &ConfigGroup) -> bool {
        let values = written.values.iter().all(|(name, value)| {
            there.values.get(name).is_some_and(|it| {
                it.version == value.version
                    && (value.mod_policy.is_empty() || it.value == value.value)
            })
        });
        let policies = written.policies.iter().all(|(name, policy)| {
            there.policies.get(name).is_some_and(|it| {
                it.version == policy.version
                    && (policy.mod_policy.is_empty() || it.policy == policy.policy)
            })
        });
        let groups = written
            .groups
            .iter()
            .all(|(name, group)| there.groups.get(name).is_some_and(|it| within(it, group)));
        there.version == written.version && values && policies && groups
    }
    update
        .write_set
        .as_ref()
        .is_some_and(|written| within(&block.group, written))
}

#[cfg(test)]
mod tests {
    use fabric_channel::edit;
    use fabric_channel::update::{compute_update, sign_update, unsigned};
    use fabric_proto::Signer;

    use super::super::update::tests::channel as group;
    use super::*;

    struct Hand(&'static str);

    impl Signer for Hand {
        fn creator(&self) -> Vec<u8> {
            let identity = fabric_proto::msp::SerializedIdentity {
                mspid: self.0.to_owned(),
                id_bytes: Vec::new(),
            };
            identity.encode_to_vec()
        }
        fn sign(&self, message: &[u8]) -> Vec<u8> {
            message.to_vec()
        }
    }

    fn channel() -> Channel {
        Channel {
            id: "channel/mychannel".to_owned(),
            name: "mychannel".to_owned(),
            about: fabric_service::extra::Channel::default(),
            first: Vec::new(),
        }
    }

    fn update() -> ConfigUpdate {
        let before = group();
        let mut after = before.clone();
        edit::set_batch_timeout(&mut after, "1s").unwrap();
        compute_update("mychannel", &before, &after).unwrap()
    }

    fn signed(by: &'static str) -> Blob {
        let mut envelope = unsigned(&update());
        sign_update(&mut envelope, &Hand(by), &[1; 24]);
        file("mychannel", &format!("{by}.pb"), &envelope)
    }

    #[test]
    fn signatures_of_several_files_come_together() {
        let files = [signed("Org1MSP"), signed("Org2MSP"), signed("Org1MSP")];
        let (read_update, envelope) = read(&channel(), &files).unwrap();
        assert_eq!((read_update, envelope.signatures.len()), (update(), 2));
    }

    #[test]
    fn files_that_do_not_fit_are_refused_by_name() {
        let mut other = signed("Org1MSP");
        other.bytes.truncate(9);
        for (files, word) in [
            (vec![], "--file"),
            (vec![other], "Org1MSP.pb"),
            (
                vec![Blob {
                    name: "x".to_owned(),
                    bytes: file("other", "x", &unsigned(&update())).bytes,
                }],
                "channel other",
            ),
        ] {
            let fault = format!("{:?}", read(&channel(), &files).unwrap_err());
            assert!(fault.contains(word), "{word} in {fault}");
        }
    }

    #[test]
    fn a_change_that_stands_is_known_again() {
        let bytes = include_bytes!("../../../fixtures/25-etcdraft-app-genesis.block");
        let mut block = fabric_channel::block::decode_config_block(bytes).unwrap();
        let update = update();
        block.group = group();
        block.config.channel_group = Some(group());
        assert!(!stands(&block, &update));
        let seen = see(&channel(), &block, &update).unwrap();
        assert_eq!(seen.lines.len(), 1);
        assert_eq!(seen.guards, ["/Channel/Orderer/Admins"]);
        block.group = seen.result.clone();
        block.config.channel_group = Some(seen.result);
        assert!(stands(&block, &update));
        let fault = see(&channel(), &block, &update).err().unwrap();
        assert!(fault[0].hint.as_deref().unwrap().contains("anew"));
    }
}

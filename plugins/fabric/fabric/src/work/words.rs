//! What changes between two configurations of a channel, in words.

use std::collections::BTreeSet;

use fabric_channel::json::value_json;
use fabric_channel::policy::{self, to_text};
use fabric_channel::tree::CHANNEL;
use fabric_proto::configuration::{ConfigGroup, ConfigPolicy, ConfigValue};
use serde_json::Value;

/// Longest text inside of a value that is shown: certificates are longer, and say nothing to people.
const LONGEST: usize = 64;

/// One line for each difference; versions do not count.
pub fn differences(before: &ConfigGroup, after: &ConfigGroup) -> Vec<String> {
    let mut lines = Vec::new();
    compare(&format!("/{CHANNEL}"), before, after, &mut lines);
    lines
}

fn compare(path: &str, before: &ConfigGroup, after: &ConfigGroup, lines: &mut Vec<String>) {
    for name in names(before.values.keys(), after.values.keys()) {
        let place = format!("{path}/{name}");
        let show = |value: &ConfigValue| shown(name, value);
        match (before.values.get(name), after.values.get(name)) {
            (None, Some(new)) => lines.push(format!("sets {place} to {}", show(new))),
            (Some(_), None) => lines.push(format!("takes {place} away")),
            (Some(old), Some(new)) => {
                if old.value != new.value {
                    let (old, new) = (show(old), show(new));
                    lines.push(if old == new {
                        format!("changes certificates or other long parts of {place}: {new}")
                    } else {
                        format!("changes {place} from {old} to {new}")
                    });
                }
                guards(&place, &old.mod_policy, &new.mod_policy, lines);
            }
            (None, None) => {}
        }
    }
    for name in names(before.policies.keys(), after.policies.keys()) {
        let place = format!("policy {path}/{name}");
        match (before.policies.get(name), after.policies.get(name)) {
            (None, Some(new)) => lines.push(format!("sets {place} to {}", rule(new))),
            (Some(_), None) => lines.push(format!("takes {place} away")),
            (Some(old), Some(new)) => {
                if old.policy != new.policy {
                    let (old, new) = (rule(old), rule(new));
                    lines.push(format!("changes {place} from {old} to {new}"));
                }
                guards(&place, &old.mod_policy, &new.mod_policy, lines);
            }
            (None, None) => {}
        }
    }
    for name in names(before.groups.keys(), after.groups.keys()) {
        let place = format!("{path}/{name}");
        match (before.groups.get(name), after.groups.get(name)) {
            (None, Some(new)) => lines.push(format!("adds {}", group(&place, name, new))),
            (Some(old), None) => lines.push(format!("removes {}", group(&place, name, old))),
            (Some(old), Some(new)) => compare(&place, old, new, lines),
            (None, None) => {}
        }
    }
    guards(path, &before.mod_policy, &after.mod_policy, lines);
}

fn names<'a>(
    before: impl Iterator<Item = &'a String>,
    after: impl Iterator<Item = &'a String>,
) -> BTreeSet<&'a String> {
    before.chain(after).collect()
}

fn guards(place: &str, before: &str, after: &str, lines: &mut Vec<String>) {
    if before != after {
        lines.push(format!(
            "lets {after} instead of {before} say who may change {place}"
        ));
    }
}

fn group(place: &str, name: &str, of: &ConfigGroup) -> String {
    let msps: Vec<String> = policy::members(of).into_iter().collect();
    if of.values.contains_key("MSP") {
        format!("organisation {name} (MSP {}) at {place}", msps.join(", "))
    } else {
        place.to_owned()
    }
}

fn rule(policy: &ConfigPolicy) -> String {
    let policy = policy.policy.clone().unwrap_or_default();
    to_text(&policy).unwrap_or_else(|_| "a rule without a text".to_owned())
}

fn shown(name: &str, value: &ConfigValue) -> String {
    match value_json(name, &value.value) {
        Ok(json) => brief(json).to_string(),
        Err(_) => format!("{} bytes", value.value.len()),
    }
}

fn brief(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST => Value::String("...".to_owned()),
        Value::Array(all) => all.into_iter().map(brief).collect(),
        Value::Object(all) => all
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, brief(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::update::tests::{channel, org3};
    use super::*;
    use fabric_channel::edit;
    use fabric_channel::model::{BatchSize, Release};

    #[test]
    fn changes_are_told_in_words_without_certificates() {
        let before = channel();
        let mut after = before.clone();
        edit::set_batch_timeout(&mut after, "1s").unwrap();
        let size = BatchSize {
            max_message_count: 9,
            ..BatchSize::default()
        };
        edit::set_batch_size(&mut after, size).unwrap();
        edit::add_application_organization(&mut after, Release::V2_5, &org3()).unwrap();
        edit::remove_application_organization(&mut after, "Org2MSP").unwrap();
        edit::set_anchor_peers(&mut after, "Org1MSP", &[]).unwrap();
        let application = after.groups.get_mut("Application").unwrap();
        "Org1MSP".clone_into(&mut application.mod_policy);
        let policy = application.policies.get_mut("Endorsement").unwrap();
        policy.policy = Some(policy::parse("ANY Endorsement").unwrap());
        let lines = differences(&before, &after);
        for wanted in [
            "changes /Channel/Orderer/BatchTimeout from {\"timeout\":\"2s\"} to {\"timeout\":\"1s\"}",
            "adds organisation Org3MSP (MSP Org3MSP) at /Channel/Application/Org3MSP",
            "removes organisation Org2MSP (MSP Org2MSP) at /Channel/Application/Org2MSP",
            "takes /Channel/Application/Org1MSP/AnchorPeers away",
            "changes policy /Channel/Application/Endorsement from MAJORITY Endorsement to ANY Endorsement",
            "lets Org1MSP instead of Admins say who may change /Channel/Application",
        ] {
            assert!(
                lines.iter().any(|it| it == wanted),
                "{wanted:?} in {lines:#?}"
            );
        }
        assert!(
            lines
                .iter()
                .any(|it| it.contains("BatchSize") && it.contains("\"max_message_count\":9")),
            "{lines:#?}"
        );
        assert_eq!(lines.len(), 7, "{lines:#?}");
        assert!(differences(&before, &before).is_empty());
    }
}

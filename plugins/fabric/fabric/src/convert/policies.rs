//! Policies and access rules, held against those that channels have here.

use std::collections::BTreeMap;

use chain_plugin_sdk::Diagnostics;
use fabric_channel::model::{Msp, NodeOus, Organization, OrganizationRole, Policies, Release};
use fabric_channel::policy;

use super::notes::Notes;
use super::place::Place;

/// The policies under a key that are not the usual ones: name, rule, place.
pub fn unusual<'a>(
    at: &Place<'a>,
    usual: &Policies,
    notes: &mut Notes,
) -> Result<Vec<(&'a str, &'a str, Place<'a>)>, Diagnostics> {
    let Some(all) = notes.map(at, "Policies")? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (name, place) in all.entries() {
        notes.mark(&place);
        if place.node.is_null() {
            continue;
        }
        notes.is_map(&place)?;
        let kind = notes.text(&place, "Type")?.map_or("", |(text, _)| text);
        let Some((rule, rule_at)) = notes.text(&place, "Rule")? else {
            return Err(notes.refuse(&place, "the policy has no Rule", ""));
        };
        let implicit = match kind.to_ascii_lowercase().as_str() {
            "signature" => false,
            "implicitmeta" => true,
            _ => {
                let message = "Type is Signature or ImplicitMeta";
                return Err(notes.refuse(&place, message, ""));
            }
        };
        let read = policy::parse(rule).map_err(|why| {
            let message = why.to_string();
            notes.refuse(&rule_at, &message, "")
        })?;
        let word = rule.split_whitespace().next().unwrap_or_default();
        if implicit != matches!(word, "ANY" | "ALL" | "MAJORITY") {
            let message = "Type and Rule do not fit each other";
            return Err(notes.refuse(&place, message, ""));
        }
        let same = |usual: &String| policy::parse(usual).is_ok_and(|usual| usual == read);
        if !usual.get(name).is_some_and(same) {
            found.push((name, rule, place));
        }
    }
    Ok(found)
}

/// Tells which policies under a key are not those that there are here.
pub fn compare(at: &Place<'_>, usual: &Policies, notes: &mut Notes) -> Result<(), Diagnostics> {
    for (name, _, place) in unusual(at, usual, notes)? {
        let reason = match usual.get(name) {
            Some(rule) => format!("it has no effect: it is `{rule}` here"),
            None => "it has no effect: there is no such policy here".to_owned(),
        };
        notes.ignore(&place, &reason, "");
    }
    Ok(())
}

/// The policies that an organisation has here.
pub fn of_org(msp_id: &str, node_ous: bool, ordering: bool, release: Release) -> Policies {
    let org = Organization {
        name: msp_id.to_owned(),
        msp_id: msp_id.to_owned(),
        role: OrganizationRole::Both,
        msp: Msp {
            node_ous: node_ous.then(|| NodeOus::usual(None)),
            ..Msp::default()
        },
        endpoints: Vec::new(),
        anchor_peers: Vec::new(),
        policies: BTreeMap::new(),
    };
    if ordering {
        fabric_channel::model::orderer_organization_policies(&org)
    } else {
        fabric_channel::model::application_organization_policies(release, &org)
    }
}

/// Calls that writers may make when nothing is said; all others are for readers.
const WRITERS: [&str; 7] = [
    "_lifecycle/CheckCommitReadiness",
    "_lifecycle/CommitChaincodeDefinition",
    "_lifecycle/QueryChaincodeDefinition",
    "_lifecycle/QueryChaincodeDefinitions",
    "peer/Propose",
    "peer/ChaincodeToChaincode",
    "cscc/SimulateConfigTreeUpdate",
];
/// How calls begin that are for readers when nothing is said.
const READERS: [&str; 4] = ["lscc/", "qscc/", "cscc/", "event/"];

/// Tells which access rules are not the usual ones.
pub fn access(application: &Place<'_>, notes: &mut Notes) -> Result<(), Diagnostics> {
    let Some(all) = notes.map(application, "ACLs")? else {
        return Ok(());
    };
    for (call, place) in all.entries() {
        notes.mark(&place);
        let usual = if WRITERS.contains(&call) {
            "/Channel/Application/Writers"
        } else if READERS.iter().any(|begin| call.starts_with(begin)) {
            "/Channel/Application/Readers"
        } else {
            ""
        };
        if place.node.text().is_some_and(|text| text != usual) {
            let reason = "it has no effect: channels have the usual access rules here";
            notes.ignore(&place, reason, "");
        }
    }
    Ok(())
}

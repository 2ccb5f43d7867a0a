//! What belongs to no single organisation: channels, chaincodes, brokers.

use std::collections::BTreeSet;

use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_channel::policy;
use fabric_service::fault::{refuse, refuse_with};
use fabric_service::{CHAIN, Release, extra, kind, port, role};

use super::births::{Births, with};
use super::orgs::{Org, ordering_elsewhere};
use crate::input::{self, key};
use crate::{data, names};

/// The channels, each with its members.
pub fn channels(births: &mut Births<'_>, orgs: &[Org]) -> Result<Vec<Subject>, Diagnostics> {
    let numbered = |index: u32| input::Channel {
        name: format!("channel{}", index.saturating_add(1)),
        ..input::Channel::default()
    };
    let entries = input::list(births.spec, key::CHANNELS, numbered)?.unwrap_or_default();
    let namespace = births.spec.namespace.clone();
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let path = format!("/{}/{index}", key::CHANNELS);
        if let Some(why) = names::not_a_channel(&entry.name) {
            let message = format!("channel {:?}: {why}", entry.name);
            return Err(refuse("channel", &format!("{path}/name"), message));
        }
        if !seen.insert(entry.name.clone()) {
            let message = format!("two channels are named {}", entry.name);
            return Err(refuse("channel", &format!("{path}/name"), message));
        }
        let mut ordering: Vec<String> = orgs
            .iter()
            .filter(|org| !org.orderers.is_empty())
            .map(Org::id)
            .collect();
        if ordering.is_empty() {
            ordering = ordering_elsewhere(births.spec);
        }
        let about = extra::Channel {
            orgs: members(orgs, &entry, &path)?,
            ordering,
            policies: entry.policies.clone(),
        };
        if about.ordering.is_empty() {
            let message = format!("channel {}: no organisation orders", entry.name);
            let hint = "give one of them `ordering: true` and at least one orderer";
            return Err(refuse_with("channel", &path, message, hint));
        }
        let subject = births.subject(kind::CHANNEL, &entry.name, Some(CHAIN), &namespace);
        all.push(with(subject, &about));
    }
    Ok(all)
}

fn members(orgs: &[Org], entry: &input::Channel, path: &str) -> Result<Vec<String>, Diagnostics> {
    let with_peers = || orgs.iter().filter(|org| !org.peers.is_empty());
    let mut members = Vec::new();
    for (index, name) in entry.orgs.iter().enumerate() {
        let Some(org) = with_peers().find(|org| org.entry.name == *name) else {
            let known: Vec<&str> = with_peers().map(|org| org.entry.name.as_str()).collect();
            let message = format!("channel {}: no organisation {name} with peers", entry.name);
            let hint = format!("there is: {}", known.join(", "));
            return Err(refuse_with(
                "channel",
                &format!("{path}/orgs/{index}"),
                message,
                hint,
            ));
        };
        members.push(org.id());
    }
    if entry.orgs.is_empty() {
        members.extend(with_peers().map(Org::id));
    }
    if members.is_empty() {
        let message = format!("channel {}: no organisation has peers", entry.name);
        return Err(refuse("channel", path, message));
    }
    Ok(members)
}

/// The chaincodes, and their pods for each member of their channel where they have some.
pub fn chaincodes(
    births: &mut Births<'_>,
    orgs: &[Org],
    channels: &[Subject],
) -> Result<Vec<Subject>, Diagnostics> {
    let numbered = |index: u32| input::Chaincode {
        name: format!("chaincode{}", index.saturating_add(1)),
        ..input::Chaincode::default()
    };
    let entries = input::list(births.spec, key::CHAINCODES, numbered)?.unwrap_or_default();
    let serves = births
        .spec
        .services
        .iter()
        .filter(|it| it.role == role::CHAINCODE)
        .flat_map(|it| &it.ports)
        .find(|it| it.name == port::CHAINCODE)
        .map(|it| it.number);
    let namespace = births.spec.namespace.clone();
    let release = Release::of(&births.spec.release);
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let path = format!("/{}/{index}", key::CHAINCODES);
        let about = about(&entry, channels, &path)?;
        data::check(&about, release, &path)?;
        if !seen.insert(entry.name.clone()) {
            let message = format!("two chaincodes are named {}", entry.name);
            return Err(refuse("chaincode", &format!("{path}/name"), message));
        }
        if about.image.is_empty() && serves.is_some() {
            let message = format!("chaincode {} has no image", entry.name);
            let hint = format!(
                "`--chaincode {}=IMAGE`, an image that listens as a chaincode server",
                entry.name
            );
            return Err(refuse_with("chaincode", &path, message, hint));
        }
        let members: Vec<String> = channels
            .iter()
            .find(|it| it.id == about.channel)
            .map(|it| extra::of::<extra::Channel>(it).map(|it| it.orgs))
            .transpose()?
            .unwrap_or_default();
        let subject = births.subject(
            kind::CHAINCODE,
            &entry.name,
            Some(&about.channel),
            &namespace,
        );
        let id = subject.id.clone();
        all.push(with(subject, &about));
        let Some(number) = serves else { continue };
        for org in orgs.iter().filter(|org| members.contains(&org.id())) {
            all.push(server(births, org, &id, &about, number)?);
        }
    }
    Ok(all)
}

fn about(
    entry: &input::Chaincode,
    channels: &[Subject],
    path: &str,
) -> Result<extra::Chaincode, Diagnostics> {
    if let Some(why) = names::not_a_chaincode(&entry.name) {
        let message = format!("chaincode {:?}: {why}", entry.name);
        return Err(refuse("chaincode", &format!("{path}/name"), message));
    }
    let version = entry.version.clone().unwrap_or_else(|| "1.0".to_owned());
    if let Some(why) = names::not_a_version(&version) {
        let message = format!("chaincode {}: version {version:?}: {why}", entry.name);
        return Err(refuse("chaincode", &format!("{path}/version"), message));
    }
    if let Some(why) = entry.policy.as_deref().and_then(not_a_policy) {
        let message = format!("chaincode {}: {why}", entry.name);
        let hint = "such as `OR('Org1MSP.peer','Org2MSP.peer')` over MSP ids, or a policy of the channel, `/Channel/Application/Endorsement`";
        return Err(refuse_with(
            "policy",
            &format!("{path}/policy"),
            message,
            hint,
        ));
    }
    let known = || {
        let names: Vec<&str> = channels.iter().map(|it| it.name.as_str()).collect();
        names.join(", ")
    };
    let channel = match (&entry.channel, channels) {
        (Some(name), _) => channels.iter().find(|it| it.name == *name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some(channel) = channel else {
        let (message, hint) = match &entry.channel {
            Some(name) => (
                format!("chaincode {}: there is no channel {name}", entry.name),
                format!("channels: {}", known()),
            ),
            None if channels.is_empty() => (
                format!("chaincode {} needs a channel", entry.name),
                "`--channel mychannel` makes one".to_owned(),
            ),
            None => (
                format!("chaincode {}: in which channel?", entry.name),
                format!("say `channel:`, one of {}", known()),
            ),
        };
        return Err(refuse_with(
            "chaincode",
            &format!("{path}/channel"),
            message,
            hint,
        ));
    };
    Ok(extra::Chaincode {
        name: entry.name.clone(),
        channel: channel.id.clone(),
        version,
        image: entry.image.clone().unwrap_or_default(),
        policy: entry.policy.clone().unwrap_or_default(),
        init_required: entry.init_required,
        init_args: entry.init_args.clone(),
        collections: entry.collections.clone(),
        indexes: entry.indexes.clone(),
    })
}

/// Why a text is no endorsement policy, or one that nobody ever satisfies. Whether its organisations are members is asked
/// of the channel.
fn not_a_policy(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if text.starts_with('/') {
        return (!data::is_policy_path(text)).then(|| {
            format!(
                "{text:?} is no path of a policy: it begins with /Channel/ and ends with a name"
            )
        });
    }
    match policy::parse_signature(text) {
        Err(fault) => Some(fault.to_string()),
        Ok(rule) => {
            let all = policy::policy_members(&rule);
            let met = policy::satisfiable_signature(&rule, &all);
            (!met).then(|| format!("policy `{text}` asks for more than all that it names can sign"))
        }
    }
}

fn server(
    births: &mut Births<'_>,
    org: &Org,
    chaincode: &str,
    about: &extra::Chaincode,
    number: u16,
) -> Result<Subject, Diagnostics> {
    let chain = births.spec.chain.clone();
    let label = about.name.to_ascii_lowercase().replace('_', "-");
    let service = org.service(&chain, &label);
    let workload = org.workload(&chain, &label);
    super::check::workload(&workload)?;
    if let Some(why) = names::not_a_label(&service) {
        let message = format!(
            "chaincode {}: its Service would be {service:?}: {why}",
            about.name
        );
        let hint = "another name, one that begins with a letter; or `--namespaces one`, where the chain's name stands before it";
        return Err(refuse_with(
            "chaincode",
            &format!("/{}", key::CHAINCODES),
            message,
            hint,
        ));
    }
    let subject = births.subject(
        kind::SERVER,
        &format!("{label}.{}", org.entry.name),
        Some(&org.id()),
        &org.namespace,
    );
    let about = extra::Server {
        chaincode: chaincode.to_owned(),
        image: about.image.clone(),
        label: format!("{}_{}", about.name, about.version),
        // By the name alone each peer finds the server of its own namespace, so one package is everybody's.
        address: format!("{service}:{number}"),
        indexes: about.packaged_indexes(),
    };
    Ok(with(births.pod(subject, &workload, &service, None), &about))
}

/// How many brokers there are when the user says nothing, and members of their ensemble.
const BROKERS: [(&str, &str, u32); 2] = [
    (kind::ZOOKEEPER, key::ZOOKEEPERS, 3),
    (kind::KAFKA, key::KAFKAS, 4),
];

/// The brokers of orderers that need some.
pub fn brokers(births: &mut Births<'_>) -> Result<Vec<Subject>, Diagnostics> {
    let filled = births.spec.services.iter().any(|it| it.role == role::KAFKA);
    let (chain, namespace) = (births.spec.chain.clone(), births.spec.namespace.clone());
    let mut all = Vec::new();
    for (of_kind, key, usual) in BROKERS {
        let count = input::count(births.spec, key)?;
        if !filled {
            if count.is_some() {
                let message = format!("{key}: no plugin fills the role `kafka`");
                let hint = "`--kafka kafka_zookeeper`";
                return Err(refuse_with(key, &format!("/{key}"), message, hint));
            }
            continue;
        }
        for n in 0..count.unwrap_or(usual) {
            let name = format!("{of_kind}{n}");
            let service = format!("{chain}-{name}");
            super::check::workload(&service)?;
            let subject = births.subject(of_kind, &name, Some(CHAIN), &namespace);
            all.push(births.pod(subject, &service, &service, None));
        }
    }
    Ok(all)
}

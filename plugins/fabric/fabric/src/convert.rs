//! Files of Fabric's own tools: `crypto-config.yaml` of cryptogen and `configtx.yaml` of configtxgen, alone or together,
//! read as a chain.
//!
//! The first says which nodes and users organisations have, the second how channels are made of organisations. No key or
//! certificate is read: identities are made anew. Every key without effect is told, with its file, its line and the
//! reason; what cannot be had is refused, or told with what takes its place.

mod capabilities;
mod configtx;
mod crypto;
mod label;
mod network;
mod notes;
mod ordering;
mod org;
mod place;
mod policies;
mod template;

use chain_plugin_sdk::descriptor::Format;
use chain_plugin_sdk::{Blob, Convert, Diagnostics};
use fabric_service::fault::{refuse, refuse_with};
use fabric_service::{Release, STACK, role};
use plugin_yaml::Node;
use serde_json::{Map, Value, json};

use self::configtx::Configtx;
use self::notes::Notes;
use self::place::Place;

/// The format of cryptogen.
pub const CRYPTO_CONFIG: &str = "crypto-config";
/// The format of configtxgen.
pub const CONFIGTX: &str = "configtx";

/// Most files of one chain.
const MOST_FILES: usize = 100;

/// What the descriptor says of them.
pub fn formats() -> Vec<Format> {
    let format = |name: &str, files: &[&str], keys: &[&str]| Format {
        name: name.to_owned(),
        detect: files.iter().map(|it| (*it).to_owned()).collect(),
        keys: keys.iter().map(|it| (*it).to_owned()).collect(),
        read: true,
        write: false,
    };
    vec![
        format(
            CRYPTO_CONFIG,
            &["crypto-config.yaml", "crypto-config.yml", "cryptogen.yaml"],
            &["OrdererOrgs", "PeerOrgs"],
        ),
        format(
            CONFIGTX,
            &["configtx.yaml", "configtx.yml"],
            &["Organizations Profiles"],
        ),
    ]
}

/// The converter.
#[derive(Debug)]
pub struct Converter;

impl Convert for Converter {
    fn read(format: &str, files: Vec<Blob>) -> Result<(String, Diagnostics), Diagnostics> {
        if ![CRYPTO_CONFIG, CONFIGTX].contains(&format) {
            let message = format!("the format {format} is not known");
            let hint = format!("known: {CRYPTO_CONFIG}, {CONFIGTX}");
            return Err(refuse_with("format", "", message, hint));
        }
        if files.is_empty() {
            return Err(refuse(format, "", "there is no file"));
        }
        if files.len() > MOST_FILES {
            let message = format!("there are more than {MOST_FILES} files");
            return Err(refuse(format, "", message));
        }
        let mut trees = Vec::with_capacity(files.len());
        for file in &files {
            let text = str::from_utf8(&file.bytes)
                .map_err(|_| refuse(format, "", format!("{} is no text", file.name)))?;
            let tree = Node::parse(text)
                .map_err(|why| refuse(format, "", format!("{} {why}", file.name)))?;
            trees.push(tree);
        }
        let names = files.into_iter().map(|file| file.name).collect();
        let (tree, notes) = chain(&trees, Notes::new(names))?;
        Ok((tree.to_string(), notes))
    }
}

/// A chain out of all files; each is known by its keys.
fn chain(trees: &[Node], mut notes: Notes) -> Result<(Value, Diagnostics), Diagnostics> {
    let roots: Vec<Place<'_>> = trees
        .iter()
        .enumerate()
        .map(|(file, node)| Place::root(file, node))
        .collect();
    let mut crypto = Vec::new();
    let mut channels: Option<&Place<'_>> = None;
    for root in &roots {
        let has = |key: &str| root.get(key).is_some();
        if has("OrdererOrgs") || has("PeerOrgs") {
            crypto.extend(self::crypto::read(root, &mut notes)?);
        } else if has("Profiles") || has("Organizations") {
            if channels.replace(root).is_some() {
                let message = "it is a second configtx.yaml: a chain has one";
                return Err(notes.refuse(root, message, ""));
            }
        } else {
            let message = "it is neither crypto-config.yaml (OrdererOrgs, PeerOrgs) nor configtx.yaml (Organizations, Profiles)";
            return Err(notes.refuse(root, message, ""));
        }
    }
    let tx = match channels {
        Some(root) => configtx::read(root, &crypto, &mut notes)?,
        None => Configtx::default(),
    };
    let orgs = network::orgs(&crypto, &tx, &mut notes);
    if orgs.entries.is_empty() {
        let message = "no organisation is left: what could a chain be of?";
        let root = roots.first().ok_or_else(Diagnostics::new)?;
        return Err(notes.refuse(
            root,
            message,
            "the files must list organisations, and profiles name them",
        ));
    }
    let channels = of_profiles(&tx, &orgs, &mut notes);
    if channels.is_empty() {
        notes.tell("there is no channel: `channels` in the file or `--channel NAME` makes one");
    }
    notes.tell(
        "keys and certificates are made anew: those that cryptogen made are read by nobody here",
    );
    for root in &roots {
        notes.rest(root);
    }
    let spec = spec(&tx, orgs.entries, channels);
    Ok((json!({"metadata": {}, "spec": spec}), notes.done()))
}

/// The channels, of members that have peers.
fn of_profiles(tx: &Configtx<'_>, orgs: &network::Orgs, notes: &mut Notes) -> Vec<Value> {
    let mut all = Vec::new();
    for channel in &tx.channels {
        let mut members = Vec::new();
        for id in &channel.orgs {
            if let Some(name) = orgs.with_peers.get(*id) {
                members.push(name.as_str());
            } else {
                let reason = format!("{id} has no peers, so it is not in the channel");
                notes.warn(&channel.place, &reason, "");
            }
        }
        if members.is_empty() {
            let reason = "it is left out: it has no organisation with peers";
            notes.warn(&channel.place, reason, "");
            continue;
        }
        let mut entry = json!({"name": channel.name, "orgs": members});
        if let (false, Some(map)) = (channel.policies.is_empty(), entry.as_object_mut()) {
            map.insert("policies".to_owned(), json!(channel.policies));
        }
        all.push(entry);
    }
    all
}

fn spec(tx: &Configtx<'_>, orgs: Vec<Value>, channels: Vec<Value>) -> Value {
    let mut spec = Map::new();
    let mut put = |key: &str, value: Value| {
        spec.insert(key.to_owned(), value);
    };
    put("stack", json!(STACK));
    if let Some(release) = tx.release {
        put("release", json!(release.name()));
    }
    let mut options = configtx::options(tx);
    if tx.release != Some(Release::V1_4) {
        options.remove("consortium");
    }
    if !options.is_empty() {
        put("options", Value::Object(options));
    }
    put("orgs", Value::Array(orgs));
    if !channels.is_empty() {
        put("channels", Value::Array(channels));
    }
    if let Some(ordering) = &tx.ordering {
        let mut services = Map::new();
        services.insert(role::ORDERER.to_owned(), ordering.service.clone());
        if let Some(brokers) = ordering.brokers {
            let plugin = json!({"plugin": "kafka_zookeeper"});
            services.insert(role::KAFKA.to_owned(), plugin);
            put("kafkas", json!(brokers));
        }
        put("services", Value::Object(services));
    }
    Value::Object(spec)
}

#[cfg(test)]
#[path = "tests/convert.rs"]
mod tests;

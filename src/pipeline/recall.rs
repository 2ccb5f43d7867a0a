//! What is known of a chain goes into the world of a run: facts, public items and configured results of its revision,
//! what operations remembered, and what vaults hold that an interrupted run left.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use serde_json::Value;

use super::resolve::split_key;
use super::run::Known;
use super::world::{FactConflict, Item, World, place};
use crate::state::{Head, Public};

/// What operations remembered, as a world takes it: (subject, service key) -> JSON.
pub fn remembered(head: Option<&Head>) -> HashMap<(String, String), Value> {
    let mut state = HashMap::new();
    for (id, remembered) in head.iter().flat_map(|head| &head.subjects) {
        for (key, value) in &remembered.state {
            state.insert((id.clone(), key.clone()), value.clone());
        }
    }
    state
}

/// Gives the facts about a subject to the world, by `role` or `role/instance`.
///
/// # Errors
/// They contradict what the world knows.
pub fn recall_facts(
    world: &World,
    subject: &str,
    services: &BTreeMap<String, Value>,
) -> Result<(), FactConflict> {
    for (key, facts) in services {
        let (role, instance) = split_key(key);
        if let Value::Object(facts) = facts {
            world.give(subject, role, instance, facts)?;
        }
    }
    Ok(())
}

/// Puts what is known into the world: public items and configured results of the revision, items of found vaults.
pub fn recall(world: &World, known: &Known) {
    recall_public(world, &known.public);
    for vault in &known.vaults {
        for ((role, instance, name), item) in &vault.items {
            let (secret, bytes) = (item.secret, (!item.secret).then(|| item.bytes.clone()));
            world.keep(
                place(&vault.subject, role, instance, name),
                Item { bytes, secret },
            );
        }
    }
}

/// Puts public items, configured files and the names of secrets into the world.
pub fn recall_public(world: &World, public: &Public) {
    for (subject, services) in &public.items {
        for (key, items) in services {
            let (role, instance) = split_key(key);
            for (name, text) in items {
                let (secret, bytes) = (false, BASE64.decode(text).ok());
                world.keep(place(subject, role, instance, name), Item { bytes, secret });
            }
        }
    }
    for (subject, services) in &public.sealed {
        for (key, items) in services {
            let (role, instance) = split_key(key);
            for name in items.keys() {
                let (secret, bytes) = (true, None);
                world.keep(place(subject, role, instance, name), Item { bytes, secret });
            }
        }
    }
    for (subject, services) in &public.configured {
        for (key, result) in services {
            let (role, instance) = split_key(key);
            for (name, text) in &result.files {
                let bytes = BASE64.decode(text).unwrap_or_default();
                world.configure(place(subject, role, instance, name), bytes);
            }
        }
    }
}

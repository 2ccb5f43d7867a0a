//! From the user's spec to subjects: organisations with their nodes and users, channels, chaincodes and their pods.
//!
//! Append-stable: an id is made of names, and what is born keeps ordinal and birth. A lower count takes the last ones away.

mod births;
mod check;
mod orgs;
mod shared;

use std::collections::BTreeMap;

use chain_plugin_sdk::spec::ExpandSpec;
use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_service::CHAIN;

use self::births::Births;
use crate::options::Options;

/// All subjects of the chain.
pub fn expand(
    spec: &ExpandSpec,
    born: &[Subject],
    next: &BTreeMap<String, u32>,
    now_ms: u64,
) -> Result<Vec<Subject>, Diagnostics> {
    let options = Options::of(&spec.options)?;
    let mut births = Births::new(spec, born, next, now_ms);
    let mut subjects = vec![births.subject(CHAIN, &spec.chain, None, &spec.namespace)];
    let orgs = orgs::read(spec, &options)?;
    for org in &orgs {
        subjects.extend(orgs::subjects(&mut births, org)?);
    }
    let channels = shared::channels(&mut births, &orgs)?;
    let chaincodes = shared::chaincodes(&mut births, &orgs, &channels)?;
    subjects.extend(channels);
    subjects.extend(chaincodes);
    subjects.extend(shared::brokers(&mut births)?);
    check::names(&subjects)?;
    Ok(subjects)
}

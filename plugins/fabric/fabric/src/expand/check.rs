//! What must not meet: Services of one namespace, and names that Kubernetes refuses.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_service::fault::{refuse, refuse_with};

use crate::names;

/// Whether a workload may be named so.
pub fn workload(name: &str) -> Result<(), Diagnostics> {
    if name.len() > names::WORKLOAD {
        let message = format!(
            "{name} has {} characters, a StatefulSet may have {}",
            name.len(),
            names::WORKLOAD
        );
        return Err(refuse_with(
            "name",
            "/chain",
            message,
            "shorter names of the chain, the organisation or the node",
        ));
    }
    match names::not_a_label(name) {
        Some(why) => Err(refuse("name", "/chain", format!("{name}: {why}"))),
        None => Ok(()),
    }
}

/// Whether two subjects would have one Service.
pub fn names(subjects: &[Subject]) -> Result<(), Diagnostics> {
    let mut taken: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for subject in subjects {
        let Some(endpoint) = subject.endpoints.first() else {
            continue;
        };
        let place = (subject.namespace.as_str(), endpoint.service.as_str());
        if let Some(other) = taken.insert(place, &subject.name) {
            let message = format!(
                "{other} and {} would both be the Service {} of namespace {}",
                subject.name, endpoint.service, subject.namespace
            );
            return Err(refuse("name", "", message));
        }
    }
    Ok(())
}

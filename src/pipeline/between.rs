//! A chain in several clusters: the addresses by which its nodes reach each other from one into the other.
//!
//! What the user's file or the stack does not say is what the clusters assigned to Services, and that is known only when
//! those are there. So the Services of a new node come first, rendered with a stand-in for each address; then the
//! addresses are observed, remembered in the head, and everything is rendered with them.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::descriptor::Port;

use super::resolve::ResolvedService;
use crate::plugin::contract::Subject;
use crate::state::Head;

/// An address of nobody (RFC 5737), where one is not known yet. What is rendered with it is never applied, but for
/// Services, in which no address of another stands.
pub const STAND_IN: &str = "192.0.2.1:1";

/// Addresses by subject and port.
pub type Observed = BTreeMap<String, BTreeMap<String, String>>;

/// Whether pods of one's own live in more than one cluster.
pub fn is_spread(subjects: &[Subject]) -> bool {
    let own = subjects.iter().filter(|it| is_own(it));
    let clusters: BTreeSet<&str> = own.map(|it| it.cluster.as_str()).collect();
    clusters.len() > 1
}

fn is_own(subject: &Subject) -> bool {
    !subject.foreign && subject.workload.is_some()
}

/// Whether nodes elsewhere cannot be peers without a port. A monitor of ours measures where it is.
pub fn is_for_peers(port: &Port) -> bool {
    port.reach == "peers" && port.purpose != "metrics"
}

/// Gives endpoints that nobody said how to reach from outside the addresses that were observed.
pub fn recall(subjects: &mut [Subject], head: &Head) {
    for subject in subjects.iter_mut().filter(|it| !it.foreign) {
        let Some(remembered) = head.subjects.get(&subject.id) else {
            continue;
        };
        for endpoint in &mut subject.endpoints {
            if endpoint.outside.is_none() {
                endpoint.outside = remembered.observed.get(&endpoint.port).cloned();
            }
        }
    }
}

/// Puts stand-ins where an address is needed and not known.
pub fn stand_in<'a>(subjects: &mut [Subject], services: impl Iterator<Item = &'a ResolvedService>) {
    if !is_spread(subjects) {
        return;
    }
    let peers: BTreeSet<&str> = services
        .flat_map(|service| &service.plugin.descriptor.ports)
        .filter(|port| is_for_peers(port))
        .map(|port| port.name.as_str())
        .collect();
    for subject in subjects.iter_mut().filter(|it| is_own(it)) {
        for endpoint in &mut subject.endpoints {
            if endpoint.outside.is_none() && peers.contains(endpoint.port.as_str()) {
                endpoint.outside = Some(STAND_IN.to_owned());
            }
        }
    }
}

/// The endpoints, by subject and port, whose addresses come from a cluster: those that were observed before, and those
/// that have a stand-in.
pub fn assigned<'a>(
    subjects: &'a [Subject],
    head: &'a Head,
) -> impl Iterator<Item = (&'a Subject, &'a crate::plugin::contract::Endpoint)> {
    let own = subjects.iter().filter(|it| is_own(it));
    own.flat_map(move |subject| {
        let before = head.subjects.get(&subject.id).map(|it| &it.observed);
        let endpoints = subject.endpoints.iter().filter(move |endpoint| {
            let outside = endpoint.outside.as_deref();
            outside == Some(STAND_IN)
                || before.is_some_and(|all| {
                    let known = all.get(&endpoint.port).map(String::as_str);
                    known.is_some() && known == outside
                })
        });
        endpoints.map(move |endpoint| (subject, endpoint))
    })
}

/// Puts what was observed into the head. True if anything is another than it was.
pub fn remember(head: &mut Head, observed: &Observed) -> bool {
    let mut changed = false;
    for (id, remembered) in &mut head.subjects {
        if let Some(found) = observed.get(id)
            && *found != remembered.observed
        {
            remembered.observed.clone_from(found);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::contract::Endpoint;
    use crate::state::Remembered;

    fn node(name: &str, cluster: &str, outside: Option<&str>) -> Subject {
        Subject {
            id: format!("node/{name}"),
            kind: "node".to_owned(),
            name: name.to_owned(),
            parent: None,
            ordinal: 0,
            born_ms: 0,
            foreign: false,
            cluster: cluster.to_owned(),
            namespace: "n".to_owned(),
            workload: Some(format!("statefulset/{name}")),
            endpoints: vec![Endpoint {
                port: "p2p".to_owned(),
                service: name.to_owned(),
                number: 1,
                outside: outside.map(ToOwned::to_owned),
            }],
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    fn head(observed: &str) -> Head {
        let remembered = Remembered {
            observed: BTreeMap::from([("p2p".to_owned(), observed.to_owned())]),
            ..Remembered::default()
        };
        let mut head: Head = serde_json::from_value(serde_json::json!({
            "schema": 1, "minimumHost": "0.1.0", "uid": "u", "chain": "c", "stack": "s", "release": "r",
            "phase": "formed", "subjects": {}, "next": {}, "bornMs": 1, "revision": 1
        }))
        .unwrap();
        head.subjects.insert("node/b".to_owned(), remembered);
        head
    }

    #[test]
    fn a_chain_is_spread_by_its_own_pods_alone() {
        let mut two = [node("a", "", None), node("b", "", None)];
        assert!(!is_spread(&two));
        two[1].cluster = "west".to_owned();
        assert!(is_spread(&two));
        two[1].workload = None;
        assert!(!is_spread(&two));
    }

    #[test]
    fn what_was_said_is_not_what_was_observed() {
        let mut two = [node("a", "", Some("a.example:5")), node("b", "west", None)];
        let known = head("b.example:7");
        recall(&mut two, &known);
        assert_eq!(two[1].endpoints[0].outside.as_deref(), Some("b.example:7"));
        let found: Vec<&str> = assigned(&two, &known)
            .map(|(it, _)| it.id.as_str())
            .collect();
        assert_eq!(found, ["node/b"], "the user said the other one");
        two[1].endpoints[0].outside = Some(STAND_IN.to_owned());
        assert_eq!(assigned(&two, &known).count(), 1);
    }

    #[test]
    fn an_address_that_moved_is_remembered_anew() {
        let mut known = head("b.example:7");
        let found = |address: &str| {
            let ports = BTreeMap::from([("p2p".to_owned(), address.to_owned())]);
            Observed::from([("node/b".to_owned(), ports)])
        };
        assert!(!remember(&mut known, &found("b.example:7")));
        assert!(remember(&mut known, &found("b.example:8")));
        assert_eq!(known.subjects["node/b"].observed["p2p"], "b.example:8");
    }
}

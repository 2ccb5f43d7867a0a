//! Which entry of the spec is which node.
//!
//! Append-stable: what is born keeps name, ordinal and birth. An entry with a name is the node of that name; those without
//! one are the oldest nodes that nobody named; what is left over is new. Nodes without an entry are removed.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::spec::{ExpandSpec, NodeSpec};
use chain_plugin_sdk::{Diagnostics, Subject, error};

use crate::{NODE, names};

/// A node that is there, or will be.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// Index of its entry in the spec.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its ordinal, which is never another's.
    pub ordinal: u32,
    /// Its birth, in milliseconds since 1970.
    pub born_ms: u64,
    /// Its entry.
    pub entry: &'a NodeSpec,
}

impl Place<'_> {
    /// JSON pointer to what gave the node its name: its entry, or else the chain.
    pub fn named_at(&self) -> String {
        if self.entry.name.is_some() {
            format!("/nodes/{}/name", self.index)
        } else {
            "/chain".to_owned()
        }
    }
}

/// One's own nodes among those that are born, in the order of ordinals.
pub fn there(born: &[Subject]) -> Vec<&Subject> {
    let mut there: Vec<&Subject> = born
        .iter()
        .filter(|subject| subject.kind == NODE && !subject.foreign)
        .collect();
    there.sort_by_key(|subject| subject.ordinal);
    there
}

/// Which entry of the spec is which node, in the order of ordinals. `next` has the first ordinal that was never given.
///
/// # Errors
/// There is no node, or two have one name.
pub fn places<'a>(
    spec: &'a ExpandSpec,
    born: &[Subject],
    next: &BTreeMap<String, u32>,
    now_ms: u64,
) -> Result<Vec<Place<'a>>, Diagnostics> {
    let refuse = |path: &str, message: String| Err(vec![error("nodes", path, message)]);
    if spec.nodes.is_empty() {
        return refuse("/nodes", "a chain needs at least one node".to_owned());
    }
    let mut named = BTreeSet::new();
    for (index, entry) in spec.nodes.iter().enumerate() {
        if let Some(name) = entry.name.as_deref().filter(|name| !named.insert(*name)) {
            let path = format!("/nodes/{index}/name");
            return refuse(&path, format!("two nodes are named {name}"));
        }
    }
    let there = there(born);
    let by_name: BTreeMap<&str, &Subject> = there
        .iter()
        .map(|subject| (subject.name.as_str(), *subject))
        .collect();
    let mut rest = there.iter().filter(|it| !named.contains(it.name.as_str()));
    let after = there.last().map_or(0, |it| it.ordinal.saturating_add(1));
    let mut fresh = next.get(NODE).copied().unwrap_or(0).max(after);
    let mut places = Vec::with_capacity(spec.nodes.len());
    for (index, entry) in spec.nodes.iter().enumerate() {
        let old = match entry.name.as_deref() {
            Some(name) => by_name.get(name),
            None => rest.next(),
        };
        let (name, ordinal, born_ms) = if let Some(old) = old {
            (old.name.clone(), old.ordinal, old.born_ms)
        } else {
            let ordinal = fresh;
            fresh = fresh.saturating_add(1);
            let name = entry.name.clone();
            (
                name.unwrap_or_else(|| names::node(ordinal)),
                ordinal,
                now_ms,
            )
        };
        places.push(Place {
            index,
            name,
            ordinal,
            born_ms,
            entry,
        });
    }
    places.sort_by_key(|place| place.ordinal);
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(names: &[&str]) -> ExpandSpec {
        let entry = |name: &&str| NodeSpec {
            name: (!name.is_empty()).then(|| (*name).to_owned()),
            ..NodeSpec::default()
        };
        ExpandSpec {
            nodes: names.iter().map(entry).collect(),
            ..ExpandSpec::default()
        }
    }

    fn born(name: &str, ordinal: u32) -> Subject {
        Subject {
            id: format!("node/{name}"),
            kind: NODE.to_owned(),
            name: name.to_owned(),
            parent: None,
            ordinal,
            born_ms: 1,
            foreign: false,
            cluster: String::new(),
            namespace: String::new(),
            workload: None,
            endpoints: Vec::new(),
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    fn of<'a>(spec: &'a ExpandSpec, born: &[Subject], next: u32) -> Vec<(String, u32, u64)> {
        let next = BTreeMap::from([(NODE.to_owned(), next)]);
        let places: Vec<Place<'a>> = places(spec, born, &next, 9).unwrap();
        let told = |place: Place<'_>| (place.name, place.ordinal, place.born_ms);
        places.into_iter().map(told).collect()
    }

    fn is(name: &str, ordinal: u32, born_ms: u64) -> (String, u32, u64) {
        (name.to_owned(), ordinal, born_ms)
    }

    #[test]
    fn entries_without_a_name_are_the_oldest_that_nobody_named() {
        let there = [born("b", 1), born("a", 0), born("c", 2)];
        assert_eq!(
            of(&spec(&["", "a", ""]), &there, 3),
            [is("a", 0, 1), is("b", 1, 1), is("c", 2, 1)]
        );
    }

    #[test]
    fn an_ordinal_is_never_given_twice() {
        assert_eq!(
            of(&spec(&["a", "", "d"]), &[born("a", 0)], 3),
            [is("a", 0, 1), is("node3", 3, 9), is("d", 4, 9)]
        );
    }

    #[test]
    fn nodes_of_others_are_no_places() {
        let mut other = born("beta-a", 7);
        other.foreign = true;
        assert_eq!(of(&spec(&[""]), &[other], 0), [is("node0", 0, 9)]);
    }

    #[test]
    fn a_name_stands_for_one_node() {
        let refused = |spec: &ExpandSpec| {
            let fault = places(spec, &[], &BTreeMap::new(), 0).unwrap_err();
            (fault[0].path.clone(), fault[0].message.clone())
        };
        assert_eq!(
            refused(&spec(&["a", "", "a"])),
            (
                "/nodes/2/name".to_owned(),
                "two nodes are named a".to_owned()
            )
        );
        assert_eq!(refused(&spec(&[])).0, "/nodes");
    }
}

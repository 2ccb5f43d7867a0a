//! The signpost: what stands in each place of a chain but its home, and says whose place it is and where the home is.
//!
//! It claims the place for one chain and leads people there. It is no second source of truth: who is of the chain, its
//! revision and its lock are in the head alone. Nothing in it is secret.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::head::{Head, Site};
use super::revision::ObjectId;

/// Where the head of a chain is, as it is told in another place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// The namespace of the head.
    pub namespace: String,
    /// UID of that namespace, by which its cluster is known; "" where it may not be read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// None in the cluster of the home itself. In another: the context by which whoever wrote it reached the home, ""
    /// without one. Contexts have other names on other workstations, so it is a hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

impl Home {
    /// The flags that lead there, for the user to type.
    pub fn flags(&self) -> String {
        let namespace = &self.namespace;
        match self.context.as_deref() {
            None | Some("") => format!("-n {namespace}"),
            Some(context) => format!("--context {context} -n {namespace}"),
        }
    }

    /// What to do for a command that is to go there.
    pub fn hint(&self) -> String {
        let flags = self.flags();
        match self.context.as_deref() {
            None => format!("add to the command: {flags}"),
            Some("") => format!("add to the command: {flags}, and a --context of that cluster"),
            Some(_) => {
                format!(
                    "add to the command: {flags}; your context of that cluster may have another name"
                )
            }
        }
    }
}

impl std::fmt::Display for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "namespace {:?}", self.namespace)?;
        match self.context.as_deref() {
            None => Ok(()),
            Some("") => write!(f, " of another cluster"),
            Some(context) => write!(f, " of another cluster (context {context:?})"),
        }
    }
}

/// The record of a chain in a place that is not its home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signpost {
    /// As in the head.
    pub schema: u32,
    /// The oldest host version that may write it.
    pub minimum_host: String,
    /// The chain's UID.
    pub uid: String,
    /// The chain's name.
    pub chain: String,
    /// The stack's name.
    pub stack: String,
    /// Where the head is.
    pub home: Home,
    /// The kinds that objects of the chain may have here, as `ApplySet` writes them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub group_kinds: BTreeSet<String>,
}

impl Signpost {
    /// That of a chain, for a place with objects of these kinds.
    pub fn of(head: &Head, home: Home, group_kinds: BTreeSet<String>) -> Self {
        Self {
            schema: head.schema,
            minimum_host: head.minimum_host.clone(),
            uid: head.uid.clone(),
            chain: head.chain.clone(),
            stack: head.stack.clone(),
            home,
            group_kinds,
        }
    }

    /// This one for a place where `there` stands. Who may not read the UID of the home's namespace leaves the one that is
    /// known, and a context that leads home on one workstation is not replaced by that of another: else two people who
    /// apply in turn would find something to change each time.
    #[must_use]
    pub fn over(mut self, there: &Self) -> Self {
        let (home, known) = (&mut self.home, &there.home);
        if home.uid.is_empty() {
            home.uid.clone_from(&known.uid);
        }
        let named = known.context.as_ref().is_some_and(|it| !it.is_empty());
        if home.context.is_some() && named && home.uid == known.uid {
            home.context.clone_from(&known.context);
        }
        self.minimum_host.clone_from(&there.minimum_host);
        self
    }
}

/// Where a chain has subjects or objects, each with the kinds of its objects there. The home may be among them. Where all
/// are retired the signpost stays as it is, and is not missed: their namespace may be gone.
pub fn places<'a>(
    head: &'a Head,
    objects: impl IntoIterator<Item = &'a ObjectId>,
) -> BTreeMap<Site<'a>, BTreeSet<String>> {
    let mut all: BTreeMap<Site<'a>, BTreeSet<String>> = BTreeMap::new();
    for subject in head.subjects.values().filter(|it| !it.retired) {
        all.entry(subject.site()).or_default();
    }
    for object in objects {
        let site = Site {
            cluster: &object.cluster,
            namespace: &object.namespace,
        };
        all.entry(site).or_default().insert(object.group_kind());
    }
    // What has no namespace is in no place.
    all.retain(|site, _| !site.namespace.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        serde_json::from_value(serde_json::json!({
            "schema": 1, "minimumHost": "0.1.0", "uid": "u", "chain": "c", "stack": "s", "release": "r",
            "phase": "formed", "next": {}, "bornMs": 1, "revision": 1, "subjects": {
                "a": {"kind": "node", "ordinal": 0, "bornMs": 1, "namespace": "home"},
                "b": {"kind": "node", "ordinal": 1, "bornMs": 1, "namespace": "one"},
                "d": {"kind": "node", "ordinal": 3, "bornMs": 1, "namespace": "three", "retired": true},
                "c": {"kind": "node", "ordinal": 2, "bornMs": 1, "namespace": "one", "cluster": "west"},
            },
        }))
        .unwrap()
    }

    fn object(group: &str, kind: &str, namespace: &str) -> ObjectId {
        ObjectId {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: "x".to_owned(),
            cluster: String::new(),
        }
    }

    #[test]
    fn places_are_those_of_objects_and_of_subjects_that_are_wanted() {
        let head = head();
        let objects = [
            object("apps", "StatefulSet", "one"),
            object("", "Service", "one"),
            object("", "Service", "two"),
            object("", "PersistentVolume", ""),
        ];
        let all = places(&head, &objects);
        let shown: Vec<String> = all
            .iter()
            .map(|(site, kinds)| {
                let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
                format!("{site}: {}", kinds.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "namespace \"home\": ",
                "namespace \"one\": Service StatefulSet.apps",
                "namespace \"two\": Service",
                "namespace \"one\" of cluster \"west\": ",
            ]
        );
    }

    #[test]
    fn what_only_one_workstation_knows_is_not_changed_by_another() {
        let of = |uid: &str, context: Option<&str>| {
            let home = Home {
                namespace: "home".to_owned(),
                uid: uid.to_owned(),
                context: context.map(ToOwned::to_owned),
            };
            Signpost::of(&head(), home, BTreeSet::new())
        };
        let there = of("n-1", Some("alice"));
        assert_eq!(of("n-1", Some("bob")).over(&there), there);
        assert_eq!(of("", Some("")).over(&there), there);
        // Another cluster is another matter.
        assert_eq!(of("n-2", Some("bob")).over(&there), of("n-2", Some("bob")));
        assert_eq!(of("n-1", None).over(&there), of("n-1", None));
        assert_eq!(
            of("n-1", Some("a")).over(&of("n-1", Some(""))),
            of("n-1", Some("a"))
        );
    }
}

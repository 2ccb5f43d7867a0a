//! Who is stopped on purpose: from what the spec says to subjects.

use std::collections::BTreeSet;

use serde_json::Value;

use super::resolve::Resolved;
use crate::plugin::contract::Subject;
use crate::plugin::nearest;
use crate::spec::Stopped;
use crate::state::{Head, Phase, Revision};

/// A name that means no subject, or several.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StopError {
    /// Nobody is called so.
    #[error("the chain has no `{name}`\nhint: {hint}")]
    Unknown {
        /// The name.
        name: String,
        /// One that is like it, or all.
        hint: String,
    },
    /// Subjects of several kinds are called so.
    #[error("`{name}` is {}\nhint: name one of them so", ids.join(" and "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The ids of all.
        ids: Vec<String>,
    },
}

/// The id of the subject that a name or an id means.
///
/// # Errors
/// See [`StopError`].
pub fn find<'a>(name: &str, subjects: &'a [Subject]) -> Result<&'a str, StopError> {
    let own = || subjects.iter().filter(|it| !it.foreign);
    if let Some(one) = own().find(|it| it.id == name) {
        return Ok(&one.id);
    }
    let mut named = own().filter(|it| it.name == name);
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(&one.id),
        (Some(one), Some(other)) => Err(StopError::Ambiguous {
            name: name.to_owned(),
            ids: [one, other]
                .into_iter()
                .chain(named)
                .map(|it| it.id.clone())
                .collect(),
        }),
        (None, _) => {
            let known = || {
                own()
                    .filter(|it| it.workload.is_some())
                    .map(|it| it.name.as_str())
            };
            Err(StopError::Unknown {
                name: name.to_owned(),
                hint: nearest(name, known()).map_or_else(
                    || format!("there is {}", known().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                ),
            })
        }
    }
}

/// Who is stopped: what the spec says, else whoever was, as far as it is still there. A chain that is revived runs.
pub fn wish(
    resolved: &Resolved,
    before: Option<&Head>,
    last: Option<&Revision>,
    subjects: &[Subject],
) -> Stopped {
    if let Some(said) = &resolved.spec.stopped {
        return said.clone();
    }
    let lives = before.is_some_and(|head| head.phase != Phase::Tombstone);
    let was = last
        .filter(|_| lives)
        .and_then(|last| last.spec.get("stopped"));
    let was = was.and_then(|it| serde_json::from_value(it.clone()).ok());
    match was.unwrap_or_default() {
        Stopped::Some(names) => Stopped::Some(
            names
                .into_iter()
                .filter(|name| find(name, subjects).is_ok())
                .collect(),
        ),
        all @ Stopped::All(_) => all,
    }
}

/// The spec as the revision has it: with who is stopped, whether the user said so now or before.
pub fn remembered(resolved: &Resolved, stopped: Stopped) -> Value {
    let mut spec = resolved.spec.clone();
    let none = stopped == Stopped::All(false) || stopped == Stopped::Some(BTreeSet::new());
    spec.stopped = (!none).then_some(stopped);
    serde_json::to_value(&spec).unwrap_or(Value::Null)
}

/// Ids of all subjects that are stopped: those that are named, and what is below them.
///
/// # Errors
/// See [`StopError`].
pub fn stopped(said: &Stopped, subjects: &[Subject]) -> Result<BTreeSet<String>, StopError> {
    let names = match said {
        Stopped::All(false) => return Ok(BTreeSet::new()),
        Stopped::All(true) => return Ok(subjects.iter().map(|it| it.id.clone()).collect()),
        Stopped::Some(names) => names,
    };
    let mut all = BTreeSet::new();
    for name in names {
        all.insert(find(name, subjects)?.to_owned());
    }
    // Parents may come after their children.
    loop {
        let below: Vec<_> = subjects
            .iter()
            .filter(|it| !all.contains(&it.id))
            .filter(|it| {
                it.parent
                    .as_ref()
                    .is_some_and(|parent| all.contains(parent))
            })
            .map(|it| it.id.clone())
            .collect();
        if below.is_empty() {
            return Ok(all);
        }
        all.extend(below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(id: &str, parent: Option<&str>) -> Subject {
        let (kind, name) = id.split_once('/').unwrap_or((id, id));
        Subject {
            id: id.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            parent: parent.map(ToOwned::to_owned),
            ordinal: 0,
            born_ms: 0,
            foreign: false,
            cluster: String::new(),
            namespace: String::new(),
            workload: Some(name.to_owned()),
            endpoints: Vec::new(),
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    fn all() -> Vec<Subject> {
        vec![
            subject("peer/p0", Some("org/one")),
            subject("org/one", Some("chain")),
            subject("org/two", Some("chain")),
            subject("user/two", Some("org/two")),
            subject("chain", None),
        ]
    }

    fn of(names: &[&str]) -> Result<Vec<String>, StopError> {
        let said = Stopped::Some(names.iter().map(ToString::to_string).collect());
        Ok(stopped(&said, &all())?.into_iter().collect())
    }

    #[test]
    fn whoever_is_named_stops_with_all_below() {
        assert_eq!(of(&["one"]).unwrap(), ["org/one", "peer/p0"]);
        assert_eq!(of(&["p0"]).unwrap(), ["peer/p0"]);
        assert_eq!(of(&["org/two"]).unwrap(), ["org/two", "user/two"]);
        assert_eq!(stopped(&Stopped::All(true), &all()).unwrap().len(), 5);
        assert!(stopped(&Stopped::All(false), &all()).unwrap().is_empty());
    }

    #[test]
    fn a_name_that_means_nobody_or_several_is_refused() {
        let text = |names: &[&str]| of(names).unwrap_err().to_string();
        assert!(text(&["p1"]).contains("did you mean `p0`?"));
        assert!(text(&["two"]).contains("`two` is org/two and user/two"));
    }
}

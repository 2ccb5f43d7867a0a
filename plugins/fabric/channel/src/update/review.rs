//! What a change does to a configuration, who must agree to it, and the result.
//!
//! Follows the orderer's own checks: versions in the read set must be those of the configuration,
//! changed elements must have the next one, and each must satisfy the policy that guards it now.

use std::collections::BTreeMap;

use fabric_proto::configuration::{Config, ConfigGroup, ConfigUpdate};

use super::UpdateError;
use super::diff::Element;
use crate::policy::{MemberSet, Resolved, resolve, satisfiable, smallest_set};
use crate::tree::CHANNEL;

/// An element that a change raises the version of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Path of the element, such as `[Value] /Channel/Orderer/BatchSize`.
    pub element: String,
    /// The policy that guards it now; none if nothing does, and then nobody can change it.
    pub policy: Option<Resolved>,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Elements changed; new elements are the matter of the group that they come into.
    pub changes: Vec<Change>,
    /// The configuration afterwards.
    pub result: Config,
}

struct Reviewer {
    changes: Vec<Change>,
}

fn name_of(kind: &str, path: &[String], name: Option<&str>) -> String {
    let mut text = format!("[{kind}] /{CHANNEL}");
    for part in path.iter().map(String::as_str).chain(name) {
        text.push('/');
        text.push_str(part);
    }
    text
}

/// Checks that what is read is there, with that version.
fn check_read(
    current: Option<u64>,
    read: u64,
    element: impl Fn() -> String,
) -> Result<(), UpdateError> {
    match current {
        None => Err(UpdateError::Absent { element: element() }),
        Some(version) if version != read => Err(UpdateError::Version {
            element: element(),
            set: "read",
            found: read,
            expected: version.to_string(),
        }),
        Some(_) => Ok(()),
    }
}

impl Reviewer {
    /// Decides whether an element that exists is written anew (true) or only named (false).
    fn written(
        &mut self,
        element: String,
        current: u64,
        read: Option<u64>,
        (write, mod_policy): (u64, &str),
        policy: Option<Resolved>,
    ) -> Result<bool, UpdateError> {
        if write == current {
            return match read {
                Some(_) => Ok(false),
                None => Err(UpdateError::Unread { element }),
            };
        }
        if Some(write) != current.checked_add(1) {
            return Err(UpdateError::Version {
                element,
                set: "write",
                found: write,
                expected: format!("{current}, or one more to change it"),
            });
        }
        guarded(&element, mod_policy)?;
        self.changes.push(Change { element, policy });
        Ok(true)
    }

    /// The values or policies of a group afterwards; `members` says whether the write set lists all
    /// of them.
    fn elements<T: Element>(
        &mut self,
        kind: &str,
        path: &[String],
        members: bool,
        current: &BTreeMap<String, T>,
        read: Option<&BTreeMap<String, T>>,
        write: &BTreeMap<String, T>,
    ) -> Result<BTreeMap<String, T>, UpdateError> {
        for (name, read) in read.into_iter().flatten() {
            let version = current.get(name).map(Element::version);
            check_read(version, read.version(), || name_of(kind, path, Some(name)))?;
        }
        let mut result = if members {
            BTreeMap::new()
        } else {
            current.clone()
        };
        for (name, new) in write {
            let element = name_of(kind, path, Some(name));
            let one = match current.get(name) {
                None => {
                    added(&element, members, new.version(), new.mod_policy())?;
                    new.clone()
                }
                Some(old) => {
                    let read = read.and_then(|read| read.get(name)).map(Element::version);
                    let policy = resolve(path, old.mod_policy());
                    if self.written(
                        element,
                        old.version(),
                        read,
                        (new.version(), new.mod_policy()),
                        policy,
                    )? {
                        new.clone()
                    } else {
                        old.clone()
                    }
                }
            };
            result.insert(name.clone(), one);
        }
        Ok(result)
    }

    fn group(
        &mut self,
        path: &mut Vec<String>,
        current: &ConfigGroup,
        read: Option<&ConfigGroup>,
        write: &ConfigGroup,
    ) -> Result<ConfigGroup, UpdateError> {
        let policy = resolve(path, &current.mod_policy);
        let members = self.written(
            name_of("Group", path, None),
            current.version,
            read.map(|read| read.version),
            (write.version, &write.mod_policy),
            policy,
        )?;
        let values = self.elements(
            "Value",
            path,
            members,
            &current.values,
            read.map(|read| &read.values),
            &write.values,
        )?;
        let policies = self.elements(
            "Policy",
            path,
            members,
            &current.policies,
            read.map(|read| &read.policies),
            &write.policies,
        )?;
        let mut groups = if members {
            BTreeMap::new()
        } else {
            current.groups.clone()
        };
        for (name, read) in read.into_iter().flat_map(|read| &read.groups) {
            let version = current.groups.get(name).map(|group| group.version);
            check_read(version, read.version, || name_of("Group", path, Some(name)))?;
            // What is read but not written still has to be there.
            if !write.groups.contains_key(name) {
                path.push(name.clone());
                if let Some(below) = current.groups.get(name) {
                    check_all_read(path, below, read)?;
                }
                path.pop();
            }
        }
        for (name, new) in &write.groups {
            let element = name_of("Group", path, Some(name));
            let one = match current.groups.get(name) {
                None => {
                    added(&element, members, new.version, &new.mod_policy)?;
                    check_new(&element, new)?;
                    new.clone()
                }
                Some(old) => {
                    path.push(name.clone());
                    let read = read.and_then(|read| read.groups.get(name));
                    let one = self.group(path, old, read, new)?;
                    path.pop();
                    one
                }
            };
            groups.insert(name.clone(), one);
        }
        Ok(ConfigGroup {
            version: write.version,
            groups,
            values,
            policies,
            mod_policy: if members {
                write.mod_policy.clone()
            } else {
                current.mod_policy.clone()
            },
        })
    }
}

/// Checks a part of the read set that the write set does not mention.
fn check_all_read(
    path: &mut Vec<String>,
    current: &ConfigGroup,
    read: &ConfigGroup,
) -> Result<(), UpdateError> {
    for (name, one) in &read.values {
        let version = current.values.get(name).map(Element::version);
        check_read(version, one.version, || name_of("Value", path, Some(name)))?;
    }
    for (name, one) in &read.policies {
        let version = current.policies.get(name).map(Element::version);
        check_read(version, one.version, || name_of("Policy", path, Some(name)))?;
    }
    for (name, one) in &read.groups {
        let below = current.groups.get(name);
        let version = below.map(|group| group.version);
        check_read(version, one.version, || name_of("Group", path, Some(name)))?;
        if let Some(below) = below {
            path.push(name.clone());
            check_all_read(path, below, one)?;
            path.pop();
        }
    }
    Ok(())
}

/// Checks that what is written says who may change it next.
fn guarded(element: &str, mod_policy: &str) -> Result<(), UpdateError> {
    if mod_policy.is_empty() {
        return Err(UpdateError::Unguarded {
            element: element.to_owned(),
        });
    }
    Ok(())
}

/// Checks that a new element may come in, with version 0 and a guard.
fn added(element: &str, members: bool, version: u64, mod_policy: &str) -> Result<(), UpdateError> {
    if !members {
        return Err(UpdateError::Unlisted {
            element: element.to_owned(),
        });
    }
    if version != 0 {
        return Err(UpdateError::Version {
            element: element.to_owned(),
            set: "write",
            found: version,
            expected: "0 for a new element".to_owned(),
        });
    }
    guarded(element, mod_policy)
}

/// Checks that everything below a new group has version 0 too.
fn check_new(element: &str, group: &ConfigGroup) -> Result<(), UpdateError> {
    let values = group.values.iter();
    let policies = group.policies.iter();
    let leaves = values
        .map(|(name, one)| (name, one.version, &one.mod_policy))
        .chain(policies.map(|(name, one)| (name, one.version, &one.mod_policy)))
        .chain(
            group
                .groups
                .iter()
                .map(|(name, one)| (name, one.version, &one.mod_policy)),
        );
    for (name, version, mod_policy) in leaves {
        added(&format!("{element}/{name}"), true, version, mod_policy)?;
    }
    for (name, below) in &group.groups {
        check_new(&format!("{element}/{name}"), below)?;
    }
    Ok(())
}

/// Checks a change against a configuration and applies it. Signatures are not looked at.
pub fn review(config: &Config, update: &ConfigUpdate) -> Result<Review, UpdateError> {
    let no_set = |set| UpdateError::NoSet {
        channel: update.channel_id.clone(),
        set,
    };
    let read = update.read_set.as_ref().ok_or_else(|| no_set("read"))?;
    let write = update.write_set.as_ref().ok_or_else(|| no_set("write"))?;
    let current = config.channel_group.clone().unwrap_or_default();
    check_read(Some(current.version), read.version, || {
        name_of("Group", &[], None)
    })?;
    let mut reviewer = Reviewer {
        changes: Vec::new(),
    };
    let group = reviewer.group(&mut Vec::new(), &current, Some(read), write)?;
    if reviewer.changes.is_empty() {
        return Err(UpdateError::NoDifference {
            channel: update.channel_id.clone(),
        });
    }
    Ok(Review {
        changes: reviewer.changes,
        result: Config {
            sequence: config.sequence.saturating_add(1),
            channel_group: Some(group),
        },
    })
}

/// A policy that the signatures of a change do not satisfy yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The change.
    pub change: Change,
    /// The fewest further organisations (MSP IDs) that would do; none if nobody can.
    pub organizations: Option<MemberSet>,
}

/// The policies that administrators of `signed` (MSP IDs) do not satisfy.
///
/// A signature of an organisation is taken as one in any role that is asked for: whether the signer
/// is an administrator only its certificate can tell.
pub fn missing(
    config: &Config,
    update: &ConfigUpdate,
    signed: &MemberSet,
) -> Result<Vec<Missing>, UpdateError> {
    let root = config.channel_group.clone().unwrap_or_default();
    let review = review(config, update)?;
    Ok(review
        .changes
        .into_iter()
        .filter_map(|change| {
            let organizations = match &change.policy {
                Some(policy) if satisfiable(&root, policy, signed) => return None,
                Some(policy) => smallest_set(&root, policy, signed),
                None => None,
            };
            Some(Missing {
                change,
                organizations,
            })
        })
        .collect())
}

/// Organisations that must sign besides those in `signed`, for all policies together; none if the
/// change can never be accepted. Not always the fewest, but none of them is idle.
pub fn missing_all(
    config: &Config,
    update: &ConfigUpdate,
    signed: &MemberSet,
) -> Result<Option<MemberSet>, UpdateError> {
    let mut all = signed.clone();
    loop {
        let open = missing(config, update, &all)?;
        // The policy that asks for most goes first: it often covers the others.
        let Some(next) = open.iter().max_by_key(|one| {
            one.organizations
                .as_ref()
                .map_or(usize::MAX, MemberSet::len)
        }) else {
            return Ok(Some(all.difference(signed).cloned().collect()));
        };
        match &next.organizations {
            Some(more) if !more.is_empty() => all.extend(more.iter().cloned()),
            _ => return Ok(None),
        }
    }
}

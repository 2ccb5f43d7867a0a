//! The change that leads from one configuration to another, as `configtxlator` computes it.
//!
//! A group whose set of members (or modification policy) changes is written whole by name, with
//! unchanged members bare, and its version raised; any other group only holds what changed.

use std::collections::BTreeMap;

use fabric_proto::configuration::{ConfigGroup, ConfigPolicy, ConfigUpdate, ConfigValue};

use super::UpdateError;

/// A value or a policy of a group.
pub(super) trait Element: Clone {
    /// Number of changes so far.
    fn version(&self) -> u64;
    /// The policy that guards it.
    fn mod_policy(&self) -> &str;
    /// Whether content and guard are the same; versions do not count.
    fn same(&self, other: &Self) -> bool;
    /// Only a version, as an unchanged element is named.
    fn bare(version: u64) -> Self;
    /// The same content at another version.
    fn at(&self, version: u64) -> Self;
}

impl Element for ConfigValue {
    fn version(&self) -> u64 {
        self.version
    }
    fn mod_policy(&self) -> &str {
        &self.mod_policy
    }
    fn same(&self, other: &Self) -> bool {
        self.mod_policy == other.mod_policy && self.value == other.value
    }
    fn bare(version: u64) -> Self {
        Self {
            version,
            ..Self::default()
        }
    }
    fn at(&self, version: u64) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }
}

impl Element for ConfigPolicy {
    fn version(&self) -> u64 {
        self.version
    }
    fn mod_policy(&self) -> &str {
        &self.mod_policy
    }
    fn same(&self, other: &Self) -> bool {
        self.mod_policy == other.mod_policy && self.policy == other.policy
    }
    fn bare(version: u64) -> Self {
        Self {
            version,
            ..Self::default()
        }
    }
    fn at(&self, version: u64) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }
}

/// What a map of a group has in the sets.
struct Parts<T> {
    /// In the read set, since something below changed (groups only).
    read: BTreeMap<String, T>,
    /// In the write set, since it changed.
    write: BTreeMap<String, T>,
    /// In both sets, if the group's members change.
    same: BTreeMap<String, T>,
    /// Whether a member came or went.
    members_changed: bool,
}

fn elements<T: Element>(original: &BTreeMap<String, T>, updated: &BTreeMap<String, T>) -> Parts<T> {
    let mut parts = Parts {
        read: BTreeMap::new(),
        write: BTreeMap::new(),
        same: BTreeMap::new(),
        members_changed: original.keys().any(|name| !updated.contains_key(name)),
    };
    for (name, after) in updated {
        match original.get(name) {
            None => {
                parts.members_changed = true;
                parts.write.insert(name.clone(), after.at(0));
            }
            Some(before) if before.same(after) => {
                parts.same.insert(name.clone(), T::bare(before.version()));
            }
            Some(before) => {
                let next = before.version().saturating_add(1);
                parts.write.insert(name.clone(), after.at(next));
            }
        }
    }
    parts
}

/// A group with everything below at version 0, as a new group is written.
fn fresh(group: &ConfigGroup) -> ConfigGroup {
    fn reset<T: Element>(all: &BTreeMap<String, T>) -> BTreeMap<String, T> {
        all.iter()
            .map(|(name, one)| (name.clone(), one.at(0)))
            .collect()
    }
    ConfigGroup {
        version: 0,
        groups: group
            .groups
            .iter()
            .map(|(name, below)| (name.clone(), fresh(below)))
            .collect(),
        values: reset(&group.values),
        policies: reset(&group.policies),
        mod_policy: group.mod_policy.clone(),
    }
}

fn groups(
    original: &BTreeMap<String, ConfigGroup>,
    updated: &BTreeMap<String, ConfigGroup>,
) -> Parts<ConfigGroup> {
    let mut parts = Parts {
        read: BTreeMap::new(),
        write: BTreeMap::new(),
        same: BTreeMap::new(),
        members_changed: original.keys().any(|name| !updated.contains_key(name)),
    };
    for (name, after) in updated {
        let Some(before) = original.get(name) else {
            parts.members_changed = true;
            parts.write.insert(name.clone(), fresh(after));
            continue;
        };
        match group(before, after) {
            None => {
                let bare = ConfigGroup {
                    version: before.version,
                    ..ConfigGroup::default()
                };
                parts.same.insert(name.clone(), bare);
            }
            Some((read, write)) => {
                parts.read.insert(name.clone(), read);
                parts.write.insert(name.clone(), write);
            }
        }
    }
    parts
}

/// Read and write set of a group; none if nothing differs.
fn group(original: &ConfigGroup, updated: &ConfigGroup) -> Option<(ConfigGroup, ConfigGroup)> {
    let mut policies = elements(&original.policies, &updated.policies);
    let mut values = elements(&original.values, &updated.values);
    let mut groups = groups(&original.groups, &updated.groups);
    let whole = policies.members_changed
        || values.members_changed
        || groups.members_changed
        || original.mod_policy != updated.mod_policy;
    if whole {
        include_same(&mut policies);
        include_same(&mut values);
        include_same(&mut groups);
    } else if policies.write.is_empty() && values.write.is_empty() && groups.write.is_empty() {
        return None;
    }
    let version = original.version;
    let read = ConfigGroup {
        version,
        groups: groups.read,
        values: values.read,
        policies: policies.read,
        mod_policy: String::new(),
    };
    let write = ConfigGroup {
        version: if whole {
            version.saturating_add(1)
        } else {
            version
        },
        groups: groups.write,
        values: values.write,
        policies: policies.write,
        mod_policy: if whole {
            updated.mod_policy.clone()
        } else {
            String::new()
        },
    };
    Some((read, write))
}

fn include_same<T: Clone>(parts: &mut Parts<T>) {
    parts.read.extend(parts.same.clone());
    parts.write.extend(std::mem::take(&mut parts.same));
}

/// The change of channel `channel_id` that leads from one tree to another.
///
/// Versions in `updated` do not count: edit a copy of the tree and leave them as they are. Fails if
/// nothing differs, since Fabric refuses such a change.
pub fn compute_update(
    channel_id: &str,
    original: &ConfigGroup,
    updated: &ConfigGroup,
) -> Result<ConfigUpdate, UpdateError> {
    let (read, write) = group(original, updated).ok_or_else(|| UpdateError::NoDifference {
        channel: channel_id.to_owned(),
    })?;
    Ok(ConfigUpdate {
        channel_id: channel_id.to_owned(),
        read_set: Some(read),
        write_set: Some(write),
        isolated_data: BTreeMap::new(),
    })
}

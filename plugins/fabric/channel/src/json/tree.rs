//! The tree of configuration as JSON.

use fabric_proto::configuration::{ConfigGroup, ConfigPolicy, ConfigValue};
use serde_json::{Value, json};

use super::{long, map, policy_json, value_json};
use crate::block::BlockError;

/// A group with all below it.
pub fn group_json(group: &ConfigGroup) -> Result<Value, BlockError> {
    Ok(json!({
        "version": long(group.version),
        "groups": map(&group.groups, |_, group| group_json(group))?,
        "values": map(&group.values, entry_json)?,
        "policies": map(&group.policies, |_, policy| config_policy_json(policy))?,
        "mod_policy": group.mod_policy,
    }))
}

fn entry_json(name: &str, value: &ConfigValue) -> Result<Value, BlockError> {
    Ok(json!({
        "version": long(value.version),
        "value": value_json(name, &value.value)?,
        "mod_policy": value.mod_policy,
    }))
}

fn config_policy_json(policy: &ConfigPolicy) -> Result<Value, BlockError> {
    Ok(json!({
        "version": long(policy.version),
        "policy": match &policy.policy {
            Some(policy) => policy_json(policy)?,
            None => Value::Null,
        },
        "mod_policy": policy.mod_policy,
    }))
}

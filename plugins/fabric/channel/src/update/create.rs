//! Changes that are made from a description alone, the way release 1.4 has it.

use std::collections::BTreeMap;

use fabric_proto::configuration::{
    ConfigGroup, ConfigPolicy, ConfigUpdate, ConfigValue, Consortium,
};

use super::{UpdateError, compute_update};
use crate::model::Channel;
use crate::tree::{
    ADMINS, APPLICATION, anchor_peers, application_organization, channel_group, value,
};

fn incomplete(channel: &Channel, what: impl Into<String>) -> UpdateError {
    UpdateError::Incomplete {
        channel: channel.id.clone(),
        what: what.into(),
    }
}

/// The change that makes an application channel in a network with a system channel: `channel.tx`.
///
/// It names the consortium and the organisations; their certificates come from the system channel.
/// So the description needs no orderers, and of the organisations only names count.
pub fn channel_creation(channel: &Channel) -> Result<ConfigUpdate, UpdateError> {
    let name = channel
        .consortium
        .clone()
        .ok_or_else(|| incomplete(channel, "consortium"))?;
    if channel.application_organizations().next().is_none() {
        return Err(incomplete(channel, "organisation with peers"));
    }
    let profile = channel_group(channel)?;
    // The orderer starts from the organisations alone: rules for the peers come from the change.
    let mut template = profile.clone();
    if let Some(application) = template.groups.get_mut(APPLICATION) {
        application.values.clear();
        application.policies.clear();
    }
    let mut update = compute_update(&channel.id, &template, &profile)?;
    let consortium = "Consortium".to_owned();
    if let Some(read) = &mut update.read_set {
        read.values
            .insert(consortium.clone(), ConfigValue::default());
    }
    if let Some(write) = &mut update.write_set {
        write
            .values
            .insert(consortium, value(&Consortium { name }, ""));
    }
    Ok(update)
}

/// The change that sets anchor peers of an organisation for the first time, made without looking at
/// the channel, as `configtxgen` up to 2.5 does it.
///
/// It relies on versions that only a channel fresh from a `channel.tx` has; anywhere else compute
/// the difference to the channel's configuration instead.
pub fn first_anchor_update(
    channel: &Channel,
    organization: &str,
) -> Result<ConfigUpdate, UpdateError> {
    let found = channel
        .application_organizations()
        .find(|one| one.name == organization)
        .ok_or_else(|| incomplete(channel, format!("organisation `{organization}` with peers")))?;
    if found.anchor_peers.is_empty() {
        let what = format!("anchor peer of organisation `{organization}`");
        return Err(incomplete(channel, what));
    }
    let policies: BTreeMap<String, ConfigPolicy> =
        application_organization(channel.release, found)?
            .policies
            .into_keys()
            .map(|name| (name, ConfigPolicy::default()))
            .collect();
    let values = BTreeMap::from([("MSP".to_owned(), ConfigValue::default())]);
    let read = ConfigGroup {
        values: values.clone(),
        policies: policies.clone(),
        ..ConfigGroup::default()
    };
    let mut write = ConfigGroup {
        version: 1,
        values,
        policies,
        mod_policy: ADMINS.to_owned(),
        ..ConfigGroup::default()
    };
    write
        .values
        .insert("AnchorPeers".to_owned(), anchor_peers(&found.anchor_peers));
    let root = |below: ConfigGroup| ConfigGroup {
        groups: BTreeMap::from([(
            APPLICATION.to_owned(),
            ConfigGroup {
                version: 1,
                groups: BTreeMap::from([(organization.to_owned(), below)]),
                mod_policy: ADMINS.to_owned(),
                ..ConfigGroup::default()
            },
        )]),
        ..ConfigGroup::default()
    };
    Ok(ConfigUpdate {
        channel_id: channel.id.clone(),
        read_set: Some(root(read)),
        write_set: Some(root(write)),
        isolated_data: BTreeMap::new(),
    })
}

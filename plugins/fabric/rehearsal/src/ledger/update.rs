//! Changes of channels: checked as an orderer checks them, and applied.

use std::collections::BTreeMap;

use fabric_channel::model::Consensus;
use fabric_channel::read::channel_model;
use fabric_channel::tree::{ADMINS, APPLICATION, CONSORTIUMS, ORDERER, bft_block_validation};
use fabric_channel::update::review;
use fabric_proto::Message as _;
use fabric_proto::common::SignatureHeader;
use fabric_proto::configuration::{
    Config, ConfigGroup, ConfigPolicy, ConfigUpdate, ConfigUpdateEnvelope, ConfigValue, Consortium,
};
use fabric_proto::policies::Policy;

use super::member::{Known, Membership, know};
use super::message::{Audit, Opened};
use super::policy::holds;

/// The name under which a template guards its group of peers until the change says otherwise.
const CREATION: &str = "ChannelCreationPolicy";

/// The change inside of an opened envelope.
pub fn read(opened: &Opened) -> Result<(ConfigUpdateEnvelope, ConfigUpdate), String> {
    let wish = ConfigUpdateEnvelope::decode(opened.data.as_slice())
        .map_err(|it| format!("config update envelope: {it}"))?;
    let update = ConfigUpdate::decode(wish.config_update.as_slice())
        .map_err(|it| format!("config update: {it}"))?;
    if update.channel_id != opened.channel.channel_id {
        return Err(format!(
            "config update is of channel {:?}, its envelope of {:?}",
            update.channel_id, opened.channel.channel_id
        ));
    }
    Ok((wish, update))
}

/// Those who signed a change, verified.
fn signers(
    wish: &ConfigUpdateEnvelope,
    members: &[Membership],
    now_ms: u64,
    audit: &mut Audit,
) -> Result<Vec<Known>, String> {
    let mut people = Vec::new();
    for signature in &wish.signatures {
        let header = SignatureHeader::decode(signature.signature_header.as_slice())
            .map_err(|it| format!("signature header: {it}"))?;
        if header.nonce.is_empty() {
            return Err("a signature of the change has no nonce".to_owned());
        }
        let who = know(members, &header.creator, now_ms)?;
        let message = [signature.signature_header.as_slice(), &wish.config_update].concat();
        audit.signed(&who, &message, &signature.signature)?;
        people.push(who);
    }
    Ok(people)
}

/// The configuration that a change leads to, if all who must have signed it.
pub fn apply(
    config: &Config,
    members: &[Membership],
    (wish, update): (&ConfigUpdateEnvelope, &ConfigUpdate),
    now_ms: u64,
    audit: &mut Audit,
) -> Result<Config, String> {
    let people = signers(wish, members, now_ms, audit)?;
    let review = review(config, update).map_err(|it| format!("error authorizing update: {it}"))?;
    let root = config.channel_group.clone().unwrap_or_default();
    for change in &review.changes {
        let met = change
            .policy
            .as_ref()
            .is_some_and(|policy| holds(&root, policy, &people));
        if !met {
            let by: Vec<&str> = people.iter().map(|it| it.msp_id.as_str()).collect();
            return Err(format!(
                "error authorizing update: policy for {} not satisfied by [{}]: implicit policy evaluation failed",
                change.element,
                by.join(", ")
            ));
        }
    }
    Ok(review.result)
}

/// What a new channel of a system channel is made of before the change that makes it: the orderers, and the members of
/// its consortium that the change names.
pub fn template(system: &ConfigGroup, update: &ConfigUpdate) -> Result<Config, String> {
    let write = update.write_set.as_ref().ok_or("no write set")?;
    let said = write
        .values
        .get("Consortium")
        .ok_or("config update does not name a consortium")?;
    let name = Consortium::decode(said.value.as_slice())
        .map_err(|it| it.to_string())?
        .name;
    let consortium = system
        .groups
        .get(CONSORTIUMS)
        .and_then(|it| it.groups.get(&name))
        .ok_or_else(|| format!("unknown consortium name: {name}"))?;
    let policy = consortium
        .values
        .get(CREATION)
        .ok_or("the consortium has no creation policy")?;
    let policy = Policy::decode(policy.value.as_slice()).map_err(|it| it.to_string())?;
    let named = write
        .groups
        .get(APPLICATION)
        .ok_or("config update has no group Application")?;
    if named.version != 1 {
        return Err(format!(
            "expected version 1 of group Application, found {}",
            named.version
        ));
    }
    if named.groups.is_empty() {
        return Err("config update names no members".to_owned());
    }
    let mut members = BTreeMap::new();
    for org in named.groups.keys() {
        let group = consortium.groups.get(org).ok_or_else(|| {
            format!("attempted to include member {org} which is not in the consortium")
        })?;
        members.insert(org.clone(), group.clone());
    }
    let application = ConfigGroup {
        groups: members,
        policies: BTreeMap::from([(
            CREATION.to_owned(),
            ConfigPolicy {
                policy: Some(policy),
                ..ConfigPolicy::default()
            },
        )]),
        mod_policy: CREATION.to_owned(),
        ..ConfigGroup::default()
    };
    let mut root = ConfigGroup {
        values: system.values.clone(),
        policies: system.policies.clone(),
        mod_policy: system.mod_policy.clone(),
        ..ConfigGroup::default()
    };
    root.values.insert(
        "Consortium".to_owned(),
        ConfigValue {
            value: Consortium { name }.encode_to_vec(),
            mod_policy: ADMINS.to_owned(),
            ..ConfigValue::default()
        },
    );
    let orderers = system.groups.get(ORDERER).ok_or("no group Orderer")?;
    root.groups.insert(ORDERER.to_owned(), orderers.clone());
    root.groups.insert(APPLICATION.to_owned(), application);
    versions(&mut root);
    Ok(Config {
        sequence: 0,
        channel_group: Some(root),
    })
}

fn versions(group: &mut ConfigGroup) {
    group.version = 0;
    for value in group.values.values_mut() {
        value.version = 0;
    }
    for policy in group.policies.values_mut() {
        policy.version = 0;
    }
    for below in group.groups.values_mut() {
        versions(below);
    }
}

/// Orderers of BFT take no configuration whose blocks would be signed by others than its consenters: the policy must be
/// theirs, byte for byte and in their order.
pub fn validates(name: &str, root: &ConfigGroup) -> Result<(), String> {
    let model = channel_model(name, root).map_err(|it| it.to_string())?;
    let Some(Consensus::Bft { consenters, .. }) = model.orderer.map(|it| it.consensus) else {
        return Ok(());
    };
    let policies = root.groups.get(ORDERER).map(|it| &it.policies);
    let found = policies.and_then(|it| it.get("BlockValidation"));
    if found.and_then(|it| it.policy.as_ref()) == Some(&bft_block_validation(&consenters)) {
        return Ok(());
    }
    Err("block validation policy should be a signature policy of the consenters".to_owned())
}

//! The operation `channel-update`: what may be said, and the edits that follow.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Diagnostics, Report};
use fabric_channel::edit::{self, Level};
use fabric_channel::model::BatchSize;
use fabric_channel::policy;
use fabric_channel::tree::{APPLICATION, CHANNEL, ORDERER, guarded};
use fabric_proto::Message as _;
use fabric_proto::configuration::{self, ConfigGroup};
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{self, told};
use super::crew::Crew;

/// What shall be otherwise; nothing is said of the rest.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Wish {
    batch_timeout: Option<String>,
    max_message_count: Option<u32>,
    absolute_max_bytes: Option<u32>,
    preferred_max_bytes: Option<u32>,
    channel_capabilities: Option<Vec<String>>,
    orderer_capabilities: Option<Vec<String>>,
    application_capabilities: Option<Vec<String>>,
    policies: BTreeMap<String, String>,
    maintenance: Option<bool>,
}

/// The schema of the arguments.
pub fn args() -> Value {
    let capabilities = |of: &str| {
        json!({
            "type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1,
            "description": format!("capabilities of {of}, such as V2_5: all nodes must know them before"),
        })
    };
    let bytes = |what: &str| json!({"type": "integer", "minimum": 1024, "maximum": 102_760_448, "description": what});
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": {
            "batchTimeout": {
                "type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$",
                "description": "how long an orderer waits for more transactions before it cuts a block",
            },
            "maxMessageCount": {
                "type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "transactions of a block, at most",
            },
            "absoluteMaxBytes": bytes("bytes of a block, at most"),
            "preferredMaxBytes": bytes("bytes of a block after which no transaction is added"),
            "channelCapabilities": capabilities("the channel"),
            "ordererCapabilities": capabilities("orderers"),
            "applicationCapabilities": capabilities("peers"),
            "policies": {
                "type": "object", "additionalProperties": {"type": "string"},
                "description": "policies by name or path, as JSON: {\"Endorsement\": \"MAJORITY Endorsement\", \"/Channel/Orderer/Writers\": \"ANY Writers\"}; an empty text takes one away",
            },
            "maintenance": {
                "type": "boolean", "description": "whether orderers take changes of the configuration only",
            },
        },
    })
}

/// Changes what the arguments say.
pub async fn update(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let wish = Wish::read(args)?;
    let changed = change::change(crew, channel, |group| wish.apply(group)).await?;
    Ok(told(channel, changed))
}

impl Wish {
    fn read(args: &Value) -> Result<Self, Diagnostics> {
        if args.as_object().is_none_or(serde_json::Map::is_empty) {
            let hint = "such as `batchTimeout=1s maxMessageCount=100`, or `policies={...}`";
            return Err(refuse_with("args", "", "nothing is to be changed", hint));
        }
        serde_json::from_value(args.clone()).map_err(fault_at("args", ""))
    }

    /// Makes a configuration as it shall be.
    fn apply(&self, group: &mut ConfigGroup) -> Result<(), Diagnostics> {
        let fault = fault_at("args", "");
        if let Some(timeout) = &self.batch_timeout {
            edit::set_batch_timeout(group, timeout).map_err(&fault)?;
        }
        self.batch_size(group)?;
        for (level, names) in [
            (Level::Channel, &self.channel_capabilities),
            (Level::Orderer, &self.orderer_capabilities),
            (Level::Application, &self.application_capabilities),
        ] {
            if let Some(names) = names {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                edit::set_capabilities(group, level, &names).map_err(&fault)?;
            }
        }
        for (name, text) in &self.policies {
            set_policy(group, name, text)?;
        }
        if let Some(on) = self.maintenance {
            edit::set_maintenance(group, on).map_err(&fault)?;
        }
        Ok(())
    }

    fn batch_size(&self, group: &mut ConfigGroup) -> Result<(), Diagnostics> {
        let said = [
            self.max_message_count,
            self.absolute_max_bytes,
            self.preferred_max_bytes,
        ];
        if said.iter().all(Option::is_none) {
            return Ok(());
        }
        let fault = fault_at("args", "");
        let value = group
            .groups
            .get(ORDERER)
            .and_then(|it| it.values.get("BatchSize"))
            .ok_or_else(|| refuse("args", "", "the channel has no BatchSize"))?;
        let size = configuration::BatchSize::decode(value.value.as_slice())
            .map_err(|it| fault_at("args", "")(it))?;
        let size = BatchSize {
            max_message_count: self.max_message_count.unwrap_or(size.max_message_count),
            absolute_max_bytes: self.absolute_max_bytes.unwrap_or(size.absolute_max_bytes),
            preferred_max_bytes: self.preferred_max_bytes.unwrap_or(size.preferred_max_bytes),
        };
        edit::set_batch_size(group, size).map_err(&fault)
    }
}

/// Sets a policy, and keeps its version and who may change it.
fn set_policy(root: &mut ConfigGroup, name: &str, text: &str) -> Result<(), Diagnostics> {
    let mut parts: Vec<&str> = match name.strip_prefix('/') {
        Some(path) => path.split('/').collect(),
        None if name.contains('/') => std::iter::once(CHANNEL).chain(name.split('/')).collect(),
        None => vec![CHANNEL, APPLICATION, name],
    };
    let last = parts.pop().unwrap_or_default();
    let absent = || {
        let hint = "a name (of Application), or a path such as /Channel/Orderer/Writers";
        refuse_with(
            "policies",
            "/policies",
            format!("{name:?} is no policy's place"),
            hint,
        )
    };
    let Some((first, groups)) = parts.split_first() else {
        return Err(absent());
    };
    if *first != CHANNEL || last.is_empty() {
        return Err(absent());
    }
    let mut group = root;
    for part in groups {
        group = group.groups.get_mut(*part).ok_or_else(absent)?;
    }
    if text.is_empty() {
        group.policies.remove(last);
        return Ok(());
    }
    let policy = policy::parse(text).map_err(fault_at("policies", "/policies"))?;
    match group.policies.get_mut(last) {
        Some(there) => there.policy = Some(policy),
        None => {
            group.policies.insert(last.to_owned(), guarded(policy));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use fabric_channel::block::decode_config_block;
    use fabric_channel::model::{AnchorPeer, Organization};
    use fabric_channel::read::channel_model;
    use fabric_channel::tree::channel_group;
    use fabric_channel::update::compute_update;

    use super::*;

    const BLOCK: &[u8] = include_bytes!("../../../fixtures/25-etcdraft-app-genesis.block");

    /// A channel of three orderers of `OrdererMSP`, `Org1MSP` with an anchor, and `Org2MSP`.
    pub fn channel() -> ConfigGroup {
        let block = decode_config_block(BLOCK).unwrap();
        let mut model = channel_model("mychannel", &block.group).unwrap();
        let of = |ordering: bool, name: &str| {
            let mut org = model
                .organizations
                .iter()
                .find(|it| it.role.has_orderer() == ordering)
                .unwrap()
                .clone();
            name.clone_into(&mut org.name);
            name.clone_into(&mut org.msp_id);
            org.policies.clear();
            org.anchor_peers.clear();
            org
        };
        let mut one = of(false, "Org1MSP");
        one.anchor_peers = vec![AnchorPeer {
            host: "peer0.org1".to_owned(),
            port: 7051,
        }];
        model.organizations = vec![of(true, "OrdererMSP"), one, of(false, "Org2MSP")];
        channel_group(&model).unwrap()
    }

    /// One more.
    pub fn org3() -> Organization {
        let model = channel_model("mychannel", &channel()).unwrap();
        let mut org = model
            .organizations
            .into_iter()
            .find(|it| it.name == "Org2MSP")
            .unwrap();
        "Org3MSP".clone_into(&mut org.name);
        "Org3MSP".clone_into(&mut org.msp_id);
        org
    }

    fn changed(args: &Value) -> Vec<String> {
        let before = channel();
        let mut after = before.clone();
        Wish::read(args).unwrap().apply(&mut after).unwrap();
        crate::work::words::differences(&before, &after)
    }

    #[test]
    fn what_is_said_changes_and_nothing_else() {
        let lines = changed(&json!({"maxMessageCount": 7}));
        assert_eq!(lines.len(), 1);
        let model = |args: &Value| {
            let mut group = channel();
            Wish::read(args).unwrap().apply(&mut group).unwrap();
            channel_model("mychannel", &group).unwrap().orderer.unwrap()
        };
        let usual = model(&json!({"maxMessageCount": 7})).batch_size;
        let before = channel_model("mychannel", &channel())
            .unwrap()
            .orderer
            .unwrap()
            .batch_size;
        assert_eq!(usual.max_message_count, 7);
        assert_eq!(usual.absolute_max_bytes, before.absolute_max_bytes);
        assert!(model(&json!({"maintenance": true})).maintenance);
        assert_eq!(
            changed(&json!({"applicationCapabilities": ["V2_0"], "batchTimeout": "3s"})).len(),
            2
        );
        assert!(Wish::read(&json!({})).is_err());
    }

    #[test]
    fn policies_are_named_or_have_a_path_and_keep_their_guard() {
        let before = channel();
        for (name, path) in [
            ("Endorsement", "/Channel/Application/Endorsement"),
            ("Orderer/Writers", "/Channel/Orderer/Writers"),
            (
                "/Channel/Application/Org1MSP/Admins",
                "/Channel/Application/Org1MSP/Admins",
            ),
            ("/Channel/Admins", "/Channel/Admins"),
            ("New", "/Channel/Application/New"),
        ] {
            let lines =
                changed(&json!({"policies": {name: "OR('Org1MSP.admin', 'Org9MSP.peer')"}}));
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains(&format!("policy {path} ")), "{lines:?}");
        }
        let lines = changed(&json!({"policies": {"LifecycleEndorsement": ""}}));
        assert!(lines[0].starts_with("takes policy"), "{lines:?}");
        for bad in ["/Other/Admins", "Nowhere/Admins", "/", "/Channel/"] {
            let wish = Wish::read(&json!({"policies": {bad: "ANY Readers"}})).unwrap();
            assert!(wish.apply(&mut before.clone()).is_err(), "{bad}");
        }
        // It is a change that raises the version of that policy alone.
        let mut after = before.clone();
        Wish::read(&json!({"policies": {"Endorsement": "ANY Endorsement"}}))
            .unwrap()
            .apply(&mut after)
            .unwrap();
        let update = compute_update("mychannel", &before, &after).unwrap();
        let written = &update.write_set.unwrap().groups[APPLICATION];
        assert_eq!(written.policies.len(), 1);
        assert_eq!(written.policies["Endorsement"].version, 1);
    }
}

//! What the user says about a chaincode's data: collections that only some organisations hold, and indexes for `CouchDB`.

use chain_plugin_sdk::Diagnostics;
use fabric_channel::policy;
use fabric_proto::peer::{
    ApplicationPolicy, ApplicationPolicyKind, CollectionConfig, CollectionConfigKind,
    CollectionConfigPackage, CollectionPolicyConfig, CollectionPolicyKind, StaticCollectionConfig,
};
use fabric_proto::policies::SignaturePolicyEnvelope;
use fabric_service::Release;
use fabric_service::extra::{Chaincode, Collection, CollectionEndorsement};
use fabric_service::fault::{refuse, refuse_with};
use fabric_transaction::definition::Definition;
use fabric_transaction::package::Index;

/// What is typed where a policy over signatures is wanted.
const SUCH_AS: &str = "such as `OR('Org1MSP.member','Org2MSP.member')` over MSP ids";

/// Refuses what no peer takes, with where it stands below `path`, the chaincode's own.
pub fn check(about: &Chaincode, release: Option<Release>, path: &str) -> Result<(), Diagnostics> {
    let mut definition = Definition::new(&about.name, &about.version);
    definition.collections = collections(about, path)?;
    definition.check().map_err(|fault| {
        let path = format!("{path}/collections");
        refuse("collections", &path, fault.to_string())
    })?;
    let indexes = about.packaged_indexes();
    if release == Some(Release::V1_4) && !indexes.is_empty() {
        let message = format!(
            "chaincode {}: in 1.4 indexes stand in no file of the chain",
            about.name
        );
        let hint = "put them into the archive of the code, below META-INF/statedb/couchdb/indexes";
        return Err(refuse_with("indexes", path, message, hint));
    }
    for index in indexes {
        let found = Index::from(&index).check();
        found.map_err(|fault| {
            let message = format!("chaincode {}: {fault}", about.name);
            let hint = "NAME: {index: {fields: [owner]}, ddoc: NAME, name: NAME, type: json}";
            refuse_with("indexes", path, message, hint)
        })?;
    }
    Ok(())
}

/// Whether a text is the path of a policy of a channel, from its root.
pub fn is_policy_path(text: &str) -> bool {
    text.starts_with('/') && policy::resolve(&[], text).is_some()
}

/// The collections as a definition has them. `path` is where the chaincode stands in the user's file.
pub fn collections(about: &Chaincode, path: &str) -> Result<CollectionConfigPackage, Diagnostics> {
    let mut config = Vec::new();
    for (index, collection) in about.collections.iter().enumerate() {
        let path = format!("{path}/collections/{index}");
        let payload = static_collection(about, collection, &path)?;
        config.push(CollectionConfig {
            payload: Some(CollectionConfigKind::StaticCollectionConfig(payload)),
        });
    }
    Ok(CollectionConfigPackage { config })
}

fn static_collection(
    about: &Chaincode,
    said: &Collection,
    path: &str,
) -> Result<StaticCollectionConfig, Diagnostics> {
    let of = format!("collection {:?} of chaincode {}", said.name, about.name);
    let members = signatures(&said.policy, &of, &format!("{path}/policy"))?;
    let endorsement_policy = said
        .endorsement_policy
        .as_ref()
        .map(|it| endorsement(it, &of, &format!("{path}/endorsementPolicy")))
        .transpose()?;
    Ok(StaticCollectionConfig {
        name: said.name.clone(),
        member_orgs_policy: Some(CollectionPolicyConfig {
            payload: Some(CollectionPolicyKind::SignaturePolicy(members)),
        }),
        required_peer_count: said.required_peer_count,
        maximum_peer_count: said.max_peer_count,
        block_to_live: said.block_to_live,
        member_only_read: said.member_only_read,
        member_only_write: said.member_only_write,
        endorsement_policy,
    })
}

fn endorsement(
    said: &CollectionEndorsement,
    of: &str,
    path: &str,
) -> Result<ApplicationPolicy, Diagnostics> {
    let (rule, place) = (&said.signature_policy, &said.channel_config_policy);
    let kind = match (rule.is_empty(), place.is_empty()) {
        (false, true) => ApplicationPolicyKind::SignaturePolicy(signatures(rule, of, path)?),
        (true, false) if is_policy_path(place) => {
            ApplicationPolicyKind::ChannelConfigPolicyReference(place.clone())
        }
        (true, false) => {
            let message = format!("{of}: {place:?} is no path of a policy");
            let hint =
                "it begins with /Channel/ and ends with a name, /Channel/Application/Endorsement";
            return Err(refuse_with("policy", path, message, hint));
        }
        _ => {
            let message = format!(
                "{of}: an endorsement policy is one over signatures, or one of the channel"
            );
            let hint = "`signaturePolicy:` or `channelConfigPolicy:`, not both";
            return Err(refuse_with("policy", path, message, hint));
        }
    };
    Ok(ApplicationPolicy { r#type: Some(kind) })
}

fn signatures(text: &str, of: &str, path: &str) -> Result<SignaturePolicyEnvelope, Diagnostics> {
    policy::parse_signature(text)
        .map_err(|fault| refuse_with("policy", path, format!("{of}: {fault}"), SUCH_AS))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn about(said: &Value) -> Chaincode {
        let mut all = json!({"name": "basic", "version": "1.0"});
        let entries = all.as_object_mut().unwrap();
        entries.extend(said.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn refused(release: Release, said: &Value) -> (String, String) {
        let fault = check(&about(said), Some(release), "/chaincodes/0").unwrap_err();
        (fault[0].message.clone(), fault[0].path.clone())
    }

    const MEMBERS: &str = "OR('Org1MSP.member','Org2MSP.member')";

    #[test]
    fn a_collection_has_the_counts_that_peer_takes_when_its_file_says_none() {
        let said = json!({"collections": [
            {"name": "secrets", "policy": MEMBERS, "memberOnlyRead": true,
             "endorsementPolicy": {"channelConfigPolicy": "/Channel/Application/Endorsement"}},
            {"name": "prices", "policy": MEMBERS, "requiredPeerCount": 1, "maxPeerCount": 3, "blockToLive": 9,
             "memberOnlyWrite": true, "endorsementPolicy": {"signaturePolicy": "OR('Org1MSP.peer')"}},
        ]});
        let about = about(&said);
        check(&about, Some(Release::V2_5), "").unwrap();
        let found = collections(&about, "").unwrap();
        let [secrets, prices] = [0, 1].map(|at| {
            let Some(CollectionConfigKind::StaticCollectionConfig(it)) = &found.config[at].payload
            else {
                panic!("no payload")
            };
            it.clone()
        });
        let counts = |it: &StaticCollectionConfig| {
            (
                it.required_peer_count,
                it.maximum_peer_count,
                it.block_to_live,
            )
        };
        assert_eq!((counts(&secrets), counts(&prices)), ((0, 1, 0), (1, 3, 9)));
        assert_eq!(
            (secrets.member_only_read, secrets.member_only_write),
            (true, false)
        );
        assert_eq!(
            (prices.member_only_read, prices.member_only_write),
            (false, true)
        );
        let members = policy::parse_signature(MEMBERS).unwrap();
        assert_eq!(
            secrets.member_orgs_policy.unwrap().payload,
            Some(CollectionPolicyKind::SignaturePolicy(members))
        );
        let path = "/Channel/Application/Endorsement".to_owned();
        assert_eq!(
            secrets.endorsement_policy.unwrap().r#type,
            Some(ApplicationPolicyKind::ChannelConfigPolicyReference(path))
        );
        assert!(matches!(
            prices.endorsement_policy.unwrap().r#type,
            Some(ApplicationPolicyKind::SignaturePolicy(_))
        ));
    }

    #[test]
    fn what_peers_refuse_is_refused_before_with_its_place() {
        let one = |collection: Value| json!({"collections": [collection]});
        for (said, part, path) in [
            (
                one(json!({"name": "a"})),
                "collection \"a\" of chaincode basic",
                "/collections/0/policy",
            ),
            (
                one(json!({"name": "a", "policy": "AND("})),
                "collection \"a\"",
                "/collections/0/policy",
            ),
            (
                one(json!({"name": "_a", "policy": MEMBERS})),
                "does not begin with `_`",
                "/collections",
            ),
            (
                one(json!({"name": "a", "policy": MEMBERS, "requiredPeerCount": 2})),
                "maximum",
                "/collections",
            ),
            (
                one(json!({"name": "a", "policy": MEMBERS, "endorsementPolicy": {}})),
                "one over signatures",
                "/collections/0/endorsementPolicy",
            ),
            (
                one(
                    json!({"name": "a", "policy": MEMBERS, "endorsementPolicy": {"channelConfigPolicy": "Admins"}}),
                ),
                "no path",
                "/collections/0/endorsementPolicy",
            ),
            (
                json!({"indexes": {"a": {"fields": []}}}),
                "key index is an object",
                "",
            ),
            (
                json!({"indexes": {"a b": {"index": {}}}}),
                "letters, digits",
                "",
            ),
        ] {
            let (message, at) = refused(Release::V2_5, &said);
            assert!(message.contains(part), "{message}");
            assert_eq!(at, format!("/chaincodes/0{path}"), "{message}");
        }
        let index = json!({"indexes": {"a": {"index": {"fields": ["a"]}}}});
        check(&about(&index), Some(Release::V2_5), "").unwrap();
        assert!(refused(Release::V1_4, &index).0.contains("in 1.4"));
    }

    #[test]
    fn indexes_of_collections_lie_beside_those_of_the_state() {
        let index = |field: &str| json!({"index": {"fields": [field]}, "type": "json"});
        let about = about(&json!({
            "indexes": {"owner": index("owner")},
            "collections": [{"name": "secrets", "policy": MEMBERS, "indexes": {"price": index("price")}}],
        }));
        check(&about, Some(Release::V3_1), "").unwrap();
        let all: Vec<Index> = about.packaged_indexes().iter().map(Index::from).collect();
        let paths: Vec<String> = all.iter().map(Index::path).collect();
        assert_eq!(
            paths,
            [
                "META-INF/statedb/couchdb/indexes/owner.json",
                "META-INF/statedb/couchdb/collections/secrets/indexes/price.json",
            ]
        );
        assert_eq!(
            all[1].definition,
            br#"{"index":{"fields":["price"]},"type":"json"}"#
        );
    }
}

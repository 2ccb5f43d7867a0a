//! Definitions of chaincodes: what the organisations of a channel agree on before a chaincode runs.
//!
//! A definition is approved by each organisation, as a whole, and then committed once; its sequence
//! goes up by one with each change. Which package an organisation runs is its own affair and no part
//! of it. [`next()`] says what to do about the state that was found.

mod next;
#[cfg(test)]
mod tests;

pub use next::{
    Approved, DefinitionError, LegacyStep, Organisation, State, Step, Waiting, installs, next,
    next_legacy, target,
};

use std::collections::{BTreeMap, BTreeSet};

use fabric_proto::Message;
use fabric_proto::peer::{
    ApplicationPolicy, ApplicationPolicyKind, ApproveChaincodeDefinitionForMyOrgArgs,
    ChaincodeSource, ChaincodeSourceKind, CollectionConfigKind, CollectionConfigPackage,
    CommitChaincodeDefinitionArgs, Empty, LocalPackage, QueryApprovedChaincodeDefinitionResult,
    QueryChaincodeDefinitionResult, StaticCollectionConfig,
};
use fabric_proto::policies::SignaturePolicyEnvelope;
use thiserror::Error;

/// The policy of the channel that stands for an endorsement policy that is not given.
pub const DEFAULT_POLICY: &str = "/Channel/Application/Endorsement";
/// Plugin that endorses when none is given.
const ESCC: &str = "escc";
/// Plugin that validates when none is given.
const VSCC: &str = "vscc";

/// Whether a name is that of a chaincode of the peer's own.
pub fn is_system(name: &str) -> bool {
    ["cscc", "escc", "lscc", "qscc", "vscc", "_lifecycle"].contains(&name)
}

/// Who must endorse the transactions of a chaincode.
#[derive(Clone, Debug, PartialEq)]
pub enum EndorsementPolicy {
    /// A policy of the channel, by its path; usually [`DEFAULT_POLICY`].
    Channel(String),
    /// A rule over signatures.
    Signature(SignaturePolicyEnvelope),
    /// Bytes for another plugin than `vscc`, or newer than this.
    Other(Vec<u8>),
}

impl Default for EndorsementPolicy {
    fn default() -> Self {
        Self::Channel(DEFAULT_POLICY.to_owned())
    }
}

impl EndorsementPolicy {
    /// The bytes of `validation_parameter`.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self {
            Self::Channel(path) => {
                ApplicationPolicyKind::ChannelConfigPolicyReference(path.clone())
            }
            Self::Signature(policy) => ApplicationPolicyKind::SignaturePolicy(policy.clone()),
            Self::Other(bytes) => return bytes.clone(),
        };
        ApplicationPolicy { r#type: Some(kind) }.encode_to_vec()
    }

    /// Reads `validation_parameter`; nothing stands for the channel's policy. Peers compare bytes, so
    /// what would be encoded otherwise stays bytes.
    pub fn decode(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        let kind = ApplicationPolicy::decode(bytes).ok().and_then(|p| p.r#type);
        let policy = match kind {
            Some(ApplicationPolicyKind::ChannelConfigPolicyReference(path)) => Self::Channel(path),
            Some(ApplicationPolicyKind::SignaturePolicy(policy)) => Self::Signature(policy),
            None => return Self::Other(bytes.to_vec()),
        };
        if policy.encode() == bytes {
            policy
        } else {
            Self::Other(bytes.to_vec())
        }
    }
}

/// The definition of a chaincode on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Name on the channel.
    pub name: String,
    /// Any text; says something to people only.
    pub version: String,
    /// Number, from 1; 0 in a wish for "the next one when something has changed".
    pub sequence: i64,
    /// Plugin that endorses.
    pub endorsement_plugin: String,
    /// Plugin that validates.
    pub validation_plugin: String,
    /// Who must endorse.
    pub endorsement: EndorsementPolicy,
    /// The first call must be one with `is_init`.
    pub init_required: bool,
    /// Collections of private data; empty for none.
    pub collections: CollectionConfigPackage,
}

/// A part of a definition that differs from another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub part: &'static str,
    /// What one has.
    pub ours: String,
    /// What the other has.
    pub theirs: String,
}

/// What peers would refuse of a definition.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidDefinition {
    /// The name.
    #[error(
        "chaincode name {0:?}: expected letters and digits, with single `-` or `_` between them, and no system chaincode's name"
    )]
    Name(String),
    /// The version.
    #[error("version {1:?} of chaincode {0}: expected letters, digits and `_.+-`")]
    Version(String, String),
    /// The sequence.
    #[error("sequence {1} of chaincode {0}: expected 1 or more, or 0 for the next one")]
    Sequence(String, i64),
    /// A collection.
    #[error("collection {collection:?} of chaincode {chaincode}: {reason}")]
    Collection {
        /// Name of the chaincode.
        chaincode: String,
        /// Name of the collection.
        collection: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Definition {
    /// A definition with the defaults of the channel, whose sequence is the next one.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            sequence: 0,
            endorsement_plugin: ESCC.to_owned(),
            validation_plugin: VSCC.to_owned(),
            endorsement: EndorsementPolicy::default(),
            init_required: false,
            collections: CollectionConfigPackage::default(),
        }
    }

    /// Checks what peers check, as far as it does not depend on the channel.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn check(&self) -> Result<(), InvalidDefinition> {
        let words = self
            .name
            .split(['-', '_'])
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !words || is_system(&self.name) {
            return Err(InvalidDefinition::Name(self.name.clone()));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
        if self.version.is_empty() || !self.version.bytes().all(plain) {
            return Err(InvalidDefinition::Version(
                self.name.clone(),
                self.version.clone(),
            ));
        }
        if self.sequence < 0 {
            return Err(InvalidDefinition::Sequence(
                self.name.clone(),
                self.sequence,
            ));
        }
        self.check_collections()
    }

    fn bad_collection(&self, collection: &str, reason: &str) -> InvalidDefinition {
        InvalidDefinition::Collection {
            chaincode: self.name.clone(),
            collection: collection.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn check_collections(&self) -> Result<(), InvalidDefinition> {
        let mut names = BTreeSet::new();
        let all = self.static_collections();
        if all.len() != self.collections.config.len() {
            return Err(self.bad_collection("", "it has no content"));
        }
        for collection in all {
            let bad = |reason| Err(self.bad_collection(&collection.name, reason));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if collection.name.is_empty()
                || collection.name.starts_with('_')
                || !collection.name.bytes().all(plain)
            {
                return bad(
                    "expected a name of letters, digits, `-` and `_` that does not begin with `_`",
                );
            }
            if !names.insert(&collection.name) {
                return bad("it is there twice");
            }
            if collection.required_peer_count < 0 {
                return bad("expected a required peer count of 0 or more");
            }
            if collection.maximum_peer_count < collection.required_peer_count {
                return bad("expected a maximum peer count not below the required one");
            }
            let policy = collection.member_orgs_policy.as_ref();
            if policy.and_then(|policy| policy.payload.as_ref()).is_none() {
                return bad("expected a policy that names the member organisations");
            }
        }
        Ok(())
    }

    /// Checks that the collections may follow those of the committed definition: none may go, and
    /// none may change its time to live.
    ///
    /// # Errors
    /// The first collection that may not.
    pub fn check_follows(&self, committed: &Self) -> Result<(), InvalidDefinition> {
        let ours: BTreeMap<&str, u64> = self
            .static_collections()
            .into_iter()
            .map(|collection| (collection.name.as_str(), collection.block_to_live))
            .collect();
        for collection in committed.static_collections() {
            match ours.get(collection.name.as_str()) {
                None => {
                    return Err(self.bad_collection(
                        &collection.name,
                        "it is committed and cannot be taken away",
                    ));
                }
                Some(blocks) if *blocks != collection.block_to_live => {
                    return Err(self.bad_collection(
                        &collection.name,
                        &format!(
                            "its blocks to live are committed as {} and cannot change",
                            collection.block_to_live
                        ),
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Its collections of private data.
    pub fn static_collections(&self) -> Vec<&StaticCollectionConfig> {
        self.collections
            .config
            .iter()
            .filter_map(|config| config.payload.as_ref())
            .map(|CollectionConfigKind::StaticCollectionConfig(collection)| collection)
            .collect()
    }

    /// The parts in which two definitions differ, the sequence among them.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut all = self.differences_of_content(other);
        if self.sequence != other.sequence {
            all.insert(0, difference("sequence", &self.sequence, &other.sequence));
        }
        all
    }

    /// The parts in which two definitions differ, whatever their sequences. An organisation may
    /// approve other content under the same sequence until it is committed.
    pub fn differences_of_content(&self, other: &Self) -> Vec<Difference> {
        let mut all = Vec::new();
        let mut compare = |part, ours: &str, theirs: &str| {
            if ours != theirs {
                all.push(difference(part, &ours, &theirs));
            }
        };
        compare("name", &self.name, &other.name);
        compare("version", &self.version, &other.version);
        compare(
            "endorsement plugin",
            &self.endorsement_plugin,
            &other.endorsement_plugin,
        );
        compare(
            "validation plugin",
            &self.validation_plugin,
            &other.validation_plugin,
        );
        if self.endorsement.encode() != other.endorsement.encode() {
            let show = |policy: &EndorsementPolicy| match policy {
                EndorsementPolicy::Channel(path) => path.clone(),
                EndorsementPolicy::Signature(policy) => {
                    format!(
                        "a rule over {} signatures, {}",
                        policy.identities.len(),
                        hex::encode(policy.encode_to_vec())
                    )
                }
                EndorsementPolicy::Other(bytes) => hex::encode(bytes),
            };
            compare(
                "endorsement policy",
                &show(&self.endorsement),
                &show(&other.endorsement),
            );
        }
        compare(
            "init required",
            &self.init_required.to_string(),
            &other.init_required.to_string(),
        );
        if self.collections != other.collections {
            let show = |definition: &Self| {
                let names: Vec<&str> = definition
                    .static_collections()
                    .into_iter()
                    .map(|collection| collection.name.as_str())
                    .collect();
                format!(
                    "[{}] {}",
                    names.join(", "),
                    hex::encode(definition.collections.encode_to_vec())
                )
            };
            compare("collections", &show(self), &show(other));
        }
        all
    }

    /// Argument of `CommitChaincodeDefinition` and `CheckCommitReadiness`.
    pub fn commit_args(&self) -> CommitChaincodeDefinitionArgs {
        CommitChaincodeDefinitionArgs {
            sequence: self.sequence,
            name: self.name.clone(),
            version: self.version.clone(),
            endorsement_plugin: self.endorsement_plugin.clone(),
            validation_plugin: self.validation_plugin.clone(),
            validation_parameter: self.endorsement.encode(),
            collections: self.collections_arg(),
            init_required: self.init_required,
        }
    }

    /// Argument of `ApproveChaincodeDefinitionForMyOrg`; without a package the organisation approves
    /// but does not endorse.
    pub fn approve_args(&self, package_id: Option<&str>) -> ApproveChaincodeDefinitionForMyOrgArgs {
        let commit = self.commit_args();
        let source = match package_id {
            Some(package_id) => ChaincodeSourceKind::LocalPackage(LocalPackage {
                package_id: package_id.to_owned(),
            }),
            None => ChaincodeSourceKind::Unavailable(Empty {}),
        };
        ApproveChaincodeDefinitionForMyOrgArgs {
            sequence: commit.sequence,
            name: commit.name,
            version: commit.version,
            endorsement_plugin: commit.endorsement_plugin,
            validation_plugin: commit.validation_plugin,
            validation_parameter: commit.validation_parameter,
            collections: commit.collections,
            init_required: commit.init_required,
            source: Some(ChaincodeSource {
                r#type: Some(source),
            }),
        }
    }

    /// The definition in the argument of a commit. That of an approval begins with the same fields.
    pub fn from_commit_args(args: &CommitChaincodeDefinitionArgs) -> Self {
        Self {
            name: args.name.clone(),
            version: args.version.clone(),
            sequence: args.sequence,
            endorsement_plugin: or(&args.endorsement_plugin, ESCC),
            validation_plugin: or(&args.validation_plugin, VSCC),
            endorsement: EndorsementPolicy::decode(&args.validation_parameter),
            init_required: args.init_required,
            collections: args.collections.clone().unwrap_or_default(),
        }
    }

    fn collections_arg(&self) -> Option<CollectionConfigPackage> {
        (!self.collections.config.is_empty()).then(|| self.collections.clone())
    }

    /// The committed definition, as a peer tells it.
    pub fn from_committed(name: &str, result: &QueryChaincodeDefinitionResult) -> Self {
        Self {
            name: name.to_owned(),
            version: result.version.clone(),
            sequence: result.sequence,
            endorsement_plugin: or(&result.endorsement_plugin, ESCC),
            validation_plugin: or(&result.validation_plugin, VSCC),
            endorsement: EndorsementPolicy::decode(&result.validation_parameter),
            init_required: result.init_required,
            collections: result.collections.clone().unwrap_or_default(),
        }
    }

    /// The definition that an organisation has approved, with its package, as its peer tells it.
    pub fn from_approved(name: &str, result: &QueryApprovedChaincodeDefinitionResult) -> Approved {
        let source = result.source.as_ref().and_then(|s| s.r#type.as_ref());
        let package_id = match source {
            // A peer writes an empty id where the code is not available.
            Some(ChaincodeSourceKind::LocalPackage(package)) if !package.package_id.is_empty() => {
                Some(package.package_id.clone())
            }
            _ => None,
        };
        Approved {
            definition: Self {
                name: name.to_owned(),
                version: result.version.clone(),
                sequence: result.sequence,
                endorsement_plugin: or(&result.endorsement_plugin, ESCC),
                validation_plugin: or(&result.validation_plugin, VSCC),
                endorsement: EndorsementPolicy::decode(&result.validation_parameter),
                init_required: result.init_required,
                collections: result.collections.clone().unwrap_or_default(),
            },
            package_id,
        }
    }
}

fn or(text: &str, default: &str) -> String {
    if text.is_empty() { default } else { text }.to_owned()
}

fn difference(part: &'static str, ours: &impl ToString, theirs: &impl ToString) -> Difference {
    Difference {
        part,
        ours: ours.to_string(),
        theirs: theirs.to_string(),
    }
}

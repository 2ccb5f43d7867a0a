//! Lifecycle of chaincodes since 2.0: packages, approvals and definitions.
//!
//! From `peer/lifecycle/lifecycle.proto`.

use std::collections::BTreeMap;

use super::Empty;
use super::collections::CollectionConfigPackage;

/// Argument of `InstallChaincode`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstallChaincodeArgs {
    /// The package: a gzip tar.
    #[prost(bytes = "vec", tag = "1")]
    pub chaincode_install_package: Vec<u8>,
}

/// Result of `InstallChaincode`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstallChaincodeResult {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
    /// Label of the package.
    #[prost(string, tag = "2")]
    pub label: String,
}

/// Argument of `QueryInstalledChaincode`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryInstalledChaincodeArgs {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
}

/// A package that is installed on a peer: result of `QueryInstalledChaincode`, part of that of
/// `QueryInstalledChaincodes`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstalledChaincode {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
    /// Label of the package.
    #[prost(string, tag = "2")]
    pub label: String,
    /// The definitions that use it, by channel.
    #[prost(btree_map = "string, message", tag = "3")]
    pub references: BTreeMap<String, InstalledReferences>,
}

/// The definitions of one channel that use a package.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstalledReferences {
    /// The definitions.
    #[prost(message, repeated, tag = "1")]
    pub chaincodes: Vec<InstalledReference>,
}

/// A definition that uses a package.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct InstalledReference {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Version of the definition.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// Argument of `GetInstalledChaincodePackage`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct GetInstalledChaincodePackageArgs {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
}

/// Result of `GetInstalledChaincodePackage`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct GetInstalledChaincodePackageResult {
    /// The package, as it was installed.
    #[prost(bytes = "vec", tag = "1")]
    pub chaincode_install_package: Vec<u8>,
}

/// Argument of `QueryInstalledChaincodes`: nothing.
pub type QueryInstalledChaincodesArgs = Empty;

/// Result of `QueryInstalledChaincodes`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryInstalledChaincodesResult {
    /// All packages of the peer.
    #[prost(message, repeated, tag = "1")]
    pub installed_chaincodes: Vec<InstalledChaincode>,
}

/// Argument of `ApproveChaincodeDefinitionForMyOrg`. Empty plugins and an empty parameter stand for
/// `escc`, `vscc` and the channel's own endorsement policy.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ApproveChaincodeDefinitionForMyOrgArgs {
    /// Number of the definition: one more than the committed one.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Name on the channel.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Any text.
    #[prost(string, tag = "3")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "4")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "5")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`](super::ApplicationPolicy).
    #[prost(bytes = "vec", tag = "6")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "7")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "8")]
    pub init_required: bool,
    /// The package that this organisation runs.
    #[prost(message, optional, tag = "9")]
    pub source: Option<ChaincodeSource>,
}

/// Where an organisation's peers have the code.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeSource {
    /// Absent only in a malformed message.
    #[prost(oneof = "ChaincodeSourceKind", tags = "1, 2")]
    pub r#type: Option<ChaincodeSourceKind>,
}

/// Whether an organisation's peers have the code.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum ChaincodeSourceKind {
    /// They do not: the organisation approves but does not endorse.
    #[prost(message, tag = "1")]
    Unavailable(Empty),
    /// As an installed package.
    #[prost(message, tag = "2")]
    LocalPackage(LocalPackage),
}

/// An installed package.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct LocalPackage {
    /// Id of the package.
    #[prost(string, tag = "1")]
    pub package_id: String,
}

/// Argument of `CommitChaincodeDefinition` and of `CheckCommitReadiness`, which have the same fields.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CommitChaincodeDefinitionArgs {
    /// Number of the definition: one more than the committed one.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Name on the channel.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Any text.
    #[prost(string, tag = "3")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "4")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "5")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`](super::ApplicationPolicy).
    #[prost(bytes = "vec", tag = "6")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "7")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "8")]
    pub init_required: bool,
}

/// Argument of `CheckCommitReadiness`.
pub type CheckCommitReadinessArgs = CommitChaincodeDefinitionArgs;

/// Result of `CheckCommitReadiness`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CheckCommitReadinessResult {
    /// By membership provider: whether the organisation has approved exactly this definition.
    #[prost(btree_map = "string, bool", tag = "1")]
    pub approvals: BTreeMap<String, bool>,
    /// By membership provider: what it has approved otherwise; since 2.5.
    #[prost(btree_map = "string, message", tag = "2")]
    pub mismatches: BTreeMap<String, Mismatches>,
}

/// Parts of a definition that differ.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Mismatches {
    /// Names of parts.
    #[prost(string, repeated, tag = "1")]
    pub items: Vec<String>,
}

/// Argument of `QueryApprovedChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryApprovedChaincodeDefinitionArgs {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Number of the definition; 0 for the newest.
    #[prost(int64, tag = "2")]
    pub sequence: i64,
}

/// Result of `QueryApprovedChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryApprovedChaincodeDefinitionResult {
    /// Number of the definition.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "3")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "4")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`](super::ApplicationPolicy).
    #[prost(bytes = "vec", tag = "5")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "6")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "7")]
    pub init_required: bool,
    /// The package that this organisation runs.
    #[prost(message, optional, tag = "8")]
    pub source: Option<ChaincodeSource>,
}

/// Argument of `QueryChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryChaincodeDefinitionArgs {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Result of `QueryChaincodeDefinition`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryChaincodeDefinitionResult {
    /// Number of the committed definition.
    #[prost(int64, tag = "1")]
    pub sequence: i64,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "3")]
    pub endorsement_plugin: String,
    /// Plugin that validates.
    #[prost(string, tag = "4")]
    pub validation_plugin: String,
    /// Encoded [`ApplicationPolicy`](super::ApplicationPolicy).
    #[prost(bytes = "vec", tag = "5")]
    pub validation_parameter: Vec<u8>,
    /// Collections of private data.
    #[prost(message, optional, tag = "6")]
    pub collections: Option<CollectionConfigPackage>,
    /// The first call must be one with `is_init`.
    #[prost(bool, tag = "7")]
    pub init_required: bool,
    /// By membership provider: whether the organisation has approved it.
    #[prost(btree_map = "string, bool", tag = "8")]
    pub approvals: BTreeMap<String, bool>,
}

/// Argument of `QueryChaincodeDefinitions`: nothing.
pub type QueryChaincodeDefinitionsArgs = Empty;

/// Result of `QueryChaincodeDefinitions`. Its entries have the fields of a definition's arguments.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct QueryChaincodeDefinitionsResult {
    /// All definitions of the channel.
    #[prost(message, repeated, tag = "1")]
    pub chaincode_definitions: Vec<CommitChaincodeDefinitionArgs>,
}

//! Lifecycle of chaincodes in 1.x: what lscc takes and answers.
//!
//! From `peer/chaincode.proto` and `peer/query.proto`.

use super::proposals::ChaincodeSpec;
use crate::policies::SignaturePolicyEnvelope;

/// Code with its name: what lscc installs; without code: what it deploys.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeDeploymentSpec {
    /// Language, name, version, path; when deployed, the arguments of `Init`.
    #[prost(message, optional, tag = "1")]
    pub chaincode_spec: Option<ChaincodeSpec>,
    /// A gzip tar of sources; must be empty when deployed.
    #[prost(bytes = "vec", tag = "3")]
    pub code_package: Vec<u8>,
    /// Where it runs, 0 for docker; gone since 2.0.
    #[prost(int32, tag = "4")]
    pub exec_env: i32,
}

/// An instantiated chaincode: result of lscc `getccdata`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeData {
    /// Name on the channel.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Version that is instantiated.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Plugin that endorses.
    #[prost(string, tag = "3")]
    pub escc: String,
    /// Plugin that validates.
    #[prost(string, tag = "4")]
    pub vscc: String,
    /// Who must endorse.
    #[prost(message, optional, tag = "5")]
    pub policy: Option<SignaturePolicyEnvelope>,
    /// Hashes of the code.
    #[prost(bytes = "vec", tag = "6")]
    pub data: Vec<u8>,
    /// Hash of the package: differs between peers when they have other code.
    #[prost(bytes = "vec", tag = "7")]
    pub id: Vec<u8>,
    /// Who may instantiate.
    #[prost(message, optional, tag = "8")]
    pub instantiation_policy: Option<SignaturePolicyEnvelope>,
}

/// Result of lscc `getchaincodes` and `getinstalledchaincodes`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeQueryResponse {
    /// The chaincodes.
    #[prost(message, repeated, tag = "1")]
    pub chaincodes: Vec<ChaincodeInfo>,
}

/// A chaincode of 1.x.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ChaincodeInfo {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Where its source was.
    #[prost(string, tag = "3")]
    pub path: String,
    /// Arguments of `Init`; only when instantiated.
    #[prost(string, tag = "4")]
    pub input: String,
    /// Plugin that endorses.
    #[prost(string, tag = "5")]
    pub escc: String,
    /// Plugin that validates.
    #[prost(string, tag = "6")]
    pub vscc: String,
    /// Hash of the package.
    #[prost(bytes = "vec", tag = "7")]
    pub id: Vec<u8>,
}

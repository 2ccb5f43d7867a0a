//! Policies, and the principals that they name.
//!
//! From `common/policies.proto` and `msp/msp_principal.proto`.

use crate::Message;

/// What [`Policy::value`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum PolicyType {
    /// Not set.
    Unknown = 0,
    /// A [`SignaturePolicyEnvelope`].
    Signature = 1,
    /// Reserved and never used.
    Msp = 2,
    /// An [`ImplicitMetaPolicy`].
    ImplicitMeta = 3,
}

/// A policy of any type.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Policy {
    /// A [`PolicyType`].
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    /// The policy, of that type.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// A rule over signatures of principals.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SignaturePolicyEnvelope {
    /// Always 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// The rule; refers to `identities` by index.
    #[prost(message, optional, tag = "2")]
    pub rule: Option<SignaturePolicy>,
    /// Principals in the order of reading, repeated ones included.
    #[prost(message, repeated, tag = "3")]
    pub identities: Vec<MspPrincipal>,
}

/// A rule over signatures, as a tree.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SignaturePolicy {
    /// The rule; absent only in a malformed policy.
    #[prost(oneof = "SignatureRule", tags = "1, 2")]
    pub r#type: Option<SignatureRule>,
}

/// What a [`SignaturePolicy`] asks for.
#[derive(Clone, PartialEq, Eq, ::prost::Oneof)]
pub enum SignatureRule {
    /// A signature of the principal at this index.
    #[prost(int32, tag = "1")]
    SignedBy(i32),
    /// Several rules.
    #[prost(message, tag = "2")]
    NOutOf(NOutOf),
}

impl Policy {
    /// Wraps a rule over signatures.
    #[must_use]
    pub fn from_signature(policy: &SignaturePolicyEnvelope) -> Self {
        Self {
            r#type: PolicyType::Signature as i32,
            value: policy.encode_to_vec(),
        }
    }

    /// Wraps a rule over the groups below.
    #[must_use]
    pub fn from_implicit_meta(policy: &ImplicitMetaPolicy) -> Self {
        Self {
            r#type: PolicyType::ImplicitMeta as i32,
            value: policy.encode_to_vec(),
        }
    }
}

/// `n` of the rules must hold.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct NOutOf {
    /// How many.
    #[prost(int32, tag = "1")]
    pub n: i32,
    /// Out of these.
    #[prost(message, repeated, tag = "2")]
    pub rules: Vec<SignaturePolicy>,
}

/// How many groups below must satisfy a policy of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum ImplicitMetaRule {
    /// One of them; holds when there are none.
    Any = 0,
    /// All of them.
    All = 1,
    /// More than half of them.
    Majority = 2,
}

/// A rule over the policies of the groups below, for example `MAJORITY Admins`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ImplicitMetaPolicy {
    /// Name of the policy that each group below is asked for.
    #[prost(string, tag = "1")]
    pub sub_policy: String,
    /// How many of them must say yes.
    #[prost(enumeration = "ImplicitMetaRule", tag = "2")]
    pub rule: i32,
}

/// What [`MspPrincipal::principal`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum PrincipalClassification {
    /// A [`MspRole`].
    Role = 0,
    /// An [`OrganizationUnit`].
    OrganizationUnit = 1,
    /// A [`SerializedIdentity`](crate::msp::SerializedIdentity): exactly this one.
    Identity = 2,
    /// A [`MspIdentityAnonymity`].
    Anonymity = 3,
    /// A [`CombinedPrincipal`].
    Combined = 4,
}

/// Someone whom a policy can ask for a signature.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MspPrincipal {
    /// What `principal` is.
    #[prost(enumeration = "PrincipalClassification", tag = "1")]
    pub principal_classification: i32,
    /// A message of that kind.
    #[prost(bytes = "vec", tag = "2")]
    pub principal: Vec<u8>,
}

/// Roles that a membership provider tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum MspRoleType {
    /// Anyone of the organisation.
    Member = 0,
    /// An administrator.
    Admin = 1,
    /// A client, by its organisational unit.
    Client = 2,
    /// A peer, by its organisational unit.
    Peer = 3,
    /// An orderer, by its organisational unit.
    Orderer = 4,
}

/// Anyone of an organisation in a role.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MspRole {
    /// Identifier of the membership provider.
    #[prost(string, tag = "1")]
    pub msp_identifier: String,
    /// The role.
    #[prost(enumeration = "MspRoleType", tag = "2")]
    pub role: i32,
}

/// Anyone of an organisation's unit.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct OrganizationUnit {
    /// Identifier of the membership provider.
    #[prost(string, tag = "1")]
    pub msp_identifier: String,
    /// The unit.
    #[prost(string, tag = "2")]
    pub organizational_unit_identifier: String,
    /// Hash of the authority's certificate chain.
    #[prost(bytes = "vec", tag = "3")]
    pub certifiers_identifier: Vec<u8>,
}

/// Whether an identity shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::prost::Enumeration)]
#[repr(i32)]
pub enum MspIdentityAnonymityType {
    /// It does.
    Nominal = 0,
    /// It does not (Idemix).
    Anonymous = 1,
}

/// Anyone with this kind of identity.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MspIdentityAnonymity {
    /// The kind.
    #[prost(enumeration = "MspIdentityAnonymityType", tag = "1")]
    pub anonymity_type: i32,
}

/// Someone who is all of several principals.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct CombinedPrincipal {
    /// The principals.
    #[prost(message, repeated, tag = "1")]
    pub principals: Vec<MspPrincipal>,
}

//! Identities, and what a channel knows of the organisation that issues them.
//!
//! From `msp/identities.proto` and `msp/msp_config.proto`. Certificates are whole PEM files, the
//! last line break included.

/// An identity as it is written into headers: the `creator`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SerializedIdentity {
    /// Identifier of the membership provider, for example `Org1MSP`.
    #[prost(string, tag = "1")]
    pub mspid: String,
    /// PEM text of the certificate.
    #[prost(bytes = "vec", tag = "2")]
    pub id_bytes: Vec<u8>,
}

/// [`MspConfig::type`] of an X.509 provider.
pub const MSP_TYPE_FABRIC: i32 = 0;

/// [`MspConfig::type`] of an Idemix provider.
pub const MSP_TYPE_IDEMIX: i32 = 1;

/// Value `MSP` of an organisation's group.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MspConfig {
    /// [`MSP_TYPE_FABRIC`] or [`MSP_TYPE_IDEMIX`].
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    /// Encoded [`FabricMspConfig`], for X.509.
    #[prost(bytes = "vec", tag = "2")]
    pub config: Vec<u8>,
}

/// A membership provider over X.509 certificates.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricMspConfig {
    /// Identifier of the provider (the MSP ID).
    #[prost(string, tag = "1")]
    pub name: String,
    /// Roots of the certificates of identities.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub root_certs: Vec<Vec<u8>>,
    /// Intermediate authorities of identities.
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub intermediate_certs: Vec<Vec<u8>>,
    /// Certificates of administrators; may be empty with an administrators' unit.
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub admins: Vec<Vec<u8>>,
    /// Lists of revoked certificates.
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub revocation_list: Vec<Vec<u8>>,
    /// Only in a node's own provider, never in a channel.
    #[prost(message, optional, tag = "6")]
    pub signing_identity: Option<SigningIdentityInfo>,
    /// Units that identities must be of.
    #[prost(message, repeated, tag = "7")]
    pub organizational_unit_identifiers: Vec<FabricOuIdentifier>,
    /// Hash functions; may be absent.
    #[prost(message, optional, tag = "8")]
    pub crypto_config: Option<FabricCryptoConfig>,
    /// Roots of TLS certificates.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub tls_root_certs: Vec<Vec<u8>>,
    /// Intermediate authorities of TLS certificates.
    #[prost(bytes = "vec", repeated, tag = "10")]
    pub tls_intermediate_certs: Vec<Vec<u8>>,
    /// How units tell roles apart.
    #[prost(message, optional, tag = "11")]
    pub fabric_node_ous: Option<FabricNodeOus>,
}

/// Hash functions of a membership provider.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricCryptoConfig {
    /// `SHA2`.
    #[prost(string, tag = "1")]
    pub signature_hash_family: String,
    /// `SHA256`.
    #[prost(string, tag = "2")]
    pub identity_identifier_hash_function: String,
}

/// A node's own certificate and key.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct SigningIdentityInfo {
    /// PEM certificate.
    #[prost(bytes = "vec", tag = "1")]
    pub public_signer: Vec<u8>,
    /// Where its key is.
    #[prost(message, optional, tag = "2")]
    pub private_signer: Option<KeyInfo>,
}

/// A key, or the name under which it is stored.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct KeyInfo {
    /// Name of the key.
    #[prost(string, tag = "1")]
    pub key_identifier: String,
    /// The key itself; empty when it is stored.
    #[prost(bytes = "vec", tag = "2")]
    pub key_material: Vec<u8>,
}

/// An organisational unit, optionally one of a certain authority.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricOuIdentifier {
    /// PEM certificate of an authority of this provider; empty for any of them.
    #[prost(bytes = "vec", tag = "1")]
    pub certificate: Vec<u8>,
    /// Value of `OU`.
    #[prost(string, tag = "2")]
    pub organizational_unit_identifier: String,
}

/// Which organisational unit makes an identity a client, a peer, an administrator or an orderer.
///
/// The last two are looked at from channel capability `V1_4_3` on.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct FabricNodeOus {
    /// Whether units are looked at.
    #[prost(bool, tag = "1")]
    pub enable: bool,
    /// Unit of clients.
    #[prost(message, optional, tag = "2")]
    pub client_ou_identifier: Option<FabricOuIdentifier>,
    /// Unit of peers.
    #[prost(message, optional, tag = "3")]
    pub peer_ou_identifier: Option<FabricOuIdentifier>,
    /// Unit of administrators.
    #[prost(message, optional, tag = "4")]
    pub admin_ou_identifier: Option<FabricOuIdentifier>,
    /// Unit of orderers.
    #[prost(message, optional, tag = "5")]
    pub orderer_ou_identifier: Option<FabricOuIdentifier>,
}

//! The one thing that an envelope needs from whoever signs it.

/// An identity that can sign: a client, an administrator, a peer or an orderer.
///
/// Implemented over keys in the crate of identities, so that the crates which build envelopes and
/// proposals need no cryptography of their own.
pub trait Signer {
    /// The encoded [`SerializedIdentity`](crate::msp::SerializedIdentity) of the signer: what
    /// `SignatureHeader.creator` carries.
    fn creator(&self) -> Vec<u8>;

    /// The signature over `message`, which the signer hashes with SHA-256 first.
    ///
    /// For ECDSA: DER, and `s` at most half of the order; Fabric refuses the other half.
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

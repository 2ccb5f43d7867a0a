//! The configuration of a channel: the tree of groups, and changes to it.
//!
//! From `common/configtx.proto`. The values at the leaves are in the modules below, by the group
//! that they belong to; [`etcdraft`] and [`smartbft`] hold what the consensus is told.

use std::collections::BTreeMap;

use prost::bytes::{Buf, BufMut};
use prost::encoding::{self, DecodeContext, WireType};
use prost::{DecodeError, Message};

use crate::common::Envelope;
use crate::message_map::impl_message_with_maps;
use crate::policies::Policy;

pub mod etcdraft;
pub mod smartbft;
mod values;

pub use values::{
    Acls, AnchorPeer, AnchorPeers, ApiResource, BatchSize, BatchTimeout, BlockDataHashingStructure,
    Capabilities, Capability, ChannelRestrictions, ConsensusState, ConsensusType, Consenter,
    Consortium, HashingAlgorithm, KafkaBrokers, OrdererAddresses, Orderers,
};

/// Payload of a configuration block.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigEnvelope {
    /// The whole configuration.
    #[prost(message, optional, tag = "1")]
    pub config: Option<Config>,
    /// The change that led to it; absent in a genesis block.
    #[prost(message, optional, tag = "2")]
    pub last_update: Option<Envelope>,
}

/// The whole configuration of a channel.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct Config {
    /// Number of changes so far.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// Root of the tree.
    #[prost(message, optional, tag = "2")]
    pub channel_group: Option<ConfigGroup>,
}

/// A node of the tree of configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigGroup {
    /// Number of changes to the membership of this group (which children it has).
    pub version: u64,
    /// Groups below, by name.
    pub groups: BTreeMap<String, ConfigGroup>,
    /// Values, by name.
    pub values: BTreeMap<String, ConfigValue>,
    /// Policies, by name.
    pub policies: BTreeMap<String, ConfigPolicy>,
    /// Policy that a change to this group's membership must satisfy.
    pub mod_policy: String,
}

impl_message_with_maps!(ConfigGroup {
    uint64 version = 1,
    map groups = 2,
    map values = 3,
    map policies = 4,
    string mod_policy = 5,
});

/// A value of the tree.
///
/// Two are equal whatever [`explicit`](Self::explicit) says: nobody who decodes them can tell.
#[derive(Clone, Debug, Default)]
pub struct ConfigValue {
    /// Number of changes to it.
    pub version: u64,
    /// A message that depends on the name.
    pub value: Vec<u8>,
    /// Policy that a change must satisfy.
    pub mod_policy: String,
    /// Whether `value` is written even when it is empty. Go never does, other encoders may; what
    /// was decoded keeps it, so that it encodes to the same bytes, over which hashes are made.
    pub explicit: bool,
}

impl PartialEq for ConfigValue {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
            && self.value == other.value
            && self.mod_policy == other.mod_policy
    }
}

impl Eq for ConfigValue {}

impl ConfigValue {
    fn is_written(&self) -> bool {
        self.explicit || !self.value.is_empty()
    }
}

impl Message for ConfigValue {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        if self.version != 0 {
            encoding::uint64::encode(1, &self.version, buf);
        }
        if self.is_written() {
            encoding::bytes::encode(2, &self.value, buf);
        }
        if !self.mod_policy.is_empty() {
            encoding::string::encode(3, &self.mod_policy, buf);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        let (field, merged) = match tag {
            1 => (
                "version",
                encoding::uint64::merge(wire_type, &mut self.version, buf, ctx),
            ),
            2 => {
                self.explicit = true;
                (
                    "value",
                    encoding::bytes::merge(wire_type, &mut self.value, buf, ctx),
                )
            }
            3 => (
                "mod_policy",
                encoding::string::merge(wire_type, &mut self.mod_policy, buf, ctx),
            ),
            _ => return encoding::skip_field(wire_type, tag, buf, ctx),
        };
        merged.map_err(|mut error| {
            error.push("ConfigValue", field);
            error
        })
    }

    fn encoded_len(&self) -> usize {
        let mut len = 0;
        if self.version != 0 {
            len += encoding::uint64::encoded_len(1, &self.version);
        }
        if self.is_written() {
            len += encoding::bytes::encoded_len(2, &self.value);
        }
        if !self.mod_policy.is_empty() {
            len += encoding::string::encoded_len(3, &self.mod_policy);
        }
        len
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A policy of the tree.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigPolicy {
    /// Number of changes to it.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// The policy.
    #[prost(message, optional, tag = "2")]
    pub policy: Option<Policy>,
    /// Policy that a change must satisfy.
    #[prost(string, tag = "3")]
    pub mod_policy: String,
}

/// A change with the signatures of those who agree to it.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigUpdateEnvelope {
    /// Encoded [`ConfigUpdate`].
    #[prost(bytes = "vec", tag = "1")]
    pub config_update: Vec<u8>,
    /// Over signature header and `config_update`.
    #[prost(message, repeated, tag = "2")]
    pub signatures: Vec<ConfigSignature>,
}

/// A change to a channel's configuration.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigUpdate {
    /// Name of the channel.
    #[prost(string, tag = "1")]
    pub channel_id: String,
    /// What the change relies on: names and versions.
    #[prost(message, optional, tag = "2")]
    pub read_set: Option<ConfigGroup>,
    /// What the tree shall be: changed elements with their next version.
    #[prost(message, optional, tag = "3")]
    pub write_set: Option<ConfigGroup>,
    /// Data for other purposes; empty in every update that Fabric makes.
    #[prost(btree_map = "string, bytes", tag = "5")]
    pub isolated_data: BTreeMap<String, Vec<u8>>,
}

/// One organisation's consent to a change.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ConfigSignature {
    /// Encoded [`SignatureHeader`](crate::common::SignatureHeader).
    #[prost(bytes = "vec", tag = "1")]
    pub signature_header: Vec<u8>,
    /// Over `signature_header` followed by the encoded [`ConfigUpdate`].
    #[prost(bytes = "vec", tag = "2")]
    pub signature: Vec<u8>,
}

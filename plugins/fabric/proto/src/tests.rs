//! Encodings that Go's encoder gives, byte by byte.

use std::collections::BTreeMap;

use prost::Message;

use crate::common::{Block, BlockHeader, LastConfig, Metadata, OrdererBlockMetadata};
use crate::configuration::{
    Acls, ApiResource, Capabilities, Capability, ConfigGroup, ConfigUpdate, ConfigValue,
};
use crate::policies::{NOutOf, SignaturePolicy, SignatureRule};

fn decode<M: Message + Default>(bytes: &[u8]) -> M {
    M::decode(bytes).unwrap()
}

#[test]
fn a_zero_member_of_a_oneof_is_written() {
    let rule = |index| SignaturePolicy {
        r#type: Some(SignatureRule::SignedBy(index)),
    };
    assert_eq!(rule(0).encode_to_vec(), [0x08, 0x00]);
    let policy = SignaturePolicy {
        r#type: Some(SignatureRule::NOutOf(NOutOf {
            n: 1,
            rules: vec![rule(0), rule(1)],
        })),
    };
    let bytes = [
        0x12, 0x0a, 0x08, 0x01, 0x12, 0x02, 0x08, 0x00, 0x12, 0x02, 0x08, 0x01,
    ];
    assert_eq!(policy.encode_to_vec(), bytes);
    assert_eq!(decode::<SignaturePolicy>(&bytes), policy);
}

#[test]
fn an_entry_of_a_map_has_both_halves() {
    let capabilities = Capabilities {
        capabilities: BTreeMap::from([("V2_0".to_owned(), Capability {})]),
    };
    let bytes = b"\x0a\x08\x0a\x04V2_0\x12\x00";
    assert_eq!(capabilities.encode_to_vec(), bytes);
    assert_eq!(decode::<Capabilities>(bytes), capabilities);
    // An entry without a value, as other encoders may write it.
    assert_eq!(
        decode::<Capabilities>(b"\x0a\x06\x0a\x04V2_0"),
        capabilities
    );
}

#[test]
fn the_metadata_of_a_genesis_block_is_four_bytes() {
    let metadata = Metadata {
        value: OrdererBlockMetadata {
            last_config: Some(LastConfig { index: 0 }),
            consenter_metadata: Vec::new(),
        }
        .encode_to_vec(),
        signatures: Vec::new(),
    };
    assert_eq!(metadata.encode_to_vec(), [0x0a, 0x02, 0x0a, 0x00]);
}

#[test]
fn a_group_keeps_its_fields_in_order() {
    let group = ConfigGroup {
        version: 1,
        groups: BTreeMap::from([("B".into(), ConfigGroup::default())]),
        values: BTreeMap::from([(
            "V".into(),
            ConfigValue {
                value: vec![9],
                mod_policy: "Admins".into(),
                ..ConfigValue::default()
            },
        )]),
        policies: BTreeMap::new(),
        mod_policy: "Admins".into(),
    };
    let bytes = b"\x08\x01\x12\x05\x0a\x01B\x12\x00\x1a\x10\x0a\x01V\x12\x0b\x12\x01\x09\x1a\x06Admins\x2a\x06Admins";
    assert_eq!(group.encode_to_vec(), bytes);
    assert_eq!(group.encoded_len(), bytes.len());
    assert_eq!(decode::<ConfigGroup>(bytes), group);
    let mut cleared = group;
    cleared.clear();
    assert_eq!(cleared, ConfigGroup::default());
}

/// An empty value is left out, as Go does it. Who wrote it gets the same bytes back.
#[test]
fn an_empty_value_is_written_when_it_was() {
    let given = ConfigValue {
        mod_policy: "Admins".into(),
        ..ConfigValue::default()
    };
    let bytes = b"\x1a\x06Admins";
    assert_eq!(given.encode_to_vec(), bytes);
    let read = decode::<ConfigValue>(bytes);
    assert!(!read.explicit);
    assert_eq!(read.encode_to_vec(), bytes);
    let bytes = b"\x12\x00\x1a\x06Admins";
    let read = decode::<ConfigValue>(bytes);
    assert!(read.explicit);
    assert_eq!(read.encode_to_vec(), bytes);
    assert_eq!(read.encoded_len(), bytes.len());
    assert_eq!(read, given);
    let mut cleared = read;
    cleared.clear();
    assert!(cleared.encode_to_vec().is_empty());
    let error = ConfigValue::decode(&b"\x10\x01"[..]).unwrap_err();
    assert!(error.to_string().contains("ConfigValue.value"), "{error}");
}

#[test]
fn unknown_fields_are_skipped_and_wrong_ones_refused() {
    assert_eq!(decode::<Acls>(b"\x7a\x01x"), Acls::default());
    let acls = Acls {
        acls: BTreeMap::from([(
            "peer/Propose".into(),
            ApiResource {
                policy_ref: "/P".into(),
            },
        )]),
    };
    assert_eq!(decode::<Acls>(&acls.encode_to_vec()), acls);
    // Field 1 as a number instead of an entry.
    let error = Acls::decode(&b"\x08\x01"[..]).unwrap_err().to_string();
    assert!(error.contains("Acls.acls"), "{error}");
}

fn nested(levels: usize) -> Vec<u8> {
    let mut group = ConfigGroup::default();
    for _ in 0..levels {
        group = ConfigGroup {
            groups: BTreeMap::from([("g".into(), group)]),
            ..ConfigGroup::default()
        };
    }
    group.encode_to_vec()
}

#[test]
fn nesting_and_lengths_are_bounded() {
    assert!(ConfigGroup::decode(&nested(20)[..]).is_ok());
    assert!(ConfigGroup::decode(&nested(120)[..]).is_err());
    assert!(Block::decode(&b"\x0a\xff\xff\xff\xff\x0f"[..]).is_err());
}

#[test]
fn defaults_are_empty() {
    assert!(ConfigUpdate::default().encode_to_vec().is_empty());
    assert!(BlockHeader::default().encode_to_vec().is_empty());
}

//! Extra data of Istanbul (IBFT 1): `vanity || RLP([validators, seal, committed seals])`.
//!
//! In a genesis block nothing is sealed, and two ways are in use to say so: 65 zero bytes, and an
//! empty seal. Clients take both, but the block hash differs, so a network keeps the one it has.

use crate::address::Address;
use crate::rlp::Item;

use super::{
    ExtraDataError, SEAL_LENGTH, VANITY_LENGTH, address_list, byte_strings, read_addresses,
    read_byte_strings,
};

const NAME: &str = "istanbul";

/// The extra data of an Istanbul block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Istanbul {
    /// 32 bytes that mean nothing.
    pub vanity: [u8; VANITY_LENGTH],
    /// The addresses of the validators' node keys.
    pub validators: Vec<Address>,
    /// The seal of the proposer: 65 bytes, or none.
    pub seal: Vec<u8>,
    /// The seals of the validators; none in a genesis block.
    pub committed: Vec<Vec<u8>>,
}

impl Istanbul {
    /// The extra data of a genesis block, with a seal of 65 zero bytes as the original writes it.
    #[must_use]
    pub fn genesis(validators: Vec<Address>) -> Self {
        Self {
            vanity: [0; VANITY_LENGTH],
            validators,
            seal: vec![0; SEAL_LENGTH],
            committed: Vec::new(),
        }
    }

    /// The same with an empty seal, as the later generator writes it.
    #[must_use]
    pub fn unsealed(self) -> Self {
        Self {
            seal: Vec::new(),
            ..self
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let rlp = Item::List(vec![
            address_list(&self.validators),
            Item::bytes(self.seal.as_slice()),
            byte_strings(&self.committed),
        ]);
        [self.vanity.as_slice(), &rlp.encode()].concat()
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// When they are fewer than a vanity, or not followed by the RLP of Istanbul.
    pub fn decode(data: &[u8]) -> Result<Self, ExtraDataError> {
        let (vanity, rlp) = data
            .split_first_chunk::<VANITY_LENGTH>()
            .ok_or(ExtraDataError::TooShort(data.len()))?;
        let read = || {
            let item = Item::decode(rlp)?;
            let [validators, seal, committed] = item.as_list()? else {
                return Err(crate::rlp::RlpError::Shape("list of three"));
            };
            Ok(Self {
                vanity: *vanity,
                validators: read_addresses(validators)?,
                seal: seal.as_bytes()?.to_vec(),
                committed: read_byte_strings(committed)?,
            })
        };
        read().map_err(|cause| ExtraDataError::Rlp(NAME, cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{addresses, cases, octets};

    #[test]
    fn vector_istanbul_extra_data() {
        let cases = cases("istanbul_extraData");
        assert!(cases.len() >= 4);
        for case in cases {
            let extra = Istanbul::genesis(addresses(&case, "validators"));
            assert_eq!(extra.encode(), octets(&case, "computed"));
            assert_eq!(
                Istanbul::decode(&octets(&case, "computed")),
                Ok(extra.clone())
            );
            if case["published"].is_string() {
                assert_eq!(extra.encode(), octets(&case, "published"));
            }
            for (key, value) in case.as_object().unwrap() {
                if key.contains("empty") {
                    let value: Vec<u8> = hex::decode(&value.as_str().unwrap()[2..]).unwrap();
                    assert_eq!(extra.clone().unsealed().encode(), value);
                }
            }
        }
    }

    #[test]
    fn both_empty_seals_are_read() {
        let sealed = Istanbul::genesis(vec![Address::default()]);
        let unsealed = sealed.clone().unsealed();
        assert_ne!(sealed.encode(), unsealed.encode());
        assert_eq!(Istanbul::decode(&unsealed.encode()), Ok(unsealed));
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(
            Istanbul::decode(&[0; 31]),
            Err(ExtraDataError::TooShort(31))
        );
        assert!(Istanbul::decode(&[0; 32]).is_err());
        let mut cut = Istanbul::genesis(vec![Address::default()]).encode();
        cut.pop();
        assert!(Istanbul::decode(&cut).is_err());
        cut.push(0xc0);
        cut.push(0xc0);
        assert!(Istanbul::decode(&cut).is_err());
    }
}

//! Extra data of QBFT, and of the IBFT 2 of Besu: one RLP list, vanity within.
//!
//! `RLP([vanity, validators, vote, round, seals])`. The two differ in how they write "no vote" and
//! the round: QBFT an empty list and a number, IBFT 2 an empty string and four bytes. QBFT's bytes
//! are the same in `GoQuorum` and in Besu. A validator contract leaves the list of validators empty.

use crate::address::Address;
use crate::rlp::{Item, RlpError};

use super::{
    ExtraDataError, VANITY_LENGTH, address_list, byte_strings, read_addresses, read_byte_strings,
};

/// The byte of a vote that adds a validator; 0 drops one.
const ADD: u8 = 0xff;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// QBFT, of `GoQuorum` and Besu.
    Qbft,
    /// IBFT 2, of Besu alone.
    Ibft2,
}

/// A vote on one validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// Who is voted on.
    pub validator: Address,
    /// In, or out.
    pub add: bool,
}

/// The extra data of a QBFT or IBFT 2 block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bft {
    /// Which of the two.
    pub dialect: Dialect,
    /// 32 bytes that mean nothing.
    pub vanity: [u8; VANITY_LENGTH],
    /// The addresses of the validators' node keys; none when a contract holds them.
    pub validators: Vec<Address>,
    /// The vote of the proposer; none in a genesis block.
    pub vote: Option<Vote>,
    /// The round in which the block was agreed on; 0 in a genesis block.
    pub round: u32,
    /// The seals of the validators; none in a genesis block.
    pub seals: Vec<Vec<u8>>,
}

impl Bft {
    /// The extra data of a genesis block.
    #[must_use]
    pub const fn genesis(dialect: Dialect, validators: Vec<Address>) -> Self {
        Self {
            dialect,
            vanity: [0; VANITY_LENGTH],
            validators,
            vote: None,
            round: 0,
            seals: Vec::new(),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let round = self.round.to_be_bytes();
        let (round, no_vote) = match self.dialect {
            Dialect::Qbft => (Item::number(&round), Item::List(Vec::new())),
            Dialect::Ibft2 => (Item::bytes(round), Item::Bytes(Vec::new())),
        };
        let vote = self.vote.map_or(no_vote, |vote| self.dialect.vote(vote));
        Item::List(vec![
            Item::bytes(self.vanity),
            address_list(&self.validators),
            vote,
            round,
            byte_strings(&self.seals),
        ])
        .encode()
    }

    /// Reads the bytes, and finds out which of the two they are by the vote and the round.
    ///
    /// # Errors
    /// When they are not the RLP of either.
    pub fn decode(data: &[u8]) -> Result<Self, ExtraDataError> {
        Self::read(data).map_err(|cause| ExtraDataError::Rlp("qbft", cause))
    }

    fn read(data: &[u8]) -> Result<Self, RlpError> {
        let item = Item::decode(data)?;
        let [vanity, validators, vote, round, seals] = item.as_list()? else {
            return Err(RlpError::Shape("list of five"));
        };
        let dialect = match (vote, round.as_bytes()?.len()) {
            (Item::Bytes(_), _) | (Item::List(_), 4) => Dialect::Ibft2,
            (Item::List(_), _) => Dialect::Qbft,
        };
        let round = match dialect {
            Dialect::Qbft => read_round(round)?,
            Dialect::Ibft2 => u32::from_be_bytes(round.as_array()?),
        };
        Ok(Self {
            dialect,
            vanity: vanity.as_array()?,
            validators: read_addresses(validators)?,
            vote: dialect.read_vote(vote)?,
            round,
            seals: read_byte_strings(seals)?,
        })
    }
}

impl Dialect {
    /// A vote: `[validator, byte]`. "Out" is the number 0 (an empty string) in QBFT, but the byte 0
    /// in IBFT 2.
    fn vote(self, vote: Vote) -> Item {
        let byte = match (vote.add, self) {
            (true, _) => Item::bytes([ADD]),
            (false, Self::Qbft) => Item::number(&[0]),
            (false, Self::Ibft2) => Item::bytes([0]),
        };
        Item::List(vec![Item::bytes(*vote.validator.as_bytes()), byte])
    }

    fn read_vote(self, item: &Item) -> Result<Option<Vote>, RlpError> {
        let [validator, byte] = (match item {
            Item::Bytes(none) if none.is_empty() => return Ok(None),
            Item::List(none) if none.is_empty() => return Ok(None),
            item => item.as_list()?,
        }) else {
            return Err(RlpError::Shape("vote"));
        };
        let add = match byte.as_bytes()? {
            [ADD] => true,
            [] | [0] => false,
            _ => return Err(RlpError::Shape("vote")),
        };
        let validator = Address::from_bytes(validator.as_array()?);
        Ok(Some(Vote { validator, add }))
    }
}

fn read_round(item: &Item) -> Result<u32, RlpError> {
    let bytes = item.as_bytes()?;
    if bytes.first() == Some(&0) || bytes.len() > 4 {
        return Err(RlpError::NotCanonical);
    }
    Ok(bytes
        .iter()
        .fold(0, |round, byte| (round << 8) | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{addresses, cases, octets};

    fn check(key: &str, dialect: Dialect, least: usize) {
        let cases = cases(key);
        assert!(cases.len() >= least);
        for case in cases {
            let extra = Bft::genesis(dialect, addresses(&case, "validators"));
            assert_eq!(extra.encode(), octets(&case, "computed"));
            assert_eq!(Bft::decode(&octets(&case, "computed")), Ok(extra.clone()));
            if case["published"].is_string() {
                assert_eq!(extra.encode(), octets(&case, "published"));
            }
        }
    }

    #[test]
    fn vector_qbft_extra_data() {
        check("qbft_extraData", Dialect::Qbft, 4);
    }

    #[test]
    fn vector_ibft2_extra_data_besu() {
        check("ibft2_extraData_besu", Dialect::Ibft2, 3);
    }

    #[test]
    fn a_validator_contract_leaves_the_list_empty() {
        let expected = format!("e5a0{}c0c080c0", "00".repeat(32));
        let extra = Bft::genesis(Dialect::Qbft, Vec::new());
        assert_eq!(hex::encode(extra.encode()), expected);
        assert_eq!(Bft::decode(&extra.encode()), Ok(extra));
    }

    #[test]
    fn votes_rounds_and_seals_survive() {
        for dialect in [Dialect::Qbft, Dialect::Ibft2] {
            for (add, round) in [(true, 1), (false, 0), (true, 70_000)] {
                let validator = Address::from_bytes([7; 20]);
                let extra = Bft {
                    vote: Some(Vote { validator, add }),
                    round,
                    seals: vec![vec![1; 65], vec![2; 65]],
                    ..Bft::genesis(dialect, vec![validator])
                };
                assert_eq!(Bft::decode(&extra.encode()), Ok(extra));
            }
        }
    }
}

//! Recursive length prefix, the encoding of headers, states and extra data.
//!
//! An item is a string of bytes or a list of items. Decoding is strict as in the client: lengths and
//! single bytes have one encoding each, and nothing may follow the item.

use thiserror::Error;

/// Lists deeper than this are refused: nothing in this family nests more than four deep.
const MAX_DEPTH: u8 = 16;

/// Why bytes are no RLP item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RlpError {
    /// The bytes end within an item.
    #[error("rlp data ends within an item")]
    Truncated,
    /// Bytes follow the item.
    #[error("rlp data has {0} bytes after its item")]
    Trailing(usize),
    /// A length, or a single byte, is not in its shortest form.
    #[error("rlp data is not in its shortest form")]
    NotCanonical,
    /// Lists in lists in lists.
    #[error("rlp data nests too deep")]
    TooDeep,
    /// A list stands where a string was expected, or the other way round, or of another length.
    #[error("rlp data is not a {0}")]
    Shape(&'static str),
}

/// A string of bytes, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A string of bytes. Numbers are big-endian without leading zeros.
    Bytes(Vec<u8>),
    /// A list of items.
    List(Vec<Item>),
}

impl Item {
    /// A string of bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// A number: big-endian without leading zeros, so that 0 is the empty string.
    #[must_use]
    pub fn number(big_endian: &[u8]) -> Self {
        let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
        Self::Bytes(big_endian.iter().skip(zeros).copied().collect())
    }

    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => match bytes.as_slice() {
                [single] if *single < 0x80 => out.push(*single),
                bytes => {
                    write_length(out, 0x80, bytes.len());
                    out.extend_from_slice(bytes);
                }
            },
            Self::List(items) => {
                let mut payload = Vec::new();
                for item in items {
                    item.write(&mut payload);
                }
                write_length(out, 0xc0, payload.len());
                out.extend_from_slice(&payload);
            }
        }
    }

    /// Reads one item that is all of `data`.
    ///
    /// # Errors
    /// When the data is cut, goes on after the item, is not in its shortest form or nests too deep.
    pub fn decode(data: &[u8]) -> Result<Self, RlpError> {
        let (item, rest) = Self::read(data, 0)?;
        if rest.is_empty() {
            Ok(item)
        } else {
            Err(RlpError::Trailing(rest.len()))
        }
    }

    fn read(data: &[u8], depth: u8) -> Result<(Self, &[u8]), RlpError> {
        if depth > MAX_DEPTH {
            return Err(RlpError::TooDeep);
        }
        let (&first, rest) = data.split_first().ok_or(RlpError::Truncated)?;
        if first < 0x80 {
            return Ok((Self::Bytes(vec![first]), rest));
        }
        let base = if first < 0xc0 { 0x80 } else { 0xc0 };
        let (length, rest) = read_length(first.wrapping_sub(base), rest)?;
        let (mut payload, rest) = rest.split_at_checked(length).ok_or(RlpError::Truncated)?;
        if base == 0x80 {
            if matches!(payload, [single] if *single < 0x80) {
                return Err(RlpError::NotCanonical);
            }
            return Ok((Self::Bytes(payload.to_vec()), rest));
        }
        let mut items = Vec::new();
        while !payload.is_empty() {
            let (item, after) = Self::read(payload, depth.saturating_add(1))?;
            items.push(item);
            payload = after;
        }
        Ok((Self::List(items), rest))
    }

    /// The string of bytes.
    ///
    /// # Errors
    /// When it is a list.
    pub fn as_bytes(&self) -> Result<&[u8], RlpError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::List(_) => Err(RlpError::Shape("string")),
        }
    }

    /// The string of exactly `N` bytes.
    ///
    /// # Errors
    /// When it is a list or of another length.
    pub fn as_array<const N: usize>(&self) -> Result<[u8; N], RlpError> {
        <[u8; N]>::try_from(self.as_bytes()?).map_err(|_| RlpError::Shape("string of that length"))
    }

    /// The list.
    ///
    /// # Errors
    /// When it is a string.
    pub fn as_list(&self) -> Result<&[Self], RlpError> {
        match self {
            Self::List(items) => Ok(items),
            Self::Bytes(_) => Err(RlpError::Shape("list")),
        }
    }
}

fn write_length(out: &mut Vec<u8>, base: u8, length: usize) {
    if let Some(short) = u8::try_from(length).ok().filter(|length| *length <= 55) {
        out.push(base.wrapping_add(short));
        return;
    }
    let digits = length.to_be_bytes();
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    let count = digits.len().saturating_sub(zeros);
    out.push(
        base.wrapping_add(55)
            .wrapping_add(u8::try_from(count).unwrap_or(8)),
    );
    out.extend(digits.iter().skip(zeros));
}

/// The length that starts with `code` (0 to 63), and what follows it.
fn read_length(code: u8, rest: &[u8]) -> Result<(usize, &[u8]), RlpError> {
    let Some(count) = code.checked_sub(55).filter(|count| *count > 0) else {
        return Ok((usize::from(code), rest));
    };
    let (digits, rest) = rest
        .split_at_checked(usize::from(count))
        .ok_or(RlpError::Truncated)?;
    if digits.first() == Some(&0) {
        return Err(RlpError::NotCanonical);
    }
    let mut length: usize = 0;
    for digit in digits {
        length = length
            .checked_mul(256)
            .and_then(|length| length.checked_add(usize::from(*digit)))
            .ok_or(RlpError::Truncated)?;
    }
    if length <= 55 {
        return Err(RlpError::NotCanonical);
    }
    Ok((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Item {
        Item::bytes(text.as_bytes())
    }

    #[test]
    fn published_examples() {
        let lorem = "Lorem ipsum dolor sit amet, consectetur adipisicing elit";
        let empty = || Item::List(vec![]);
        let set = Item::List(vec![
            empty(),
            Item::List(vec![empty()]),
            Item::List(vec![empty(), Item::List(vec![empty()])]),
        ]);
        for (item, encoded) in [
            (text("dog"), "83646f67".to_owned()),
            (
                Item::List(vec![text("cat"), text("dog")]),
                "c88363617483646f67".to_owned(),
            ),
            (text(""), "80".to_owned()),
            (empty(), "c0".to_owned()),
            (Item::number(&[0, 0]), "80".to_owned()),
            (Item::bytes([0]), "00".to_owned()),
            (Item::number(&[15]), "0f".to_owned()),
            (Item::number(&[4, 0]), "820400".to_owned()),
            (set, "c7c0c1c0c3c0c1c0".to_owned()),
            (text(lorem), format!("b838{}", hex::encode(lorem))),
        ] {
            assert_eq!(hex::encode(item.encode()), encoded);
            assert_eq!(Item::decode(&hex::decode(encoded).unwrap()), Ok(item));
        }
        let long = Item::bytes(vec![7; 70_000]);
        assert!(hex::encode(long.encode()).starts_with("ba011170"));
        assert_eq!(Item::decode(&long.encode()), Ok(long));
    }

    #[test]
    fn what_the_client_refuses_is_refused() {
        for (data, error) in [
            ("", RlpError::Truncated),
            ("83646f", RlpError::Truncated),
            ("8100", RlpError::NotCanonical),
            ("b80180", RlpError::NotCanonical),
            ("b90001", RlpError::NotCanonical),
            ("c0c0", RlpError::Trailing(1)),
            ("ffffffffffffffffff", RlpError::Truncated),
            ("c180c0", RlpError::Trailing(1)),
        ] {
            assert_eq!(
                Item::decode(&hex::decode(data).unwrap()),
                Err(error),
                "{data}"
            );
        }
        let mut deep = Item::List(vec![]);
        for _ in 0..20 {
            deep = Item::List(vec![deep]);
        }
        assert_eq!(Item::decode(&deep.encode()), Err(RlpError::TooDeep));
    }
}

//! The pieces of DER that keys, names and certificates are made of, to write and to read.
//!
//! The writer puts elements together from encoded parts and sizes every buffer once, so that no
//! copy of a secret stays behind in memory that was given up. The reader takes definite lengths in
//! their shortest form only, never recurses, and answers odd bytes with an error.

use thiserror::Error;

/// Tags, with their class and whether they hold elements.
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const OID: u8 = 0x06;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const NUMERIC_STRING: u8 = 0x12;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const T61_STRING: u8 = 0x14;
    pub const IA5_STRING: u8 = 0x16;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const BMP_STRING: u8 = 0x1e;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    /// `[number]` of a context, with elements inside.
    pub const fn explicit(number: u8) -> u8 {
        0xa0 | number
    }
    /// `[number]` of a context, with plain bytes inside.
    pub const fn implicit(number: u8) -> u8 {
        0x80 | number
    }
}

/// BOOLEAN TRUE.
pub const TRUE: &[u8] = &[0x01, 0x01, 0xff];

/// One element: tag, length, and the parts of its content.
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = length.to_be_bytes();
    let digits = bytes.len() - bytes.iter().take_while(|&&byte| byte == 0).count();
    let mut out = Vec::with_capacity(2 + digits + length);
    out.push(tag);
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
    } else {
        // At most eight bytes of length.
        out.push(0x80 | u8::try_from(digits).unwrap_or(0));
        out.extend(bytes.iter().skip(bytes.len() - digits));
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A SEQUENCE of encoded elements.
pub fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    element(tag::SEQUENCE, elements)
}

/// A SET OF encoded elements, in the order that DER wants: that of their bytes.
pub fn set_of(mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    let parts: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    element(tag::SET, &parts)
}

/// An INTEGER that is not negative, from its big-endian bytes: without needless zeros in front.
pub fn unsigned(big_endian: &[u8]) -> Vec<u8> {
    let zeros = big_endian.iter().take_while(|&&byte| byte == 0).count();
    let digits = big_endian.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_none_or(|&first| first >= 0x80) {
        &[0]
    } else {
        &[]
    };
    element(tag::INTEGER, &[sign, digits])
}

/// A BIT STRING of whole bytes.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    element(tag::BIT_STRING, &[&[0], bytes])
}

/// An OCTET STRING.
pub fn octets(bytes: &[u8]) -> Vec<u8> {
    element(tag::OCTET_STRING, &[bytes])
}

/// An OBJECT IDENTIFIER, from its encoded content.
pub fn oid(content: &[u8]) -> Vec<u8> {
    element(tag::OID, &[content])
}

/// Bytes that are no DER, or other DER than expected. The field is named by whoever reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DerError {
    /// The bytes end inside of an element.
    #[error("truncated")]
    Truncated,
    /// A length that is indefinite, too large, or not in its shortest form.
    #[error("bad length")]
    Length,
    /// Another element than expected.
    #[error("unexpected element")]
    Tag,
    /// Bytes after the end.
    #[error("trailing bytes")]
    Trailing,
    /// The right element with a content that it cannot have.
    #[error("bad content")]
    Content,
}

/// An element as read.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    /// Tag and length included.
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The content when this element has a certain tag.
    pub fn expect(&self, tag: u8) -> Result<&'a [u8], DerError> {
        if self.tag == tag {
            Ok(self.content)
        } else {
            Err(DerError::Tag)
        }
    }
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The inside of the only element of `bytes`, which must have the tag.
    pub fn only(bytes: &'a [u8], tag: u8) -> Result<Self, DerError> {
        let mut outer = Self::new(bytes);
        let content = outer.expect(tag)?;
        outer.end()?;
        Ok(Self::new(content))
    }

    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub const fn end(&self) -> Result<(), DerError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DerError::Trailing)
        }
    }

    /// The next element, whatever it is.
    pub fn element(&mut self) -> Result<Element<'a>, DerError> {
        let [tag, first, after @ ..] = self.rest else {
            return Err(DerError::Truncated);
        };
        if tag & 0x1f == 0x1f {
            return Err(DerError::Tag);
        }
        let (length, header) = match first {
            0..=0x7f => (usize::from(*first), 2),
            0x81..=0x84 => {
                let digits = usize::from(first & 0x7f);
                let bytes = after.get(..digits).ok_or(DerError::Truncated)?;
                let length = bytes
                    .iter()
                    .fold(0_u64, |length, &byte| length << 8 | u64::from(byte));
                if bytes.first() == Some(&0) || length < 0x80 {
                    return Err(DerError::Length);
                }
                let length = usize::try_from(length).map_err(|_| DerError::Length)?;
                (length, 2 + digits)
            }
            _ => return Err(DerError::Length),
        };
        let end = header.checked_add(length).ok_or(DerError::Length)?;
        let (whole, rest) = self.rest.split_at_checked(end).ok_or(DerError::Truncated)?;
        let content = whole.get(header..).ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Element {
            tag: *tag,
            content,
            whole,
        })
    }

    /// The content of the next element, which must have the tag.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        self.element()?.expect(tag)
    }

    /// The next element's content when it has the tag; else it stays.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.rest.first() == Some(&tag) {
            self.expect(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The elements of the next SEQUENCE.
    pub fn sequence(&mut self) -> Result<Self, DerError> {
        self.expect(tag::SEQUENCE).map(Self::new)
    }

    /// An INTEGER that is not negative: its digits, without the zero of the sign.
    pub fn unsigned(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(tag::INTEGER)? {
            [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] => Err(DerError::Content),
            [0, digits @ ..] if !digits.is_empty() => Ok(digits),
            digits => Ok(digits),
        }
    }

    /// A BIT STRING of whole bytes.
    pub fn bits(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(tag::BIT_STRING)? {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(DerError::Content),
        }
    }

    /// A BOOLEAN that may be left out.
    pub fn flag(&mut self) -> Result<bool, DerError> {
        match self.optional(tag::BOOLEAN)? {
            None | Some([0]) => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(DerError::Content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(element(4, &[]), [4, 0]);
        assert_eq!(element(4, &[&[0; 127]])[..2], [4, 0x7f]);
        assert_eq!(element(4, &[&[0; 100], &[0; 28]])[..3], [4, 0x81, 0x80]);
        assert_eq!(element(4, &[&[0; 256]])[..4], [4, 0x82, 1, 0]);
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let written = octets(&vec![7; length]);
            let content = Reader::new(&written).expect(tag::OCTET_STRING).unwrap();
            assert_eq!(content.len(), length);
        }
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        for (bytes, expected) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 1], &[2, 1, 1]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0x7f, 0xff], &[2, 2, 0x7f, 0xff]),
        ] {
            assert_eq!(unsigned(bytes), expected);
            assert!(Reader::new(expected).unsigned().is_ok());
        }
        for wrong in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1], &[2, 2, 0, 0]] {
            assert_eq!(Reader::new(wrong).unsigned(), Err(DerError::Content));
        }
    }

    #[test]
    fn sets_are_sorted() {
        let set = set_of(vec![octets(&[2]), octets(&[1, 1]), octets(&[1])]);
        assert_eq!(set, [0x31, 10, 4, 1, 1, 4, 1, 2, 4, 2, 1, 1]);
    }

    #[test]
    fn reads_only_the_shortest_definite_lengths() {
        for (bytes, fault) in [
            (&[][..], DerError::Truncated),
            (&[4], DerError::Truncated),
            (&[4, 2, 0], DerError::Truncated),
            (&[4, 0x80, 0, 0], DerError::Length),
            (&[4, 0x81, 0x7f], DerError::Length),
            (&[4, 0x82, 0, 0x80], DerError::Length),
            (&[4, 0x81], DerError::Truncated),
            (&[4, 0x84, 0xff, 0xff, 0xff, 0xff], DerError::Truncated),
            (&[4, 0x88, 1, 0, 0, 0, 0, 0, 0, 0], DerError::Length),
            (&[0x1f, 1, 0], DerError::Tag),
        ] {
            assert_eq!(
                Reader::new(bytes).element().err(),
                Some(fault),
                "{bytes:x?}"
            );
        }
    }
}

//! The extensions of a certificate.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::BitOr;

use super::{CertificateError, in_field};
use crate::der::{DerError, Reader, tag};
use crate::oid;

/// An extension as it stands in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The content of its object identifier, see [`oid`].
    pub kind: Vec<u8>,
    /// Whether who does not know it must refuse the certificate.
    pub critical: bool,
    /// Its value in DER.
    pub value: Vec<u8>,
    /// The whole extension in DER.
    pub der: Vec<u8>,
}

/// What a key may do: a set of the nine bits of RFC 5280 4.2.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Bit 0: sign data.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// Bit 2: encrypt keys.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Bit 5: sign certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Bit 6: sign lists of revoked certificates.
    pub const CRL_SIGN: Self = Self(1 << 6);

    /// Whether all of the other set are in this one.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits, number 0 the lowest.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The BIT STRING of the extension: trailing zeros are left out.
    pub(crate) fn write(self) -> Vec<u8> {
        let reversed = self.0.reverse_bits();
        let [high, low] = reversed.to_be_bytes();
        let unused = u8::try_from(reversed.trailing_zeros() % 8).unwrap_or(0);
        let content: &[u8] = match (high, low) {
            (0, 0) => &[0],
            (high, 0) => &[unused, high],
            (high, low) => &[unused, high, low],
        };
        crate::der::element(tag::BIT_STRING, &[content])
    }

    fn read(value: &[u8]) -> Result<Self, DerError> {
        let mut reader = Reader::new(value);
        let content = reader.expect(tag::BIT_STRING)?;
        reader.end()?;
        let (high, low) = match content {
            [0] => (0, 0),
            [0..=7, high] => (*high, 0),
            [0..=7, high, low] => (*high, *low),
            _ => return Err(DerError::Content),
        };
        Ok(Self(u16::from_be_bytes([high, low]).reverse_bits()))
    }
}

impl BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Whether a certificate is an authority's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicConstraints {
    /// An authority's.
    pub ca: bool,
    /// How many authorities may follow below it; `None` means any number.
    pub path_length: Option<u32>,
}

impl BasicConstraints {
    fn read(value: &[u8]) -> Result<Self, DerError> {
        let mut fields = Reader::only(value, tag::SEQUENCE)?;
        let ca = fields.flag()?;
        let path_length = if fields.is_empty() {
            None
        } else {
            // Larger than any chain is as good as the largest number.
            let digits = fields.unsigned()?;
            Some(digits.iter().fold(0_u32, |length, &digit| {
                length.saturating_mul(256).saturating_add(u32::from(digit))
            }))
        };
        fields.end()?;
        Ok(Self { ca, path_length })
    }
}

/// All extensions, and what the known ones say.
#[derive(Debug, Clone, Default)]
pub(super) struct Extensions {
    pub all: Vec<Extension>,
    pub key_usage: Option<KeyUsage>,
    pub purposes: Option<Vec<Vec<u8>>>,
    pub basic_constraints: Option<BasicConstraints>,
    pub subject_key_id: Option<Vec<u8>>,
    pub authority_key_id: Option<Vec<u8>>,
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<IpAddr>,
}

impl Extensions {
    /// Reads the inside of `[3]`.
    pub fn read(inside: &[u8]) -> Result<Self, CertificateError> {
        let outer = in_field("extensions");
        let mut list = Reader::only(inside, tag::SEQUENCE).map_err(&outer)?;
        let mut out = Self::default();
        while !list.is_empty() {
            let whole = list.element().map_err(&outer)?;
            let mut fields = Reader::only(whole.whole, tag::SEQUENCE).map_err(&outer)?;
            let kind = fields.expect(tag::OID).map_err(&outer)?;
            let critical = fields.flag().map_err(&outer)?;
            let value = fields.expect(tag::OCTET_STRING).map_err(&outer)?;
            fields.end().map_err(&outer)?;
            if out.all.iter().any(|known| known.kind == kind) {
                return Err(CertificateError::Malformed {
                    field: "extensions",
                    fault: "the same one twice",
                });
            }
            out.understand(kind, value)?;
            out.all.push(Extension {
                kind: kind.to_vec(),
                critical,
                value: value.to_vec(),
                der: whole.whole.to_vec(),
            });
        }
        Ok(out)
    }

    fn understand(&mut self, kind: &[u8], value: &[u8]) -> Result<(), CertificateError> {
        match kind {
            oid::KEY_USAGE => {
                self.key_usage = Some(KeyUsage::read(value).map_err(in_field("key usage"))?);
            }
            oid::EXTENDED_KEY_USAGE => {
                self.purposes = Some(read_purposes(value).map_err(in_field("extended key usage"))?);
            }
            oid::BASIC_CONSTRAINTS => {
                self.basic_constraints =
                    Some(BasicConstraints::read(value).map_err(in_field("basic constraints"))?);
            }
            oid::SUBJECT_KEY_IDENTIFIER => {
                let fault = in_field("subject key identifier");
                let mut reader = Reader::new(value);
                let id = reader.expect(tag::OCTET_STRING).map_err(&fault)?;
                reader.end().map_err(&fault)?;
                self.subject_key_id = Some(id.to_vec());
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                let fault = in_field("authority key identifier");
                let mut fields = Reader::only(value, tag::SEQUENCE).map_err(&fault)?;
                // Name and serial number of the issuer may follow.
                self.authority_key_id = fields
                    .optional(tag::implicit(0))
                    .map_err(&fault)?
                    .map(<[u8]>::to_vec);
            }
            oid::SUBJECT_ALT_NAME => self
                .read_names(value)
                .map_err(in_field("subject alternative name"))?,
            _ => {}
        }
        Ok(())
    }

    fn read_names(&mut self, value: &[u8]) -> Result<(), DerError> {
        const DNS: u8 = tag::implicit(2);
        const IP: u8 = tag::implicit(7);
        let mut names = Reader::only(value, tag::SEQUENCE)?;
        while !names.is_empty() {
            let name = names.element()?;
            match name.tag {
                DNS => {
                    let text = core::str::from_utf8(name.content)
                        .ok()
                        .filter(|text| text.is_ascii())
                        .ok_or(DerError::Content)?;
                    self.dns_names.push(text.to_owned());
                }
                IP => self.ip_addresses.push(read_address(name.content)?),
                // Mail addresses and URIs say nothing about a host.
                _ => {}
            }
        }
        Ok(())
    }
}

fn read_address(bytes: &[u8]) -> Result<IpAddr, DerError> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).map_err(|_| DerError::Content)?;
    Ok(Ipv6Addr::from(sixteen).into())
}

fn read_purposes(value: &[u8]) -> Result<Vec<Vec<u8>>, DerError> {
    let mut list = Reader::only(value, tag::SEQUENCE)?;
    let mut purposes = Vec::new();
    while !list.is_empty() {
        purposes.push(list.expect(tag::OID)?.to_vec());
    }
    Ok(purposes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_usage_is_as_short_as_it_can_be() {
        let sign = KeyUsage::DIGITAL_SIGNATURE;
        for (usage, bytes) in [
            (sign, &[3, 2, 7, 0x80][..]),
            (sign | KeyUsage::KEY_ENCIPHERMENT, &[3, 2, 5, 0xa0]),
            (KeyUsage(0b0110_0101), &[3, 2, 1, 0xa6]),
            (KeyUsage(1 << 8), &[3, 3, 7, 0, 0x80]),
            (KeyUsage(0), &[3, 1, 0]),
        ] {
            assert_eq!(usage.write(), bytes);
            assert_eq!(KeyUsage::read(bytes), Ok(usage));
        }
        for wrong in [&[3, 0][..], &[3, 2, 8, 0], &[3, 4, 0, 1, 1, 1], &[4, 1, 0]] {
            assert!(KeyUsage::read(wrong).is_err());
        }
        assert!(!sign.contains(KeyUsage::CRL_SIGN));
    }

    #[test]
    fn basic_constraints_with_and_without_depth() {
        for (bytes, ca, path_length) in [
            (&[0x30, 0][..], false, None),
            (&[0x30, 3, 1, 1, 0xff], true, None),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 0], true, Some(0)),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 3], true, Some(3)),
        ] {
            let expected = BasicConstraints { ca, path_length };
            assert_eq!(BasicConstraints::read(bytes), Ok(expected));
        }
        assert!(BasicConstraints::read(&[0x30, 3, 1, 1, 1]).is_err());
    }

    #[test]
    fn an_extension_stands_once() {
        let one = [0x30, 9, 6, 3, 0x55, 0x1d, 0x0e, 4, 2, 4, 0];
        let list = crate::der::sequence(&[&one]);
        assert_eq!(Extensions::read(&list).unwrap().all.len(), 1);
        let list = crate::der::sequence(&[&one, &one]);
        assert!(Extensions::read(&list).is_err());
    }
}

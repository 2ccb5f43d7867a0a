//! Distinguished names: of a subject and of an issuer.
//!
//! Written as Go's `pkix.Name` does: country, province, locality, street, postal code,
//! organisation, unit, common name, in this order. Several units are one *set* of the sequence, in
//! the order of their bytes. A text is a `PrintableString` when all its characters allow that, else
//! a `UTF8String`: `Admin@org1` is the latter because of its `@`.

use core::fmt;

use crate::der::{self, DerError, Element, Reader, tag};
use crate::oid;

/// Where an organisation is: the part of a name that all its certificates share. The default is
/// that of `cryptogen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `C`, two letters by the standard, which nobody checks.
    pub country: Option<String>,
    /// `ST`.
    pub province: Option<String>,
    /// `L`.
    pub locality: Option<String>,
    /// `STREET`.
    pub street_address: Option<String>,
    /// `postalCode`.
    pub postal_code: Option<String>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            country: Some("US".to_owned()),
            province: Some("California".to_owned()),
            locality: Some("San Francisco".to_owned()),
            street_address: None,
            postal_code: None,
        }
    }
}

/// What a name is written from.
pub(crate) struct NameParts<'a> {
    pub place: &'a Place,
    pub organization: Option<&'a str>,
    pub units: Vec<&'a str>,
    pub common_name: &'a str,
}

impl NameParts<'_> {
    /// `Name` in DER. Empty texts are left out, as `cryptogen` does.
    pub(crate) fn write(&self) -> Vec<u8> {
        let place = self.place;
        let sets: [(&[u8], Vec<&str>); 8] = [
            (oid::COUNTRY, place.country.as_deref().into_iter().collect()),
            (
                oid::PROVINCE,
                place.province.as_deref().into_iter().collect(),
            ),
            (
                oid::LOCALITY,
                place.locality.as_deref().into_iter().collect(),
            ),
            (
                oid::STREET_ADDRESS,
                place.street_address.as_deref().into_iter().collect(),
            ),
            (
                oid::POSTAL_CODE,
                place.postal_code.as_deref().into_iter().collect(),
            ),
            (oid::ORGANIZATION, self.organization.into_iter().collect()),
            (oid::ORGANIZATIONAL_UNIT, self.units.clone()),
            (oid::COMMON_NAME, vec![self.common_name]),
        ];
        let mut written: Vec<Vec<u8>> = Vec::new();
        for (kind, texts) in &sets {
            let attributes: Vec<Vec<u8>> = texts
                .iter()
                .filter(|text| !text.is_empty())
                .map(|text| der::sequence(&[&der::oid(kind), &write_text(text)]))
                .collect();
            if !attributes.is_empty() {
                written.push(der::set_of(attributes));
            }
        }
        let parts: Vec<&[u8]> = written.iter().map(Vec::as_slice).collect();
        der::sequence(&parts)
    }
}

/// A text in DER, in the form that Go chooses.
fn write_text(text: &str) -> Vec<u8> {
    let printable = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte));
    let form = if printable {
        tag::PRINTABLE_STRING
    } else {
        tag::UTF8_STRING
    };
    der::element(form, &[text.as_bytes()])
}

/// The text of an element; `None` when it is none of the forms of text.
pub(crate) fn read_text(element: &Element<'_>) -> Result<Option<String>, DerError> {
    let content = element.content;
    let text = match element.tag {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING | tag::NUMERIC_STRING => {
            String::from_utf8(content.to_vec()).map_err(|_| DerError::Content)?
        }
        tag::T61_STRING => content.iter().copied().map(char::from).collect(),
        tag::BMP_STRING => {
            if !content.len().is_multiple_of(2) {
                return Err(DerError::Content);
            }
            let units: Vec<u16> = content
                .chunks_exact(2)
                .map(|pair| {
                    pair.iter()
                        .fold(0, |unit, &byte| unit << 8 | u16::from(byte))
                })
                .collect();
            String::from_utf16(&units).map_err(|_| DerError::Content)?
        }
        _ => return Ok(None),
    };
    Ok(Some(text))
}

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The content of its object identifier, see [`oid`].
    pub kind: Vec<u8>,
    /// Its text; bytes that are no text as `#` and hex digits of their DER.
    pub text: String,
}

/// A name as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
}

impl Name {
    /// Reads `Name`.
    pub(crate) fn read(whole: &[u8]) -> Result<Self, DerError> {
        let mut sets = Reader::only(whole, tag::SEQUENCE)?;
        let mut attributes = Vec::new();
        while !sets.is_empty() {
            let mut set = Reader::new(sets.expect(tag::SET)?);
            while !set.is_empty() {
                let mut attribute = set.sequence()?;
                let kind = attribute.expect(tag::OID)?.to_vec();
                let value = attribute.element()?;
                attribute.end()?;
                let text =
                    read_text(&value)?.unwrap_or_else(|| format!("#{}", hex::encode(value.whole)));
                attributes.push(Attribute { kind, text });
            }
        }
        Ok(Self {
            der: whole.to_vec(),
            attributes,
        })
    }

    /// The DER, by whose bytes issuers are compared.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// All attributes, in order.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// `CN`; the last one when there are several, as Go reads it.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.texts(oid::COMMON_NAME).last()
    }

    /// All `OU`, in order: roles and affiliations.
    pub fn organizational_units(&self) -> impl Iterator<Item = &str> {
        self.texts(oid::ORGANIZATIONAL_UNIT)
    }

    /// All `O`, in order.
    pub fn organizations(&self) -> impl Iterator<Item = &str> {
        self.texts(oid::ORGANIZATION)
    }

    /// The place in a name, for a certificate of the same organisation: the first text of each kind.
    #[must_use]
    pub fn place(&self) -> Place {
        let first = |kind| self.texts(kind).next().map(str::to_owned);
        Place {
            country: first(oid::COUNTRY),
            province: first(oid::PROVINCE),
            locality: first(oid::LOCALITY),
            street_address: first(oid::STREET_ADDRESS),
            postal_code: first(oid::POSTAL_CODE),
        }
    }

    fn texts<'a>(&'a self, kind: &'a [u8]) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.kind == kind)
            .map(|attribute| attribute.text.as_str())
    }
}

impl fmt::Display for Name {
    /// For people: `C=US, O=org1, CN=ca.org1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attribute) in self.attributes.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            let kind = match attribute.kind.as_slice() {
                oid::COMMON_NAME => "CN",
                oid::SERIAL_NUMBER => "SERIALNUMBER",
                oid::COUNTRY => "C",
                oid::LOCALITY => "L",
                oid::PROVINCE => "ST",
                oid::STREET_ADDRESS => "STREET",
                oid::ORGANIZATION => "O",
                oid::ORGANIZATIONAL_UNIT => "OU",
                oid::POSTAL_CODE => "POSTALCODE",
                other => &oid::dotted(other),
            };
            write!(f, "{kind}={}", attribute.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &NameParts<'_>) -> Name {
        Name::read(&parts.write()).unwrap()
    }

    #[test]
    fn the_order_is_that_of_go() {
        let place = Place {
            street_address: Some("Main Street 1".to_owned()),
            postal_code: Some("1234".to_owned()),
            ..Place::default()
        };
        let name = name(&NameParts {
            place: &place,
            organization: Some("org1"),
            units: vec!["Sales", "peer"],
            common_name: "peer0.org1",
        });
        // Of the set, the shorter one comes first.
        assert_eq!(
            name.to_string(),
            "C=US, ST=California, L=San Francisco, STREET=Main Street 1, POSTALCODE=1234, O=org1, OU=peer, OU=Sales, CN=peer0.org1"
        );
        assert_eq!(name.place(), place);
        // Nine attributes, eight sets.
        let mut sets = Reader::only(name.der(), tag::SEQUENCE).unwrap();
        let mut count = 0;
        while !sets.is_empty() {
            sets.expect(tag::SET).unwrap();
            count += 1;
        }
        assert_eq!((count, name.attributes().len()), (8, 9));
    }

    #[test]
    fn text_takes_the_narrow_form_when_it_can() {
        for (text, form) in [
            ("peer0.org1", tag::PRINTABLE_STRING),
            ("a '()+,-./:=?", tag::PRINTABLE_STRING),
            ("Admin@org1", tag::UTF8_STRING),
            ("a*b", tag::UTF8_STRING),
            ("a&b", tag::UTF8_STRING),
            ("a_b", tag::UTF8_STRING),
            ("\u{4e2d}\u{6587}", tag::UTF8_STRING),
        ] {
            let written = write_text(text);
            assert_eq!(written[0], form, "{text}");
            let element = Reader::new(&written).element().unwrap();
            assert_eq!(read_text(&element).unwrap().as_deref(), Some(text));
        }
    }

    #[test]
    fn long_and_empty_texts() {
        let long = "x".repeat(70_000);
        let name = name(&NameParts {
            place: &Place {
                country: Some(String::new()),
                province: None,
                locality: None,
                street_address: None,
                postal_code: None,
            },
            organization: None,
            units: vec![],
            common_name: &long,
        });
        assert_eq!(name.common_name(), Some(long.as_str()));
        assert_eq!(name.attributes().len(), 1);
    }

    #[test]
    fn other_forms_of_text_are_read() {
        for (form, content, expected) in [
            (tag::T61_STRING, &[0x41, 0xe9][..], Some("A\u{e9}")),
            (tag::BMP_STRING, &[0x4e, 0x2d, 0, 0x41], Some("\u{4e2d}A")),
            (tag::OCTET_STRING, &[1], None),
        ] {
            let element = Element {
                tag: form,
                content,
                whole: &[],
            };
            assert_eq!(read_text(&element).unwrap().as_deref(), expected);
        }
        for (form, content) in [(tag::BMP_STRING, &[0x4e][..]), (tag::UTF8_STRING, &[0xff])] {
            let element = Element {
                tag: form,
                content,
                whole: &[],
            };
            assert_eq!(read_text(&element), Err(DerError::Content));
        }
    }
}

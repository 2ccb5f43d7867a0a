//! The certificate of a Syncthing 1.x device, except for its signature.
//!
//! Subject, extensions, order and lifetime are those of Syncthing's own certificates; checked byte
//! for byte against one that another library made (reference 2.4, vector `syncthing_device_id`).

use super::der::{self, element, sequence};

const DAY_MS: u64 = 86_400_000;
/// Syncthing's 20 years have no leap days.
const LIFETIME_DAYS: u64 = 20 * 365;

/// The algorithm of the signature.
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// The curve of the key.
pub const SECP384R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 0x04, 0x0b];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// `Certificate`: the signed part and its signature, an ECDSA-Sig-Value.
pub fn signed(signed_part: &[u8], signature: &[u8]) -> Vec<u8> {
    sequence(&[
        signed_part,
        &sequence(&[&der::oid(ECDSA_WITH_SHA256)]),
        &der::bits(signature),
    ])
}

/// `TBSCertificate`, what is signed, for an uncompressed public key. It begins at 00:00 UTC of the
/// day of `born_ms`; none when it would end after the year 9999.
pub fn signed_part(public: &[u8], serial: [u8; 8], born_ms: u64) -> Option<Vec<u8>> {
    let first_day = born_ms / DAY_MS;
    let name = sequence(&[
        &attribute(ORGANIZATION, "Syncthing"),
        &attribute(ORGANIZATIONAL_UNIT, "Automatically Generated"),
        &attribute(COMMON_NAME, "syncthing"),
    ]);
    let public_key = sequence(&[
        &sequence(&[&der::oid(EC_PUBLIC_KEY), &der::oid(SECP384R1)]),
        &der::bits(public),
    ]);
    Some(sequence(&[
        &element(0xa0, &der::unsigned(&[2])), // version 3
        &der::unsigned(&serial),
        &sequence(&[&der::oid(ECDSA_WITH_SHA256)]),
        &name,
        &sequence(&[&time(first_day)?, &time(first_day + LIFETIME_DAYS)?]),
        &name,
        &public_key,
        &element(0xa3, &extensions()),
    ]))
}

fn attribute(kind: &[u8], text: &str) -> Vec<u8> {
    der::set(&sequence(&[&der::oid(kind), &der::utf8(text)]))
}

/// Key usage, extended key usage, no CA, and the name by which devices check each other.
fn extensions() -> Vec<u8> {
    let digital_signature_and_key_encipherment = [0x03, 0x02, 0x05, 0xa0];
    let usages = sequence(&[&der::oid(SERVER_AUTH), &der::oid(CLIENT_AUTH)]);
    let names = sequence(&[&element(0x82, b"syncthing")]);
    let extension = |kind, critical, value: &[u8]| {
        let critical = if critical { der::BOOLEAN_TRUE } else { &[] };
        sequence(&[&der::oid(kind), critical, &der::octets(value)])
    };
    sequence(&[
        &extension(KEY_USAGE, true, &digital_signature_and_key_encipherment),
        &extension(EXTENDED_KEY_USAGE, false, &usages),
        &extension(BASIC_CONSTRAINTS, true, &sequence(&[])),
        &extension(SUBJECT_ALT_NAME, false, &names),
    ])
}

/// 00:00 UTC of a day after 1970: `UTCTime` before 2050, `GeneralizedTime` from then on (RFC 5280
/// 4.1.2.5); none after the year 9999.
fn time(days: u64) -> Option<Vec<u8>> {
    let (year, month, day) = civil(days);
    match year {
        ..2050 => {
            let text = format!("{:02}{month:02}{day:02}000000Z", year % 100);
            Some(element(0x17, text.as_bytes()))
        }
        2050..=9999 => {
            let text = format!("{year:04}{month:02}{day:02}000000Z");
            Some(element(0x18, text.as_bytes()))
        }
        _ => None,
    }
}

/// Year, month and day of a day after 1970, in the Gregorian calendar: counted in eras of 400 years
/// and in years that begin in March, so that the leap day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let since_march_0000 = days + 719_468;
    let era = since_march_0000 / 146_097;
    let of_era = since_march_0000 % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (era * 400 + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vector};
    use x509_parser::prelude::*;

    /// 2026-01-01 13:00:00 UTC.
    const BORN_MS: u64 = 1_767_272_400_000;

    /// The certificate of the vectors was made by another library: same key, serial and date must
    /// give the same bytes up to the signature, which has a random nonce there.
    #[test]
    fn vector_certificate_has_the_same_signed_bytes() {
        let certs = vector("syncthing_device_id")["certs"].clone();
        let pem = text(&certs[0], "cert_pem");
        let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let signed = signed_part(
            &certificate.public_key().subject_public_key.data,
            certificate.raw_serial().try_into().unwrap(),
            BORN_MS,
        )
        .unwrap();
        assert_eq!(
            hex::encode(&signed),
            hex::encode(certificate.tbs_certificate.as_ref())
        );
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (789, (1972, 2, 29)),
            (11_016, (2000, 2, 29)),
            (20_454, (2026, 1, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(civil(days), expected);
        }
    }
}

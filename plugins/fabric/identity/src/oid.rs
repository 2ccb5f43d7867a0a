//! Object identifiers, as the content of their DER element.

/// `CN`.
pub const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `serialNumber` of a name.
pub const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];
/// `C`.
pub const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
/// `L`.
pub const LOCALITY: &[u8] = &[0x55, 0x04, 0x07];
/// `ST`.
pub const PROVINCE: &[u8] = &[0x55, 0x04, 0x08];
/// `STREET`.
pub const STREET_ADDRESS: &[u8] = &[0x55, 0x04, 0x09];
/// `O`.
pub const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// `OU`.
pub const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 0x04, 0x0b];
/// `postalCode`.
pub const POSTAL_CODE: &[u8] = &[0x55, 0x04, 0x11];

/// Extension: the key identifier of the subject.
pub const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
/// Extension: what the key may do.
pub const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// Extension: hosts and addresses.
pub const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// Extension: whether the certificate is an authority's.
pub const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// Extension: the key identifier of the issuer.
pub const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
/// Extension: purposes beyond the key usage.
pub const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// Purpose: server of TLS.
pub const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// Purpose: client of TLS.
pub const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
/// Purpose: any.
pub const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// Keys of elliptic curves.
pub const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// The curve P-256.
pub const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// What all signatures by ECDSA begin with.
pub const ECDSA_SIGNATURES: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
/// ECDSA over SHA-256, the only one that is made here.
pub const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// ECDSA over SHA-384.
pub const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// ECDSA over SHA-512.
pub const ECDSA_WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

/// The usual text of an identifier: numbers with dots. Bytes that are no identifier are shown as
/// hex after a `#`.
pub fn dotted(content: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0_u64;
    let mut open = false;
    for &byte in content {
        if arc >> 57 != 0 {
            return format!("#{}", hex::encode(content));
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        open = byte >= 0x80;
        if open {
            continue;
        }
        if arcs.is_empty() {
            // The first two numbers share an arc.
            let first = (arc / 40).min(2);
            arcs.push(first);
            arc -= 40 * first;
        }
        arcs.push(arc);
        arc = 0;
    }
    if open || arcs.is_empty() {
        return format!("#{}", hex::encode(content));
    }
    let arcs: Vec<String> = arcs.iter().map(u64::to_string).collect();
    arcs.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_usual_text() {
        assert_eq!(dotted(COMMON_NAME), "2.5.4.3");
        assert_eq!(dotted(ECDSA_WITH_SHA256), "1.2.840.10045.4.3.2");
        assert_eq!(dotted(PRIME256V1), "1.2.840.10045.3.1.7");
        assert_eq!(dotted(SERVER_AUTH), "1.3.6.1.5.5.7.3.1");
        assert_eq!(dotted(&[0x88, 0x37]), "2.999");
        assert_eq!(dotted(&[]), "#");
        assert_eq!(dotted(&[0x2b, 0x86]), "#2b86");
        assert!(dotted(&[0xff; 12]).starts_with('#'));
    }
}

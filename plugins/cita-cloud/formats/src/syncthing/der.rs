//! The few pieces of DER that a self-signed certificate is made of.

pub const BOOLEAN_TRUE: &[u8] = &[0x01, 0x01, 0xff];

/// One element: tag, length, content.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    if let Ok(short @ 0..0x80) = u8::try_from(content.len()) {
        out.push(short);
    } else {
        let length: Vec<u8> = content
            .len()
            .to_be_bytes()
            .into_iter()
            .skip_while(|&byte| byte == 0)
            .collect();
        // At most eight bytes of length.
        out.push(0x80 | u8::try_from(length.len()).unwrap_or(0));
        out.extend(length);
    }
    out.extend_from_slice(content);
    out
}

/// A SEQUENCE of elements that are already encoded.
pub fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    element(0x30, &elements.concat())
}

/// A SET of one element.
pub fn set(only: &[u8]) -> Vec<u8> {
    element(0x31, only)
}

/// An INTEGER that is not negative, from its big-endian bytes.
pub fn unsigned(big_endian: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = big_endian
        .iter()
        .copied()
        .skip_while(|&byte| byte == 0)
        .collect();
    if content.first().is_none_or(|&first| first >= 0x80) {
        content.insert(0, 0);
    }
    element(0x02, &content)
}

/// A BIT STRING of whole bytes.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    element(0x03, &[&[0], bytes].concat())
}

/// An OCTET STRING.
pub fn octets(bytes: &[u8]) -> Vec<u8> {
    element(0x04, bytes)
}

/// An OBJECT IDENTIFIER, from its encoded content.
pub fn oid(content: &[u8]) -> Vec<u8> {
    element(0x06, content)
}

/// A `UTF8String`.
pub fn utf8(text: &str) -> Vec<u8> {
    element(0x0c, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(element(4, &[]), [4, 0]);
        assert_eq!(element(4, &[0; 127])[..2], [4, 0x7f]);
        assert_eq!(element(4, &[0; 128])[..3], [4, 0x81, 0x80]);
        assert_eq!(element(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 1]), [2, 1, 1]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0x7f, 0xff]), [2, 2, 0x7f, 0xff]);
    }
}

//! Custom sections of a component: read and written without running or compiling anything.

use wasmparser::{Parser, Payload};

/// Section with the contract version: three big-endian 16-bit numbers.
pub const CONTRACT: &str = "chain:contract";
/// Section with the descriptor, JSON text.
pub const DESCRIPTOR: &str = "chain:descriptor";

/// The content of the first custom section `name` at the top level.
pub fn read<'a>(
    component: &'a [u8],
    name: &str,
) -> Result<Option<&'a [u8]>, wasmparser::BinaryReaderError> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == name => {
                return Ok(Some(section.data()));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Appends a custom section.
pub fn append(binary: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = Vec::new();
    leb128(&mut body, name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    put(binary, 0, &body);
}

/// Writes one section of any kind: its id, its length, its body.
pub(crate) fn put(binary: &mut Vec<u8>, id: u8, body: &[u8]) {
    binary.push(id);
    leb128(binary, body.len());
    binary.extend_from_slice(body);
}

fn leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_read_back() {
        let mut binary = b"\0asm\x0d\0\x01\0".to_vec();
        let long = vec![7; 300];
        append(&mut binary, DESCRIPTOR, &long);
        assert_eq!(read(&binary, DESCRIPTOR).unwrap(), Some(long.as_slice()));
        assert_eq!(read(&binary, CONTRACT).unwrap(), None);
    }
}

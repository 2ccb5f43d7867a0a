//! A row as it lies in a cell: serial types and bodies, and the integers of the format.

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL. Also stands in the column that is the `INTEGER PRIMARY KEY`: its value is the row id.
    Null,
    /// An integer.
    Integer(i64),
    /// A text, stored in UTF-8.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A record: length of its header (itself included), serial types, bodies.
pub fn record(values: &[Value]) -> Vec<u8> {
    let mut types = Vec::new();
    let mut bodies = Vec::new();
    for value in values {
        let (serial_type, body) = serial(value);
        types.extend(varint(serial_type));
        bodies.extend(body);
    }
    let mut length = types.len() + 1;
    while varint(length as u64).len() + types.len() > length {
        length += 1;
    }
    let mut record = varint(length as u64);
    record.extend(types);
    record.extend(bodies);
    record
}

/// Serial type and body of a value, integers in the shortest form.
fn serial(value: &Value) -> (u64, Vec<u8>) {
    match value {
        Value::Null => (0, Vec::new()),
        Value::Integer(0) => (8, Vec::new()),
        Value::Integer(1) => (9, Vec::new()),
        Value::Integer(number) => {
            let (serial_type, length) = [(1, 1_usize), (2, 2), (3, 3), (4, 4), (5, 6)]
                .into_iter()
                .find(|&(_, length)| {
                    let unused = 64 - 8 * length;
                    (*number << unused) >> unused == *number
                })
                .unwrap_or((6, 8));
            let bytes = number.to_be_bytes();
            let skipped = bytes.len().saturating_sub(length);
            (serial_type, bytes.into_iter().skip(skipped).collect())
        }
        Value::Text(text) => (text.len() as u64 * 2 + 13, text.as_bytes().to_vec()),
        Value::Blob(bytes) => (bytes.len() as u64 * 2 + 12, bytes.clone()),
    }
}

/// `SQLite`'s variable-length integer: seven bits a byte, the highest first; a ninth byte holds
/// eight.
pub fn varint(value: u64) -> Vec<u8> {
    let mut reversed = Vec::with_capacity(9);
    let mut rest = value;
    if value >> 56 != 0 {
        reversed.push((rest & 0xff) as u8);
        rest >>= 8;
    } else {
        reversed.push((rest & 0x7f) as u8);
        rest >>= 7;
    }
    while rest != 0 || (value >> 56 != 0 && reversed.len() < 9) {
        reversed.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    reversed.reverse();
    reversed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_sqlites() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(0x7f), [0x7f]);
        assert_eq!(varint(0x80), [0x81, 0x00]);
        assert_eq!(varint((1 << 56) - 1).len(), 8);
        assert_eq!(
            varint(1 << 56),
            [0x80, 0xc0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00][..]
        );
        assert_eq!(varint(u64::MAX), [0xff; 9]);
    }
}

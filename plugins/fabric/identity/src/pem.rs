//! PEM text: written as Fabric's tools do, read with the patience of Go's decoder.
//!
//! Written: lines of 64 digits, LF, a newline at the end. Read: text around the blocks is skipped,
//! lines may have any length and end, headers inside of a block (`Proc-Type: ..`) are skipped.

use base64ct::{Base64, Encoding};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::der::{Reader, tag};

const LINE: usize = 64;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Text that holds no PEM, or a broken block. The text may be a secret and is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PemError {
    /// No block with a wanted label.
    #[error("no pem block `{0}`")]
    Missing(&'static str),
    /// A block that does not end.
    #[error("pem block `{0}` has no end line")]
    Open(String),
    /// A block whose digits are no base64.
    #[error("pem block `{0}` is not base64")]
    Digits(String),
}

/// One block of a PEM text.
pub struct Block {
    /// What stands after `BEGIN`, for example `CERTIFICATE`.
    pub label: String,
    /// Whether headers say that the content is encrypted.
    pub encrypted: bool,
    /// The decoded content, which may be a secret.
    pub der: Zeroizing<Vec<u8>>,
}

/// Writes one block.
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let digits = Zeroizing::new(Base64::encode_string(der));
    let lines = digits.len().div_ceil(LINE);
    let mut out = Zeroizing::new(String::with_capacity(
        digits.len() + lines + 2 * label.len() + 40,
    ));
    for part in [BEGIN, label, DASHES, "\n"] {
        out.push_str(part);
    }
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    for part in [END, label, DASHES, "\n"] {
        out.push_str(part);
    }
    out
}

/// Whether bytes are one SEQUENCE of DER and nothing more: the outside of everything that PEM wraps
/// here.
#[must_use]
pub fn is_one_sequence(bytes: &[u8]) -> bool {
    Reader::only(bytes, tag::SEQUENCE).is_ok()
}

/// All blocks of a text, in order.
///
/// # Errors
/// When a block has no end or no base64 in it.
pub fn decode_all(text: &str) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(label) = line
            .trim_end()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(DASHES))
        else {
            continue;
        };
        // Never grows, so that no copy stays behind.
        let mut digits = Zeroizing::new(String::with_capacity(text.len()));
        let mut encrypted = false;
        loop {
            let Some(line) = lines.next() else {
                return Err(PemError::Open(label.to_owned()));
            };
            let line = line.trim();
            if let Some(rest) = line.strip_prefix(END) {
                if rest.strip_suffix(DASHES) != Some(label) {
                    return Err(PemError::Open(label.to_owned()));
                }
                break;
            }
            if line.contains(':') {
                encrypted |= line.contains("ENCRYPTED");
                continue;
            }
            digits.extend(line.chars().filter(|c| !c.is_ascii_whitespace()));
        }
        let mut bytes = Zeroizing::new(vec![0; digits.len()]);
        let length = Base64::decode(digits.as_str(), bytes.as_mut_slice())
            .map_err(|_| PemError::Digits(label.to_owned()))?
            .len();
        // What is cut off is wiped with the rest.
        bytes.truncate(length);
        blocks.push(Block {
            label: label.to_owned(),
            encrypted,
            der: bytes,
        });
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_at_every_length() {
        for length in 0..200 {
            let bytes = vec![0xa5; length];
            let text = encode("THING", &bytes);
            assert!(text.lines().all(|line| line.len() <= 64));
            let blocks = decode_all(&text).unwrap();
            assert_eq!(blocks.len(), 1);
            assert_eq!(blocks[0].label, "THING");
            assert_eq!(*blocks[0].der, bytes);
        }
    }

    #[test]
    fn text_around_and_odd_lines_are_read() {
        let text = "subject=x\r\n-----BEGIN A-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nAQ\r\n I D\r\n-----END A-----\r\ntail\n-----BEGIN B-----\n-----END B-----";
        let blocks = decode_all(text).unwrap();
        assert_eq!(*blocks[0].der, [1, 2, 3]);
        assert!(blocks[0].encrypted && !blocks[1].encrypted);
        assert_eq!((blocks[1].label.as_str(), blocks[1].der.len()), ("B", 0));
    }

    #[test]
    fn broken_blocks_are_errors() {
        let open = |text| matches!(decode_all(text), Err(PemError::Open(_)));
        assert!(open("-----BEGIN A-----\nAQID\n"));
        assert!(open("-----BEGIN A-----\nAQID\n-----END B-----\n"));
        for digits in ["AQI", "AQ=D", "A", "\u{e9}\u{e9}", "AQID===="] {
            let text = format!("-----BEGIN A-----\n{digits}\n-----END A-----\n");
            assert!(
                matches!(decode_all(&text), Err(PemError::Digits(_))),
                "{digits}"
            );
        }
        assert!(decode_all("nothing").unwrap().is_empty());
    }
}

//! The tar format (POSIX ustar, read with the pax and GNU extensions for long names).

use super::PackageError;

/// Size of a header and of the grid that data lies on.
const BLOCK: usize = 512;

/// What an entry is, as far as a peer cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Regular,
    Folder,
    Link,
    /// A device, a pipe, or one of a kind that is not known.
    Other,
    /// The header for all that follows, which `git archive` writes.
    Global,
}

/// One entry of an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) data: &'a [u8],
}

/// Writes regular files, in the order given: mode 0644, owner 0, time 0.
pub(super) fn write(files: &[(&str, &[u8])]) -> Result<Vec<u8>, PackageError> {
    let mut out = Vec::new();
    for (name, data) in files {
        out.extend_from_slice(&header(name, data.len())?);
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    Ok(out)
}

fn header(name: &str, size: usize) -> Result<[u8; BLOCK], PackageError> {
    let (prefix, short) = split(name).ok_or_else(|| PackageError::Name(name.to_owned()))?;
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in block.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(0, short.as_bytes());
    put(100, b"0000644");
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, b"00000000000");
    // The checksum is taken over a field of spaces.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    for (to, from) in block
        .iter_mut()
        .skip(148)
        .zip(format!("{sum:06o}\0 ").as_bytes())
    {
        *to = *from;
    }
    Ok(block)
}

/// Parts a name into prefix and name at the first slash that lets both fit.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 {
        return Some(("", name));
    }
    name.match_indices('/')
        .map(|(at, _)| (name.get(..at), name.get(at + 1..)))
        .find_map(|(prefix, rest)| {
            let (prefix, rest) = (prefix?, rest?);
            (prefix.len() <= 155 && !rest.is_empty() && rest.len() <= 100).then_some((prefix, rest))
        })
}

/// Reads all entries, at most `limit` of them.
pub(super) fn read<'a>(
    part: &'static str,
    bytes: &'a [u8],
    limit: usize,
) -> Result<Vec<Entry<'a>>, PackageError> {
    let broken = |reason| PackageError::Tar { part, reason };
    let mut entries = Vec::new();
    let mut rest = bytes;
    let mut long_name: Option<String> = None;
    let mut long_size: Option<usize> = None;
    if bytes.is_empty() {
        return Err(broken("it is empty"));
    }
    // Extensions count too: an archive of nothing but extensions must not run on.
    let mut headers = 0_usize;
    while let Some((block, behind)) = rest.split_first_chunk::<BLOCK>() {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        headers += 1;
        if headers > limit.saturating_mul(3) {
            return Err(PackageError::TooMany { part, limit });
        }
        check_sum(block).map_err(broken)?;
        let size = match long_size.take() {
            Some(size) => size,
            None => number(field(block, 124, 12)).ok_or_else(|| broken("a size is no number"))?,
        };
        let data = behind
            .get(..size)
            .ok_or_else(|| broken("it ends within a file"))?;
        rest = behind
            .get(size.next_multiple_of(BLOCK)..)
            .unwrap_or_default();
        let kind = match block.get(156) {
            Some(b'x') => {
                for (key, value) in records(data).map_err(broken)? {
                    match key {
                        "path" => long_name = Some(value.to_owned()),
                        "size" => {
                            let size = value.parse().map_err(|_| broken("a size is no number"))?;
                            long_size = Some(size);
                        }
                        _ => {}
                    }
                }
                continue;
            }
            Some(b'L') => {
                long_name = Some(text(data).ok_or_else(|| broken("a name is not UTF-8"))?);
                continue;
            }
            Some(b'K') => continue,
            Some(b'0') => Kind::Regular,
            Some(0) => {
                if text(field(block, 0, 100)).is_some_and(|name| name.ends_with('/')) {
                    Kind::Folder
                } else {
                    Kind::Regular
                }
            }
            Some(b'5') => Kind::Folder,
            Some(b'1' | b'2') => Kind::Link,
            Some(b'g') => Kind::Global,
            _ => Kind::Other,
        };
        let name = match long_name.take() {
            Some(name) => name,
            None => short_name(block).ok_or_else(|| broken("a name is not UTF-8"))?,
        };
        if entries.len() == limit {
            return Err(PackageError::TooMany { part, limit });
        }
        entries.push(Entry { name, kind, data });
    }
    if rest.is_empty() {
        // The two empty blocks at the end are custom; Go does without.
        Ok(entries)
    } else {
        Err(broken("it ends within a header"))
    }
}

fn field(block: &[u8; BLOCK], at: usize, length: usize) -> &[u8] {
    block.get(at..at + length).unwrap_or_default()
}

fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len()))?;
    core::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn short_name(block: &[u8; BLOCK]) -> Option<String> {
    let name = text(field(block, 0, 100))?;
    // GNU's magic has spaces, and other fields where the prefix would be.
    if field(block, 257, 6) != b"ustar\0" {
        return Some(name);
    }
    let prefix = text(field(block, 345, 155))?;
    Some(if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    })
}

/// Octal with spaces or zero bytes around it, or GNU's base 256.
fn number(bytes: &[u8]) -> Option<usize> {
    let (first, low) = bytes.split_first()?;
    if first & 0x80 != 0 {
        if *first != 0x80 {
            return None;
        }
        return low.iter().try_fold(0_usize, |value, byte| {
            value.checked_mul(256)?.checked_add(usize::from(*byte))
        });
    }
    let text = core::str::from_utf8(bytes).ok()?;
    let text = text.trim_matches(|c| c == ' ' || c == '\0');
    if text.is_empty() {
        return Some(0);
    }
    if !text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        return None;
    }
    usize::from_str_radix(text, 8).ok()
}

fn check_sum(block: &[u8; BLOCK]) -> Result<(), &'static str> {
    let wanted = number(field(block, 148, 8)).ok_or("a checksum is no number")?;
    let sum: usize = block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            usize::from(if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            })
        })
        .sum();
    if sum == wanted {
        Ok(())
    } else {
        Err("the checksum of a header is wrong")
    }
}

/// The records of a pax header: `<length> <key>=<value>\n`.
fn records(mut data: &[u8]) -> Result<Vec<(&str, &str)>, &'static str> {
    const BROKEN: &str = "a pax header is broken";
    let mut records = Vec::new();
    while !data.is_empty() {
        let space = data.iter().position(|byte| *byte == b' ').ok_or(BROKEN)?;
        let length: usize = data
            .get(..space)
            .and_then(|digits| core::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or(BROKEN)?;
        let record = data.get(space + 1..length).ok_or(BROKEN)?;
        let record = core::str::from_utf8(record).map_err(|_| BROKEN)?;
        let record = record.strip_suffix('\n').ok_or(BROKEN)?;
        records.push(record.split_once('=').ok_or(BROKEN)?);
        data = data.get(length..).ok_or(BROKEN)?;
    }
    Ok(records)
}

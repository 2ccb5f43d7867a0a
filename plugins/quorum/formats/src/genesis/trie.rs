//! The root of a Merkle Patricia trie whose keys are hashes: the state, and a contract's storage.
//!
//! Keys are 32 bytes each, so none is the beginning of another, and no branch holds a value.

use crate::keccak::keccak256;
use crate::rlp::Item;

/// An entry: 64 nibbles, and the encoded value.
type Entry = (Vec<u8>, Vec<u8>);

/// The root of the trie with these entries, in any order; a later one of the same key wins.
pub(crate) fn root(entries: impl IntoIterator<Item = ([u8; 32], Vec<u8>)>) -> [u8; 32] {
    let sorted: std::collections::BTreeMap<[u8; 32], Vec<u8>> = entries.into_iter().collect();
    let entries: Vec<Entry> = sorted
        .into_iter()
        .map(|(key, value)| {
            let nibbles = key.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
            (nibbles.collect(), value)
        })
        .collect();
    keccak256(&node(&entries, 0).encode())
}

/// The node of entries that agree in their first `depth` nibbles, in ascending order.
fn node(entries: &[Entry], depth: usize) -> Item {
    let (first, last) = match entries {
        [] => return Item::Bytes(Vec::new()),
        [(key, value)] => {
            let path = hex_prefix(key.iter().skip(depth), true);
            return Item::List(vec![Item::Bytes(path), Item::bytes(value.as_slice())]);
        }
        [(first, _), .., (last, _)] => (first, last),
    };
    let shared = first
        .iter()
        .zip(last)
        .skip(depth)
        .take_while(|(a, b)| a == b)
        .count();
    if shared > 0 {
        let path = hex_prefix(first.iter().skip(depth).take(shared), false);
        let below = node(entries, depth.saturating_add(shared));
        return Item::List(vec![Item::Bytes(path), reference(below)]);
    }
    let mut groups = entries.chunk_by(|(a, _), (b, _)| a.get(depth) == b.get(depth));
    let mut group = groups.next();
    let mut children = Vec::with_capacity(17);
    for nibble in 0..16u8 {
        match group {
            Some(entries)
                if entries.first().and_then(|(key, _)| key.get(depth)) == Some(&nibble) =>
            {
                children.push(reference(node(entries, depth.saturating_add(1))));
                group = groups.next();
            }
            _ => children.push(Item::Bytes(Vec::new())),
        }
    }
    children.push(Item::Bytes(Vec::new()));
    Item::List(children)
}

/// A node within its parent: itself when it is short, else its hash.
fn reference(node: Item) -> Item {
    let encoded = node.encode();
    if encoded.len() < 32 {
        node
    } else {
        Item::bytes(keccak256(&encoded))
    }
}

/// A path of nibbles as bytes: a flag for leaves and odd lengths, then two nibbles a byte.
fn hex_prefix<'a>(nibbles: impl Iterator<Item = &'a u8>, leaf: bool) -> Vec<u8> {
    let mut nibbles: Vec<u8> = nibbles.copied().collect();
    let flag = if leaf { 2 } else { 0 };
    if nibbles.len() % 2 == 1 {
        nibbles.insert(0, flag | 1);
    } else {
        nibbles.splice(0..0, [flag, 0]);
    }
    let (pairs, _) = nibbles.as_chunks::<2>();
    pairs.iter().map(|[high, low]| (high << 4) | low).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_trie_has_the_known_root() {
        assert_eq!(
            hex::encode(root([])),
            "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        );
    }

    #[test]
    fn paths_are_packed_as_published() {
        for (nibbles, leaf, packed) in [
            (vec![1, 2, 3, 4, 5], false, "112345"),
            (vec![0, 1, 2, 3, 4, 5], false, "00012345"),
            (vec![0, 15, 1, 12, 11, 8], true, "200f1cb8"),
            (vec![15, 1, 12, 11, 8], true, "3f1cb8"),
        ] {
            assert_eq!(hex::encode(hex_prefix(nibbles.iter(), leaf)), packed);
        }
    }
}

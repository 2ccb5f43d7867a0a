use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::json::{block_json, envelope_json};
use crate::vectors;

fn hash_of(bytes: &[u8]) -> String {
    STANDARD.encode(decode_config_block(bytes).unwrap().hash())
}

#[test]
fn hashes_of_block_0_are_those_that_peers_report() {
    assert_eq!(
        hash_of(vectors::RAFT),
        "5VmcMa9pS9bBweIA7IXad82zlp8zFwHX9ubDghkBesg="
    );
    assert_eq!(
        hash_of(vectors::SCRATCH),
        "P+UtzPXV0Nc2QLUxSsrzQFpI31rNmVuHs80xbxyn/XM="
    );
    assert_eq!(
        hash_of(vectors::SOLO),
        "OSMPEKWe3ws+1/y300BQB9KPWhu6VEtOEIgqIi5MpYE="
    );
    // Only the decoded form of this block is at hand.
    let created = vectors::created_json();
    let header = BlockHeader {
        number: 0,
        previous_hash: Vec::new(),
        data_hash: STANDARD
            .decode(created["header"]["data_hash"].as_str().unwrap())
            .unwrap(),
    };
    assert_eq!(
        STANDARD.encode(block_header_hash(&header)),
        "cm4xvZAXAOb1rDfv8/4t1D+lVLJjmIxApxff+BLe3w8="
    );
}

#[test]
fn the_der_of_a_header_is_minimal() {
    let header = |number| BlockHeader {
        number,
        previous_hash: vec![1; 32],
        data_hash: vec![2; 32],
    };
    let expected = |number: &[u8]| {
        let mut content = vec![0x02, u8::try_from(number.len()).unwrap()];
        content.extend(number);
        content.extend([0x04, 32]);
        content.extend([1; 32]);
        content.extend([0x04, 32]);
        content.extend([2; 32]);
        let mut der = vec![0x30, u8::try_from(content.len()).unwrap()];
        der.extend(content);
        <[u8; 32]>::from(Sha256::digest(der))
    };
    assert_eq!(block_header_hash(&header(1)), expected(&[1]));
    assert_eq!(block_header_hash(&header(127)), expected(&[127]));
    assert_eq!(block_header_hash(&header(128)), expected(&[0, 128]));
    assert_eq!(block_header_hash(&header(256)), expected(&[1, 0]));
    assert_eq!(
        block_header_hash(&header(u64::MAX)),
        expected(&[0, 255, 255, 255, 255, 255, 255, 255, 255])
    );
    assert_eq!(der(0x04, &[0; 300])[..4], [0x04, 0x82, 1, 44]);
}

#[test]
fn data_hash_and_transaction_of_every_vector_are_right() {
    for (name, bytes) in vectors::BLOCKS {
        let block = decode_config_block(bytes).unwrap();
        let data = block.block.data.as_ref().unwrap();
        let header = block.block.header.as_ref().unwrap();
        assert_eq!(block_data_hash(data).to_vec(), header.data_hash, "{name}");
        let nonce = &block.envelope.signature_header.nonce;
        assert_eq!(
            transaction_id(nonce, &[]),
            block.envelope.channel_header.tx_id,
            "{name}"
        );
    }
}

#[test]
fn every_vector_decodes_to_what_the_tool_shows() {
    for (bytes, expected) in [
        (vectors::SOLO, vectors::solo_json()),
        (vectors::KAFKA, vectors::kafka_json()),
        (vectors::RAFT, vectors::raft_json()),
        (vectors::SCRATCH, vectors::scratch_json()),
    ] {
        assert_eq!(block_json(&decode_block(bytes).unwrap()).unwrap(), expected);
    }
    for (bytes, expected) in [
        (
            vectors::CHANNEL_TX,
            vectors::json(vectors::fixture!("14-channel.json")),
        ),
        (
            vectors::ANCHORS_TX,
            vectors::json(vectors::fixture!("14-Org1MSPanchors.json")),
        ),
    ] {
        let envelope = layer("Envelope", bytes).unwrap();
        assert_eq!(envelope_json(&envelope).unwrap(), expected);
    }
}

#[test]
fn a_decoded_block_encodes_to_an_equal_one() {
    for (name, bytes) in vectors::BLOCKS {
        let block = decode_config_block(bytes).unwrap();
        // Outside of the tree there is no map, so these bytes must be the same.
        assert!(block.block.encode_to_vec() == bytes, "{name}");
        // Go orders maps at random: as long, and equal once decoded.
        let again = block.config_envelope.encode_to_vec();
        if name == "scratch" {
            assert!(again == block.envelope.data);
        }
        assert_eq!(again.len(), block.envelope.data.len(), "{name}");
        assert_eq!(
            ConfigEnvelope::decode(again.as_slice()).unwrap(),
            block.config_envelope,
            "{name}"
        );
    }
    for bytes in [vectors::CHANNEL_TX, vectors::ANCHORS_TX] {
        let envelope: Envelope = layer("Envelope", bytes).unwrap();
        assert_eq!(envelope.encode_to_vec(), bytes);
        let (opened, update) = decode_update_file(bytes).unwrap();
        assert_eq!(update.encode_to_vec(), opened.data);
    }
}

#[test]
fn a_truncated_block_is_an_error() {
    for (name, bytes) in vectors::BLOCKS {
        for end in (0..bytes.len()).step_by(7) {
            let cut = decode_config_block(&bytes[..end]);
            // Behind the data only metadata follow, and a block without them is still read.
            let whole = decode_block(bytes).unwrap();
            let needed = bytes.len() - whole.metadata.unwrap().encoded_len() - 2;
            assert!(cut.is_err() || end >= needed, "{name} cut at {end}");
        }
    }
}

#[test]
fn garbage_never_panics() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut damaged = 0;
    for (_, bytes) in vectors::BLOCKS {
        for _ in 0..40 {
            let mut bytes = bytes.to_vec();
            for _ in 0..=next() % 4 {
                let at = usize::try_from(next()).unwrap() % bytes.len();
                bytes[at] = next().to_le_bytes()[0];
            }
            if let Ok(block) = decode_config_block(&bytes) {
                let shown = block_json(&block.block).is_ok();
                let read = crate::read::channel_model(block.channel_id(), &block.group).is_ok();
                damaged += usize::from(!shown || !read);
            } else {
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0);
    for len in 0..200 {
        let noise: Vec<u8> = (0..len).map(|_| next().to_le_bytes()[0]).collect();
        assert!(decode_config_block(&noise).is_err());
        assert!(decode_update_file(&noise).is_err());
    }
}

#[test]
fn another_kind_of_block_is_named() {
    let mut block = decode_block(vectors::RAFT).unwrap();
    block.data.as_mut().unwrap().data.push(Vec::new());
    assert!(matches!(
        open_config_block(block),
        Err(BlockError::Transactions { count: 2 })
    ));
    let error = decode_update_file(&decode_block(vectors::RAFT).unwrap().data.unwrap().data[0])
        .unwrap_err();
    assert!(matches!(
        error,
        BlockError::Type {
            found: 1,
            expected: 2
        }
    ));
    assert!(matches!(
        decode_config_block(&[]),
        Err(BlockError::Missing {
            layer: "BlockHeader"
        })
    ));
}

//! Published files, files of known salt, and files that must not open.

use serde_json::Value;

use super::*;
use crate::vectors::{bytes, cases, octets, text};

fn named(part: &str) -> Vec<Value> {
    let named = cases("keystore_v3").into_iter();
    let found: Vec<Value> = named
        .filter(|case| {
            case["name"]
                .as_str()
                .is_some_and(|name| name.contains(part))
        })
        .collect();
    assert!(!found.is_empty(), "no vector named {part}");
    found
}

fn open(case: &Value) -> KeyPair {
    let keystore = Keystore::parse(&case["keystore"].to_string()).unwrap();
    keystore
        .decrypt(&Password::new(text(case, "password")).unwrap())
        .unwrap()
}

#[test]
fn vector_published_files_open() {
    for case in named("published") {
        let expected = octets(&case, "private_key");
        let opened = open(&case);
        let (zeros, key) = opened.private().split_at(32 - expected.len());
        assert!(zeros.iter().all(|byte| *byte == 0));
        assert_eq!(key, expected);
    }
}

#[test]
fn vector_files_of_seven_nodes_open_with_the_empty_password() {
    let files: Vec<Value> = cases("keystore_v3")
        .into_iter()
        .filter(|case| case["decrypted_private_key"].is_string())
        .collect();
    assert_eq!(files.len(), 7);
    for case in files {
        let opened = open(&case);
        assert_eq!(opened.private(), &bytes(&case, "decrypted_private_key"));
        assert_eq!(opened.address().as_bytes(), &bytes(&case, "address"));
    }
}

#[test]
fn vector_deterministic_files_are_written_byte_for_byte() {
    let cases = named("deterministic");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let derivation = match text(&case, "name") {
            name if name.contains("standard") => Derivation::Standard,
            name if name.contains("light") => Derivation::Light,
            _ => Derivation::Pbkdf2,
        };
        let expected = &case["keystore"];
        let crypto = &expected["crypto"];
        let mut id = [0; 16];
        id[15] = 1;
        let seed = Seed {
            salt: bytes(&crypto["kdfparams"], "salt"),
            iv: bytes(&crypto["cipherparams"], "iv"),
            id,
        };
        let pair = KeyPair::from_private(&bytes(&case, "private_key")).unwrap();
        let password = Password::new(text(&case, "password")).unwrap();
        let made = Keystore::encrypt(&pair, &password, derivation, &seed).unwrap();
        let mut rendered: Value = serde_json::from_str(&made.render().unwrap()).unwrap();
        assert_eq!(rendered["id"], "00000000-0000-4000-8000-000000000001");
        rendered["id"] = expected["id"].clone();
        assert_eq!(&rendered, expected);
        let derived = made.kdf.derive(&password, &seed.salt).unwrap();
        assert_eq!(*derived.0, bytes(&case, "derived_key_hex"));
        assert_eq!(Keystore::parse(&made.render().unwrap()).unwrap(), made);
    }
}

fn light() -> (Keystore, KeyPair) {
    let pair = KeyPair::from_private(&[1; 32]).unwrap();
    let mut next = 0;
    let mut entropy = |n: u32| {
        next += 1;
        vec![next; n as usize]
    };
    let seed = Seed::draw(&mut entropy).unwrap();
    let password = Password::new("right").unwrap();
    let made = Keystore::encrypt(&pair, &password, Derivation::Light, &seed).unwrap();
    (made, pair)
}

#[test]
fn the_file_is_one_line_with_its_keys_in_order() {
    let (made, pair) = light();
    let text = made.render().unwrap();
    assert!(text.starts_with(&format!(
        "{{\"address\":\"{}\",\"crypto\":{{\"cipher\":\"aes-128-ctr\",\"ciphertext\":\"",
        pair.address().digits()
    )));
    assert!(
        text.contains("\"kdfparams\":{\"dklen\":32,\"n\":4096,\"p\":6,\"r\":8,\"salt\":\"0101")
    );
    assert!(text.ends_with("\"id\":\"03030303-0303-4303-8303-030303030303\",\"version\":3}"));
    assert_eq!(made.address(), Some(pair.address()));
}

#[test]
fn a_wrong_password_does_not_open() {
    let (made, _) = light();
    let wrong = made.decrypt(&Password::new("wrong").unwrap());
    assert!(matches!(wrong, Err(KeystoreError::Password)));
}

#[test]
fn another_account_than_said_is_refused() {
    let (made, _) = light();
    let other = Keystore {
        address: Some(Address::default()),
        ..made
    };
    let opened = other.decrypt(&Password::new("right").unwrap());
    assert!(matches!(opened, Err(KeystoreError::Address { .. })));
}

#[test]
fn excessive_or_unknown_files_are_refused() {
    let (made, _) = light();
    let text = made.render().unwrap();
    for (from, to) in [
        ("\"n\":4096", "\"n\":4294967296"),
        ("\"n\":4096", "\"n\":4095"),
        ("\"p\":6", "\"p\":100000"),
    ] {
        let file = Keystore::parse(&text.replace(from, to)).unwrap();
        let opened = file.decrypt(&Password::empty());
        assert!(matches!(opened, Err(KeystoreError::Derivation)), "{to}");
    }
    for (from, to, message) in [
        (
            "\"version\":3",
            "\"version\":1",
            "keystore has version \"1\", which is not supported",
        ),
        (
            "aes-128-ctr",
            "aes-256-gcm",
            "keystore has cipher \"aes-256-gcm\", which is not supported",
        ),
        (
            "\"scrypt\"",
            "\"argon2\"",
            "keystore has kdf \"argon2\", which is not supported",
        ),
        ("\"r\":8,", "", "keystore has no valid kdfparams"),
        ("\"iv\":\"02", "\"iv\":\"", "keystore has no valid iv"),
        (
            "\"dklen\":32",
            "\"dklen\":16",
            "keystore asks for an invalid or excessive key derivation",
        ),
        (
            "{\"address\"",
            "",
            "keystore is not the JSON of web3 secret storage",
        ),
    ] {
        let error = Keystore::parse(&text.replace(from, to)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

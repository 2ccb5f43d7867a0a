use sha2::{Digest, Sha256};

use super::*;

fn derived(password: &str, salt: &str, n: u64, r: u32, p: u32) -> String {
    let mut out = [0; 64];
    let params = Params::new(n, r, p).unwrap();
    scrypt(password.as_bytes(), salt.as_bytes(), params, &mut out).unwrap();
    out.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 7914, section 12.
#[test]
fn derives_what_the_rfc_says() {
    assert_eq!(
        derived("", "", 16, 1, 1),
        "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442\
         fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
    );
    assert_eq!(
        derived("password", "NaCl", 1024, 8, 16),
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
         2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
    );
    assert_eq!(
        derived("pleaseletmein", "SodiumChloride", 16384, 8, 1),
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
         d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    );
}

/// RFC 7914, section 8.
#[test]
fn a_step_is_salsa20_8() {
    let bytes = |hex: &str| -> [u8; 64] {
        let mut bytes = [0; 64];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[place * 2..place * 2 + 2], 16).unwrap();
        }
        bytes
    };
    let given = bytes(
        "7e879a214f3ec9867ca940e641718f26baee555b8c61c1b50df846116dcd3b1d\
         ee24f319df9b3d8514121e4b5ac5aa3276021d2909c74829edebc68db8b8c25e",
    );
    let expected = bytes(
        "a41f859c6608cc993b81cacb020cef05044b2181a2fd337dfd7b1c6396682f29\
         b4393168e3c9e6bcfe6bc5b7a06d96bae424cc102c91745c24ad673dc7618f81",
    );
    let zero = [0; 64];
    let mut out = [0; 64];
    let mut block = words::Block::default();
    words::step(&words::read(&given), &words::read(&zero), &mut block);
    words::write(&block, &mut out);
    assert_eq!(out, expected);

    let mixed = twins::step(&twins::read(&given, &zero), &twins::read(&zero, &given));
    let (mut one, mut another) = (zero, zero);
    twins::write(&mixed, &mut one, &mut another);
    assert_eq!((one, another), (expected, expected));
}

/// A stream that differs from run to run of the loop, and not from run to run of the test.
fn drawn(seed: u32) -> [u8; 32] {
    Sha256::digest(seed.to_be_bytes()).into()
}

#[test]
fn agrees_with_the_library_whatever_the_parameters() {
    for seed in 0..200 {
        let [log_n, r, p, length, password, salt, ..] = drawn(seed);
        let (log_n, r, p) = (1 + log_n % 8, 1 + u32::from(r % 12), 1 + u32::from(p % 5));
        let text = [drawn(seed + 1000), drawn(seed + 2000), drawn(seed + 3000)].concat();
        let password = &text[..usize::from(password % 97)];
        let salt = &text[..usize::from(salt % 97)];
        let (mut ours, mut theirs) = (vec![0; 1 + usize::from(length)], vec![]);
        theirs.resize(ours.len(), 0);
        let params = Params::new(1 << log_n, r, p).unwrap();
        scrypt(password, salt, params, &mut ours).unwrap();
        let params = ::scrypt::Params::new(log_n, r, p).unwrap();
        ::scrypt::scrypt(password, salt, &params, &mut theirs).unwrap();
        assert_eq!(ours, theirs, "n = 2^{log_n}, r = {r}, p = {p}");
    }
}

#[test]
fn refuses_what_it_cannot_do() {
    let refused = |n, r, p| Params::new(n, r, p) == Err(ScryptError::Params { n, r, p });
    assert!(refused(0, 8, 1));
    assert!(refused(1, 8, 1));
    assert!(refused(12, 8, 1));
    assert!(refused(16, 0, 1));
    assert!(refused(16, 1, 0));
    assert!(refused(16, 1 << 15, 1 << 15));
    assert!(refused(1 << 63, u32::MAX, 1));
    let params = Params::new(2, 1, 1).unwrap();
    assert_eq!(
        scrypt(b"", b"", params, &mut []),
        Err(ScryptError::Output(0))
    );
}

#[test]
fn says_how_much_memory_it_takes() {
    let memory = |n, r, p| Params::new(n, r, p).unwrap().memory();
    // Two lanes at once, but for those that are large.
    assert_eq!(memory(4096, 8, 6), (2 * (4096 + 2) + 6) * 1024);
    assert_eq!(memory(262_144, 8, 1), (262_144 + 2 + 1) * 1024);
    assert_eq!(memory(262_144, 8, 2), (262_144 + 2 + 2) * 1024);
}

#[test]
#[cfg(target_pointer_width = "64")]
fn memory_that_is_not_there_is_an_error_and_no_abort() {
    let params = Params::new(1 << 52, 8, 1).unwrap();
    assert_eq!(
        scrypt(b"", b"", params, &mut [0]),
        Err(ScryptError::Memory(params.memory()))
    );
}

//! Derives what the test asks for. Bytes go in and out one by one: that needs no contract.

#![allow(unsafe_code, reason = "exports are found by their plain names")]

use std::sync::{Mutex, PoisonError};

use plugin_scrypt::{Params, scrypt};

static GIVEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static DERIVED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Appends a byte of password or salt.
#[unsafe(no_mangle)]
pub extern "C" fn put(byte: u32) {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    given.extend(u8::try_from(byte));
}

/// Derives `length` bytes; the password are the first bytes that were put, the salt the others. 1 when it went well.
#[unsafe(no_mangle)]
pub extern "C" fn derive(n: u64, r: u32, p: u32, password: u32, length: u32) -> u32 {
    let given = std::mem::take(&mut *GIVEN.lock().unwrap_or_else(PoisonError::into_inner));
    let mut out = vec![0; usize::try_from(length).unwrap_or_default()];
    let password = usize::try_from(password).unwrap_or_default();
    let Some((password, salt)) = given.split_at_checked(password) else {
        return 0;
    };
    let derived = Params::new(n, r, p).and_then(|it| scrypt(password, salt, it, &mut out));
    *DERIVED.lock().unwrap_or_else(PoisonError::into_inner) = out;
    u32::from(derived.is_ok())
}

/// A byte of what was derived; a number that is none behind its end.
#[unsafe(no_mangle)]
pub extern "C" fn get(place: u32) -> u32 {
    let derived = DERIVED.lock().unwrap_or_else(PoisonError::into_inner);
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    derived.get(place).map_or(u32::MAX, |byte| u32::from(*byte))
}

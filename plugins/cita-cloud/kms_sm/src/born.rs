//! The birth of an account: password, key, database.

use std::fmt::Write as _;

use chain_plugin_sdk::{At, Diagnostics, Item, error};
use cita_cloud_formats::account::Account;
use cita_cloud_formats::kms::{Generation, Password};
use cita_cloud_formats::kms_db;
use serde::Deserialize;

use crate::{KEY_FILE, KEY_ID, NODE_ADDRESS};

/// Bytes of a password that nobody chose.
const STRONG: u32 = 24;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    password: Option<String>,
}

/// What is kept, the address and the key id.
pub fn account(at: &At<'_>) -> Result<(Vec<Item>, String, String), Diagnostics> {
    let password = match at.options::<Options>()?.password {
        Some(text) => Password::parse(&text).map_err(|fault| {
            let hint =
                "a file made with `echo -n` or `printf`, or leave the option out for a strong one";
            vec![error("password", "/password", fault.to_string()).hint(hint)]
        })?,
        None => strong(at)?,
    };
    let entropy = |fault: &dyn std::fmt::Display| vec![error("entropy", "", fault.to_string())];
    let account =
        Account::generate(&mut |length| at.host.entropy(length)).map_err(|f| entropy(&f))?;
    let database = kms_db::render(&password, Generation::V4, &account).map_err(|f| entropy(&f))?;
    let address = account.address().to_string();
    let item = |name: &str, bytes: Vec<u8>, secret: bool, media: &str| Item {
        name: name.to_owned(),
        bytes,
        secret,
        media: media.to_owned(),
    };
    let text = "text/plain";
    let keep = vec![
        item(kms_db::FILE_NAME, database, true, "application/vnd.sqlite3"),
        item(KEY_FILE, password.as_str().as_bytes().to_vec(), true, text),
        item(KEY_ID, kms_db::KEY_ID_FILE.as_bytes().to_vec(), false, text),
        item(NODE_ADDRESS, address.as_bytes().to_vec(), false, text),
    ];
    Ok((keep, address, kms_db::KEY_ID_FILE.to_owned()))
}

/// 192 random bits in hex.
fn strong(at: &At<'_>) -> Result<Password, Diagnostics> {
    let drawn = at.host.entropy(STRONG);
    if drawn.len() != STRONG as usize {
        return Err(vec![error(
            "entropy",
            "",
            format!("the host gave {} bytes of {STRONG}", drawn.len()),
        )]);
    }
    let mut text = String::with_capacity(2 * drawn.len());
    for byte in drawn {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Password::parse(&text).map_err(|fault| vec![error("password", "/password", fault.to_string())])
}

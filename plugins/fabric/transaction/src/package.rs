//! Chaincode packages of the lifecycle since 2.0.
//!
//! A package is a gzip tar with exactly two files at its top, `metadata.json` and `code.tar.gz`; the
//! id is the label and the SHA-256 of all its bytes, so whoever packs the same code must make the
//! same bytes. What is packed here has fixed owners, modes, times and order, and is stored instead of
//! compressed: the bytes follow from the two file formats alone, not from the version of a compressor.
//! What is read is bounded in size, entries and names, and refused in words that say what a peer
//! would refuse (`core/chaincode/persistence/chaincode_package.go`, the ccaas builder).

mod code;
mod error;
mod gzip;
mod reader;
mod tar;
#[cfg(test)]
mod tests;

pub use code::{Code, Connection, Image, Index, KUBERNETES_LABEL};
pub use error::PackageError;
pub use reader::{Contents, Limits, read};

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Name of the file in a package that says its type and label.
pub const METADATA: &str = "metadata.json";
/// Name of the file in a package that holds the code: itself a gzip tar.
pub const CODE: &str = "code.tar.gz";

/// A package that is ready to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The label, as users see it in `queryinstalled`.
    pub label: String,
    /// `<label>:<lowercase hex SHA-256 of the bytes>`.
    pub id: String,
    /// The bytes to install: a gzip tar.
    pub bytes: Vec<u8>,
}

/// Order of keys as the field writes it.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    label: &'a str,
}

/// Packs `code` under `label`, with the indexes for `CouchDB` beside it.
///
/// # Errors
/// A label, address, digest or index that a peer or its builder would refuse, and indexes beside an
/// archive of the caller's, which would have to be unpacked for them.
pub fn build(label: &str, code: &Code, indexes: &[Index]) -> Result<Package, PackageError> {
    check_label(label)?;
    code.check(label)?;
    let archive = code.archive(indexes)?;
    let metadata = json(&Metadata {
        kind: code.kind(),
        path: code.path(),
        label,
    })?;
    let files = [(METADATA, metadata.as_slice()), (CODE, archive.as_slice())];
    let bytes = gzip::store(&tar::write(&files)?);
    Ok(Package {
        label: label.to_owned(),
        id: package_id(label, &bytes),
        bytes,
    })
}

/// Packs sources for [`Code::Archive`] and for chaincodes of 1.x: the paths as the language wants them
/// (`src/...`), in their order, with fixed owners, modes and times.
///
/// # Errors
/// A path that is absolute, leads out of the archive or is too long.
pub fn archive(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, PackageError> {
    let mut list: Vec<(&str, &[u8])> = Vec::new();
    for (path, content) in files {
        reader::check_path(CODE, path)?;
        list.push((path, content));
    }
    Ok(gzip::store(&tar::write(&list)?))
}

/// The id that a peer gives to the package `bytes` with this label.
pub fn package_id(label: &str, bytes: &[u8]) -> String {
    format!("{label}:{}", hex::encode(Sha256::digest(bytes)))
}

/// Checks the label of a package: `^[A-Za-z0-9][A-Za-z0-9_.+-]*$`.
///
/// # Errors
/// [`PackageError::Label`].
pub fn check_label(label: &str) -> Result<(), PackageError> {
    let mut characters = label.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphanumeric());
    if first && characters.all(|c| c.is_ascii_alphanumeric() || "_.+-".contains(c)) {
        Ok(())
    } else {
        Err(PackageError::Label(label.to_owned()))
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, PackageError> {
    serde_json::to_vec(value).map_err(PackageError::Write)
}

//! Reads a package that somebody else made, with bounds, and says what a peer would not like.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::code::{CONNECTION, IMAGE, check_kubernetes_label};
use super::tar::{Entry, Kind};
use super::{
    CODE, Code, Connection, Image, Index, METADATA, PackageError, check_label, gzip, package_id,
    tar,
};

/// Longest path that the file system of a peer takes, where its builders unpack the code.
const MAX_NAME: usize = 4096;

/// How large a package may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that the package, and the code in it, may each unpack to.
    pub unpacked: usize,
    /// Entries that the package, and the code in it, may each have.
    pub entries: usize,
}

impl Default for Limits {
    /// 100 MiB, the size that a message to a peer may have, and 10000 entries.
    fn default() -> Self {
        Self {
            unpacked: 100 * 1024 * 1024,
            entries: 10_000,
        }
    }
}

/// What is in a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Id that peers give to it.
    pub id: String,
    /// Its label.
    pub label: String,
    /// Its code. The type is kept as it is written, except in the two that are understood here.
    pub code: Code,
    /// The indexes in it, by path.
    pub indexes: Vec<Index>,
    /// Names and sizes of the files in the code, by name.
    pub files: Vec<(String, usize)>,
    /// Files beside the two that count: peers pass over them with a warning.
    pub ignored: Vec<String>,
}

/// Reads the package `bytes`.
///
/// # Errors
/// What a peer or the builder of its type would refuse, and what exceeds `limits`.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Contents, PackageError> {
    const PACKAGE: &str = "the package";
    let unpacked = gzip::unpack(PACKAGE, bytes, limits.unpacked)?;
    let entries = tar::read(PACKAGE, &unpacked, limits.entries)?;
    let mut ignored = Vec::new();
    let (mut metadata, mut archive) = (None, None);
    let names = names(&entries);
    for entry in entries {
        check_path(PACKAGE, &entry.name)?;
        check_kind(PACKAGE, &entry, &[Kind::Regular], "nothing but files")?;
        // The last one of a name counts, as on a peer.
        match entry.name.as_str() {
            METADATA => metadata = Some(entry.data),
            CODE => archive = Some(entry.data),
            _ => ignored.push(entry.name),
        }
    }
    let missing = |missing| PackageError::Missing {
        missing,
        found: names.clone(),
    };
    let archive = archive.ok_or_else(|| missing(CODE))?;
    let metadata = metadata.ok_or_else(|| missing(METADATA))?;
    let metadata: Map<String, Value> = from_json(METADATA, metadata)?;
    let label = text(&metadata, "label");
    check_label(&label)?;
    let kind = text(&metadata, "type");

    let unpacked = gzip::unpack(CODE, archive, limits.unpacked)?;
    let entries = tar::read(CODE, &unpacked, limits.entries)?;
    let mut files = Vec::new();
    let mut indexes = Vec::new();
    for entry in &entries {
        check_path(CODE, &entry.name)?;
        let allowed = [Kind::Regular, Kind::Folder];
        check_kind(CODE, entry, &allowed, "files and folders")?;
        if entry.kind == Kind::Regular {
            let name = entry.name.strip_prefix("./").unwrap_or(&entry.name);
            files.push((name.to_owned(), entry.data.len()));
            indexes.extend(Index::from_file(&entry.name, entry.data));
        }
    }
    files.sort();
    indexes.sort_by_key(Index::path);
    let code = match kind.to_ascii_lowercase().as_str() {
        "" => return Err(PackageError::Type),
        "ccaas" => {
            let connection: Connection =
                from_json(CONNECTION, file(&entries, "ccaas", CONNECTION)?)?;
            connection.check()?;
            Code::Service(connection)
        }
        "k8s" => {
            check_kubernetes_label(&label)?;
            let image: Image = from_json(IMAGE, file(&entries, "k8s", IMAGE)?)?;
            image.check()?;
            Code::Image(image)
        }
        _ => Code::Archive {
            kind,
            path: text(&metadata, "path"),
            archive: archive.to_owned(),
        },
    };
    if matches!(code, Code::Service(_) | Code::Image(_)) {
        indexes.iter().try_for_each(Index::check)?;
    }
    Ok(Contents {
        id: package_id(&label, bytes),
        label,
        code,
        indexes,
        files,
        ignored,
    })
}

/// A text of `metadata.json`; Go does not mind the case of keys.
fn text(metadata: &Map<String, Value>, key: &str) -> String {
    metadata
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(key))
        .and_then(|(_, value)| value.as_str())
        .unwrap_or_default()
        .to_owned()
}

fn from_json<T: serde::de::DeserializeOwned>(
    file: &'static str,
    bytes: &[u8],
) -> Result<T, PackageError> {
    serde_json::from_slice(bytes).map_err(|source| PackageError::Json { file, source })
}

/// A file of the code; unlike the package itself it is unpacked on a file system, where `./` is nothing.
fn file<'a>(
    entries: &[Entry<'a>],
    kind: &'static str,
    missing: &'static str,
) -> Result<&'a [u8], PackageError> {
    entries
        .iter()
        .rev()
        .find(|entry| {
            let name = entry.name.strip_prefix("./").unwrap_or(&entry.name);
            entry.kind == Kind::Regular && name == missing
        })
        .map(|entry| entry.data)
        .ok_or_else(|| PackageError::MissingInCode {
            kind,
            missing,
            found: names(entries),
        })
}

/// The first names, for a message.
fn names(entries: &[Entry<'_>]) -> String {
    const SHOWN: usize = 5;
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    let shown: Vec<&str> = names.into_iter().take(SHOWN).collect();
    format!("{}{more}", shown.join(", "))
}

pub(super) fn check_path(part: &'static str, name: &str) -> Result<(), PackageError> {
    let escapes = name.split('/').any(|step| step == "..");
    if name.len() > MAX_NAME {
        return Err(PackageError::Name(name.chars().take(100).collect()));
    }
    if name.is_empty() || name.starts_with('/') || name.contains(['\\', '\0']) || escapes {
        return Err(PackageError::Path {
            part,
            name: name.to_owned(),
        });
    }
    Ok(())
}

fn check_kind(
    part: &'static str,
    entry: &Entry<'_>,
    allowed: &[Kind],
    expected: &'static str,
) -> Result<(), PackageError> {
    if allowed.contains(&entry.kind) {
        return Ok(());
    }
    Err(PackageError::Entry {
        part,
        name: entry.name.clone(),
        kind: match entry.kind {
            Kind::Regular => "a file",
            Kind::Folder => "a folder",
            Kind::Link => "a link",
            Kind::Global => "a global header (of `git archive`)",
            Kind::Other => "neither file nor folder",
        },
        expected,
    })
}

//! A chain as files: manifests, and for each subject the files that a service would find, in the folders of the stack.
//!
//! `<dir>/<chain>.yaml` holds the objects, `<dir>/<chain>-secrets.yaml` (0600) the vaults; `<folder of the subject>/` holds
//! what was rendered, configured and kept about it. Files are written beneath a directory handle, by temporary file and
//! rename, and only when their content changed; secrets have mode 0600. With `--no-secrets` all secret material, and the
//! state with the vaults, goes to the sibling `<dir>.secrets` instead.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::form::Prepared;
use super::run::Outcome;
use super::world::place_of;
use crate::crash;
use crate::parts::in_parts;
use crate::plugin::contract::{Content, File, Ref, Source};
use crate::state::Vault;

/// Where things go.
#[derive(Debug)]
pub struct OutputDir {
    path: PathBuf,
    secrets: PathBuf,
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub struct OutputError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// One file on its way: path below the folder, content, whether it is a secret.
pub struct OutputFile {
    /// Relative path.
    pub path: String,
    /// Content; none for an empty folder.
    pub bytes: Option<Vec<u8>>,
    /// Mode 0600, and apart with `--no-secrets`.
    pub secret: bool,
}

impl OutputDir {
    /// Output below `path`; secrets beside it if they must not be in it.
    pub fn new(path: &Path, apart: bool) -> Self {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".secrets");
        let secrets = if apart {
            PathBuf::from(beside)
        } else {
            path.to_path_buf()
        };
        Self {
            path: path.to_path_buf(),
            secrets,
        }
    }

    /// The folder in which head, vaults and revisions of `chain` live.
    pub fn state(&self, chain: &str) -> PathBuf {
        self.secrets.join("state").join(chain)
    }

    /// Writes files; returns the paths of those that changed.
    pub fn write(&self, files: &[OutputFile]) -> Result<Vec<PathBuf>, OutputError> {
        let mut written = Vec::new();
        for file in self.other(files) {
            let root = self.root(file);
            let path = root.join(&file.path);
            let changed = put(root, file).map_err(|source| OutputError {
                path: path.clone(),
                source,
            })?;
            if changed {
                written.push(path);
            }
        }
        Ok(written)
    }

    fn root(&self, file: &OutputFile) -> &Path {
        if file.secret {
            &self.secrets
        } else {
            &self.path
        }
    }

    /// Files that are not there as they should be. Mostly there are none, so they are read on all cores.
    fn other<'a>(&self, files: &'a [OutputFile]) -> Vec<&'a OutputFile> {
        let open = |root: &Path| Dir::open_ambient_dir(root, ambient_authority()).ok();
        let (open, secret) = (open(&self.path), open(&self.secrets));
        let same = |file: &OutputFile| {
            let dir = if file.secret { &secret } else { &open };
            dir.as_ref().is_some_and(|dir| is_there(dir, file))
        };
        in_parts(files, 64, |part| {
            part.iter().map(|file| !same(file)).collect::<Vec<bool>>()
        })
        .concat()
        .into_iter()
        .zip(files)
        .filter_map(|(other, file)| other.then_some(file))
        .collect()
    }
}

/// Whether a file is there with its content, or an empty folder is there.
fn is_there(dir: &Dir, file: &OutputFile) -> bool {
    match &file.bytes {
        None => dir.is_dir(&file.path),
        Some(bytes) => {
            dir.symlink_metadata(&file.path)
                .is_ok_and(|meta| meta.is_file() && meta.len() == bytes.len() as u64)
                && dir.read(&file.path).is_ok_and(|old| old == *bytes)
        }
    }
}

/// Opens or makes the folder, and writes the file below it without following links out of it.
fn put(root: &Path, file: &OutputFile) -> io::Result<bool> {
    if !root.is_dir() {
        crash::point(format_args!("before mkdir {}", root.display()));
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(root)?;
        crash::point(format_args!("after mkdir {}", root.display()));
    }
    let dir = Dir::open_ambient_dir(root, ambient_authority())?;
    let path = Path::new(&file.path);
    if is_there(&dir, file) {
        return Ok(false);
    }
    let Some(bytes) = &file.bytes else {
        dir.create_dir_all(path)?;
        return Ok(true);
    };
    if let Some(parent) = path.parent() {
        dir.create_dir_all(parent)?;
    }
    let temporary = path.with_file_name(format!(
        ".{}.tmp",
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    ));
    let _ = dir.remove_file(&temporary);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, if file.secret { 0o600 } else { 0o644 });
    crash::point(format_args!("before write {}", file.path));
    let mut handle = dir.open_with(&temporary, &options)?;
    handle.write_all(bytes)?;
    handle.sync_all()?;
    dir.rename(&temporary, &dir, path)?;
    crash::point(format_args!("after write {}", file.path));
    Ok(true)
}

/// What was rendered about each subject, and what it binds of what was made about others: a node's folder holds all that
/// its services read. Secrets of others are in their own folders alone.
pub fn rendered_files(outcome: &Outcome) -> Vec<(String, Vec<File>)> {
    let mut made: HashMap<(&str, &str, &str, &str), &File> = HashMap::new();
    for part in &outcome.parts {
        let Some(service) = outcome.services.get(part.service) else {
            continue;
        };
        for file in part.rendered.files.iter().filter(|file| !file.secret) {
            let (role, instance) = (service.role.as_str(), service.instance.as_str());
            made.insert((&part.subject, role, instance, &file.name), file);
        }
    }
    let bound = |subject: &str, from: &Ref| -> Option<File> {
        if from.subject == subject {
            return None;
        }
        let place = place_of(from);
        let key = (&*place.0, &*place.1, &*place.2, &*place.3);
        made.get(&key).map(|file| (*file).clone()).or_else(|| {
            Some(File {
                name: from.name.clone(),
                content: Content::Bytes(outcome.configured.get(&place)?.clone()),
                mode: 0o644,
                secret: false,
            })
        })
    };
    outcome
        .parts
        .iter()
        .map(|part| {
            let mut files = part.rendered.files.clone();
            for binding in &part.rendered.bindings {
                if let Source::File(from) = &binding.source {
                    files.extend(bound(&part.subject, from));
                }
            }
            (part.subject.clone(), files)
        })
        .collect()
}

/// The files of each subject: rendered, configured, kept. `vaults` are all of the chain.
pub fn subject_files<'a>(
    prepared: &Prepared,
    rendered: &[(String, Vec<crate::plugin::contract::File>)],
    vaults: impl Iterator<Item = &'a Vault>,
) -> Vec<OutputFile> {
    // A subject that is retired has none: its files stay as they are.
    let folders: HashMap<&str, &str> = prepared
        .outcome
        .subjects
        .iter()
        .map(|it| (it.id.as_str(), it.folder.as_str()))
        .collect();
    let folder = |subject: &str| folders.get(subject).copied();
    let mut files = Vec::new();
    for (subject, all) in rendered {
        let Some(folder) = folder(subject) else {
            continue;
        };
        for file in all {
            let path = format!("{folder}/{}", file.name);
            match &file.content {
                Content::Bytes(bytes) => {
                    files.push(OutputFile {
                        path,
                        bytes: Some(bytes.clone()),
                        secret: file.secret,
                    });
                }
                Content::Directory => files.push(OutputFile {
                    path,
                    bytes: None,
                    secret: false,
                }),
                Content::Kept(_) => {}
            }
        }
    }
    for ((subject, _, _, name), bytes) in &prepared.outcome.configured {
        let Some(folder) = folder(subject) else {
            continue;
        };
        files.push(OutputFile {
            path: format!("{folder}/{name}"),
            bytes: Some(bytes.clone()),
            secret: false,
        });
    }
    for ((subject, _, _, name), item) in &prepared.outcome.items {
        if let (false, Some(bytes), Some(folder)) = (item.secret, &item.bytes, folder(subject)) {
            let path = format!("{folder}/{name}");
            files.push(OutputFile {
                path,
                bytes: Some(bytes.clone()),
                secret: false,
            });
        }
    }
    for vault in vaults {
        let Some(folder) = folder(&vault.subject) else {
            continue;
        };
        for ((_, _, name), item) in vault.items.iter().filter(|(_, item)| item.secret) {
            let path = format!("{folder}/{name}");
            files.push(OutputFile {
                path,
                bytes: Some(item.bytes.clone()),
                secret: true,
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    // Two services of a node may read one file of the chain.
    files.dedup_by(|a, b| a.path == b.path);
    files
}

//! The files of a tree: where they are, and who may read them.

use core::fmt;
use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::{MspError, NamedCertificate};
use crate::key::PrivateKey;

/// Mode of a file that everybody may read.
const PUBLIC: u32 = 0o644;
/// Mode of a key.
const SECRET: u32 = 0o600;

/// A file of a tree.
#[derive(Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Relative, with `/`.
    pub path: String,
    /// Content; wiped on drop, as it may be a secret.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Permissions: `0644`, and `0600` for keys.
    pub mode: u32,
    /// Whether it belongs into a Secret.
    pub secret: bool,
}

impl fmt::Debug for TreeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TreeFile");
        out.field("path", &self.path).field("mode", &self.mode);
        if self.secret {
            out.field("bytes", &"[redacted]").finish()
        } else {
            out.field("bytes", &String::from_utf8_lossy(&self.bytes))
                .finish()
        }
    }
}

/// Files in the order in which they were added.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) files: Vec<TreeFile>,
    paths: BTreeSet<String>,
}

impl Tree {
    fn add(&mut self, file: TreeFile) -> Result<(), MspError> {
        if !self.paths.insert(file.path.clone()) {
            return Err(MspError::Twice(file.path));
        }
        self.files.push(file);
        Ok(())
    }

    pub(super) fn public(&mut self, path: String, text: String) -> Result<(), MspError> {
        self.add(TreeFile {
            path,
            bytes: Zeroizing::new(text.into_bytes()),
            mode: PUBLIC,
            secret: false,
        })
    }

    pub(super) fn key(&mut self, path: String, key: &PrivateKey) -> Result<(), MspError> {
        self.add(TreeFile {
            path,
            bytes: Zeroizing::new(key.to_pem().as_bytes().to_vec()),
            mode: SECRET,
            secret: true,
        })
    }

    pub(super) fn certificates(
        &mut self,
        folder: &str,
        all: &[NamedCertificate],
    ) -> Result<(), MspError> {
        for one in all {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
            // `..data` and its like are what Kubernetes itself puts there.
            if one.name.is_empty() || one.name.starts_with('.') || !one.name.bytes().all(fits) {
                return Err(MspError::Name(one.name.clone()));
            }
            self.public(format!("{folder}/{}", one.file()), one.certificate.to_pem())?;
        }
        Ok(())
    }
}

//! The door through which head, vaults and revisions are read and written, wherever they live.
//!
//! A store promises: `create_head` and `create_vault` never overwrite; `put_head` changes what was read or nothing
//! (compare-and-swap); vaults, revisions and public parts never change once written; a vault that is listed and cannot
//! be read, or whose digest differs, is an error and never "not there". A head of a newer host is never written over.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use sha2::{Digest, Sha256};

use super::head::{Head, SCHEMA, Site, VaultRef};
use super::revision::{Public, Revision};
use super::signpost::Signpost;
use super::vault::Vault;

/// How many revisions are kept.
pub const KEPT_REVISIONS: u32 = 10;

/// What identifies one state of the head: opaque, from the store that gave it. It remembers whether this host may write
/// over that state, so that no caller can forget to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadVersion {
    pub(crate) token: String,
    newer: Option<(String, String)>,
}

impl HeadVersion {
    /// The version `token` of a head that was read or written.
    pub(crate) fn of(token: impl Into<String>, head: &Head) -> Self {
        Self {
            token: token.into(),
            newer: newer(head.schema, &head.minimum_host).map(|why| (head.chain.clone(), why)),
        }
    }

    /// Whether this host may write over it.
    ///
    /// # Errors
    /// [`StoreError::Newer`].
    pub fn check(&self) -> Result<(), StoreError> {
        match &self.newer {
            None => Ok(()),
            Some((chain, why)) => Err(StoreError::Newer {
                chain: chain.clone(),
                why: why.clone(),
                this: THIS_HOST,
            }),
        }
    }
}

/// A head with the version under which it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredHead {
    /// The head.
    pub head: Head,
    /// Give it back to `put_head`.
    pub version: HeadVersion,
}

/// What came of creating a head.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum HeadCreation {
    /// The name is ours.
    Created(HeadVersion),
    /// A head was there before: somebody else's, an earlier run's, or a tombstone.
    Exists(Box<StoredHead>),
}

/// What came of putting a head.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum HeadPut {
    /// Written, under this version.
    Written(HeadVersion),
    /// Somebody changed or deleted it since it was read: load it again.
    Conflict,
}

/// What came of creating a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum VaultCreation {
    /// Written.
    Created,
    /// A vault of that name was there: this is what it holds. The caller compares digests and, if the chain's UID is
    /// its own, goes on with what is there.
    Exists(Box<Vault>),
}

/// A fault of reading or writing what is remembered.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The head was written by a newer host.
    #[error("chain {chain:?} was last written by a newer kubectl chain ({why}), this is {this}")]
    Newer {
        /// The chain.
        chain: String,
        /// Schema or minimum version.
        why: String,
        /// This host's version.
        this: &'static str,
    },
    /// The chain is here, and its head is not.
    #[error("chain {chain:?} is not at home in namespace {namespace:?}: its home is {}", .signpost.home)]
    NotHome {
        /// The chain.
        chain: String,
        /// Where its head was looked for.
        namespace: String,
        /// What stands there.
        signpost: Box<Signpost>,
    },
    /// A place in which the chain is to have something is another's.
    #[error("chain {chain:?} cannot have a place in {place}: configmap {name:?} there {whose}")]
    PlaceTaken {
        /// The chain.
        chain: String,
        /// Namespace and cluster.
        place: String,
        /// Name of what stands there.
        name: String,
        /// Whose it is.
        whose: String,
        /// What to do.
        hint: String,
    },
    /// A vault that the head lists is not there.
    #[error("vault {name:?} of subject {subject:?} is missing in {place}")]
    VaultMissing {
        /// The subject whose keys it holds.
        subject: String,
        /// Name of the Secret or file.
        name: String,
        /// Namespace or folder.
        place: String,
    },
    /// A vault that the head lists may not be read.
    #[error("vault {name:?} of subject {subject:?} in {place} cannot be read")]
    VaultUnreadable {
        /// The subject whose keys it holds.
        subject: String,
        /// Name of the Secret or file.
        name: String,
        /// Namespace or folder.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A vault does not hold what the head says.
    #[error(
        "vault {name:?} of subject {subject:?} in {place} is not the one that the chain remembers: {why}"
    )]
    VaultDiffers {
        /// The subject whose keys it should hold.
        subject: String,
        /// Name of the Secret or file.
        name: String,
        /// Namespace or folder.
        place: String,
        /// What differs; digests, never contents.
        why: String,
    },
    /// Something stored is not what it should be.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// The object or file.
        what: String,
        /// What is wrong with it; never contents.
        why: String,
    },
    /// A revision or its public part is not there.
    #[error("{what} of chain {chain:?} is not there")]
    Missing {
        /// `revision 3`, `public part ...`.
        what: String,
        /// The chain.
        chain: String,
    },
    /// A revision of that number was written by somebody else.
    #[error("revision {number} of chain {chain:?} was written by somebody else meanwhile")]
    RevisionTaken {
        /// The chain.
        chain: String,
        /// The number.
        number: u32,
    },
    /// It does not fit into one object of the cluster.
    #[error("{what} has {bytes} bytes, more than the {limit} that one object may have")]
    TooLarge {
        /// What.
        what: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It cannot be written as it is.
    #[error("{what} cannot be stored: {why}")]
    Unfit {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
    /// A folder that others could change is not used.
    #[error("folder {path} can be written to by others (mode {mode:04o})")]
    OpenFolder {
        /// The folder.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Somebody else changes the head all the time.
    #[error("the head of chain {chain:?} was changed by somebody else {attempts} times in a row")]
    Busy {
        /// The chain.
        chain: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Reading or writing a file failed.
    #[error("cannot {action} {path}")]
    File {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What lies underneath failed.
    #[error("cannot {action}")]
    Backend {
        /// What was attempted.
        action: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What to do.
        hint: Option<String>,
    },
}

impl StoreError {
    /// What to do next, if there is something that always helps.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Newer { .. } => Some(
                "install the newer kubectl chain; get, status and logs work with this one".into(),
            ),
            Self::NotHome { signpost, .. } => Some(signpost.home.hint()),
            Self::PlaceTaken { hint, .. } => Some(hint.clone()),
            Self::VaultMissing { name, .. } => Some(format!(
                "keys are never made twice: restore {name:?} from a backup, or delete the chain with --purge"
            )),
            Self::VaultUnreadable { source, .. } => source
                .downcast_ref::<crate::cluster::ClusterError>()
                .and_then(crate::cluster::ClusterError::hint),
            Self::VaultDiffers { .. } => Some(
                "restore the vault that the chain remembers; it is never replaced by another"
                    .into(),
            ),
            Self::OpenFolder { path, .. } => Some(format!("run: chmod go-w {path}")),
            Self::RevisionTaken { .. } | Self::Busy { .. } => {
                Some("run the same command again".into())
            }
            Self::Backend { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}

/// Where the things that are remembered of one chain live. One store is one chain in one (cluster, namespace) or folder.
pub trait Store: Send + Sync {
    /// The chain's name.
    fn chain(&self) -> &str;

    /// Reads the head; `None` if the chain is not known here. A head of a newer host can be read.
    fn load_head(&self) -> impl Future<Output = Result<Option<StoredHead>, StoreError>> + Send;

    /// Claims the name. Exactly one of several callers gets `Created`.
    fn create_head(
        &self,
        head: &Head,
    ) -> impl Future<Output = Result<HeadCreation, StoreError>> + Send;

    /// Replaces the head that was read under `version`.
    fn put_head(
        &self,
        head: &Head,
        version: &HeadVersion,
    ) -> impl Future<Output = Result<HeadPut, StoreError>> + Send;

    /// Forgets the chain: the last step of `delete --purge`. Nothing happens if it is not there; a conflict if it is
    /// not the one that was read.
    fn delete_head(
        &self,
        version: &HeadVersion,
    ) -> impl Future<Output = Result<HeadPut, StoreError>> + Send;

    /// Says in each of these places but the home, each with the kinds of its objects there, whose place it is and where
    /// the home is. Nothing is asked or written where that stands already. Where only one place can be, as in a folder,
    /// there is nothing to say.
    fn mark(
        &self,
        head: &Head,
        places: &BTreeMap<Site<'_>, BTreeSet<String>>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (head, places);
        async { Ok(()) }
    }

    /// Reads a vault that the head lists for `subject`, and checks that it is the subject's and has the digest.
    fn read_vault(
        &self,
        site: Site<'_>,
        subject: &str,
        vault: &VaultRef,
    ) -> impl Future<Output = Result<Vault, StoreError>> + Send;

    /// Looks for a vault that an interrupted run may have left under `name`, before the head lists it.
    fn find_vault(
        &self,
        site: Site<'_>,
        name: &str,
    ) -> impl Future<Output = Result<Option<Vault>, StoreError>> + Send;

    /// Writes a vault under a new name; never over another.
    fn create_vault(
        &self,
        site: Site<'_>,
        name: &str,
        vault: &Vault,
    ) -> impl Future<Output = Result<VaultCreation, StoreError>> + Send;

    /// Reads a public part by its digest (64 hex digits), and checks it.
    fn read_public(&self, digest: &str) -> impl Future<Output = Result<Public, StoreError>> + Send;

    /// Writes a public part under its own digest, which is returned. Writing it twice is no fault.
    fn write_public(
        &self,
        public: &Public,
    ) -> impl Future<Output = Result<String, StoreError>> + Send;

    /// Reads one revision.
    fn read_revision(
        &self,
        number: u32,
    ) -> impl Future<Output = Result<Revision, StoreError>> + Send;

    /// Writes a revision, before the head moves to it. What an interrupted run left under a number that the head does
    /// not know yet is replaced; a revision that the head knows never is.
    fn write_revision(
        &self,
        revision: &Revision,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The numbers of the revisions that are there, in order.
    fn list_revisions(&self) -> impl Future<Output = Result<BTreeSet<u32>, StoreError>> + Send;

    /// Forgets all but the newest [`KEPT_REVISIONS`] up to `current`, and public parts that none of those names.
    fn collect_revisions(
        &self,
        current: u32,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Changes the head by `change` and retries when somebody else was first. `change` sees the head as it is now, and may
/// refuse. Returns the head as written.
///
/// # Errors
/// No head, a newer host's head, what `change` says, or [`StoreError::Busy`].
pub async fn update_head<S, E, F>(store: &S, mut change: F) -> Result<StoredHead, E>
where
    S: Store,
    E: From<StoreError>,
    F: FnMut(&mut Head) -> Result<(), E> + Send,
{
    const ATTEMPTS: u32 = 8;
    for _ in 0..ATTEMPTS {
        let Some(StoredHead { mut head, version }) = store.load_head().await? else {
            return Err(StoreError::Missing {
                what: "the head".to_owned(),
                chain: store.chain().to_owned(),
            }
            .into());
        };
        let before = head.clone();
        change(&mut head)?;
        if head == before {
            return Ok(StoredHead { head, version });
        }
        match store.put_head(&head, &version).await? {
            HeadPut::Written(version) => return Ok(StoredHead { head, version }),
            HeadPut::Conflict => {}
        }
    }
    Err(StoreError::Busy {
        chain: store.chain().to_owned(),
        attempts: ATTEMPTS,
    }
    .into())
}

/// SHA-256 of the JSON of a public part, 64 hex digits: its address.
///
/// # Errors
/// A value cannot be written as JSON (a map with keys that are no strings).
pub fn public_digest(public: &Public) -> Result<String, StoreError> {
    Ok(digest_of(&to_json("the public part", public)?))
}

/// This host's version.
const THIS_HOST: &str = env!("CARGO_PKG_VERSION");

/// Fails when this host may not write over a signpost.
pub(crate) fn check_signpost(there: &Signpost) -> Result<(), StoreError> {
    match newer(there.schema, &there.minimum_host) {
        None => Ok(()),
        Some(why) => Err(StoreError::Newer {
            chain: there.chain.clone(),
            why,
            this: THIS_HOST,
        }),
    }
}

/// Why this host may not write over a record of this schema and minimum host, if it may not.
fn newer(schema: u32, minimum_host: &str) -> Option<String> {
    if schema > SCHEMA {
        Some(format!("schema {schema} > {SCHEMA}"))
    } else if semver(minimum_host) > semver(THIS_HOST) {
        Some(format!("it needs {minimum_host} or later"))
    } else {
        None
    }
}

/// The three numbers of a version. What is no version counts as the newest: it is safer not to write.
fn semver(text: &str) -> (u64, u64, u64, bool) {
    let text = text.trim_start_matches('v');
    if text.is_empty() {
        return (0, 0, 0, false);
    }
    let core = text.split('+').next().unwrap_or_default();
    let (core, release) = match core.split_once('-') {
        Some((core, _)) => (core, false),
        None => (core, true),
    };
    let mut numbers = core.split('.').map(|n| n.parse().unwrap_or(u64::MAX));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next(), release)
}

pub(crate) fn to_json<T: serde::Serialize>(what: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Unfit {
        what: what.to_owned(),
        why: error.to_string(),
    })
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged {
        what: what.to_owned(),
        why: error.to_string(),
    })
}

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Checks that a vault which was read is the one that the head lists.
pub(crate) fn check_vault(
    vault: &Vault,
    subject: &str,
    listed: &VaultRef,
    place: &str,
) -> Result<(), StoreError> {
    let differs = |why: String| StoreError::VaultDiffers {
        subject: subject.to_owned(),
        name: listed.name.clone(),
        place: place.to_owned(),
        why,
    };
    if vault.subject != subject {
        return Err(differs(format!("it is of subject {:?}", vault.subject)));
    }
    let digest = vault.digest();
    if digest != listed.digest {
        return Err(differs(format!(
            "its digest is {digest}, expected {}",
            listed.digest
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(semver("0.10.0") > semver("0.9.9"));
        assert!(semver("1.0.0-rc1") < semver("1.0.0"));
        assert!(semver("what") > semver("999.0.0"));
        assert!(semver("") < semver("0.0.1"));
    }

    #[test]
    fn equal_public_parts_have_one_address() {
        let public = Public::default();
        assert_eq!(public_digest(&public).unwrap().len(), 64);
        assert_eq!(
            public_digest(&public).unwrap(),
            public_digest(&Public::default()).unwrap()
        );
    }
}

//! What can be wrong with a chaincode package.

use thiserror::Error;

/// Why a package cannot be built or is not one that a peer would take.
#[derive(Debug, Error)]
pub enum PackageError {
    /// The label would be refused by every peer.
    #[error(
        "label {0:?} of the package: expected a letter or digit, then letters, digits and `_.+-`"
    )]
    Label(String),
    /// The label names Kubernetes objects, which allow less.
    #[error(
        "label {0:?} of the package: type k8s needs a DNS label, at most 63 lower-case letters, digits and `-`, with a letter first and no `-` at the end"
    )]
    KubernetesLabel(String),
    /// A field of `connection.json`.
    #[error("connection.json, {field} {value:?}: expected {expected}")]
    Connection {
        /// The key in the file.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What a peer or its builder wants.
        expected: &'static str,
    },
    /// A field of `image.json`.
    #[error("image.json, {field} {value:?}: expected {expected}")]
    Image {
        /// The key in the file.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What the builder wants.
        expected: &'static str,
    },
    /// A file below `META-INF` that no peer reads, or that it refuses.
    #[error("index {name:?}: {reason}")]
    Index {
        /// Path in the archive of the code.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two files of one name.
    #[error("file {0:?} is in the archive twice")]
    Twice(String),
    /// Indexes cannot be put into an archive that the caller has packed.
    #[error(
        "indexes beside an archive of code: put them into the archive below META-INF/statedb/couchdb/indexes"
    )]
    IndexesBesideArchive,
    /// A name too long for the tar format or, when read, for a file system.
    #[error("file name {0:?} is too long: expected at most 100 bytes, or 255 that a slash parts")]
    Name(String),
    /// JSON could not be written.
    #[error("a file of the package cannot be written as JSON")]
    Write(#[source] serde_json::Error),

    /// Not gzip, or broken.
    #[error("{part} is not a whole gzip stream: {reason}")]
    Gzip {
        /// The package or its `code.tar.gz`.
        part: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It unpacks to more than the caller allows.
    #[error("{part} unpacks to more than {limit} bytes")]
    TooLarge {
        /// The package or its `code.tar.gz`.
        part: &'static str,
        /// The caller's limit.
        limit: usize,
    },
    /// Not a tar archive, or broken.
    #[error("{part} is not a whole tar archive: {reason}")]
    Tar {
        /// The package or its `code.tar.gz`.
        part: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More entries than the caller allows.
    #[error("{part} has more than {limit} entries")]
    TooMany {
        /// The package or its `code.tar.gz`.
        part: &'static str,
        /// The caller's limit.
        limit: usize,
    },
    /// An absolute name, one with `..`, or an empty one.
    #[error("{part}: the name {name:?} of an entry is absolute, empty or leads out of the archive")]
    Path {
        /// The package or its `code.tar.gz`.
        part: &'static str,
        /// The name.
        name: String,
    },
    /// A folder, a link, a device, or the global header that `git archive` writes.
    #[error("{part}: entry {name:?} is {kind}, which a peer refuses: expected {expected}")]
    Entry {
        /// The package or its `code.tar.gz`.
        part: &'static str,
        /// The name.
        name: String,
        /// What it is.
        kind: &'static str,
        /// What may stand there.
        expected: &'static str,
    },
    /// One of the two files is not there.
    #[error(
        "the package has no file {missing:?} (it has {found}): the names must be exact, as `tar -czf package.tgz metadata.json code.tar.gz` writes them, without `./`"
    )]
    Missing {
        /// The file.
        missing: &'static str,
        /// What is there instead.
        found: String,
    },
    /// The builder's file is not in the code.
    #[error("code.tar.gz of a package of type {kind} has no file {missing:?} (it has {found})")]
    MissingInCode {
        /// Type of the package.
        kind: &'static str,
        /// The file.
        missing: &'static str,
        /// What is there instead.
        found: String,
    },
    /// A file that is no JSON object, or has a field of another type.
    #[error("{file} is not the JSON object that was expected")]
    Json {
        /// The file.
        file: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// `metadata.json` without a type.
    #[error("metadata.json has no type: expected ccaas, k8s, golang, java, node or external")]
    Type,
}

//! What a package holds: where a chaincode server listens, an image, or an archive of sources.

use serde::{Deserialize, Serialize};

use super::{PackageError, gzip, json, tar};

/// The longest label of a package of type `k8s`.
pub const KUBERNETES_LABEL: usize = 63;

/// Name of the file that says where a chaincode server listens.
pub(super) const CONNECTION: &str = "connection.json";
/// Name of the file that names an image.
pub(super) const IMAGE: &str = "image.json";
/// The folder of which peers read the indexes.
const STATE: &str = "META-INF/statedb/couchdb/";

/// The code of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Type `ccaas`: the chaincode runs as a server of its own, and peers dial it.
    Service(Connection),
    /// Type `k8s`: the peer's builder starts a pod of this image.
    Image(Image),
    /// Any other type, with an archive that the caller made.
    Archive {
        /// `golang`, `java`, `node`, or what an external builder looks for.
        kind: String,
        /// Import path of Go code; else empty.
        path: String,
        /// `code.tar.gz`, as it is.
        archive: Vec<u8>,
    },
}

/// Where a chaincode server listens: `connection.json` of the ccaas builder.
///
/// The texts may hold templates such as `{{.peername}}`, which the builder fills on each peer. The
/// key of a client lies readable in the package on every peer: prefer TLS without client keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// `host:port`; the bare name of a Service lets one package serve all namespaces.
    pub address: String,
    /// A duration of Go, such as `10s`. Not optional: the builder hands an empty one on, which a
    /// peer cannot parse.
    #[serde(default)]
    pub dial_timeout: String,
    /// Dial with TLS; needs `root_cert`.
    #[serde(default)]
    pub tls_required: bool,
    /// Present a certificate; needs `client_key` and `client_cert`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub client_auth_required: bool,
    /// PEM of the client's key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client_key: String,
    /// PEM of the client's certificate.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client_cert: String,
    /// PEM of the authority that signed the server's certificate.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub root_cert: String,
}

/// An image by its digest: `image.json` of the Kubernetes builder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Registry and repository, without a tag.
    pub name: String,
    /// `sha256:` and 64 lower-case hex digits.
    #[serde(default)]
    pub digest: String,
}

/// An index for `CouchDB` that peers make when a chaincode is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The collection of private data whose index it is; none for the public state.
    pub collection: Option<String>,
    /// Name of the file, which ends in `.json`.
    pub name: String,
    /// The definition: a JSON object with a key `index`.
    pub definition: Vec<u8>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands in a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Connection {
    /// A connection without TLS and with 10 s to dial.
    pub fn plain(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            dial_timeout: "10s".to_owned(),
            tls_required: false,
            client_auth_required: false,
            client_key: String::new(),
            client_cert: String::new(),
            root_cert: String::new(),
        }
    }

    /// Checks what the builder and the peer check, most of it only at the first call of the chaincode.
    ///
    /// # Errors
    /// [`PackageError::Connection`] with the first field that is wrong.
    pub fn check(&self) -> Result<(), PackageError> {
        let bad = |field, value: &str, expected| {
            Err(PackageError::Connection {
                field,
                value: value.to_owned(),
                expected,
            })
        };
        if !self.address.contains("{{") && !is_host_and_port(&self.address) {
            return bad("address", &self.address, "host:port");
        }
        if !self.dial_timeout.contains("{{") && !is_duration(&self.dial_timeout) {
            return bad(
                "dial_timeout",
                &self.dial_timeout,
                "a duration such as 10s (the peer cannot read an empty one)",
            );
        }
        if !self.tls_required {
            return Ok(());
        }
        if self.root_cert.is_empty() {
            return bad("root_cert", "", "a certificate, since tls_required is true");
        }
        if self.client_auth_required && self.client_key.is_empty() {
            return bad(
                "client_key",
                "",
                "a key, since client_auth_required is true",
            );
        }
        if self.client_auth_required && self.client_cert.is_empty() {
            return bad(
                "client_cert",
                "",
                "a certificate, since client_auth_required is true",
            );
        }
        Ok(())
    }
}

impl Image {
    /// Checks name and digest.
    ///
    /// # Errors
    /// [`PackageError::Image`].
    pub fn check(&self) -> Result<(), PackageError> {
        let bad = |field, value: &str, expected| {
            Err(PackageError::Image {
                field,
                value: value.to_owned(),
                expected,
            })
        };
        let printable = self.name.bytes().all(|byte| byte.is_ascii_graphic());
        if self.name.is_empty() || !printable || self.name.contains('@') {
            return bad(
                "name",
                &self.name,
                "registry and repository, without digest",
            );
        }
        let digits = self.digest.strip_prefix("sha256:").unwrap_or_default();
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 64 || !digits.bytes().all(hex) {
            return bad(
                "digest",
                &self.digest,
                "sha256: and 64 lower-case hex digits (a tag is not enough)",
            );
        }
        Ok(())
    }
}

impl Index {
    /// An index of which the definition is at hand as JSON.
    pub fn new(collection: Option<&str>, name: &str, definition: &serde_json::Value) -> Self {
        Self {
            collection: collection.map(str::to_owned),
            name: name.to_owned(),
            definition: definition.to_string().into_bytes(),
        }
    }

    /// Path of the file in the archive of the code.
    pub fn path(&self) -> String {
        match &self.collection {
            Some(collection) => format!("{STATE}collections/{collection}/indexes/{}", self.name),
            None => format!("{STATE}indexes/{}", self.name),
        }
    }

    /// Checks what a peer checks before it makes an index (`internal/ccmetadata/validators.go`).
    ///
    /// # Errors
    /// [`PackageError::Index`].
    pub fn check(&self) -> Result<(), PackageError> {
        let bad = |reason| {
            Err(PackageError::Index {
                name: self.path(),
                reason,
            })
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let stem = self.name.strip_suffix(".json").unwrap_or_default();
        if stem.is_empty() || !stem.chars().all(|c| plain(c) || c == '.') {
            return bad("expected a name of letters, digits and `_.-` that ends in .json");
        }
        if let Some(collection) = &self.collection
            && (collection.is_empty() || !collection.chars().all(plain))
        {
            return bad("expected a collection's name of letters, digits, `_` and `-`");
        }
        let Ok(definition) = serde_json::from_slice::<serde_json::Value>(&self.definition) else {
            return bad("it is not JSON");
        };
        if !definition
            .get("index")
            .is_some_and(serde_json::Value::is_object)
        {
            return bad("expected a JSON object whose key index is an object");
        }
        Ok(())
    }

    /// The index that a file of an archive is, if it is one.
    pub(super) fn from_file(path: &str, definition: &[u8]) -> Option<Self> {
        let rest = path.strip_prefix(STATE)?;
        let (collection, name) = match rest.strip_prefix("collections/") {
            Some(rest) => {
                let (collection, name) = rest.split_once("/indexes/")?;
                (Some(collection.to_owned()), name)
            }
            None => (None, rest.strip_prefix("indexes/")?),
        };
        Some(Self {
            collection,
            name: name.to_owned(),
            definition: definition.to_owned(),
        })
    }
}

impl Code {
    /// The type that `metadata.json` gets.
    pub fn kind(&self) -> &str {
        match self {
            Self::Service(_) => "ccaas",
            Self::Image(_) => "k8s",
            Self::Archive { kind, .. } => kind,
        }
    }

    pub(super) fn path(&self) -> &str {
        match self {
            Self::Archive { path, .. } => path,
            Self::Service(_) | Self::Image(_) => "",
        }
    }

    pub(super) fn check(&self, label: &str) -> Result<(), PackageError> {
        match self {
            Self::Service(connection) => connection.check(),
            Self::Image(image) => {
                check_kubernetes_label(label)?;
                image.check()
            }
            Self::Archive { kind, .. } if kind.is_empty() => Err(PackageError::Type),
            Self::Archive { .. } => Ok(()),
        }
    }

    /// The bytes of `code.tar.gz`.
    pub(super) fn archive(&self, indexes: &[Index]) -> Result<Vec<u8>, PackageError> {
        let (name, content) = match self {
            Self::Service(connection) => (CONNECTION, json(connection)?),
            Self::Image(image) => (IMAGE, json(image)?),
            Self::Archive { archive, .. } if indexes.is_empty() => return Ok(archive.clone()),
            Self::Archive { .. } => return Err(PackageError::IndexesBesideArchive),
        };
        // By path: the caller's order must not change the id of the package.
        let mut sorted = std::collections::BTreeMap::new();
        for index in indexes {
            index.check()?;
            if sorted.insert(index.path(), &index.definition).is_some() {
                return Err(PackageError::Twice(index.path()));
            }
        }
        let mut files = vec![(name, content.as_slice())];
        files.extend(
            sorted
                .iter()
                .map(|(path, definition)| (path.as_str(), definition.as_slice())),
        );
        Ok(gzip::store(&tar::write(&files)?))
    }
}

/// The builder for Kubernetes (0.15) takes no label but one of RFC 1035, as a Service's name is.
pub(super) fn check_kubernetes_label(label: &str) -> Result<(), PackageError> {
    let bytes = label.as_bytes();
    let first = bytes.first().is_some_and(u8::is_ascii_lowercase);
    let last = bytes.last().is_some_and(|byte| *byte != b'-');
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    if label.len() <= KUBERNETES_LABEL && first && last && bytes.iter().all(allowed) {
        Ok(())
    } else {
        Err(PackageError::KubernetesLabel(label.to_owned()))
    }
}

fn is_host_and_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        let host_ok = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
        host_ok
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}

/// A duration as Go's `ParseDuration` takes it: numbers with units, and nothing negative here.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (digits, behind) = rest.split_at_checked(number).unwrap_or_default();
        let units = ["ns", "us", "µs", "ms", "s", "m", "h"];
        let end = behind
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(end).unwrap_or_default();
        let dots = digits.matches('.').count();
        if digits.len() <= dots || dots > 1 || !units.contains(&unit) {
            return false;
        }
        rest = next;
    }
    true
}

//! `qubernetes.yaml`, the one file from which the original makes a network, read for conversion.
//!
//! Two programs read it there, and neither says what it ignores: keys in the wrong place, settings
//! that were planned, a whole older schema. Here every key that changes nothing is reported with its
//! line and the reason, so that a user learns why a setting never had an effect.

mod legacy;
mod model;
mod read;
mod section;
mod surroundings;

pub use model::{
    Cakeshop, ConsensusKind, Existing, ExternalNode, ExternalNodes, Genesis, Geth, Image, Ingress,
    IngressStrategy, Kubernetes, Manager, NodeEntry, PrivacyManager, Prometheus, Qubernetes,
    ServiceKind, Storage, StorageClass,
};
pub use section::Unhonoured;

use thiserror::Error;

use crate::address::AddressError;
use crate::enode::EnodeError;
use crate::yaml::YamlError;

/// Why a file cannot be converted.
#[derive(Debug, Error)]
pub enum QubernetesError {
    /// Not YAML.
    #[error("the file is not valid YAML")]
    Yaml(#[from] YamlError),
    /// A key without which there is no network.
    #[error("line {line}: {path} is missing")]
    Missing {
        /// The line of what lacks it.
        line: usize,
        /// The key, as a path.
        path: String,
    },
    /// A value of another type or outside its choices.
    #[error("line {line}: {path} is {value:?}, expected {expected}")]
    Invalid {
        /// The line.
        line: usize,
        /// The key, as a path.
        path: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// An external node whose URL is none.
    #[error("line {line}: {path} is no enode URL")]
    Enode {
        /// The line.
        line: usize,
        /// The key, as a path.
        path: String,
        /// What is wrong with it.
        #[source]
        source: EnodeError,
    },
    /// An external node whose address is none.
    #[error("line {line}: {path} is no address")]
    Address {
        /// The line.
        line: usize,
        /// The key, as a path.
        path: String,
        /// What is wrong with it.
        #[source]
        source: AddressError,
    },
    /// Two nodes of one name, or with one folder of keys.
    #[error("line {line}: {what} {name:?} is used by two nodes")]
    Twice {
        /// The line of the second.
        line: usize,
        /// `name` or `key folder`.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl Qubernetes {
    /// Reads a file of the present schema or of the one before 0.1.3.
    ///
    /// # Errors
    /// When it is no YAML, lacks what a network needs, or holds values that mean nothing.
    pub fn parse(text: &str) -> Result<Self, QubernetesError> {
        Self::parse_with_nodes(text, None)
    }

    /// As [`parse`](Self::parse), with the second file of the older schema, `nodes.yaml`, which
    /// names the nodes and their folders of keys. Without it they have the names that were usual.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with_nodes(text: &str, nodes: Option<&str>) -> Result<Self, QubernetesError> {
        let root = crate::yaml::Node::parse(text)?;
        if legacy::is_legacy(&root) {
            let nodes = nodes.map(crate::yaml::Node::parse).transpose()?;
            legacy::read(&root, nodes.as_ref())
        } else {
            read::read(&root)
        }
    }

    /// Whether a file tells of nodes of another cluster and of no network of its own.
    ///
    /// # Errors
    /// When it is no YAML.
    pub fn is_external(text: &str) -> Result<bool, QubernetesError> {
        let root = crate::yaml::Node::parse(text)?;
        let has = |key: &str| root.get(key).is_some();
        Ok(has("external_nodes") && !has("genesis") && !has("nodes") && !has("quorum"))
    }

    /// Reads a file that [`is_external`](Self::is_external).
    ///
    /// # Errors
    /// When it is no YAML, names no node, or holds values that mean nothing.
    pub fn parse_external(text: &str) -> Result<ExternalNodes, QubernetesError> {
        read::external(&crate::yaml::Node::parse(text)?)
    }
}

#[cfg(test)]
mod tests;

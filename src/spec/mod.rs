//! The user's spec: one validated tree, from a file, from flags, or from both.
//!
//! Keys under `options` belong to plugins (their JSON schema); all else belongs to the host and is the same for every
//! stack. Keys that only a stack's kinds declare (`orgs`, `channels`, ...) arrive in [`ChainSpec::kinds`].

pub mod chain_spec;
mod either;
pub mod load;
pub mod locate;
pub mod names;

pub use chain_spec::{
    ChainFile, ChainSpec, ClusterEntry, Expose, Images, Metadata, NodeEntry, Nodes, Patch,
    PatchTarget, Placement, Service, Services, Stopped, Storage,
};
pub use load::{Loaded, Raw, SpecError};

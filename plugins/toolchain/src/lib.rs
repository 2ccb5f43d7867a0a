//! From a plugin crate to a component that the host runs.
//!
//! [`guest`] has cargo compile the crate to a core module, [`component`] wraps it for the contract and stamps contract
//! version and descriptor into custom sections, [`engine`] is the one wasmtime configuration under which components are
//! compiled, here ahead of time and in the host at install. The host uses this crate for `kubectl chain plugin build`;
//! the binary `chain-plugin` builds the plugins that are embedded.

pub mod component;
pub mod engine;
pub mod guest;
pub mod misplaced;
pub mod section;
pub mod warm;

/// The contract's text, the version that this build speaks.
pub const CONTRACT: &str = include_str!("../../../wit/contract.wit");

/// Version of the contract: package `chain:plugin`.
pub const CONTRACT_VERSION: (u16, u16, u16) = (1, 0, 0);

/// Why a plugin could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file could not be read or written.
    #[error("cannot access {path}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// cargo's own metadata could not be had.
    #[error("cannot read the cargo metadata of {path}")]
    Metadata {
        /// The manifest.
        path: std::path::PathBuf,
        /// The cause.
        #[source]
        source: cargo_metadata::Error,
    },
    /// The crate has nothing to build.
    #[error(
        "{path} has no library of crate-type cdylib\nhint: add `[lib] crate-type = [\"cdylib\", \"rlib\"]`"
    )]
    NoLibrary {
        /// The manifest.
        path: std::path::PathBuf,
    },
    /// No compiler for WebAssembly.
    #[error(
        "no Rust compiler for wasm32-unknown-unknown\nhint: `rustup target add wasm32-unknown-unknown`, or on Debian `apt-get install rustc-web cargo-web rust-web-src lld`"
    )]
    NoTarget,
    /// cargo failed; its own words went to stderr.
    #[error("cargo could not build {what}: {status}")]
    Cargo {
        /// What was built.
        what: String,
        /// How cargo ended.
        status: String,
    },
    /// What the compiler made is no module.
    #[error("the module of {package} cannot be read: {why}")]
    Module {
        /// The plugin.
        package: String,
        /// What is wrong with it.
        why: String,
    },
    /// The module is not one that can be wrapped.
    #[error("{what} does not fit the contract {version}: {cause}")]
    Contract {
        /// The plugin.
        what: String,
        /// The contract.
        version: String,
        /// The cause, in the words of the component tools.
        cause: String,
    },
    /// wasmtime refused it.
    #[error("wasmtime refused {what}")]
    Engine {
        /// The plugin.
        what: String,
        /// The cause.
        #[source]
        source: wasmtime::Error,
    },
}

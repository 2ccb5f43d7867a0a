//! Everything that knows wasmtime: the engine, components and their cache, sandboxed calls, the catalogue of plugins.

pub mod builtin;
pub mod cache;
pub mod catalog;
mod code;
pub mod component;
pub mod contract;
pub mod engine;
pub mod error;
pub mod flags;
pub mod limits;
pub mod sandbox;

pub use catalog::{Catalog, is_file_name, nearest};
pub use component::{Interfaces, Plugin, Shared};
pub use engine::Runtime;
pub use error::PluginError;
pub use sandbox::{Door, Entropy, Sandbox, Session};

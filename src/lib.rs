//! `kubectl chain`: creates and operates blockchain networks on Kubernetes.
//!
//! The host knows Kubernetes and runs plugins; it knows no blockchain. Layers point one way:
//! `commands -> pipeline -> plugin, manifest, cluster -> state, spec`. Only `ui` prints, only `cluster` talks to
//! Kubernetes, only `plugin` knows wasmtime.

pub mod cli;
pub mod cluster;
pub mod commands;
pub mod crash;
pub mod manifest;
pub mod parts;
pub mod pipeline;
pub mod plugin;
pub mod spec;
pub mod state;
pub mod ui;

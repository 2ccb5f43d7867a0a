//! The contract as Rust types, generated from `wit/contract.wit`.
//!
//! Everything that crosses the boundary has one type here; the rest of the host uses these and never sees wasmtime.
//! Optional interfaces (`stack`, `convert`, `operate`) are looked up by name, so a component need not export them.

#[allow(missing_docs, clippy::all, clippy::pedantic)]
mod generated {
    wasmtime::component::bindgen!({
        world: "everything",
        path: "wit",
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

pub use generated::Everything;
pub use generated::chain::plugin::host;
pub use generated::chain::plugin::types::{
    self, Blob, Diagnostic, Endpoint, Ref, Severity, Subject, Topology,
};
pub use generated::exports::chain::plugin::operate;
pub use generated::exports::chain::plugin::plugin::{
    self as service, Binding, Call, Change, Configured, Content, Delivery, File, Fragment, Item,
    Place, Provisioned, Rendered, Source, Target,
};
pub use generated::exports::chain::plugin::{convert, stack};

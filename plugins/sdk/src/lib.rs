//! The SDK for plugins of `kubectl chain`.
//!
//! An author implements [`Plugin`] (and [`Stack`], [`Convert`], [`Operate`] where the plugin has them), names the types in
//! [`export_plugin!`], and runs `kubectl chain plugin build`. There is no glue to write: facts, kept items, entropy and
//! state come through [`At`], which on a workstation's own CPU is a [`TestHost`], so that all logic is unit-tested
//! natively.
//!
//! With `default-features = false` only [`descriptor`] and [`spec`] remain: the JSON that host and guest share.

pub mod descriptor;
pub mod spec;

#[cfg(feature = "guest")]
mod at;
#[cfg(feature = "guest")]
#[doc(hidden)]
pub mod bindings;
#[cfg(feature = "guest")]
pub mod doing;
#[cfg(feature = "guest")]
#[doc(hidden)]
pub mod glue;
#[cfg(feature = "guest")]
mod plugin;
#[cfg(feature = "guest")]
mod render;
#[cfg(feature = "guest")]
mod test_host;

#[cfg(feature = "guest")]
pub use at::{At, Host, HostLevel};
#[cfg(feature = "guest")]
pub use bindings::chain::plugin::types::{
    Blob, Diagnostic, Endpoint, Ref, Severity, Subject, Topology,
};
#[cfg(feature = "guest")]
pub use bindings::exports::chain::plugin::operate::{
    Act, Exec, Failure, Http, Logs, Outcome, Report, Request, Response, Step, Tls, Turn,
};
#[cfg(feature = "guest")]
pub use bindings::exports::chain::plugin::plugin::{
    Binding, Call, Change, Configured, Content, Delivery, File, Fragment, Item, Place, Provisioned,
    Rendered, Source, Target,
};
#[cfg(feature = "guest")]
pub use plugin::{Convert, Diagnostics, Operate, Plugin, Stack, error, warning};
#[cfg(feature = "guest")]
pub use render::{RenderedBuilder, reference};
#[cfg(feature = "guest")]
pub use test_host::TestHost;

pub use serde_json;

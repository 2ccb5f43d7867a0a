//! What the plugins of the CITA-Cloud v4.0.0 services share.
//!
//! Every service is one container of a node's pod: it runs in the node's folder `/data`, waits for those it depends on
//! and ends with them (`run`), tells the others its port (`facts`), and writes one log configuration (`log`).
//! [`Nodes`] is the chain as a service sees it. Nothing here knows of one implementation of a service.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod container;
pub mod facts;
pub mod log;
pub mod run;

pub use container::{DATA, ServiceContainer};
pub use facts::{Grpc, KmsFacts, NetworkFacts};
pub use plugin_pods::{CHAIN, Nodes};
pub use run::Run;

/// The release of the stack that these plugins belong to.
pub const RELEASE: &str = "v4.0.0";

/// Name of the stack.
pub const STACK: &str = "cita-cloud";

/// The role under which the stack plugin itself is found.
pub const STACK_ROLE: &str = "stack";

/// Id of the super admin's account, when the chain has one of its own.
pub const SUPER_ADMIN: &str = "account/super-admin";

//! Rehearsals: what the operations of the stack `quorum` do with a network, without Kubernetes and without clients.
//!
//! [`network`] is what answers: nodes with JSON-RPC and a console, over three state machines that know nothing of the
//! plugins, [`voters`], [`cluster`] and [`store`]. [`driver`] runs an operation against it as the host does, and lets
//! every request meet every fault: lost before or after it was carried out, or the process killed there.

pub mod cluster;
pub mod driver;
pub mod network;
pub mod store;
pub mod voters;

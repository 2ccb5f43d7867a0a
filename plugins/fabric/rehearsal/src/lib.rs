//! Rehearsals: what the stack `fabric` does with a network, without Kubernetes.
//!
//! [`network`] is the pipeline of the host in a few lines, over the plugins as native code; [`pod`] is what they render for
//! one pod; [`driver`] runs operations against a [`World`](driver::World), which is whatever answers: real nodes, or
//! [`ledger`] and [`registry`], models of them.

pub mod driver;
pub mod ledger;
pub mod network;
pub mod pod;
pub mod registry;

mod door;
mod service;

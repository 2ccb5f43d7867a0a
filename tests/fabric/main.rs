//! The stack `fabric` by the command, on a real control plane: what the server takes, a network in several namespaces,
//! what is refused before anything is written; and operations, with a model of Fabric behind the pods.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::doc_markdown,
    clippy::panic
)]

mod combinations;
mod consenters;
mod front;
mod listener;
mod live;
mod mounts;
mod namespaces;
#[path = "../support/operator.rs"]
mod operator;
#[path = "../support/pages.rs"]
mod pages;
mod parties;
#[path = "../support/plane.rs"]
mod plane;
mod refused;
mod renewed;
mod stopped;

use operator::Operator;

//! The stack `quorum` by the command, on real control planes: what the server takes, what an update leaves alone, and how
//! parties with clusters of their own become one chain.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::doc_markdown,
    clippy::panic
)]

mod another_client;
mod combinations;
mod console;
mod convert;
#[path = "../support/operator.rs"]
mod operator;
mod parties;
#[path = "../support/plane.rs"]
mod plane;
mod update;

use operator::Operator;

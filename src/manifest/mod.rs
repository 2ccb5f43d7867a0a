//! Kubernetes objects as ordered JSON: merge, files, pods, gate.
//!
//! [`assemble()`] takes what plugins rendered and gives the final objects, or all that is wrong with them. It is a pure
//! function: the same input gives the same bytes, whatever the order of parts. Nothing here knows a blockchain or talks
//! to anything. After it, [`leak::Scanner`] looks for secrets in the result, and [`yaml`] writes it.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::needless_pass_by_value,
        clippy::similar_names,
        clippy::print_stderr
    )
)]

mod assemble;
mod bind;
mod folders;
mod gate;
mod init;
pub mod input;
pub mod labels;
pub mod leak;
mod lists;
mod merge;
mod mounts;
pub mod names;
pub mod object;
mod others;
mod parsed;
mod patch;
mod pod;
mod problem;
pub mod seed;
mod shown;
mod sources;
mod store;
mod volumes;
pub mod yaml;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use assemble::{Assembled, assemble};
pub use gate::PATCHES;
pub use input::{Part, Shape};
pub use names::relative;
pub use object::Object;
pub use problem::Problem;

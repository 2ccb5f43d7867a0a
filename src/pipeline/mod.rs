//! One way through the house: spec -> resolve -> expand -> { provision, configure } -> render -> merge -> gate.
//!
//! Everything here is computed in memory, from the spec and from what is known of the chain; nothing is written.
//! The caller writes in the one order that loses nothing: head, vaults, revision, objects.

pub mod acts;
pub mod between;
pub mod check;
pub mod convert;
pub mod expand;
mod facts;
pub mod form;
pub mod graph;
pub mod holder;
pub mod operate;
pub mod options;
pub mod output_dir;
pub mod parties;
pub mod recall;
pub mod resolve;
pub mod run;
pub mod secrets;
pub mod shape;
pub mod stopped;
pub mod world;

pub use resolve::{Inputs, ResolveError, Resolved, ResolvedService, resolve};
pub use run::{Circumstances, Known, Outcome, PipelineError, run};

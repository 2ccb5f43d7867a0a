//! Real orderers, peers and chaincode servers as child processes, for tests without Kubernetes.
//!
//! Every process has a loopback address of its own and its usual ports there, and sees a root file
//! system of its own, which holds nothing but what the test gave it: so it finds its files where a
//! container would, resolves names as its namespace would, and dials no one outside. What says
//! `0.0.0.0` or `127.0.0.1` in a container's environment says the own address here; so environments
//! that are rendered for pods are taken as they are.
//!
//! The programs are the user's: the variable [`VARIABLE`] names a folder with them. Without it tests
//! have nothing to run and say so. Linux only: it takes namespaces, and all of 127/8.

mod error;
mod health;
pub mod http;
mod loopback;
mod process;
mod programs;
mod root;

pub use error::Error;
pub use loopback::{Loopback, Node};
pub use process::{Kind, Process};
pub use programs::{Programs, VARIABLE};

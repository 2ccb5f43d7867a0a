//! A network of real programs that our crates make and speak to.

// Each test file uses a part of it.
#![allow(dead_code)]

pub mod channel;
pub mod faults;
pub mod organization;
pub mod pod;
pub mod wire;

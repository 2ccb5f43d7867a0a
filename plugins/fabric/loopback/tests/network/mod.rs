//! A network of real programs that our crates make and speak to.

pub mod channel;
pub mod organization;
pub mod pod;
pub mod wire;

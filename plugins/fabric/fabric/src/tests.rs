//! What the stack makes of a spec.

pub(crate) mod expand;

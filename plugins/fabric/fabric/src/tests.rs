//! What the stack makes of a spec.

mod expand;

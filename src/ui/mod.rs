//! The only code that prints. Data goes to stdout, everything else to stderr; both read well without colour.
//!
//! Text that others wrote (logs, events, plugin messages, index entries) passes [`sanitize`] before a terminal sees
//! it. On a pipe data stays raw, byte for byte.

pub mod age;
pub mod color;
pub mod diagnostic;
pub mod log_lines;
pub mod printer;
pub mod progress;
pub mod sanitize;
pub mod status;
pub mod table;

pub use age::age;
pub use color::ColorChoice;
pub use diagnostic::{Level, Message, Place};
pub use printer::{Capture, Printer, is_broken_pipe};
pub use progress::Progress;
pub use table::Table;

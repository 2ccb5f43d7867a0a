//! What is done with a network that runs.

use chain_plugin_sdk::descriptor::Operation;
use chain_plugin_sdk::{Diagnostics, Host, Operate, Outcome, Request, Topology, Turn};
use fabric_service::fault::refuse;

/// The operations of the stack.
pub fn operations() -> Vec<Operation> {
    Vec::new()
}

/// An operation at work.
#[derive(Debug)]
pub enum Work {}

impl Operate for Work {
    fn start(_: Topology, what: Request, _: &dyn Host) -> Result<Self, Diagnostics> {
        Err(refuse(
            "operation",
            "",
            format!("no operation {}", what.operation),
        ))
    }

    fn next(&mut self, _: Vec<Outcome>, _: &dyn Host) -> Turn {
        match *self {}
    }
}

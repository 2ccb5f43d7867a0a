//! `kubectl chain create`: brings up a chain.

use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::change::Change;
use crate::pipeline::form::Verb;

/// Create a chain
///
/// Without arguments it creates the chain test-chain with three nodes. The
/// flags under "Role" and "Stack" come from the plugins in sight; a .wasm file
/// named on the command line brings its own.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Three nodes, everything at its default, and wait until they are ready
  kubectl chain create --wait

  # Four nodes by another name; see the objects first
  kubectl chain create demo --nodes 4 --dry-run=client -o yaml

  # The file with every default filled in
  kubectl chain create --dry-run=client -o spec > chain.yaml

  # Into a folder, without a cluster
  kubectl chain create demo --output-dir ./demo")]
pub struct Create {
    /// Name of the chain (default test-chain)
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The chain's file, or another tool's that a plugin reads; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub change: Change,
}

impl Create {
    /// Creates it.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let file = self.filename.as_deref();
        self.change
            .run(Verb::Create, self.name, file, None, context)
            .await
    }
}

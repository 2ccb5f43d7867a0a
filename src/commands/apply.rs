//! `kubectl chain apply`: creates or changes a chain; sends only the difference.

use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::change::Change;
use crate::pipeline::form::Verb;

/// Create or change a chain
///
/// With a file the chain becomes what it says; without one, what it is with
/// the flags' changes. Only the difference is sent, and what is no longer wanted is pruned. Keys
/// are never made anew, and nodes that need a restart get it one after the
/// other, never more at once than the stack allows.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Make the chain what the file says
  kubectl chain apply -f chain.yaml

  # One node more; all else stays as it is
  kubectl chain apply test-chain --nodes 4

  # See what would be done
  kubectl chain apply -f chain.yaml --dry-run=server")]
pub struct Apply {
    /// Name of the chain, when the file does not say it
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The chain's file, or another tool's that a plugin reads; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub change: Change,
}

impl Apply {
    /// Applies it.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let file = self.filename.as_deref();
        self.change
            .run(Verb::Apply, self.name, file, None, context)
            .await
    }
}

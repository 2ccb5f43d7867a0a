//! `kubectl chain completion`: shell completion.

use clap::Args;
use clap_complete::Shell;

use super::Context;
use crate::cli;

/// Print a completion script
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Complete `kubectl-chain` in this bash
  source <(kubectl chain completion bash)")]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

impl Completion {
    /// Prints the script.
    pub fn run(self, context: &Context) -> anyhow::Result<bool> {
        let mut script = Vec::new();
        let mut command = cli::command(&context.catalog);
        clap_complete::generate(self.shell, &mut command, "kubectl-chain", &mut script);
        context.printer.data(&script)?;
        Ok(true)
    }
}

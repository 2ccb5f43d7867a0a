//! Why a chain cannot be formed or changed.

use crate::manifest::Problem;
use crate::pipeline::parties::PartyError;
use crate::pipeline::run::PipelineError;
use crate::pipeline::stopped::StopError;
use crate::plugin::PluginError;
use crate::state::StoreError;
use crate::state::lock::LockError;

/// Why a chain could not be formed or changed.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// A plugin, or what plugins need of each other.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// What is remembered.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What another party gave does not fit.
    #[error(transparent)]
    Party(#[from] PartyError),
    /// Somebody else is changing the chain.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The objects that plugins made do not fit together, or ask for what was not granted.
    #[error("{}", problems.iter().map(shown).collect::<Vec<_>>().join("\n"))]
    Objects {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// The chain is there already.
    #[error("chain `{chain}` exists{}\nhint: {hint}", .how)]
    Exists {
        /// The chain.
        chain: String,
        /// In which state.
        how: String,
        /// What to do.
        hint: String,
    },
    /// A wish that cannot be met any more.
    #[error("{message}\nhint: {hint}")]
    Fixed {
        /// What was asked.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Somebody who is not there is to be stopped.
    #[error("spec.stopped: {0}")]
    Stopped(#[from] StopError),
    /// A vault of that name belongs to somebody else.
    #[error(
        "vault `{name}` of {subject} exists and is not of this chain\nhint: delete it if nobody needs its keys, or name the chain differently"
    )]
    ForeignVault {
        /// The Secret.
        name: String,
        /// The subject.
        subject: String,
    },
    /// The head changed while the plan was made.
    #[error("chain `{chain}` is being changed by somebody else\nhint: run the same command again")]
    Raced {
        /// The chain.
        chain: String,
    },
}

fn shown(problem: &Problem) -> String {
    match problem.hint() {
        Some(hint) => format!("{problem}\nhint: {hint}"),
        None => problem.to_string(),
    }
}

impl From<PluginError> for FormError {
    fn from(fault: PluginError) -> Self {
        Self::Pipeline(fault.into())
    }
}

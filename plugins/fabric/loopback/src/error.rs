//! Why a network of processes does not run.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// What went wrong.
#[derive(Debug, Error)]
pub enum Error {
    /// The folder of programs lacks one.
    #[error("no program {path}: the folder of Fabric's programs must have it")]
    Program {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file or folder.
    #[error("cannot {what} {path}")]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A path that leads out of the root, or is none.
    #[error("file {0:?} of a process: expected an absolute path without `..`")]
    Path(String),
    /// A tool of the system.
    #[error("cannot run {tool}")]
    Tool {
        /// Its name.
        tool: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// `sed` failed.
    #[error("the peer's configuration cannot be made: {0}")]
    Configuration(String),
    /// A peer that does not say its version.
    #[error("the peer does not say its release, but: {0:?}")]
    Release(String),
    /// Two processes of one name.
    #[error("process {0} is there twice")]
    Twice(String),
    /// A name that is not there.
    #[error("no process is called {0}")]
    Unknown(String),
    /// All addresses that were tried are taken.
    #[error("no free loopback addresses for {0} processes")]
    Addresses(usize),
    /// A process that ended although nobody stopped it.
    #[error("{name} ended by itself ({status}); its log ends with:\n{log}")]
    Ended {
        /// Which.
        name: String,
        /// How.
        status: String,
        /// The last lines.
        log: String,
    },
    /// A process that does not get ready, or does not stop.
    #[error("{name} is not {state} after {after:?}; its log ends with:\n{log}")]
    Late {
        /// Which.
        name: String,
        /// What was waited for.
        state: &'static str,
        /// How long.
        after: Duration,
        /// The last lines.
        log: String,
    },
}

/// Gives an error of the file system its path.
pub(crate) fn file(
    what: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::File { what, path, source }
}

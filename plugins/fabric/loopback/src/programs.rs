//! Where the programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::process::Kind;

/// The environment variable that names the folder.
pub const VARIABLE: &str = "CHAIN_TEST_FABRIC_BIN";

/// A folder with programs of one release of Fabric, linked statically: `orderer`, `peer`,
/// `chaincode` (a chaincode server), `ccaas_builder/bin/{detect,build,release}` and `sampleconfig/`. A
/// program that no test starts may be missing; so may the builder, which 1.4 does not have.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The folder that [`VARIABLE`] names; none, with a remark on standard error, when it is not set.
    #[expect(
        clippy::print_stderr,
        reason = "a test that has nothing to run says why"
    )]
    pub fn from_env() -> Option<Self> {
        let folder = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty());
        if folder.is_none() {
            eprintln!("skipped: {VARIABLE} does not name a folder with Fabric's programs");
        }
        Some(Self::at(folder?))
    }

    /// As [`Programs::from_env`]; none as well, with a remark, when the release begins with none of
    /// `releases`, such as `2.` or `3.1`.
    ///
    /// # Errors
    /// When the peer does not say its release.
    #[expect(
        clippy::print_stderr,
        reason = "a test that has nothing to run says why"
    )]
    pub fn from_env_of(releases: &[&str]) -> Result<Option<Self>, Error> {
        let Some(programs) = Self::from_env() else {
            return Ok(None);
        };
        let release = programs.release()?;
        if releases.iter().any(|one| release.starts_with(one)) {
            return Ok(Some(programs));
        }
        eprintln!("skipped: the programs are of {release}, this is for {releases:?}");
        Ok(None)
    }

    /// A folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The release as the peer itself says it: `2.5.16`.
    ///
    /// # Errors
    /// When there is no peer, or it does not say.
    pub fn release(&self) -> Result<String, Error> {
        let told = Command::new(self.program(Kind::Peer)?)
            .arg("version")
            .env_clear()
            .output()
            .map_err(|source| Error::Tool {
                tool: "peer version",
                source,
            })?;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        text.lines()
            .find_map(|line| line.trim().strip_prefix("Version: "))
            // 1.4 says it without the letter.
            .map(|version| version.trim_start_matches('v').to_owned())
            .ok_or(Error::Release(text))
    }

    /// A program, which must be there.
    pub(crate) fn program(&self, kind: Kind) -> Result<PathBuf, Error> {
        let path = self.folder.join(kind.program());
        if path.is_file() {
            Ok(path)
        } else {
            Err(Error::Program { path })
        }
    }

    /// The configuration that the images of the field have.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.join("sampleconfig")
    }

    /// The builder of chaincode that runs as a service.
    pub(crate) fn builder(&self) -> PathBuf {
        self.folder.join("ccaas_builder")
    }
}

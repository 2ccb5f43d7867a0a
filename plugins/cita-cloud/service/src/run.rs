//! How a service is started: under the run script, which gates it on others and ends it with them.
//!
//! The script is a file that the stack renders once for the chain; every service binds it. Why it is needed is said in
//! the script itself, and in the notes on running this generation (A 2 to A 5, A 12, D).

use chain_plugin_sdk::{Change, Delivery, RenderedBuilder, reference};

use crate::{CHAIN, STACK_ROLE};

/// The text of the script.
pub const SCRIPT: &str = include_str!("run.sh");

/// Name of the file under which the stack renders it, about the chain.
pub const FILE: &str = "run.sh";

/// Where it appears in every container.
pub const PATH: &str = "/opt/cita-cloud/run.sh";

/// The volume in memory through which the scripts of a pod know of each other; the stack declares it.
pub const VOLUME: &str = "run";

/// Where that volume is mounted.
pub const VOLUME_PATH: &str = "/run/chain";

/// One service's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    name: String,
    arguments: Vec<String>,
    command: Vec<String>,
}

impl Run {
    /// Runs `command` as the service `name`.
    #[must_use]
    pub fn new(name: &str, command: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            arguments: Vec::new(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// Starts after `name` listens on `port`, and ends with it.
    #[must_use]
    pub fn after(self, name: &str, port: u16) -> Self {
        self.argument("--after", format!("{name}:{port}"))
    }

    /// Starts when a folder is there.
    #[must_use]
    pub fn folder(self, folder: &str) -> Self {
        self.argument("--folder", folder.to_owned())
    }

    /// Refuses to start when a file is missing or empty.
    #[must_use]
    pub fn file(self, file: &str) -> Self {
        self.argument("--file", file.to_owned())
    }

    /// Takes a file from all but its owner before the start.
    #[must_use]
    pub fn private(self, file: &str) -> Self {
        self.argument("--private", file.to_owned())
    }

    /// Copies a file that changes while the pod lives into the node's folder, just before the start.
    #[must_use]
    pub fn fresh(self, from: &str, file: &str) -> Self {
        self.argument("--fresh", format!("{from}:{file}"))
    }

    /// Copies a file as [`Run::fresh`] does, and starts the service anew, in its container, when it changes.
    #[must_use]
    pub fn follow(self, from: &str, file: &str) -> Self {
        self.argument("--follow", format!("{from}:{file}"))
    }

    /// Keeps a file, to which the service appends without end, below 50 MB.
    #[must_use]
    pub fn trim(self, file: &str) -> Self {
        self.argument("--trim", file.to_owned())
    }

    /// Ends the service when it writes these words, a pattern of grep without blanks, into its log: it has ended inside,
    /// and its process lives on.
    #[must_use]
    pub fn dead(self, log: &str, words: &str) -> Self {
        self.argument("--dead", format!("{log}:{words}"))
    }

    /// Ends the service when it writes both of two patterns of sed without blanks into its log four times, of one thing,
    /// the word after them, and of nothing else. The log is that of [`Run::dead`] where both are given.
    #[must_use]
    pub fn stuck(self, log: &str, first: &str, second: &str) -> Self {
        self.argument("--stuck", format!("{log}:{first}:{second}"))
    }

    /// Runs a script in bash beside the service, for as long as that runs.
    #[must_use]
    pub fn beside(self, script: &str) -> Self {
        self.argument("--beside", script.to_owned())
    }

    fn argument(mut self, flag: &str, value: String) -> Self {
        self.arguments.extend([flag.to_owned(), value]);
        self
    }

    /// The container's command.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let head = ["sh", PATH, "--name", &self.name].map(str::to_owned);
        let mut all: Vec<String> = head.into();
        all.extend(self.arguments.iter().cloned());
        all.push("--".to_owned());
        all.extend(self.command.iter().cloned());
        all
    }
}

/// Binds the script and its volume into a container.
#[must_use]
pub fn bound(builder: RenderedBuilder, container: &str) -> RenderedBuilder {
    builder.volume(container, VOLUME_PATH, VOLUME, "").bind(
        container,
        PATH,
        reference(STACK_ROLE, CHAIN, FILE),
        Delivery::Mounted,
        Change::Roll,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_what_the_script_reads() {
        let run = Run::new("consensus", &["consensus", "run", "-p", "50001"])
            .after("network", 50000)
            .folder("logs");
        assert_eq!(
            run.command().join(" "),
            "sh /opt/cita-cloud/run.sh --name consensus --after network:50000 --folder logs -- consensus run -p 50001"
        );
    }
}

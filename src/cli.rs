//! The command line: what is typed becomes one of the commands. Data only, but for the flags that come from descriptors.

use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::cluster::ConnectFlags;
use crate::commands::{
    apply, completion, convert, create, delete, export, get, join, logs, plugin, run, spec_flags,
    status, stop, version,
};
use crate::plugin::{Catalog, is_file_name};
use crate::ui::ColorChoice;

/// Create and operate blockchain networks on Kubernetes
///
/// The host knows Kubernetes and runs plugins; each service of a blockchain is a
/// sandboxed plugin that makes keys, configuration and manifests.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-chain",
    bin_name = "kubectl chain",
    version,
    max_term_width = 80,
    after_help = "Examples:
  # A chain of three nodes, with everything at its default
  kubectl chain create --wait

  # How it is, and what it says
  kubectl chain status
  kubectl chain logs node0 -f"
)]
pub struct Cli {
    /// When to use colour: auto, always or never
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        hide_possible_values = true
    )]
    pub color: ColorChoice,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub connect: ConnectFlags,
    #[command(subcommand)]
    #[allow(missing_docs)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, clippy::large_enum_variant)]
pub enum Command {
    Create(create::Create),
    Apply(apply::Apply),
    Get(get::Get),
    Status(status::Status),
    Logs(logs::Logs),
    Run(run::Run),
    Stop(stop::Stop),
    Start(stop::Start),
    Export(export::Export),
    Join(join::Join),
    Convert(convert::Convert),
    Delete(delete::Delete),
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    Completion(completion::Completion),
    Version(version::Version),
}

/// Commands that have the flags of plugins.
const AUGMENTED: [&str; 3] = ["create", "apply", "join"];

/// The whole command line as clap sees it, with the flags of the plugins in `catalog`.
pub fn command(catalog: &Catalog) -> clap::Command {
    command_for(catalog, None, |_| true)
}

/// The same, but with the flags of plugins only at the commands that are `wanted`: there are hundreds of them.
fn command_for(
    catalog: &Catalog,
    stack: Option<&str>,
    wanted: impl Fn(&str) -> bool,
) -> clap::Command {
    let mut command = Cli::command();
    for verb in AUGMENTED.into_iter().filter(|verb| wanted(verb)) {
        command = command.mut_subcommand(verb, |sub| spec_flags::augment(sub, catalog, stack));
    }
    command
}

/// Parses `args`. The matches hold what descriptors added.
pub fn parse<I, T>(args: I, catalog: &Catalog) -> Result<(Cli, ArgMatches), clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let args: Vec<std::ffi::OsString> = args.into_iter().map(Into::into).collect();
    let stack = stack_of(&args, catalog);
    let named = |verb: &str| args.iter().any(|word| word == verb);
    let matches = command_for(catalog, stack.as_deref(), named).try_get_matches_from(&args)?;
    Ok((Cli::from_arg_matches(&matches)?, matches))
}

/// The stack that `--stack` names: help and flags are then its own alone.
fn stack_of(args: &[std::ffi::OsString], catalog: &Catalog) -> Option<String> {
    let mut words = args.iter().filter_map(|word| word.to_str());
    let name = words.find_map(|word| word.strip_prefix("--stack="));
    let name = name.or_else(|| {
        let mut words = args.iter().filter_map(|word| word.to_str());
        words.find(|word| *word == "--stack")?;
        words.next()
    })?;
    let plugin = if is_file_name(name) {
        let path = std::path::Path::new(name).display().to_string();
        catalog.all().find(|plugin| plugin.origin == path).cloned()
    } else {
        catalog.stack(name).ok()
    };
    plugin.map(|plugin| plugin.descriptor.stack.clone())
}

/// Flags that several commands share: which chain.
#[derive(Debug, Clone, Default, Args)]
pub struct ChainFlag {
    /// The chain, when the namespace has several
    #[arg(long, value_name = "NAME")]
    pub chain: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plugin::flags::RESERVED;

    /// A flag that is added to one of these commands takes a name from all plugins: it must be on the list, so that a plugin
    /// that has it already is refused by name.
    #[test]
    fn every_flag_beside_those_of_plugins_is_reserved() {
        let mut command = command(&Catalog::default());
        command.build();
        let found: BTreeSet<String> = ["create", "apply", "join"]
            .iter()
            .flat_map(|verb| command.find_subcommand(verb).unwrap().get_arguments())
            .filter_map(|arg| arg.get_long().map(ToOwned::to_owned))
            .collect();
        let reserved: BTreeSet<String> = RESERVED.into_iter().map(ToOwned::to_owned).collect();
        let missing: Vec<_> = found.difference(&reserved).collect();
        assert!(missing.is_empty(), "{missing:?}");
        // Words that are kept free without being flags of these: few, and on purpose.
        let free: Vec<&str> = reserved.difference(&found).map(String::as_str).collect();
        assert_eq!(
            free,
            [
                "all",
                "field-manager",
                "file",
                "name",
                "plugin",
                "purge",
                "selector",
                "verbose",
                "version",
                "yes"
            ]
        );
    }

    /// All commands below one, with what is typed for each.
    fn all<'c>(
        command: &'c clap::Command,
        typed: &str,
        into: &mut Vec<(String, &'c clap::Command)>,
    ) {
        into.push((typed.to_owned(), command));
        for below in command
            .get_subcommands()
            .filter(|it| it.get_name() != "help")
        {
            all(below, &format!("{typed} {}", below.get_name()), into);
        }
    }

    #[test]
    fn every_help_has_an_example_that_can_be_typed_and_fits_80_columns() {
        let catalog = Catalog::built_in().unwrap();
        let mut command = command(&catalog);
        command.build();
        let mut commands = Vec::new();
        all(&command, "kubectl chain", &mut commands);
        assert!(commands.len() > 15, "{}", commands.len());
        let mut faults = Vec::new();
        for (typed, command) in commands {
            for text in [
                command.clone().render_help().to_string(),
                command.clone().render_long_help().to_string(),
            ] {
                let wide = text.lines().filter(|line| line.chars().count() > 80);
                faults.extend(wide.map(|line| format!("{typed} --help: {line}")));
            }
            let examples = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let lines: Vec<&str> = examples
                .lines()
                .map(str::trim)
                .filter(|line| line.contains("kubectl chain "))
                .collect();
            if !examples.starts_with("Examples:\n") || lines.is_empty() {
                faults.push(format!("{typed} --help: no example"));
            }
            for line in lines
                .iter()
                .filter(|line| line.starts_with("kubectl chain "))
            {
                let line = line.split(['>', '|']).next().unwrap_or_default();
                let words = line
                    .split_whitespace()
                    .skip(1)
                    .map(|word| word.trim_matches('\''));
                // Parsed by the host's own flags and those of all built-in plugins.
                if let Err(fault) = parse(words, &catalog) {
                    faults.push(format!("{typed} --help: {line}: {fault}"));
                }
            }
        }
        faults.sort();
        faults.dedup();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

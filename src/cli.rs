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

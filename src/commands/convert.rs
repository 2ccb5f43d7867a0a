//! `kubectl chain convert`: another tool's file as chain.yaml.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::{Context, notes};
use crate::manifest::yaml;
use crate::pipeline::convert::{self, Converted, Made};
use crate::spec::Raw;
use crate::ui::Printer;

/// Print another tool's file as chain.yaml
///
/// The plugins in sight say which files they read. `create -f` and `apply -f`
/// take such a file as it is, too. What has no meaning here is reported.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # What the file of another tool means here
  kubectl chain convert network.yaml > chain.yaml")]
pub struct Convert {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// More files that belong to it
    #[arg(value_name = "FILE")]
    pub more: Vec<PathBuf>,
    /// Its format, when neither name nor content tell
    #[arg(long, value_name = "FORMAT")]
    pub from: Option<String>,
    /// The stack as a .wasm file, when it is not a built-in one
    #[arg(long, value_name = "STACK")]
    pub stack: Option<String>,
}

impl Convert {
    /// Converts it.
    pub fn run(self, context: &Context) -> anyhow::Result<bool> {
        let main = Raw::read(&self.file)?;
        let reader = match &self.from {
            Some(format) => convert::reader(format, &self.file, &context.catalog)?,
            None => match convert::recognise(&main, &context.catalog) {
                Some(reader) => reader,
                None => bail!(
                    "{}: not a file that a plugin in sight recognises\nhint: name its format with --from; known: {}",
                    self.file.display(),
                    convert::formats(&context.catalog).join(", ")
                ),
            },
        };
        let mut files = vec![main];
        for path in &self.more {
            files.push(Raw::read(path)?);
        }
        let converted = convert::convert(reader, files, &context.engine()?)?;
        tell(&converted, &context.printer);
        let tree = match &converted.made {
            Made::Chain(loaded) => serde_json::to_value(&loaded.file)?,
            Made::Bundle(bundle) => serde_json::to_value(bundle)?,
        };
        context.printer.data(yaml::value(&tree)?.as_bytes())?;
        Ok(true)
    }
}

/// What the plugin says about a file that it read.
pub fn tell(converted: &Converted, printer: &Printer) {
    for note in &converted.notes {
        notes::show(&converted.plugin, note, printer);
    }
}

//! `kubectl chain plugin`: which plugins there are, what they are, and how one is built.

mod check;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_toolchain::{component, guest};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Context, grants};
use crate::manifest::yaml;
use crate::pipeline::options::{is_secret, properties};
use crate::plugin::Plugin;
use crate::ui::{Printer, Table, sanitize};

/// List, show, build, check and grant plugins
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "Examples:
  # What there is, and what one of them takes and gives
  kubectl chain plugin list --stack quorum
  kubectl chain plugin info qbft")]
pub enum PluginCommand {
    /// List the plugins in sight
    #[command(after_help = "Examples:
  # All of them
  kubectl chain plugin list

  # The names of those of one stack
  kubectl chain plugin list --stack fabric -o name")]
    List(List),
    /// Show what a plugin is, takes and gives
    #[command(after_help = "Examples:
  # One that is built in
  kubectl chain plugin info kms_sm

  # A file of somebody's, before it is used
  kubectl chain plugin info ./kms_other.wasm -o yaml")]
    Info(Info),
    /// Build a plugin crate into a .wasm file
    #[command(after_help = "Examples:
  # In the folder of a plugin crate
  kubectl chain plugin build

  # Several crates of one workspace, into one folder
  kubectl chain plugin build ./talker ./chorus --out ./plugins")]
    Build(Build),
    #[allow(missing_docs)]
    Check(check::Check),
    /// Grant a plugin a permission, for you alone
    #[command(after_help = "Examples:
  # A folder of the node, to this build of a plugin
  kubectl chain plugin grant ./storage_example.wasm hostPath")]
    Grant(Grant),
}

/// Flags of `plugin list`.
#[derive(Debug, Clone, Args)]
pub struct List {
    /// Only plugins of this stack
    #[arg(long, value_name = "STACK")]
    pub stack: Option<String>,
    /// Output format
    #[arg(short, long, value_enum)]
    pub output: Option<Format>,
}

/// Flags of `plugin info`.
#[derive(Debug, Clone, Args)]
pub struct Info {
    /// Plugin name, or path of a .wasm file
    #[arg(value_name = "PLUGIN")]
    pub plugin: String,
    /// Output format
    #[arg(short, long, value_enum)]
    pub output: Option<Format>,
}

/// Flags of `plugin build`.
#[derive(Debug, Clone, Args)]
pub struct Build {
    /// Folders of plugin crates, or their Cargo.toml (default: this folder)
    #[arg(value_name = "CRATE")]
    pub crates: Vec<PathBuf>,
    /// Where the .wasm files go (default: this folder)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Flags of `plugin grant`.
#[derive(Debug, Clone, Args)]
pub struct Grant {
    /// Plugin name, or path of a .wasm file; this build of it
    pub plugin: String,
    /// The permission, as the refusal named it
    pub permission: String,
}

/// `-o` of `plugin list` and `info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// One name a line
    Name,
}

impl PluginCommand {
    /// Runs it.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        match self {
            Self::List(list) => list.run(context),
            Self::Info(info) => info.run(context),
            Self::Check(check) => check.run(context).await,
            Self::Build(build) => build.run(&context.printer),
            Self::Grant(grant) => {
                let plugin = context.catalog.find(&grant.plugin)?;
                let path = grants::add(&plugin, &grant.permission)?;
                context.printer.line(&format!(
                    "plugin/{} granted {}",
                    plugin.name(),
                    grant.permission
                ))?;
                context.printer.note(&format!("kept in {}", path.display()));
                Ok(true)
            }
        }
    }
}

impl List {
    fn run(self, context: &Context) -> anyhow::Result<bool> {
        let plugins: Vec<_> = context
            .catalog
            .all()
            .filter(|plugin| {
                self.stack
                    .as_ref()
                    .is_none_or(|stack| plugin.descriptor.stack == *stack)
            })
            .collect();
        match self.output {
            Some(Format::Name) => {
                for plugin in &plugins {
                    context.printer.line(plugin.name())?;
                }
            }
            Some(format) => {
                let all: Vec<Value> = plugins.iter().map(|plugin| document(plugin)).collect();
                print(
                    &context.printer,
                    format,
                    &json!({"kind": "PluginList", "items": all}),
                )?;
            }
            None if plugins.is_empty() => {
                context.printer.note(
                    "no plugins: this build carries none; name .wasm files on the command line",
                );
            }
            None => {
                let mut table = Table::new(["NAME", "STACK", "ROLE", "VERSION", "SERIES"]);
                for plugin in plugins {
                    let Descriptor {
                        name,
                        stack,
                        role,
                        version,
                        series,
                        releases,
                        ..
                    } = &plugin.descriptor;
                    let role = if role.is_empty() { "(stack)" } else { role };
                    let series: Vec<&str> = if releases.is_empty() {
                        series.iter().map(String::as_str).collect()
                    } else {
                        releases.keys().map(String::as_str).collect()
                    };
                    table.row([name.as_str(), stack, role, version, &series.join(",")]);
                }
                context.printer.data(table.render(false, true).as_bytes())?;
            }
        }
        Ok(true)
    }
}

impl Info {
    fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let plugin = context.catalog.find(&self.plugin)?;
        if let Some(format) = self.output {
            print(&context.printer, format, &document(&plugin))?;
            return Ok(true);
        }
        let descriptor = &plugin.descriptor;
        let line = |name: &str, value: &str| {
            let value = sanitize::one_line(value);
            if value.is_empty() {
                Ok(())
            } else {
                context.printer.line(&wrapped(name, &value))
            }
        };
        line("name:", &descriptor.name)?;
        line("summary:", &descriptor.summary)?;
        line("version:", &descriptor.version)?;
        line("license:", &descriptor.license)?;
        line("stack:", &descriptor.stack)?;
        line(
            "role:",
            if descriptor.role.is_empty() {
                "(the stack itself)"
            } else {
                &descriptor.role
            },
        )?;
        line("series:", &descriptor.series.join(", "))?;
        line("origin:", &plugin.origin)?;
        line("digest:", &plugin.digest)?;
        line("permissions:", &descriptor.permissions.join(", "))?;
        let secrets: Vec<&str> = descriptor
            .kept
            .iter()
            .filter(|kept| kept.secret)
            .map(|kept| kept.name.as_str())
            .collect();
        line("secrets:", &secrets.join(", "))?;
        let takes: Vec<String> = descriptor
            .takes
            .iter()
            .map(|take| format!("{} of {}", take.item, take.role))
            .collect();
        line("takes:", &takes.join(", "))?;
        for (name, release) in &descriptor.releases {
            let roles: Vec<String> = release
                .roles
                .iter()
                .map(|role| format!("{}={}", role.name, role.default))
                .collect();
            line(&format!("{name}:"), &roles.join(" "))?;
        }
        for image in &descriptor.images {
            line("image:", &format!("{} {}", image.name, image.default))?;
        }
        for port in &descriptor.ports {
            line(
                "port:",
                &format!(
                    "{} {}/{} (for {})",
                    port.name,
                    port.number,
                    protocol(&port.protocol),
                    port.reach
                ),
            )?;
        }
        for (name, schema) in properties(&descriptor.options) {
            let text = |key: &str| {
                schema
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let default = schema
                .get("default")
                .map(|it| format!(" (default {it})"))
                .unwrap_or_default();
            let secret = if is_secret(schema) { ", secret" } else { "" };
            line(
                "option:",
                &format!(
                    "{name}: {}{secret}{default} {}",
                    text("type"),
                    text("description")
                ),
            )?;
        }
        for operation in &descriptor.operations {
            let hook = if operation.hook.is_empty() {
                String::new()
            } else {
                format!(" (hook {})", operation.hook)
            };
            line(
                "operation:",
                &format!("{}{hook} {}", operation.name, operation.summary),
            )?;
        }
        Ok(true)
    }
}

/// A line of `info` in 80 columns, what goes on below it set in. A word is never broken.
fn wrapped(name: &str, value: &str) -> String {
    const WIDTH: usize = 80;
    let mut text = format!("{name:<12}");
    let mut column = text.len();
    for word in value.split(' ') {
        let length = word.chars().count();
        if column > 15 && column.saturating_add(1).saturating_add(length) > WIDTH {
            text.push_str("\n              ");
            column = 14;
        }
        text.push(' ');
        text.push_str(word);
        column = column.saturating_add(1).saturating_add(length);
    }
    text
}

fn protocol(name: &str) -> &str {
    if name.is_empty() { "TCP" } else { name }
}

fn document(plugin: &Plugin) -> Value {
    let mut value = json!(plugin.descriptor);
    if let Some(map) = value.as_object_mut() {
        map.insert("digest".to_owned(), json!(plugin.digest));
        map.insert("origin".to_owned(), json!(plugin.origin));
    }
    value
}

fn print(printer: &Printer, format: Format, value: &Value) -> anyhow::Result<()> {
    match format {
        Format::Json => printer.line(&serde_json::to_string_pretty(value)?)?,
        Format::Yaml | Format::Name => printer.data(yaml::value(value)?.as_bytes())?,
    }
    Ok(())
}

impl Build {
    fn run(self, printer: &Printer) -> anyhow::Result<bool> {
        let crates = if self.crates.is_empty() {
            vec![PathBuf::from(".")]
        } else {
            self.crates
        };
        let out = self.out.unwrap_or_else(|| PathBuf::from("."));
        let guests = crates
            .iter()
            .map(|manifest| guest::find(manifest))
            .collect::<Result<Vec<_>, _>>()?;
        let modules = guest::build(&guests, None)?;
        std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        for (guest, module) in guests.iter().zip(&modules) {
            let bytes = std::fs::read(module)
                .with_context(|| format!("cannot read {}", module.display()))?;
            let built = component::componentize(&guest.package, &bytes)?;
            let path = out.join(format!("{}.wasm", guest.package));
            let plugin = Plugin::from_component(&path.display().to_string(), built.clone())?;
            if plugin.descriptor.name.is_empty() {
                bail!("{}: its descriptor has no name", guest.package);
            }
            std::fs::write(&path, &built)
                .with_context(|| format!("cannot write {}", path.display()))?;
            printer.line(&format!(
                "{} built ({} kB, {})",
                path.display(),
                built.len() / 1000,
                plugin.digest
            ))?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_lines_go_on_below_and_words_stay_whole() {
        let value = "many words that say what an option is for and what it is not for, at length";
        let text = wrapped("option:", value);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= 80));
        assert!(lines[1].starts_with("               "));
        let digest = format!("sha256:{}", "0".repeat(80));
        assert_eq!(
            wrapped("digest:", &digest),
            format!("digest:      {digest}")
        );
    }
}

//! `kubectl chain plugin check`: what an author runs before a plugin leaves the house.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::commands::Context;
use crate::pipeline::check::{self, Finding, Grade, Subject};
use crate::plugin::{Catalog, Plugin, PluginError, Shared, is_file_name};
use crate::spec::Raw;
use crate::ui::{Level, Message, Printer, sanitize};

/// Check a plugin before it is shipped
///
/// Looks at the contract, the descriptor, options, flags, kept items and what it
/// asks for, and makes a small chain with it several times, in several orders:
/// all must give the same bytes. One line for each check; faults go to stderr,
/// and the exit code is then 1.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # A service of a stack that is built in
  kubectl chain plugin check ./storage_example.wasm

  # A service of a stack of one's own: name the stack's files too
  kubectl chain plugin check ./talker.wasm ./pebble.wasm ./chorus.wasm

  # Against the version before: what was kept must stay
  kubectl chain plugin check ./storage.wasm --against ./storage-1.0.wasm")]
pub struct Check {
    /// The .wasm file, or the name of a plugin in sight
    #[arg(value_name = "FILE.wasm")]
    pub plugin: String,
    /// Other plugins that the rehearsed chain needs
    #[arg(value_name = "OTHER.wasm")]
    pub others: Vec<PathBuf>,
    /// An earlier version of the plugin
    #[arg(long, value_name = "OLD.wasm")]
    pub against: Option<String>,
    /// The chain to rehearse with (default: three nodes, everything at its default)
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum)]
    pub output: Option<CheckOutput>,
}

/// `-o` of `plugin check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    /// JSON
    Json,
}

impl Check {
    /// Does all checks, and prints them.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let mut catalog = Catalog::built_in()?;
        for path in &self.others {
            add(&mut catalog, path)?;
        }
        let loaded = if is_file_name(&self.plugin) {
            add(&mut catalog, Path::new(&self.plugin))
        } else {
            catalog.known(&self.plugin)
        };
        let plugin = match loaded {
            Ok(plugin) => plugin,
            Err(PluginError::Foreign { plugin, cause }) => {
                let failed = check::Check::failed("contract", cause);
                return self.show(&plugin, None, &[failed], &context.printer);
            }
            Err(fault) => return Err(fault.into()),
        };
        let against = match &self.against {
            Some(name) if is_file_name(name) => Some(Arc::new(Plugin::from_file(Path::new(name))?)),
            Some(name) => Some(Catalog::built_in()?.known(name)?),
            None => None,
        };
        let chain = self.filename.as_deref().map(Raw::read).transpose()?;
        let runtime = context.engine()?;
        let subject = Subject {
            plugin: &plugin,
            catalog: &catalog,
            against: against.as_ref(),
            chain: chain.as_ref(),
        };
        let checks = check::check(&subject, &runtime).await;
        self.show(
            plugin.name(),
            Some(&plugin.digest),
            &checks,
            &context.printer,
        )
    }

    fn show(
        &self,
        plugin: &str,
        digest: Option<&str>,
        checks: &[check::Check],
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        let passed = checks.iter().all(check::Check::passed);
        if self.output == Some(CheckOutput::Json) {
            let checks: Vec<Value> = checks.iter().map(document).collect();
            let all = json!({
                "kind": "PluginCheck",
                "plugin": plugin,
                "digest": digest,
                "passed": passed,
                "checks": checks,
            });
            printer.line(&serde_json::to_string_pretty(&all)?)?;
            return Ok(passed);
        }
        let plugin = sanitize::one_line(plugin);
        for check in checks {
            let detail = sanitize::one_line(&check.detail);
            let detail = if detail.is_empty() || !check.passed() {
                String::new()
            } else {
                format!(" ({detail})")
            };
            printer.line(&format!(
                "plugin/{plugin} {} {}{detail}",
                check.name,
                verdict(check)
            ))?;
            for finding in &check.findings {
                tell(&plugin, finding, printer);
            }
        }
        Ok(passed)
    }
}

/// Adds a file. It may have the name of a plugin that is built in: then it is looked at in its place.
fn add(catalog: &mut Catalog, path: &Path) -> Result<Shared, PluginError> {
    Ok(catalog.add(Plugin::from_file(path)?))
}

fn verdict(check: &check::Check) -> &'static str {
    match (check.skipped, check.passed()) {
        (true, _) => "skipped",
        (false, true) => "passed",
        (false, false) => "failed",
    }
}

fn tell(plugin: &str, finding: &Finding, printer: &Printer) {
    let level = match finding.grade {
        Grade::Fault => Level::Error,
        Grade::Warning => Level::Warning,
    };
    let place = if finding.path.is_empty() {
        String::new()
    } else {
        format!("{}: ", finding.path)
    };
    let text = format!("{plugin}: {place}{}", finding.message);
    printer.message(&Message::new(level, text).hint(finding.hint.clone()));
}

fn document(check: &check::Check) -> Value {
    let findings: Vec<Value> = check
        .findings
        .iter()
        .map(|it| {
            json!({
                "severity": match it.grade { Grade::Fault => "error", Grade::Warning => "warning" },
                "path": it.path,
                "message": it.message,
                "hint": it.hint,
            })
        })
        .collect();
    json!({
        "name": check.name,
        "result": verdict(check),
        "detail": check.detail,
        "findings": findings,
    })
}

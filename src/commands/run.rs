//! `kubectl chain run`: an operation of a plugin.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use chain_plugin_sdk::descriptor::Operation;
use clap::Args;
use futures::FutureExt as _;

use super::arguments::arguments;
use super::circumstances::draw;
use super::grants::{consents, permissions, read};
use super::reached::Reached;
use super::scene::ChainScene;
use super::{Context, change};
use crate::cluster::Connection;
use crate::pipeline::acts::{Amend, ClusterActs};
use crate::pipeline::operate::{Scene, Start, about, drive};
use crate::pipeline::secrets::{Secrets, User};
use crate::plugin::contract::Blob;
use crate::plugin::contract::operate::Report;
use crate::plugin::nearest;
use crate::ui::{Printer, Table, sanitize};

/// Run an operation of a plugin
///
/// Without an operation it lists those that the chain's plugins have.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The operations of the only chain in the namespace
  kubectl chain run

  # One of them, about one node
  kubectl chain run status node0 --chain test-chain")]
pub struct Run {
    /// The operation
    #[arg(value_name = "OPERATION")]
    pub operation: Option<String>,
    /// The subject, if it is not about the chain; then NAME=VALUE words
    #[arg(value_name = "ARGS")]
    pub args: Vec<String>,
    /// The chain, when the namespace has several
    #[arg(long, value_name = "NAME")]
    pub chain: Option<String>,
    /// A file for the operation; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A plugin that is not built in
    #[arg(long = "plugin", value_name = "FILE.wasm")]
    pub plugins: Vec<PathBuf>,
}

impl Run {
    /// Runs it.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        for path in &self.plugins {
            context.catalog.add_file(path)?;
        }
        let connection = Connection::open(&context.connect).await?;
        let chain = ChainScene::read(context, &connection, self.chain.as_deref()).await?;
        let printer = &context.printer;
        let all = || {
            chain.services.iter().flat_map(|service| {
                service
                    .plugin
                    .descriptor
                    .operations
                    .iter()
                    .map(move |it| (service, it))
            })
        };
        let Some(name) = &self.operation else {
            let mut table = Table::new(["OPERATION", "PLUGIN", "ABOUT", "SUMMARY"]);
            for (service, operation) in all() {
                table.row([
                    operation.name.as_str(),
                    service.plugin.name(),
                    about(operation),
                    &operation.summary,
                ]);
            }
            if table.is_empty() {
                printer.note(&format!(
                    "the plugins of chain {} have no operations",
                    chain.head.chain
                ));
            } else {
                printer.data(table.render(false, true).as_bytes())?;
            }
            return Ok(true);
        };
        // A name of two words may be typed as such: `channel join` is `channel-join`.
        let first = self.args.first().map_or("", String::as_str);
        let (dashed, spaced) = (format!("{name}-{first}"), format!("{name} {first}"));
        let one = all().find(|(_, it)| it.name == *name || it.alias == *name);
        let two = || all().find(|(_, it)| it.name == dashed || it.alias == spaced);
        let (found, words) = match (one, self.args.split_first()) {
            (None, Some((_, rest))) => (two(), rest),
            (one, _) => (one, self.args.as_slice()),
        };
        let Some((service, operation)) = found else {
            let near = nearest(name, all().map(|(_, operation)| operation.name.as_str()));
            let hint = near.map_or("kubectl chain run lists them".to_owned(), |near| {
                format!("did you mean `{near}`?")
            });
            bail!(
                "chain `{}` has no operation `{name}`\nhint: {hint}",
                chain.head.chain
            );
        };
        let kind = about(operation);
        let (subject, words) = if kind == "chain" {
            (chain.of_kind("chain").next(), words)
        } else {
            let (first, rest) = words.split_first().with_context(|| {
                format!(
                    "operation `{name}` is about one {kind}: kubectl chain run {name} {}",
                    kind.to_uppercase()
                )
            })?;
            let found = chain.subject(kind, first).with_context(|| {
                let known: Vec<&str> = chain.of_kind(kind).map(|it| it.name.as_str()).collect();
                format!(
                    "chain `{}` has no {kind} `{first}`; known: {}",
                    chain.head.chain,
                    known.join(", ")
                )
            })?;
            (Some(found), rest)
        };
        let subject =
            subject.with_context(|| format!("chain `{}` has no {kind}", chain.head.chain))?;
        let files = self
            .files
            .iter()
            .map(|path| {
                let bytes = std::fs::read(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let name = path
                    .file_name()
                    .map(|it| it.to_string_lossy().into_owned())
                    .unwrap_or_default();
                Ok(Blob { name, bytes })
            })
            .collect::<anyhow::Result<Vec<Blob>>>()?;
        let start = Start {
            service,
            services: &chain.services,
            operation,
            subject: &subject.id,
            args: arguments(&operation.args, words)?,
            files,
            seed: draw()?.seed,
            secrets: Secrets::default(),
        };
        let grants = read(&chain.resolved, &[])?;
        let granted = permissions(&chain.resolved, &grants);
        let consents = consents(&chain.resolved, &grants);
        let secrets = Secrets::of_operation(
            &chain.store,
            &chain.head,
            &chain.public,
            &chain.topology.subjects,
            &User {
                service,
                operation,
                subject: &subject.id,
                consents: &consents,
            },
        )
        .await?;
        let start = Start { secrets, ..start };
        let mut topology = Cow::Borrowed(&chain.topology);
        if wants_addresses(operation) {
            topology.to_mut().subjects = Reached::of(&chain).await?.by_clients();
        }
        let scene = Scene {
            topology: &topology,
            public: &chain.public,
            head: Some(&chain.head),
            granted: &granted,
            consents: &consents,
        };
        let (whole, scene_of_chain) = (&*context, &chain);
        let amend: Amend<'_> = Arc::new(move |amendment| {
            let ChainScene {
                head,
                spec,
                resolved,
                ..
            } = scene_of_chain;
            // The pipeline's futures stay on this thread: an operation waits for its amendment anyway.
            let amended = tokio::task::block_in_place(|| {
                let work = change::amend(
                    whole,
                    &head.chain,
                    &resolved.namespace,
                    spec.clone(),
                    &amendment,
                );
                tokio::runtime::Handle::current().block_on(work)
            });
            futures::future::ready(amended.map_err(|fault| format!("{fault:#}"))).boxed()
        });
        let acts = ClusterActs {
            clusters: &chain.clusters,
            store: &chain.store,
            printer,
            amend: Some(amend),
        };
        let report = drive(start, &scene, &chain.runtime, &acts).await?;
        show(&report, printer)
    }
}

/// Whether an operation asks to be told at which addresses the cluster lets clients outside reach the chain.
fn wants_addresses(operation: &Operation) -> bool {
    operation
        .args
        .get("x-chain-addresses")
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(false)
}

/// Prints a report: its text, else its table as JSON; its files into this folder.
fn show(report: &Report, printer: &Printer) -> anyhow::Result<bool> {
    for note in &report.notes {
        printer.note(&sanitize::one_line(&note.message));
        if let Some(hint) = &note.hint {
            printer.note(&format!("hint: {}", sanitize::one_line(hint)));
        }
    }
    if report.text.is_empty() {
        if !matches!(report.table.as_str(), "" | "null") {
            printer.line(&report.table)?;
        }
    } else {
        printer.line(sanitize::text(report.text.trim_end()).as_ref())?;
    }
    for file in &report.files {
        let name = std::path::Path::new(&file.name)
            .file_name()
            .context("a file of the report has no name")?;
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(name)
            .and_then(|mut handle| std::io::Write::write_all(&mut handle, &file.bytes))
            .with_context(|| format!("cannot write {}", name.display()))?;
        printer.line(&format!("{} written", name.display()))?;
    }
    Ok(true)
}

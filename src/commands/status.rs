//! `kubectl chain status`: how chains and their nodes are, and why a node is not ready.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::grants::{permissions, read};
use super::scene::ChainScene;
use super::{home, notes};
use crate::cluster::connect::{ConnectFlags, Connection};
use crate::cluster::error::one_line;
use crate::cluster::status::{self, ChainColumns, ChainStatus, ExtraColumns};
use crate::cluster::{ClusterError, Elsewhere, elsewhere, find_elsewhere, home_of, records};
use crate::pipeline::acts::ClusterActs;
use crate::pipeline::operate::{STATUS, Scene, Start, about, drive, hooks};
use crate::pipeline::secrets::{Consents, Secrets};
use crate::plugin::contract::operate::Report;
use crate::state::{Head, Signpost};
use crate::ui::{self, Printer};

/// Show how chains and their nodes are
///
/// Exits with 1 when a node is not ready.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # All chains of the namespace
  kubectl chain status

  # One chain, with its addresses
  kubectl chain status test-chain -o wide")]
pub struct Status {
    /// The chain; none means all chains of the namespace
    #[arg(value_name = "CHAIN")]
    pub chain: Option<String>,
    /// Output format
    #[arg(short, long, value_enum)]
    pub output: Option<StatusOutput>,
    /// No line of headers
    #[arg(long)]
    pub no_headers: bool,
    /// Ask the services themselves, for the columns that plugins add
    #[arg(long)]
    pub probe: bool,
    /// A plugin that is not built in
    #[arg(long = "plugin", value_name = "FILE.wasm")]
    pub plugins: Vec<std::path::PathBuf>,
}

/// `-o` of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusOutput {
    /// The table with addresses
    Wide,
    /// JSON, one document
    Json,
    /// YAML, one document
    Yaml,
}

/// Runs `status` with what the heads say and, with `--probe`, the columns of the plugins' status hooks.
pub async fn run(command: Status, context: &mut super::Context) -> anyhow::Result<bool> {
    for path in &command.plugins {
        context.catalog.add_file(path)?;
    }
    let connection = Connection::open(&context.connect).await?;
    let mut found = records(&connection, Some(&connection.namespace)).await?;
    let (flags, name) = (&context.connect, command.chain.as_deref());
    let (mut chains, mut heads) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    found.only(name);
    for (_, signpost) in &found.signposts {
        let there = from_home(flags, &connection, signpost, &context.printer).await?;
        if let Some((home, head, shown)) = there {
            seen.insert(head.chain.clone());
            heads.push((home, head));
            chains.extend(shown);
        }
    }
    if name.is_none_or(|name| !seen.contains(name)) {
        let away = elsewhere(flags, &connection, &found.heads, name).await;
        let mut here = status::read(&connection, name, &away).await?;
        here.retain(|it| !seen.contains(&it.name));
        chains.extend(here);
    }
    let here = found.heads.into_iter();
    heads.extend(here.map(|(_, head)| (connection.clone(), head)));
    chains.sort_by(|a, b| a.name.cmp(&b.name));
    let mut chains = command.not_nothing(&connection, chains)?;
    for chain in &mut chains {
        if let Some((_, head)) = heads.iter().find(|(_, head)| head.chain == chain.name) {
            chain.stack = Some(head.stack.clone());
            chain.release = Some(head.release.clone());
            chain.phase = serde_json::json!(head.phase)
                .as_str()
                .map(ToOwned::to_owned);
        }
    }
    let mut extra = ChainColumns::new();
    if command.probe {
        for (home, head) in heads {
            if chains.iter().any(|chain| chain.name == head.chain) {
                let name = head.chain.clone();
                let scene = ChainScene::of(context, &home, head).await?;
                extra.insert(name, probe(&scene, &context.printer).await);
            }
        }
    }
    command.print(&context.printer, &chains, &extra)
}

/// A chain that has a place here as it is seen from its home: all of it. None, and it is told why, where that cannot be
/// seen: then what is here is all.
async fn from_home(
    flags: &ConnectFlags,
    connection: &Connection,
    signpost: &Signpost,
    printer: &Printer,
) -> anyhow::Result<Option<(Connection, Head, Vec<ChainStatus>)>> {
    let seen = async {
        let (home, head) = home_of(connection, signpost).await?;
        let name = Some(signpost.chain.as_str());
        let heads = [(home.namespace.clone(), head.clone())];
        let away = elsewhere(flags, &home, &heads, name).await;
        let shown = status::read(&home, name, &away).await?;
        Ok::<_, ClusterError>((home, head, shown))
    };
    match seen.await {
        Ok(seen) => {
            home::tell(signpost, printer);
            Ok(Some(seen))
        }
        Err(fault) if fault.is_no_way_home() || fault.is_forbidden() => {
            home::tell_part(connection, &one_line(&fault), printer);
            Ok(None)
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Asks the status hooks of a chain's plugins, all nodes side by side. A node that does not answer has `?`.
async fn probe(chain: &ChainScene, printer: &Printer) -> ExtraColumns {
    let granted = permissions(
        &chain.resolved,
        &read(&chain.resolved, &[]).unwrap_or_default(),
    );
    let scene = Scene {
        topology: &chain.topology,
        public: &chain.public,
        head: Some(&chain.head),
        granted: &granted,
        consents: &Consents::new(),
    };
    let acts = ClusterActs {
        clusters: &chain.clusters,
        store: &chain.store,
        printer,
        amend: None,
    };
    let mut columns = ExtraColumns::new();
    for (service, operation) in hooks(&chain.services, STATUS) {
        let subjects: Vec<_> = chain.of_kind(about(operation)).collect();
        let asked = subjects.iter().map(|subject| {
            let start = Start {
                service,
                services: &chain.services,
                operation,
                subject: &subject.id,
                args: serde_json::json!({}),
                files: Vec::new(),
                seed: [0; 32],
                // Whoever only looks reads no key.
                secrets: Secrets::default(),
            };
            drive(start, &scene, &chain.runtime, &acts)
        });
        let answers: Vec<_> = stream::iter(asked).buffered(16).collect().await;
        for header in &operation.columns {
            let mut values = BTreeMap::new();
            for (subject, answer) in subjects.iter().zip(&answers) {
                let table: serde_json::Value = answer
                    .as_ref()
                    .ok()
                    .and_then(|it| serde_json::from_str(&it.table).ok())
                    .unwrap_or_default();
                let value = table.get(header).map_or_else(
                    || "?".to_owned(),
                    |it| {
                        it.as_str()
                            .map_or_else(|| it.to_string(), ToOwned::to_owned)
                    },
                );
                values.insert(subject.name.clone(), value);
            }
            // Pods of different kinds may fill one column.
            match columns.iter_mut().find(|(known, _)| known == header) {
                Some((_, all)) => all.extend(values),
                None => columns.push((header.clone(), values)),
            }
        }
        for (subject, answer) in subjects.iter().zip(&answers) {
            tell(&subject.name, answer, printer);
        }
    }
    columns
}

/// Says why a column of a node is empty: what its plugin noted, or why there is no answer at all.
fn tell<E: std::fmt::Display>(node: &str, answer: &Result<Report, E>, printer: &Printer) {
    match answer {
        Ok(report) => {
            for note in &report.notes {
                notes::show(node, note, printer);
            }
        }
        Err(fault) => printer.warning(&format!("{node}: {fault}")),
    }
}

impl Status {
    /// Prints the status. True when all nodes are ready.
    pub async fn run(
        self,
        flags: &ConnectFlags,
        connection: &Connection,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        let away = find_elsewhere(flags, connection, self.chain.as_deref()).await?;
        let chains = self.read(connection, &away).await?;
        self.print(printer, &chains, &ChainColumns::new())
    }

    /// Reads the status. Whoever has read heads fills in stack, release and phase before printing.
    pub async fn read(
        &self,
        connection: &Connection,
        away: &Elsewhere,
    ) -> anyhow::Result<Vec<ChainStatus>> {
        let chains = status::read(connection, self.chain.as_deref(), away).await?;
        self.not_nothing(connection, chains)
    }

    /// What was read, if it is anything.
    fn not_nothing(
        &self,
        connection: &Connection,
        chains: Vec<ChainStatus>,
    ) -> anyhow::Result<Vec<ChainStatus>> {
        let namespace = &connection.namespace;
        match &self.chain {
            Some(chain) if chains.is_empty() => anyhow::bail!(
                "chain {chain:?} has no workloads in namespace {namespace:?}; see kubectl chain get"
            ),
            None if chains.is_empty() => anyhow::bail!(
                "no chain in namespace {namespace:?}; pass -n NAMESPACE, or make one with kubectl chain create"
            ),
            _ => Ok(chains),
        }
    }

    /// Prints what was read, with columns that plugins added. True when all nodes are ready.
    pub fn print(
        &self,
        printer: &Printer,
        chains: &[ChainStatus],
        extra: &ChainColumns,
    ) -> anyhow::Result<bool> {
        let text = match self.output {
            Some(StatusOutput::Json) => {
                let mut text = serde_json::to_string_pretty(&self.document(chains, extra))?;
                text.push('\n');
                text
            }
            Some(StatusOutput::Yaml) => serde_saphyr::to_string(&self.document(chains, extra))
                .context("cannot write the status as YAML")?,
            wide => ui::status::render(
                chains,
                extra,
                wide.is_some(),
                !self.no_headers,
                Timestamp::now(),
            ),
        };
        printer.data(text.as_bytes())?;
        printer.flush()?;
        Ok(chains.iter().all(ChainStatus::is_ready))
    }

    /// One chain by its name is an object, as in kubectl; without a name there is a list. Plugins' columns stand in
    /// each node under `columns`.
    fn document(&self, chains: &[ChainStatus], extra: &ChainColumns) -> serde_json::Value {
        let mut documents: Vec<serde_json::Value> = chains
            .iter()
            .map(|chain| {
                let mut value = serde_json::json!(chain);
                let nodes = value
                    .get_mut("nodes")
                    .and_then(serde_json::Value::as_array_mut);
                for node in nodes.into_iter().flatten() {
                    let name = node
                        .get("name")
                        .and_then(serde_json::Value::as_str)
                        .unwrap_or_default();
                    let columns: serde_json::Map<String, serde_json::Value> = extra
                        .get(&chain.name)
                        .into_iter()
                        .flatten()
                        .filter_map(|(header, values)| {
                            Some((header.clone(), values.get(name)?.clone().into()))
                        })
                        .collect();
                    if let (Some(node), false) = (node.as_object_mut(), columns.is_empty()) {
                        node.insert("columns".to_owned(), columns.into());
                    }
                }
                value
            })
            .collect();
        match (&self.chain, documents.pop()) {
            (Some(_), Some(chain)) => chain,
            (_, last) => {
                documents.extend(last);
                serde_json::json!({"kind": "ChainStatusList", "items": documents})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::contract::{Diagnostic, Severity};

    #[test]
    fn a_column_that_is_empty_comes_with_the_reason_that_its_plugin_gave() {
        let (printer, seen) = Printer::capture(false);
        let report = Report {
            text: "unknown".to_owned(),
            table: r#"{"HEIGHT": "-"}"#.to_owned(),
            files: Vec::new(),
            notes: vec![Diagnostic {
                severity: Severity::Warning,
                code: "status".to_owned(),
                path: String::new(),
                message: "the controller does not answer: refused".to_owned(),
                hint: Some("see its log".to_owned()),
            }],
        };
        tell::<String>("node0", &Ok(report), &printer);
        tell("node1", &Err("plugin was stopped"), &printer);
        let said = seen.err();
        assert!(
            said.contains("node0: the controller does not answer: refused"),
            "{said}"
        );
        assert!(said.contains("see its log"), "{said}");
        assert!(said.contains("node1: plugin was stopped"), "{said}");
    }
}

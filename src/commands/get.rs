//! `kubectl chain get`: which chains there are.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use crate::cluster::{ClusterStore, Connection, heads};
use crate::manifest::yaml;
use crate::state::{Head, Store as _};
use crate::ui::{Table, age};

/// List chains, or show one
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # All chains of the namespace
  kubectl chain get

  # The file of one chain, with every default filled in
  kubectl chain get test-chain -o yaml")]
pub struct Get {
    /// The chain; none means all of the namespace
    #[arg(value_name = "CHAIN")]
    pub chain: Option<String>,
    /// Look in all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Output format
    #[arg(short, long, value_enum)]
    pub output: Option<GetOutput>,
    /// No line of headers
    #[arg(long)]
    pub no_headers: bool,
}

/// `-o` of `get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GetOutput {
    /// More columns
    Wide,
    /// The chain's file as JSON
    Json,
    /// The chain's file as YAML
    Yaml,
    /// One name a line
    Name,
}

impl Get {
    /// Prints them.
    pub async fn run(self, context: &Context) -> anyhow::Result<bool> {
        let connection = Connection::open(&context.connect).await?;
        let namespace = (!self.all_namespaces).then_some(connection.namespace.as_str());
        let mut found = heads(&connection, namespace).await?;
        if let Some(name) = &self.chain {
            found.retain(|(_, head)| head.chain == *name);
            if found.is_empty() {
                anyhow::bail!(
                    "no chain `{name}` in namespace `{}`\nhint: kubectl chain get -A lists those of all namespaces",
                    connection.namespace
                );
            }
        }
        match self.output {
            Some(GetOutput::Name) => {
                for (_, head) in &found {
                    context.printer.line(&format!("chain/{}", head.chain))?;
                }
            }
            Some(GetOutput::Json | GetOutput::Yaml) => {
                let mut documents = Vec::new();
                for (namespace, head) in &found {
                    documents.push(document(&connection, namespace, head).await?);
                }
                let whole = match (&self.chain, documents.pop()) {
                    (Some(_), Some(one)) if documents.is_empty() => one,
                    (_, last) => {
                        documents.extend(last);
                        json!({"apiVersion": "v1", "kind": "List", "items": documents})
                    }
                };
                if self.output == Some(GetOutput::Json) {
                    context
                        .printer
                        .line(&serde_json::to_string_pretty(&whole)?)?;
                } else {
                    context.printer.data(yaml::value(&whole)?.as_bytes())?;
                }
            }
            wide => {
                if found.is_empty() {
                    context
                        .printer
                        .note(&format!("no chains in namespace {}", connection.namespace));
                    return Ok(true);
                }
                context
                    .printer
                    .data(self.table(&found, wide.is_some()).as_bytes())?;
            }
        }
        Ok(true)
    }

    fn table(&self, found: &[(String, Head)], wide: bool) -> String {
        let mut table = if self.all_namespaces {
            Table::new(["NAMESPACE", "NAME"])
        } else {
            Table::new(["NAME"])
        };
        for header in ["STACK", "RELEASE", "NODES", "STATE", "REVISION", "AGE"] {
            table.column(header);
        }
        table.wide_column("UID");
        table.wide_column("FINGERPRINT");
        let now = Timestamp::now().as_millisecond();
        for (namespace, head) in found {
            let nodes = head
                .subjects
                .values()
                .filter(|it| it.pod && !it.retired)
                .count();
            let born = i64::try_from(head.born_ms).unwrap_or(i64::MAX);
            let old = std::time::Duration::from_millis(u64::try_from(now - born).unwrap_or(0));
            let mut cells = vec![
                head.chain.clone(),
                head.stack.clone(),
                head.release.clone(),
                nodes.to_string(),
                state(head),
                head.revision.to_string(),
                age(old),
                head.uid.clone(),
                head.fingerprint.clone().unwrap_or_default(),
            ];
            if self.all_namespaces {
                cells.insert(0, namespace.clone());
            }
            table.row(cells);
        }
        table.render(wide, !self.no_headers)
    }
}

/// Where it stands, and that somebody is at it.
fn state(head: &Head) -> String {
    let phase = json!(head.phase).as_str().unwrap_or_default().to_owned();
    match &head.lock {
        Some(lock) => format!("{phase} ({} by {})", lock.operation, lock.by),
        None => phase,
    }
}

/// The chain's file, as the current revision has it.
async fn document(connection: &Connection, namespace: &str, head: &Head) -> anyhow::Result<Value> {
    let store = ClusterStore::new(connection, &head.chain, &head.uid, namespace);
    let spec = if head.revision == 0 {
        json!({})
    } else {
        store.read_revision(head.revision).await?.spec
    };
    Ok(json!({
        "apiVersion": crate::spec::chain_spec::API_VERSION,
        "kind": "Chain",
        "metadata": {"name": head.chain, "namespace": namespace},
        "spec": spec,
    }))
}

//! `kubectl chain get`: which chains there are.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use super::home::tell;
use crate::cluster::error::one_line;
use crate::cluster::{ClusterError, ClusterStore, Connection, Records, home_of, records};
use crate::manifest::yaml;
use crate::state::{Head, Signpost, Store as _};
use crate::ui::{Printer, Table, age};

/// List chains, or show one
///
/// A chain that has a part of it in the namespace and is at home elsewhere is
/// listed with the way to its home.
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
        let mut found = records(&connection, namespace).await?;
        found.only(self.chain.as_deref());
        let found = rows(found);
        if let (Some(name), true) = (&self.chain, found.is_empty()) {
            anyhow::bail!(
                "no chain `{name}` in namespace `{}`\nhint: kubectl chain get -A lists those of all namespaces",
                connection.namespace
            );
        }
        match self.output {
            Some(GetOutput::Name) => {
                for row in &found {
                    context.printer.line(&format!("chain/{}", row.chain()))?;
                }
            }
            Some(GetOutput::Json | GetOutput::Yaml) => {
                let mut documents = Vec::new();
                for row in &found {
                    match document(&connection, row, &context.printer).await {
                        Ok(document) => documents.push(document),
                        // One of several hides no other.
                        Err(fault) if self.chain.is_none() && is_no_way_home(&fault) => {
                            context.printer.warning(&one_line(fault.as_ref()));
                        }
                        Err(fault) => return Err(fault),
                    }
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

    fn table(&self, found: &[Row], wide: bool) -> String {
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
        for row in found {
            let mut cells = row.cells(now);
            if self.all_namespaces {
                cells.insert(0, row.namespace.clone());
            }
            table.row(cells);
        }
        table.render(wide, !self.no_headers)
    }
}

/// By what a chain is known in a namespace.
struct Row {
    namespace: String,
    of: Known,
}

enum Known {
    AtHome(Box<Head>),
    /// Its home is elsewhere.
    By(Signpost),
}

/// Each chain once: one that is known in several places stands where it is at home, else in the first of them.
fn rows(found: Records) -> Vec<Row> {
    let mut seen: BTreeSet<String> = found.heads.iter().map(|(_, it)| it.uid.clone()).collect();
    let heads = found.heads.into_iter().map(|(namespace, head)| Row {
        namespace,
        of: Known::AtHome(Box::new(head)),
    });
    let mut rows: Vec<Row> = heads.collect();
    for (namespace, signpost) in found.signposts {
        if seen.insert(signpost.uid.clone()) {
            let of = Known::By(signpost);
            rows.push(Row { namespace, of });
        }
    }
    rows.sort_by(|a, b| (&a.namespace, a.chain()).cmp(&(&b.namespace, b.chain())));
    rows
}

impl Row {
    fn chain(&self) -> &str {
        match &self.of {
            Known::AtHome(head) => &head.chain,
            Known::By(signpost) => &signpost.chain,
        }
    }

    fn cells(&self, now: i64) -> Vec<String> {
        let head = match &self.of {
            Known::AtHome(head) => head,
            Known::By(signpost) => {
                let none = || "-".to_owned();
                return vec![
                    signpost.chain.clone(),
                    signpost.stack.clone(),
                    none(),
                    none(),
                    format!("home: {}", signpost.home.flags()),
                    none(),
                    none(),
                    signpost.uid.clone(),
                    String::new(),
                ];
            }
        };
        let nodes = head
            .subjects
            .values()
            .filter(|it| it.pod && !it.retired)
            .count();
        let born = i64::try_from(head.born_ms).unwrap_or(i64::MAX);
        let old = std::time::Duration::from_millis(u64::try_from(now - born).unwrap_or(0));
        vec![
            head.chain.clone(),
            head.stack.clone(),
            head.release.clone(),
            nodes.to_string(),
            state(head),
            head.revision.to_string(),
            age(old),
            head.uid.clone(),
            head.fingerprint.clone().unwrap_or_default(),
        ]
    }
}

fn is_no_way_home(fault: &anyhow::Error) -> bool {
    let fault = fault.downcast_ref::<ClusterError>();
    fault.is_some_and(ClusterError::is_no_way_home)
}

/// Where it stands, and that somebody is at it.
fn state(head: &Head) -> String {
    let phase = json!(head.phase).as_str().unwrap_or_default().to_owned();
    match &head.lock {
        Some(lock) => format!("{phase} ({} by {})", lock.operation, lock.by),
        None => phase,
    }
}

/// The chain's file, as the current revision has it; it is read at the chain's home.
async fn document(connection: &Connection, row: &Row, printer: &Printer) -> anyhow::Result<Value> {
    let found;
    let (namespace, head) = match &row.of {
        Known::AtHome(head) => (&row.namespace, &**head),
        Known::By(signpost) => {
            let here = connection.in_namespace(&row.namespace);
            found = home_of(&here, signpost).await?;
            tell(signpost, printer);
            (&found.0.namespace, &found.1)
        }
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Home;

    fn head(chain: &str, uid: &str) -> Head {
        serde_json::from_value(json!({
            "schema": 1, "minimumHost": "0.1.0", "uid": uid, "chain": chain, "stack": "fabric", "release": "v3.1.0",
            "phase": "formed", "subjects": {}, "next": {}, "bornMs": 1, "revision": 1
        }))
        .unwrap()
    }

    fn signpost(chain: &str, uid: &str, context: Option<&str>) -> Signpost {
        let home = Home {
            namespace: "consortium".to_owned(),
            uid: String::new(),
            context: context.map(ToOwned::to_owned),
        };
        Signpost::of(&head(chain, uid), home, BTreeSet::new())
    }

    fn shown(found: Records, all_namespaces: bool) -> String {
        let get = Get {
            chain: None,
            all_namespaces,
            output: None,
            no_headers: true,
        };
        let text = get.table(&rows(found), false);
        let lines = text.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_chain_at_home_elsewhere_is_listed_with_the_way_there() {
        let here = |chain: &str, context: Option<&str>| {
            ("org1".to_owned(), signpost(chain, chain, context))
        };
        let found = Records {
            heads: Vec::new(),
            signposts: vec![here("net", None), here("wide", Some("east"))],
        };
        assert_eq!(
            shown(found, false),
            "net fabric - - home: -n consortium - -\nwide fabric - - home: --context east -n consortium - -"
        );
    }

    #[test]
    fn one_with_an_ordinary_name_fits_into_a_terminal() {
        let found = Records {
            heads: Vec::new(),
            signposts: vec![("org1".to_owned(), signpost("test-chain", "u", None))],
        };
        let get = Get {
            chain: None,
            all_namespaces: false,
            output: None,
            no_headers: false,
        };
        let text = get.table(&rows(found), false);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn in_all_namespaces_a_chain_stands_once() {
        let at = |namespace: &str, uid: &str| (namespace.to_owned(), signpost("net", uid, None));
        let found = Records {
            heads: vec![("consortium".to_owned(), head("net", "u"))],
            signposts: vec![
                at("org1", "u"),
                at("org2", "u"),
                at("org3", "far"),
                at("org4", "far"),
            ],
        };
        let text = shown(found, true);
        let firsts: Vec<&str> = text.lines().filter_map(|it| it.split(' ').next()).collect();
        assert_eq!(firsts, ["consortium", "org3"], "{text}");
    }
}

//! `kubectl chain join`: another party's nodes become part of the chain, or a new chain becomes part of theirs.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::Context;
use super::change::{Change, take_in};
use super::convert::tell;
use crate::cluster::{ClusterStore, Connection};
use crate::pipeline::convert::{self, Made};
use crate::pipeline::form::Verb;
use crate::spec::Raw;
use crate::state::bundle::{Bundle, BundleMetadata, KIND};
use crate::state::{Phase, Store as _};

/// Join another party's chain, or take another party into a chain
///
/// A chain that is not there yet is created with the other party's genesis and
/// nodes of its own, as create would make them. A chain that lives learns the
/// other party's nodes; their fingerprints must agree. Keys stay with each
/// party: only what kubectl chain export printed is carried, once each way.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # A second party, with two nodes of its own
  kubectl chain join -f alpha.yaml --nodes 2

  # The first party learns the nodes of the second
  kubectl chain join -f beta.yaml --chain demo")]
pub struct Join {
    /// What the other party exported; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: PathBuf,
    /// The chain here (default: the name of the other party's)
    #[arg(long, value_name = "NAME")]
    pub chain: Option<String>,
    /// What to call the other party, when its own name is taken
    #[arg(long, value_name = "NAME")]
    pub party: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub change: Change,
}

impl Join {
    /// Joins.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let mut bundle = self.read(context)?;
        if let Some(party) = self.party {
            bundle.metadata.party = party;
        }
        let chain = self.chain.unwrap_or_else(|| bundle.metadata.name.clone());
        let connection = Connection::open(&context.connect).await?;
        let store = ClusterStore::new(&connection, &chain, "", &connection.namespace);
        let lives = store
            .load_head()
            .await?
            .map(|stored| stored.head)
            .filter(|head| head.revision > 0 && head.phase != Phase::Tombstone);
        let mut change = self.change;
        if let Some(head) = lives {
            let revision = store.read_revision(head.revision).await?;
            let namespace = connection.namespace.clone();
            return take_in(context, &chain, &namespace, revision.spec, bundle, &change).await;
        }
        change.spec.stack.get_or_insert(bundle.spec.stack.clone());
        change
            .spec
            .release
            .get_or_insert(bundle.spec.release.clone());
        change
            .run(Verb::Create, Some(chain), None, Some(bundle), context)
            .await
    }

    /// A bundle of our own, or another tool's file that tells of nodes elsewhere.
    fn read(&self, context: &Context) -> anyhow::Result<Bundle> {
        let raw = Raw::read(&self.filename)?;
        let file = self.filename.display().to_string();
        let tree: Value =
            serde_yaml::from_str(&raw.text).with_context(|| format!("{file} is no YAML"))?;
        if tree.get("kind").and_then(Value::as_str) == Some(KIND) || tree.get("checks").is_some() {
            return Bundle::read(&tree).with_context(|| format!("{file} is not taken"));
        }
        let Some(reader) = convert::recognise(&raw, &context.catalog) else {
            bail!("{file} is no bundle\nhint: the other party makes one with kubectl chain export");
        };
        let converted = convert::convert(reader, vec![raw], &context.engine()?)?;
        tell(&converted, &context.printer);
        match converted.made {
            Made::Bundle(bundle) if bundle.metadata != BundleMetadata::default() => Ok(*bundle),
            Made::Bundle(_) => bail!("{file} names neither chain nor party"),
            Made::Chain(_) => {
                bail!("{file} makes a chain\nhint: kubectl chain create -f {file}")
            }
        }
    }
}

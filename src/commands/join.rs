//! `kubectl chain join`: another party's nodes become part of the chain, or a new chain becomes part of theirs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::Context;
use super::change::{Change, DryRun, take_in};
use super::convert::tell;
use crate::cluster::{ClusterStore, Connection};
use crate::pipeline::convert::{self, Made};
use crate::pipeline::form::Verb;
use crate::pipeline::parties::PartyChange;
use crate::spec::Raw;
use crate::state::bundle::{Bundle, BundleMetadata, KIND};
use crate::state::{Phase, Store as _};

/// Join another party's chain, or take another party into a chain
///
/// A chain that is not there yet is created with the other party's genesis and
/// nodes of its own, as create would make them. A chain that lives learns the
/// other party's nodes; their fingerprints must agree. Keys stay with each
/// party: only what kubectl chain export printed is carried, once each way.
///
/// With --remove a party leaves: its nodes go from every list of peers here.
/// What the chain itself knows of them, such as their votes, is for the
/// operations of its plugins to take away first.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # A second party, with two nodes of its own
  kubectl chain join -f alpha.yaml --nodes 2

  # The first party learns the nodes of the second
  kubectl chain join -f beta.yaml --chain demo

  # The second party has left
  kubectl chain join --remove beta --chain demo")]
pub struct Join {
    /// What the other party exported; - is standard input
    #[arg(
        short,
        long,
        value_name = "FILE",
        required_unless_present = "remove",
        conflicts_with = "remove"
    )]
    pub filename: Option<PathBuf>,
    /// Forget a party that has left the chain
    #[arg(
        long,
        value_name = "PARTY",
        requires = "chain",
        conflicts_with = "party"
    )]
    pub remove: Option<String>,
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
        let mut change = self.change;
        if let (Some(party), Some(chain)) = (self.remove, self.chain.as_deref()) {
            let Some((namespace, spec)) = living(context, chain).await? else {
                bail!(
                    "there is no chain `{chain}` that a party could leave\nhint: kubectl chain get"
                );
            };
            if change.dry_run == DryRun::Client {
                bail!(
                    "--dry-run=client reads no cluster, and nobody else knows who has joined\nhint: --dry-run=server"
                );
            }
            let change_of = PartyChange::Leaves(party);
            return take_in(context, chain, &namespace, spec, change_of, &change).await;
        }
        let Some(filename) = &self.filename else {
            bail!("which file?\nhint: kubectl chain join -f FILE");
        };
        let mut bundle = read(filename, context)?;
        if let Some(party) = self.party {
            bundle.metadata.party = party;
        }
        let chain = self.chain.unwrap_or_else(|| bundle.metadata.name.clone());
        if let Some((namespace, spec)) = living(context, &chain).await? {
            let change_of = PartyChange::Joins(Box::new(bundle));
            return take_in(context, &chain, &namespace, spec, change_of, &change).await;
        }
        change.spec.stack.get_or_insert(bundle.spec.stack.clone());
        change
            .spec
            .release
            .get_or_insert(bundle.spec.release.clone());
        let party = Some(PartyChange::Joins(Box::new(bundle)));
        change
            .run(Verb::Create, Some(chain), None, party, context)
            .await
    }
}

/// Namespace and spec of a chain that lives here.
async fn living(context: &Context, chain: &str) -> anyhow::Result<Option<(String, Value)>> {
    let connection = Connection::open(&context.connect).await?;
    let store = ClusterStore::new(&connection, chain, "", &connection.namespace);
    let head = store
        .load_head()
        .await?
        .map(|stored| stored.head)
        .filter(|head| head.revision > 0 && head.phase != Phase::Tombstone);
    Ok(match head {
        Some(head) => {
            let revision = store.read_revision(head.revision).await?;
            Some((connection.namespace.clone(), revision.spec))
        }
        None => None,
    })
}

/// A bundle of our own, or another tool's file that tells of nodes elsewhere.
fn read(filename: &Path, context: &Context) -> anyhow::Result<Bundle> {
    let raw = Raw::read(filename)?;
    let file = filename.display().to_string();
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

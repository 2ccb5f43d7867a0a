//! `kubectl chain stop` and `start`: takes pods down and brings them back; everything else of the chain stays.

use std::collections::BTreeSet;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::scene::ChainScene;
use super::{Context, change};
use crate::cluster::Connection;
use crate::pipeline::acts::Amendment;
use crate::pipeline::stopped::{find, stopped};
use crate::spec::Stopped;

/// Stop nodes, or a whole chain, and keep everything of theirs
///
/// Their pods go; volumes, keys, Services and files stay, and kubectl chain
/// apply does not bring the pods back: kubectl chain start does.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # One node
  kubectl chain stop node0

  # All pods of a chain
  kubectl chain stop --all --chain test-chain")]
pub struct Stop {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub who: Who,
}

/// Start nodes, or a whole chain, that were stopped
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # One node
  kubectl chain start node0

  # Everything that was stopped
  kubectl chain start --all --chain test-chain")]
pub struct Start {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub who: Who,
}

/// Whom it is about.
#[derive(Debug, Clone, Args)]
pub struct Who {
    /// Nodes by name, or others by kind/name, each with what is below it
    #[arg(value_name = "NODE", required_unless_present = "all")]
    pub nodes: Vec<String>,
    /// Everybody
    #[arg(long, conflicts_with = "nodes")]
    pub all: bool,
    /// The chain, when the namespace has several
    #[arg(long, value_name = "NAME")]
    pub chain: Option<String>,
    /// A plugin that is not built in
    #[arg(long = "plugin", value_name = "FILE.wasm")]
    pub plugins: Vec<std::path::PathBuf>,
}

impl Stop {
    /// Stops them.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        Box::pin(self.who.turn(true, context)).await
    }
}

impl Start {
    /// Starts them.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        Box::pin(self.who.turn(false, context)).await
    }
}

impl Who {
    /// Writes into the chain's spec who is stopped, and applies what that changes.
    async fn turn(&self, stop: bool, context: &mut Context) -> anyhow::Result<bool> {
        for path in &self.plugins {
            context.catalog.add_file(path)?;
        }
        let connection = Connection::open(&context.connect).await?;
        let scene = ChainScene::read(context, &connection, self.chain.as_deref()).await?;
        if let (Some(place), true) = (&scene.from, self.all && stop) {
            // Whoever stands in one place of a chain may mean what is in it.
            let (chain, home) = (&scene.head.chain, &scene.resolved.namespace);
            bail!(
                "--all would stop all of chain `{chain}`, not only what is in namespace `{place}`\nhint: if that is meant: kubectl chain stop --all --chain {chain} -n {home}"
            );
        }
        let said = scene.resolved.spec.stopped.clone().unwrap_or_default();
        let wish = self.wish(stop, &said, &scene)?;
        let chain = &scene.head.chain;
        if wish == said {
            let word = if stop { "stopped" } else { "started" };
            let whom = if self.all {
                format!("chain/{chain}")
            } else {
                self.nodes.join(", ")
            };
            context
                .printer
                .line(&format!("{whom} unchanged ({word} before)"))?;
            return Ok(true);
        }
        let (spec, namespace) = (scene.spec.clone(), &scene.resolved.namespace);
        let amendment = Amendment::Spec(json!({"stopped": wish}));
        change::amend(context, chain, namespace, spec, &amendment).await?;
        if !stop {
            context.printer.note(&format!(
                "see how it comes up: kubectl chain status {chain}"
            ));
        }
        Ok(true)
    }

    /// What the spec is to say then.
    fn wish(&self, stop: bool, said: &Stopped, scene: &ChainScene) -> anyhow::Result<Stopped> {
        if self.all {
            return Ok(Stopped::All(stop));
        }
        let subjects = &scene.topology.subjects;
        let mut ids = BTreeSet::new();
        for name in &self.nodes {
            ids.insert(find(name, subjects)?.to_owned());
        }
        let whole = stopped(&Stopped::Some(ids.clone()), subjects)?;
        let has_pods = subjects
            .iter()
            .any(|it| whole.contains(&it.id) && it.workload.is_some());
        if !has_pods {
            bail!("{} has no pods", self.nodes.join(", "));
        }
        let mut now = match said {
            Stopped::All(false) => BTreeSet::new(),
            Stopped::All(true) if stop => return Ok(Stopped::All(true)),
            // One of a chain that is stopped as a whole: all others stay as they are.
            Stopped::All(true) => subjects
                .iter()
                .filter(|it| !it.foreign && it.workload.is_some())
                .map(|it| it.id.clone())
                .collect(),
            Stopped::Some(names) => {
                let ids: Result<BTreeSet<String>, _> = names
                    .iter()
                    .map(|name| find(name, subjects).map(ToOwned::to_owned))
                    .collect();
                ids?
            }
        };
        if stop {
            let before = stopped(&Stopped::Some(now.clone()), subjects)?;
            now.extend(ids.into_iter().filter(|id| !before.contains(id)));
        } else {
            now.retain(|id| !whole.contains(id));
            let left = stopped(&Stopped::Some(now.clone()), subjects)?;
            if let Some(still) = ids.iter().find(|id| left.contains(*id)) {
                let above: Vec<&str> = now.iter().map(String::as_str).collect();
                bail!(
                    "{still} is stopped with what it is below: {}\nhint: start that instead",
                    above.join(", ")
                );
            }
        }
        Ok(if now.is_empty() {
            Stopped::All(false)
        } else {
            Stopped::Some(now)
        })
    }
}

//! The stack `cita-cloud`, release v4.0.0.
//!
//! One pod per node with one container per service, after the original's `runner_k8s`. This plugin says which nodes and
//! accounts there are (`expand`), makes what no single service owns: the pod's frame, the folders, the run script, the
//! file exchange (`sync`), Services and the `NetworkPolicy` (`objects`), and tells whether the chain moves (`status`).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod descriptor;
mod expand;
mod exposure;
mod names;
mod objects;
mod options;
mod status;
mod sync;

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::serde_json::json;
use chain_plugin_sdk::spec::ExpandSpec;
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostic, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder,
    Severity, Stack, Subject, Topology, export_plugin, warning,
};
use cita_cloud_service::facts::ChainFacts;
use cita_cloud_service::{CHAIN, Nodes, run};

use crate::options::Extra;
pub use crate::status::Status;

/// Folders that the services need before they start: blocks, proposals and transactions are shared between the nodes,
/// the controller lists them at once, and consensus ends without `logs`.
const FOLDERS: [&str; 5] = ["blocks", "proposals", "txs", "tx_infos", "logs"];

/// Seconds that the services of a pod have to end; each does within milliseconds.
const GRACE: u32 = 30;

/// The plugin.
#[derive(Debug)]
pub struct CitaCloud {
    nodes: Nodes,
    extra: Extra,
}

impl Plugin for CitaCloud {
    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn warm() {
        sync::warm();
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        let extra = Extra::of(&topology)?;
        Ok(Self {
            nodes: Nodes::new(topology),
            extra,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        sync::provision(at, self.nodes.subject(&at.call.subject)?)
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        if at.call.subject == CHAIN {
            self.chain(at)
        } else {
            self.node(at)
        }
    }
}

impl CitaCloud {
    fn chain(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let exposure = exposure::of(self.nodes.chain()?)?;
        let mut rendered = RenderedBuilder::new()
            .file(run::FILE, run::SCRIPT)
            .file(sync::CONFIG, sync::config(at, &self.nodes)?);
        rendered = objects::of_chain(rendered, &self.nodes, &self.extra, &exposure)?;
        if let Some(note) = exposure.note() {
            rendered = rendered.note(note);
        }
        if let Some(note) = self.late()? {
            rendered = rendered.note(note);
        }
        if let Some(note) = self.gone(at) {
            rendered = rendered.note(note);
        }
        Ok(rendered.build())
    }

    fn node(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let node = self.nodes.subject(&at.call.subject)?;
        let exposure = exposure::of(self.nodes.chain()?)?;
        let chain = &self.nodes.topology.chain;
        let mut rendered = RenderedBuilder::new().pod(&json!({
            "metadata": {
                "labels": objects::labels(chain, Some(names::workload_of(node))),
                "annotations": {"kubectl.kubernetes.io/default-container": "controller"},
            },
            "spec": {
                // None of the services handles SIGTERM, and process 1 of a container would ignore it.
                "shareProcessNamespace": true,
                "terminationGracePeriodSeconds": GRACE,
            },
        }));
        rendered = sync::rendered(rendered, at);
        for folder in FOLDERS {
            let path = format!("{}/{folder}", sync::HOME);
            rendered = rendered.directory(folder).bind(
                sync::CONTAINER,
                &path,
                at.own(folder),
                Delivery::SeedStart,
                Change::Roll,
            );
        }
        let rendered = objects::of_node(rendered, &self.nodes, node, &self.extra, &exposure)?;
        Ok(rendered.build())
    }

    /// What to know when validators of the genesis have no node any more.
    fn gone(&self, at: &At<'_>) -> Option<Diagnostic> {
        let facts: ChainFacts = at.fact(CHAIN, "controller").ok()?;
        let votes = facts.validators?;
        let nodes = self.nodes.all().count();
        let gone = votes.checked_sub(nodes).filter(|gone| *gone > 0)?;
        let needed = votes / 2 + 1;
        let means = if nodes < needed {
            format!("a block needs {needed} nodes, and {nodes} are left: the chain stands still")
        } else {
            format!("a block needs {needed} of the {nodes} nodes that are left")
        };
        let message = format!(
            "{gone} of the {votes} validators of the genesis have no node any more. Their votes count until the super admin changes the validators: {means}"
        );
        Some(warning("validators-gone", "", message).hint(
            "the super admin does so by a transaction to the controller, as for a node that joined",
        ))
    }

    /// What to know about nodes that came after the chain's birth.
    fn late(&self) -> Result<Option<Diagnostic>, Diagnostics> {
        let born_ms = self.nodes.chain()?.born_ms;
        let late: Vec<&str> = self
            .nodes
            .all()
            .filter(|node| !node.foreign && node.born_ms != born_ms)
            .map(|node| node.name.as_str())
            .collect();
        if late.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "{} joined after the genesis: without a vote until the super admin changes the validators. The others send blocks to a new node within some two minutes, when the new list of nodes has reached their pods",
            late.join(", ")
        );
        Ok(Some(Diagnostic {
            severity: Severity::Info,
            ..warning("late-node", "", message)
        }))
    }
}

impl Stack for CitaCloud {
    fn expand(
        spec: ExpandSpec,
        born: Vec<Subject>,
        next: BTreeMap<String, u32>,
        now_ms: u64,
    ) -> Result<Vec<Subject>, Diagnostics> {
        expand::expand(&spec, &born, &next, now_ms)
    }
}

export_plugin!(CitaCloud, stack = CitaCloud, operate = Status);

#[cfg(test)]
mod tests;

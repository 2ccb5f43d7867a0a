//! The stack `quorum`: GoQuorum, release v24.4.1.
//!
//! One pod per node: the client and, if the chain has one, a privacy manager beside it. This plugin says which subjects
//! there are (`expand`), and makes what no single role owns: Services, Ingresses, the `NetworkPolicy`, the labels by
//! which they find pods; it tells how nodes are (`status`) and where they are reached (`endpoints`).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod convert;
mod descriptor;
mod endpoints;
mod expand;
mod exposure;
mod ingress;
mod names;
mod objects;
mod options;
mod policy;
mod status;

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::spec::ExpandSpec;
use chain_plugin_sdk::{
    At, Diagnostics, Host, Operate, Outcome, Plugin, Rendered, RenderedBuilder, Request, Stack,
    Subject, Topology, Turn, export_plugin,
};
use quorum_service::{CHAIN, Nodes};
use serde_json::json;

pub use crate::convert::Converter;
use crate::endpoints::Endpoints;
use crate::exposure::Exposure;
use crate::options::Options;
use crate::status::Status;

/// The plugin.
#[derive(Debug)]
pub struct Quorum {
    nodes: Nodes,
    options: Options,
    exposure: Exposure,
}

impl Plugin for Quorum {
    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        let nodes = Nodes::new(topology);
        Ok(Self {
            options: Options::of(&nodes.extra.options)?,
            exposure: Exposure::of(&nodes.extra.expose)?,
            nodes,
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let subject = self.nodes.subject(&at.call.subject)?;
        if subject.kind == CHAIN {
            return Ok(self.chain());
        }
        let name = names::workload_of(subject);
        let mut builder = RenderedBuilder::new().pod(&json!({
            "metadata": {"labels": {objects::NODE: name}},
        }));
        builder = objects::services(builder, &self.nodes, subject, &self.exposure);
        if subject.kind == "node"
            && let Some(ingress) = ingress::of_node(&self.nodes, subject, &self.options)
        {
            builder = builder.object(&ingress);
        }
        Ok(builder.build())
    }
}

impl Quorum {
    fn chain(&self) -> Rendered {
        let mut builder = RenderedBuilder::new();
        if self.options.network_policy {
            let policy = policy::policy(&self.nodes);
            let mut clusters = self.nodes.clusters();
            // What stands beside the nodes lives in the home.
            clusters.insert("");
            for cluster in clusters {
                builder = builder.object_in(cluster, &policy);
            }
        }
        if let Some((ingress, note)) = ingress::of_chain(&self.nodes, &self.options) {
            builder = builder.object(&ingress);
            builder = note.into_iter().fold(builder, RenderedBuilder::note);
        }
        builder.build()
    }
}

impl Stack for Quorum {
    fn expand(
        spec: ExpandSpec,
        born: Vec<Subject>,
        next: BTreeMap<String, u32>,
        now_ms: u64,
    ) -> Result<Vec<Subject>, Diagnostics> {
        expand::expand(&spec, &born, &next, now_ms)
    }
}

/// An operation at work.
#[derive(Debug)]
pub enum Work {
    /// What a node says about itself.
    Status(Status),
    /// Where nodes are reached.
    Endpoints(Endpoints),
}

impl Operate for Work {
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        if what.operation == "endpoints" {
            return Endpoints::start(all, what, host).map(Self::Endpoints);
        }
        Status::start(all, what, host).map(Self::Status)
    }

    fn next(&mut self, outcomes: Vec<Outcome>, host: &dyn Host) -> Turn {
        match self {
            Self::Status(status) => status.next(outcomes, host),
            Self::Endpoints(endpoints) => endpoints.next(outcomes, host),
        }
    }
}

export_plugin!(Quorum, stack = Quorum, operate = Work, convert = Converter);

#[cfg(test)]
mod tests;

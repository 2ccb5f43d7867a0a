//! The stack `fabric`: Hyperledger Fabric 1.4, 2.5 and 3.1.
//!
//! One pod for each orderer, peer and chaincode server, by default in a namespace of its organisation, so that
//! `peer0.org1` is Service, DNS name and name in the certificate at once. This plugin says which subjects there are
//! (`expand`), makes the first blocks of channels (`blocks`), Services, and all that is done with a network that runs
//! (`work`).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod blocks;
mod convert;
mod data;
mod descriptor;
mod expand;
mod hosts;
mod input;
mod names;
mod objects;
mod options;
mod remarks;
mod work;

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::spec::ExpandSpec;
use chain_plugin_sdk::{
    At, Configured, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder, Stack, Subject,
    Topology, export_plugin,
};
use fabric_service::{Network, kind};
use serde_json::json;

use crate::blocks::Blocks;
pub use crate::convert::Converter;
use crate::options::Options;
pub use crate::work::Work;

/// The plugin.
#[derive(Debug)]
pub struct Fabric {
    network: Network,
    options: Options,
}

impl Plugin for Fabric {
    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        let network = Network::new(topology)?;
        Ok(Self {
            options: Options::of(&network.around.options)?,
            network,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let subject = self.network.subject(&at.call.subject)?;
        let mut given = blocks::provision(at);
        if subject.kind == kind::CHANNEL {
            given.notes = remarks::of_channel(&self.network, subject)?;
        }
        Ok(given)
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let blocks = Blocks {
            network: &self.network,
            options: &self.options,
            at,
        };
        let subject = self.network.subject(&at.call.subject)?;
        if subject.kind == kind::CHANNEL {
            blocks.of_channel(subject)
        } else {
            blocks.of_chain()
        }
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let subject = self.network.subject(&at.call.subject)?;
        let mut builder = RenderedBuilder::new();
        if subject.kind == kind::ORG {
            if self.options.network_policy {
                builder = builder.object(&objects::policy(&self.network, subject));
            }
            return Ok(builder.build());
        }
        builder = builder.pod(&json!({"metadata": {"labels": {objects::NODE: subject.name}}}));
        Ok(objects::service(builder, &self.network, subject).build())
    }
}

impl Stack for Fabric {
    fn expand(
        spec: ExpandSpec,
        born: Vec<Subject>,
        next: BTreeMap<String, u32>,
        now_ms: u64,
    ) -> Result<Vec<Subject>, Diagnostics> {
        expand::expand(&spec, &born, &next, now_ms)
    }
}

export_plugin!(Fabric, stack = Fabric, operate = Work, convert = Converter);

#[cfg(test)]
mod tests;

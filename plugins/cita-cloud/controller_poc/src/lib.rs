//! `controller_poc` of CITA-Cloud v4.0.0: the chain itself, its genesis and its RPC.
//!
//! Configures `genesis.toml` and `init_sys_config.toml` once for the chain. Its container starts when all others
//! listen, and ends with any of them: it registers once, never retries the executor, and stores a wrong state root for
//! good if the executor is away when a block becomes final (notes on running, A 2 to A 4).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod options;

use chain_plugin_sdk::descriptor::{Descriptor, Need, Phase, Port};
use chain_plugin_sdk::{
    At, Blob, Change, Configured, Delivery, Diagnostics, Plugin, Provisioned, Rendered, Topology,
    error, export_plugin, reference,
};
use cita_cloud_formats::address::Address;
use cita_cloud_formats::controller_config::ControllerConfig;
use cita_cloud_formats::genesis::Genesis;
use cita_cloud_formats::service::Service;
use cita_cloud_formats::sys_config::SysConfig;
use cita_cloud_service::container::{self, ServiceContainer};
use cita_cloud_service::facts::{self, ChainFacts};
use cita_cloud_service::{CHAIN, Grpc, KmsFacts, Nodes, Run, SUPER_ADMIN};

use crate::options::{Options, StackOptions};

const SERVICE: Service = Service::Controller;

/// Folders that the controller lists when it starts; it ends when one of the first three is missing.
const FOLDERS: [&str; 5] = ["blocks", "proposals", "txs", "tx_infos", "logs"];

/// The plugin.
#[derive(Debug)]
pub struct Controller {
    nodes: Nodes,
}

fn port() -> Port {
    container::grpc(SERVICE, "rpc", "clients", "rpc")
}

fn need(phase: Phase, role: &str, kind: &str, optional: bool) -> Need {
    Need {
        phase,
        role: role.to_owned(),
        from: Phase::Provision,
        kind: Some(kind.to_owned()),
        optional,
    }
}

impl Plugin for Controller {
    fn descriptor() -> Descriptor {
        let render = |role: &str| need(Phase::Render, role, "node", false);
        let mut descriptor = Descriptor {
            options: container::options(options::schema()),
            needs: vec![
                need(Phase::Configure, "kms", "node", false),
                need(Phase::Configure, "kms", "account", true),
                render("network"),
                render("consensus"),
                render("executor"),
                render("storage"),
                render("kms"),
            ],
            ports: vec![port()],
            resources: container::requests("50m", "64Mi"),
            ..container::descriptor(
                SERVICE,
                "controller_poc",
                "controller: blocks, transactions and the RPC on port 50004",
                "citacloud/controller_poc:v4.0.0",
            )
        };
        descriptor
            .on
            .insert(Phase::Configure, vec![CHAIN.to_owned()]);
        descriptor
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            nodes: Nodes::new(topology),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        // Before any key is born: a chain that would never make a block is refused here.
        Options::of(at)?;
        let grpc_port = SERVICE.grpc_port();
        Ok(facts::known(&Grpc { grpc_port }))
    }

    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let options = Options::of(at)?;
        let chain = self.nodes.chain()?;
        let genesis = Genesis {
            timestamp_ms: options.genesis_timestamp.unwrap_or(chain.born_ms),
            prevhash: options.prevhash()?,
        };
        let sys_config = SysConfig {
            version: 0,
            chain_id: options.chain_id(&self.nodes.topology.chain)?,
            admin: self.admin(at)?,
            block_interval: options.block_interval,
            validators: self.validators(at)?,
        };
        let genesis_hash = genesis.block_hash_text();
        let facts = ChainFacts {
            chain_id: sys_config.chain_id.to_string(),
            block_interval: sys_config.block_interval,
            genesis_hash: genesis_hash.clone(),
            validators: Some(sys_config.validators.len()),
        };
        let file = |name: &str, text: String| Blob {
            name: name.to_owned(),
            bytes: text.into_bytes(),
        };
        Ok(Configured {
            files: vec![
                file(Genesis::FILE_NAME, genesis.render()),
                file(SysConfig::FILE_NAME, sys_config.render()),
            ],
            facts: facts::text(&facts),
            fingerprint: Some(genesis_hash),
            notes: Vec::new(),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options = Options::of(at)?;
        let kms: KmsFacts = facts::of(at, "kms")?;
        let config = ControllerConfig {
            network_port: facts::grpc_port(at, "network")?,
            consensus_port: facts::grpc_port(at, "consensus")?,
            storage_port: facts::grpc_port(at, "storage")?,
            kms_port: kms.grpc_port.unwrap_or_else(|| Service::Kms.grpc_port()),
            executor_port: facts::grpc_port(at, "executor")?,
            block_delay_number: options.block_delay_number,
        };
        let run = Run::new("controller", &["controller", "run", "-p", "50004"])
            .after("network", config.network_port)
            .after("consensus", config.consensus_port)
            .after("executor", config.executor_port)
            .after("storage", config.storage_port)
            .after("kms", config.kms_port)
            .file("key_id")
            .file("node_address");
        let container = ServiceContainer {
            service: SERVICE,
            run: FOLDERS.iter().fold(run, |run, folder| run.folder(folder)),
            ports: vec![port()],
        };
        let mut rendered = container
            .rendered(at)?
            .file(ControllerConfig::FILE_NAME, config.render());
        let node = &at.call.subject;
        for (name, from) in [
            (
                ControllerConfig::FILE_NAME,
                at.own(ControllerConfig::FILE_NAME),
            ),
            (Genesis::FILE_NAME, at.own_of(CHAIN, Genesis::FILE_NAME)),
            (SysConfig::FILE_NAME, at.own_of(CHAIN, SysConfig::FILE_NAME)),
            ("key_id", reference("kms", node, "key_id")),
            ("node_address", reference("kms", node, "node_address")),
        ] {
            let path = format!("/data/{name}");
            rendered = rendered.bind("controller", &path, from, Delivery::SeedStart, Change::Roll);
        }
        Ok(rendered.build())
    }
}

impl Controller {
    /// The super admin: whom the user names, or the account that was born with the chain.
    fn admin(&self, at: &At<'_>) -> Result<Address, Diagnostics> {
        match StackOptions::of(&self.nodes.topology)?.super_admin {
            Some(named) => address(&named, "super admin"),
            None => address(
                &at.fact::<KmsFacts>(SUPER_ADMIN, "kms")?.address,
                SUPER_ADMIN,
            ),
        }
    }

    /// The nodes that were there when the chain was born; what comes later follows without a vote, until the super admin
    /// changes the list by a transaction.
    fn validators(&self, at: &At<'_>) -> Result<Vec<Address>, Diagnostics> {
        let born_ms = self.nodes.chain()?.born_ms;
        self.nodes
            .all()
            .filter(|node| node.foreign || node.born_ms == born_ms)
            .map(|node| address(&at.fact::<KmsFacts>(&node.id, "kms")?.address, &node.id))
            .collect()
    }
}

fn address(text: &str, whose: &str) -> Result<Address, Diagnostics> {
    text.parse()
        .map_err(|fault| vec![error("address", "", format!("{whose}: {fault}"))])
}

export_plugin!(Controller);

#[cfg(test)]
mod tests;

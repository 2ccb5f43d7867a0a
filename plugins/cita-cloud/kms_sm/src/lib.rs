//! `kms_sm` of CITA-Cloud v4.0.0: the SM2 account of a node in `kms.db`, under a password.
//!
//! Keeps `kms.db` and `key_file` (the password) as secrets, `key_id` and `node_address` as public items, about nodes and
//! accounts alike. Later generations derive the key of the database otherwise and would sign with a wrong key without
//! a word, so this plugin belongs to v4.0.0 alone.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod born;

use chain_plugin_sdk::descriptor::{Descriptor, KeptSpec, Phase, Port};
use chain_plugin_sdk::serde_json::json;
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Plugin, Provisioned, Rendered, Topology, error,
    export_plugin,
};
use cita_cloud_formats::account::Account;
use cita_cloud_formats::kms_db;
use cita_cloud_formats::service::Service;
use cita_cloud_service::container::{self, ServiceContainer};
use cita_cloud_service::{KmsFacts, Run, facts};

const SERVICE: Service = Service::Kms;

/// The password, as the kms reads it.
const KEY_FILE: &str = "key_file";
/// Number of the node's key in the database.
const KEY_ID: &str = "key_id";
/// Address of the node.
const NODE_ADDRESS: &str = "node_address";

/// The plugin.
#[derive(Debug)]
pub struct Kms {
    accounts: Vec<String>,
}

fn port() -> Port {
    container::grpc(SERVICE, "kms", "pod", "grpc")
}

impl Plugin for Kms {
    fn descriptor() -> Descriptor {
        let kinds = || vec!["account".to_owned(), "node".to_owned()];
        let kept = |name: &str, secret: bool| KeptSpec {
            name: name.to_owned(),
            kinds: kinds(),
            secret,
            ..KeptSpec::default()
        };
        let mut descriptor = Descriptor {
            options: container::options(json!({
                "password": {
                    "type": "string", "x-chain-secret": true, "x-chain-fixed": true,
                    "description": "password of the key databases of all new nodes and accounts; white space at its end is cut off, as the kms does. A strong one for each when absent",
                },
            })),
            kept: vec![
                kept(kms_db::FILE_NAME, true),
                kept(KEY_FILE, true),
                kept(KEY_ID, false),
                kept(NODE_ADDRESS, false),
            ],
            ports: vec![port()],
            resources: container::requests("10m", "16Mi"),
            ..container::descriptor(
                SERVICE,
                "kms_sm",
                "kms: keys and hashes of the Chinese standards SM2, SM3 and SM4",
                "citacloud/kms_sm:v4.0.0",
            )
        };
        descriptor.on.insert(Phase::Provision, kinds());
        // At info this generation logs the hash of its password, and whoever may view a namespace reads logs.
        if let Some(level) = descriptor
            .options
            .pointer_mut("/properties/logLevel/default")
        {
            *level = json!("warn");
        }
        descriptor
    }

    fn warm() {
        // The first key of a curve makes its table of base points.
        std::hint::black_box(Account::generate(&mut |length| vec![1; length as usize])).ok();
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        let of_kind = topology
            .subjects
            .into_iter()
            .filter(|subject| subject.kind == "account");
        Ok(Self {
            accounts: of_kind.map(|subject| subject.id).collect(),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let (keep, address, key_id) = match at.kept_text(NODE_ADDRESS) {
            Some(address) => {
                let key_id = at
                    .kept_text(KEY_ID)
                    .unwrap_or_else(|| kms_db::KEY_ID_FILE.to_owned());
                (Vec::new(), address, key_id)
            }
            None => born::account(at)?,
        };
        let key_id = key_id.parse().map_err(|_| {
            let message = format!("the kept {KEY_ID} of {} is no number", at.call.subject);
            vec![error("kept", "", message)]
        })?;
        let runs = !self.accounts.contains(&at.call.subject);
        let facts = KmsFacts {
            address,
            key_id,
            grpc_port: runs.then(|| SERVICE.grpc_port()),
        };
        Ok(Provisioned {
            keep,
            ..facts::known(&facts)
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let container = ServiceContainer {
            service: SERVICE,
            // The seeded copy is as readable as the vault is; the kms alone may read and write it.
            run: Run::new("kms", &["kms", "run", "-p", "50005", "-k", "/kms/key_file"])
                .folder("logs")
                .file(kms_db::FILE_NAME)
                .private(kms_db::FILE_NAME),
            ports: vec![port()],
        };
        Ok(container
            .rendered(at)?
            .bind(
                "kms",
                "/data/kms.db",
                at.own(kms_db::FILE_NAME),
                Delivery::SeedOnce,
                Change::Roll,
            )
            .bind(
                "kms",
                "/kms/key_file",
                at.own(KEY_FILE),
                Delivery::Mounted,
                Change::Roll,
            )
            .build())
    }
}

export_plugin!(Kms);

#[cfg(test)]
mod tests;

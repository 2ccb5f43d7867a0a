//! The pod of an orderer.

use chain_plugin_sdk::{At, Change, Delivery, Diagnostics, RenderedBuilder, reference};
use fabric_service::container::{self, IDENTITY, environment, probe};
use fabric_service::facts::OrgIdentity;
use fabric_service::{CHAIN, Network, Release, extra, image, item, kind, port as ports, role};
use serde_json::json;

use crate::descriptor::listeners;
use crate::{CONTAINER, LEDGER, REPOSITORY};

/// Where the volume of the ledger is mounted; the programs make the folders below it.
const DATA: &str = "/var/hyperledger/production";
/// Where block 0 of the system channel lies, in a release that has one.
const GENESIS: &str = "/etc/hyperledger/genesis/genesis.block";

/// What a consensus logs before it agrees, on a volume of its own: it grows with the number of channels, the ledger with
/// their age.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// The volume. It is not mounted within that of the ledger: the runtime would make the folder between as root.
    pub volume: &'static str,
    /// Where it is mounted.
    pub path: &'static str,
    /// Whether snapshots are kept beside it.
    pub snapshots: bool,
}

/// What one orderer's pod has besides what all have.
#[derive(Debug, Default)]
pub struct Pod<'a> {
    /// The releases that the plugin is for.
    pub series: &'a [Release],
    /// What is logged; the release's default when the user said nothing.
    pub logging: Option<String>,
    /// Where the consensus keeps its log.
    pub log: Option<Log>,
    /// Whether orderers of 1.4 talk to each other: later ones take the certificate of the listener by themselves.
    pub cluster: bool,
    /// What probes ask instead of `/healthz`.
    pub asked: Option<&'static str>,
    /// Further variables.
    pub variables: Vec<(String, String)>,
}

impl Pod<'_> {
    /// Renders the pod of the orderer that the call is about.
    pub fn rendered(&self, network: &Network, at: &At<'_>) -> Result<RenderedBuilder, Diagnostics> {
        let orderer = network.subject(&at.call.subject)?;
        let org = network.parent(orderer)?;
        let identity: OrgIdentity = at.fact(&org.id, role::MSP)?;
        let release = network.release;
        let reached: Vec<_> = listeners(self.series)
            .into_iter()
            .filter(|port| port.reach != "pod")
            .collect();
        let asked = self.asked.unwrap_or("/healthz");
        let builder = RenderedBuilder::new()
            .pod(&json!({"spec": {"terminationGracePeriodSeconds": 30}}))
            .container(&json!({
                "name": CONTAINER,
                "image": image::image(at, CONTAINER, REPOSITORY, self.series, release),
                "env": environment(&self.environment(release, &identity.msp_id)),
                "ports": container::ports(&reached),
                "startupProbe": probe(asked, ports::ORDERER_OPS, 1, 300),
                "readinessProbe": probe(asked, ports::ORDERER_OPS, 5, 3),
                // Whoever dials an address that is gone hangs for 20 s, and a Raft leader with it: the orderer stays
                // until all have heard that its address goes.
                "lifecycle": {"preStop": {"sleep": {"seconds": 6}}},
                "securityContext": {"readOnlyRootFilesystem": true},
            }))
            .volume(CONTAINER, DATA, LEDGER, "");
        let builder = match self.log {
            Some(log) => builder.volume(CONTAINER, log.path, log.volume, ""),
            None => builder,
        };
        let builder = if release.system_channel() {
            let block = reference(role::STACK, CHAIN, item::GENESIS);
            builder.bind(CONTAINER, GENESIS, block, Delivery::Mounted, Change::Roll)
        } else {
            builder
        };
        let administrators = if identity.node_ous {
            Vec::new()
        } else {
            extra::administrators(network, &org.id)?
        };
        Ok(container::identity(
            builder,
            CONTAINER,
            &orderer.id,
            &org.id,
            identity.node_ous,
            &administrators,
        ))
    }

    fn environment(&self, release: Release, msp_id: &str) -> Vec<(String, String)> {
        let logging = self.logging.clone().unwrap_or_else(|| {
            // 3.1 tells of every connection otherwise.
            let quiet = release >= Release::V3_1;
            if quiet { "info:grpc=error" } else { "info" }.to_owned()
        });
        let tls = |file: &str| format!("{IDENTITY}/tls/{file}");
        let mut all: Vec<(String, String)> = Vec::new();
        let mut set = |name: &str, value: String| all.push((name.to_owned(), value));
        set("FABRIC_LOGGING_SPEC", logging);
        set("ORDERER_GENERAL_LISTENADDRESS", "0.0.0.0".to_owned());
        set("ORDERER_GENERAL_LISTENPORT", "7050".to_owned());
        set("ORDERER_GENERAL_LOCALMSPID", msp_id.to_owned());
        set("ORDERER_GENERAL_LOCALMSPDIR", format!("{IDENTITY}/msp"));
        set("ORDERER_GENERAL_TLS_ENABLED", "true".to_owned());
        set("ORDERER_GENERAL_TLS_CERTIFICATE", tls("server.crt"));
        set("ORDERER_GENERAL_TLS_PRIVATEKEY", tls("server.key"));
        set(
            "ORDERER_GENERAL_TLS_ROOTCAS",
            format!("[{}]", tls("ca.crt")),
        );
        if release.system_channel() {
            set("ORDERER_GENERAL_GENESISMETHOD", "file".to_owned());
            set("ORDERER_GENERAL_GENESISFILE", GENESIS.to_owned());
            if self.cluster {
                set(
                    "ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE",
                    tls("server.crt"),
                );
                set(
                    "ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY",
                    tls("server.key"),
                );
            }
        } else {
            if release < Release::V3_1 {
                set("ORDERER_GENERAL_BOOTSTRAPMETHOD", "none".to_owned());
                set("ORDERER_CHANNELPARTICIPATION_ENABLED", "true".to_owned());
            }
            set("ORDERER_ADMIN_LISTENADDRESS", "127.0.0.1:9443".to_owned());
            set("ORDERER_ADMIN_TLS_ENABLED", "false".to_owned());
        }
        set(
            "ORDERER_OPERATIONS_LISTENADDRESS",
            "0.0.0.0:8443".to_owned(),
        );
        set("ORDERER_METRICS_PROVIDER", "prometheus".to_owned());
        set("ORDERER_FILELEDGER_LOCATION", format!("{DATA}/orderer"));
        if let Some(log) = self.log {
            set("ORDERER_CONSENSUS_WALDIR", format!("{}/wal", log.path));
            if log.snapshots {
                set(
                    "ORDERER_CONSENSUS_SNAPDIR",
                    format!("{}/snapshot", log.path),
                );
            }
        }
        all.extend(self.variables.iter().cloned());
        all
    }
}

/// How many orderers there are, those of others among them.
pub fn count(network: &Network) -> usize {
    network.of_kind(kind::ORDERER).count()
}

//! The environment of a peer.

use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_service::container::IDENTITY;
use fabric_service::facts::StateDatabase;
use fabric_service::{Network, Release, extra, kind, port};

use crate::DATA;
use crate::chaincode::Runs;
use crate::options::Options;

/// What it is made of.
#[derive(Debug)]
pub struct Environment<'a> {
    /// The network.
    pub network: &'a Network,
    /// The peer.
    pub peer: &'a Subject,
    /// Its organisation.
    pub org: &'a Subject,
    /// Name of the organisation in channels.
    pub msp_id: &'a str,
    /// Where it keeps the state; within itself when nobody says.
    pub state: Option<&'a StateDatabase>,
    /// How chaincode runs.
    pub runs: &'a Runs,
    /// The user's options.
    pub options: &'a Options,
}

impl Environment<'_> {
    /// All variables, in the order in which they are shown.
    pub fn all(&self) -> Result<Vec<(String, String)>, Diagnostics> {
        let host = extra::of::<extra::Node>(self.peer)?.host;
        let address = format!("{host}:7051");
        let tls = |file: &str| format!("{IDENTITY}/tls/{file}");
        let mut all: Vec<(String, String)> = Vec::new();
        let mut set = |name: &str, value: String| all.push((name.to_owned(), value));
        let logging = self.options.logging.as_deref().unwrap_or("info");
        set("FABRIC_LOGGING_SPEC", logging.to_owned());
        set("CORE_PEER_ID", host);
        set("CORE_PEER_LOCALMSPID", self.msp_id.to_owned());
        set("CORE_PEER_MSPCONFIGPATH", format!("{IDENTITY}/msp"));
        set("CORE_PEER_ADDRESS", address.clone());
        set("CORE_PEER_LISTENADDRESS", "0.0.0.0:7051".to_owned());
        set("CORE_PEER_GOSSIP_BOOTSTRAP", self.bootstrap(&address));
        set("CORE_PEER_GOSSIP_EXTERNALENDPOINT", address);
        set("CORE_PEER_TLS_ENABLED", "true".to_owned());
        set("CORE_PEER_TLS_CERT_FILE", tls("server.crt"));
        set("CORE_PEER_TLS_KEY_FILE", tls("server.key"));
        set("CORE_PEER_TLS_ROOTCERT_FILE", tls("ca.crt"));
        set("CORE_PEER_FILESYSTEMPATH", DATA.to_owned());
        if self.network.release > Release::V1_4 {
            set("CORE_LEDGER_SNAPSHOTS_ROOTDIR", format!("{DATA}/snapshots"));
        }
        set("CORE_OPERATIONS_LISTENADDRESS", "0.0.0.0:9443".to_owned());
        set("CORE_METRICS_PROVIDER", "prometheus".to_owned());
        if let Some(state) = self.state {
            set("CORE_LEDGER_STATE_STATEDATABASE", state.kind.clone());
            if let Some(address) = &state.address {
                set(
                    "CORE_LEDGER_STATE_COUCHDBCONFIG_COUCHDBADDRESS",
                    address.clone(),
                );
            }
            if let Some(user) = &state.user {
                set("CORE_LEDGER_STATE_COUCHDBCONFIG_USERNAME", user.clone());
            }
        }
        all.extend(self.runs.variables());
        if self.runs.by_docker() {
            let images = self.options.images();
            all.extend(images.map(|(name, image)| (name.to_owned(), image.clone())));
        }
        Ok(all)
    }

    /// Another peer of the organisation that can be reached, one of the same cluster before others; itself when it is
    /// alone.
    fn bootstrap(&self, own: &str) -> String {
        let others = || {
            self.network
                .children(&self.org.id, kind::PEER)
                .filter(|it| it.id != self.peer.id)
        };
        let near = others().filter(|it| !it.foreign && it.cluster == self.peer.cluster);
        near.chain(others())
            .find_map(|it| self.network.address(it, port::PEER).ok())
            .map_or_else(
                || own.to_owned(),
                |(host, number)| format!("{host}:{number}"),
            )
    }
}

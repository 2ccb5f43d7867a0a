//! The configuration file of Tessera, in the three shapes that its versions read.
//!
//! Up to 0.7 one server and a socket file; in 0.8 a list of servers with socket objects; from 0.9 on
//! the list with plain addresses. The original ships templates of all three and lets the container
//! choose by the version in its jar; here the caller knows the version and gets one finished file.

use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::version::Version;

/// Where peers reach each other.
pub const PEER_PORT: u16 = 9001;
/// Where applications reach the privacy manager without the client.
pub const THIRD_PARTY_PORT: u16 = 9080;
/// The folder of everything, in the original's containers.
pub const FOLDER: &str = "/etc/quorum/qdata/tm";

/// The key of a node within the file could not be read as JSON, or the file not written.
#[derive(Debug, Error)]
pub enum TesseraConfigError {
    /// An inline key that is no JSON.
    #[error("the inline key of the privacy manager is not JSON")]
    Key(#[source] serde_json::Error),
    /// The file could not be written, which no value of these types causes.
    #[error("the privacy manager's configuration cannot be written as JSON")]
    Render(#[source] serde_json::Error),
}

/// Which of the three shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// 0.7 and earlier: `server` and `unixSocketFile`.
    Single,
    /// 0.8: `serverConfigs` with `serverSocket`.
    Sockets,
    /// 0.9 and later: `serverConfigs` with `serverAddress`.
    Addresses,
}

impl Shape {
    /// The shape that a version reads.
    #[must_use]
    pub fn of_version(version: &Version) -> Self {
        if *version >= Version::new(0, 9, 0) {
            Self::Addresses
        } else if *version >= Version::new(0, 8, 0) {
            Self::Sockets
        } else {
            Self::Single
        }
    }

    /// The name of the original's template for this shape.
    #[must_use]
    pub const fn template_name(self) -> &'static str {
        match self {
            Self::Single => "tessera-config.json",
            Self::Sockets => "tessera-config-enhanced.json",
            Self::Addresses => "tessera-config-9.0.json",
        }
    }
}

/// Where the node's own keys are.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In files, by their paths. Every version reads it.
    Files {
        /// The path of `tm.key`.
        private: String,
        /// The path of `tm.pub`.
        public: String,
        /// Passwords of locked keys, one a key, in a file.
        password_file: Option<String>,
    },
    /// Within this file, which then is a secret.
    Inline {
        /// The content of `tm.key`.
        private: Zeroizing<String>,
        /// The content of `tm.pub`.
        public: String,
    },
}

/// The configuration of one node's privacy manager.
#[derive(Clone, PartialEq, Eq)]
pub struct TesseraConfig {
    /// The folder of the database, the socket and the key stores.
    pub folder: String,
    /// The folder of the socket, when it is not that of everything: a volume in memory, so that no socket of an earlier
    /// process is left over.
    pub socket_folder: Option<String>,
    /// The name by which peers reach this node.
    pub host: String,
    /// Where it listens, when that is another address than `host` resolves to, as behind a Service:
    /// `0.0.0.0`.
    pub bind_host: Option<String>,
    /// Where peers connect.
    pub peer_port: u16,
    /// Where applications connect.
    pub third_party_port: u16,
    /// URLs of the peers: all nodes, this one too, then those of others. With a trailing slash or
    /// without, they are written as they stand.
    pub peers: Vec<String>,
    /// The node's own keys.
    pub keys: KeySource,
    /// Public keys that get every private transaction.
    pub always_send_to: Vec<String>,
    /// Refuse peers that are not in the list.
    pub use_white_list: bool,
    /// Party protection and private state validation, 1.0.0 and later. Must be on where the genesis
    /// has `privacyEnhancementsBlock`.
    pub privacy_enhancements: bool,
}

impl TesseraConfig {
    /// What the original writes for a node of this name.
    #[must_use]
    pub fn new(host: &str, peers: Vec<String>) -> Self {
        Self {
            folder: FOLDER.to_owned(),
            socket_folder: None,
            host: host.to_owned(),
            bind_host: None,
            peer_port: PEER_PORT,
            third_party_port: THIRD_PARTY_PORT,
            peers,
            keys: KeySource::Files {
                private: format!("{FOLDER}/tm.key"),
                public: format!("{FOLDER}/tm.pub"),
                password_file: None,
            },
            always_send_to: Vec::new(),
            use_white_list: false,
            privacy_enhancements: true,
        }
    }

    /// The URL of a peer at `host:port`, as an external node is given, or with a scheme already.
    #[must_use]
    pub fn peer_url(place: &str) -> String {
        if place.contains("://") {
            place.to_owned()
        } else {
            format!("http://{place}")
        }
    }

    /// The socket at which the client speaks to it.
    #[must_use]
    pub fn socket(&self) -> String {
        format!(
            "{}/tm.ipc",
            self.socket_folder.as_ref().unwrap_or(&self.folder)
        )
    }

    /// The file in a shape: JSON indented by two, and a newline at the end.
    ///
    /// # Errors
    /// When an inline key is no JSON.
    pub fn render(&self, shape: Shape) -> Result<Zeroizing<String>, TesseraConfigError> {
        let (server, server_configs, unix_socket_file) = match shape {
            Shape::Single => (Some(self.single()), None, Some(self.socket())),
            Shape::Sockets => (None, Some(self.sockets()), None),
            Shape::Addresses => (None, Some(self.addresses()), None),
        };
        let file = File {
            use_white_list: self.use_white_list,
            jdbc: Jdbc {
                username: "sa",
                password: "",
                url: format!(
                    "jdbc:h2:{}/db;MODE=Oracle;TRACE_LEVEL_SYSTEM_OUT=0",
                    self.folder
                ),
                auto_create_tables: true,
            },
            server,
            server_configs,
            peer: self.peers.iter().map(|url| json!({ "url": url })).collect(),
            keys: self.keys()?,
            always_send_to: &self.always_send_to,
            unix_socket_file,
            features: (shape == Shape::Addresses)
                .then(|| json!({ "enablePrivacyEnhancements": self.privacy_enhancements })),
        };
        let text = serde_json::to_string_pretty(&file).map_err(TesseraConfigError::Render)?;
        Ok(Zeroizing::new(text + "\n"))
    }

    fn keys(&self) -> Result<Value, TesseraConfigError> {
        Ok(match &self.keys {
            KeySource::Files {
                private,
                public,
                password_file: None,
            } => json!({
                "passwords": [],
                "keyData": [{ "privateKeyPath": private, "publicKeyPath": public }],
            }),
            KeySource::Files {
                private,
                public,
                password_file: Some(file),
            } => json!({
                "passwordFile": file,
                "keyData": [{ "privateKeyPath": private, "publicKeyPath": public }],
            }),
            KeySource::Inline { private, public } => {
                let private: Value =
                    serde_json::from_str(private).map_err(TesseraConfigError::Key)?;
                json!({
                    "passwords": [],
                    "keyData": [{ "config": private, "publicKey": public.trim_end() }],
                })
            }
        })
    }

    fn url(&self, port: u16) -> String {
        format!("http://{}:{port}", self.host)
    }

    fn binding(&self, port: u16) -> Option<String> {
        self.bind_host
            .as_ref()
            .map(|host| format!("http://{host}:{port}"))
    }

    fn single(&self) -> Value {
        json!({
            "port": self.peer_port,
            "hostName": format!("http://{}", self.host),
            "bindingAddress": self.any_binding(),
            "sslConfig": self.ssl(),
        })
    }

    /// The two older shapes always name an address to listen on.
    fn any_binding(&self) -> String {
        let any = || format!("http://0.0.0.0:{}", self.peer_port);
        self.binding(self.peer_port).unwrap_or_else(any)
    }

    fn sockets(&self) -> Vec<Value> {
        let host_name = format!("http://{}", self.host);
        vec![
            json!({
                "app": "ThirdParty",
                "enabled": true,
                "serverSocket": {
                    "type": "INET", "port": self.third_party_port, "hostName": host_name,
                },
                "communicationType": "REST",
            }),
            json!({
                "app": "Q2T",
                "enabled": true,
                "serverSocket": { "type": "UNIX", "path": self.socket() },
                "communicationType": "UNIX_SOCKET",
            }),
            json!({
                "app": "P2P",
                "enabled": true,
                "serverSocket": {
                    "type": "INET", "port": self.peer_port, "hostName": host_name,
                    "bindingAddress": self.any_binding(),
                },
                "sslConfig": self.ssl(),
                "communicationType": "REST",
            }),
        ]
    }

    fn addresses(&self) -> Vec<Value> {
        let mut third_party = json!({
            "app": "ThirdParty",
            "enabled": true,
            "serverAddress": self.url(self.third_party_port),
            "cors": { "allowedMethods": ["GET", "OPTIONS"], "allowedOrigins": ["*"] },
            "communicationType": "REST",
        });
        let mut peers = json!({
            "app": "P2P",
            "enabled": true,
            "serverAddress": self.url(self.peer_port),
            "sslConfig": self.ssl(),
            "communicationType": "REST",
        });
        for (server, port) in [
            (&mut third_party, self.third_party_port),
            (&mut peers, self.peer_port),
        ] {
            if let (Some(binding), Some(server)) = (self.binding(port), server.as_object_mut()) {
                server.insert("bindingAddress".to_owned(), binding.into());
            }
        }
        let client = json!({
            "app": "Q2T",
            "enabled": true,
            "serverAddress": format!("unix:{}", self.socket()),
            "communicationType": "REST",
        });
        vec![third_party, client, peers]
    }

    /// TLS is off; the stores are named all the same, as the original names them.
    fn ssl(&self) -> Value {
        let path = |name: &str| format!("{}/{name}", self.folder);
        json!({
            "tls": "OFF",
            "generateKeyStoreIfNotExisted": true,
            "serverKeyStore": path("server-keystore"),
            "serverKeyStorePassword": "quorum",
            "serverTrustStore": path("server-truststore"),
            "serverTrustStorePassword": "quorum",
            "serverTrustMode": "TOFU",
            "knownClientsFile": path("knownClients"),
            "clientKeyStore": path("client-keystore"),
            "clientKeyStorePassword": "quorum",
            "clientTrustStore": path("client-truststore"),
            "clientTrustStorePassword": "quorum",
            "clientTrustMode": "TOFU",
            "knownServersFile": path("knownServers"),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    use_white_list: bool,
    jdbc: Jdbc,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_configs: Option<Vec<Value>>,
    peer: Vec<Value>,
    keys: Value,
    always_send_to: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    unix_socket_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Jdbc {
    username: &'static str,
    password: &'static str,
    url: String,
    auto_create_tables: bool,
}

#[cfg(test)]
mod tests;

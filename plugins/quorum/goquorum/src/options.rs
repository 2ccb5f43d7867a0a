//! What the user may say about the client.

use chain_plugin_sdk::{At, Diagnostics};
use quorum_formats::account::Password;
use quorum_formats::genesis::{BALANCE, GAS_LIMIT};
use quorum_formats::keystore::Derivation;
use quorum_formats::quantity::Quantity;
use quorum_formats::version::Version;
use quorum_service::fault::{at as fault_at, refuse_with};
use serde::Deserialize;
use serde_json::{Value, json};

/// The name of the container and of its image.
pub const CONTAINER: &str = "quorum";

/// How the account's file derives its key from the password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// In a twelfth of a second: the password is random and long.
    #[default]
    Light,
    /// In a second and 256 MiB, as the client itself does it.
    Standard,
}

impl From<Strength> for Derivation {
    fn from(strength: Strength) -> Self {
        match strength {
            Strength::Light => Self::Light,
            Strength::Standard => Self::Standard,
        }
    }
}

/// The options.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// The number that transactions are signed for; made from the chain's name when absent.
    pub chain_id: Option<u64>,
    /// The number by which peers know the network; the chain's when absent.
    pub network_id: Option<u64>,
    /// Wei of every founder's account.
    pub balance: String,
    /// Gas limit of the first block.
    pub gas_limit: u64,
    /// How a new account's file derives its key.
    pub keystore: Strength,
    /// Version of the client, when the tag of its image names none.
    pub version: Option<String>,
    /// 0 to 5.
    pub verbosity: u8,
    /// Admit listed nodes only.
    pub permissioned: bool,
    /// Listen on the web socket.
    pub ws: bool,
    /// Unlock the node's account, so that it sends transactions for whoever asks.
    pub unlock: bool,
    /// Origins of web pages that may ask.
    pub cors_origins: String,
    /// Serve metrics, also without a monitor.
    pub metrics: bool,
    /// Further arguments, last.
    pub extra_args: Vec<String>,
    /// The genesis file of a chain that is there already.
    pub genesis: Option<String>,
}

/// Keys that a node brings. Only there when it is born; never shown, so nothing here has a `Debug`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Brought {
    /// The file `nodekey`.
    pub node_key: Option<String>,
    /// The file of the account.
    pub account_key: Option<String>,
    /// The password of that file.
    account_password: Option<String>,
}

impl Brought {
    /// What the node brings.
    pub fn of(at: &At<'_>) -> Result<Self, Diagnostics> {
        let brought: Self = at.options()?;
        if brought.account_password.is_some() && brought.account_key.is_none() {
            return Err(refuse_with(
                "account-key",
                "/accountPassword",
                "there is a password, and no account that it opens",
                "`accountKeyFile` names the file of the account",
            ));
        }
        Ok(brought)
    }

    /// The password of the account's file: the first line, as the client reads it; empty when there is none.
    pub fn password(&self) -> Password {
        Password::parse(self.account_password.as_deref().unwrap_or_default())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chain_id: None,
            network_id: None,
            balance: BALANCE.to_owned(),
            gas_limit: GAS_LIMIT,
            keystore: Strength::Light,
            version: None,
            verbosity: 3,
            permissioned: true,
            ws: true,
            unlock: true,
            cors_origins: String::new(),
            metrics: false,
            extra_args: Vec::new(),
            genesis: None,
        }
    }
}

/// The schema of the options.
pub fn schema() -> Value {
    let most = 9_007_199_254_740_991_u64;
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "chainId": {
                "type": "integer", "minimum": 1, "maximum": most, "x-chain-fixed": true,
                "description": "the number that transactions are signed for; made from the chain's name when absent, so that no transaction of another chain is valid here",
            },
            "networkId": {
                "type": "integer", "minimum": 1, "maximum": most, "x-chain-fixed": true,
                "description": "the number by which peers know the network; the chain id when absent",
            },
            "balance": {
                "type": "string", "pattern": "^(0x[0-9a-fA-F]+|[0-9]+)$", "default": BALANCE, "x-chain-fixed": true,
                "description": "wei that each founder's account has in the genesis block",
            },
            "gasLimit": {
                "type": "integer", "minimum": 5000, "maximum": most, "default": GAS_LIMIT, "x-chain-fixed": true,
                "description": "gas limit of the genesis block",
            },
            "genesis": {
                "type": "string", "format": "file", "x-chain-fixed": true,
                "description": "the genesis file of a chain that is there already, taken as it is; made when absent",
            },
            "nodeKey": {
                "type": "string", "x-chain-secret": true,
                "description": "a node key that is there already: 64 hex digits; made when absent",
            },
            "accountKey": {
                "type": "string", "x-chain-secret": true,
                "description": "an account that is there already, as a file of web3 secret storage; made when absent",
            },
            "accountPassword": {
                "type": "string", "x-chain-secret": true,
                "description": "the password of accountKey; the empty one when absent",
            },
            "keystore": {
                "type": "string", "enum": ["light", "standard"], "default": "light",
                "description": "scrypt parameters of the files of new accounts; their passwords are random, so the light ones are enough",
            },
            "version": {
                "type": "string", "pattern": r"^v?[0-9]+\.[0-9]+(\.[0-9]+)?([-+].*)?$",
                "description": "version of the client, when the tag of its image names none",
            },
            "verbosity": {
                "type": "integer", "minimum": 0, "maximum": 5, "default": 3, "description": "how much the client logs: 3 is info",
            },
            "permissioned": {
                "type": "boolean", "default": true, "description": "let in the nodes of the chain's own list only",
            },
            "ws": {"type": "boolean", "default": true, "description": "answer on the web socket, port 8546"},
            "unlock": {
                "type": "boolean", "default": true,
                "description": "unlock the node's account: whoever reaches its JSON-RPC can send transactions in its name",
            },
            "corsOrigins": {
                "type": "string", "default": "", "description": "comma list of origins whose web pages may ask; `*` for any",
            },
            "metrics": {
                "type": "boolean", "default": false, "description": "serve metrics on port 6060 also when the chain has no monitor",
            },
            "extraArgs": {
                "type": "array", "items": {"type": "string"}, "default": [],
                "description": "further arguments of the client, last; names that its version dropped are replaced",
            },
        },
    })
}

impl Options {
    /// The options of this call.
    pub fn of(at: &At<'_>) -> Result<Self, Diagnostics> {
        at.options()
    }

    /// The number that transactions of the chain called `name` are signed for: the user's, or seven to ten digits that
    /// follow from the name.
    pub fn chain_id(&self, name: &str) -> u64 {
        self.chain_id.unwrap_or_else(|| {
            // FNV-1a: short, stable, and nothing here has to withstand an attack.
            let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            1_000_000 + hash % 2_000_000_000
        })
    }

    /// What a founder's account has.
    pub fn balance(&self) -> Result<Quantity, Diagnostics> {
        self.balance
            .parse()
            .map_err(fault_at("balance", "/balance"))
    }

    /// The version of the client: what the user says, or the tag of the image.
    pub fn version(&self, at: &At<'_>) -> Result<Version, Diagnostics> {
        if let Some(version) = &self.version {
            return version.parse().map_err(fault_at("version", "/version"));
        }
        Version::of_image(&at.image(CONTAINER)).map_err(|fault| {
            let hint =
                "`--client-version 24.4.1` says which one it is: flags differ between versions";
            refuse_with("version", "/version", fault.to_string(), hint)
        })
    }
}

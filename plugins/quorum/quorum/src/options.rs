//! The stack's own options, those of a node, and what the user says about exposure.

use chain_plugin_sdk::Diagnostics;
use quorum_service::fault::{refuse, refuse_with};
use quorum_service::topology_extra::PEERS_OUTSIDE;
use serde::Deserialize;
use serde_json::{Value, json};

/// How Ingresses lead to the nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ingress {
    /// Not at all.
    #[default]
    None,
    /// One for each node, under a host name of its own.
    OneToOne,
    /// One for all nodes, which are told apart by path.
    OneToMany,
}

/// The stack's options.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// How Ingresses lead to the nodes.
    pub ingress: Ingress,
    /// Host name of the Ingress; the domain of all of them when there is one for each node.
    pub ingress_host: Option<String>,
    /// Its `ingressClassName`.
    pub ingress_class: Option<String>,
    /// The Secret with its certificate.
    pub ingress_tls_secret: Option<String>,
    /// Whether it leads to web sockets too.
    pub ingress_ws: bool,
    /// Whether privacy managers of others come by it, too.
    pub ingress_privacy: bool,
    /// Whether a `NetworkPolicy` stands before the pods.
    pub network_policy: bool,
    /// Whether nodes know each other by their addresses outside.
    pub peers_outside: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ingress: Ingress::None,
            ingress_host: None,
            ingress_class: None,
            ingress_tls_secret: None,
            ingress_ws: true,
            ingress_privacy: false,
            network_policy: true,
            peers_outside: false,
        }
    }
}

/// The schema of the options.
pub fn schema() -> Value {
    let name = "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$";
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "ingress": {
                "type": "string", "enum": ["none", "one-to-one", "one-to-many"], "default": "none",
                "description": "Ingresses to the JSON-RPC of the nodes: one for each at <node>.<host>/quorum-rpc, or one for all at <host>/<node>/quorum-rpc",
            },
            "ingressHost": {
                "type": "string", "pattern": name,
                "description": "host name of the Ingress, or the domain under which each node has one",
            },
            "ingressClass": {"type": "string", "pattern": name, "description": "class of the Ingress; the cluster's when absent"},
            "ingressTlsSecret": {
                "type": "string", "pattern": name, "format": "secret-ref",
                "description": "Secret with the certificate of the Ingress; it must be there",
            },
            "ingressWs": {"type": "boolean", "default": true, "description": "lead to web sockets too, at quorum-ws"},
            "ingressPrivacy": {
                "type": "boolean", "default": false,
                "description": "with one-to-one: lead other parties' privacy managers to those here, at <node>-tm.<host>, without TLS",
            },
            "networkPolicy": {
                "type": "boolean", "default": true,
                "description": "let nodes reach each other and DNS, and clients what is for clients; nothing else",
            },
            PEERS_OUTSIDE: {
                "type": "boolean", "default": false, "x-chain-fixed": true,
                "description": "nodes know each other by their addresses outside: for raft, whose members of other parties learn the founders' addresses from the chain",
            },
        },
    })
}

impl Options {
    /// Reads them; what does not fit together is refused.
    pub fn of(value: &Value) -> Result<Self, Diagnostics> {
        let options: Self = if value.is_null() {
            Self::default()
        } else {
            serde_json::from_value(value.clone())
                .map_err(|fault| refuse("options", "/options", fault.to_string()))?
        };
        if options.ingress == Ingress::OneToOne && options.ingress_host.is_none() {
            return Err(refuse_with(
                "ingress",
                "/options/ingressHost",
                "an Ingress for each node needs a host name under which they are told apart",
                "`--ingress-host chain.example`, or `--ingress one-to-many`",
            ));
        }
        if options.ingress_privacy && options.ingress != Ingress::OneToOne {
            return Err(refuse_with(
                "ingress",
                "/options/ingressPrivacy",
                "privacy managers are reached at the root of a host, one host each",
                "`--ingress one-to-one --ingress-host chain.example`",
            ));
        }
        if options.ingress_tls_secret.is_some() && options.ingress_host.is_none() {
            return Err(refuse_with(
                "ingress",
                "/options/ingressHost",
                "TLS needs the host name that stands in the certificate",
                "`--ingress-host chain.example`",
            ));
        }
        Ok(options)
    }
}

/// What may stand under `options` of a node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeOptions {
    /// Whether it takes part in the consensus from the beginning.
    #[allow(dead_code, reason = "read where it stands; here it is only checked")]
    pub validator: Option<bool>,
}

/// Checks the options of the node at a place in the user's list.
pub fn check_node(options: &Value, index: usize) -> Result<(), Diagnostics> {
    if options.is_null() {
        return Ok(());
    }
    serde_json::from_value::<NodeOptions>(options.clone())
        .map(drop)
        .map_err(|fault| {
            let path = format!("/nodes/{index}/options");
            refuse_with(
                "node-options",
                &path,
                fault.to_string(),
                "a node has `validator: true` or `false`",
            )
        })
}

//! What the containers of the family have alike: requests, ports, environment, and where an identity lies.

use chain_plugin_sdk::{Change, Delivery, Ref, RenderedBuilder, reference};
use serde_json::{Value, json};

pub use plugin_pods::container::{ports, requests};

use crate::{item, role};

/// Where the identity of a node or user lies in its container: `msp/` and `tls/`.
pub const IDENTITY: &str = "/etc/hyperledger/id";

/// The environment of a container.
pub fn environment<N: AsRef<str>, V: AsRef<str>>(all: &[(N, V)]) -> Vec<Value> {
    all.iter()
        .map(|(name, value)| json!({"name": name.as_ref(), "value": value.as_ref()}))
        .collect()
}

/// An HTTP probe of a named port.
pub fn probe(path: &str, port: &str, period: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    })
}

/// Binds the identity of `subject`, whose organisation is `org`, into a container: the tree that `peer`, `orderer` and
/// the command line read, below [`IDENTITY`]. Keys are bound by reference. Without `NodeOUs` the administrators are
/// listed by certificate: `administrators` are ids of users.
pub fn identity(
    mut builder: RenderedBuilder,
    container: &str,
    subject: &str,
    org: &str,
    node_ous: bool,
    administrators: &[&str],
) -> RenderedBuilder {
    let of = |whose: &str, name: &str| reference(role::MSP, whose, name);
    let mut bind = |path: &str, from: Ref| {
        let all = std::mem::take(&mut builder);
        let path = format!("{IDENTITY}/{path}");
        builder = all.bind(container, &path, from, Delivery::Mounted, Change::Roll);
    };
    bind("msp/signcerts/cert.pem", of(subject, item::CERT));
    bind("msp/keystore/key.pem", of(subject, item::KEY));
    bind("msp/cacerts/ca.pem", of(org, item::CA_CERT));
    bind("msp/tlscacerts/tlsca.pem", of(org, item::TLS_CA_CERT));
    if node_ous {
        bind("msp/config.yaml", of(org, item::NODE_OUS));
    }
    for (index, user) in administrators.iter().enumerate() {
        let path = format!("msp/admincerts/admin{index}.pem");
        bind(&path, of(user, item::CERT));
    }
    bind("tls/server.crt", of(subject, item::TLS_CERT));
    bind("tls/server.key", of(subject, item::TLS_KEY));
    bind("tls/ca.crt", of(org, item::TLS_CA_CERT));
    builder
}

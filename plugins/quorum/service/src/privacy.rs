//! What the two privacy managers share: an X25519 key for each node, ports, folders, a descriptor.

use chain_plugin_sdk::descriptor::{Descriptor, Image, Phase};
use chain_plugin_sdk::{At, Change, Delivery, Diagnostics, Provisioned, RenderedBuilder};
use quorum_formats::tessera_config::PEER_PORT;
use quorum_formats::tessera_key::{TesseraKey, TesseraPublicKey};
use serde::Deserialize;
use serde_json::Value;

use crate::container::{item, kept, need, port, requests};
use crate::facts::{self, PrivacyNode};
use crate::fault::at as fault_at;
use crate::{CHAIN, DATA_VOLUME, PRIVACY, RELEASE, SOCKET_VOLUME, STACK};

/// The private key in its file.
pub const KEY: &str = "tm.key";
/// The public key. Public items are there on later runs, so this one also says that the key was born.
pub const PUBLIC_KEY: &str = "tm.pub";
/// The name of the socket.
pub const SOCKET: &str = "tm.ipc";
/// The port at which peers connect.
pub const PEERS: &str = "tm";

/// The folder of its database in its container.
pub const DATA: &str = "/etc/quorum/qdata/tm";
/// Where the socket appears in its container.
pub const SOCKETS: &str = "/run/quorum";
/// Where the keys appear in its container.
pub const KEYS: &str = "/etc/quorum/keys";

/// The descriptor, without options.
pub fn descriptor(name: &str, summary: &str, image: &str, memory: &str) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary.to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        role: PRIVACY.to_owned(),
        series: vec![RELEASE.to_owned()],
        on: [
            (Phase::Provision, vec!["node".to_owned()]),
            (Phase::Configure, vec![CHAIN.to_owned()]),
            (Phase::Render, vec![CHAIN.to_owned(), "node".to_owned()]),
        ]
        .into(),
        needs: vec![need(Phase::Render, PRIVACY, Phase::Configure, CHAIN, false)],
        kept: vec![kept(KEY, true), kept(PUBLIC_KEY, false)],
        container: name.to_owned(),
        images: vec![Image {
            name: name.to_owned(),
            default: image.to_owned(),
        }],
        ports: vec![port(PEERS, PEER_PORT, "peers", "p2p")],
        resources: requests("50m", memory),
        ..Descriptor::default()
    }
}

/// A key that a node brings. Only there when it is born; never shown, so it has no `Debug`.
#[derive(Deserialize)]
struct Brought {
    #[serde(default)]
    key: Option<String>,
}

/// The schema of the option that brings a key.
pub fn key_schema() -> Value {
    serde_json::json!({
        "type": "string", "x-chain-secret": true,
        "description": "a key that is there already, as an unlocked tm.key; made when absent",
    })
}

/// The key of a node: born once, or brought along, and then known by its public half.
pub fn provisioned(at: &At<'_>) -> Result<Provisioned, Diagnostics> {
    let (keep, public) = if let Some(text) = at.kept_text(PUBLIC_KEY) {
        let public: TesseraPublicKey = text.parse().map_err(fault_at(PUBLIC_KEY, ""))?;
        (Vec::new(), public)
    } else {
        let Brought { key } = at.options()?;
        let key = match key {
            Some(text) => TesseraKey::parse(&text).map_err(fault_at("key", "/key"))?,
            None => TesseraKey::generate(&mut |length| at.host.entropy(length))
                .map_err(fault_at("entropy", ""))?,
        };
        let keep = vec![
            item(KEY, &key.key_file(), true),
            item(PUBLIC_KEY, &key.public_file(), false),
        ];
        (keep, *key.public())
    };
    let facts = PrivacyNode {
        public_key: public.to_string(),
        socket: SOCKET.to_owned(),
    };
    Ok(Provisioned {
        keep,
        ..facts::known(&facts)
    })
}

/// The container with its volumes, its keys, and a script that starts it from a list that all nodes share.
pub fn bound(
    builder: RenderedBuilder,
    at: &At<'_>,
    container: &str,
    script: &str,
    list: &str,
) -> RenderedBuilder {
    let (mounted, roll) = (Delivery::Mounted, Change::Roll);
    let of_chain = |name: &str| at.own_of(CHAIN, name);
    builder
        .volume(container, DATA, DATA_VOLUME, "tm")
        .volume(container, SOCKETS, SOCKET_VOLUME, "")
        .bind(
            container,
            &format!("{KEYS}/{KEY}"),
            at.own(KEY),
            mounted,
            roll,
        )
        .bind(
            container,
            &format!("{KEYS}/{PUBLIC_KEY}"),
            at.own(PUBLIC_KEY),
            mounted,
            roll,
        )
        .bind(
            container,
            &format!("/opt/quorum/{script}"),
            of_chain(script),
            mounted,
            roll,
        )
        // Read when it starts; peers that come later tell of themselves.
        .bind(
            container,
            &format!("/etc/quorum/peers/{list}"),
            of_chain(list),
            Delivery::Live,
            Change::Wait,
        )
}

/// A probe of the port at which peers connect.
pub fn probe(period: u32, failures: u32) -> Value {
    serde_json::json!({
        "tcpSocket": {"port": PEERS},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

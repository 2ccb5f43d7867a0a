//! The file exchange between the nodes: syncthing, its identity, its configuration, its container.
//!
//! It is part of consensus: without it the chain stops after a block or two. Syncthing 1.x migrates its configuration
//! when it starts, so the file is copied onto the volume at every start, never mounted. It reads its devices at start
//! alone and refuses one that it does not know, so it is started anew, without its pod, when the list of nodes changes: a
//! node that joins has no other way to the blocks.

use chain_plugin_sdk::serde_json::json;
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Item, Provisioned, RenderedBuilder, Subject, error,
};
use cita_cloud_formats::syncthing::config::{self, Device, GUI_PORT, SYNC_PORT};
use cita_cloud_formats::syncthing::identity::Identity;
use cita_cloud_service::facts::{self, SyncFacts};
use cita_cloud_service::{CHAIN, Nodes, Run, STACK_ROLE, container, run};

use crate::names;

/// The container, and the image that arrives for it.
pub const CONTAINER: &str = "syncthing";

/// The image: 2.x has another command line and other certificates.
pub const IMAGE: &str = "syncthing/syncthing:1.19.2";

/// Name of the port of the exchange.
pub const PORT: &str = "sync";

/// The node's folder in this container.
pub const HOME: &str = "/var/syncthing";

/// The configuration of all nodes, a file about the chain.
pub const CONFIG: &str = "config/config.xml";

/// The same as it is now: what the init container copied may be older.
const FRESH: &str = "/etc/cita-cloud/config.xml";

/// Kept about a node, under the name that it has in the node's folder.
pub const CERTIFICATE: &str = "config/cert.pem";
/// Kept about a node, secret.
pub const KEY: &str = "config/key.pem";
/// Kept about a node.
pub const DEVICE_ID: &str = "device_id";

/// Makes the curve's table of base points, as the first key does.
pub fn warm() {
    std::hint::black_box(Identity::generate(0, &mut |length| {
        vec![1; length as usize]
    }))
    .ok();
}

/// The identity of a node is born once; its id is a fact.
pub fn provision(at: &At<'_>, node: &Subject) -> Result<Provisioned, Diagnostics> {
    if let Some(device_id) = at.kept_text(DEVICE_ID) {
        return Ok(facts::known(&SyncFacts { device_id }));
    }
    let identity = Identity::generate(node.born_ms, &mut |length| at.host.entropy(length))
        .map_err(|fault| vec![error("entropy", "", fault.to_string())])?;
    let item = |name: &str, text: &str, secret: bool, media: &str| Item {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        secret,
        media: media.to_owned(),
    };
    let device_id = identity.device_id.as_str().to_owned();
    let keep = vec![
        item(
            CERTIFICATE,
            &identity.certificate_pem,
            false,
            "application/x-pem-file",
        ),
        item(KEY, &identity.key_pem, true, "application/x-pem-file"),
        item(DEVICE_ID, &device_id, false, "text/plain"),
    ];
    Ok(Provisioned {
        keep,
        ..facts::known(&SyncFacts { device_id })
    })
}

/// `config.xml`, the same for every node.
pub fn config(at: &At<'_>, nodes: &Nodes) -> Result<String, Diagnostics> {
    let devices = nodes
        .all()
        .map(|node| {
            let id: SyncFacts = at.fact(&node.id, STACK_ROLE)?;
            let id = id
                .device_id
                .parse()
                .map_err(|fault| vec![error("device-id", "", format!("{}: {fault}", node.id))])?;
            let (host, port) = nodes.address(None, node, PORT)?;
            let name = match names::workload_of(node) {
                "" => node.name.clone(),
                workload => workload.to_owned(),
            };
            Ok(Device {
                id,
                name,
                host,
                port,
            })
        })
        .collect::<Result<Vec<_>, Diagnostics>>()?;
    Ok(config::render(&nodes.topology.chain, &devices))
}

/// The container and what is bound into it.
pub fn rendered(builder: RenderedBuilder, at: &At<'_>) -> RenderedBuilder {
    let home = format!("{HOME}/config");
    // The image's own entrypoint changes owners and drops from root to PUID, which a pod without root cannot.
    let run = Run::new(
        CONTAINER,
        &["/bin/syncthing", "-home", &home, "-no-browser"],
    )
    .follow(FRESH, CONFIG);
    let container = json!({
        "name": CONTAINER,
        "image": at.image(CONTAINER),
        "command": run.command(),
        "workingDir": HOME,
        "env": [
            {"name": "HOME", "value": HOME},
            {"name": "STGUIADDRESS", "value": format!("127.0.0.1:{GUI_PORT}")},
            {"name": "STNODEFAULTFOLDER", "value": "1"},
            {"name": "STNOUPGRADE", "value": "1"},
        ],
        "ports": [{"name": PORT, "containerPort": SYNC_PORT, "protocol": "TCP"}],
        "startupProbe": probe(2, 150),
        "readinessProbe": probe(10, 3),
    });
    let path = |name: &str| format!("{HOME}/{name}");
    let builder = builder
        .container(&container)
        .volume(CONTAINER, HOME, container::VOLUME, "");
    run::bound(builder, CONTAINER)
        .bind(
            CONTAINER,
            &path(CERTIFICATE),
            at.own(CERTIFICATE),
            Delivery::SeedStart,
            Change::Roll,
        )
        .bind(
            CONTAINER,
            &path(KEY),
            at.own(KEY),
            Delivery::SeedStart,
            Change::Roll,
        )
        .bind(
            CONTAINER,
            &path("config/config.xml"),
            at.own_of(CHAIN, CONFIG),
            Delivery::SeedStart,
            Change::Wait,
        )
        .bind(
            CONTAINER,
            FRESH,
            at.own_of(CHAIN, CONFIG),
            Delivery::Live,
            Change::Wait,
        )
}

/// Whether the GUI listens, on the loopback interface. The image's own health check is `nc -z`, which one build of busybox
/// has and another has not; the kernel's table needs nothing but a shell and `grep`.
fn probe(period: u32, failures: u32) -> chain_plugin_sdk::serde_json::Value {
    let listens =
        format!("grep -Eqs ':{GUI_PORT:04X} [0-9A-F]+:0000 0A' /proc/net/tcp /proc/net/tcp6");
    json!({
        "exec": {"command": ["sh", "-c", listens]},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

//! One service of a node as a container: image, start, ports, probes, and the node's folder.

use chain_plugin_sdk::descriptor::{Image, Phase, Port};
use chain_plugin_sdk::{At, Diagnostics, RenderedBuilder};
use cita_cloud_formats::service::Service;
use plugin_pods::container::ports;
pub use plugin_pods::container::{port, requests};
use serde_json::{Value, json};

use crate::run::{self, Run};
use crate::{RELEASE, STACK, log};

/// The node's folder in the container of every service; their working directory.
pub const DATA: &str = "/data";

/// The volume on which it lies; the stack declares it.
pub const VOLUME: &str = "data";

/// A path in a folder.
#[must_use]
pub fn at_data(folder: &str, name: &str) -> String {
    format!("{folder}/{name}")
}

/// A service's container.
#[derive(Debug, Clone)]
pub struct ServiceContainer {
    /// Which service; gives container name and files.
    pub service: Service,
    /// How it is started.
    pub run: Run,
    /// The ports on which it listens.
    pub ports: Vec<Port>,
}

impl ServiceContainer {
    /// The container with the node's folder, the run script and the log configuration.
    pub fn rendered(&self, at: &At<'_>) -> Result<RenderedBuilder, Diagnostics> {
        let name = self.service.name();
        let builder = RenderedBuilder::new()
            .container(&self.container(&at.image(name)))
            .volume(name, DATA, VOLUME, "");
        log::rendered(run::bound(builder, name), at, self.service)
    }

    fn container(&self, image: &str) -> Value {
        json!({
            "name": self.service.name(),
            "image": image,
            "command": self.run.command(),
            "workingDir": DATA,
            "ports": ports(&self.ports),
            "startupProbe": probe(self.service.grpc_port(), 2, 300),
            "readinessProbe": probe(self.service.grpc_port(), 10, 3),
        })
    }
}

/// Asks from inside the container, since most services listen on the loopback interface only. There is no liveness
/// probe: a service that hangs is for a person to look at, and `run.sh` ends those that cannot go on.
fn probe(port: u16, period: u32, failures: u32) -> Value {
    json!({
        "exec": {"command": ["bash", "-c", format!("</dev/tcp/127.0.0.1/{port}")]},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

/// The port of a service's gRPC inside the pod.
#[must_use]
pub fn grpc(service: Service, name: &str, reach: &str, purpose: &str) -> Port {
    port(name, service.grpc_port(), reach, purpose)
}

/// The part of a descriptor that all services share.
#[must_use]
pub fn descriptor(
    service: Service,
    name: &str,
    summary: &str,
    image: &str,
) -> chain_plugin_sdk::descriptor::Descriptor {
    let node = || vec!["node".to_owned()];
    chain_plugin_sdk::descriptor::Descriptor {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary.to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        role: service.name().to_owned(),
        series: vec![RELEASE.to_owned()],
        options: options(json!({})),
        on: [(Phase::Provision, node()), (Phase::Render, node())].into(),
        container: service.name().to_owned(),
        images: vec![Image {
            name: service.name().to_owned(),
            default: image.to_owned(),
        }],
        ..Default::default()
    }
}

/// A schema of options: these, and the log level that every service has.
#[must_use]
pub fn options(mut properties: Value) -> Value {
    if let Some(all) = properties.as_object_mut() {
        all.insert("logLevel".to_owned(), log::schema());
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

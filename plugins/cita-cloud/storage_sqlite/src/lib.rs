//! `storage_sqlite` of CITA-Cloud v4.0.0: the database `storage.db` in the node's folder.
//!
//! Keeps nothing, gives its port, renders its container and its log configuration. It listens on the loopback interface.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use chain_plugin_sdk::descriptor::{Descriptor, Port};
use chain_plugin_sdk::{At, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin};
use cita_cloud_formats::service::Service;
use cita_cloud_service::container::{self, ServiceContainer};
use cita_cloud_service::{Grpc, Run, facts};

const SERVICE: Service = Service::Storage;

/// The plugin.
#[derive(Debug)]
pub struct Storage;

fn port() -> Port {
    container::grpc(SERVICE, "storage", "pod", "grpc")
}

impl Plugin for Storage {
    fn descriptor() -> Descriptor {
        Descriptor {
            ports: vec![port()],
            resources: container::requests("20m", "32Mi"),
            ..container::descriptor(
                SERVICE,
                "storage_sqlite",
                "storage: one SQLite file in the node's volume",
                "citacloud/storage_sqlite:v4.0.0",
            )
        }
    }

    fn open(_topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self)
    }

    fn provision(&self, _at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let grpc_port = SERVICE.grpc_port();
        Ok(facts::known(&Grpc { grpc_port }))
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let container = ServiceContainer {
            service: SERVICE,
            run: Run::new("storage", &["storage", "run", "-p", "50003"]).folder("logs"),
            ports: vec![port()],
        };
        Ok(container.rendered(at)?.build())
    }
}

export_plugin!(Storage);

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::TestHost;
    use chain_plugin_sdk::serde_json::{Value, json};

    #[test]
    fn it_runs_in_the_nodes_folder_and_is_probed_from_inside() {
        let host = TestHost::new();
        let call = TestHost::call("node/node0", "storage", &json!({}), &[("storage", "db:1")]);
        let rendered = Storage.render(&host.at(&call)).unwrap();
        let pod: Value = serde_json::from_str(&rendered.fragments[0].body).unwrap();
        let container = &pod["spec"]["containers"][0];
        assert_eq!(container["image"], "db:1");
        assert_eq!(container["workingDir"], "/data");
        assert_eq!(
            container["readinessProbe"]["exec"]["command"],
            json!(["bash", "-c", "</dev/tcp/127.0.0.1/50003"])
        );
        assert_eq!(container.get("livenessProbe"), None);
    }

    #[test]
    fn its_log_goes_to_the_container_too_at_the_level_that_was_asked_for() {
        let host = TestHost::new();
        let options = json!({"logLevel": "debug"});
        let call = TestHost::call("node/node0", "storage", &options, &[]);
        let rendered = Storage.render(&host.at(&call)).unwrap();
        let file = rendered
            .files
            .iter()
            .find(|file| file.name == "storage-log4rs.yaml")
            .unwrap();
        let chain_plugin_sdk::Content::Bytes(bytes) = &file.content else {
            panic!("no bytes")
        };
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(
            text.contains("level: debug") && text.contains("    - stdout\n"),
            "{text}"
        );
    }

    #[test]
    fn it_tells_its_port() {
        let host = TestHost::new();
        let call = TestHost::call("node/node0", "storage", &json!({}), &[]);
        assert_eq!(
            Storage.provision(&host.at(&call)).unwrap().facts,
            r#"{"grpcPort":50003}"#
        );
    }
}

//! `executor_evm` for CITA-Cloud v4.0.0: the EVM, with its state in `data/` of the node's folder.
//!
//! It has no image of its own generation: the first tag is v5.0.0, whose predecessor of April 2021 was only ever
//! `latest`. Both take the same command, ignore `-p`, and listen on 0.0.0.0:50002. They differ in their logs: v5.0.0
//! reads `executor-log4rs.yaml`, the older one writes `logs/citacloud-executor.log` unless told `--stdout`.

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
use chain_plugin_sdk::serde_json::json;
use chain_plugin_sdk::{
    At, Change, Delivery, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin,
};
use cita_cloud_formats::service::Service;
use cita_cloud_service::container::{self, ServiceContainer};
use cita_cloud_service::{Grpc, Run, facts};
use serde::Deserialize;

const SERVICE: Service = Service::Executor;

/// The state of the virtual machine; `RocksDB` makes it, and nothing else may.
const STATE: &str = "data";

/// The plugin.
#[derive(Debug)]
pub struct Executor;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    log_to: LogTo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LogTo {
    #[default]
    Log4rs,
    Flag,
}

fn port() -> Port {
    container::grpc(SERVICE, "call", "clients", "rpc")
}

impl Plugin for Executor {
    fn descriptor() -> Descriptor {
        Descriptor {
            options: container::options(json!({
                "logTo": {
                    "type": "string", "enum": ["log4rs", "flag"], "default": "log4rs",
                    "description": "how the image is told to log to its output: `log4rs` by executor-log4rs.yaml (v5.0.0 and later), `flag` by --stdout (builds of April 2021, which read no such file)",
                },
            })),
            ports: vec![port()],
            resources: container::requests("50m", "64Mi"),
            ..container::descriptor(
                SERVICE,
                "executor_evm",
                "executor: Ethereum virtual machine (image v5.0.0, the first tag there is; v4.0.0 had none)",
                "citacloud/executor_evm:v5.0.0",
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
        let options: Options = at.options()?;
        let command: &[&str] = match options.log_to {
            LogTo::Log4rs => &["executor", "run", "-p", "50002"],
            LogTo::Flag => &["executor", "--stdout", "run", "-p", "50002"],
        };
        let container = ServiceContainer {
            service: SERVICE,
            run: Run::new("executor", command).folder("logs").folder(STATE),
            ports: vec![port()],
        };
        Ok(container
            .rendered(at)?
            .directory(STATE)
            .bind(
                "executor",
                "/data/data",
                at.own(STATE),
                Delivery::SeedStart,
                Change::Roll,
            )
            .build())
    }
}

export_plugin!(Executor);

#[cfg(test)]
mod tests {
    use super::*;
    use chain_plugin_sdk::serde_json::{Value, from_str};
    use chain_plugin_sdk::{Content, TestHost};

    fn command(options: &Value) -> String {
        let host = TestHost::new();
        let call = TestHost::call("node/node0", "executor", options, &[]);
        let rendered = Executor.render(&host.at(&call)).unwrap();
        let pod: Value = from_str(&rendered.fragments[0].body).unwrap();
        let words = pod["spec"]["containers"][0]["command"].as_array().unwrap();
        let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn an_older_image_is_told_by_flag_to_log_to_its_output() {
        assert!(command(&json!({})).ends_with("-- executor run -p 50002"));
        let told = command(&json!({"logTo": "flag"}));
        assert!(
            told.ends_with("-- executor --stdout run -p 50002"),
            "{told}"
        );
    }

    #[test]
    fn its_state_has_a_folder_before_it_starts() {
        let host = TestHost::new();
        let call = TestHost::call("node/node0", "executor", &json!({}), &[]);
        let rendered = Executor.render(&host.at(&call)).unwrap();
        let folder = rendered
            .files
            .iter()
            .find(|file| file.name == "data")
            .unwrap();
        assert_eq!(folder.content, Content::Directory);
        assert!(rendered.bindings.iter().any(|binding| {
            binding.target == chain_plugin_sdk::Target::Path("/data/data".to_owned())
        }));
    }
}

//! The descriptor of an orderer.

use chain_plugin_sdk::descriptor::{Descriptor, Phase, Port};
use fabric_service::container::requests;
use fabric_service::descriptor::{disk, kinds, need, plugin, port, takes_identity};
use fabric_service::{CHAIN, Release, image, kind, port as ports, role};
use serde_json::{Map, Value, json};

use crate::{CONTAINER, LEDGER, REPOSITORY};

/// The descriptor of an orderer: facts about the chain, a pod for each orderer. `options` are properties of its own.
pub fn descriptor(name: &str, summary: &str, series: &[Release], options: Value) -> Descriptor {
    Descriptor {
        options: schema(options),
        on: [
            (Phase::Provision, kinds(&[CHAIN])),
            (Phase::Render, kinds(&[kind::ORDERER])),
        ]
        .into(),
        needs: vec![need(
            Phase::Render,
            role::MSP,
            Phase::Provision,
            kind::ORG,
            false,
        )],
        takes: takes_identity(),
        container: CONTAINER.to_owned(),
        images: image::images(CONTAINER, REPOSITORY, series),
        ports: listeners(series),
        volumes: vec![disk(LEDGER, "10Gi", kind::ORDERER)],
        resources: requests("50m", "64Mi"),
        ..plugin(name, role::ORDERER, summary, series)
    }
}

/// Where an orderer listens. The participation API came with the end of the system channel, and is on loopback alone.
pub fn listeners(series: &[Release]) -> Vec<Port> {
    let mut all = vec![
        port(ports::ORDERER, 7050, "clients", "rpc"),
        port(ports::ORDERER_OPS, 8443, "peers", "metrics"),
    ];
    if series.iter().any(|release| !release.system_channel()) {
        all.push(port(ports::ADMIN, 9443, "pod", "admin"));
    }
    for port in &mut all {
        // The stack joins channels and asks after their health.
        port.operators = vec![role::STACK.to_owned()];
    }
    all
}

fn schema(options: Value) -> Value {
    let mut properties: Map<String, Value> = match options {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    properties.insert(
        "logging".to_owned(),
        json!({
            "type": "string", "minLength": 1,
            "description": "what is logged, as FABRIC_LOGGING_SPEC takes it: `info`, `orderer.consensus=debug:info`; `info` when absent, from 3.1 on `info:grpc=error`",
        }),
    );
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

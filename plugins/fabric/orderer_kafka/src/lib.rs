//! Orderers that let Kafka order: the legacy of release 1.4.
//!
//! Which brokers there are stands in the channel. An orderer is told how it makes a topic and how long it tries again.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{Descriptor, Phase};
use chain_plugin_sdk::{At, Diagnostics, Plugin, Provisioned, Rendered, Topology, export_plugin};
use fabric_orderer::{Pod, descriptor, duration, options};
use fabric_service::descriptor::need;
use fabric_service::facts::{Brokers, Ordering};
use fabric_service::{CHAIN, Network, Release, facts, role};
use serde::Deserialize;
use serde_json::json;

/// The releases that have it.
const SERIES: [Release; 1] = [Release::V1_4];
/// Copies of each topic, where there are as many brokers.
const COPIES: usize = 3;

/// What probes ask. For `/healthz` such an orderer sends a message to Kafka for each of its channels, which stays there for
/// ever; and it dies of the question while a channel has no connection yet: at its start before the brokers answer, and
/// whenever a channel is made.
const ASKED: &str = "/logspec";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    logging: Option<String>,
    kafka_version: Option<String>,
    verbose: bool,
    retry_interval: String,
    retry_total: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            logging: None,
            kafka_version: None,
            verbose: false,
            retry_interval: "5s".to_owned(),
            retry_total: "10m".to_owned(),
        }
    }
}

impl Options {
    fn variables(&self, brokers: usize) -> Result<Vec<(String, String)>, Diagnostics> {
        let interval = options::positive_length("retryInterval", &self.retry_interval)?;
        let total = options::positive_length("retryTotal", &self.retry_total)?;
        options::not_above(
            ("retryInterval", interval, &self.retry_interval),
            ("retryTotal", total, &self.retry_total),
        )?;
        let mut all = vec![
            // More copies than brokers, and no topic is ever made.
            (
                "ORDERER_KAFKA_TOPIC_REPLICATIONFACTOR",
                brokers.clamp(1, COPIES).to_string(),
            ),
            (
                "ORDERER_KAFKA_RETRY_SHORTINTERVAL",
                self.retry_interval.clone(),
            ),
            ("ORDERER_KAFKA_RETRY_SHORTTOTAL", self.retry_total.clone()),
            ("ORDERER_KAFKA_VERBOSE", self.verbose.to_string()),
        ];
        if let Some(version) = &self.kafka_version {
            all.push(("ORDERER_KAFKA_VERSION", version.clone()));
        }
        Ok(all
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Kafka {
    network: Network,
}

impl Plugin for Kafka {
    fn descriptor() -> Descriptor {
        let length = |default: &str, description: &str| {
            json!({
                "type": "string", "pattern": duration::PATTERN, "default": default,
                "description": description,
            })
        };
        let mut all = descriptor::descriptor(
            "orderer_kafka",
            "orderers: Kafka (legacy), which orders for them",
            &SERIES,
            json!({
                "kafkaVersion": {
                    "type": "string", "pattern": r"^[0-9]+(\.[0-9]+){2,3}$",
                    "description": "version of the brokers' protocol that is spoken: 0.10.2.0 when absent, which later brokers understand",
                },
                "verbose": {
                    "type": "boolean", "default": false, "description": "whether the client of Kafka logs what it does",
                },
                "retryInterval": length("5s", "wait before a broker is tried again"),
                "retryTotal": length("10m", "time for which it is tried so; after that every 5 minutes for 12 hours"),
            }),
        );
        for phase in [Phase::Provision, Phase::Render] {
            all.needs
                .push(need(phase, role::KAFKA, Phase::Provision, CHAIN, false));
        }
        all
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let options: Options = at.options()?;
        options.variables(COPIES)?;
        Ok(facts::known(&Ordering {
            kind: "kafka".to_owned(),
            settings: BTreeMap::new(),
            consenters: false,
        }))
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let brokers: Brokers = at.fact(CHAIN, role::KAFKA)?;
        let pod = Pod {
            series: &SERIES,
            logging: options.logging.clone(),
            asked: Some(ASKED),
            variables: options.variables(brokers.brokers.len())?,
            ..Pod::default()
        };
        Ok(pod.rendered(&self.network, at)?.build())
    }
}

export_plugin!(Kafka);

#[cfg(test)]
mod tests;

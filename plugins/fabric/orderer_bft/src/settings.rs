//! The options of `SmartBFT`, named as a channel's metadata names them, and what the library refuses in them.

use std::collections::BTreeMap;

use chain_plugin_sdk::Diagnostics;
use fabric_orderer::options::{length, not_above, number, positive, positive_length, switch};
use fabric_service::fault::refuse_with;
use serde::Deserialize;
use serde_json::{Value, json};

/// Requests in a batch, as metadata holds it. No option: an orderer takes it from the channel's batch size instead.
const BATCH_COUNT: u64 = 100;
/// Bytes in a batch; see [`BATCH_COUNT`].
const BATCH_BYTES: u64 = 10 * 1024 * 1024;

/// Whether the leader changes without a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rotation {
    /// The library decides, which today means no.
    #[default]
    Unspecified,
    /// It stays.
    Off,
    /// It changes.
    On,
}

impl Rotation {
    /// As metadata numbers it.
    const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::Off => 1,
            Self::On => 2,
        }
    }
}

/// The options.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// What is logged.
    pub logging: Option<String>,
    request_batch_max_interval: String,
    incoming_message_buffer_size: u64,
    request_pool_size: u64,
    request_forward_timeout: String,
    request_complain_timeout: String,
    request_auto_remove_timeout: String,
    request_max_bytes: u64,
    view_change_resend_interval: String,
    view_change_timeout: String,
    leader_heartbeat_timeout: String,
    leader_heartbeat_count: u64,
    collect_timeout: String,
    sync_on_start: bool,
    speed_up_view_change: bool,
    leader_rotation: Rotation,
    decisions_per_leader: u64,
}

impl Default for Options {
    fn default() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            logging: None,
            request_batch_max_interval: text("50ms"),
            incoming_message_buffer_size: 200,
            request_pool_size: 400,
            request_forward_timeout: text("2s"),
            request_complain_timeout: text("20s"),
            request_auto_remove_timeout: text("3m0s"),
            request_max_bytes: 0,
            view_change_resend_interval: text("5s"),
            view_change_timeout: text("20s"),
            leader_heartbeat_timeout: text("1m0s"),
            leader_heartbeat_count: 10,
            collect_timeout: text("1s"),
            sync_on_start: false,
            speed_up_view_change: false,
            leader_rotation: Rotation::Unspecified,
            decisions_per_leader: 0,
        }
    }
}

/// The properties of their schema.
pub fn schema() -> Value {
    json!({
        "requestBatchMaxInterval": length("50ms", "longest wait for a batch to fill"),
        "incomingMessageBufferSize": number(1, 200, "messages that wait to be processed"),
        "requestPoolSize": number(1, 400, "requests that wait to be ordered"),
        "requestForwardTimeout": length("2s", "wait before a request is forwarded to the leader"),
        "requestComplainTimeout": length("20s", "wait before the leader is complained of; not below requestForwardTimeout"),
        "requestAutoRemoveTimeout": length("3m0s", "wait before a request is dropped; not below requestComplainTimeout"),
        "requestMaxBytes": number(0, 0, "bytes of a request; 0 for those of a batch"),
        "viewChangeResendInterval": length("5s", "interval at which messages of a change of leader are repeated"),
        "viewChangeTimeout": length("20s", "longest change of leader; not below viewChangeResendInterval"),
        "leaderHeartbeatTimeout": length("1m0s", "silence after which the leader counts as failed"),
        "leaderHeartbeatCount": number(1, 10, "heartbeats of the leader in that time"),
        "collectTimeout": length("1s", "wait for the states of the others"),
        "syncOnStart": switch(false, "whether an orderer fetches blocks before it takes part"),
        "speedUpViewChange": switch(false, "whether an orderer joins a change of leader before a quorum asks for it"),
        "leaderRotation": {
            "type": "string", "enum": ["unspecified", "off", "on"], "default": "unspecified",
            "description": "whether the leader changes without a fault; for channels that are made after",
        },
        "decisionsPerLeader": number(0, 0, "blocks after which the leader changes, with leaderRotation on"),
    })
}

impl Options {
    /// What the library refuses, and an orderer with it every channel that says it.
    pub fn check(&self) -> Result<(), Diagnostics> {
        let forward = &self.request_forward_timeout;
        let complain = &self.request_complain_timeout;
        let remove = &self.request_auto_remove_timeout;
        let (resend, change) = (&self.view_change_resend_interval, &self.view_change_timeout);
        let mut lengths = BTreeMap::new();
        for (name, text) in [
            ("requestBatchMaxInterval", &self.request_batch_max_interval),
            ("requestForwardTimeout", forward),
            ("requestComplainTimeout", complain),
            ("requestAutoRemoveTimeout", remove),
            ("viewChangeResendInterval", resend),
            ("viewChangeTimeout", change),
            ("leaderHeartbeatTimeout", &self.leader_heartbeat_timeout),
            ("collectTimeout", &self.collect_timeout),
        ] {
            lengths.insert(name, (positive_length(name, text)?, text.as_str()));
        }
        for (name, value) in [
            (
                "incomingMessageBufferSize",
                self.incoming_message_buffer_size,
            ),
            ("requestPoolSize", self.request_pool_size),
            ("leaderHeartbeatCount", self.leader_heartbeat_count),
        ] {
            positive(name, value)?;
        }
        let known = |name: &'static str| {
            let (length, text) = lengths.get(name).copied().unwrap_or_default();
            (name, length, text)
        };
        for (less, more) in [
            ("requestForwardTimeout", "requestComplainTimeout"),
            ("requestComplainTimeout", "requestAutoRemoveTimeout"),
            ("viewChangeResendInterval", "viewChangeTimeout"),
        ] {
            not_above(known(less), known(more))?;
        }
        let decisions = self.decisions_per_leader;
        if (self.leader_rotation == Rotation::On) != (decisions > 0) {
            let message = format!(
                "option `decisionsPerLeader` is {decisions}, and `leaderRotation` is {}",
                if decisions > 0 { "not on" } else { "on" }
            );
            let hint = "a leader that changes does so after a number of blocks, 3 for example; one that stays has 0";
            return Err(refuse_with("option", "/decisionsPerLeader", message, hint));
        }
        Ok(())
    }

    /// As the metadata of a channel has them.
    pub fn settings(&self) -> BTreeMap<String, Value> {
        [
            ("requestBatchMaxCount", json!(BATCH_COUNT)),
            ("requestBatchMaxBytes", json!(BATCH_BYTES)),
            (
                "requestBatchMaxInterval",
                json!(self.request_batch_max_interval),
            ),
            (
                "incomingMessageBufferSize",
                json!(self.incoming_message_buffer_size),
            ),
            ("requestPoolSize", json!(self.request_pool_size)),
            ("requestForwardTimeout", json!(self.request_forward_timeout)),
            (
                "requestComplainTimeout",
                json!(self.request_complain_timeout),
            ),
            (
                "requestAutoRemoveTimeout",
                json!(self.request_auto_remove_timeout),
            ),
            ("requestMaxBytes", json!(self.request_max_bytes)),
            (
                "viewChangeResendInterval",
                json!(self.view_change_resend_interval),
            ),
            ("viewChangeTimeout", json!(self.view_change_timeout)),
            (
                "leaderHeartbeatTimeout",
                json!(self.leader_heartbeat_timeout),
            ),
            ("leaderHeartbeatCount", json!(self.leader_heartbeat_count)),
            ("collectTimeout", json!(self.collect_timeout)),
            ("syncOnStart", json!(self.sync_on_start)),
            ("speedUpViewChange", json!(self.speed_up_view_change)),
            ("leaderRotation", json!(self.leader_rotation.number())),
            ("decisionsPerLeader", json!(self.decisions_per_leader)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

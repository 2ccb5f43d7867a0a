//! The hook `status`: the height of a node's chain, and whether it advances.
//!
//! Asks `controller.RPCService/GetBlockNumber`, again and again for a little longer than a block takes, over gRPC in
//! HTTP/2: the one signal that shows a chain that stands still. The number of peers does not.

use chain_plugin_sdk::serde_json::{self, Value, json};
use chain_plugin_sdk::{
    Act, Diagnostics, Host, Http, Operate, Outcome, Report, Request, Step, Topology, Turn, warning,
};
use cita_cloud_formats::sys_config::SysConfig;
use cita_cloud_service::CHAIN;
use cita_cloud_service::facts::ChainFacts;

/// The columns that it fills.
pub const COLUMNS: [&str; 2] = ["HEIGHT", "ADVANCING"];

/// Milliseconds between two questions.
const PAUSE: u32 = 2000;

/// Most questions, however slow the chain is meant to be.
const MOST: u32 = 40;

/// The method, of the gRPC service of the controller.
const METHOD: &str = "/controller.RPCService/GetBlockNumber";

/// A run of the operation about one node.
#[derive(Debug)]
pub struct Status {
    subject: String,
    /// Questions that are left.
    left: u32,
    first: Option<u64>,
    slept: bool,
}

impl Operate for Status {
    fn start(_all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let interval = host
            .facts(CHAIN, "controller")
            .first()
            .and_then(|(_, text)| serde_json::from_str::<ChainFacts>(text).ok())
            .map_or(SysConfig::BLOCK_INTERVAL, |facts| facts.block_interval);
        // The interval is rounded up by at most one second, and a proposal may take one more.
        let wanted = interval
            .saturating_add(2)
            .saturating_mul(1000)
            .div_ceil(PAUSE);
        Ok(Self {
            subject: what.subject,
            left: wanted.min(MOST),
            first: None,
            slept: false,
        })
    }

    fn next(&mut self, outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        let Some(outcome) = outcomes.into_iter().next() else {
            return self.ask();
        };
        if std::mem::take(&mut self.slept) {
            return self.ask();
        }
        let height = match height(&outcome) {
            Ok(height) => height,
            Err(why) => return done(self.first, "unknown", Some(why)),
        };
        match self.first {
            Some(first) if height > first => done(Some(height), "yes", None),
            Some(_) if self.left == 0 => done(Some(height), "no", None),
            first => {
                self.first = first.or(Some(height));
                self.left = self.left.saturating_sub(1);
                self.slept = true;
                self.step("waits for the next block", PAUSE + 1000, Act::Sleep(PAUSE))
            }
        }
    }
}

impl Status {
    fn ask(&self) -> Turn {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let act = Act::Http(Http {
            port: "rpc".to_owned(),
            h2: true,
            tls: None,
            method: "POST".to_owned(),
            path: METHOD.to_owned(),
            headers: vec![
                header("content-type", "application/grpc"),
                header("te", "trailers"),
            ],
            // A frame, not compressed, around an empty message: `Flag {flag: false}`.
            body: vec![0; 5],
        });
        self.step("asks for the block height", 5000, act)
    }

    fn step(&self, says: &str, timeout_ms: u32, act: Act) -> Turn {
        Turn::Steps(vec![Step {
            on: self.subject.clone(),
            says: says.to_owned(),
            sensitive: false,
            timeout_ms,
            act,
        }])
    }
}

fn done(height: Option<u64>, advancing: &str, why: Option<String>) -> Turn {
    let height = height.map_or_else(|| "-".to_owned(), |height| height.to_string());
    Turn::Done(Report {
        text: why
            .clone()
            .unwrap_or_else(|| format!("height {height}, advancing: {advancing}")),
        table: json!({"HEIGHT": height, "ADVANCING": advancing}).to_string(),
        files: Vec::new(),
        notes: why
            .map(|why| warning("status", "", why))
            .into_iter()
            .collect(),
    })
}

/// The height in an answer, or why there is none.
fn height(outcome: &Outcome) -> Result<u64, String> {
    let response = outcome
        .answer
        .as_ref()
        .map_err(|failure| format!("the controller does not answer: {}", failure.message))?;
    if response.code != 200 {
        return Err(format!(
            "the controller answers with HTTP status {}",
            response.code
        ));
    }
    let more: Value = serde_json::from_str(&response.more).unwrap_or_default();
    let grpc = |key: &str| {
        let text = |map: &str| more.get(map)?.get(key)?.as_str().map(str::to_owned);
        text("trailers").or_else(|| text("headers"))
    };
    match grpc("grpc-status").as_deref() {
        None | Some("0") => {}
        Some(code) => {
            let message = grpc("grpc-message").unwrap_or_default();
            return Err(format!(
                "the controller answers with gRPC status {code} {message}"
            ));
        }
    }
    block_number(&response.body)
        .ok_or_else(|| "the controller's answer is no block number".to_owned())
}

/// `BlockNumber {uint64 block_number = 1}` in its frame; proto3 leaves a zero out.
fn block_number(frame: &[u8]) -> Option<u64> {
    let (head, message) = frame.split_first_chunk::<5>()?;
    let [0, length @ ..] = head else { return None };
    let message = message.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    match message.split_first() {
        None => Some(0),
        Some((8, number)) => varint(number),
        Some(_) => None,
    }
}

fn varint(bytes: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        value |= bits.checked_shl(u32::try_from(place).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;

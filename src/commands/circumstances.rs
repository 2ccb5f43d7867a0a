//! What is drawn from outside once per run: time, entropy, a fresh UID, who is asking.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::pipeline::Circumstances;
use crate::pipeline::run::{Manner, Renewal};
use crate::pipeline::secrets::Consents;
use crate::state::lock::Claim;

/// Time and randomness of one run.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// The run's seed for all entropy streams.
    pub seed: [u8; 32],
    /// A fresh UID.
    pub uid: String,
    /// user@host.
    pub by: String,
    random: String,
}

/// Draws from the clock and the operating system's entropy. A test build takes both from the environment, so that an
/// interrupted and an uninterrupted run can be compared.
pub fn draw() -> anyhow::Result<Drawn> {
    let mut bytes = [0_u8; 56];
    getrandom::fill(&mut bytes)
        .map_err(|fault| anyhow::anyhow!("no entropy from the operating system: {fault}"))?;
    let (seed, rest) = bytes.split_at(32);
    let (uid, random) = rest.split_at(16);
    let mut seed: [u8; 32] = seed.try_into()?;
    let mut uid: [u8; 16] = uid.try_into()?;
    let fixed = std::env::var("CHAIN_TEST_SEED").ok();
    if cfg!(feature = "crash-points")
        && let Some(fixed) = fixed.and_then(|text| text.bytes().next())
    {
        seed = [fixed; 32];
        uid = [fixed; 16];
    }
    Ok(Drawn {
        now_ms: now_ms()?,
        seed,
        uid: version_4(uid),
        by: by(),
        random: hex::encode(random),
    })
}

/// Now, in milliseconds since 1970; in a test build what the environment says.
pub fn now_ms() -> anyhow::Result<u64> {
    let fixed = std::env::var("CHAIN_TEST_NOW").ok();
    if cfg!(feature = "crash-points")
        && let Some(fixed) = fixed.and_then(|text| text.parse().ok())
    {
        return Ok(fixed);
    }
    Ok(u64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}

fn version_4(mut bytes: [u8; 16]) -> String {
    if let Some(byte) = bytes.get_mut(6) {
        *byte = (*byte & 0x0f) | 0x40;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = (*byte & 0x3f) | 0x80;
    }
    let text = hex::encode(bytes);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

fn by() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("USERNAME"))
        .unwrap_or_else(|_| "unknown".to_owned());
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .unwrap_or_else(|| "unknown".to_owned());
    format!("{user}@{}", host.trim())
}

impl Drawn {
    /// The claim of this run on a chain's lock.
    pub fn claim(&self, operation: &str) -> Claim {
        Claim {
            holder: crate::pipeline::holder::this(&self.random),
            by: self.by.clone(),
            operation: operation.to_owned(),
        }
    }

    /// As the pipeline takes it.
    pub fn circumstances(&self, consents: Consents) -> Circumstances {
        let threads = std::thread::available_parallelism()
            .map_or(1, std::num::NonZero::get)
            .min(8);
        Circumstances {
            now_ms: self.now_ms,
            seed: self.seed,
            consents,
            threads,
            renew: Renewal::new(),
            manner: Manner::default(),
        }
    }
}

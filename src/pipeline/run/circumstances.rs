//! What does not come from the spec: time, entropy, consent, and how calls are laid out.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::secrets::Consents;

/// What does not come from the spec: time, entropy, consent.
pub struct Circumstances {
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// The run's own seed, from the operating system.
    pub seed: [u8; 32],
    /// (maker role, taker role, item) to which the user agrees.
    pub consents: Consents,
    /// Threads.
    pub threads: usize,
    /// What is made again.
    pub renew: Renewal,
    /// In which order calls are made, and which of them share a session.
    pub manner: Manner,
}

/// How the calls of a run are laid out. What they give must not depend on it, which `plugin check` tries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// In the order of the subjects; sessions are used as often as they can be.
    #[default]
    Usual,
    /// Each call has a session of its own.
    Alone,
    /// In an order that a number decides; sessions are used as often as they can be.
    Shuffled(u64),
}

impl Manner {
    /// Brings a list into the order of the manner.
    pub(super) fn arrange<T>(self, list: &mut [T]) {
        let Self::Shuffled(seed) = self else { return };
        // Fisher and Yates, with a generator that need not be good.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for last in (1..list.len()).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let room = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let other = usize::try_from((state >> 33) % room).unwrap_or(0);
            list.swap(last, other);
        }
    }
}

/// Names of renewable items to make again, by subject.
pub type Renewal = BTreeMap<String, BTreeSet<String>>;

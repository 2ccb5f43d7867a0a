//! How long to wait before the next attempt, and when to give up.

use std::time::Duration;

use tokio::time::Instant;

/// The times that reading a log goes by. Tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Wait after a first failure; doubles with each further one.
    pub first: Duration,
    /// The longest wait between two attempts.
    pub longest: Duration,
    /// Failures in a row for this long end the log with an error.
    pub give_up: Duration,
    /// Wait between two looks at a pod that has no running container.
    pub look: Duration,
    /// A followed log without a line for this long is connected anew: a laptop that slept does not notice that its
    /// connection is dead.
    pub silence: Duration,
    /// The server must begin to answer within this time.
    pub answer: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(20),
            give_up: Duration::from_mins(10),
            look: Duration::from_secs(2),
            silence: Duration::from_mins(5),
            answer: Duration::from_secs(30),
        }
    }
}

/// Failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    pace: Pace,
    failures: u32,
    since: Option<Instant>,
}

impl Backoff {
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            failures: 0,
            since: None,
        }
    }

    /// Something was read: all is well again.
    pub fn clear(&mut self) {
        self.failures = 0;
        self.since = None;
    }

    /// How many failures there were in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure. The time to wait, or, when it is time to give up, for how long it went on.
    pub fn next(&mut self) -> Result<Duration, Duration> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.pace.give_up {
            return Err(since.elapsed());
        }
        let wait = self
            .pace
            .first
            .saturating_mul(1_u32 << self.failures.min(10))
            .min(self.pace.longest);
        self.failures = self.failures.saturating_add(1);
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_double_up_to_the_longest_and_end() {
        let pace = Pace {
            first: Duration::from_millis(100),
            longest: Duration::from_millis(300),
            give_up: Duration::from_mins(1),
            ..Pace::default()
        };
        let mut backoff = Backoff::new(pace);
        let waits: Vec<u128> = (0..4)
            .map(|_| backoff.next().unwrap().as_millis())
            .collect();
        assert_eq!(waits, [100, 200, 300, 300]);
        backoff.clear();
        assert_eq!(backoff.next().unwrap().as_millis(), 100);
        let mut hopeless = Backoff::new(Pace {
            give_up: Duration::ZERO,
            ..pace
        });
        assert!(hopeless.next().is_err());
    }
}

//! The log of one container as bytes, for plugins (the act `logs` of the contract).

use jiff::Timestamp;

use super::{LogError, LogEvent, LogOptions, LogTarget, Since, stream};

/// Bytes of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Whole lines, each with its newline, without stamps.
    pub bytes: Vec<u8>,
    /// Older lines than these were left out to keep to the limit.
    pub truncated: bool,
}

/// Reads the log of a container from `since_ms` (milliseconds since 1970; 0 is its beginning) to now. At most `limit`
/// bytes: the newest lines that fit, since a plugin that looks for an event looks for the last one.
///
/// # Errors
/// There is no such pod or container, it has not started, or the server refuses.
pub async fn collect(
    client: &kube::Client,
    target: LogTarget,
    since_ms: u64,
    limit: usize,
) -> Result<Collected, LogError> {
    let since = i64::try_from(since_ms).ok().filter(|ms| *ms > 0);
    let since = since.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let options = LogOptions {
        since: since.map(Since::At),
        ..LogOptions::default()
    };
    let mut events = stream(vec![(client.clone(), target)], &options);
    let mut kept = Kept::new(limit);
    while let Some((_, event)) = events.next().await {
        match event {
            // The server cuts to whole seconds.
            LogEvent::Line(line) if line.stamp < since && line.stamp.is_some() => {}
            LogEvent::Line(line) => kept.push(line.text()),
            LogEvent::Gap(_) => kept.truncated = true,
            LogEvent::Note(_) | LogEvent::End(None) => {}
            LogEvent::End(Some(error)) => return Err(error),
        }
    }
    Ok(kept.finish())
}

/// The newest lines within a number of bytes.
struct Kept {
    lines: std::collections::VecDeque<Vec<u8>>,
    size: usize,
    limit: usize,
    truncated: bool,
}

impl Kept {
    fn new(limit: usize) -> Self {
        Self {
            lines: std::collections::VecDeque::new(),
            size: 0,
            limit,
            truncated: false,
        }
    }

    fn push(&mut self, line: &[u8]) {
        self.size += line.len() + 1;
        self.lines.push_back(line.to_vec());
        while self.size > self.limit {
            let Some(dropped) = self.lines.pop_front() else {
                break;
            };
            self.size -= dropped.len() + 1;
            self.truncated = true;
        }
    }

    fn finish(self) -> Collected {
        let mut bytes = Vec::with_capacity(self.size);
        for line in self.lines {
            bytes.extend_from_slice(&line);
            bytes.push(b'\n');
        }
        Collected {
            bytes,
            truncated: self.truncated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_stay() {
        let mut kept = Kept::new(8);
        for line in ["one", "two", "six"] {
            kept.push(line.as_bytes());
        }
        assert_eq!(
            kept.finish(),
            Collected {
                bytes: b"two\nsix\n".to_vec(),
                truncated: true
            }
        );
    }
}

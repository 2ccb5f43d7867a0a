//! Several logs as one stream of events: by time of the lines when they are read to their ends, as they come when they
//! are followed.

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use super::line::LogLine;
use super::{LogError, LogEvent};

/// The events of several logs. Dropping it ends all connections.
pub struct LogStream {
    inputs: Vec<Input>,
    by_time: bool,
    next: usize,
    /// Ends the tasks when the stream is dropped.
    _tasks: JoinSet<()>,
}

struct Input {
    events: Option<Receiver<LogEvent>>,
    head: Option<LogLine>,
}

impl LogStream {
    pub(super) fn new(inputs: Vec<Receiver<LogEvent>>, by_time: bool, tasks: JoinSet<()>) -> Self {
        let inputs = inputs.into_iter().map(|events| Input {
            events: Some(events),
            head: None,
        });
        Self {
            inputs: inputs.collect(),
            by_time,
            next: 0,
            _tasks: tasks,
        }
    }

    /// The next event and the number of its target; none when all logs have ended.
    pub async fn next(&mut self) -> Option<(usize, LogEvent)> {
        if self.by_time {
            self.next_by_time().await
        } else {
            self.next_as_it_comes().await
        }
    }

    /// An event that is at hand without waiting; lets a printer flush only when nothing is.
    pub fn try_next(&mut self) -> Option<(usize, LogEvent)> {
        if self.by_time {
            return None;
        }
        let count = self.inputs.len();
        for step in 0..count {
            let place = (self.next + step) % count.max(1);
            let Some(input) = self.inputs.get_mut(place) else {
                continue;
            };
            if let Some(event) = input
                .events
                .as_mut()
                .and_then(|events| events.try_recv().ok())
            {
                self.next = place + 1;
                return Some((place, event));
            }
        }
        None
    }

    async fn next_as_it_comes(&mut self) -> Option<(usize, LogEvent)> {
        loop {
            let start = self.next;
            let count = self.inputs.len();
            // Starting each time behind the last one, a log that floods does not starve the others.
            let ready = std::future::poll_fn(|context| {
                let mut open = false;
                for step in 0..count {
                    let place = (start + step) % count.max(1);
                    let Some(input) = self.inputs.get_mut(place) else {
                        continue;
                    };
                    let Some(events) = input.events.as_mut() else {
                        continue;
                    };
                    match events.poll_recv(context) {
                        std::task::Poll::Ready(event) => {
                            return std::task::Poll::Ready(Some((place, event)));
                        }
                        std::task::Poll::Pending => open = true,
                    }
                }
                if open {
                    std::task::Poll::Pending
                } else {
                    std::task::Poll::Ready(None)
                }
            })
            .await;
            match ready {
                None => return None,
                Some((place, Some(event))) => {
                    self.next = place + 1;
                    return Some((place, event));
                }
                Some((place, None)) => {
                    if let Some(input) = self.inputs.get_mut(place) {
                        input.events = None;
                    }
                }
            }
        }
    }

    async fn next_by_time(&mut self) -> Option<(usize, LogEvent)> {
        for (place, input) in self.inputs.iter_mut().enumerate() {
            while input.head.is_none()
                && let Some(events) = input.events.as_mut()
            {
                match events.recv().await {
                    Some(LogEvent::Line(line)) => input.head = Some(line),
                    Some(event) => return Some((place, event)),
                    None => input.events = None,
                }
            }
        }
        // Text without a stamp stays behind the line it came after: it goes first.
        let heads = self.inputs.iter().enumerate();
        let heads = heads.filter_map(|(place, input)| Some((input.head.as_ref()?.stamp, place)));
        let (_, place) = heads.min()?;
        let line = self.inputs.get_mut(place)?.head.take()?;
        Some((place, LogEvent::Line(line)))
    }
}

impl LogEvent {
    /// The error, for an end that is one.
    pub fn into_error(self) -> Option<LogError> {
        match self {
            Self::End(error) => error,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn line(second: u32, text: &str) -> LogEvent {
        let text = format!("2026-01-01T00:00:{second:02}Z {text}");
        LogEvent::Line(LogLine::parse(text.into_bytes(), true))
    }

    fn stream(logs: Vec<Vec<LogEvent>>, by_time: bool) -> LogStream {
        let inputs = logs.into_iter().map(|events| {
            let (send, receive) = mpsc::channel(16);
            for event in events {
                send.try_send(event).unwrap();
            }
            receive
        });
        LogStream::new(inputs.collect(), by_time, JoinSet::new())
    }

    async fn texts(mut stream: LogStream) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some((place, event)) = stream.next().await {
            match event {
                LogEvent::Line(line) => {
                    texts.push(format!("{place}{}", String::from_utf8_lossy(line.text())));
                }
                _ => texts.push(format!("{place}!")),
            }
        }
        texts
    }

    #[tokio::test]
    async fn logs_that_are_read_to_the_end_are_ordered_by_time() {
        let logs = vec![
            vec![line(1, "a"), line(4, "d"), LogEvent::End(None)],
            vec![
                line(2, "b"),
                line(2, "c"),
                line(9, "e"),
                LogEvent::End(None),
            ],
        ];
        assert_eq!(
            texts(stream(logs, true)).await,
            ["0a", "1b", "1c", "0d", "0!", "1e", "1!"]
        );
    }

    #[tokio::test]
    async fn followed_logs_take_turns() {
        let logs = vec![vec![line(1, "a"), line(2, "b")], vec![line(9, "c")]];
        assert_eq!(texts(stream(logs, false)).await, ["0a", "1c", "0b"]);
    }
}

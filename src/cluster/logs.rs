//! Logs of containers: read to the end, or followed along restarts, replacement and broken connections.
//!
//! What is promised: no line is repeated, and each place where lines may be missing is marked by a gap. That none is
//! ever lost cannot be promised: the log of a replaced pod is gone, and so is what the kubelet rotated away.
//! [`resume`] decides about lines, `tail` is one log as a task, `follow` goes along a pod's life, `merge` makes
//! one stream of several.

mod backoff;
mod collect;
mod error;
#[cfg(test)]
mod fake_server;
mod follow;
mod line;
mod merge;
mod nodes;
pub mod resume;
mod tail;
#[cfg(test)]
mod tests;
mod view;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use backoff::Pace;
pub use collect::{Collected, collect};
pub use error::LogError;
pub(crate) use error::server_message;
pub use line::LogLine;
pub use merge::LogStream;
pub use nodes::{
    CHAIN_LABEL, Containers, FindError, NODE_LABEL, NodePod, WORKLOAD_LABEL, find_nodes, list_nodes,
};

/// Events kept ready per log. Small: a slow reader slows the connection, not the memory.
const AHEAD: usize = 256;

/// One container whose log is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTarget {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Name of the container.
    pub container: String,
    /// What stands before its lines: `node0 consensus`.
    pub label: String,
}

impl LogTarget {
    /// The label as messages write it: `node0/consensus`.
    pub fn name(&self) -> String {
        self.label.replace(' ', "/")
    }
}

/// Where a log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long before now, by the server's clock.
    Ago(Duration),
    /// At this time; the server cuts it to whole seconds.
    At(Timestamp),
}

/// How logs are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on until the workload is gone.
    pub follow: bool,
    /// Only so many lines from the end, at the beginning.
    pub tail: Option<u64>,
    /// Only lines from here on.
    pub since: Option<Since>,
    /// The run of the container before the current one. Never followed: it has ended.
    pub previous: bool,
    /// Count and print stamps as part of the lines.
    pub timestamps: bool,
    /// End each log after so many bytes.
    pub limit_bytes: Option<u64>,
}

/// A place where lines may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// `pod was replaced`.
    pub reason: String,
    /// Stamp of the last line before it.
    pub from: Option<Timestamp>,
    /// Stamp of the first line behind it, or the start of the container.
    pub to: Option<Timestamp>,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gap: {}, ", self.reason)?;
        match (self.from, self.to) {
            (Some(from), Some(to)) => write!(f, "lines between {from} and {to} may be missing"),
            (Some(from), None) => write!(f, "lines after {from} may be missing"),
            (None, Some(to)) => write!(f, "lines before {to} may be missing"),
            (None, None) => write!(f, "lines may be missing"),
        }
    }
}

/// What happens in a log.
#[derive(Debug)]
pub enum LogEvent {
    /// A line.
    Line(LogLine),
    /// Lines may be missing here.
    Gap(Gap),
    /// Something the user should know, in one line; for stderr.
    Note(String),
    /// The log has ended, well or not. The last event of a target.
    End(Option<LogError>),
}

/// Opens the logs of `targets` side by side. Events carry the number of their target. Lines come by time when they are
/// not followed, as they arrive when they are.
pub fn stream(targets: Vec<(kube::Client, LogTarget)>, options: &LogOptions) -> LogStream {
    stream_from(targets, options, Pace::default())
}

/// [`stream`] of one cluster, with other times for waiting and giving up.
pub fn stream_paced(
    client: &kube::Client,
    targets: Vec<LogTarget>,
    options: &LogOptions,
    pace: Pace,
) -> LogStream {
    let targets = targets.into_iter().map(|it| (client.clone(), it)).collect();
    stream_from(targets, options, pace)
}

fn stream_from(
    targets: Vec<(kube::Client, LogTarget)>,
    options: &LogOptions,
    pace: Pace,
) -> LogStream {
    let mut tasks = JoinSet::new();
    let mut inputs = Vec::with_capacity(targets.len());
    for (client, target) in targets {
        let (send, receive) = mpsc::channel(AHEAD);
        tasks.spawn(tail::Tail::new(&client, target, options.clone(), pace, send).run());
        inputs.push(receive);
    }
    LogStream::new(inputs, !options.follow || options.previous, tasks)
}

//! One log as a task: connects, splits lines, drops those that were read, counts bytes, hands on the rest.
//!
//! [`super::follow`] drives it along a pod's life; here is what one connection is, and a log that is read to its end.

use std::time::Duration;

use futures::io::AsyncBufRead;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::backoff::{Backoff, Pace};
use super::error::{LogError, is_transient, server_message};
use super::line::{Lines, LogLine, Read};
use super::resume::{Decision, Resume};
use super::view::{Run, View};
use super::{Gap, LogEvent, LogOptions, LogTarget, Since};

/// Why a task ends.
pub(super) enum Halt {
    /// All was said.
    Over,
    /// Nobody listens any more.
    Closed,
    /// A fault.
    Failed(LogError),
}

/// How a connection ended.
pub(super) enum End {
    /// In proper form; with the part of a line that was not ended.
    Clean(Option<LogLine>),
    /// It broke.
    Broken(std::io::Error),
    /// Nothing came for [`Pace::silence`].
    Silent,
    /// The container was restarted before this connection was made: it shows another log than was thought.
    Stale,
}

/// Fails as [`Halt`] when it must.
pub(super) type Step<T = ()> = Result<T, Halt>;

/// One log.
pub(super) struct Tail {
    pub target: LogTarget,
    pub options: LogOptions,
    pub pace: Pace,
    pub pods: Api<Pod>,
    pub sets: Api<StatefulSet>,
    pub resume: Resume,
    pub backoff: Backoff,
    /// The run of the container that `resume` remembers lines of.
    pub run: Option<Run>,
    /// The part of a last line: printed once it is sure that the rest will not come.
    pub held: Option<LogLine>,
    events: mpsc::Sender<LogEvent>,
    born: Instant,
    bytes_left: Option<u64>,
    said: Option<String>,
}

impl Tail {
    pub fn new(
        client: &kube::Client,
        target: LogTarget,
        options: LogOptions,
        pace: Pace,
        events: mpsc::Sender<LogEvent>,
    ) -> Self {
        Self {
            pods: Api::namespaced(client.clone(), &target.namespace),
            sets: Api::namespaced(client.clone(), &target.namespace),
            resume: Resume::new(),
            backoff: Backoff::new(pace),
            run: None,
            held: None,
            events,
            born: Instant::now(),
            bytes_left: options.limit_bytes,
            said: None,
            target,
            options,
            pace,
        }
    }

    /// Reads or follows the log; the last event is the end.
    pub async fn run(mut self) {
        let ended = if self.options.follow && !self.options.previous {
            self.follow().await
        } else {
            self.read_once().await
        };
        let error = match ended {
            Ok(()) | Err(Halt::Over) => None,
            Err(Halt::Closed) => return,
            Err(Halt::Failed(error)) => Some(error),
        };
        let _ = self.events.send(LogEvent::End(error)).await;
    }

    /// A log that is not followed: to its end, over broken connections.
    async fn read_once(&mut self) -> Step {
        let mut before: Option<Run> = None;
        loop {
            let view = match self.look().await {
                Ok(Some(view)) => view,
                Ok(None) => return Err(self.no_pod()),
                Err(error) => {
                    self.failed(error).await?;
                    continue;
                }
            };
            self.must_have_container(&view)?;
            if let (Some(before), Some(now)) = (&before, &view.run)
                && !now.is_same(before)
            {
                return Err(Halt::Failed(LogError::Replaced {
                    target: self.target.name(),
                }));
            }
            before = view.run.or(before);
            let since = self.resume.reconnect();
            let parameters = self.parameters(since, false, self.options.previous);
            match self.open(&parameters).await {
                Ok(log) => match self.pump(log, None).await? {
                    End::Clean(last) => {
                        if let Some(last) = last {
                            self.take(last).await?;
                        }
                        return Ok(());
                    }
                    End::Broken(error) => self.failed(kube::Error::ReadEvents(error)).await?,
                    End::Silent | End::Stale => {}
                },
                Err(error) => self.failed(error).await?,
            }
        }
    }

    /// What to ask for. `since` is where the memory begins; without one the user's own beginning counts.
    pub fn parameters(&self, since: Option<Timestamp>, follow: bool, previous: bool) -> LogParams {
        let mut parameters = LogParams {
            container: Some(self.target.container.clone()),
            follow,
            previous,
            timestamps: true,
            since_time: since,
            ..LogParams::default()
        };
        if since.is_none() && self.resume.last().is_none() {
            parameters.tail_lines = self
                .options
                .tail
                .map(|lines| i64::try_from(lines).unwrap_or(i64::MAX));
            match self.options.since {
                // The window does not slide while connecting takes its time.
                Some(Since::Ago(ago)) => {
                    let seconds = ago
                        .saturating_add(self.born.elapsed())
                        .as_secs_f64()
                        .ceil()
                        .max(1.0);
                    #[allow(clippy::cast_possible_truncation, reason = "saturates, and is whole")]
                    let seconds = seconds as i64;
                    parameters.since_seconds = Some(seconds);
                }
                Some(Since::At(time)) => parameters.since_time = Some(time),
                None => {}
            }
        }
        parameters
    }

    /// Connects to the log, within [`Pace::answer`].
    pub async fn open(
        &self,
        parameters: &LogParams,
    ) -> Result<impl AsyncBufRead + use<>, kube::Error> {
        let opening = self.pods.log_stream(&self.target.pod, parameters);
        timeout(self.pace.answer, opening)
            .await
            .map_err(timed_out)?
            .map(Box::pin)
    }

    /// Looks at the pod; none when it is gone.
    pub async fn look(&self) -> Result<Option<View>, kube::Error> {
        let pod = timeout(self.pace.answer, self.pods.get_opt(&self.target.pod)).await;
        let pod = pod.map_err(timed_out)??;
        Ok(pod.map(|pod| View::of(&pod, &self.target.container)))
    }

    pub fn must_have_container(&self, view: &View) -> Step {
        if view.containers.contains(&self.target.container) {
            return Ok(());
        }
        Err(Halt::Failed(LogError::NoContainer {
            pod: self.target.pod.clone(),
            container: self.target.container.clone(),
            known: view.containers.clone(),
        }))
    }

    pub fn no_pod(&self) -> Halt {
        Halt::Failed(LogError::NoPod {
            namespace: self.target.namespace.clone(),
            pod: self.target.pod.clone(),
        })
    }

    /// Reads one connection. With `expected`, the pod is looked at once more before the first new line counts: had
    /// the container been restarted since the last look, this would be another log.
    pub async fn pump(
        &mut self,
        log: impl AsyncBufRead + Unpin,
        expected: Option<&Run>,
    ) -> Step<End> {
        let mut lines = Lines::new(log);
        let mut checked = expected.is_none();
        let mut checked_gap = expected.is_none();
        let events = self.events.clone();
        loop {
            let read = tokio::select! {
                read = lines.next() => read,
                () = events.closed() => return Err(Halt::Closed),
                () = tokio::time::sleep(self.pace.silence) => return Ok(End::Silent),
            };
            let line = match read {
                Ok(Read::Line(line)) => line,
                Ok(Read::End(last)) => return Ok(End::Clean(last)),
                Err(error) => return Ok(End::Broken(error)),
            };
            self.backoff.clear();
            let decision = line.stamp.map(|stamp| self.resume.peek(stamp, line.text()));
            if decision != Some(Decision::Skip) && !checked {
                checked = true;
                if self.run_has_changed(expected).await {
                    return Ok(End::Stale);
                }
            }
            if decision == Some(Decision::EmitAfterGap) && !checked_gap {
                // The pod's status lags behind the kubelet: give it time before believing in a loss.
                checked_gap = true;
                self.pause(self.pace.look).await?;
                if self.run_has_changed(expected).await {
                    return Ok(End::Stale);
                }
            }
            self.take(line).await?;
        }
    }

    async fn run_has_changed(&self, expected: Option<&Run>) -> bool {
        let Some(expected) = expected else {
            return false;
        };
        match self.look().await {
            Ok(Some(view)) => view.run.is_none_or(|run| !run.is_same(expected)),
            Ok(None) => true,
            // It cannot be known; the memory of stamps still keeps lines from being repeated.
            Err(_) => false,
        }
    }

    /// Hands on a line, if it is new.
    pub async fn take(&mut self, line: LogLine) -> Step {
        let Some(stamp) = line.stamp else {
            if line.is_kubelets() {
                let text = String::from_utf8_lossy(line.text()).into_owned();
                return self.note_once(format!("the kubelet says: {text}")).await;
            }
            return self.emit(line).await;
        };
        let before = self.resume.last();
        match self.resume.feed(stamp, line.text()) {
            Decision::Skip => return Ok(()),
            Decision::Emit => {}
            Decision::EmitAfterGap => {
                let reason = "the log was rotated or cut".to_owned();
                self.gap(reason, before, Some(stamp)).await?;
            }
        }
        if self
            .held
            .as_ref()
            .is_some_and(|held| held.stamp == Some(stamp))
        {
            self.held = None;
        }
        self.emit(line).await
    }

    /// Prints the part of a line whose rest will not come.
    pub async fn take_held(&mut self) -> Step {
        match self.held.take() {
            Some(line) => self.take(line).await,
            None => Ok(()),
        }
    }

    async fn emit(&mut self, mut line: LogLine) -> Step {
        self.said = None;
        if let Some(left) = &mut self.bytes_left {
            *left -= line.limit(*left, self.options.timestamps);
        }
        self.send(LogEvent::Line(line)).await?;
        if self.bytes_left == Some(0) {
            Err(Halt::Over)
        } else {
            Ok(())
        }
    }

    pub async fn gap(
        &mut self,
        reason: String,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Step {
        self.send(LogEvent::Gap(Gap { reason, from, to })).await
    }

    /// Says something on stderr, unless it was the last thing said and no line came since.
    pub async fn note_once(&mut self, text: String) -> Step {
        if self.said.as_ref() == Some(&text) {
            return Ok(());
        }
        self.said = Some(text.clone());
        self.send(LogEvent::Note(text)).await
    }

    async fn send(&mut self, event: LogEvent) -> Step {
        self.events.send(event).await.map_err(|_| Halt::Closed)
    }

    /// Sleeps, unless nobody listens any more.
    pub async fn pause(&self, time: Duration) -> Step {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.events.closed() => Err(Halt::Closed),
        }
    }

    /// Waits after a fault that may pass; gives up on others, and after [`Pace::give_up`].
    pub async fn failed(&mut self, error: kube::Error) -> Step {
        let target = self.target.name();
        if !is_transient(&error) {
            let message = server_message(&error);
            let source = Box::new(error);
            return Err(Halt::Failed(LogError::Refused {
                target,
                message,
                source,
            }));
        }
        match self.backoff.next() {
            Ok(wait) => {
                if self.backoff.failures() == 4 {
                    let why = server_message(&error);
                    self.note_once(format!("no connection ({why}); trying again"))
                        .await?;
                }
                self.pause(wait).await
            }
            Err(after) => Err(Halt::Failed(LogError::Lost {
                target,
                after,
                source: Box::new(error),
            })),
        }
    }
}

fn timed_out(_: tokio::time::error::Elapsed) -> kube::Error {
    kube::Error::ReadEvents(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "the API server does not answer",
    ))
}

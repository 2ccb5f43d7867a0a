//! A log that is followed along the life of a pod: broken connections, restarts of the container, replacement of the
//! pod. Lines are never repeated; where lines may be missing, a gap is said.

use super::line::{Lines, Read};
use super::tail::{End, Halt, Step, Tail};
use super::view::{Run, View};

/// Attempts to read what a restarted container left behind.
const ATTEMPTS_AT_PREVIOUS: u32 = 3;

impl Tail {
    /// Follows until the workload is gone, the limit is reached, or nobody listens.
    pub(super) async fn follow(&mut self) -> Step {
        // True when the run that was followed has ended and its log was read to the end.
        let mut drained = false;
        let mut owner = self.target.pod.strip_suffix("-0").map(str::to_owned);
        loop {
            let view = match self.look().await {
                Ok(Some(view)) => view,
                Ok(None) => {
                    self.pod_is_gone(owner.as_deref()).await?;
                    continue;
                }
                Err(error) => {
                    self.failed(error).await?;
                    continue;
                }
            };
            self.must_have_container(&view)?;
            owner.clone_from(&view.owner);
            let Some(run) = view.run.clone() else {
                self.waits_to_start(&view).await?;
                continue;
            };
            let same = self.run.as_ref().is_some_and(|before| run.is_same(before));
            if same && drained {
                self.waits_to_restart(&view).await?;
                continue;
            }
            let since = match self.run.clone() {
                None => {
                    if self.options.tail == Some(0)
                        && let Err(error) = self.join_at_the_end().await
                    {
                        self.failed(error).await?;
                        continue;
                    }
                    self.resume.reconnect()
                }
                Some(_) if same => self.resume.reconnect(),
                Some(before) => {
                    self.next_run(&before, &run, drained).await?;
                    self.resume.restarted()
                }
            };
            drained = false;
            self.run = Some(run.clone());
            let parameters = self.parameters(since, true, false);
            let log = match self.open(&parameters).await {
                Ok(log) => log,
                // 400: the container is about to start or gone again; 404: so is the pod. The next look tells.
                Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => {
                    self.pause(self.pace.look).await?;
                    continue;
                }
                Err(error) => {
                    self.failed(error).await?;
                    continue;
                }
            };
            match self.pump(log, Some(&run)).await? {
                End::Clean(last) => {
                    self.held = last.or_else(|| self.held.take());
                    if run.ended.is_some() {
                        drained = true;
                        self.take_held().await?;
                        if self.resume.misses_anchor() {
                            let from = self.resume.last();
                            self.gap("the log was rotated or cut".into(), from, None)
                                .await?;
                        }
                    } else {
                        // Not a fault yet: the pod's status may not have caught up with the end of the container.
                        let wait = self.backoff.next().unwrap_or(self.pace.longest);
                        self.pause(wait).await?;
                    }
                }
                End::Broken(error) => self.failed(kube::Error::ReadEvents(error)).await?,
                End::Silent => {}
                End::Stale => self.pause(self.pace.first).await?,
            }
        }
    }

    /// `--tail=0`: what is there now counts as read.
    async fn join_at_the_end(&mut self) -> Result<(), kube::Error> {
        let mut parameters = self.parameters(None, false, false);
        parameters.tail_lines = Some(1);
        let mut lines = Lines::new(self.open(&parameters).await?);
        loop {
            let (line, end) = match lines.next().await.map_err(kube::Error::ReadEvents)? {
                Read::Line(line) => (Some(line), false),
                Read::End(line) => (line, true),
            };
            if let Some(line) = line
                && let Some(stamp) = line.stamp
            {
                self.resume.join_at(stamp, line.text());
            }
            if end {
                break;
            }
        }
        // Whatever comes from now on is wanted: a log that is still empty is shown from its start.
        self.begin_of_log();
        Ok(())
    }

    /// From one run of the container to a later one: reads what is left of the old, and says what is not.
    async fn next_run(&mut self, before: &Run, run: &Run, drained: bool) -> Step {
        let (from, to) = (self.resume.last(), run.started);
        if !run.is_same_pod(before) {
            self.take_held().await?;
            self.gap("pod was replaced".into(), from, to).await?;
            self.resume.reset();
            self.begin_of_log();
            if run.has_previous() {
                self.previous(false).await?;
                self.resume.reset();
            }
            return Ok(());
        }
        let how = run.previous_ended.as_deref().unwrap_or("why is not known");
        if run.is_next_after(before) {
            let whole = drained || self.previous(true).await?;
            self.take_held().await?;
            if !whole {
                self.gap(format!("container restarted ({how})"), from, to)
                    .await?;
            }
        } else {
            let times = run.restarts_since(before);
            self.take_held().await?;
            self.gap(
                format!("container restarted {times} times ({how})"),
                from,
                to,
            )
            .await?;
            self.previous(false).await?;
        }
        self.begin_of_log();
        self.note_once(format!("container restarted ({how})")).await
    }

    /// After the first run everything is wanted: the user's `--tail` and `--since` spoke of the beginning.
    fn begin_of_log(&mut self) {
        self.options.tail = None;
        self.options.since = None;
    }

    /// Reads the log of the run before the current one: the rest of it (`known`), or all of it. True when nothing of
    /// it is missing.
    async fn previous(&mut self, known: bool) -> Step<bool> {
        for _ in 0..ATTEMPTS_AT_PREVIOUS {
            let since = if known {
                self.resume.reconnect()
            } else {
                self.resume.restarted()
            };
            let parameters = self.parameters(since, false, true);
            let log = match self.open(&parameters).await {
                Ok(log) => log,
                Err(kube::Error::Api(status)) if status.code < 429 => return Ok(false),
                Err(_) => {
                    self.pause(self.pace.first).await?;
                    continue;
                }
            };
            match self.pump(log, None).await? {
                End::Clean(last) => {
                    if let Some(last) = last {
                        self.take(last).await?;
                    }
                    return Ok(!self.resume.misses_anchor());
                }
                End::Broken(_) | End::Silent | End::Stale => self.pause(self.pace.first).await?,
            }
        }
        Ok(false)
    }

    async fn waits_to_start(&mut self, view: &View) -> Step {
        if let Some(why) = &view.waits_for {
            self.note_once(format!("waiting for the container to start ({why})"))
                .await?;
        }
        self.pause(self.pace.look).await
    }

    async fn waits_to_restart(&mut self, view: &View) -> Step {
        if view.over && view.owner.is_none() {
            return Err(Halt::Over);
        }
        if let Some(how) = self.run.as_ref().and_then(|run| run.ended.clone()) {
            self.note_once(format!("container ended ({how}); waiting for the next"))
                .await?;
        }
        self.pause(self.pace.look).await
    }

    /// The pod is not there: its `StatefulSet` will make a new one, unless it is gone too.
    async fn pod_is_gone(&mut self, owner: Option<&str>) -> Step {
        let known = self.run.is_some();
        let Some(owner) = owner else {
            return Err(if known { Halt::Over } else { self.no_pod() });
        };
        match self.sets.get_opt(owner).await {
            Ok(None) if known => {
                self.take_held().await?;
                self.note_once("pod and StatefulSet were deleted".into())
                    .await?;
                return Err(Halt::Over);
            }
            Ok(None) => return Err(self.no_pod()),
            Ok(Some(set)) if set.spec.replicas == Some(0) => {
                self.note_once(format!("statefulset {owner} is scaled to zero; waiting"))
                    .await?;
            }
            // Whoever may not read StatefulSets can wait as well.
            _ => self.note_once("waiting for a new pod".into()).await?,
        }
        self.pause(self.pace.look).await
    }
}

//! What a pod says about one of its containers: which run of it a log would come from, and how that run stands.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};

/// One look at a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// The container's run whose log the server shows; none before it started.
    pub run: Option<Run>,
    /// Why there is no run yet, or why the next one waits: `ContainerCreating`, `CrashLoopBackOff: …`.
    pub waits_for: Option<String>,
    /// The `StatefulSet` that will replace the pod.
    pub owner: Option<String>,
    /// The pod has ended and will not start a container again.
    pub over: bool,
    /// The names of the pod's containers, init containers last.
    pub containers: Vec<String>,
}

/// One run of a container: from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pod_uid: String,
    restarts: i32,
    id: String,
    previous_id: String,
    /// When it started.
    pub started: Option<Timestamp>,
    /// How it ended, when it has.
    pub ended: Option<String>,
    /// How the run before it ended.
    pub previous_ended: Option<String>,
}

impl Run {
    /// Another look at the same run.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_same_pod(other)
            && self.restarts == other.restarts
            && (self.id == other.id || self.id.is_empty() || other.id.is_empty())
    }

    /// A run in the same pod: one clock, one story.
    pub fn is_same_pod(&self, other: &Self) -> bool {
        self.pod_uid == other.pod_uid
    }

    /// True when `previous` of this run shows the log of `before`.
    pub fn is_next_after(&self, before: &Self) -> bool {
        self.is_same_pod(before)
            && self.restarts == before.restarts + 1
            && (self.previous_id == before.id
                || self.previous_id.is_empty()
                || before.id.is_empty())
    }

    /// True when the container ran before in this pod, so that `previous` may show something.
    pub fn has_previous(&self) -> bool {
        self.restarts > 0
    }

    /// Restarts between `before` and this run, at least 1.
    pub fn restarts_since(&self, before: &Self) -> i32 {
        (self.restarts - before.restarts).max(1)
    }
}

impl View {
    /// Reads a pod; none when it has no container of that name.
    pub fn of(pod: &Pod, container: &str) -> Self {
        let status = pod.status.as_ref();
        let statuses = [
            status.and_then(|status| status.container_statuses.as_ref()),
            status.and_then(|status| status.init_container_statuses.as_ref()),
            status.and_then(|status| status.ephemeral_container_statuses.as_ref()),
        ];
        let found = statuses
            .into_iter()
            .flatten()
            .flatten()
            .find(|s| s.name == container);
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let run = found.and_then(|status| run_of(&uid, status));
        let waits_for =
            found.map_or_else(|| pod_waits(pod), |status| waiting(status.state.as_ref()));
        let owners = pod.metadata.owner_references.iter().flatten();
        let owner = owners
            .filter(|o| o.kind == "StatefulSet")
            .map(|o| o.name.clone())
            .next();
        let phase = status
            .and_then(|status| status.phase.as_deref())
            .unwrap_or_default();
        let spec = pod.spec.as_ref();
        let names = spec.into_iter().flat_map(|spec| {
            let own = spec.containers.iter().map(|container| &container.name);
            let init = spec
                .init_containers
                .iter()
                .flatten()
                .map(|container| &container.name);
            let extra = spec
                .ephemeral_containers
                .iter()
                .flatten()
                .map(|container| &container.name);
            own.chain(init).chain(extra)
        });
        Self {
            run,
            waits_for,
            owner,
            over: matches!(phase, "Succeeded" | "Failed"),
            containers: names.cloned().collect(),
        }
    }
}

fn run_of(uid: &str, status: &ContainerStatus) -> Option<Run> {
    let state = status.state.as_ref();
    let last = status
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    let ended = state.and_then(|state| state.terminated.as_ref());
    let running = state.and_then(|state| state.running.as_ref());
    let id = status.container_id.clone().unwrap_or_default();
    let previous_id = |of: Option<&ContainerStateTerminated>| {
        of.and_then(|ended| ended.container_id.clone())
            .unwrap_or_default()
    };
    let time =
        |time: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.map(|t| t.0);
    let run = Run {
        pod_uid: uid.to_owned(),
        restarts: status.restart_count,
        id,
        previous_id: previous_id(last),
        started: None,
        ended: None,
        previous_ended: last.map(ending),
    };
    if let Some(running) = running {
        return Some(Run {
            started: time(running.started_at.as_ref()),
            ..run
        });
    }
    if let Some(ended) = ended {
        return Some(Run {
            started: time(ended.started_at.as_ref()),
            ended: Some(ending(ended)),
            ..run
        });
    }
    // Between two runs (CrashLoopBackOff) the server shows the one that ended.
    last.map(|last| Run {
        id: previous_id(Some(last)),
        previous_id: String::new(),
        started: time(last.started_at.as_ref()),
        ended: Some(ending(last)),
        previous_ended: None,
        ..run
    })
}

fn ending(ended: &ContainerStateTerminated) -> String {
    match ended.reason.as_deref().filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{reason}, exit code {}", ended.exit_code),
        None => format!("exit code {}", ended.exit_code),
    }
}

fn waiting(state: Option<&ContainerState>) -> Option<String> {
    let waiting = state?.waiting.as_ref()?;
    let reason = waiting
        .reason
        .clone()
        .unwrap_or_else(|| "waiting".to_owned());
    Some(
        match waiting
            .message
            .as_deref()
            .filter(|message| !message.is_empty())
        {
            Some(message) => format!("{reason}: {message}"),
            None => reason,
        },
    )
}

/// Why a pod without container statuses has none: it is not scheduled.
fn pod_waits(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions
        .iter()
        .find(|c| c.type_ == "PodScheduled" && c.status != "True")?;
    Some(match (&scheduled.reason, &scheduled.message) {
        (Some(reason), Some(message)) => format!("{reason}: {message}"),
        (Some(reason), None) => reason.clone(),
        _ => "not scheduled".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view(status: serde_json::Value) -> View {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "c-0-0", "uid": "u1",
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "c-0", "uid": "s"}]},
            "spec": {"containers": [{"name": "consensus"}], "initContainers": [{"name": "seed"}]},
            "status": {"containerStatuses": [status]},
        }))
        .unwrap();
        View::of(&pod, "consensus")
    }

    fn status(
        restarts: i32,
        id: &str,
        state: serde_json::Value,
        last: serde_json::Value,
    ) -> serde_json::Value {
        json!({"name": "consensus", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "containerID": id, "state": state, "lastState": last})
    }

    #[test]
    fn a_restart_is_the_next_run_and_shows_the_one_before() {
        let first = view(status(
            0,
            "a",
            json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}),
            json!({}),
        ));
        let ended =
            json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "containerID": "a"}});
        let crashed = view(status(
            0,
            "a",
            json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            ended.clone(),
        ));
        let second = view(status(1, "b", json!({"running": {}}), ended));
        let (first, crashed, second) = (
            first.run.unwrap(),
            crashed.run.unwrap(),
            second.run.unwrap(),
        );
        assert!(first.is_same(&crashed));
        assert_eq!(crashed.ended.as_deref(), Some("OOMKilled, exit code 137"));
        assert!(second.is_next_after(&crashed) && !second.is_same(&first));
        assert_eq!(
            second.previous_ended.as_deref(),
            Some("OOMKilled, exit code 137")
        );
    }

    #[test]
    fn a_container_that_never_ran_has_no_run_and_a_reason() {
        let waiting =
            json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        let view = view(status(0, "", waiting, json!({})));
        assert_eq!(view.run, None);
        assert_eq!(
            view.waits_for.as_deref(),
            Some("ImagePullBackOff: no such image")
        );
        assert_eq!(view.owner.as_deref(), Some("c-0"));
        assert_eq!(view.containers, ["consensus", "seed"]);
    }
}

//! Waiting until all workloads are ready.

use std::time::Duration;

use futures::future::try_join_all;

use crate::cluster::{Clusters, watch};
use crate::commands::hooks::subject_of;
use crate::pipeline::Resolved;
use crate::pipeline::form::Prepared;
use crate::plugin::contract::Subject;
use crate::state::ObjectId;
use crate::ui::{Printer, Progress};

pub(super) async fn wait(
    clusters: &Clusters,
    resolved: &Resolved,
    prepared: &Prepared,
    timeout: Duration,
    printer: &Printer,
) -> anyhow::Result<()> {
    let is_workload = |id: &&ObjectId| id.group == "apps";
    let expected: Vec<ObjectId> = prepared
        .revision
        .inventory
        .iter()
        .filter(is_workload)
        .cloned()
        .collect();
    let node = |id: &ObjectId| name_of(&prepared.outcome.subjects, id);
    let progress = Progress::new(printer, expected.iter().map(&node));
    let told = |step: &watch::Progress| {
        let name = node(&step.id);
        if step.ready {
            progress.done(&name);
        } else {
            let count = format!("{}/{} ready", step.available, step.wanted);
            let why = step.why.as_ref();
            progress.set(
                &name,
                why.map_or(count.clone(), |why| format!("{count}, {why}")),
            );
        }
    };
    let waits = clusters.all().map(|(name, connection)| {
        let here = expected.iter().filter(|id| id.cluster == name);
        let here: Vec<ObjectId> = here.cloned().collect();
        let told = &told;
        async move {
            watch::wait_ready(connection, &resolved.chain, &here, timeout, told)
                .await
                .map_err(|error| error.of_cluster(name))
        }
    });
    let result = try_join_all(waits).await;
    progress.finish();
    result?;
    printer.note(&format!("chain {} is ready", resolved.chain));
    Ok(())
}

/// The name of the subject whose workload it is.
fn name_of(subjects: &[Subject], id: &ObjectId) -> String {
    subject_of(subjects, id).map_or_else(|| id.name.clone(), |it| it.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(org: &str) -> Subject {
        Subject {
            id: format!("peer/peer0.{org}"),
            kind: "peer".to_owned(),
            name: format!("peer0.{org}"),
            parent: None,
            ordinal: 0,
            born_ms: 0,
            foreign: false,
            cluster: String::new(),
            namespace: org.to_owned(),
            workload: Some("statefulset/c-peer0".to_owned()),
            endpoints: Vec::new(),
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    #[test]
    fn workloads_of_one_name_are_told_apart_by_their_namespace() {
        let subjects = [peer("org1"), peer("org2")];
        let id = |namespace: &str, name: &str| ObjectId {
            group: "apps".to_owned(),
            kind: "StatefulSet".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            cluster: String::new(),
        };
        assert_eq!(name_of(&subjects, &id("org2", "c-peer0")), "peer0.org2");
        assert_eq!(name_of(&subjects, &id("org1", "c-peer0")), "peer0.org1");
        assert_eq!(name_of(&subjects, &id("org3", "c-peer0")), "c-peer0");
    }
}

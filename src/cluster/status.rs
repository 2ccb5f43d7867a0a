//! How a chain and its nodes are, from four lists: `StatefulSet`s, pods, Services, and the warnings among the events.
//!
//! It needs what the role `view` allows, and nothing of cluster scope: where a `NodePort`'s address would need the
//! right to read nodes, `<node>` stands for it.

mod endpoint;
mod node;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use serde::Serialize;
use serde_json::Value;

use super::connect::Connection;
use super::error::{ClusterError, one_line};
use super::heads::{Away, Elsewhere};
use super::logs::CHAIN_LABEL;
use super::object_api::ApiKind;
use super::request::ListQuery;

pub use endpoint::EndpointStatus;
pub use node::{ContainerStatus, NodeStatus};

/// A chain in one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainStatus {
    /// Name of the chain.
    pub name: String,
    /// Namespace of the objects.
    pub namespace: String,
    /// The stack's name, as the head says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The stack's release, as the head says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// `forming`, `formed`, `stopped` or `tombstone`, as the head says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Why there may be more nodes than are seen: clusters that cannot be reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreached: Vec<String>,
    /// Nodes that are ready.
    pub ready: usize,
    /// Nodes, sorted as people count: node2 before node10.
    pub nodes: Vec<NodeStatus>,
}

impl ChainStatus {
    /// A chain of which nothing is seen.
    fn nothing(name: &str, namespace: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            stack: None,
            release: None,
            phase: None,
            unreached: Vec::new(),
            ready: 0,
            nodes: Vec::new(),
        }
    }

    /// True when all nodes are ready; also when none is wanted.
    pub fn is_ready(&self) -> bool {
        let fine = |node: &NodeStatus| node.is_ready || node.is_stopped;
        self.unreached.is_empty() && self.nodes.iter().all(fine)
    }

    /// Adds the nodes of the same chain that are in another namespace.
    fn add(&mut self, part: Self) {
        self.unreached.extend(part.unreached);
        self.ready += part.ready;
        self.nodes.extend(part.nodes);
        self.nodes.sort_by_cached_key(|node| natural(&node.name));
    }
}

/// What was listed.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// `StatefulSet`s and Deployments, each with its `kind`.
    pub workloads: Vec<Value>,
    /// Pods.
    pub pods: Vec<Value>,
    /// Services.
    pub services: Vec<Value>,
    /// Events of type Warning.
    pub events: Vec<Value>,
}

/// Reads the status of a chain, or, without a name, of every chain that has workloads in the connection's namespace, with
/// those of its workloads that are elsewhere. Empty when there is none. Stack, release and phase are left to whoever reads
/// heads.
///
/// # Errors
/// The cluster could not be asked. Deployments, Services and events that may not be listed are passed over.
pub async fn read(
    connection: &Connection,
    chain: Option<&str>,
    away: &Elsewhere,
) -> Result<Vec<ChainStatus>, ClusterError> {
    let home = connection.namespace.as_str();
    let parts = away.iter().map(|it| part(it, chain));
    let (here, parts) = tokio::try_join!(list(connection, home, chain), try_join_all(parts))?;
    let mut chains = assemble(home, &here);
    for (away, parts) in away.iter().zip(parts) {
        let own = |it: &ChainStatus| away.chains.contains(&it.name);
        for part in parts.into_iter().filter(own) {
            match chains.iter_mut().find(|it| it.name == part.name) {
                Some(whole) => whole.add(part),
                None => chains.push(ChainStatus {
                    namespace: home.to_owned(),
                    ..part
                }),
            }
        }
    }
    chains.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(chains)
}

/// What of chains is in one other place. A cluster that does not answer is no fault of what the others show.
async fn part(away: &Away, chain: Option<&str>) -> Result<Vec<ChainStatus>, ClusterError> {
    let found = match &away.reach {
        Ok(connection) => list(connection, &away.namespace, chain).await,
        Err(error) => return Ok(unreached(away, error)),
    };
    match found {
        Err(error) if !away.cluster.is_empty() => {
            Ok(unreached(away, &error.of_cluster(&away.cluster)))
        }
        found => {
            let mut parts = assemble(&away.namespace, &found?);
            for node in parts.iter_mut().flat_map(|it| &mut it.nodes) {
                node.cluster.clone_from(&away.cluster);
            }
            Ok(parts)
        }
    }
}

fn unreached(away: &Away, error: &ClusterError) -> Vec<ChainStatus> {
    let why = one_line(error);
    let of = |name: &String| ChainStatus {
        unreached: vec![why.clone()],
        ..ChainStatus::nothing(name, &away.namespace)
    };
    away.chains.iter().map(of).collect()
}

async fn list(
    connection: &Connection,
    namespace: &str,
    chain: Option<&str>,
) -> Result<Listed, ClusterError> {
    let labels = chain.map_or_else(
        || CHAIN_LABEL.to_owned(),
        |chain| format!("{CHAIN_LABEL}={chain}"),
    );
    let list =
        async |group: &str, kind: &str, query: ListQuery<'_>| match ApiKind::known(group, kind) {
            Some(kind) => connection.list(&kind, namespace, query).await,
            None => Ok(Vec::new()),
        };
    let own = ListQuery {
        labels: &labels,
        ..ListQuery::default()
    };
    let warnings = ListQuery {
        fields: "type=Warning",
        ..ListQuery::default()
    };
    let (sets, deployments, pods, services, events) = tokio::join!(
        list("apps", "StatefulSet", own),
        list("apps", "Deployment", own),
        list("", "Pod", own),
        list("", "Service", own),
        list("", "Event", warnings),
    );
    let optional = |result: Result<Vec<Value>, ClusterError>| match result {
        Err(error) if error.is_forbidden() => Ok(Vec::new()),
        other => other,
    };
    let mut workloads = sets?;
    workloads.extend(optional(deployments)?);
    Ok(Listed {
        workloads,
        pods: pods?,
        services: optional(services)?,
        events: optional(events)?,
    })
}

/// The chains in what was listed, sorted by name.
pub fn assemble(namespace: &str, listed: &Listed) -> Vec<ChainStatus> {
    let names: BTreeSet<&str> = listed
        .workloads
        .iter()
        .chain(&listed.pods)
        .map(|object| label(object, CHAIN_LABEL))
        .collect();
    names
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(|name| {
            let of_chain = |objects: &[Value]| -> Vec<Value> {
                objects
                    .iter()
                    .filter(|o| label(o, CHAIN_LABEL) == name)
                    .cloned()
                    .collect()
            };
            let own = Listed {
                workloads: of_chain(&listed.workloads),
                pods: of_chain(&listed.pods),
                services: of_chain(&listed.services),
                events: Vec::new(),
            };
            let mut nodes = node::nodes(&own, &listed.events);
            nodes.sort_by_cached_key(|node| natural(&node.name));
            ChainStatus {
                ready: nodes.iter().filter(|node| node.is_ready).count(),
                nodes,
                ..ChainStatus::nothing(name, namespace)
            }
        })
        .collect()
}

/// A label of an object, "" if it has none of that name.
fn label<'a>(object: &'a Value, name: &str) -> &'a str {
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object);
    labels
        .and_then(|labels| labels.get(name))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The string at a JSON pointer, "" if there is none.
fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The entries of a list at a JSON pointer.
fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A key that sorts numbers within names by their value.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (word, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (number, tail) = tail.split_at(end);
        parts.push((word.to_owned(), number.parse().unwrap_or(0)));
        rest = tail;
    }
    parts
}

/// More columns for the table of nodes: a header, and a value by node name.
pub type ExtraColumns = Vec<(String, BTreeMap<String, String>)>;

/// The same by chain: two chains may have nodes of one name.
pub type ChainColumns = BTreeMap<String, ExtraColumns>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels(chain: &str, node: &str) -> Value {
        json!({"chain.dev/chain": chain, "chain.dev/node": node, "chain.dev/workload": format!("{chain}-{node}")})
    }

    fn set(chain: &str, node: &str, ready: i64) -> Value {
        json!({"metadata": {"name": format!("{chain}-{node}"), "generation": 1, "labels": {"chain.dev/chain": chain},
                "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"replicas": 1, "template": {"metadata": {"labels": labels(chain, node)},
                "spec": {"containers": [{"name": "a"}, {"name": "b"}]}}},
            "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": ready, "updatedReplicas": 1}})
    }

    fn pod(chain: &str, node: &str, ready: bool) -> Value {
        json!({"metadata": {"name": format!("{chain}-{node}-0"), "labels": labels(chain, node),
                "creationTimestamp": "2026-01-02T00:00:00Z",
                "ownerReferences": [{"kind": "StatefulSet", "name": format!("{chain}-{node}")}]},
            "spec": {"nodeName": "worker-1", "containers": [{"name": "a"}, {"name": "b"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": [
                {"name": "a", "ready": true, "restartCount": 1, "state": {"running": {}}},
                {"name": "b", "ready": ready, "restartCount": 2, "state": {"running": {}}}]}})
    }

    fn one(listed: &Listed) -> NodeStatus {
        let chains = assemble("default", listed);
        chains[0].nodes[0].clone()
    }

    #[test]
    fn a_node_is_its_statefulset_with_its_pod() {
        let listed = Listed {
            workloads: vec![set("c", "node0", 1)],
            pods: vec![pod("c", "node0", true)],
            ..Listed::default()
        };
        let node = one(&listed);
        assert_eq!(
            (
                node.name.as_str(),
                node.workload.as_str(),
                node.pod.as_deref()
            ),
            ("node0", "c-node0", Some("c-node0-0"))
        );
        assert_eq!(
            (node.ready_containers, node.containers.len(), node.restarts),
            (2, 2, 3)
        );
        assert_eq!(
            (node.status.as_str(), node.why.as_deref(), node.is_ready),
            ("Running", None, true)
        );
        assert_eq!(node.created.as_deref(), Some("2026-01-02T00:00:00Z"));
        assert_eq!(node.host.as_deref(), Some("worker-1"));
    }

    #[test]
    fn why_a_node_is_not_ready_is_said() {
        let mut bad = pod("c", "node0", false);
        bad["status"]["containerStatuses"][1]["state"] = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image x:1"}});
        let listed = Listed {
            workloads: vec![set("c", "node0", 0)],
            pods: vec![bad],
            ..Listed::default()
        };
        let node = one(&listed);
        assert_eq!(node.status, "ImagePullBackOff");
        assert_eq!(node.ready_containers, 1);
        assert!(node.why.unwrap().contains("Back-off pulling image x:1"));
    }

    #[test]
    fn a_refused_pod_shows_the_event_of_its_statefulset() {
        let event = json!({"type": "Warning", "reason": "FailedCreate", "message": "violates PodSecurity \"restricted\"",
            "lastTimestamp": "2026-01-02T00:00:00Z", "involvedObject": {"kind": "StatefulSet", "name": "c-node0"}});
        let mut refused = set("c", "node0", 0);
        refused["status"]["replicas"] = json!(0);
        let listed = Listed {
            workloads: vec![refused],
            events: vec![event],
            ..Listed::default()
        };
        let node = one(&listed);
        assert_eq!(
            (node.status.as_str(), node.containers.len(), node.pod),
            ("FailedCreate", 2, None)
        );
        assert!(node.why.unwrap().contains("violates PodSecurity"));
    }

    #[test]
    fn a_stopped_node_is_stopped_and_not_broken() {
        let mut stopped = set("c", "node0", 0);
        stopped["spec"]["replicas"] = json!(0);
        stopped["status"]["replicas"] = json!(0);
        let listed = Listed {
            workloads: vec![stopped],
            ..Listed::default()
        };
        let node = one(&listed);
        assert_eq!(
            (node.status.as_str(), node.why, node.is_stopped),
            ("Stopped", None, true)
        );
        assert!(assemble("default", &listed)[0].is_ready());
    }

    fn deployment(replicas: i64) -> Value {
        let mut deployment = set("c", "kv", replicas);
        deployment["kind"] = json!("Deployment");
        deployment["spec"]["replicas"] = json!(replicas);
        deployment
    }

    fn pod_of_replica_set(hash: &str, created: &str, ready: bool) -> Value {
        let mut pod = pod("c", "kv", ready);
        pod["metadata"]["name"] = json!(format!("c-kv-{hash}-x"));
        pod["metadata"]["creationTimestamp"] = json!(created);
        pod["metadata"]["ownerReferences"] =
            json!([{"kind": "ReplicaSet", "name": format!("c-kv-{hash}")}]);
        pod
    }

    #[test]
    fn a_deployment_is_a_node_with_the_pod_that_tells_most() {
        let gone = {
            let mut gone = pod_of_replica_set("c", "2026-01-04T00:00:00Z", true);
            gone["metadata"]["deletionTimestamp"] = json!("2026-01-05T00:00:00Z");
            gone
        };
        let listed = Listed {
            workloads: vec![deployment(1)],
            pods: vec![
                pod_of_replica_set("a", "2026-01-02T00:00:00Z", true),
                pod_of_replica_set("b", "2026-01-03T00:00:00Z", false),
                gone,
            ],
            ..Listed::default()
        };
        let chains = assemble("default", &listed);
        assert_eq!(chains[0].nodes.len(), 1);
        let node = one(&listed);
        assert_eq!(
            (node.name.as_str(), node.pod.as_deref()),
            ("kv", Some("c-kv-b-x"))
        );
    }

    #[test]
    fn a_deployment_without_a_pod_is_stopped_or_says_why() {
        let mut stopped = deployment(0);
        stopped["status"]["replicas"] = json!(0);
        let mut refused = deployment(1);
        refused["status"] = json!({"observedGeneration": 1, "conditions": [{"type": "ReplicaFailure", "status": "True",
            "reason": "FailedCreate", "message": "pods \"c-kv-a-x\" is forbidden: exceeded quota: small"}]});
        let of = |workload: Value| {
            one(&Listed {
                workloads: vec![workload],
                ..Listed::default()
            })
        };
        let stopped = of(stopped);
        assert_eq!(
            (stopped.status.as_str(), stopped.is_stopped, stopped.why),
            ("Stopped", true, None)
        );
        let refused = of(refused);
        assert_eq!(
            (refused.status.as_str(), refused.is_ready),
            ("FailedCreate", false)
        );
        assert!(refused.why.unwrap().contains("exceeded quota: small"));
    }

    #[test]
    fn chains_are_kept_apart_and_nodes_sorted_as_people_count() {
        let sets = ["node10", "node2", "node1"]
            .iter()
            .map(|node| set("b", node, 0));
        let listed = Listed {
            workloads: sets.chain([set("a", "x", 0)]).collect(),
            ..Listed::default()
        };
        let chains = assemble("default", &listed);
        assert_eq!(
            chains
                .iter()
                .map(|chain| chain.name.as_str())
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
        let names: Vec<&str> = chains[1]
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        assert_eq!(names, ["node1", "node2", "node10"]);
    }
}

//! From the names that a user types to the pods and containers of a chain's nodes.
//!
//! Pods and `StatefulSet`s of a chain carry the labels `chain.dev/chain`, `chain.dev/node` (the name of the subject) and
//! `chain.dev/workload`. A node whose pod is being replaced is found by its `StatefulSet`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::Api;
use kube::api::ListParams;

use super::{LogTarget, server_message};
use crate::cluster::heads::Elsewhere;

/// Label with the name of the chain.
pub const CHAIN_LABEL: &str = "chain.dev/chain";
/// Label with the name of the subject that a workload is of.
pub const NODE_LABEL: &str = "chain.dev/node";
/// Label with the name of the workload.
pub const WORKLOAD_LABEL: &str = "chain.dev/workload";
/// Annotation with the container that is meant when none is named, as kubectl reads it.
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// A node of a chain, and the pod that runs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodePod {
    /// Name of the chain.
    pub chain: String,
    /// Name of the node.
    pub node: String,
    /// Name of the workload, which is also that of its `StatefulSet`.
    pub workload: String,
    /// Cluster by its name in the chain's spec, "" for the home.
    pub cluster: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod. It may not be there at the moment.
    pub pod: String,
    /// Names of its containers, in their order.
    pub containers: Vec<String>,
    /// Names of its init containers, in their order.
    pub init_containers: Vec<String>,
    /// The container that is meant when none is named.
    pub default_container: Option<String>,
}

/// Why nodes or containers were not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The namespace has no chain.
    #[error(
        "no chain in namespace {namespace:?}; pass -n NAMESPACE, or make one with kubectl chain create"
    )]
    NoChain {
        /// Where was looked.
        namespace: String,
    },
    /// The namespace has no such chain, or it has no pods.
    #[error(
        "no pods of chain {chain:?} in namespace {namespace:?}{}",
        others(known)
    )]
    UnknownChain {
        /// The name asked for.
        chain: String,
        /// Where was looked.
        namespace: String,
        /// The chains that are there.
        known: Vec<String>,
    },
    /// No chain was named, and there are several.
    #[error("namespace {namespace:?} has several chains ({}); pass --chain {}", chains.join(", "), first(chains))]
    WhichChain {
        /// Where was looked.
        namespace: String,
        /// The chains that are there.
        chains: Vec<String>,
    },
    /// Several chains have a node of that name.
    #[error("node {node:?} is in several chains ({}); pass --chain {}", chains.join(", "), first(chains))]
    Ambiguous {
        /// The node's name.
        node: String,
        /// The chains that have one.
        chains: Vec<String>,
    },
    /// No node of that name.
    #[error("no node {node:?} in {}{}", place(chain.as_ref(), namespace), suggestion(nearest.as_ref(), known))]
    UnknownNode {
        /// The name asked for.
        node: String,
        /// The chain, when one was named.
        chain: Option<String>,
        /// Where was looked.
        namespace: String,
        /// A node with a name like it.
        nearest: Option<String>,
        /// The nodes that are there.
        known: Vec<String>,
    },
    /// The node has no such container.
    #[error("node {node} has no container {container:?}; it has: {}", known.join(", "))]
    UnknownContainer {
        /// The node's name.
        node: String,
        /// The container asked for.
        container: String,
        /// Those it has.
        known: Vec<String>,
    },
    /// No container was named, and there are several.
    #[error("a container name must be specified for node {node}, choose one of: [{}] with -c, or pass --all-containers", known.join(" "))]
    WhichContainer {
        /// The node's name.
        node: String,
        /// Those it has.
        known: Vec<String>,
    },
    /// The server did not answer, or refused.
    #[error("cannot list {what} in namespace {namespace:?}: {message}")]
    List {
        /// `pods`.
        what: &'static str,
        /// Where was looked.
        namespace: String,
        /// What the server said.
        message: String,
        /// The whole of it.
        #[source]
        source: Box<kube::Error>,
    },
}

fn others(known: &[String]) -> String {
    if known.is_empty() {
        String::new()
    } else {
        format!("; there is: {}", known.join(", "))
    }
}

fn first(chains: &[String]) -> &str {
    chains.first().map_or("NAME", String::as_str)
}

fn place(chain: Option<&String>, namespace: &str) -> String {
    match chain {
        Some(chain) => format!("chain {chain:?}"),
        None => format!("namespace {namespace:?}"),
    }
}

fn suggestion(nearest: Option<&String>, known: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = match nearest {
        Some(nearest) => format!("; did you mean {nearest:?}? Nodes: "),
        None => "; nodes: ".to_owned(),
    };
    let shown: Vec<&str> = known.iter().take(MOST).map(String::as_str).collect();
    text.push_str(&shown.join(", "));
    if known.len() > MOST {
        let _ = write!(text, " and {} more", known.len() - MOST);
    }
    text
}

/// Finds the nodes called `names`, all nodes of the chain if there are no names. Without `chain`, a name that only one
/// chain of the namespace has is enough. The nodes of those chains that live `elsewhere` count; what cannot be reached
/// is not there.
///
/// # Errors
/// Unknown or ambiguous names, or the server does not let pods be listed.
pub async fn find_nodes(
    client: &kube::Client,
    namespace: &str,
    elsewhere: &Elsewhere,
    chain: Option<&str>,
    names: &[String],
) -> Result<Vec<NodePod>, FindError> {
    let mut nodes = list_nodes(client, namespace).await?;
    let reached = elsewhere.iter().filter_map(|away| {
        let connection = away.reach.as_ref().ok()?;
        Some(async move { (away, list_nodes(&connection.client, &away.namespace).await) })
    });
    for (away, found) in join_all(reached).await {
        let own = found?
            .into_iter()
            .filter(|it| away.chains.contains(&it.chain));
        nodes.extend(own.map(|it| NodePod {
            cluster: away.cluster.clone(),
            ..it
        }));
    }
    select(nodes, namespace, chain, names)
}

/// All nodes of all chains in a namespace, sorted.
///
/// # Errors
/// The server does not let pods be listed.
pub async fn list_nodes(client: &kube::Client, namespace: &str) -> Result<Vec<NodePod>, FindError> {
    let failed = |what| {
        move |source: kube::Error| FindError::List {
            what,
            namespace: namespace.to_owned(),
            message: server_message(&source),
            source: Box::new(source),
        }
    };
    let labelled = ListParams::default().labels(&format!("{CHAIN_LABEL},{NODE_LABEL}"));
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let pods = pods.list(&labelled).await.map_err(failed("pods"))?;
    let mut nodes: BTreeMap<(String, String), NodePod> = BTreeMap::new();
    for pod in pods.items {
        let spec = pod.spec.unwrap_or_default();
        let name = pod.metadata.name.unwrap_or_default();
        let labels = pod.metadata.labels.unwrap_or_default();
        let annotations = pod.metadata.annotations.unwrap_or_default();
        let node = node(namespace, &labels, &annotations, name, &spec);
        nodes.insert((node.chain.clone(), node.pod.clone()), node);
    }
    // A user who may not list StatefulSets still sees all nodes whose pods are there.
    if let Ok(sets) = sets.list(&ListParams::default().labels(CHAIN_LABEL)).await {
        for set in sets.items {
            let template = set.spec.template;
            let name = format!("{}-0", set.metadata.name.unwrap_or_default());
            let metadata = template.metadata.unwrap_or_default();
            let labels = metadata.labels.unwrap_or_default();
            if !labels.contains_key(NODE_LABEL) {
                continue;
            }
            let annotations = metadata.annotations.unwrap_or_default();
            let spec = template.spec.unwrap_or_default();
            let node = node(namespace, &labels, &annotations, name, &spec);
            nodes
                .entry((node.chain.clone(), node.pod.clone()))
                .or_insert(node);
        }
    }
    Ok(nodes.into_values().collect())
}

fn node(
    namespace: &str,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    pod: String,
    spec: &PodSpec,
) -> NodePod {
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let names = |containers: &[k8s_openapi::api::core::v1::Container]| {
        containers
            .iter()
            .map(|container| container.name.clone())
            .collect()
    };
    let workload = match label(WORKLOAD_LABEL) {
        empty if empty.is_empty() => pod.strip_suffix("-0").unwrap_or(&pod).to_owned(),
        name => name,
    };
    NodePod {
        chain: label(CHAIN_LABEL),
        node: label(NODE_LABEL),
        workload,
        cluster: String::new(),
        namespace: namespace.to_owned(),
        pod,
        containers: names(&spec.containers),
        init_containers: names(spec.init_containers.as_deref().unwrap_or_default()),
        default_container: annotations.get(DEFAULT_CONTAINER).cloned(),
    }
}

/// Chooses among all nodes of a namespace. A name is that of a node, else of a workload, else of a pod, else what stands
/// before the first dot in the name of one node alone: `peer0` is `peer0.org1`.
fn select(
    all: Vec<NodePod>,
    namespace: &str,
    chain: Option<&str>,
    names: &[String],
) -> Result<Vec<NodePod>, FindError> {
    let chains: BTreeSet<String> = all.iter().map(|node| node.chain.clone()).collect();
    let chains: Vec<String> = chains.into_iter().collect();
    if let Some(chain) = chain
        && !chains.iter().any(|known| known == chain)
    {
        return Err(FindError::UnknownChain {
            chain: chain.to_owned(),
            namespace: namespace.to_owned(),
            known: chains,
        });
    }
    if chains.is_empty() {
        return Err(FindError::NoChain {
            namespace: namespace.to_owned(),
        });
    }
    let inside: Vec<NodePod> = all
        .into_iter()
        .filter(|node| chain.is_none_or(|chain| node.chain == chain))
        .collect();
    if names.is_empty() {
        if chain.is_none() && chains.len() > 1 {
            return Err(FindError::WhichChain {
                namespace: namespace.to_owned(),
                chains,
            });
        }
        return Ok(inside);
    }
    let mut chosen = Vec::new();
    for name in names {
        let by = |key: fn(&NodePod) -> &String| -> Vec<&NodePod> {
            inside.iter().filter(|node| key(node) == name).collect()
        };
        let mut found = by(|node| &node.node);
        if found.is_empty() {
            found = by(|node| &node.workload);
        }
        if found.is_empty() {
            found = by(|node| &node.pod);
        }
        if found.is_empty() {
            // The part before the first dot, where one node alone has it.
            let short = |node: &&NodePod| {
                let first = node.node.split_once('.').map(|(first, _)| first);
                first == Some(name.as_str())
            };
            found = inside.iter().filter(short).collect();
            if found.len() > 1 {
                found.clear();
            }
        }
        if found.is_empty() {
            return Err(unknown_node(name, chain, namespace, &inside));
        }
        let of: BTreeSet<&String> = found.iter().map(|node| &node.chain).collect();
        if of.len() > 1 {
            let chains = of.into_iter().cloned().collect();
            return Err(FindError::Ambiguous {
                node: name.clone(),
                chains,
            });
        }
        for node in found {
            if !chosen.contains(node) {
                chosen.push(node.clone());
            }
        }
    }
    Ok(chosen)
}

fn unknown_node(name: &str, chain: Option<&str>, namespace: &str, inside: &[NodePod]) -> FindError {
    let known: BTreeSet<&str> = inside.iter().map(|node| node.node.as_str()).collect();
    let near = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known, name), *known));
    let near = near
        .filter(|(distance, _)| *distance <= (name.len() / 3).max(1))
        .min();
    FindError::UnknownNode {
        node: name.to_owned(),
        chain: chain.map(str::to_owned),
        namespace: namespace.to_owned(),
        nearest: near.map(|(_, known)| known.to_owned()),
        known: known.into_iter().map(str::to_owned).collect(),
    }
}

/// Which containers of a node are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Containers {
    /// The one that the pod's annotation names, or its only one.
    Default,
    /// The one of this name, init containers included.
    Named(String),
    /// All, init containers first.
    All,
}

impl NodePod {
    /// The containers that are meant, as targets for logs.
    ///
    /// # Errors
    /// There is no such container, or none is named and there are several.
    pub fn targets(&self, which: &Containers) -> Result<Vec<LogTarget>, FindError> {
        let every = || self.init_containers.iter().chain(&self.containers);
        let names: Vec<&String> = match which {
            Containers::All => every().collect(),
            Containers::Named(name) => match every().find(|known| *known == name) {
                Some(name) => vec![name],
                None => {
                    return Err(FindError::UnknownContainer {
                        node: self.node.clone(),
                        container: name.clone(),
                        known: every().cloned().collect(),
                    });
                }
            },
            Containers::Default => vec![self.default()?],
        };
        let target = |container: &String| LogTarget {
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
            container: container.clone(),
            label: format!("{} {container}", self.node),
        };
        Ok(names.into_iter().map(target).collect())
    }

    fn default(&self) -> Result<&String, FindError> {
        let annotated = self.default_container.as_ref();
        let annotated = annotated.filter(|name| self.containers.contains(name));
        match (annotated, self.containers.as_slice()) {
            (Some(name), _) => Ok(name),
            (None, [only]) => Ok(only),
            _ => Err(FindError::WhichContainer {
                node: self.node.clone(),
                known: self.containers.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(chain: &str, name: &str) -> NodePod {
        NodePod {
            chain: chain.into(),
            cluster: String::new(),
            node: name.into(),
            workload: format!("{chain}-{name}"),
            namespace: "default".into(),
            pod: format!("{chain}-{name}-0"),
            containers: vec!["network".into(), "consensus".into()],
            init_containers: vec!["seed".into()],
            default_container: None,
        }
    }

    fn all() -> Vec<NodePod> {
        vec![
            node("a", "node0"),
            node("a", "node1"),
            node("b", "node0"),
            node("b", "peer0"),
        ]
    }

    fn found(chain: Option<&str>, names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = select(all(), "default", chain, &names).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|node| node.pod).collect())
    }

    #[test]
    fn a_name_of_one_chain_is_enough() {
        assert_eq!(
            found(None, &["peer0", "node1"]).unwrap(),
            ["b-peer0-0", "a-node1-0"]
        );
        assert_eq!(
            found(Some("b"), &["node0", "node0"]).unwrap(),
            ["b-node0-0"]
        );
        assert_eq!(found(Some("a"), &[]).unwrap(), ["a-node0-0", "a-node1-0"]);
        assert_eq!(found(None, &["b-node0"]).unwrap(), ["b-node0-0"]);
    }

    #[test]
    fn a_short_name_is_taken_where_one_node_alone_has_it() {
        let of = |names: &[&str], asked: &str| {
            let nodes = names.iter().map(|name| node("a", name)).collect();
            let found = select(nodes, "default", None, &[asked.to_owned()]);
            found.map(|it| it.into_iter().map(|node| node.node).collect::<Vec<_>>())
        };
        let two = ["peer0.org1", "peer0.org2", "orderer0.ord"];
        assert_eq!(of(&two, "orderer0").unwrap(), ["orderer0.ord"]);
        assert!(of(&two, "peer0").is_err(), "two have it");
        assert_eq!(of(&two[..1], "peer0").unwrap(), ["peer0.org1"]);
    }

    #[test]
    fn what_is_not_clear_is_said_with_the_way_out() {
        assert_eq!(
            found(None, &["node0"]).unwrap_err(),
            "node \"node0\" is in several chains (a, b); pass --chain a"
        );
        assert_eq!(
            found(None, &[]).unwrap_err(),
            "namespace \"default\" has several chains (a, b); pass --chain a"
        );
        assert_eq!(
            found(Some("a"), &["noed1"]).unwrap_err(),
            "no node \"noed1\" in chain \"a\"; did you mean \"node1\"? Nodes: node0, node1"
        );
        assert_eq!(
            found(None, &["x"]).unwrap_err(),
            "no node \"x\" in namespace \"default\"; nodes: node0, node1, peer0"
        );
        assert_eq!(
            found(Some("c"), &[]).unwrap_err(),
            "no pods of chain \"c\" in namespace \"default\"; there is: a, b"
        );
    }

    #[test]
    fn containers_are_chosen_as_kubectl_does() {
        let mut node = node("a", "node0");
        let labels = |node: &NodePod, which| -> Result<Vec<String>, String> {
            let targets = node.targets(&which).map_err(|error| error.to_string())?;
            Ok(targets.into_iter().map(|target| target.label).collect())
        };
        assert_eq!(
            labels(&node, Containers::Default).unwrap_err(),
            "a container name must be specified for node node0, choose one of: [network consensus] with -c, or pass --all-containers"
        );
        assert_eq!(
            labels(&node, Containers::Named("seed".into())).unwrap(),
            ["node0 seed"]
        );
        assert_eq!(labels(&node, Containers::All).unwrap().len(), 3);
        assert_eq!(
            labels(&node, Containers::Named("kms".into())).unwrap_err(),
            "node node0 has no container \"kms\"; it has: seed, network, consensus"
        );
        node.default_container = Some("consensus".into());
        assert_eq!(
            labels(&node, Containers::Default).unwrap(),
            ["node0 consensus"]
        );
    }
}

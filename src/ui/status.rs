//! The status of chains as text: for each chain a line about it and a table of its nodes.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::age::age;
use super::sanitize;
use super::table::Table;
use crate::cluster::status::{ChainColumns, ChainStatus, ExtraColumns, NodeStatus};

/// Renders chains, a blank line between two. `extra` columns (a plugin's probe) stand behind those of the table;
/// `wide` adds workload, pod address, host and all endpoints. `now` is for the ages.
pub fn render(
    chains: &[ChainStatus],
    extra: &ChainColumns,
    wide: bool,
    headers: bool,
    now: Timestamp,
) -> String {
    let (mut out, none) = (String::new(), ExtraColumns::new());
    for chain in chains {
        let extra = extra.get(&chain.name).unwrap_or(&none);
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&chain_line(chain));
        out.push('\n');
        out.push_str(&nodes(&chain.nodes, extra, now).render(wide, headers));
        for node in &chain.nodes {
            if let Some(why) = &node.why {
                let _ = writeln!(out, "{}: {}", node.name, sanitize::one_line(why));
            }
        }
        for why in &chain.unreached {
            let _ = writeln!(out, "{}", sanitize::one_line(why));
        }
    }
    out
}

/// `chain/test-chain in default: cita-cloud v4.0.0, formed, 2/3 nodes ready`.
fn chain_line(chain: &ChainStatus) -> String {
    let mut line = format!("chain/{} in {}: ", chain.name, chain.namespace);
    if let Some(stack) = &chain.stack {
        line.push_str(stack);
        if let Some(release) = &chain.release {
            line.push(' ');
            line.push_str(release);
        }
        line.push_str(", ");
    }
    if let Some(phase) = &chain.phase {
        line.push_str(phase);
        line.push_str(", ");
    }
    let _ = write!(line, "{}/{} nodes ready", chain.ready, chain.nodes.len());
    sanitize::one_line(&line).into_owned()
}

fn nodes(nodes: &[NodeStatus], extra: &ExtraColumns, now: Timestamp) -> Table {
    let mut table = Table::new(["node", "ready", "status", "restarts", "age"]);
    let spread = nodes.iter().any(|node| !node.cluster.is_empty());
    if spread {
        table.column("cluster");
    }
    for (header, _) in extra {
        table.column(header);
    }
    for header in ["workload", "ip", "host", "endpoints", "outside"] {
        table.wide_column(header);
    }
    for node in nodes {
        let mut cells = vec![
            node.name.clone(),
            format!("{}/{}", node.ready_containers, node.containers.len()),
            node.status.clone(),
            node.restarts.to_string(),
            node_age(node, now),
        ];
        if spread {
            let home = node.cluster.is_empty();
            let shown = if home { "(home)" } else { &node.cluster };
            cells.push(shown.to_owned());
        }
        for (_, values) in extra {
            cells.push(values.get(&node.name).cloned().unwrap_or_default());
        }
        let outside = node
            .endpoints
            .iter()
            .filter_map(|e| e.outside.as_ref().map(|o| format!("{}={o}", e.port)));
        let inside = node
            .endpoints
            .iter()
            .map(|e| format!("{}={}", e.port, e.inside));
        cells.extend([
            node.workload.clone(),
            node.ip.clone().unwrap_or_default(),
            node.host.clone().unwrap_or_default(),
            inside.collect::<Vec<_>>().join(","),
            outside.collect::<Vec<_>>().join(","),
        ]);
        table.row(cells);
    }
    table
}

/// `<unknown>` as kubectl says, when the cluster gave no time.
fn node_age(node: &NodeStatus, now: Timestamp) -> String {
    let created = node
        .created
        .as_ref()
        .and_then(|created| created.parse::<Timestamp>().ok());
    created.map_or_else(
        || "<unknown>".to_owned(),
        |created| {
            // A clock that is a little behind the cluster's shows no age below zero.
            age(Duration::try_from(now.duration_since(created)).unwrap_or_default())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::status::{ContainerStatus, EndpointStatus};
    use std::collections::BTreeMap;

    fn node(name: &str, why: Option<&str>) -> NodeStatus {
        let container = |name: &str, is_ready| ContainerStatus {
            name: name.into(),
            is_ready,
            restarts: 0,
            state: "running".into(),
        };
        NodeStatus {
            name: name.into(),
            cluster: String::new(),
            workload: format!("c-{name}"),
            pod: Some(format!("c-{name}-0")),
            status: if why.is_some() {
                "CrashLoopBackOff".into()
            } else {
                "Running".into()
            },
            why: why.map(str::to_owned),
            is_ready: why.is_none(),
            is_stopped: false,
            ready_containers: 1,
            containers: vec![container("a", true), container("b", why.is_none())],
            restarts: 4,
            created: Some("2026-01-01T00:00:00Z".into()),
            host: Some("worker-1".into()),
            ip: Some("10.0.0.7".into()),
            endpoints: vec![EndpointStatus {
                service: "c-0".into(),
                port: "rpc".into(),
                inside: "10.96.0.7:8545".into(),
                outside: Some("<node>:30004".into()),
            }],
        }
    }

    fn chain() -> ChainStatus {
        ChainStatus {
            unreached: Vec::new(),
            name: "c".into(),
            namespace: "team".into(),
            stack: Some("cita-cloud".into()),
            release: Some("v4.0.0".into()),
            phase: Some("formed".into()),
            ready: 1,
            nodes: vec![
                node("node0", None),
                node("node1", Some("container b: CrashLoopBackOff\u{1b}[2J")),
            ],
        }
    }

    #[test]
    fn a_line_for_the_chain_and_one_for_each_node() {
        let now = "2026-01-01T00:03:12Z".parse().unwrap();
        let heights = BTreeMap::from([("node0".to_owned(), "12".to_owned())]);
        let extra = ChainColumns::from([("c".to_owned(), vec![("height".to_owned(), heights)])]);
        // Its node of the same name is another.
        let mut other = chain();
        other.name = "d".to_owned();
        other.nodes.truncate(1);
        insta::assert_snapshot!(render(&[chain(), other], &extra, false, true, now), @r"
        chain/c in team: cita-cloud v4.0.0, formed, 1/2 nodes ready
        NODE    READY   STATUS             RESTARTS   AGE     HEIGHT
        node0   1/2     Running            4          3m12s   12
        node1   1/2     CrashLoopBackOff   4          3m12s   <none>
        node1: container b: CrashLoopBackOff

        chain/d in team: cita-cloud v4.0.0, formed, 1/1 nodes ready
        NODE    READY   STATUS    RESTARTS   AGE
        node0   1/2     Running   4          3m12s
        ");
    }

    #[test]
    fn wide_shows_where_nodes_are_reached() {
        let wide = render(
            &[chain()],
            &ChainColumns::new(),
            true,
            false,
            "2026-01-03T03:00:00Z".parse().unwrap(),
        );
        assert!(
            wide.contains(
                "2d3h   c-node0   10.0.0.7   worker-1   rpc=10.96.0.7:8545   rpc=<node>:30004"
            ),
            "{wide}"
        );
        assert!(!wide.contains("NODE "));
    }
}

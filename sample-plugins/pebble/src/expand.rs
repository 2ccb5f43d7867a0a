//! From the user's spec to subjects: circles, and nodes dealt to them in turn.

use std::collections::{BTreeMap, HashSet};

use chain_plugin_sdk::serde_json::{Value, json};
use chain_plugin_sdk::spec::{ExpandSpec, NodeSpec};
use chain_plugin_sdk::{Diagnostics, Endpoint, Stack, Subject, error};

/// Expands specs of the stack.
pub struct Pebbles;

impl Stack for Pebbles {
    fn expand(
        spec: ExpandSpec,
        born: Vec<Subject>,
        next: BTreeMap<String, u32>,
        now_ms: u64,
    ) -> Result<Vec<Subject>, Diagnostics> {
        let circles = circles(spec.kinds.get("circles"))?;
        let mut births = Births {
            spec: &spec,
            born: &born,
            next,
            now_ms,
        };
        let mut subjects = vec![births.subject("chain", "chain", &spec.chain, None)];
        for circle in &circles {
            let id = format!("circle/{circle}");
            let mut subject = births.subject("circle", &id, circle, Some("chain"));
            subject.folder = format!("pebble/{}/{circle}", spec.chain);
            subjects.push(subject);
        }
        let mut seen = HashSet::new();
        for (index, node) in spec.nodes.iter().enumerate() {
            let name = node.name.clone().unwrap_or_else(|| format!("node{index}"));
            if !seen.insert(name.clone()) {
                return Err(vec![error(
                    "twice",
                    &format!("/nodes/{index}/name"),
                    format!("two nodes are named {name}"),
                )]);
            }
            let circle = births.circle_of(index, &name, node, &circles)?;
            let parent = format!("circle/{circle}");
            let id = format!("node/{circle}/{name}");
            let mut subject = births.subject("node", &id, &name, Some(&parent));
            let service = format!("{}-{name}", spec.chain);
            subject.workload = Some(format!("statefulset/{service}"));
            subject.endpoints = spec
                .services
                .iter()
                .flat_map(|it| &it.ports)
                .filter(|port| port.reach != "pod")
                .map(|port| Endpoint {
                    port: port.name.clone(),
                    service: service.clone(),
                    number: port.number,
                    outside: None,
                })
                .collect();
            subject.folder = format!("pebble/{}/{circle}/{name}", spec.chain);
            subject.extra =
                json!({"circle": circle, "from": format!("/nodes/{index}")}).to_string();
            subjects.push(subject);
        }
        Ok(subjects)
    }
}

struct Births<'a> {
    spec: &'a ExpandSpec,
    born: &'a [Subject],
    next: BTreeMap<String, u32>,
    now_ms: u64,
}

impl Births<'_> {
    /// A subject as it was born, or a new one.
    fn subject(&mut self, kind: &str, id: &str, name: &str, parent: Option<&str>) -> Subject {
        let (ordinal, born_ms) = match self.born.iter().find(|it| it.id == id) {
            Some(old) => (old.ordinal, old.born_ms),
            None => {
                let next = self.next.entry(kind.to_owned()).or_default();
                *next += 1;
                (*next - 1, self.now_ms)
            }
        };
        Subject {
            id: id.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            parent: parent.map(ToOwned::to_owned),
            ordinal,
            born_ms,
            foreign: false,
            cluster: String::new(),
            namespace: self.spec.namespace.clone(),
            workload: None,
            endpoints: Vec::new(),
            folder: format!("pebble/{}", self.spec.chain),
            extra: "{}".to_owned(),
        }
    }

    /// A node stays in the circle in which it was born; a new one goes where the user says, else where its turn is.
    fn circle_of(
        &self,
        index: usize,
        name: &str,
        node: &NodeSpec,
        circles: &[String],
    ) -> Result<String, Diagnostics> {
        let pointer = format!("/nodes/{index}/options/circle");
        let wanted = match node.options.get("circle") {
            None | Some(Value::Null) => None,
            Some(Value::String(circle)) if circles.contains(circle) => Some(circle),
            Some(other) => {
                let fault = error("circle", &pointer, format!("there is no circle {other}"));
                return Err(vec![
                    fault.hint(format!("known circles: {}", circles.join(", "))),
                ]);
            }
        };
        let old = self.born.iter().find_map(|it| {
            let (circle, node) = it.id.strip_prefix("node/")?.split_once('/')?;
            (it.kind == "node" && node == name).then_some(circle)
        });
        match (old, wanted) {
            (Some(old), Some(wanted)) if old != wanted => Err(vec![error(
                "circle",
                &pointer,
                format!("{name} was born in circle {old} and cannot move to {wanted}"),
            )]),
            (Some(old), _) if !circles.iter().any(|it| it == old) => Err(vec![error(
                "circle",
                "/circles",
                format!("circle {old} cannot go while {name} lives in it"),
            )]),
            (Some(old), _) => Ok(old.to_owned()),
            (None, Some(wanted)) => Ok(wanted.clone()),
            (None, None) => Ok(circles[index % circles.len()].clone()),
        }
    }
}

/// The circles' names: `circles: 2`, `circles: "2"` and `circles: [inner, outer]` are all fine; one when nothing is said.
fn circles(given: Option<&Value>) -> Result<Vec<String>, Diagnostics> {
    let refuse = || {
        vec![error(
            "circles",
            "/circles",
            "circles: expected a number from 1 to 100, or a list of names",
        )]
    };
    let counted = |count: u64| match count {
        1..=100 => Ok((0..count).map(|index| format!("circle{index}")).collect()),
        _ => Err(refuse()),
    };
    match given {
        None | Some(Value::Null) => counted(1),
        Some(Value::Number(count)) => counted(count.as_u64().unwrap_or(0)),
        Some(Value::String(text)) => counted(text.parse().unwrap_or(0)),
        Some(Value::Array(names)) if !names.is_empty() => names
            .iter()
            .map(|name| name.as_str().map(ToOwned::to_owned).ok_or_else(refuse))
            .collect(),
        Some(_) => Err(refuse()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(nodes: usize, circles: Value) -> ExpandSpec {
        ExpandSpec {
            chain: "demo".into(),
            namespace: "ns".into(),
            nodes: vec![NodeSpec::default(); nodes],
            kinds: BTreeMap::from([("circles".into(), circles)]),
            ..ExpandSpec::default()
        }
    }

    fn ids(subjects: &[Subject]) -> Vec<&str> {
        subjects.iter().map(|it| it.id.as_str()).collect()
    }

    #[test]
    fn nodes_are_dealt_to_circles_in_turn() {
        let all = Pebbles::expand(spec(3, json!(2)), vec![], BTreeMap::new(), 7).unwrap();
        assert_eq!(
            ids(&all),
            [
                "chain",
                "circle/circle0",
                "circle/circle1",
                "node/circle0/node0",
                "node/circle1/node1",
                "node/circle0/node2"
            ]
        );
        assert_eq!(all[5].parent.as_deref(), Some("circle/circle0"));
        assert_eq!(all[5].workload.as_deref(), Some("statefulset/demo-node2"));
        assert_eq!((all[5].ordinal, all[5].born_ms), (2, 7));
    }

    #[test]
    fn the_born_stay_as_they_are_when_circles_and_nodes_are_added() {
        let before = Pebbles::expand(spec(3, json!(2)), vec![], BTreeMap::new(), 7).unwrap();
        let next = BTreeMap::from([
            ("chain".into(), 1),
            ("circle".into(), 2),
            ("node".into(), 3),
        ]);
        let after = Pebbles::expand(spec(4, json!(3)), before.clone(), next, 99).unwrap();
        for old in &before {
            assert!(after.contains(old), "{} changed", old.id);
        }
        let new = after.last().unwrap();
        assert_eq!(new.id, "node/circle0/node3");
        assert_eq!((new.ordinal, new.born_ms), (3, 99));
    }

    #[test]
    fn what_cannot_be_is_told_where_it_stands() {
        let fault = |given| {
            Pebbles::expand(given, vec![], BTreeMap::new(), 0)
                .unwrap_err()
                .remove(0)
        };
        assert_eq!(fault(spec(1, json!(0))).path, "/circles");
        assert_eq!(fault(spec(1, json!("many"))).path, "/circles");
        let mut lost = spec(2, json!(["inner"]));
        lost.nodes[1].options = json!({"circle": "outer"});
        let lost = fault(lost);
        assert_eq!(lost.path, "/nodes/1/options/circle");
        assert_eq!(lost.hint.as_deref(), Some("known circles: inner"));
    }

    #[test]
    fn a_circle_in_which_somebody_lives_stays() {
        let before =
            Pebbles::expand(spec(2, json!(["a", "b"])), vec![], BTreeMap::new(), 0).unwrap();
        let fault = Pebbles::expand(spec(2, json!(["a"])), before, BTreeMap::new(), 0).unwrap_err();
        assert!(fault[0].message.contains("circle b cannot go"));
    }
}

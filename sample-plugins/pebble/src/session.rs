//! What the stack makes of circles and nodes: roots, badges, Services, and what is common to all containers of a pod.

use chain_plugin_sdk::descriptor::Descriptor;
use chain_plugin_sdk::serde_json::{Value, json};
use chain_plugin_sdk::{
    At, Diagnostics, Item, Plugin, Provisioned, Rendered, RenderedBuilder, Subject, Topology, error,
};
use sha2::{Digest, Sha256};

/// Label of a pod that says in which circle its node lives.
pub const CIRCLE_LABEL: &str = "pebble.example/circle";

/// A session.
pub struct Pebble {
    all: Topology,
}

impl Pebble {
    fn subject(&self, id: &str) -> Result<&Subject, Diagnostics> {
        self.all
            .subjects
            .iter()
            .find(|it| it.id == id)
            .ok_or_else(|| vec![error("subject", "", format!("there is no {id}"))])
    }
}

impl Plugin for Pebble {
    fn descriptor() -> Descriptor {
        crate::descriptor()
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self { all: topology })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let subject = self.subject(&at.call.subject)?;
        let mut keep = Vec::new();
        let facts = if subject.kind == "circle" {
            let motto = at.kept_text("motto").unwrap_or_else(|| {
                let root = at.entropy::<32>();
                let motto = hex(&Sha256::digest(root));
                keep.push(item("root", &root, true));
                keep.push(item("motto", motto.as_bytes(), false));
                motto
            });
            json!({"motto": motto})
        } else {
            let badge = match at.kept_text("badge") {
                Some(badge) => badge,
                None => {
                    let circle = subject.parent.clone().unwrap_or_default();
                    let root = at.host.kept(&at.own_of(&circle, "root")).ok_or_else(|| {
                        vec![error(
                            "root",
                            "",
                            format!("the root of {circle} cannot be read"),
                        )]
                    })?;
                    let badge = badge(&root, &subject.id);
                    keep.push(item("badge", badge.as_bytes(), false));
                    badge
                }
            };
            json!({"badge": badge})
        };
        Ok(Provisioned {
            keep,
            facts: facts.to_string(),
            notes: Vec::new(),
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let subject = self.subject(&at.call.subject)?;
        if subject.kind == "circle" {
            return Ok(self.circle(subject));
        }
        let extra: Value =
            chain_plugin_sdk::serde_json::from_str(&subject.extra).unwrap_or_default();
        let label = json!({CIRCLE_LABEL: extra["circle"]});
        let ports: Vec<Value> = subject
            .endpoints
            .iter()
            .map(|it| json!({"name": it.port, "port": it.number, "targetPort": it.port}))
            .collect();
        Ok(RenderedBuilder::new()
            .object(&json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": format!("{}-{}", self.all.chain, subject.name), "labels": label},
                "spec": {"ports": ports},
            }))
            .pod(&json!({
                "metadata": {"labels": label},
                "spec": {"terminationGracePeriodSeconds": 20},
            }))
            .build())
    }
}

impl Pebble {
    /// One Service in front of all nodes of a circle.
    fn circle(&self, subject: &Subject) -> Rendered {
        let inside = |it: &&Subject| it.parent.as_deref() == Some(&subject.id);
        let Some(member) = self.all.subjects.iter().find(inside) else {
            return RenderedBuilder::new().build();
        };
        let ports: Vec<Value> = member
            .endpoints
            .iter()
            .map(|it| json!({"name": it.port, "port": it.number, "targetPort": it.port}))
            .collect();
        RenderedBuilder::new()
            .object(&json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": format!("{}-all-{}", self.all.chain, subject.name)},
                "spec": {"ports": ports, "selector": {CIRCLE_LABEL: subject.name}},
            }))
            .build()
    }
}

fn item(name: &str, bytes: &[u8], secret: bool) -> Item {
    Item {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        secret,
        media: "text/plain".to_owned(),
    }
}

/// By which a circle vouches for a node.
fn badge(root: &[u8], node: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(root);
    hash.update(node.as_bytes());
    hex(&hash.finalize()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use chain_plugin_sdk::{Stack, TestHost};
    use std::collections::BTreeMap;

    use super::*;
    use crate::Pebbles;

    fn session() -> Pebble {
        let spec = chain_plugin_sdk::spec::ExpandSpec {
            chain: "demo".into(),
            namespace: "ns".into(),
            nodes: vec![Default::default(); 2],
            ..Default::default()
        };
        let subjects = Pebbles::expand(spec, vec![], BTreeMap::new(), 0).unwrap();
        Pebble::open(Topology {
            chain: "demo".into(),
            stack: "pebble".into(),
            release: "first".into(),
            subjects,
            host_features: vec![],
            extra: "{}".into(),
        })
        .unwrap()
    }

    #[test]
    fn a_circle_vouches_for_its_nodes_and_facts_are_the_same_when_derived_anew() {
        let (session, circle, node) = (session(), "circle/circle0", "node/circle0/node1");
        let host = TestHost::new();
        let call = TestHost::call(circle, "stack", &json!({}), &[]);
        let first = session.provision(&host.at(&call)).unwrap();
        assert_eq!(first.keep.len(), 2);

        let host = host.kept(circle, "stack", &first.keep);
        let again = session.provision(&host.at(&call)).unwrap();
        assert_eq!((again.keep.len(), &again.facts), (0, &first.facts));

        let call = TestHost::call(node, "stack", &json!({}), &[]);
        let born = session.provision(&host.at(&call)).unwrap();
        assert_eq!(born.keep[0].name, "badge");
        assert!(
            born.facts
                .contains(std::str::from_utf8(&born.keep[0].bytes).unwrap())
        );
    }

    #[test]
    fn without_the_root_no_badge_is_made_up() {
        let host = TestHost::new();
        let call = TestHost::call("node/circle0/node1", "stack", &json!({}), &[]);
        let fault = session().provision(&host.at(&call)).unwrap_err();
        assert!(fault[0].message.contains("root of circle/circle0"));
    }
}

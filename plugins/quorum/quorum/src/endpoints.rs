//! The operation `endpoints`: where clients reach each node, inside the cluster and outside.

use chain_plugin_sdk::{Diagnostics, Host, Operate, Outcome, Request, Topology, Turn};
use quorum_service::Nodes;
use quorum_service::operation::done;
use serde_json::{Map, Value, json};

use crate::expand::SIDE;

/// A run: it has its answer when it starts.
#[derive(Debug)]
pub struct Endpoints {
    text: String,
    table: Value,
}

impl Operate for Endpoints {
    fn start(all: Topology, _what: Request, _host: &dyn Host) -> Result<Self, Diagnostics> {
        let nodes = Nodes::new(all);
        let mut lines = Vec::new();
        let mut table = Map::new();
        let side = nodes
            .topology
            .subjects
            .iter()
            .filter(|it| SIDE.contains(&it.kind.as_str()));
        for subject in nodes.all().chain(side) {
            let mut ports = Map::new();
            for endpoint in &subject.endpoints {
                // A node of another party has no Service here.
                let inside = (!subject.foreign).then(|| {
                    format!(
                        "{}.{}.svc:{}",
                        endpoint.service, subject.namespace, endpoint.number
                    )
                });
                let outside = endpoint.outside.clone();
                let shown = |address: &Option<String>| address.clone().unwrap_or("-".to_owned());
                lines.push(format!(
                    "{}\t{}\t{}\t{}",
                    subject.name,
                    endpoint.port,
                    shown(&inside),
                    shown(&outside)
                ));
                ports.insert(
                    endpoint.port.clone(),
                    json!({"inside": inside, "outside": outside}),
                );
            }
            table.insert(subject.name.clone(), Value::Object(ports));
        }
        Ok(Self {
            text: lines.join("\n"),
            table: Value::Object(table),
        })
    }

    fn next(&mut self, _outcomes: Vec<Outcome>, _host: &dyn Host) -> Turn {
        done(self.text.clone(), &self.table)
    }
}

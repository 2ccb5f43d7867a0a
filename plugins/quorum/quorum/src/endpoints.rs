//! The operation `endpoints`: where clients reach each node, inside the cluster and outside. Outside is what the cluster
//! really has, by node port or load balancer, and the URL of an Ingress.

use chain_plugin_sdk::{Diagnostics, Host, Operate, Outcome, Request, Topology, Turn};
use quorum_service::Nodes;
use quorum_service::operation::done;
use serde_json::{Map, Value, json};

use crate::expand::SIDE;
use crate::ingress;
use crate::options::Options;

/// A run: it has its answer when it starts.
#[derive(Debug)]
pub struct Endpoints {
    text: String,
    table: Value,
}

impl Operate for Endpoints {
    fn start(all: Topology, _what: Request, _host: &dyn Host) -> Result<Self, Diagnostics> {
        let nodes = Nodes::new(all);
        let options = Options::of(&nodes.extra.options)?;
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
                let inside = format!(
                    "{}.{}.svc:{}",
                    endpoint.service, subject.namespace, endpoint.number
                );
                let outside = endpoint.outside.clone();
                let url = (subject.kind == "node")
                    .then(|| ingress::url(&nodes, subject, &endpoint.port, &options))
                    .flatten();
                let shown: Vec<&str> = outside.iter().chain(&url).map(String::as_str).collect();
                let shown = if shown.is_empty() {
                    "-".to_owned()
                } else {
                    shown.join(" ")
                };
                lines.push(format!(
                    "{}\t{}\t{inside}\t{shown}",
                    subject.name, endpoint.port
                ));
                ports.insert(
                    endpoint.port.clone(),
                    json!({"inside": inside, "outside": outside, "ingress": url}),
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

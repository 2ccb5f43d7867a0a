//! The scrape configuration of Prometheus for the clients of a network.

use serde_json::Value;

/// The port on which a client serves metrics.
pub const METRICS_PORT: u16 = 6060;

/// The file `prometheus.yml` with one job, `geth`, that asks these hosts every five seconds.
#[must_use]
pub fn scrape_file(hosts: &[String]) -> String {
    let targets: String = hosts
        .iter()
        .map(|host| {
            format!(
                "          - {}\n",
                Value::from(format!("{host}:{METRICS_PORT}"))
            )
        })
        .collect();
    let targets = if targets.is_empty() {
        " []\n".to_owned()
    } else {
        format!("\n{targets}")
    };
    format!(
        "global:\n  scrape_interval: 5s\n  scrape_timeout: 5s\n  evaluation_interval: 5s\n\
         scrape_configs:\n  - job_name: geth\n    metrics_path: /debug/metrics/prometheus\n    \
         scheme: http\n    static_configs:\n      - targets:{targets}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Node;
    use serde_json::json;

    fn targets(hosts: &[&str]) -> Value {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let file = Node::parse(&scrape_file(&hosts)).unwrap().json();
        let job = &file["scrape_configs"][0];
        assert_eq!(job["metrics_path"], "/debug/metrics/prometheus");
        assert_eq!(file["global"]["scrape_interval"], "5s");
        job["static_configs"][0]["targets"].clone()
    }

    #[test]
    fn every_node_is_a_target() {
        assert_eq!(
            targets(&["node-1", "node-2"]),
            json!(["node-1:6060", "node-2:6060"])
        );
        assert_eq!(targets(&[]), json!([]));
    }
}

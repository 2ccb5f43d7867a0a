//! The hook `status`: how far channels are on a node, whether an orderer takes part, how long certificates hold.
//!
//! From metrics, over plain HTTP: a node that is healthy may be no consenter, and says so there alone. No key is read.

use std::collections::BTreeMap;

use chain_plugin_sdk::doing::{Hands, join, join_all};
use chain_plugin_sdk::{
    Act, Diagnostics, Host, Http, Report, Request, Step, Subject, Topology, warning,
};
use fabric_identity::certificate::Certificate;
use fabric_service::facts::NodeIdentity;
use fabric_service::{Network, kind, port, role};
use fabric_transaction::metrics::{self, Channel, Metrics};
use fabric_transaction::participation::{Relation, State};
use serde_json::{Value, json};

/// Columns of an orderer.
pub const OF_ORDERERS: [&str; 3] = ["HEIGHTS", "CONSENSUS", "EXPIRES"];
/// Columns of a peer.
pub const OF_PEERS: [&str; 3] = ["HEIGHTS", "LAG", "EXPIRES"];

/// Longest wait for metrics, in milliseconds.
const SOON: u32 = 5_000;
/// Days before the end of a certificate from which on it is told.
const SOON_OVER: i64 = 30;
const DAY: i64 = 86_400;

/// A look at one node.
#[derive(Debug)]
pub struct Status {
    subject: Subject,
    org: String,
    /// Orderers of this party, to whose height a peer's is compared.
    orderers: Vec<String>,
    /// The second at which the first of its certificates ends.
    ends: Option<i64>,
    now: i64,
}

impl Status {
    /// Reads what is known of the node.
    pub fn gather(all: Topology, what: &Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let network = Network::new(all)?;
        let subject = network.subject(&what.subject)?.clone();
        let org = network.parent(&subject)?.name.clone();
        let own = network.of_kind(kind::ORDERER).filter(|it| !it.foreign);
        let orderers = own.map(|it| it.id.clone()).collect();
        let facts = host.facts(&subject.id, role::MSP).into_iter().next();
        let identity: Option<NodeIdentity> =
            facts.and_then(|(_, text)| serde_json::from_str(&text).ok());
        Ok(Self {
            ends: identity.and_then(|it| ends(&it)),
            now: i64::try_from(what.now_ms / 1000).unwrap_or(i64::MAX),
            subject,
            org,
            orderers,
        })
    }

    /// Asks, and fills the columns.
    pub async fn look(self, hands: Hands) -> Result<Report, Diagnostics> {
        let is_peer = self.subject.kind == kind::PEER;
        let own = if is_peer {
            port::PEER_OPS
        } else {
            port::ORDERER_OPS
        };
        let orderers: &[String] = if is_peer { &self.orderers } else { &[] };
        let others = orderers.iter().map(|it| ask(&hands, it, port::ORDERER_OPS));
        let (mine, others) = join(
            ask(&hands, &self.subject.id, own),
            join_all(others.collect::<Vec<_>>()),
        )
        .await;
        let mut notes = Diagnostics::new();
        let mine = mine.unwrap_or_else(|why| {
            notes.push(warning(
                "status",
                "",
                format!("{}: {why}", self.subject.name),
            ));
            Metrics::default()
        });
        let others: Vec<Metrics> = others.into_iter().filter_map(Result::ok).collect();
        let (expires, note) = self.expires();
        notes.extend(note);
        let heights = row(&mine, |_, channel| height(channel).map(|it| it.to_string()));
        let second = if is_peer {
            row(&mine, |name, channel| Some(lag(name, channel, &others)))
        } else {
            row(&mine, |_, channel| consensus(channel))
        };
        let columns = if is_peer { OF_PEERS } else { OF_ORDERERS };
        let cells = [heights, second, expires];
        let table: serde_json::Map<String, Value> = columns
            .iter()
            .zip(&cells)
            .map(|(column, cell)| ((*column).to_owned(), json!(cell)))
            .collect();
        let words = columns.iter().zip(&cells);
        let words = words.map(|(column, cell)| format!("{}: {cell}", column.to_lowercase()));
        Ok(Report {
            text: words.collect::<Vec<_>>().join("; "),
            table: Value::Object(table).to_string(),
            files: Vec::new(),
            notes,
        })
    }

    fn expires(&self) -> (String, Option<chain_plugin_sdk::Diagnostic>) {
        let Some(ends) = self.ends else {
            return ("-".to_owned(), None);
        };
        let days = ends.saturating_sub(self.now).div_euclid(DAY);
        let note = (days < SOON_OVER).then(|| {
            let name = &self.subject.name;
            let short = name.strip_suffix(&format!(".{}", self.org)).unwrap_or(name);
            let when = if days < 0 {
                "has expired".to_owned()
            } else {
                format!("expires in {days} days")
            };
            let message = format!(
                "a certificate of {name} {when}: kubectl chain run cert-renew {} only={short}",
                self.org
            );
            warning("certificate", "", message)
        });
        (format!("{days}d"), note)
    }
}

/// When the first of both certificates ends.
pub(super) fn ends(identity: &NodeIdentity) -> Option<i64> {
    [&identity.certificate, &identity.tls_certificate]
        .into_iter()
        .filter_map(|text| Certificate::parse_pem(text).ok())
        .map(|it| it.validity().not_after)
        .min()
}

/// The metrics of a node.
pub(super) async fn ask(hands: &Hands, on: &str, port: &str) -> Result<Metrics, String> {
    let http = Http {
        port: port.to_owned(),
        h2: false,
        tls: None,
        method: "GET".to_owned(),
        path: "/metrics".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let step = Step {
        on: on.to_owned(),
        says: String::new(),
        sensitive: false,
        timeout_ms: SOON,
        act: Act::Http(http),
    };
    let response = hands.act(step).await.answer.map_err(|it| it.message)?;
    if response.code != 200 {
        return Err(format!("/metrics answers HTTP {}", response.code));
    }
    metrics::read(&String::from_utf8_lossy(&response.body)).map_err(|it| it.to_string())
}

/// One cell: `channel=value`, with commas.
fn row(metrics: &Metrics, of: impl Fn(&str, &Channel) -> Option<String>) -> String {
    let parts: BTreeMap<&String, String> = metrics
        .channels
        .iter()
        .filter_map(|(name, channel)| Some((name, of(name, channel)?)))
        .collect();
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, it)| format!("{name}={it}"))
        .collect();
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join(",")
    }
}

/// Number of blocks. An orderer that tells none tells the number of the last.
pub(super) fn height(channel: &Channel) -> Option<u64> {
    channel
        .height
        .or_else(|| channel.committed_block.map(|it| it.saturating_add(1)))
}

fn lag(name: &str, peer: &Channel, orderers: &[Metrics]) -> String {
    let highest = orderers
        .iter()
        .filter_map(|it| height(it.channels.get(name)?))
        .max();
    match (highest, height(peer)) {
        (Some(highest), Some(height)) => highest.saturating_sub(height).to_string(),
        _ => "?".to_owned(),
    }
}

fn consensus(channel: &Channel) -> Option<String> {
    let relation = match channel.relation? {
        Relation::Consenter if channel.is_leader == Some(true) => "leader",
        Relation::Consenter => "consenter",
        Relation::Follower => "follower",
        Relation::ConfigTracker => "config-tracker",
        Relation::Other => "other",
    };
    let state = match channel.status {
        Some(State::Active) | None => return Some(relation.to_owned()),
        Some(State::Onboarding) => "onboarding",
        Some(State::Inactive) => "inactive",
        Some(State::Failed) => "failed",
        Some(State::Unknown) => "unknown",
    };
    Some(format!("{relation}/{state}"))
}

#[cfg(test)]
mod tests {
    use chain_plugin_sdk::{Operate as _, Outcome, Response, TestHost, Turn};
    use fabric_service::Release;
    use fabric_service::fixture::{ROLES, Size, topology};

    use super::*;
    use crate::Work;

    /// A certificate of cryptogen.
    const PEM: &str = include_str!("../../../identity/tests/fixtures/certs25/peer0.org1-cert.pem");

    fn request(operation: &str, subject: &str, now: i64) -> Request {
        Request {
            operation: operation.to_owned(),
            subject: subject.to_owned(),
            role: "stack".to_owned(),
            instance: "stack".to_owned(),
            options: "{}".to_owned(),
            args: "{}".to_owned(),
            files: Vec::new(),
            now_ms: u64::try_from(now).unwrap() * 1000,
            seed: vec![0; 32],
        }
    }

    /// Answers each step with the metrics of its subject; who has none does not answer.
    fn table(
        operation: &str,
        subject: &str,
        left: i64,
        metrics: &[(&str, &str)],
    ) -> (Value, Vec<String>) {
        let end = Certificate::parse_pem(PEM).unwrap().validity().not_after;
        let facts = json!({"certificate": PEM, "tlsCertificate": PEM});
        let host = TestHost::new().fact(subject, role::MSP, &facts);
        let all = topology(Release::V2_5, Size::default(), &ROLES);
        let mut work = Work::start(all, request(operation, subject, end - left), &host).unwrap();
        let Turn::Steps(steps) = work.next(Vec::new(), &host) else {
            panic!("no steps")
        };
        let outcomes = steps.iter().map(|step| {
            let found = metrics.iter().find(|(id, _)| *id == step.on);
            let answer = found
                .map(|(_, text)| Response {
                    code: 200,
                    body: text.as_bytes().to_vec(),
                    more: "{}".to_owned(),
                })
                .ok_or(chain_plugin_sdk::Failure {
                    kind: "refused".to_owned(),
                    message: "nobody listens".to_owned(),
                });
            Outcome { at_ms: 0, answer }
        });
        let Turn::Done(report) = work.next(outcomes.collect(), &host) else {
            panic!("not done")
        };
        let notes = report.notes.into_iter().map(|it| it.message).collect();
        (serde_json::from_str(&report.table).unwrap(), notes)
    }

    const LEADER: &str = "ledger_blockchain_height{channel=\"a\"} 13\nparticipation_consensus_relation{channel=\"a\"} 1\n\
        participation_status{channel=\"a\"} 1\nconsensus_etcdraft_is_leader{channel=\"a\"} 1\n\
        consensus_etcdraft_committed_block_number{channel=\"b\"} 4\nparticipation_consensus_relation{channel=\"b\"} 2\n\
        participation_status{channel=\"b\"} 2\n";

    #[test]
    fn an_orderer_says_whether_it_takes_part() {
        let (cells, notes) = table(
            "orderer-status",
            "orderer/orderer0.orderer",
            40 * DAY,
            &[("orderer/orderer0.orderer", LEADER)],
        );
        assert_eq!(
            cells,
            json!({"HEIGHTS": "a=13,b=5", "CONSENSUS": "a=leader,b=follower/onboarding", "EXPIRES": "40d"})
        );
        assert!(notes.is_empty());
    }

    #[test]
    fn a_peer_is_compared_with_the_highest_orderer() {
        let peer = "ledger_blockchain_height{channel=\"a\"} 11\nledger_blockchain_height{channel=\"c\"} 2\n";
        let low = "ledger_blockchain_height{channel=\"a\"} 9\n";
        let (cells, notes) = table(
            "peer-status",
            "peer/peer0.org1",
            2 * DAY + 5,
            &[
                ("peer/peer0.org1", peer),
                ("orderer/orderer0.orderer", LEADER),
                ("orderer/orderer1.orderer", low),
            ],
        );
        assert_eq!(
            cells,
            json!({"HEIGHTS": "a=11,c=2", "LAG": "a=2,c=?", "EXPIRES": "2d"})
        );
        assert_eq!(
            notes,
            [
                "a certificate of peer0.org1 expires in 2 days: kubectl chain run cert-renew org1 only=peer0"
            ]
        );
    }

    #[test]
    fn a_silent_node_is_no_failure() {
        let (cells, notes) = table("peer-status", "peer/peer0.org1", -1, &[]);
        assert_eq!(cells, json!({"HEIGHTS": "-", "LAG": "-", "EXPIRES": "-1d"}));
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(
            notes[0].contains("nobody listens") && notes[1].contains("has expired"),
            "{notes:?}"
        );
    }
}

//! The hooks around restarts of orderers and peers: who leads a channel goes last, and whoever is ready again is waited
//! for until channels have it back. A pod is ready long before that, and says nothing of it.
//!
//! From metrics, and from whether the node answers calls at all. No key is read. A channel that the spec does not name is
//! not looked at.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::doing::{Hands, join, join_all};
use chain_plugin_sdk::{
    Act, Diagnostics, Host, Http, Report, Request, Step, Subject, Tls, Topology, reference, warning,
};
use fabric_channel::tree::bft_quorum;
use fabric_service::facts::{NodeIdentity, OrgIdentity};
use fabric_service::fault::refuse_with;
use fabric_service::{Network, extra, item, kind, port, role};
use fabric_transaction::grpc;
use fabric_transaction::metrics::{Channel, Metrics};
use fabric_transaction::participation::{Relation, State};
use serde_json::json;

use super::crew::fact;
use super::report;
use super::status::{ask, ends, height};

/// The end of the names of gates.
pub const GATE: &str = "-gate";
/// The operation that tells whether an orderer leads.
pub const TURN: &str = "orderer-turn";

/// How long a node may take without coming nearer, in milliseconds. Elections take up to 20 seconds.
const PATIENCE: u64 = 120_000;
/// How long it may take however near it comes, in milliseconds.
const LONGEST: u64 = 1_800_000;
/// How long nothing is said, and then nothing more, in milliseconds.
const TELLING: u64 = 10_000;
/// The first pause between two looks, and the longest, in milliseconds.
const PAUSES: (u32, u32) = (200, 1_000);
/// Longest wait for a sign of life, in milliseconds.
const SOON: u32 = 5_000;
/// A call that every server of gRPC answers, if only to say that it has no such service.
const KNOCK: &str = "/grpc.health.v1.Health/Check";

/// Another node of this party, to which the one that is back is compared.
#[derive(Debug)]
struct Other {
    id: String,
    is_orderer: bool,
    /// The second at which the first of its certificates ends.
    ends: Option<i64>,
}

/// A channel of the spec in which the node takes part.
#[derive(Debug)]
struct Place {
    name: String,
    /// Whether the node is a consenter from block 0 on.
    founds: bool,
}

/// The wait for one node.
#[derive(Debug)]
pub struct Gate {
    subject: Subject,
    server_name: String,
    roots: Vec<u8>,
    places: Vec<Place>,
    others: Vec<Other>,
    /// Now, in seconds since 1970.
    now: i64,
}

/// What was seen at once.
#[derive(Debug, Default)]
struct Look {
    mine: Metrics,
    others: BTreeMap<String, Metrics>,
}

/// Why a node is not back yet.
#[derive(Debug, PartialEq, Eq)]
struct Lacking {
    why: String,
    /// The channel that nobody can bring back before others are renewed.
    hopeless: Option<String>,
}

impl Gate {
    /// Reads what is known of the node and of those beside it.
    pub fn gather(all: Topology, what: &Request, host: &dyn Host) -> Result<Self, Diagnostics> {
        let network = Network::new(all)?;
        let subject = network.subject(&what.subject)?.clone();
        let org = network.parent(&subject)?;
        let is_orderer = subject.kind == kind::ORDERER;
        let address = network.address(
            &subject,
            if is_orderer {
                port::ORDERER
            } else {
                port::PEER
            },
        );
        let mut places = Vec::new();
        for channel in network.of_kind(kind::CHANNEL).filter(|it| !it.foreign) {
            let about: extra::Channel = extra::of(channel)?;
            let members = if is_orderer {
                &about.ordering
            } else {
                &about.orgs
            };
            if !members.contains(&org.id) {
                continue;
            }
            // Where orderers make block 0 themselves, none of them stands in it.
            let first = host.kept(&reference(role::STACK, &channel.id, item::BLOCK));
            let founds = match (&address, first) {
                (Ok((name, _)), Some(block)) => super::consenters::founds_by(&block, name),
                _ => false,
            };
            places.push(Place {
                name: channel.name.clone(),
                founds,
            });
        }
        let mut others = Vec::new();
        for other in &network.topology.subjects {
            let of_orderers = other.kind == kind::ORDERER;
            let counts = of_orderers || (!is_orderer && other.kind == kind::PEER);
            if !counts || other.foreign || other.id == subject.id {
                continue;
            }
            let identity: Option<NodeIdentity> = fact(host, &other.id, role::MSP)?;
            others.push(Other {
                id: other.id.clone(),
                is_orderer: of_orderers,
                ends: identity.and_then(|it| ends(&it)),
            });
        }
        let identity: OrgIdentity = fact(host, &org.id, role::MSP)?.unwrap_or_default();
        Ok(Self {
            server_name: address.map(|it| it.0).unwrap_or_default(),
            roots: identity.tls_ca_certificate.into_bytes(),
            places,
            others,
            now: i64::try_from(what.now_ms / 1000).unwrap_or(i64::MAX),
            subject,
        })
    }

    /// Waits until the node is back in its channels.
    ///
    /// # Errors
    /// What is missing, when it came no nearer for a while.
    pub async fn pass(self, hands: Hands) -> Result<Report, Diagnostics> {
        let name = &self.subject.name;
        if self.places.is_empty() {
            return Ok(report(format!("{name} is in no channel"), &json!({})));
        }
        let begun = hands.now_ms();
        let (mut until, mut told) = (begun.saturating_add(PATIENCE), begun);
        let mut pause = PAUSES.0;
        let mut silent = Some(String::new());
        let mut goals = Goals::default();
        let mut before = String::new();
        loop {
            let look = self.look(&hands, &mut silent).await;
            goals.see(look.as_ref());
            let lacking = match &look {
                Some(look) => self.lacking(look, &goals),
                None => Some(Lacking {
                    why: "it answers no calls".to_owned(),
                    hopeless: None,
                }),
            };
            let Some(Lacking { why, hopeless }) = lacking else {
                let text = format!("{name} is back in its channels");
                return Ok(report(text, &json!({})));
            };
            if let Some(channel) = hopeless {
                let message = format!(
                    "{name}: {why}; so many orderers have certificates that expired that channel {channel} stands still until more of them are renewed, and the next one is not kept waiting"
                );
                return Ok(Report {
                    notes: vec![warning("gate", "", message)],
                    ..report(String::new(), &json!({}))
                });
            }
            let now = hands.now_ms();
            if why != before {
                before.clone_from(&why);
                until = now.saturating_add(PATIENCE);
            }
            if now >= until.min(begun.saturating_add(LONGEST)) {
                let because = silent.map_or_else(String::new, |it| format!(" ({it})"));
                let message = format!(
                    "{name} is ready again, but after {} s {why}{because}",
                    now.saturating_sub(begun) / 1000
                );
                let hint = format!("see why: kubectl chain logs {name}");
                return Err(refuse_with("gate", "", message, &hint));
            }
            let says = if now.saturating_sub(told) >= TELLING {
                told = now;
                format!("not back yet: {why}")
            } else {
                String::new()
            };
            hands.sleep(&self.subject.id, &says, pause).await;
            pause = pause.saturating_mul(2).min(PAUSES.1);
        }
    }

    /// Looks at all of them; nothing while the node does not answer, with the reason in `silent`. Metrics are served before
    /// channels are opened, and calls after it.
    async fn look(&self, hands: &Hands, silent: &mut Option<String>) -> Option<Look> {
        if silent.is_some() {
            *silent = self.knock(hands).await.err();
            if silent.is_some() {
                return None;
            }
        }
        let ops = |is_orderer: bool| {
            if is_orderer {
                port::ORDERER_OPS
            } else {
                port::PEER_OPS
            }
        };
        let others = self.others.iter().map(|other| async move {
            let metrics = ask(hands, &other.id, ops(other.is_orderer)).await.ok()?;
            Some((other.id.clone(), metrics))
        });
        let own = ops(self.subject.kind == kind::ORDERER);
        let (mine, others) = join(
            ask(hands, &self.subject.id, own),
            join_all(others.collect::<Vec<_>>()),
        )
        .await;
        Some(Look {
            mine: mine.ok()?,
            others: others.into_iter().flatten().collect(),
        })
    }

    async fn knock(&self, hands: &Hands) -> Result<(), String> {
        let port = if self.subject.kind == kind::ORDERER {
            port::ORDERER
        } else {
            port::PEER
        };
        let http = Http {
            port: port.to_owned(),
            h2: true,
            tls: Some(Tls {
                server_name: self.server_name.clone(),
                roots: self.roots.clone(),
                identity: None,
            }),
            method: grpc::HTTP_METHOD.to_owned(),
            path: KNOCK.to_owned(),
            headers: grpc::HEADERS
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            body: grpc::frame(&[]),
        };
        let step = Step {
            on: self.subject.id.clone(),
            says: String::new(),
            sensitive: false,
            timeout_ms: SOON,
            act: Act::Http(http),
        };
        let answer = hands.act(step).await.answer;
        answer.map(drop).map_err(|failure| failure.message)
    }

    /// What the node lacks; nothing when it is back.
    fn lacking(&self, look: &Look, goals: &Goals) -> Option<Lacking> {
        for place in &self.places {
            // A channel that it never joined is not brought back by waiting.
            let Some(mine) = look.mine.channels.get(&place.name) else {
                continue;
            };
            let beside = |other: &&Other| other.is_orderer;
            let orderers: Vec<&Channel> = self
                .others
                .iter()
                .filter(beside)
                .filter_map(|it| look.others.get(&it.id)?.channels.get(&place.name))
                .collect();
            if let Some(what) = part(place, mine, &orderers) {
                let hopeless = self.stands_still(mine).then(|| place.name.clone());
                return Some(Lacking {
                    why: what,
                    hopeless,
                });
            }
            let goal = goals.of.get(&place.name).copied().unwrap_or(0);
            let own = height(mine).unwrap_or(0);
            if own < goal {
                return Some(Lacking {
                    why: format!("it has {own} of {goal} blocks of channel {}", place.name),
                    hopeless: None,
                });
            }
        }
        None
    }

    /// Whether others whose certificates have expired are too many for a channel to be ordered at all.
    fn stands_still(&self, mine: &Channel) -> bool {
        let Some(size) = mine.cluster_size.and_then(|it| usize::try_from(it).ok()) else {
            return false;
        };
        let expired = self.others.iter().filter(|it| it.is_orderer);
        let expired = expired.filter(|it| it.ends.is_some_and(|ends| ends < self.now));
        let quorum = if mine.bft_leader.is_some() {
            bft_quorum(size)
        } else {
            size / 2 + 1
        };
        size.saturating_sub(expired.count()) < quorum
    }
}

/// How far others were when they were first seen.
#[derive(Debug, Default)]
struct Goals {
    seen: BTreeSet<String>,
    of: BTreeMap<String, u64>,
}

impl Goals {
    fn see(&mut self, look: Option<&Look>) {
        for (id, metrics) in look.iter().flat_map(|it| &it.others) {
            if !self.seen.insert(id.clone()) {
                continue;
            }
            for (name, channel) in &metrics.channels {
                let goal = self.of.entry(name.clone()).or_default();
                *goal = (*goal).max(height(channel).unwrap_or(0));
            }
        }
    }
}

/// What an orderer lacks of taking part in a channel; nothing when it does, or when it is no consenter by right, or when
/// nobody tells (1.4, and peers).
fn part(place: &Place, mine: &Channel, others: &[&Channel]) -> Option<String> {
    let name = &place.name;
    match mine.relation? {
        Relation::Consenter => {}
        Relation::Follower if place.founds => {
            return Some(format!(
                "it only follows channel {name}, in which it is a consenter: its TLS key is another"
            ));
        }
        _ => return None,
    }
    if let Some(state) = mine.status.filter(|it| *it != State::Active) {
        return Some(format!("channel {name} is {state:?} there").to_lowercase());
    }
    if let Some(active) = mine.raft_active_nodes {
        // Each tells what the leader tells, from when it has heard of one.
        let consent = |it: &&&Channel| it.relation == Some(Relation::Consenter);
        let own = others.iter().filter(consent).count().saturating_add(1);
        if active == 0 {
            return Some(format!("it knows no leader of channel {name}"));
        }
        if usize::try_from(active).is_ok_and(|it| it < own) {
            return Some(format!(
                "{active} orderers of channel {name} work together, and {own} are up here"
            ));
        }
    }
    (mine.bft_leader == Some(0)).then(|| format!("it knows no leader of channel {name}"))
}

/// Whether an orderer had better be restarted after the others.
#[derive(Debug)]
pub struct Leading {
    orderer: String,
    /// Without a channel nobody leads, and nobody is asked.
    has_channels: bool,
}

impl Leading {
    /// About the subject of a request.
    pub fn of(all: &Topology, what: &Request) -> Self {
        Self {
            orderer: what.subject.clone(),
            has_channels: all.subjects.iter().any(|it| it.kind == kind::CHANNEL),
        }
    }

    /// Asks the orderer.
    pub async fn tell(self, hands: Hands) -> Result<Report, Diagnostics> {
        let led = if self.has_channels {
            leads(&hands, &self.orderer).await
        } else {
            None
        };
        Ok(match led {
            Some(channel) => {
                let why = format!("it leads channel {channel}");
                report(why.clone(), &json!({"later": why}))
            }
            None => report("it leads no channel", &json!({})),
        })
    }
}

/// A channel that an orderer leads, with others: none that is silent.
pub async fn leads(hands: &Hands, orderer: &str) -> Option<String> {
    let metrics = ask(hands, orderer, port::ORDERER_OPS).await.ok()?;
    let led = |channel: &Channel| {
        channel.is_leader == Some(true) && channel.cluster_size.is_none_or(|it| it > 1)
    };
    let mut channels = metrics.channels.iter();
    let found = channels.find(|(_, channel)| led(channel));
    found.map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use fabric_transaction::metrics::read;

    use super::*;

    fn gate(founds: bool) -> Gate {
        let subject = fabric_service::fixture::subjects(fabric_service::fixture::Size::default())
            .into_iter()
            .find(|it| it.kind == kind::ORDERER)
            .unwrap();
        let other = |n: u32, ends: i64| Other {
            id: format!("orderer/orderer{n}.orderer"),
            is_orderer: true,
            ends: Some(ends),
        };
        Gate {
            subject,
            server_name: String::new(),
            roots: Vec::new(),
            places: vec![Place {
                name: "a".to_owned(),
                founds,
            }],
            others: vec![other(1, 2_000), other(2, 2_000)],
            now: 1_000,
        }
    }

    fn raft(relation: u32, active: u32, height: u64) -> Metrics {
        read(&format!(
            "ledger_blockchain_height{{channel=\"a\"}} {height}\nparticipation_consensus_relation{{channel=\"a\"}} {relation}\nparticipation_status{{channel=\"a\"}} 1\nconsensus_etcdraft_active_nodes{{channel=\"a\"}} {active}\nconsensus_etcdraft_cluster_size{{channel=\"a\"}} 3\n"
        ))
        .unwrap()
    }

    fn look(mine: Metrics, others: &[Metrics]) -> Look {
        let others = others.iter().enumerate().map(|(at, it)| {
            let id = format!("orderer/orderer{}.orderer", at + 1);
            (id, it.clone())
        });
        Look {
            mine,
            others: others.collect(),
        }
    }

    fn why(gate: &Gate, look: Look) -> Option<String> {
        let mut goals = Goals::default();
        goals.see(Some(&look));
        gate.lacking(&look, &goals).map(|it| {
            assert_eq!(it.hopeless, None);
            it.why
        })
    }

    #[test]
    fn an_orderer_is_back_when_it_takes_part_again_and_has_all_blocks() {
        let gate = gate(true);
        let both = [raft(1, 3, 9), raft(1, 3, 8)];
        assert_eq!(why(&gate, look(raft(1, 3, 9), &both)), None);
        for (mine, word) in [
            (raft(1, 0, 9), "knows no leader"),
            (
                raft(1, 2, 9),
                "2 orderers of channel a work together, and 3",
            ),
            (raft(1, 3, 8), "8 of 9 blocks"),
            (raft(2, 3, 9), "its TLS key is another"),
        ] {
            let said = why(&gate, look(mine, &both)).unwrap();
            assert!(said.contains(word), "{word}: {said}");
        }
        // One that was stopped for a reason is not waited for.
        assert_eq!(why(&gate, look(raft(1, 2, 9), &both[..1])), None);
        // Nor is one back that is silent about a channel which it never joined.
        assert_eq!(why(&gate, look(Metrics::default(), &both)), None);
    }

    #[test]
    fn one_that_follows_by_right_needs_blocks_only() {
        let gate = gate(false);
        assert_eq!(why(&gate, look(raft(2, 0, 9), &[raft(1, 3, 9)])), None);
        let said = why(&gate, look(raft(2, 0, 3), &[raft(1, 3, 9)])).unwrap();
        assert!(said.contains("3 of 9 blocks"), "{said}");
    }

    #[test]
    fn with_bft_it_must_know_a_leader() {
        let bft = |leader: u32| {
            read(&format!(
                "ledger_blockchain_height{{channel=\"a\"}} 5\nparticipation_consensus_relation{{channel=\"a\"}} 1\nparticipation_status{{channel=\"a\"}} 1\nconsensus_BFT_leader_id{{channel=\"a\"}} {leader}\nconsensus_BFT_cluster_size{{channel=\"a\"}} 4\n"
            ))
            .unwrap()
        };
        let gate = gate(true);
        assert_eq!(why(&gate, look(bft(2), &[bft(2), bft(2)])), None);
        let said = why(&gate, look(bft(0), &[bft(2), bft(2)])).unwrap();
        assert!(said.contains("knows no leader"), "{said}");
    }

    /// Who renews certificates that have expired must get to the second orderer, though the first is alone till then.
    #[test]
    fn expired_certificates_of_others_keep_nobody_waiting() {
        let mut gate = gate(true);
        for other in &mut gate.others {
            other.ends = Some(999);
        }
        let look = look(raft(1, 0, 9), &[raft(1, 0, 9), raft(1, 0, 9)]);
        let lacking = gate.lacking(&look, &Goals::default()).unwrap();
        assert_eq!(lacking.hopeless.as_deref(), Some("a"));
        // With the second one renewed there is a quorum, and it has to come about.
        gate.others.first_mut().unwrap().ends = Some(2_000);
        let lacking = gate.lacking(&look, &Goals::default()).unwrap();
        assert_eq!(lacking.hopeless, None);
    }
}

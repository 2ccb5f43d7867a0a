//! Organisations of both files as the stack's own: names, namespaces, nodes, who is an anchor.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::configtx::{Configtx, TxOrg};
use super::crypto::{CryptoOrg, Member};
use super::label::{distinct, label, of_msp};
use super::notes::Notes;
use super::ordering::Consenter;
use super::org::{Node, Org};
use super::place::Place;

/// Where orderers listen.
const ORDERER_PORT: u64 = 7050;
/// The plugin of those who do not agree.
const SOLO: &str = "orderer_solo";
/// Where peers listen.
const PEER_PORT: u64 = 7051;
/// Most peers that are made up to the one that is an anchor.
const MOST_PEERS: u32 = 1000;

/// The organisations, and which of them is meant by an MSP.
#[derive(Debug)]
pub struct Orgs {
    /// As they stand under `orgs`.
    pub entries: Vec<Value>,
    /// Names by MSP, of those that have peers.
    pub with_peers: BTreeMap<String, String>,
}

/// Puts both files together.
pub fn orgs(crypto: &[CryptoOrg<'_>], tx: &Configtx<'_>, notes: &mut Notes) -> Orgs {
    let mut builder = Builder {
        tx,
        taken: BTreeSet::new(),
        orgs: Vec::new(),
    };
    for (index, org) in crypto.iter().enumerate() {
        let of_channels = tx.orgs.iter().find(|it| it.crypto == Some(index));
        builder.of_crypto(org, of_channels, notes);
    }
    for org in tx.orgs.iter().filter(|it| it.crypto.is_none()) {
        if !crypto.is_empty() {
            let reason = "no organisation of crypto-config.yaml is meant by it: its nodes are what this file tells of them";
            notes.warn(&org.place, reason, "");
        }
        builder.of_channels(org, notes);
    }
    builder.consenters(notes);
    builder.addresses(notes);
    builder.alone(notes);
    builder.anchors(notes);
    let ordering = builder.orgs.iter().any(|org| org.ordering);
    if !ordering && !builder.orgs.is_empty() {
        notes.tell("no organisation orders: the chain gets one that does, `orderer`");
    }
    builder.orgs.sort_by_key(|org| !org.ordering);
    let with_peers = builder
        .orgs
        .iter()
        .filter(|org| org.peers.as_ref().is_none_or(|peers| !peers.is_empty()))
        .filter(|org| org.peers.is_some() || !org.ordering)
        .map(|org| (org.id(), org.name.clone()))
        .collect();
    Orgs {
        entries: builder.orgs.iter().map(Org::entry).collect(),
        with_peers,
    }
}

struct Builder<'a> {
    tx: &'a Configtx<'a>,
    taken: BTreeSet<String>,
    orgs: Vec<Org<'a>>,
}

impl<'a> Builder<'a> {
    fn of_crypto(&mut self, org: &CryptoOrg<'_>, tx: Option<&'a TxOrg<'a>>, notes: &mut Notes) {
        let some_order = self.tx.orgs.iter().any(|it| it.orders);
        if org.ordering && some_order && !tx.is_some_and(|it| it.orders) {
            let reason = "it is left out: no profile that is taken lets it order";
            notes.ignore(&org.place, reason, "");
            return;
        }
        let namespace = label(&org.domain, "org");
        let wanted = [label(&org.name, "org"), namespace.clone()];
        let name = distinct(&mut self.taken, &wanted);
        if namespace != org.domain {
            let at = org.place.get("Domain").unwrap_or_else(|| org.place.clone());
            let message = format!(
                "{} is no DNS label: the namespace is {namespace}, a node's host NODE.{namespace}; the domain stays in the authorities' names, and NODE.{} among the names of each certificate",
                org.domain, org.domain
            );
            notes.inform(&at, &message);
        }
        let made = self.nodes(&org.members, &namespace, &org.place, notes);
        let (mut orderers, mut peers) = (None, None);
        let orders = org.ordering || tx.is_some_and(|it| it.orders);
        if org.ordering {
            orderers = Some(made);
        } else {
            peers = Some(made);
        }
        if orders && !org.ordering {
            let reason = "it orders as well, and crypto-config.yaml names no orderer of it: it has as many as is usual";
            notes.warn(
                &org.place,
                reason,
                "`orderers` of the organisation says how many",
            );
        }
        self.orgs.push(Org {
            name,
            msp_id: tx.map(|it| it.id),
            namespace,
            domain: org.domain.clone(),
            ordering: orders,
            orderers,
            peers,
            users: (!org.ordering).then_some(org.users),
            node_ous: org.node_ous,
            subject: org.subject.clone(),
        });
    }

    fn nodes(
        &self,
        members: &[Member],
        namespace: &str,
        place: &Place<'_>,
        notes: &mut Notes,
    ) -> Vec<Node> {
        let mut taken = BTreeSet::new();
        let mut made = Vec::new();
        for member in members {
            let wanted = label(&member.hostname, "node");
            let name = distinct(&mut taken, &[wanted]);
            if name != member.hostname {
                let reason = format!(
                    "{} is no DNS label: the node is {name}, with its old name in its certificate",
                    member.hostname
                );
                notes.warn(place, &reason, "");
            }
            let host = format!("{name}.{namespace}");
            // These stand in each certificate anyway.
            let own = [
                name.clone(),
                host.clone(),
                format!("{host}.svc"),
                format!("{host}.svc.cluster.local"),
                "localhost".to_owned(),
                "127.0.0.1".to_owned(),
            ];
            let mut sans: Vec<String> = Vec::new();
            let said = [&member.common_name, &member.hostname];
            for san in said.into_iter().chain(&member.sans) {
                if !own.contains(san) && !sans.contains(san) && !san.is_empty() {
                    sans.push(san.clone());
                }
            }
            made.push(Node {
                known: vec![member.common_name.clone(), member.hostname.clone(), host],
                name,
                sans,
                anchor: false,
            });
        }
        made
    }

    /// An organisation of which only configtx.yaml tells.
    fn of_channels(&mut self, org: &'a TxOrg<'a>, notes: &mut Notes) {
        let short = of_msp(org.id);
        let namespace = org.domain.map(|domain| label(domain, "org"));
        let wanted = [short.clone(), namespace.clone().unwrap_or(short)];
        let name = distinct(&mut self.taken, &wanted);
        let namespace = namespace.unwrap_or_else(|| name.clone());
        let domain = org.domain.map_or_else(|| namespace.clone(), str::to_owned);
        let orderers = org
            .orders
            .then(|| self.told(org, &namespace, &domain, notes));
        let orderers = orderers.filter(|all| !all.is_empty());
        if org.orders && orderers.is_none() {
            let reason = "no file tells its orderers: it has as many as is usual";
            notes.warn(
                &org.place,
                reason,
                "`orderers` of the organisation says how many",
            );
        }
        if org.applies {
            let reason = "how many peers it has stands in crypto-config.yaml, which tells nothing of it: it has as many as is usual";
            notes.inform(&org.place, reason);
        }
        self.orgs.push(Org {
            name,
            msp_id: Some(org.id),
            namespace,
            domain,
            ordering: org.orders,
            orderers,
            peers: None,
            users: None,
            node_ous: true,
            subject: [None, None, None],
        });
    }

    /// The orderers of an organisation by the consenters' certificates and hosts, else by addresses.
    fn told(&self, org: &TxOrg<'_>, namespace: &str, domain: &str, notes: &mut Notes) -> Vec<Node> {
        let Some(ordering) = &self.tx.ordering else {
            return Vec::new();
        };
        let alone = self.tx.orgs.iter().filter(|it| it.orders).count() == 1;
        let mut hosts: Vec<&str> = Vec::new();
        for consenter in &ordering.consenters {
            let of_path = consenter.path.map(|(_, of)| Some(of) == org.domain);
            let of_msp = consenter.msp_id.map(|id| id == org.id);
            let host = common_name(consenter);
            let below = host.is_some_and(|host| host.ends_with(&format!(".{domain}")));
            if of_path.or(of_msp).unwrap_or(alone || below) {
                hosts.extend(host);
            }
        }
        if hosts.is_empty() {
            let addresses = org.endpoints.iter().chain(&ordering.addresses);
            let names = addresses.map(|(text, _)| host_and_port(text).0);
            let below = |host: &&str| host.ends_with(&format!(".{domain}"));
            hosts.extend(names.filter(below));
        }
        let mut members: Vec<Member> = Vec::new();
        for host in hosts {
            let short = host.strip_suffix(&format!(".{domain}")).unwrap_or(host);
            let number = host.parse::<std::net::IpAddr>().is_ok();
            let hostname = if number {
                format!("orderer{}", members.len())
            } else {
                short.split('.').next().unwrap_or(short).to_owned()
            };
            if !members.iter().any(|it| it.hostname == hostname) {
                members.push(Member {
                    hostname,
                    common_name: host.to_owned(),
                    sans: Vec::new(),
                });
            }
        }
        self.nodes(&members, namespace, &org.place, notes)
    }

    /// Holds the consenters against the orderers, each of which is one here.
    fn consenters(&mut self, notes: &mut Notes) {
        let Some(ordering) = &self.tx.ordering else {
            return;
        };
        let mut named = BTreeSet::new();
        for consenter in &ordering.consenters {
            let all = self.orgs.iter().flat_map(|org| {
                let own = org.orderers.iter().flatten();
                own.map(move |node| (org, node))
            });
            let wanted = common_name(consenter);
            let known = |node: &Node| {
                wanted.is_some_and(|wanted| node.known.iter().any(|name| name == wanted))
            };
            let Some((org, node)) = all.into_iter().find(|(_, node)| known(node)) else {
                let reason = "it has no effect: no orderer has this name";
                notes.ignore(&consenter.place, reason, "");
                continue;
            };
            let host = format!("{}.{}", node.name, org.namespace);
            named.insert(host.clone());
            if let Some((text, at)) = &consenter.host
                && !node.known.iter().any(|name| name == text)
            {
                let reason = format!("it has no effect: others dial {host}:{ORDERER_PORT}");
                notes.ignore(at, &reason, "");
            }
            if let Some((port, at)) = &consenter.port
                && *port != ORDERER_PORT
            {
                let reason = format!("it has no effect: orderers listen on {ORDERER_PORT}");
                notes.ignore(at, &reason, "");
            }
        }
        if named.is_empty() {
            return;
        }
        for org in &self.orgs {
            for node in org.orderers.iter().flatten() {
                let host = format!("{}.{}", node.name, org.namespace);
                if !named.contains(&host) {
                    let message = format!(
                        "{host} is no consenter in configtx.yaml; here every orderer of an organisation that orders is one"
                    );
                    notes.tell(&message);
                }
            }
        }
    }

    /// Tells which addresses of orderers are not those that they have here.
    fn addresses(&self, notes: &mut Notes) {
        let addresses = self.tx.ordering.iter().flat_map(|it| &it.addresses);
        let endpoints = self.tx.orgs.iter().filter(|org| org.orders);
        let endpoints = endpoints.flat_map(|org| &org.endpoints);
        for (text, place) in addresses.chain(endpoints) {
            let (host, port) = host_and_port(text);
            let mut known = self
                .orgs
                .iter()
                .flat_map(|org| org.orderers.iter().flatten());
            let same = known.any(|node| node.known.iter().any(|name| name == host));
            if !same || port != Some(ORDERER_PORT) {
                let reason = format!(
                    "{text} has no effect: an orderer's address is its Service, such as orderer0.NAMESPACE:{ORDERER_PORT}"
                );
                notes.ignore(
                    place,
                    &reason,
                    "`host` of the orderer says how it is reached from outside",
                );
            }
        }
        for org in self.tx.orgs.iter().filter(|org| !org.orders) {
            if let Some(place) = org.place.get("OrdererEndpoints") {
                notes.ignore(
                    &place,
                    "it has no effect: the organisation does not order",
                    "",
                );
            }
        }
    }

    /// Where nobody agrees with anybody one orderer orders: the one at the address that the file says, else the first. The
    /// files of a sample list some more, for its other profiles.
    fn alone(&mut self, notes: &mut Notes) {
        let Some(ordering) = &self.tx.ordering else {
            return;
        };
        let plugin = ordering.service.get("plugin").and_then(Value::as_str);
        let all: Vec<(usize, usize)> = self
            .orgs
            .iter()
            .enumerate()
            .flat_map(|(at, org)| (0..org.orderers.iter().flatten().count()).map(move |n| (at, n)))
            .collect();
        if plugin != Some(SOLO) || all.len() < 2 {
            return;
        }
        let endpoints = self.tx.orgs.iter().filter(|org| org.orders);
        let endpoints = endpoints.flat_map(|org| &org.endpoints);
        let hosts: Vec<&str> = ordering
            .addresses
            .iter()
            .chain(endpoints)
            .map(|(text, _)| host_and_port(text).0)
            .collect();
        let node = |(at, n): &(usize, usize)| {
            let orderers = self.orgs.get(*at).and_then(|org| org.orderers.as_ref());
            orderers.and_then(|all| all.get(*n))
        };
        let said = |place: &&(usize, usize)| {
            node(place).is_some_and(|it| it.known.iter().any(|name| hosts.contains(&name.as_str())))
        };
        let Some(chosen) = all.iter().find(said).or_else(|| all.first()).copied() else {
            return;
        };
        let name = |place: &(usize, usize)| {
            let org = self
                .orgs
                .get(place.0)
                .map_or("", |org| org.namespace.as_str());
            format!("{}.{org}", node(place).map_or("", |it| it.name.as_str()))
        };
        let left: Vec<String> = all.iter().filter(|it| **it != chosen).map(name).collect();
        let reason = format!(
            "solo is one orderer, {}: left out are {}",
            name(&chosen),
            left.join(", ")
        );
        if let Some(org) = self.tx.orgs.iter().find(|org| org.orders) {
            let hint = "`services: {orderer: orderer_raft}` has them all agree";
            notes.warn(&org.place, &reason, hint);
        } else {
            notes.tell(&reason);
        }
        for (at, org) in self.orgs.iter_mut().enumerate() {
            let mut n = 0;
            if let Some(orderers) = &mut org.orderers {
                orderers.retain(|_| {
                    n += 1;
                    (at, n - 1) == chosen
                });
            }
        }
    }

    /// Says which peers are anchors.
    fn anchors(&mut self, notes: &mut Notes) {
        for tx in &self.tx.orgs {
            let Some(org) = self.orgs.iter_mut().find(|org| org.msp_id == Some(tx.id)) else {
                continue;
            };
            if org.peers.is_none() && tx.applies {
                org.peers = up_to(&tx.anchors, &org.namespace, &org.domain);
            }
            for (host, port, place) in &tx.anchors {
                let known = |node: &&mut Node| node.known.iter().any(|name| name == host);
                if let Some(node) = org.peers.iter_mut().flatten().find(known) {
                    node.anchor = true;
                } else {
                    let firsts = [&org.namespace, &org.domain].map(|of| format!("peer0.{of}"));
                    if org.peers.is_some() || !firsts.iter().any(|first| first == host) {
                        let reason = format!(
                            "{host} has no effect: no peer has this name; the first peer is the anchor when none else is"
                        );
                        notes.ignore(place, &reason, "`anchor: true` of a peer makes it one");
                        continue;
                    }
                }
                if port.is_some_and(|port| port != PEER_PORT)
                    && let Some(at) = place.get("Port")
                {
                    let reason = format!("it has no effect: peers listen on {PEER_PORT}");
                    notes.ignore(&at, &reason, "");
                }
            }
            let peers = org.peers.iter_mut().flatten();
            let anchors: Vec<usize> = peers
                .enumerate()
                .filter(|(_, node)| node.anchor)
                .map(|(index, _)| index)
                .collect();
            // The first one is the anchor anyway.
            if anchors == [0]
                && let Some(first) = org.peers.iter_mut().flatten().next()
            {
                first.anchor = false;
            }
        }
    }
}

/// The peers of an organisation of which only anchors are known, when one of them is not the first: all up to that one.
fn up_to(
    anchors: &[(&str, Option<u64>, Place<'_>)],
    namespace: &str,
    domain: &str,
) -> Option<Vec<Node>> {
    let number = |host: &str| {
        let name = host.split('.').next()?;
        let number: u32 = name.strip_prefix("peer")?.parse().ok()?;
        (number < MOST_PEERS).then_some(number)
    };
    let last = anchors.iter().filter_map(|(host, ..)| number(host)).max()?;
    if last == 0 {
        return None;
    }
    let node = |n: u32| {
        let name = format!("peer{n}");
        let host = format!("{name}.{namespace}");
        let common_name = format!("{name}.{domain}");
        Node {
            sans: if host == common_name {
                Vec::new()
            } else {
                vec![common_name.clone()]
            },
            known: vec![common_name, host, name.clone()],
            name,
            anchor: false,
        }
    };
    Some((0..=last).map(node).collect())
}

/// The name of a consenter in its certificate, else the host that is dialled.
fn common_name<'a>(consenter: &Consenter<'a>) -> Option<&'a str> {
    let host = || consenter.host.as_ref().map(|(host, _)| *host);
    consenter.path.map(|(name, _)| name).or_else(host)
}

fn host_and_port(text: &str) -> (&str, Option<u64>) {
    match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (text, None),
    }
}

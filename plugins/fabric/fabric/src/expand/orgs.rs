//! Organisations: who there is, and their nodes, users and servers.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::spec::ExpandSpec;
use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_service::fault::{refuse, refuse_with};
use fabric_service::{CHAIN, extra, kind, port, role};

use super::births::{Births, with};
use crate::input::{self, Node, Several, key};
use crate::names;
use crate::options::{Namespaces, Options};

/// How many organisations there are when the user says nothing.
const ORGS: u32 = 2;
/// How many peers one has: while one is away the other endorses.
const PEERS: u32 = 2;
/// How many users beside the administrator.
const USERS: u32 = 1;

/// An organisation with everything decided.
#[derive(Debug)]
pub struct Org {
    /// What the user says.
    pub entry: input::Org,
    /// Its namespace.
    pub namespace: String,
    /// Whether it has that for itself, so that its Services have short names.
    pub alone: bool,
    /// Its name in channels.
    pub msp_id: String,
    /// Names and settings of its orderers.
    pub orderers: Vec<Node>,
    /// Names and settings of its peers.
    pub peers: Vec<Node>,
    /// Names of its users beside the administrator.
    pub users: Vec<String>,
}

impl Org {
    /// Its id.
    pub fn id(&self) -> String {
        format!("{}/{}", kind::ORG, self.entry.name)
    }

    /// The name of the Service of its pod `name`.
    pub fn service(&self, chain: &str, name: &str) -> String {
        if self.alone {
            name.to_owned()
        } else {
            self.workload(chain, name)
        }
    }

    /// The name of the workload of its pod `name`.
    pub fn workload(&self, chain: &str, name: &str) -> String {
        if self.alone {
            format!("{chain}-{name}")
        } else {
            format!("{chain}-{name}-{}", self.entry.name)
        }
    }

    /// The domain of its certificates: that of its hosts.
    fn domain(&self) -> String {
        match &self.entry.domain {
            Some(domain) => domain.clone(),
            None if self.alone => self.namespace.clone(),
            None => self.entry.name.clone(),
        }
    }
}

/// Ids of the organisations of other parties that order.
pub fn ordering_elsewhere(spec: &ExpandSpec) -> Vec<String> {
    let orders = |about: &serde_json::Value| about.get("ordering") == Some(&true.into());
    spec.foreign
        .iter()
        .filter(|it| it.kind == kind::ORG && orders(&it.extra))
        .map(|it| it.id.clone())
        .collect()
}

/// The organisations of the spec, and one that orders if none of them does, here or at another party.
pub fn read(spec: &ExpandSpec, options: &Options) -> Result<Vec<Org>, Diagnostics> {
    let numbered = |index: u32| input::Org {
        name: format!("org{}", index.saturating_add(1)),
        ..input::Org::default()
    };
    let listed = input::list(spec, key::ORGS, numbered)?;
    let entries = listed.unwrap_or_else(|| (0..ORGS).map(numbered).collect());
    let mut orgs = Vec::with_capacity(entries.len().saturating_add(1));
    if !entries.iter().any(|org| org.ordering) && ordering_elsewhere(spec).is_empty() {
        let path = "/options/ordererOrg";
        if entries.iter().any(|org| org.name == options.orderer_org) {
            let message = format!(
                "organisation {} is to order, and stands in the list without `ordering: true`",
                options.orderer_org
            );
            return Err(refuse(key::ORGS, path, message));
        }
        let entry = input::Org {
            name: options.orderer_org.clone(),
            ordering: true,
            ..input::Org::default()
        };
        orgs.push(decide(spec, options, path, entry)?);
    }
    for (index, entry) in entries.into_iter().enumerate() {
        let path = format!("/{}/{index}", key::ORGS);
        orgs.push(decide(spec, options, &path, entry)?);
    }
    let mut tenants: BTreeMap<String, usize> = BTreeMap::new();
    for org in &orgs {
        *tenants.entry(org.namespace.clone()).or_default() += 1;
    }
    for org in &mut orgs {
        org.alone = options.namespaces == Namespaces::PerOrg
            && tenants.get(&org.namespace).is_some_and(|count| *count == 1);
    }
    distinct(&orgs)?;
    Ok(orgs)
}

fn decide(
    spec: &ExpandSpec,
    options: &Options,
    path: &str,
    entry: input::Org,
) -> Result<Org, Diagnostics> {
    check_name(&entry.name, "organisation", &format!("{path}/name"))?;
    let namespace = match (&entry.namespace, options.namespaces) {
        (Some(namespace), _) => namespace.clone(),
        (None, Namespaces::PerOrg) => entry.name.clone(),
        (None, Namespaces::One) => spec.namespace.clone(),
    };
    check_name(&namespace, "namespace", &format!("{path}/namespace"))?;
    let orderers = if entry.ordering {
        let usual = input::count(spec, key::ORDERERS)?.unwrap_or_else(|| usual_orderers(spec));
        nodes(entry.orderers.as_ref(), usual, "orderer", path)?
    } else {
        if entry.orderers.is_some() {
            let message = format!(
                "organisation {} has orderers and does not order",
                entry.name
            );
            let hint = "say `ordering: true`";
            return Err(refuse_with(key::ORGS, path, message, hint));
        }
        Vec::new()
    };
    let usual = input::count(spec, key::PEERS)?.unwrap_or(PEERS);
    // Who orders has no peers unless the user says so.
    let usual = if entry.ordering { 0 } else { usual };
    let peers = nodes(entry.peers.as_ref(), usual, "peer", path)?;
    let usual = input::count(spec, key::USERS)?.unwrap_or(USERS);
    let numbered = |count: u32| (1..=count).map(|n| format!("User{n}")).collect();
    let users = match &entry.users {
        Some(Several::Count(count)) => numbered(*count),
        Some(Several::List(names)) => names.clone(),
        None if entry.ordering => Vec::new(),
        None => numbered(usual),
    };
    Ok(Org {
        msp_id: entry
            .msp_id
            .clone()
            .unwrap_or_else(|| names::msp_id(&entry.name)),
        namespace,
        alone: false,
        orderers,
        peers,
        users,
        entry,
    })
}

/// How many orderers an organisation has when the user says nothing: as many as bear the loss of one, where their number
/// matters.
fn usual_orderers(spec: &ExpandSpec) -> u32 {
    let plugin = spec.services.iter().find(|it| it.role == role::ORDERER);
    match plugin.map_or("", |it| it.plugin.as_str()) {
        "orderer_bft" => 4,
        "orderer_solo" => 1,
        _ => 3,
    }
}

fn nodes(
    said: Option<&Several<Node>>,
    usual: u32,
    word: &str,
    path: &str,
) -> Result<Vec<Node>, Diagnostics> {
    let numbered = |count: u32| {
        let node = |n| Node {
            name: format!("{word}{n}"),
            ..Node::default()
        };
        (0..count).map(node).collect()
    };
    let nodes: Vec<Node> = match said {
        Some(Several::List(nodes)) => nodes.clone(),
        Some(Several::Count(count)) => numbered(*count),
        None => numbered(usual),
    };
    let mut seen = BTreeSet::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = format!("{path}/{word}s/{index}/name");
        check_name(&node.name, word, &path)?;
        if !seen.insert(&node.name) {
            let message = format!("two {word}s are named {}", node.name);
            return Err(refuse(word, &path, message));
        }
    }
    Ok(nodes)
}

fn check_name(name: &str, what: &str, path: &str) -> Result<(), Diagnostics> {
    let Some(why) = names::not_a_label(name) else {
        return Ok(());
    };
    let message = format!("{what} {name:?}: {why}");
    let near = names::as_label(name);
    if near.is_empty() {
        return Err(refuse("name", path, message));
    }
    let hint = format!(
        "it names a Service or a namespace, so it is a DNS label, such as `{near}`; its name in channels is `mspId`"
    );
    Err(refuse_with("name", path, message, hint))
}

fn distinct(orgs: &[Org]) -> Result<(), Diagnostics> {
    let mut names = BTreeSet::new();
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for org in orgs {
        let name = org.entry.name.as_str();
        if !names.insert(name) {
            let message = format!("two organisations are named {name}");
            return Err(refuse(key::ORGS, "/orgs", message));
        }
        if let Some(why) = names::not_an_msp_id(&org.msp_id) {
            let message = format!("organisation {name}: {:?} is no MSP id: {why}", org.msp_id);
            let hint = "such as `Org1MSP`: it names a group of the channel and stands in policies";
            return Err(refuse_with("mspId", "/orgs", message, hint));
        }
        if let Some(other) = ids.insert(&org.msp_id, name) {
            let message = format!(
                "organisations {other} and {name} are both {} in channels",
                org.msp_id
            );
            let hint =
                "give one of them another `mspId`: a channel tells organisations apart by it";
            return Err(refuse_with("mspId", "/orgs", message, hint));
        }
    }
    Ok(())
}

/// The subjects of an organisation: itself, its orderers, peers and users, and the pods that serve it.
pub fn subjects(births: &mut Births<'_>, org: &Org) -> Result<Vec<Subject>, Diagnostics> {
    let (name, parent) = (org.entry.name.as_str(), org.id());
    let about = extra::Org {
        msp_id: org.msp_id.clone(),
        domain: org.domain(),
        ordering: org.entry.ordering,
        application: !org.peers.is_empty(),
        node_ous: org.entry.node_ous.unwrap_or(true),
        country: org.entry.country.clone().unwrap_or_default(),
        province: org.entry.province.clone().unwrap_or_default(),
        locality: org.entry.locality.clone().unwrap_or_default(),
    };
    let mut all = vec![with(
        births.subject(kind::ORG, name, Some(CHAIN), &org.namespace),
        &about,
    )];
    for (of_kind, nodes) in [(kind::ORDERER, &org.orderers), (kind::PEER, &org.peers)] {
        let chosen = nodes.iter().any(|node| node.anchor);
        for (index, node) in nodes.iter().enumerate() {
            let anchor = of_kind == kind::PEER && (node.anchor || (!chosen && index == 0));
            all.push(pod(births, org, of_kind, node, anchor)?);
        }
    }
    let mut users = vec![("Admin", "admin")];
    users.extend(org.users.iter().map(|user| (user.as_str(), "client")));
    for (user, as_role) in users {
        let subject = births.subject(
            kind::USER,
            &format!("{user}@{name}"),
            Some(&parent),
            &org.namespace,
        );
        let about = extra::User {
            role: as_role.to_owned(),
        };
        all.push(with(subject, &about));
    }
    let filled = |role: &str| births.spec.services.iter().any(|it| it.role == role);
    let docker =
        births.spec.services.iter().any(|it| {
            it.role == role::CHAINCODE && it.ports.iter().any(|it| it.name == port::DOCKER)
        });
    let mut serving = Vec::new();
    if filled(role::CA) {
        serving.push(kind::CA);
    }
    if filled(role::CLI) {
        serving.push(kind::CLI);
    }
    if docker && !org.peers.is_empty() {
        serving.push(kind::DOCKER);
    }
    for of_kind in serving {
        let node = Node {
            name: of_kind.to_owned(),
            ..Node::default()
        };
        all.push(pod(births, org, of_kind, &node, false)?);
    }
    Ok(all)
}

/// A pod of an organisation, with its name in certificates.
fn pod(
    births: &mut Births<'_>,
    org: &Org,
    of_kind: &str,
    node: &Node,
    anchor: bool,
) -> Result<Subject, Diagnostics> {
    let chain = births.spec.chain.clone();
    let service = org.service(&chain, &node.name);
    let workload = org.workload(&chain, &node.name);
    super::check::workload(&workload)?;
    // The command line sees the key of the administrator, and of nobody else: only what is above a pod may be bound in it.
    let parent = match of_kind {
        kind::CLI => format!("{}/Admin@{}", kind::USER, org.entry.name),
        _ => org.id(),
    };
    let subject = births.subject(
        of_kind,
        &format!("{}.{}", node.name, org.entry.name),
        Some(&parent),
        &org.namespace,
    );
    let host = format!("{service}.{}", org.namespace);
    let mut sans = vec![
        service.clone(),
        format!("{host}.svc"),
        format!("{host}.svc.cluster.local"),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
    ];
    let outside = node.host.as_deref();
    sans.extend(outside.map(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name.to_owned()
    }));
    sans.extend(node.sans.iter().cloned());
    let about = extra::Node { host, sans, anchor };
    Ok(with(
        births.pod(subject, &workload, &service, outside),
        &about,
    ))
}

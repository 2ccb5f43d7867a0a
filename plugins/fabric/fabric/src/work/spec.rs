//! The user's spec again, out of subjects.
//!
//! An amendment replaces a list whole, so the one entry that changes needs all others beside it. What comes out expands to
//! the same subjects; what a custom would say anyway is left out. Counts become entries: `orgs: 2` is a list of two.

use chain_plugin_sdk::{Diagnostics, Subject};
use fabric_service::fault::refuse_with;
use fabric_service::{Network, extra, kind};
use serde_json::{Value, json};

use crate::input::{Chaincode, Channel, Node, Org, Several, key};
use crate::names;
use crate::options::{Namespaces, Options};

/// The organisations of this party.
pub fn orgs(network: &Network) -> Result<Vec<Org>, Diagnostics> {
    let options = Options::of(&network.around.options)?;
    let home = network.chain()?.namespace.clone();
    let own = || network.of_kind(kind::ORG).filter(|it| !it.foreign);
    let mut all = Vec::new();
    for org in own() {
        let about: extra::Org = extra::of(org)?;
        let tenants = own().filter(|it| it.namespace == org.namespace).count();
        let usual_namespace = match options.namespaces {
            Namespaces::PerOrg => &org.name,
            Namespaces::One => &home,
        };
        let alone = options.namespaces == Namespaces::PerOrg && tenants == 1;
        let usual_domain = if alone { &org.namespace } else { &org.name };
        let unlike = |said: &str, usual: &str| (said != usual).then(|| said.to_owned());
        all.push(Org {
            name: org.name.clone(),
            msp_id: unlike(&about.msp_id, &names::msp_id(&org.name)),
            namespace: unlike(&org.namespace, usual_namespace),
            domain: unlike(&about.domain, usual_domain),
            ordering: about.ordering,
            orderers: if about.ordering {
                Some(nodes(network, org, kind::ORDERER)?)
            } else {
                None
            },
            peers: Some(nodes(network, org, kind::PEER)?),
            users: Some(users(network, org)),
            node_ous: (!about.node_ous).then_some(false),
            country: unlike(&about.country, ""),
            province: unlike(&about.province, ""),
            locality: unlike(&about.locality, ""),
        });
    }
    Ok(all)
}

fn nodes(network: &Network, org: &Subject, of_kind: &str) -> Result<Several<Node>, Diagnostics> {
    let mut all = Vec::new();
    let mut usual = true;
    for (index, subject) in network.children(&org.id, of_kind).enumerate() {
        let about: extra::Node = extra::of(subject)?;
        let suffix = format!(".{}", org.name);
        let name = subject.name.strip_suffix(&suffix).unwrap_or(&subject.name);
        let node = Node {
            name: name.to_owned(),
            host: outside(subject),
            sans: own_names(subject, &about),
            anchor: about.anchor,
        };
        usual = usual
            && node.name == format!("{of_kind}{index}")
            && node.host.is_none()
            && node.sans.is_empty()
            && node.anchor == (of_kind == kind::PEER && index == 0);
        all.push(node);
    }
    Ok(if usual {
        Several::Count(u32::try_from(all.len()).unwrap_or(u32::MAX))
    } else {
        Several::List(all)
    })
}

/// The address that the user gave: with a port when all ports are reached at one.
fn outside(subject: &Subject) -> Option<String> {
    let first = subject.endpoints.first()?.outside.as_deref()?;
    let usual = subject.endpoints.iter().all(|endpoint| {
        let port = endpoint
            .outside
            .as_deref()
            .and_then(|it| it.rsplit_once(':'));
        port.is_some_and(|(_, port)| port == endpoint.number.to_string())
    });
    if usual {
        first.rsplit_once(':').map(|(host, _)| host.to_owned())
    } else {
        Some(first.to_owned())
    }
}

/// Names of the certificate that the user gave, beside those that every node has.
fn own_names(subject: &Subject, about: &extra::Node) -> Vec<String> {
    // The names in the cluster, `localhost` and its address.
    let mut usual = 5;
    if outside(subject).is_some() {
        usual += 1;
    }
    about.sans.iter().skip(usual).cloned().collect()
}

fn users(network: &Network, org: &Subject) -> Several<String> {
    let suffix = format!("@{}", org.name);
    let all: Vec<String> = network
        .children(&org.id, kind::USER)
        .map(|it| {
            let name = it.name.strip_suffix(&suffix).unwrap_or(&it.name);
            name.to_owned()
        })
        .filter(|name| name != "Admin")
        .collect();
    let usual = (1..).zip(&all).all(|(n, name)| *name == format!("User{n}"));
    if usual {
        Several::Count(u32::try_from(all.len()).unwrap_or(u32::MAX))
    } else {
        Several::List(all)
    }
}

/// The channels. Their members are always named: an organisation that comes later joins none by itself.
pub fn channels(network: &Network) -> Result<Vec<Channel>, Diagnostics> {
    let mut all = Vec::new();
    for channel in network.of_kind(kind::CHANNEL).filter(|it| !it.foreign) {
        let about: extra::Channel = extra::of(channel)?;
        let mut orgs = Vec::new();
        for id in &about.orgs {
            orgs.push(network.subject(id)?.name.clone());
        }
        all.push(Channel {
            name: channel.name.clone(),
            orgs,
            policies: about.policies,
        });
    }
    Ok(all)
}

/// The chaincodes.
pub fn chaincodes(network: &Network) -> Result<Vec<Chaincode>, Diagnostics> {
    let mut all = Vec::new();
    for chaincode in network.of_kind(kind::CHAINCODE).filter(|it| !it.foreign) {
        let about: extra::Chaincode = extra::of(chaincode)?;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        all.push(Chaincode {
            channel: Some(network.subject(&about.channel)?.name.clone()),
            image: some(&about.image),
            version: some(&about.version),
            policy: some(&about.policy),
            init_required: about.init_required,
            init_args: about.init_args,
            collections: about.collections,
            indexes: about.indexes,
            name: about.name,
        });
    }
    Ok(all)
}

/// The entry of a name.
pub fn org<'a>(orgs: &'a mut [Org], name: &str) -> Result<&'a mut Org, Diagnostics> {
    let known: Vec<String> = orgs.iter().map(|it| it.name.clone()).collect();
    orgs.iter_mut()
        .find(|it| it.name == name)
        .ok_or_else(|| unknown("org", "organisation", name, &known))
}

/// That there is no such entry, and which there are.
pub fn unknown(code: &str, what: &str, name: &str, known: &[String]) -> Diagnostics {
    let message = format!("there is no {what} {name} of this party");
    let hint = format!("there is: {}", known.join(", "));
    refuse_with(code, &format!("/{code}"), message, hint)
}

/// All of them, for a list that a number may stand for.
pub fn listed(said: Option<&Several<Node>>, word: &str) -> Vec<Node> {
    match said {
        None => Vec::new(),
        Some(Several::List(nodes)) => nodes.clone(),
        Some(Several::Count(count)) => (0..*count)
            .map(|n| Node {
                name: format!("{word}{n}"),
                anchor: word == kind::PEER && n == 0,
                ..Node::default()
            })
            .collect(),
    }
}

/// All users, by name.
pub fn named(said: Option<&Several<String>>) -> Vec<String> {
    match said {
        None => Vec::new(),
        Some(Several::List(names)) => names.clone(),
        Some(Several::Count(count)) => (1..=*count).map(|n| format!("User{n}")).collect(),
    }
}

/// The amendment that says which organisations there are.
pub fn with_orgs(orgs: &[Org]) -> Value {
    json!({ (key::ORGS): orgs })
}

/// The amendment that says which channels there are.
pub fn with_channels(channels: &[Channel]) -> Value {
    json!({ (key::CHANNELS): channels })
}

/// The amendment that says which chaincodes there are.
pub fn with_chaincodes(chaincodes: &[Chaincode]) -> Value {
    json!({ (key::CHAINCODES): chaincodes })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chain_plugin_sdk::Topology;
    use chain_plugin_sdk::spec::ExpandSpec;

    use super::*;
    use crate::expand::expand;
    use crate::tests::expand::spec;

    fn network(spec: &ExpandSpec, subjects: Vec<Subject>) -> Network {
        Network::new(Topology {
            chain: spec.chain.clone(),
            stack: "fabric".to_owned(),
            release: spec.release.clone(),
            subjects,
            host_features: Vec::new(),
            extra: json!({"services": spec.services, "options": spec.options}).to_string(),
        })
        .unwrap()
    }

    fn amended(spec: &ExpandSpec, patches: &[Value]) -> ExpandSpec {
        let mut spec = spec.clone();
        for patch in patches {
            let entries = patch.as_object().unwrap().clone();
            spec.kinds.extend(entries);
        }
        spec
    }

    #[test]
    fn what_is_built_again_is_the_same_network() {
        let whole = json!({"orgs": [
            {"name": "bank", "mspId": "TheBank", "domain": "bank.example.com", "ordering": true,
             "orderers": [{"name": "east", "host": "east.example.com"}, {"name": "west", "host": "west.example.com:31050"}],
             "peers": [{"name": "one"}, {"name": "two", "anchor": true, "sans": ["two.example.com", "10.0.0.2"]}],
             "users": ["Alice", "Bob"], "nodeOus": false, "country": "CH", "locality": "Bern"},
            {"name": "org1", "namespace": "bank", "peers": 1, "users": 0},
            {"name": "shop", "namespace": "market", "peers": [{"name": "peer0", "host": "shop.example.com", "sans": ["x"]}]},
            {"name": "watcher", "peers": 0},
        ], "channels": [
            {"name": "trade", "orgs": ["bank", "shop"], "policies": {"Endorsement": "OR('TheBank.peer')"}},
            {"name": "all"},
        ], "chaincodes": [
            {"name": "basic", "channel": "trade", "image": "registry.example/basic:1", "version": "2.1",
             "policy": "OR('TheBank.peer')", "initRequired": true, "initArgs": ["a", "b"],
             "collections": [{"name": "secrets", "policy": "OR('TheBank.member')", "requiredPeerCount": 1, "memberOnlyRead": true,
                              "indexes": {"price": {"index": {"fields": ["price"]}}}}],
             "indexes": {"owner": {"index": {"fields": ["owner"]}}}},
            {"name": "next", "channel": "all", "image": "registry.example/next:1"},
        ]});
        for (kinds, options) in [
            (json!({}), json!({})),
            (
                json!({"orgs": 3, "peers": 1, "orderers": 5, "users": 2, "channels": [{"name": "c"}]}),
                json!({"ordererOrg": "notary"}),
            ),
            (json!({"orgs": 2, "users": 0}), json!({"namespaces": "one"})),
            (whole.clone(), json!({})),
            (whole, json!({"namespaces": "one"})),
        ] {
            let said = spec(&kinds, &options);
            let first = expand(&said, &[], &BTreeMap::new(), 5).unwrap();
            let network = network(&said, first.clone());
            let again = amended(
                &said,
                &[
                    with_orgs(&orgs(&network).unwrap()),
                    with_channels(&channels(&network).unwrap()),
                    with_chaincodes(&chaincodes(&network).unwrap()),
                ],
            );
            let second = expand(&again, &first, &BTreeMap::new(), 9).unwrap();
            let show = |all: &[Subject]| -> Vec<String> {
                all.iter().map(|it| format!("{it:?}")).collect()
            };
            assert_eq!(show(&first), show(&second), "{kinds}");
        }
    }

    #[test]
    fn what_a_custom_says_is_left_out() {
        let said = spec(&json!({"orgs": 1}), &json!({}));
        let first = expand(&said, &[], &BTreeMap::new(), 5).unwrap();
        let network = network(&said, first);
        assert_eq!(
            with_orgs(&orgs(&network).unwrap()),
            json!({"orgs": [
                {"name": "orderer", "ordering": true, "orderers": 3, "peers": 0, "users": 0},
                {"name": "org1", "peers": 2, "users": 1},
            ]})
        );
    }

    #[test]
    fn numbers_become_names_when_one_of_them_is_special() {
        assert_eq!(named(Some(&Several::Count(2))), ["User1", "User2"]);
        let nodes = listed(Some(&Several::Count(2)), kind::PEER);
        assert_eq!((nodes[0].anchor, nodes[1].anchor), (true, false));
        assert!(!listed(Some(&Several::Count(1)), kind::ORDERER)[0].anchor);
        let mut orgs = vec![Org {
            name: "a".to_owned(),
            ..Org::default()
        }];
        let fault = org(&mut orgs, "b").unwrap_err();
        assert!(fault[0].hint.as_deref().unwrap().ends_with(": a"));
    }
}

//! Changes of a channel: who must sign them, and what comes of them, as predicted and as it is.
//!
//! Needs the programs, see [`fabric_loopback::VARIABLE`]; without them nothing is tested.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

mod network;

use std::collections::BTreeMap;

use fabric_channel::edit::{self, Endpoint, Level};
use fabric_channel::model::{AnchorPeer, BatchSize, OrganizationRole, Release};
use fabric_channel::policy::{self, MemberSet};
use fabric_channel::update::{
    UpdateError, compute_update, merge, missing, missing_all, review, sign_update, signers,
    unsigned, wrap,
};
use fabric_identity::Identity;
use fabric_loopback::Programs;
use fabric_proto::Message;
use fabric_proto::configuration::{Acls, ApiResource, ConfigGroup, ConfigUpdate, ConfigValue};
use fabric_transaction::broadcast::BroadcastError;
use fabric_transaction::failure::Verdict;
use network::channel::{CHANNEL, Network, Ordering, block_of};
use network::organization::{Organization, entropy};
use network::wire::{persist, time};

fn at<'a>(root: &'a mut ConfigGroup, path: &[&str]) -> &'a mut ConfigGroup {
    path.iter()
        .fold(root, |group, name| group.groups.get_mut(*name).unwrap())
}

struct Trial<'a> {
    network: &'a Network,
    administrators: BTreeMap<String, Identity>,
    release: Release,
}

impl Trial<'_> {
    /// Each signs its own copy, as the members of a consortium do.
    fn submit(&self, update: &ConfigUpdate, signed: &MemberSet) -> Result<(), BroadcastError> {
        let mut files = vec![unsigned(update)];
        for name in signed {
            let mut own = unsigned(update);
            sign_update(&mut own, &self.administrators[name], &entropy(24));
            files.push(own);
        }
        let change = merge(&files).unwrap();
        let found: MemberSet = signers(&change)
            .unwrap()
            .into_iter()
            .map(|signer| signer.mspid)
            .collect();
        assert_eq!(&found, signed);
        // Who submits must be a writer, under maintenance one of the orderers; that is no signature of
        // the change.
        let envelope = wrap(&change, &self.network.admin, &entropy(24), time()).unwrap();
        let orderer = self.network.orderer(0);
        persist(
            || self.network.wire.broadcast(orderer, &envelope),
            BroadcastError::verdict,
        )
    }

    fn subsets(&self) -> Vec<MemberSet> {
        let names: Vec<&String> = self.administrators.keys().collect();
        let mut all: Vec<MemberSet> = (0..1_usize << names.len())
            .map(|bits| {
                let chosen = names.iter().enumerate();
                chosen
                    .filter(|(at, _)| bits >> at & 1 == 1)
                    .map(|(_, name)| (*name).clone())
                    .collect()
            })
            .collect();
        all.sort_by_key(MemberSet::len);
        all
    }

    /// Tries all sets of signers that are predicted not to do, then the one that is.
    fn change(&self, name: &str, edit: impl FnOnce(&mut ConfigGroup)) {
        let orderer = self.network.orderer(0);
        let config = self.network.config(orderer);
        let mut group = config.group.clone();
        edit(&mut group);
        let update = compute_update(CHANNEL, &config.group, &group).unwrap();
        let needed = missing_all(&config.config, &update, &MemberSet::new())
            .unwrap()
            .unwrap_or_else(|| panic!("{name}: nobody could"));
        for signed in self.subsets() {
            let open = missing(&config.config, &update, &signed).unwrap();
            if open.is_empty() {
                assert!(signed.len() >= needed.len(), "{name}: {signed:?} would do");
                continue;
            }
            let refusal = self.submit(&update, &signed);
            let refusal = refusal.expect_err(&format!("{name}: {signed:?} does, {open:#?}"));
            assert_eq!(refusal.verdict(), Verdict::GiveUp, "{name}: {refusal}");
        }
        if let Err(refusal) = self.submit(&update, &needed) {
            panic!("{name}: {needed:?} does not do: {refusal}");
        }
        let predicted = review(&config.config, &update).unwrap().result;
        let now = persist(
            || {
                let now = self.network.config(orderer);
                if now.config.sequence > config.config.sequence {
                    Ok(now.config)
                } else {
                    Err(Verdict::Again)
                }
            },
            |verdict| *verdict,
        );
        let now = now.unwrap();
        assert!(now == predicted, "{name}: {now:#?}\n{predicted:#?}");
        println!("{name}: {needed:?}");

        // What was changed cannot be changed in the same way again.
        let stale = review(&now, &update).unwrap_err();
        assert!(!matches!(stale, UpdateError::Block(_)), "{stale}");
        let refusal = self.submit(&update, &needed).unwrap_err();
        assert_eq!(refusal.verdict(), Verdict::GiveUp, "{name}: {refusal}");
    }
}

fn anchor(host: &str) -> [AnchorPeer; 1] {
    [AnchorPeer {
        host: host.to_owned(),
        port: 7051,
    }]
}

#[test]
fn changes_take_the_signatures_that_are_predicted() {
    let Some(programs) = Programs::from_env_of(&["2.", "3."]).unwrap() else {
        return;
    };
    let network = Network::start(&programs, 1, "none:0");
    let block = block_of(&network.channel(Ordering::Raft, 1)).encode_to_vec();
    network.wire.join(network.orderer(0), &block).unwrap();

    let again = |org: &Organization, name: &str| org.signer(&org.member(name, "admin", &[]));
    let mut administrators: BTreeMap<String, Identity> = network
        .orgs
        .iter()
        .map(|(org, ..)| (org.msp_id.clone(), again(org, "Admin2")))
        .collect();
    let ordering = &network.ordering;
    administrators.insert(ordering.msp_id.clone(), again(ordering, "Admin2"));
    let release = if network.release.starts_with("3.") {
        Release::V3_1
    } else {
        Release::V2_5
    };
    let mut trial = Trial {
        network: &network,
        administrators,
        release,
    };
    values(&trial);

    let newcomer = Organization::new("org3", "Org3MSP");
    let role = OrganizationRole::Application;
    trial.change("a third organisation", |group| {
        let third = newcomer.in_channel("org3", role);
        edit::add_application_organization(group, trial.release, &third).unwrap();
    });
    let third = again(&newcomer, "Admin@org3");
    trial.administrators.insert(newcomer.msp_id.clone(), third);
    members(&trial, &newcomer);
}

fn values(trial: &Trial<'_>) {
    let level = if trial.release == Release::V3_1 {
        &["V3_0", "V2_0"][..]
    } else {
        &["V2_0", "V1_4_3"]
    };
    trial.change("batch timeout", |group| {
        edit::set_batch_timeout(group, "200ms").unwrap();
    });
    trial.change("anchors of the first", |group| {
        edit::set_anchor_peers(group, "org1", &anchor("peer9.org1")).unwrap();
    });
    trial.change("no anchors of the second", |group| {
        edit::set_anchor_peers(group, "org2", &[]).unwrap();
    });
    trial.change("capabilities of applications", |group| {
        edit::set_capabilities(group, Level::Application, &["V2_0"]).unwrap();
    });
    trial.change("capabilities of the channel", |group| {
        edit::set_capabilities(group, Level::Channel, level).unwrap();
    });
    trial.change("size and anchors at once", |group| {
        let size = BatchSize {
            max_message_count: 7,
            ..BatchSize::default()
        };
        edit::set_batch_size(group, size).unwrap();
        edit::set_anchor_peers(group, "org2", &anchor("peer0.org2")).unwrap();
    });
    trial.change("maintenance", |group| {
        edit::set_maintenance(group, true).unwrap();
    });
    trial.change("no maintenance", |group| {
        edit::set_maintenance(group, false).unwrap();
    });
    trial.change("rights", |group| {
        let right = ApiResource {
            policy_ref: "/Channel/Application/Admins".to_owned(),
        };
        let value = ConfigValue {
            value: Acls {
                acls: [("qscc/GetChainInfo".to_owned(), right)].into(),
            }
            .encode_to_vec(),
            mod_policy: "Admins".to_owned(),
            ..ConfigValue::default()
        };
        at(group, &["Application"])
            .values
            .insert("ACLs".to_owned(), value);
    });
    trial.change("no rights", |group| {
        at(group, &["Application"]).values.remove("ACLs");
    });
    trial.change("an endpoint more", |group| {
        let endpoint = Endpoint {
            organization: "OrdererOrg",
            address: "orderer7.orderer:7050",
        };
        edit::add_endpoint(group, endpoint).unwrap();
    });
}

fn members(trial: &Trial<'_>, newcomer: &Organization) {
    trial.change("anchors of the third", |group| {
        edit::set_anchor_peers(group, "org3", &anchor("peer0.org3")).unwrap();
    });
    trial.change("a policy of an organisation", |group| {
        let new = policy::parse("OR('Org1MSP.peer', 'Org1MSP.admin')").unwrap();
        let one = at(group, &["Application", "org1"]);
        one.policies.get_mut("Endorsement").unwrap().policy = Some(new);
    });
    trial.change("a policy of all", |group| {
        let new = policy::parse("ANY Endorsement").unwrap();
        let one = at(group, &["Application"]);
        one.policies.get_mut("Endorsement").unwrap().policy = Some(new);
    });
    trial.change("another guard", |group| {
        let one = at(group, &["Application", "org2"]);
        "/Channel/Application/Admins"
            .clone_into(&mut one.values.get_mut("MSP").unwrap().mod_policy);
    });
    trial.change("a value behind the other guard", |group| {
        let one = at(group, &["Application", "org2"]);
        "Admins".clone_into(&mut one.values.get_mut("MSP").unwrap().mod_policy);
    });
    trial.change("administrators by signatures", |group| {
        let rule =
            "OutOf(2, 'Org1MSP.admin', 'Org2MSP.admin', 'Org3MSP.admin', 'OrdererMSP.admin')";
        let one = at(group, &["Application"]);
        one.policies.get_mut("Admins").unwrap().policy = Some(policy::parse(rule).unwrap());
    });
    trial.change("capabilities behind signatures", |group| {
        edit::set_capabilities(group, Level::Application, &["V2_5"]).unwrap();
    });
    trial.change("the third orders too", |group| {
        let mut third = newcomer.in_channel("org3", OrganizationRole::Orderer);
        third.endpoints = vec!["orderer0.org3:7050".to_owned()];
        edit::add_orderer_organization(group, &third).unwrap();
    });
    trial.change("a majority of those who order", |group| {
        edit::set_batch_timeout(group, "300ms").unwrap();
    });
    trial.change("the third orders no more", |group| {
        edit::remove_orderer_organization(group, "org3").unwrap();
    });
    trial.change("no third organisation", |group| {
        edit::remove_application_organization(group, "org3").unwrap();
    });
}

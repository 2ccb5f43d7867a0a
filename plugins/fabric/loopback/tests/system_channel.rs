//! Channels out of a system channel, as 1.4 makes them, and chaincode packages of that time.
//!
//! Needs the programs, see [`fabric_loopback::VARIABLE`]; without them, or with programs of a later
//! release, nothing is tested.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod network;

use std::collections::BTreeMap;

use fabric_channel::block::{block_header_hash, open_config_block};
use fabric_channel::edit;
use fabric_channel::lint::{Severity, Target, lint_block};
use fabric_channel::model::{
    AnchorPeer, Application, Channel, Consensus, Orderer, OrganizationRole, Policies, RaftOptions,
    Release,
};
use fabric_channel::policy;
use fabric_channel::update::{
    channel_creation, compute_update, first_anchor_update, sign_update, unsigned, wrap,
};
use fabric_loopback::{Kind, Process, Programs};
use fabric_proto::Message;
use fabric_proto::common::Block;
use fabric_proto::configuration::ConfigUpdate;
use fabric_proto::peer::{
    BlockchainInfo, ChaincodeData, ChaincodeQueryResponse, ChaincodeType, ChannelQueryResponse,
};
use fabric_transaction::broadcast::BroadcastError;
use fabric_transaction::config_block;
use fabric_transaction::definition::{LegacyStep, next_legacy};
use fabric_transaction::deliver::Seek;
use fabric_transaction::failure::Verdict;
use fabric_transaction::package;
use fabric_transaction::proposal::Call;
use fabric_transaction::proposal::legacy::Instantiation;
use fabric_transaction::proposal::legacy::{self, LegacyChaincode};
use fabric_transaction::proposal::system;
use network::channel::{CHANNEL, Network, Plan, block_of, raft_consenter};
use network::organization::entropy;
use network::pod;
use network::pod::GENESIS;
use network::wire::{persist, time};

const SYSTEM: &str = "syschan";
const CONSORTIUM: &str = "SampleConsortium";

fn system_channel(plan: &Plan, consensus: Consensus) -> Channel {
    let ordering = &plan.ordering;
    let mut orderer = Orderer::new(consensus);
    orderer.batch_timeout = "250ms".to_owned();
    orderer.addresses = plan
        .orderers
        .iter()
        .map(|node| format!("{}:7050", node.name))
        .collect();
    let mut organization = ordering.in_channel("OrdererOrg", OrganizationRole::Orderer);
    organization.endpoints = orderer.addresses.clone();
    let peers = plan
        .orgs
        .iter()
        .map(|(org, ..)| org.in_channel(&org.domain, OrganizationRole::Application));
    Channel {
        id: SYSTEM.to_owned(),
        release: Release::V1_4,
        organizations: vec![organization],
        orderer: Some(orderer),
        application: Application::default(),
        capabilities: None,
        policies: Policies::new(),
        consortium: None,
        consortiums: BTreeMap::from([(CONSORTIUM.to_owned(), peers.collect())]),
    }
}

fn application_channel(plan: &Plan) -> Channel {
    let organizations = plan.orgs.iter().map(|(org, peer, _)| {
        let mut one = org.in_channel(&org.domain, OrganizationRole::Application);
        one.anchor_peers = vec![AnchorPeer {
            host: peer.name.clone(),
            port: 7051,
        }];
        one
    });
    Channel {
        id: CHANNEL.to_owned(),
        release: Release::V1_4,
        organizations: organizations.collect(),
        orderer: None,
        application: Application::default(),
        capabilities: None,
        policies: Policies::new(),
        consortium: Some(CONSORTIUM.to_owned()),
        consortiums: BTreeMap::new(),
    }
}

/// Signs a change as an organisation's administrator and submits it.
fn submit(network: &Network, org: usize, update: &ConfigUpdate) -> Result<(), BroadcastError> {
    let signer = network.admin_of(org);
    let mut change = unsigned(update);
    sign_update(&mut change, signer, &entropy(24));
    let envelope = wrap(&change, signer, &entropy(24), time()).unwrap();
    persist(
        || network.wire.broadcast(network.orderer(0), &envelope),
        BroadcastError::verdict,
    )
}

fn hash(block: &Block) -> [u8; 32] {
    block_header_hash(block.header.as_ref().unwrap())
}

/// Starts a network with a system channel of this consensus.
fn start(
    programs: &Programs,
    orderers: usize,
    consensus: fn(&Plan) -> Consensus,
    more: impl FnOnce(&Plan, &mut Vec<Process>),
) -> (Network, Block) {
    let mut genesis = Block::default();
    let network = Network::with(programs, orderers, |plan, processes| {
        genesis = block_of(&system_channel(plan, consensus(plan)));
        for process in processes.iter_mut() {
            if process.kind == Kind::Orderer {
                process
                    .files
                    .insert(GENESIS.to_owned(), genesis.encode_to_vec());
            }
        }
        more(plan, processes);
    });
    (network, genesis)
}

fn whole_life(orderers: usize, consensus: fn(&Plan) -> Consensus) {
    let Some(programs) = Programs::from_env_of(&["1.4"]).unwrap() else {
        return;
    };
    let (network, genesis) = start(&programs, orderers, consensus, |_, _| {});
    let findings = lint_block(
        &open_config_block(genesis.clone()).unwrap(),
        Target::new(Release::V1_4),
    );
    assert!(
        findings.iter().all(|one| one.severity < Severity::Broken),
        "{findings:#?}"
    );
    let wire = &network.wire;
    let first = wire.block(network.orderer(0), SYSTEM, Seek::Oldest, &network.admin);
    assert_eq!(first.encode_to_vec(), genesis.encode_to_vec());

    // A channel of both organisations, asked for by the first.
    let description = application_channel(&network);
    submit(&network, 0, &channel_creation(&description).unwrap()).unwrap();
    let block = wire.block(
        network.orderer(0),
        CHANNEL,
        Seek::Number(0),
        network.admin_of(0),
    );
    let opened = open_config_block(block.clone()).unwrap();
    let groups = &opened.group.groups["Application"].groups;
    assert_eq!(groups.keys().collect::<Vec<_>>(), ["org1", "org2"]);
    let findings = lint_block(&opened, Target::new(Release::V1_4));
    assert!(
        findings.iter().all(|one| one.severity < Severity::Broken),
        "{findings:#?}"
    );
    // Once more: orderers tell it like any change that does not fit.
    let again = submit(&network, 0, &channel_creation(&description).unwrap()).unwrap_err();
    assert_eq!(again.verdict(), Verdict::GiveUp, "{again}");

    for (_, peer, admin) in &network.orgs {
        let join = system::join_channel(&block.encode_to_vec());
        wire.ask(&peer.name, &join, admin).unwrap();
        let again = wire.ask(&peer.name, &join, admin).unwrap_err();
        assert_eq!(again.verdict(), Verdict::Done, "{again:?}");
        let info: BlockchainInfo = wire
            .query(&peer.name, &system::chain_info(CHANNEL), admin)
            .unwrap();
        assert_eq!(info.current_block_hash, hash(&block));
        let all: ChannelQueryResponse = wire.query(&peer.name, &system::channels(), admin).unwrap();
        assert_eq!(all.channels.len(), 1);
    }

    // Anchors: the first by the versions that a fresh channel has, the second by a difference.
    submit(
        &network,
        0,
        &first_anchor_update(&description, "org1").unwrap(),
    )
    .unwrap();
    let at = |number| {
        let block = wire.block(
            network.orderer(0),
            CHANNEL,
            Seek::Number(number),
            network.admin_of(0),
        );
        assert_eq!(config_block::last_config(&block).unwrap(), number);
        open_config_block(block).unwrap()
    };
    let config = at(1);
    let mut group = config.group.clone();
    let anchors = [AnchorPeer {
        host: network.peer(1).to_owned(),
        port: 7051,
    }];
    edit::set_anchor_peers(&mut group, "org2", &anchors).unwrap();
    let update = compute_update(CHANNEL, &config.group, &group).unwrap();
    let foreign = submit(&network, 0, &update).unwrap_err();
    assert_eq!(foreign.verdict(), Verdict::GiveUp, "{foreign}");
    submit(&network, 1, &update).unwrap();
    let groups = &at(2).group.groups["Application"].groups;
    for name in ["org1", "org2"] {
        assert!(groups[name].values.contains_key("AnchorPeers"));
    }
    for peer in network.peers() {
        let seen = wire.block(peer, CHANNEL, Seek::Number(2), network.admin_of(0));
        assert_eq!(config_block::last_config(&seen).unwrap(), 2);
    }

    installs(&network);
}

/// Installing takes no docker.
fn installs(network: &Network) {
    let source = b"package main\n\nfunc main() {}\n".to_vec();
    let code = package::archive(&[("src/kv/main.go".to_owned(), source)].into()).unwrap();
    let chaincode = LegacyChaincode {
        name: "kv".to_owned(),
        version: "1.0".to_owned(),
        path: "kv".to_owned(),
        language: ChaincodeType::Golang,
    };
    let mut ids = Vec::new();
    for (_, peer, admin) in &network.orgs {
        let install = legacy::install(&chaincode, &code);
        network.wire.ask(&peer.name, &install, admin).unwrap();
        let again = network.wire.ask(&peer.name, &install, admin).unwrap_err();
        assert_eq!(again.verdict(), Verdict::Done, "{again:?}");
        let installed: ChaincodeQueryResponse = network
            .wire
            .query(&peer.name, &legacy::installed(), admin)
            .unwrap();
        let one = &installed.chaincodes[0];
        assert_eq!((one.name.as_str(), one.version.as_str()), ("kv", "1.0"));
        ids.push(one.id.clone());
        let none = legacy::chaincode_data(CHANNEL, "kv");
        let none = network.wire.ask(&peer.name, &none, admin).unwrap_err();
        assert_eq!(none.verdict(), Verdict::Absent, "{none:?}");
    }
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_channel_of_solo_lives() {
    whole_life(1, |_| Consensus::Solo);
}

#[test]
fn a_channel_of_raft_lives_in_1_4() {
    whole_life(3, |plan| Consensus::Etcdraft {
        consenters: plan.orderers.iter().map(raft_consenter).collect(),
        options: RaftOptions::default(),
    });
}

fn call(args: &[&str]) -> Call {
    let args = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    Call::new(CHANNEL, "kv", args)
}

/// What 1.4 does with chaincodes, on peers that wait for them instead of building them with docker;
/// such peers have no TLS, and so orderers have none.
#[test]
fn chaincodes_of_1_4_live() {
    let Some(programs) = Programs::from_env_of(&["1.4"]).unwrap() else {
        return;
    };
    let (mut network, _) = start(
        &programs,
        1,
        |_| Consensus::Solo,
        |plan, processes| {
            for process in processes.iter_mut() {
                for (name, value) in &mut process.env {
                    if name.ends_with("_TLS_ENABLED") {
                        "false".clone_into(value);
                    }
                }
                let dev = ("CORE_CHAINCODE_MODE".to_owned(), "dev".to_owned());
                process.env.extend([dev]);
            }
            for (org, peer, _) in &plan.orgs {
                for version in ["1.0", "2.0"] {
                    processes.push(pod::dialling(org, &peer.name, "kv", version));
                }
            }
        },
    );
    network.wire.tls = false;
    let (wire, orderer) = (&network.wire, network.orderer(0));
    let creation = channel_creation(&application_channel(&network)).unwrap();
    submit(&network, 0, &creation).unwrap();
    let block = wire.block(orderer, CHANNEL, Seek::Number(0), network.admin_of(0));
    for (_, peer, admin) in &network.orgs {
        let join = system::join_channel(&block.encode_to_vec());
        wire.ask(&peer.name, &join, admin).unwrap();
    }

    let source = b"package main\n\nfunc main() {}\n".to_vec();
    let code = package::archive(&[("src/kv/main.go".to_owned(), source)].into()).unwrap();
    for version in ["1.0", "2.0"] {
        let chaincode = LegacyChaincode {
            name: "kv".to_owned(),
            version: version.to_owned(),
            path: "kv".to_owned(),
            language: ChaincodeType::Golang,
        };
        for (_, peer, admin) in &network.orgs {
            wire.ask(&peer.name, &legacy::install(&chaincode, &code), admin)
                .unwrap();
        }
        let peer = network.peer(0);
        let admin = network.admin_of(0);
        let data = legacy::chaincode_data(CHANNEL, "kv");
        let found: Option<ChaincodeData> = match wire.query(peer, &data, admin) {
            Ok(found) => Some(found),
            Err(error) if error.verdict() == Verdict::Absent => None,
            Err(error) => panic!("{error:?}"),
        };
        let rule = "OR('Org1MSP.peer', 'Org2MSP.peer')";
        let with = Instantiation {
            args: vec![b"init".to_vec()],
            policy: (version == "2.0").then(|| policy::parse_signature(rule).unwrap()),
            collections: None,
        };
        let step = next_legacy(version, true, found.as_ref());
        let instantiate = match step {
            LegacyStep::Deploy => legacy::deploy(CHANNEL, &chaincode, &with),
            LegacyStep::Upgrade => legacy::upgrade(CHANNEL, &chaincode, &with),
            other => panic!("{other:?}"),
        };
        assert_eq!(step == LegacyStep::Deploy, version == "1.0");
        wire.transact(&[peer], orderer, &instantiate, admin)
            .unwrap();
        let again = wire.ask(peer, &instantiate, admin).unwrap_err();
        assert_eq!(again.verdict(), Verdict::Done, "{again:?}");
        let found: ChaincodeData = wire.query(peer, &data, admin).unwrap();
        assert_eq!(found.version, version);
        assert_eq!(next_legacy(version, true, Some(&found)), LegacyStep::Done);
        if with.policy.is_some() {
            assert_eq!(found.policy, with.policy);
        }
        let all: ChaincodeQueryResponse = wire
            .query(peer, &legacy::instantiated(CHANNEL), admin)
            .unwrap();
        assert_eq!(all.chaincodes.len(), 1);

        let value = format!("value {version}");
        let put = call(&["put", "key", &value]);
        // The other peer may get the block of the instantiation a little later.
        let peers = network.peers();
        let result = wire.transact(&peers, orderer, &put, admin).unwrap();
        assert_eq!(result, value.as_bytes());
        let got = wire.ask(peer, &call(&["get", "key"]), admin).unwrap();
        assert_eq!(got, value.as_bytes());
    }
}

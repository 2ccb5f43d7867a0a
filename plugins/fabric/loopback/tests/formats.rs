//! What our crates make, judged by real orderers, peers and chaincode servers.
//!
//! Needs the programs, see [`fabric_loopback::VARIABLE`]; without them nothing is tested.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod network;

use std::collections::{BTreeMap, BTreeSet};

use fabric_channel::block::{block_header_hash, open_config_block};
use fabric_channel::update::{compute_update, sign_update, unsigned, wrap};
use fabric_channel::{edit, policy};
use fabric_loopback::Programs;
use fabric_proto::Message;
use fabric_proto::common::{Block, BlockHeader};
use fabric_proto::peer::{
    BlockchainInfo, ChannelQueryResponse, CheckCommitReadinessResult, CollectionConfig,
    CollectionConfigKind, CollectionConfigPackage, CollectionPolicyConfig, CollectionPolicyKind,
    InstallChaincodeResult, QueryApprovedChaincodeDefinitionResult, QueryChaincodeDefinitionResult,
    QueryInstalledChaincodesResult, StaticCollectionConfig,
};
use fabric_transaction::broadcast::BroadcastError;
use fabric_transaction::definition::{
    Definition, EndorsementPolicy, Organisation, State, Step, next, target,
};
use fabric_transaction::deliver::Seek;
use fabric_transaction::failure::Verdict;
use fabric_transaction::package::{self, Code, Connection, Package};
use fabric_transaction::participation::Relation;
use fabric_transaction::proposal::{Call, lifecycle, system};
use fabric_transaction::{commit, config_block};
use network::channel::{CHANNEL, Network, Ordering, block_of};
use network::organization::entropy;
use network::wire::{persist, time};

fn hash(block: &Block) -> [u8; 32] {
    block_header_hash(block.header.as_ref().unwrap())
}

fn number(block: &Block) -> u64 {
    block
        .header
        .as_ref()
        .map_or(0, |header: &BlockHeader| header.number)
}

fn basic() -> Package {
    package::build(
        "basic_1.0",
        &Code::Service(Connection::plain("basic:9999")),
        &[],
    )
    .unwrap()
}

fn call(args: &[&str]) -> Call {
    let args = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    Call::new(CHANNEL, "basic", args)
}

/// Joins all orderers and peers to a channel of our making, and holds what they say against it.
fn joined(network: &Network, ordering: Ordering) -> Block {
    let wire = &network.wire;
    let block = block_of(&network.channel(ordering, network.orderers.len()));
    let bytes = block.encode_to_vec();
    for orderer in &network.orderers {
        assert_eq!(wire.channels(&orderer.name).channels, Vec::<String>::new());
        let channel = wire.join(&orderer.name, &bytes).unwrap();
        assert_eq!((channel.name.as_str(), channel.height), (CHANNEL, 1));
        assert!(channel.participates(), "{channel:?}");
        assert_eq!(wire.channel(&orderer.name, CHANNEL).unwrap(), channel);
        assert_eq!(wire.channels(&orderer.name).channels, [CHANNEL]);
        let again = wire.join(&orderer.name, &bytes).unwrap_err();
        assert_eq!(again.verdict(), Verdict::Done, "{again:?}");
    }
    for (_, peer, admin) in &network.orgs {
        let join = system::join_channel(&bytes);
        wire.ask(&peer.name, &join, admin).unwrap();
        let again = wire.ask(&peer.name, &join, admin).unwrap_err();
        assert_eq!(again.verdict(), Verdict::Done, "{again:?}");
        let all: ChannelQueryResponse = wire.query(&peer.name, &system::channels(), admin).unwrap();
        let names: Vec<_> = all.channels.into_iter().map(|one| one.channel_id).collect();
        assert_eq!(names, [CHANNEL]);
        let info: BlockchainInfo = wire
            .query(&peer.name, &system::chain_info(CHANNEL), admin)
            .unwrap();
        assert_eq!(info.height, 1);
        // The hash that we predict.
        assert_eq!(info.current_block_hash, hash(&block));
        let theirs: Block = wire
            .query(&peer.name, &system::block(CHANNEL, 0), admin)
            .unwrap();
        assert_eq!((&theirs.header, &theirs.data), (&block.header, &block.data));
        let config: Block = wire
            .query(&peer.name, &system::config_block(CHANNEL), admin)
            .unwrap();
        assert_eq!(hash(&config), hash(&block));
    }
    let theirs = wire.block(
        network.orderer(0),
        CHANNEL,
        Seek::Number(0),
        network.admin_of(0),
    );
    assert_eq!(theirs.encode_to_vec(), bytes);
    block
}

/// Goes through the life of a chaincode by what the nodes say, one step after another.
fn deploy(network: &Network, package: &Package, wish: &Definition) {
    let wire = &network.wire;
    for round in 0.. {
        assert!(round < 10, "the life of a chaincode does not end");
        let committed: Option<QueryChaincodeDefinitionResult> = match wire.query(
            network.peer(0),
            &lifecycle::committed(CHANNEL, &wish.name),
            network.admin_of(0),
        ) {
            Ok(committed) => Some(committed),
            Err(error) if error.verdict() == Verdict::Absent => None,
            Err(error) => panic!("{error:?}"),
        };
        let committed = committed.map(|result| Definition::from_committed(&wish.name, &result));
        let definition = target(wish, committed.as_ref()).unwrap();
        let mut organisations = BTreeMap::new();
        for (org, peer, admin) in &network.orgs {
            let installed: QueryInstalledChaincodesResult = wire
                .query(&peer.name, &lifecycle::installed(), admin)
                .unwrap();
            let installed: BTreeSet<String> = installed
                .installed_chaincodes
                .into_iter()
                .map(|one| one.package_id)
                .collect();
            let approved: Result<QueryApprovedChaincodeDefinitionResult, _> = wire.query(
                &peer.name,
                &lifecycle::approved(CHANNEL, &wish.name, definition.sequence),
                admin,
            );
            let approved = match approved {
                Ok(result) => Some(Definition::from_approved(&wish.name, &result)),
                Err(error) if error.verdict() == Verdict::Absent => None,
                Err(error) => panic!("{error:?}"),
            };
            organisations.insert(
                org.msp_id.clone(),
                Organisation {
                    package_id: Some(package.id.clone()),
                    peers: [(peer.name.clone(), installed)].into(),
                    approved,
                },
            );
        }
        let approvals = if committed
            .as_ref()
            .is_some_and(|one| one.sequence == definition.sequence)
        {
            BTreeMap::new()
        } else {
            let ready: CheckCommitReadinessResult = wire
                .query(
                    network.peer(1),
                    &lifecycle::readiness(CHANNEL, &definition.commit_args()),
                    network.admin_of(1),
                )
                .unwrap();
            ready.approvals
        };
        let state = State {
            committed,
            organisations,
            approvals,
            enough: true,
        };
        match next(wish, &state).unwrap() {
            Step::Install(all) => {
                assert_eq!(all.len(), 2);
                for (_, peer, admin) in &network.orgs {
                    let install = lifecycle::install(&package.bytes);
                    let made: InstallChaincodeResult =
                        wire.query(&peer.name, &install, admin).unwrap();
                    assert_eq!(
                        (made.package_id, made.label),
                        (package.id.clone(), package.label.clone())
                    );
                    let again = wire.ask(&peer.name, &install, admin).unwrap_err();
                    assert_eq!(again.verdict(), Verdict::Done, "{again:?}");
                }
            }
            Step::Approve {
                definition,
                organisations,
            } => {
                assert_eq!(organisations.len(), 2);
                for (_, peer, admin) in &network.orgs {
                    let approve = definition.approve_args(Some(&package.id));
                    let approve = lifecycle::approve(CHANNEL, &approve);
                    wire.transact(&[&peer.name], network.orderer(0), &approve, admin)
                        .unwrap();
                    let again = wire.ask(&peer.name, &approve, admin).unwrap_err();
                    assert_eq!(again.verdict(), Verdict::Done, "{again:?}");
                }
            }
            Step::Commit {
                definition,
                endorsers,
                elsewhere,
            } => {
                assert_eq!(endorsers, ["Org1MSP", "Org2MSP"]);
                assert!(elsewhere.is_empty());
                let commit = lifecycle::commit(CHANNEL, &definition.commit_args());
                wire.transact(
                    &network.peers(),
                    network.orderer(0),
                    &commit,
                    network.admin_of(0),
                )
                .unwrap();
            }
            Step::Done => return,
            Step::Wait(waiting) => panic!("{waiting:?}"),
        }
    }
}

/// Puts a value and reads it back from both organisations' peers.
fn works(network: &Network, value: &str) {
    let wire = &network.wire;
    let put = call(&["put", "key", value]);
    let result = wire
        .transact(
            &network.peers(),
            network.orderer(0),
            &put,
            network.admin_of(0),
        )
        .unwrap();
    assert_eq!(result, value.as_bytes());
    for (_, peer, admin) in &network.orgs {
        // The other peer may get the block a little later.
        let got = persist(
            || match wire.ask(&peer.name, &call(&["get", "key"]), admin) {
                Ok(got) if got == value.as_bytes() => Ok(got),
                // An older value, or the chaincode's own "no key".
                other => Err((Verdict::Again, other)),
            },
            |(verdict, _)| *verdict,
        );
        assert_eq!(got.unwrap(), value.as_bytes());
    }
}

/// Each peer dials the server of its own organisation, although the package names one address.
fn each_peer_has_its_own_server(network: &Network) {
    for (org, peer, admin) in &network.orgs {
        let place = network
            .wire
            .ask(&peer.name, &call(&["where"]), admin)
            .unwrap();
        assert_eq!(place, org.domain.as_bytes());
    }
}

/// Changes the configuration: a value of the orderers, which their administrator signs.
fn reconfigure(network: &Network, first: &Block) {
    let wire = &network.wire;
    let reader = network.admin_of(0);
    let newest = wire.block(network.peer(0), CHANNEL, Seek::Newest, reader);
    assert_eq!(config_block::last_config(&newest).unwrap(), number(first));
    let at = wire.block(
        network.orderer(0),
        CHANNEL,
        Seek::Number(config_block::last_config(&newest).unwrap()),
        reader,
    );
    let config = open_config_block(at).unwrap();
    let mut group = config.group.clone();
    edit::set_batch_timeout(&mut group, "200ms").unwrap();
    let update = compute_update(CHANNEL, &config.group, &group).unwrap();
    let mut change = unsigned(&update);
    let nonce = || entropy(24);

    // Not signed by who may: refused, with words that are understood.
    let envelope = wrap(&change, reader, &nonce(), time()).unwrap();
    let refusal = wire.broadcast(network.orderer(0), &envelope).unwrap_err();
    assert_eq!(refusal.verdict(), Verdict::GiveUp, "{refusal}");

    sign_update(&mut change, &network.admin, &nonce());
    let envelope = wrap(&change, &network.admin, &nonce(), time()).unwrap();
    persist(
        || wire.broadcast(network.orderer(0), &envelope),
        BroadcastError::verdict,
    )
    .unwrap();
    let next = number(&newest) + 1;
    for node in [network.peer(0), network.peer(1), network.orderer(0)] {
        let block = wire.block(node, CHANNEL, Seek::Number(next), reader);
        assert_eq!(config_block::last_config(&block).unwrap(), next);
        let now = open_config_block(block).unwrap();
        assert_eq!(now.config.sequence, 1);
        let timeout = &now.group.groups["Orderer"].values["BatchTimeout"];
        assert_eq!(timeout.version, 1);
        assert_eq!(
            timeout.value,
            group.groups["Orderer"].values["BatchTimeout"].value
        );
    }
}

/// What nodes refuse is understood.
fn refusals(network: &Network) {
    let wire = &network.wire;
    let (peer, admin) = (network.peer(0), network.admin_of(0));
    let verdict = |peer: &str, call: &Call, signer| {
        let error = wire.ask(peer, call, signer).unwrap_err();
        (error.verdict(), format!("{error:?}"))
    };
    let mut wrong = Vec::new();
    for (call, wanted) in [
        (system::chain_info("nowhere"), Verdict::GiveUp),
        (
            system::transaction(CHANNEL, &"0".repeat(64)),
            Verdict::Absent,
        ),
        (lifecycle::installed_package("x:0"), Verdict::Absent),
        (lifecycle::committed(CHANNEL, "nothing"), Verdict::Absent),
        (lifecycle::approved(CHANNEL, "nothing", 0), Verdict::Absent),
        (
            Call::new(CHANNEL, "nothing", vec![b"f".to_vec()]),
            Verdict::Again,
        ),
        (call(&["nonsense"]), Verdict::GiveUp),
    ] {
        let (found, text) = verdict(peer, &call, admin);
        if found != wanted {
            wrong.push(format!("{found:?} instead of {wanted:?}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Somebody of another organisation may not install.
    let (found, text) = verdict(peer, &lifecycle::installed(), network.admin_of(1));
    assert_eq!(found, Verdict::GiveUp, "{text}");
    let absent = wire.channel(network.orderer(0), "nowhere").unwrap_err();
    assert_eq!(absent.verdict(), Verdict::Absent);
}

/// A second definition, of the same package: a policy over signatures, data that one organisation
/// keeps for itself, and a first call that must come first.
fn upgraded(network: &Network, package: &Package) {
    let wire = &network.wire;
    let (peer, admin, orderer) = (network.peer(0), network.admin_of(0), network.orderer(0));
    let signatures = |text| policy::parse_signature(text).unwrap();
    let collection = StaticCollectionConfig {
        name: "own".to_owned(),
        member_orgs_policy: Some(CollectionPolicyConfig {
            payload: Some(CollectionPolicyKind::SignaturePolicy(signatures(
                "OR('Org1MSP.member')",
            ))),
        }),
        maximum_peer_count: 1,
        block_to_live: 100,
        member_only_read: true,
        member_only_write: true,
        ..StaticCollectionConfig::default()
    };
    let wish = Definition {
        endorsement: EndorsementPolicy::Signature(signatures(
            "OutOf(1, 'Org1MSP.peer', AND('Org2MSP.peer', 'Org1MSP.admin'))",
        )),
        init_required: true,
        collections: CollectionConfigPackage {
            config: vec![CollectionConfig {
                payload: Some(CollectionConfigKind::StaticCollectionConfig(collection)),
            }],
        },
        ..Definition::new("basic", "2.0+a")
    };
    deploy(network, package, &wish);
    let committed: QueryChaincodeDefinitionResult = wire
        .query(peer, &lifecycle::committed(CHANNEL, "basic"), admin)
        .unwrap();
    let committed = Definition::from_committed("basic", &committed);
    assert_eq!(committed.sequence, 2);
    assert!(wish.differences_of_content(&committed).is_empty());

    let early = wire.ask(peer, &call(&["get", "key"]), admin).unwrap_err();
    assert_eq!(early.verdict(), Verdict::GiveUp, "{early:?}");
    let init = Call {
        is_init: true,
        ..call(&["put", "key", "third"])
    };
    wire.transact(&[peer], orderer, &init, admin).unwrap();

    let private = Call {
        transient: [("value".to_owned(), b"secret".to_vec())].into(),
        ..call(&["putPrivate", "own", "k"])
    };
    wire.transact(&[peer], orderer, &private, admin).unwrap();
    let got = wire.ask(peer, &call(&["getPrivate", "own", "k"]), admin);
    assert_eq!(got.unwrap(), b"secret");
    let newest = wire.block(peer, CHANNEL, Seek::Newest, admin);
    let bytes = newest.encode_to_vec();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));

    // The other organisation alone does not satisfy the policy: in a block, and invalid.
    let alone = call(&["put", "key", "no"]);
    let invalid = wire.transact(&[network.peer(1)], orderer, &alone, network.admin_of(1));
    let invalid = invalid.unwrap_err();
    assert_eq!(commit::name(invalid.code), "ENDORSEMENT_POLICY_FAILURE");
}

/// What the metrics say while all is well.
fn healthy(network: &Network, ordering: Ordering, height: u64) {
    for orderer in &network.orderers {
        let metrics = network.wire.metrics(&orderer.name);
        let channel = &metrics.channels[CHANNEL];
        assert!(channel.takes_part(), "{channel:?}");
        if ordering == Ordering::Raft {
            assert!(channel.raft_is_whole(), "{channel:?}");
        }
        assert_eq!(channel.relation, Some(Relation::Consenter));
    }
    for peer in network.peers() {
        let metrics = network.wire.metrics(peer);
        assert!(
            metrics.channels[CHANNEL].height >= Some(height),
            "{metrics:?}"
        );
    }
}

fn whole_life(programs: &Programs, ordering: Ordering, orderers: usize) {
    let package = basic();
    let network = Network::start(programs, orderers, &package.id);
    let block = joined(&network, ordering);
    let wish = Definition::new("basic", "1.0");
    deploy(&network, &package, &wish);
    works(&network, "first");
    each_peer_has_its_own_server(&network);
    refusals(&network);
    reconfigure(&network, &block);
    works(&network, "second");
    upgraded(&network, &package);
    healthy(&network, ordering, 12);
}

#[test]
fn a_channel_of_raft_lives() {
    let Some(programs) = Programs::from_env_of(&["2.", "3."]).unwrap() else {
        return;
    };
    whole_life(&programs, Ordering::Raft, 3);
}

#[test]
fn a_channel_of_bft_lives() {
    let Some(programs) = Programs::from_env_of(&["3."]).unwrap() else {
        return;
    };
    whole_life(&programs, Ordering::Bft, 4);
}

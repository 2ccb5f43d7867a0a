//! The published blocks, made anew and read back, and their hashes.

use serde_json::{Value, json};

use super::consensus::{
    BeneficiaryMode, BftConfig, CliqueConfig, Consensus, IstanbulConfig, QbftConfig, SelectionMode,
};
use super::transition::{Algorithm, Transition};
use super::*;
use crate::node_key::NodeKey;
use crate::vectors::{bytes, cases, seven_node_keys, text};
use crate::version::Version;

fn hash_case(part: &str) -> Value {
    let mut found = cases("genesis_hash").into_iter();
    found
        .find(|case| text(case, "name").contains(part))
        .unwrap()
}

fn validators() -> Vec<Address> {
    let keys = seven_node_keys();
    keys.iter()
        .map(|key| NodeKey::from_private(key).unwrap().address())
        .collect()
}

/// The accounts of the seven demonstration nodes, as they stand in the extra data of Clique.
fn accounts() -> Vec<Address> {
    crate::vectors::addresses(&cases("clique_extraData")[0], "signers")
}

fn funded(accounts: &[Address]) -> Vec<(Address, Allocation)> {
    let balance: Quantity = BALANCE.parse().unwrap();
    accounts
        .iter()
        .map(|address| (*address, Allocation::of(balance)))
        .collect()
}

fn seven_nodes(consensus: Consensus) -> Genesis {
    let config = ChainConfig::new(10, consensus, &Version::new(2, 7, 0), None);
    let members = match config.consensus {
        Consensus::Clique(_) => accounts(),
        _ => validators(),
    };
    Genesis::new(config, &members, funded(&accounts()))
}

#[test]
fn vector_genesis_hash_of_seven_nodes() {
    for (name, consensus) in [
        (
            "istanbul-genesis",
            Consensus::Istanbul(IstanbulConfig::default()),
        ),
        ("clique-genesis", Consensus::Clique(CliqueConfig::default())),
        ("raft-genesis", Consensus::Raft),
    ] {
        let case = hash_case(name);
        let genesis = seven_nodes(consensus);
        for block in [
            genesis.block(),
            Block::parse(&genesis.render().unwrap()).unwrap(),
        ] {
            assert_eq!(block.state_root(), bytes(&case, "state_root"));
            assert_eq!(block.hash().to_string(), text(&case, "genesis_hash"));
        }
    }
}

#[test]
fn vector_genesis_hash_of_qbft() {
    let case = hash_case("minimal QBFT");
    let block = Block::parse(&case["genesis_header_part"].to_string()).unwrap();
    assert_eq!(block.hash().to_string(), text(&case, "genesis_hash"));
    let config = ChainConfig::new(
        1337,
        Consensus::Qbft(QbftConfig::default()),
        &Version::new(24, 4, 1),
        None,
    );
    let four = &validators()[..4];
    let genesis = Genesis::new(config, four, funded(&four[..1]));
    assert_eq!(genesis.block(), block);
}

#[test]
fn vector_genesis_hash_published_by_geth() {
    let case = &hash_case("customg");
    let one = format!("0x{:064x}", 1);
    let file = json!({
        "gasLimit": 0, "difficulty": 0x20000,
        "alloc": { "0100000000000000000000000000000000000000": {
            "balance": "1", "storage": { &one: &one } } },
    });
    let mut block = Block::parse(&file.to_string()).unwrap();
    let slot = |first: u8| {
        let mut slot = [0; 32];
        slot[0] = first;
        slot
    };
    for account in block.alloc.values_mut() {
        account.storage = BTreeMap::from([(slot(1), slot(1))]);
    }
    block.gas_limit = 4_712_388;
    assert_eq!(block.state_root(), bytes(&case["computed"], "state_root"));
    assert_eq!(block.hash().to_string(), text(case, "published_hash"));
}

#[test]
fn keys_come_in_the_order_of_the_original() {
    let genesis = seven_nodes(Consensus::Istanbul(IstanbulConfig::default()));
    let text = genesis.render().unwrap();
    let mut last = 0;
    for key in [
        "\"alloc\"",
        "0xed9d02e382b34818e88B88a309c7fe71E65f419d",
        "\"coinbase\"",
        "\"config\"",
        "\"homesteadBlock\"",
        "\"byzantiumBlock\"",
        "\"constantinopleBlock\"",
        "\"petersburgBlock\"",
        "\"istanbulBlock\"",
        "\"eip150Block\"",
        "\"eip150Hash\"",
        "\"eip155Block\"",
        "\"eip158Block\"",
        "\"maxCodeSizeConfig\"",
        "\"chainId\"",
        "\"isQuorum\"",
        "\"istanbul\"",
        "\"epoch\"",
        "\"policy\"",
        "\"difficulty\"",
        "\"extraData\"",
        "\"gasLimit\"",
        "\"mixHash\"",
        "\"nonce\"",
        "\"parentHash\"",
        "\"timestamp\"",
    ] {
        let place = text.find(key).unwrap_or_else(|| panic!("no {key}"));
        assert!(place > last, "{key} is out of order");
        last = place;
    }
}

#[test]
fn the_config_of_each_consensus() {
    let config = |consensus| {
        let genesis = seven_nodes(consensus);
        let file: Value = serde_json::from_str(&genesis.render().unwrap()).unwrap();
        file
    };
    let istanbul = config(Consensus::Istanbul(IstanbulConfig::default()));
    assert_eq!(
        istanbul["config"]["istanbul"],
        json!({"epoch": 30000, "policy": 0})
    );
    assert_eq!(
        istanbul["config"]["maxCodeSizeConfig"],
        json!([{"block": 0, "size": 32}])
    );
    assert_eq!(istanbul["config"]["isQuorum"], true);
    assert_eq!(istanbul["gasLimit"], "0xe0000000");
    let raft = config(Consensus::Raft);
    assert_eq!(raft["difficulty"], "0x0");
    assert_eq!(
        raft["mixHash"],
        "0x00000000000000000000000000000000000000647572616c65787365646c6578"
    );
    let clique = config(Consensus::Clique(CliqueConfig::default()));
    assert_eq!(
        clique["config"]["clique"],
        json!({"period": 0, "epoch": 30000})
    );
    let ibft = config(Consensus::Ibft(BftConfig::default()));
    assert_eq!(
        ibft["config"]["ibft"],
        json!({"epochlength": 30000, "blockperiodseconds": 5, "requesttimeoutseconds": 10, "policy": 0})
    );
}

#[test]
fn every_key_of_the_modern_config_has_its_name() {
    let address = Address::from_bytes([7; 20]);
    let qbft = QbftConfig {
        bft: BftConfig {
            empty_block_period: Some(60),
            ceil_2n_by_3_block: Some(0),
            validator_contract: Some(address),
            ..BftConfig::default()
        },
        selection_mode: Some(SelectionMode::Contract),
        validators: vec![],
        block_reward: Some(Quantity::from(5)),
        beneficiary_mode: Some(BeneficiaryMode::Fixed),
        mining_beneficiary: Some(address),
        max_request_timeout: Some(60),
    };
    let mut config = ChainConfig::new(
        1,
        Consensus::Qbft(qbft),
        &Version::new(24, 4, 1),
        Some(&Version::new(24, 4, 2)),
    );
    config.code_size = config::CodeSize::Default;
    config.transaction_size_limit = Some(64);
    config.permissions = Some(1);
    config.multiple_private_states = true;
    config.privacy_precompile = Some(2);
    config.gas_price = Some(3);
    config.transitions = vec![Transition {
        block: 9,
        algorithm: Some(Algorithm::Qbft),
        contract_size_limit: Some(48),
        miner_gas_limit: Some(1),
        two_f_plus_one: Some(true),
        ..Transition::default()
    }];
    config.extra.insert("own".to_owned(), json!(true));
    assert_eq!(config.check(&Version::new(24, 4, 1)), Ok(()));
    let contract = Genesis::new(config.clone(), &validators(), vec![]).extra_data;
    assert_eq!(
        hex::encode(contract),
        format!("e5a0{}c0c080c0", "00".repeat(32))
    );
    let value = serde_json::to_value(&config).unwrap();
    let shown = address.to_string();
    assert_eq!(
        value["qbft"],
        json!({
            "epochlength": 30000, "blockperiodseconds": 5, "emptyblockperiodseconds": 60,
            "requesttimeoutseconds": 10, "policy": 0, "ceil2Nby3Block": 0,
            "validatorcontractaddress": shown, "validatorselectionmode": "contract",
            "blockReward": "5", "beneficiaryMode": "fixed", "miningBeneficiary": shown,
            "maxRequestTimeoutSeconds": 60,
        })
    );
    assert_eq!(
        value["transitions"],
        json!([{ "block": 9, "algorithm": "qbft", "contractsizelimit": 48,
                 "miner.gaslimit": 1, "2FPlus1Enabled": true }])
    );
    for (key, expected) in [
        ("privacyEnhancementsBlock", json!(0)),
        ("txnSizeLimit", json!(64)),
        ("qip714Block", json!(1)),
        ("isMPS", json!(true)),
        ("privacyPrecompileBlock", json!(2)),
        ("enableGasPriceBlock", json!(3)),
        ("own", json!(true)),
    ] {
        assert_eq!(value[key], expected, "{key}");
    }
}

#[test]
fn old_clients_get_the_old_limit() {
    let old = ChainConfig::new(
        1,
        Consensus::Raft,
        &Version::new(2, 5, 0),
        Some(&Version::new(0, 10, 6)),
    );
    let value = serde_json::to_value(&old).unwrap();
    assert_eq!(value["maxCodeSize"], 35);
    assert_eq!(value["maxCodeSizeChangeBlock"], 0);
    assert!(value.get("privacyEnhancementsBlock").is_none());
}

#[test]
fn lower_case_keys_of_the_original_are_read() {
    let genesis = seven_nodes(Consensus::Raft);
    let text = genesis.render().unwrap();
    let lower = ["extraData", "gasLimit", "mixHash", "parentHash"]
        .iter()
        .fold(text.clone(), |text, key| {
            text.replace(key, &key.to_lowercase())
        });
    assert_ne!(text, lower);
    assert_eq!(Block::parse(&lower).unwrap().hash(), genesis.block().hash());
}

#[test]
fn contracts_survive_the_file() {
    let mut genesis = seven_nodes(Consensus::Raft);
    let contract = Allocation {
        balance: Quantity::default(),
        nonce: 1,
        code: vec![0x60, 0],
        storage: BTreeMap::from([([1; 32], [2; 32]), ([3; 32], [0; 32])]),
    };
    genesis.alloc.push((Address::from_bytes([9; 20]), contract));
    let read = Block::parse(&genesis.render().unwrap()).unwrap();
    assert_eq!(read, genesis.block());
    let mut without_zero = read.clone();
    for account in without_zero.alloc.values_mut() {
        account.storage.remove(&[3; 32]);
    }
    assert_eq!(without_zero.hash(), read.hash());
}

#[test]
fn other_files_are_refused() {
    let good = json!({"alloc": {}, "difficulty": "1", "gasLimit": "0x1"});
    assert!(Block::parse(&good.to_string()).is_ok());
    for (key, value, message) in [
        ("gasLimit", Value::Null, "genesis has no gasLimit"),
        (
            "GASLIMIT",
            json!("1"),
            "genesis has gasLimit twice, in different case",
        ),
        (
            "difficulty",
            json!("x"),
            "genesis has no valid difficulty: \"x\"",
        ),
        (
            "extraData",
            json!("00"),
            "genesis has no valid extraData: \"00\"",
        ),
        (
            "mixHash",
            json!("0x00"),
            "genesis has no valid mixHash: \"0x00\"",
        ),
        (
            "alloc",
            json!({"0x1": {}}),
            "genesis has no valid alloc: 0x1",
        ),
        (
            "alloc",
            json!({"0x0900000000000000000000000000000000000000": {}}),
            "genesis has no balance",
        ),
    ] {
        let mut file = good.clone();
        file[key] = value;
        let error = Block::parse(&file.to_string()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert!(Block::parse("ANOTHER CONSENSUS").is_err());
}

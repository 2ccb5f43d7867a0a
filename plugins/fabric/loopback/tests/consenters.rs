//! Orderers come, go and change their certificates while a real channel runs.
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

use fabric_channel::edit::{
    Endpoint, add_raft_consenter, remove_raft_consenter, replace_raft_consenter,
};
use fabric_loopback::Programs;
use fabric_proto::Message;
use fabric_transaction::failure::Verdict;
use fabric_transaction::participation::Relation;
use network::channel::{CHANNEL, Network, Ordering, block_of, raft_consenter};
use network::organization::IDENTITY;
use network::wire::persist;

/// Waits until an orderer takes part as a consenter, with all the others in reach.
fn takes_part(network: &Network, orderer: &str, of: u64) {
    let seen = persist(
        || {
            let channel = network.wire.channel(orderer, CHANNEL).unwrap();
            let metrics = network.wire.metrics(orderer);
            let metrics = &metrics.channels[CHANNEL];
            let whole = metrics.raft_is_whole() && metrics.cluster_size == Some(of);
            if channel.participates() && metrics.takes_part() && whole {
                Ok(())
            } else {
                Err((Verdict::Again, channel, metrics.clone()))
            }
        },
        |(verdict, ..)| *verdict,
    );
    seen.unwrap();
}

#[test]
fn consenters_of_raft_come_go_and_renew() {
    let Some(programs) = Programs::from_env_of(&["2.", "3."]).unwrap() else {
        return;
    };
    let mut network = Network::start(&programs, 4, "none:0");
    let first = block_of(&network.channel(Ordering::Raft, 3));
    for number in 0..3 {
        let name = network.orderer(number);
        network.wire.join(name, &first.encode_to_vec()).unwrap();
    }
    for number in 0..3 {
        takes_part(&network, network.orderer(number), 3);
    }

    // One more joins with the newest block of configuration, follows, and then takes part.
    let newcomer = network.orderer(3).to_owned();
    let block = network.config(network.orderer(0)).block.encode_to_vec();
    let follower = network.wire.join(&newcomer, &block).unwrap();
    assert_eq!(follower.relation, Relation::Follower, "{follower:?}");
    network.change(network.orderer(0), |group| {
        let endpoint = Endpoint {
            organization: "OrdererOrg",
            address: &format!("{newcomer}:7050"),
        };
        let consenter = raft_consenter(&network.orderers[3]);
        add_raft_consenter(group, &consenter, Some(endpoint)).unwrap();
    });
    for number in 0..4 {
        takes_part(&network, network.orderer(number), 4);
    }

    // The first goes. The others cut it off before it gets the block that says so, and it needs ten
    // minutes to suspect that: so nobody waits for it to become a follower, it is told to leave.
    let goer = network.orderer(0).to_owned();
    network.change(network.orderer(1), |group| {
        let endpoint = Endpoint {
            organization: "OrdererOrg",
            address: &format!("{goer}:7050"),
        };
        remove_raft_consenter(group, &goer, 7050, Some(endpoint)).unwrap();
    });
    for number in 1..4 {
        takes_part(&network, network.orderer(number), 3);
    }
    network.wire.remove(&goer, CHANNEL).unwrap();
    let absent = persist(
        || match network.wire.channel(&goer, CHANNEL) {
            Err(error) => Ok(error),
            Ok(channel) => Err((Verdict::Again, channel)),
        },
        |(verdict, _)| *verdict,
    );
    assert_eq!(absent.unwrap().verdict(), Verdict::Absent);

    // A certificate over the same key needs no change of the channel.
    let name = network.orderer(1).to_owned();
    let renewed = network.ordering.renewed_tls(&network.orderers[1]);
    let path = format!("{IDENTITY}/tls/server.crt");
    let wire = &mut network.wire;
    wire.loopback
        .write(&name, &path, renewed.to_pem().as_bytes())
        .unwrap();
    wire.loopback.stop(&name).unwrap();
    wire.loopback.restart(&name).unwrap();
    takes_part(&network, &name, 3);

    // One over another key does: the channel first, then the node.
    let name = network.orderer(2).to_owned();
    let fresh = network.ordering.node("orderer2", "orderer");
    network.change(network.orderer(1), |group| {
        replace_raft_consenter(group, &name, 7050, &raft_consenter(&fresh)).unwrap();
    });
    let wire = &mut network.wire;
    for (file, text) in [
        ("server.crt", fresh.tls.pem()),
        ("server.key", fresh.tls.key.to_pem().to_string()),
    ] {
        let path = format!("{IDENTITY}/tls/{file}");
        wire.loopback.write(&name, &path, text.as_bytes()).unwrap();
    }
    wire.loopback.stop(&name).unwrap();
    wire.loopback.restart(&name).unwrap();
    for number in 1..4 {
        takes_part(&network, network.orderer(number), 3);
    }
}

use super::*;
use crate::lint;
use crate::model::{BftConsenter, Consensus, RaftConsenter};
use crate::read::channel_model;
use crate::tree::{bft_block_validation, channel_group};
use crate::vectors;

fn tree() -> ConfigGroup {
    channel_group(&vectors::raft_channel()).unwrap()
}

fn consenter(host: &str) -> RaftConsenter {
    RaftConsenter {
        host: host.to_owned(),
        port: 7050,
        client_tls_cert: "client".to_owned(),
        server_tls_cert: "server".to_owned(),
    }
}

fn hosts(tree: &ConfigGroup) -> Vec<String> {
    match channel_model("mychannel", tree)
        .unwrap()
        .orderer
        .unwrap()
        .consensus
    {
        Consensus::Etcdraft { consenters, .. } => {
            consenters.into_iter().map(|one| one.host).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn consenters_come_go_and_change() {
    let mut tree = tree();
    let endpoint = Endpoint {
        organization: "OrdererOrg",
        address: "b:7050",
    };
    add_raft_consenter(&mut tree, &consenter("b"), Some(endpoint)).unwrap();
    assert_eq!(hosts(&tree), ["127.0.0.1", "b"]);
    let channel = channel_model("mychannel", &tree).unwrap();
    assert_eq!(
        channel.organizations[0].endpoints,
        ["127.0.0.1:17050", "b:7050"]
    );
    assert!(matches!(
        add_raft_consenter(&mut tree, &consenter("b"), None),
        Err(EditError::Present { .. })
    ));
    replace_raft_consenter(&mut tree, "127.0.0.1", 17050, &consenter("c")).unwrap();
    assert_eq!(hosts(&tree), ["c", "b"]);
    assert!(matches!(
        replace_raft_consenter(&mut tree, "c", 7050, &consenter("b")),
        Err(EditError::Present { .. })
    ));
    remove_raft_consenter(&mut tree, "b", 7050, Some(endpoint)).unwrap();
    assert_eq!(hosts(&tree), ["c"]);
    let error = remove_endpoint(&mut tree, endpoint)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/Channel/Orderer/OrdererOrg/Endpoints b:7050"),
        "{error}"
    );
    assert!(matches!(
        remove_raft_consenter(&mut tree, "b", 7050, None),
        Err(EditError::Absent { .. })
    ));
}

#[test]
fn each_consensus_has_its_own_consenters() {
    let mut bft = channel_group(&vectors::bft_channel()).unwrap();
    assert!(matches!(
        add_raft_consenter(&mut bft, &consenter("b"), None),
        Err(EditError::Consensus { .. })
    ));
    let mut raft = tree();
    assert!(matches!(
        remove_bft_consenter(&mut raft, "127.0.0.1", 17050, None),
        Err(EditError::Consensus { .. })
    ));
}

fn bft_consenters(tree: &ConfigGroup) -> Vec<BftConsenter> {
    match channel_model("mychannel", tree)
        .unwrap()
        .orderer
        .unwrap()
        .consensus
    {
        Consensus::Bft { consenters, .. } => consenters,
        other => panic!("{other:?}"),
    }
}

/// Blocks need the signatures of a quorum of the very consenters, whoever comes and goes; and all is as it was after both.
#[test]
fn the_policy_over_blocks_follows_the_consenters_of_bft() {
    let before = channel_group(&vectors::bft_channel()).unwrap();
    let mut tree = before.clone();
    let old = bft_consenters(&tree);
    let new = BftConsenter {
        id: 2,
        host: "b".to_owned(),
        ..old[0].clone()
    };
    let endpoint = Endpoint {
        organization: "OrdererOrg",
        address: "b:7050",
    };
    add_bft_consenter(&mut tree, &new, Some(endpoint)).unwrap();
    let all = bft_consenters(&tree);
    let ids: Vec<u32> = all.iter().map(|one| one.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    let policy = |tree: &ConfigGroup| {
        let policies = &tree.groups[ORDERER].policies;
        policies["BlockValidation"].clone()
    };
    assert_eq!(policy(&tree).policy, Some(bft_block_validation(&all)));
    assert_eq!(policy(&tree).mod_policy, policy(&before).mod_policy);
    let target = lint::Target::new(Release::V3_1);
    let found = lint::lint_config("mychannel", &tree, target);
    assert!(
        found.iter().all(|it| it.code != "bft-block-validation"),
        "{found:?}"
    );
    assert!(matches!(
        add_bft_consenter(&mut tree, &new, None),
        Err(EditError::Present { .. })
    ));
    remove_bft_consenter(&mut tree, "b", new.port, Some(endpoint)).unwrap();
    assert_eq!(tree, before);
    assert!(matches!(
        remove_bft_consenter(&mut tree, "b", new.port, None),
        Err(EditError::Absent { .. })
    ));
}

#[test]
fn organisations_come_and_go() {
    let mut tree = tree();
    let mut organization = vectors::raft_channel().organizations[1].clone();
    assert!(matches!(
        add_application_organization(&mut tree, Release::V2_5, &organization),
        Err(EditError::Present { .. })
    ));
    organization.name = "Org3".to_owned();
    organization.msp_id = "Org3MSP".to_owned();
    add_application_organization(&mut tree, Release::V2_5, &organization).unwrap();
    let read = channel_model("mychannel", &tree).unwrap();
    let added = read.organizations.iter().find(|one| one.name == "Org3");
    assert_eq!(added, Some(&organization));
    remove_application_organization(&mut tree, "Org3").unwrap();
    assert_eq!(tree, self::tree());
    assert!(remove_application_organization(&mut tree, "Org3").is_err());
    add_orderer_organization(&mut tree, &organization).unwrap();
    assert!(tree.groups["Orderer"].groups.contains_key("Org3"));
    remove_orderer_organization(&mut tree, "Org3").unwrap();
    assert_eq!(tree, self::tree());
}

#[test]
fn values_are_checked_and_keep_their_guard() {
    let mut tree = tree();
    tree.groups
        .get_mut("Orderer")
        .unwrap()
        .values
        .get_mut("BatchTimeout")
        .unwrap()
        .mod_policy = "Writers".to_owned();
    set_batch_timeout(&mut tree, "250ms").unwrap();
    let value = &tree.groups["Orderer"].values["BatchTimeout"];
    assert_eq!(value.mod_policy, "Writers");
    assert_eq!(value.value, b"\x0a\x05250ms");
    for wrong in ["", "0s", "2", "soon"] {
        assert!(set_batch_timeout(&mut tree, wrong).is_err(), "{wrong}");
    }
    let size = BatchSize {
        max_message_count: 1,
        absolute_max_bytes: 10,
        preferred_max_bytes: 11,
    };
    assert!(set_batch_size(&mut tree, size).is_err());
    set_batch_size(&mut tree, BatchSize::default()).unwrap();
    set_capabilities(&mut tree, Level::Application, &["V2_0"]).unwrap();
    set_maintenance(&mut tree, true).unwrap();
    let channel = channel_model("mychannel", &tree).unwrap();
    let orderer = channel.orderer.unwrap();
    assert_eq!(orderer.batch_size, BatchSize::default());
    assert!(orderer.maintenance);
    assert_eq!(channel.release, Release::V2_2);
}

#[test]
fn anchor_peers_are_set_and_removed() {
    let mut tree = tree();
    let peers = [AnchorPeer {
        host: "p".to_owned(),
        port: 1,
    }];
    set_anchor_peers(&mut tree, "Org2MSP", &peers).unwrap();
    assert!(
        tree.groups["Application"].groups["Org2MSP"]
            .values
            .contains_key("AnchorPeers")
    );
    set_anchor_peers(&mut tree, "Org2MSP", &[]).unwrap();
    assert_eq!(tree, self::tree());
    assert!(set_anchor_peers(&mut tree, "Org9MSP", &peers).is_err());
}

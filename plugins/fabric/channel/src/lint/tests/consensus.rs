//! Consenters, their certificates, and what each release still knows.

use super::*;

#[test]
fn consenters_are_counted_and_compared() {
    let made = |channel: &crate::model::Channel| {
        lint_block(
            &block(channel_group(channel).unwrap()),
            Target::new(Release::V2_5),
        )
    };
    let single = made(&certificates::channel_of(1));
    assert!(has(&single, "raft-single", Severity::Warning));
    let two = made(&certificates::channel_of(2));
    assert!(has(&two, "raft-even", Severity::Warning));
    assert!(made(&certificates::channel_of(3)).is_empty());
    let mut twins = certificates::channel_of(3);
    let second = certificates::consenters(&mut twins)[1].host.clone();
    certificates::consenters(&mut twins)[2].host = second;
    assert!(has(&made(&twins), "consenter-duplicate", Severity::Warning));

    among("consenter-certificate-shared", Severity::Refused, |root| {
        change_raft(root, |metadata| {
            let mut twin = metadata.consenters[0].clone();
            twin.port += 1;
            metadata.consenters.push(twin);
        });
    });
    only("consenters-empty", Severity::Refused, |root| {
        change_raft(root, |metadata| metadata.consenters.clear());
    });
    only("certificate-format", Severity::Refused, |root| {
        change_raft(root, |metadata| {
            metadata.consenters[0].server_tls_cert = b"DER".to_vec();
        });
    });
    only("consenter-address", Severity::Broken, |root| {
        change_raft(root, |metadata| metadata.consenters[0].port = 70_000);
    });
    for change in [
        |options: &mut etcdraft::Options| options.election_tick = 1,
        |options: &mut etcdraft::Options| options.heartbeat_tick = 0,
        |options: &mut etcdraft::Options| options.tick_interval = "soon".to_owned(),
    ] {
        only("raft-options", Severity::Refused, |root| {
            change_raft(root, |metadata| change(metadata.options.as_mut().unwrap()));
        });
    }
}

#[test]
fn release_3_has_no_old_consensus_and_no_system_channel() {
    let on_3 = |change: &dyn Fn(&mut ConfigGroup)| {
        let mut group = tree();
        change(&mut group);
        lint_config("mychannel", &group, Target::new(Release::V3_1))
    };
    for name in ["solo", "kafka"] {
        let found = on_3(&|root| set_consensus(root, name));
        assert!(has(&found, "consensus-removed", Severity::Refused));
        among("consensus-removed", Severity::Refused, |root| {
            set_consensus(root, name);
            root.values
                .insert("Capabilities".to_owned(), capabilities(&["V3_0"]));
        });
    }
    assert!(!is_faulty(&on_3(&|_| {})));
    let solo = decode_config_block(vectors::SOLO).unwrap();
    let found = lint_block(&solo, Target::new(Release::V3_1));
    assert!(has(&found, "system-channel-removed", Severity::Refused));
    let found = on_3(&|root| {
        edit::set_capabilities(root, edit::Level::Application, &["V1_4_2"]).unwrap();
    });
    assert!(has(&found, "application-capabilities", Severity::Broken));
    let found = on_3(&|root| {
        edit::set_capabilities(root, edit::Level::Channel, &["V3_0"]).unwrap();
        let addresses = crate::tree::addresses(&["o:1".to_owned()], ADMINS);
        root.values.insert("OrdererAddresses".to_owned(), addresses);
        at(root, "Orderer/OrdererOrg").values.remove("Endpoints");
    });
    assert!(has(
        &found,
        "orderer-addresses-forbidden",
        Severity::Refused
    ));
    assert!(has(&found, "endpoints-missing", Severity::Refused));
    only("consensus-type", Severity::Refused, |root| {
        set_consensus(root, "pbft");
    });
    only("maintenance", Severity::Warning, |root| {
        edit::set_maintenance(root, true).unwrap();
    });
}

fn consenters(channel: &mut crate::model::Channel) -> &mut Vec<crate::model::BftConsenter> {
    match &mut channel.orderer.as_mut().unwrap().consensus {
        Consensus::Bft { consenters, .. } => consenters,
        other => panic!("{other:?}"),
    }
}

#[test]
fn byzantine_consenters_fit_their_policy() {
    let found = |change: &dyn Fn(&mut crate::model::Channel)| {
        let mut channel = vectors::bft_channel();
        change(&mut channel);
        lint_config(
            "bftchan",
            &channel_group(&channel).unwrap(),
            Target::new(Release::V3_1),
        )
    };
    assert!(found(&|_| {}).is_empty());
    let few = found(&|channel| consenters(channel).truncate(3));
    assert!(has(&few, "bft-few", Severity::Warning) && !is_faulty(&few));
    let twins = found(&|channel| consenters(channel)[1].id = 1);
    assert!(has(&twins, "bft-identifiers", Severity::Refused));
    let foreign = found(&|channel| consenters(channel)[0].msp_id = "Org1MSP".to_owned());
    assert!(has(&foreign, "bft-organization", Severity::Refused));
    let weak = found(&|channel| {
        channel
            .orderer
            .as_mut()
            .unwrap()
            .policies
            .insert("BlockValidation".to_owned(), "ANY Writers".to_owned());
    });
    assert!(has(&weak, "bft-block-validation", Severity::Broken));
    let turning = found(
        &|channel| match &mut channel.orderer.as_mut().unwrap().consensus {
            Consensus::Bft { options, .. } => options.leader_rotation = 2,
            other => panic!("{other:?}"),
        },
    );
    assert!(has(&turning, "bft-options", Severity::Refused));
    let options = |change: fn(&mut crate::model::BftOptions)| {
        found(
            &|channel| match &mut channel.orderer.as_mut().unwrap().consensus {
                Consensus::Bft { options, .. } => change(options),
                other => panic!("{other:?}"),
            },
        )
    };
    let turning = options(|options| {
        options.leader_rotation = 2;
        options.decisions_per_leader = 3;
    });
    assert!(has(&turning, "bft-options", Severity::Broken));
    // Each was tried on an orderer of 3.1.
    let refused: [fn(&mut crate::model::BftOptions); 6] = [
        |options| options.incoming_message_buffer_size = 0,
        |options| options.request_pool_size = 0,
        |options| options.leader_heartbeat_count = 0,
        |options| options.request_forward_timeout = "30s".to_owned(),
        |options| options.request_complain_timeout = "10m0s".to_owned(),
        |options| options.view_change_resend_interval = "30s".to_owned(),
    ];
    for change in refused {
        let found = options(change);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(has(&found, "bft-options", Severity::Refused));
    }
    let old = lint_config(
        "bftchan",
        &channel_group(&vectors::bft_channel()).unwrap(),
        Target::new(Release::V2_5),
    );
    assert!(has(&old, "bft-capability", Severity::Refused));
}

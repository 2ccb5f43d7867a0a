//! Files as they are published, and in the manner of the samples.

use super::*;

#[test]
fn the_old_pair_is_a_chain_of_1_4() {
    let read = pair(TX_14);
    assert_eq!(
        read.spec,
        json!({
            "stack": "fabric", "release": "1.4",
            "options": {
                "batchTimeout": "2s", "maxMessageCount": 10, "absoluteMaxBytes": 102_760_448,
                "preferredMaxBytes": 524_288, "consortium": "SampleConsortium",
            },
            "orgs": [
                {"name": "orderer", "namespace": "orgorderer1", "ordering": true, "orderers": 1},
                {"name": "org1", "peers": 2, "users": 1},
                {"name": "org2", "peers": 2, "users": 1},
            ],
            "channels": [{"name": "chan", "orgs": ["org1", "org2"]}],
            "services": {"orderer": {"plugin": "orderer_solo"}},
        })
    );
    read.must_say(&[
        "configtx.yaml line 50",
        "/Profiles/Kafka",
        "left out",
        "Solo",
    ]);
    read.must_say(&["line 33", "Kafka", "solo do not read it"]);
    read.must_say(&["line 3", "/Name", "OrdererMSP"]);
    assert!(!read.says(&["Policies"]), "{:#?}", read.notes);
    assert!(!read.says(&["no such key"]), "{:#?}", read.notes);

    let all = read.expanded();
    assert_eq!(ids(&all, "orderer"), ["orderer0.orderer"]);
    assert_eq!(
        ids(&all, "peer"),
        ["peer0.org1", "peer1.org1", "peer0.org2", "peer1.org2"]
    );
    let orderer = all.iter().find(|it| it.kind == "orderer").unwrap();
    let about: NodeExtra = extra::of(orderer).unwrap();
    assert_eq!(about.host, "orderer0.orgorderer1");
    let channel = all.iter().find(|it| it.kind == "channel").unwrap();
    let about: Channel = extra::of(channel).unwrap();
    assert_eq!(about.orgs, ["org/org1", "org/org2"]);
}

/// The sample of 1.4 lists five orderers, for its profile of Raft, and orders by solo unless told otherwise.
#[test]
fn solo_is_one_orderer_however_many_are_listed() {
    let orderers = "OrdererOrgs:\n  - Name: Orderer\n    Domain: example.com\n    Specs:\n      - Hostname: other\n      \
                    - Hostname: orderer\n      - Hostname: third\n";
    let configtx = TX_14.replace("orderer0.orgorderer1:7050", "orderer.example.com:7050");
    let configtx = configtx.replace("orgorderer1", "example.com");
    let read = read_all(&[
        ("crypto-config.yaml", orderers),
        ("configtx.yaml", &configtx),
    ])
    .unwrap();
    assert_eq!(read.spec["services"]["orderer"]["plugin"], "orderer_solo");
    let first = &read.spec["orgs"][0];
    assert_eq!(
        first["orderers"],
        json!([{"name": "orderer", "sans": ["orderer.example.com"]}])
    );
    read.must_say(&[
        "solo is one orderer, orderer.example-com",
        "left out are other.example-com, third.example-com",
    ]);
    assert_eq!(ids(&read.expanded(), "orderer"), ["orderer.orderer"]);
}

#[test]
fn brokers_are_as_many_as_are_listed() {
    let read = pair(&TX_14.replace("OrdererType: solo", "OrdererType: kafka"));
    assert_eq!(
        read.spec["services"],
        json!({
            "orderer": {"plugin": "orderer_kafka"}, "kafka": {"plugin": "kafka_zookeeper"},
        })
    );
    assert_eq!(read.spec["kafkas"], 3);
    read.must_say(&["line 33", "brokers and their ensemble are made here"]);
    assert_eq!(ids(&read.expanded(), "kafka").len(), 3);
}

#[test]
fn a_channel_of_2_5_needs_no_system_channel() {
    let read = pair(TX_25);
    assert_eq!(read.spec["release"], "2.5");
    assert_eq!(
        read.spec["services"],
        json!({"orderer": {"plugin": "orderer_raft"}})
    );
    assert_eq!(
        read.spec["channels"],
        json!([{"name": "chan", "orgs": ["org1", "org2"]}])
    );
    assert_eq!(read.spec["options"]["absoluteMaxBytes"], 102_760_448);
    assert!(read.spec["options"].get("consortium").is_none());
    read.must_say(&["line 46", "99 MB does not fit"]);
    read.must_say(&["line 41", "/Host", "orderer0.orgorderer1:7050"]);
    read.must_say(&["line 42", "/Port", "listen on 7050"]);
    read.must_say(&["line 10", "127.0.0.1:17050 has no effect"]);
    read.must_say(&["line 20", "127.0.0.1 has no effect", "anchor"]);
    assert!(!read.says(&["Policies"]), "{:#?}", read.notes);
    assert!(!read.says(&["Capabilities"]), "{:#?}", read.notes);
    assert!(!read.says(&["no such key"]), "{:#?}", read.notes);
    assert_eq!(ids(&read.expanded(), "channel"), ["chan"]);
}

#[test]
fn bft_brings_its_orderers() {
    let read = pair(TX_31);
    assert_eq!(read.spec["release"], "3.1");
    assert_eq!(
        read.spec["services"],
        json!({"orderer": {"plugin": "orderer_bft"}})
    );
    assert_eq!(
        read.spec["orgs"],
        json!([
            {"name": "orderer", "namespace": "ord", "ordering": true, "orderers": 4},
            {"name": "org1", "peers": 2, "users": 1},
            {"name": "org2", "peers": 2, "users": 1},
        ])
    );
    assert_eq!(
        read.spec["channels"],
        json!([{"name": "bft", "orgs": ["org1"]}])
    );
    // The published files do not belong together: cryptogen's has another organisation that orders.
    read.must_say(&["crypto-config.yaml line 2", "left out", "lets it order"]);
    read.must_say(&[
        "configtx.yaml line 3",
        "no organisation of crypto-config.yaml is meant",
    ]);
    let all = read.expanded();
    assert_eq!(ids(&all, "orderer").len(), 4);
    let org = all.iter().find(|it| it.id == "org/orderer").unwrap();
    let about: Org = extra::of(org).unwrap();
    assert_eq!(about.msp_id, "OrdererMSP");
}

#[test]
fn each_file_is_a_chain_alone() {
    let read = crypto(CRYPTO);
    assert!(read.spec.get("release").is_none());
    assert_eq!(read.spec["orgs"].as_array().unwrap().len(), 3);
    read.must_say(&["there is no channel", "--channel"]);
    assert_eq!(ids(&read.expanded(), "peer").len(), 4);

    let read = read_all(&[("configtx.yaml", TX_25)]).unwrap();
    assert_eq!(
        read.spec["orgs"],
        json!([
            {"name": "orderer", "namespace": "orgorderer1", "ordering": true, "orderers": 1},
            {"name": "org1"},
            {"name": "org2"},
        ])
    );
    read.must_say(&["how many peers it has", "as many as is usual"]);
    assert_eq!(ids(&read.expanded(), "peer").len(), 4);
}

#[test]
fn solo_after_1_4_is_raft_and_options_of_bft_are_carried() {
    let read = pair(&TX_14.replace("V1_4_2", "V2_0").replace("V1_4_3", "V2_0"));
    assert_eq!(read.spec["release"], "2.5");
    assert_eq!(read.spec["services"]["orderer"]["plugin"], "orderer_raft");
    read.must_say(&["of type solo are of release 1.4", "agree by Raft"]);
    read.must_say(&["/Consortiums", "no system channel"]);

    let options = "OrdererType: BFT\n      SmartBFT: {LeaderRotation: 2, DecisionsPerLeader: 3, SyncOnStart: true, RequestBatchMaxCount: 9}";
    let read = pair(&TX_31.replace("OrdererType: BFT", options));
    assert_eq!(
        read.spec["services"]["orderer"]["options"],
        json!({"leaderRotation": "on", "decisionsPerLeader": 3, "syncOnStart": true})
    );
    read.must_say(&["RequestBatchMaxCount", "BatchSize instead"]);
}

/// As the samples of 2.5 write them: defaults that profiles merge, domains with dots, a file for each organisation.
#[test]
fn files_in_the_manner_of_the_samples_leave_few_words() {
    let org = |n: u32| {
        format!(
            "PeerOrgs:\n  - Name: Org{n}\n    Domain: org{n}.example.com\n    EnableNodeOUs: true\n    Template:\n      \
             Count: 1\n      SANS: [localhost]\n    Users: {{Count: 1}}\n"
        )
    };
    let orderer = "OrdererOrgs:\n  - Name: Orderer\n    Domain: example.com\n    EnableNodeOUs: true\n    Specs:\n      \
                   - Hostname: orderer\n        SANS: [localhost]\n";
    let configtx = r#"
Organizations:
  - &OrdererOrg
    Name: OrdererMSP
    ID: OrdererMSP
    MSPDir: ../organizations/ordererOrganizations/example.com/msp
    OrdererEndpoints: ["orderer.example.com:7050"]
  - &Org1
    Name: Org1MSP
    ID: Org1MSP
    MSPDir: ../organizations/peerOrganizations/org1.example.com/msp
    AnchorPeers: [{Host: peer0.org1.example.com, Port: 7051}]
  - &Org2
    Name: Org2MSP
    ID: Org2MSP
    MSPDir: ../organizations/peerOrganizations/org2.example.com/msp
Capabilities:
  Channel: &ChannelCapabilities {V2_0: true}
  Orderer: &OrdererCapabilities {V2_0: true}
  Application: &ApplicationCapabilities {V2_5: true}
Application: &ApplicationDefaults
  Organizations:
  Policies: &policies
    Readers: {Type: ImplicitMeta, Rule: "ANY Readers"}
  Capabilities:
    <<: *ApplicationCapabilities
Orderer: &OrdererDefaults
  Addresses: ["orderer.example.com:7050"]
  BatchTimeout: 2s
  Organizations:
  Policies: *policies
Channel: &ChannelDefaults
  Policies: *policies
  Capabilities:
    <<: *ChannelCapabilities
Profiles:
  ChannelUsingRaft:
    <<: *ChannelDefaults
    Orderer:
      <<: *OrdererDefaults
      OrdererType: etcdraft
      EtcdRaft:
        Consenters:
          - Host: orderer.example.com
            Port: 7050
            ClientTLSCert: ../organizations/ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.crt
            ServerTLSCert: ../organizations/ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.crt
      Organizations: [*OrdererOrg]
      Capabilities: *OrdererCapabilities
    Application:
      <<: *ApplicationDefaults
      Organizations: [*Org1, *Org2]
"#;
    let read = read_all(&[
        ("crypto-config-org1.yaml", &org(1)),
        ("configtx.yaml", configtx),
        ("crypto-config-org2.yaml", &org(2)),
        ("crypto-config-orderer.yaml", orderer),
    ])
    .unwrap();
    // Three domains, the name of the channel, the keys.
    assert_eq!(read.notes.len(), 5, "{:#?}", read.notes);
    assert_eq!(
        read.spec["orgs"][0],
        json!({
            "name": "orderer", "namespace": "example-com", "domain": "example.com", "ordering": true,
            "orderers": [{"name": "orderer", "sans": ["orderer.example.com"]}],
        })
    );
    assert_eq!(
        read.spec["channels"],
        json!([{"name": "channelusingraft", "orgs": ["org1", "org2"]}])
    );
    let all = read.expanded();
    assert_eq!(ids(&all, "peer"), ["peer0.org1", "peer0.org2"]);
    assert_eq!(ids(&all, "orderer"), ["orderer.orderer"]);
}

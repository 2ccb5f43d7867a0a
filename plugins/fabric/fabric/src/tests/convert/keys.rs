//! Keys of both files: what they become, and what is told of those without effect.

use super::*;

#[test]
fn domains_with_dots_become_namespaces() {
    let read = crypto(
        "PeerOrgs:\n  - Name: Org1\n    Domain: org1.example.com\n    EnableNodeOUs: true\n    Template: {Count: 2}\n",
    );
    assert_eq!(
        read.spec["orgs"],
        json!([{
            "name": "org1", "namespace": "org1-example-com", "domain": "org1.example.com",
            "peers": [
                {"name": "peer0", "sans": ["peer0.org1.example.com"]},
                {"name": "peer1", "sans": ["peer1.org1.example.com"]},
            ],
            "users": 0,
        }])
    );
    read.must_say(&["line 3", "/PeerOrgs/0/Domain", "org1-example-com"]);
    read.must_say(&["no organisation orders"]);
    let all = read.expanded();
    let peer = all.iter().find(|it| it.name == "peer1.org1").unwrap();
    let about: NodeExtra = extra::of(peer).unwrap();
    assert_eq!(about.host, "peer1.org1-example-com");
    assert!(about.sans.contains(&"peer1.org1.example.com".to_owned()));
}

#[test]
fn templates_and_listed_nodes_are_those_of_cryptogen() {
    let read = crypto(
        r#"
PeerOrgs:
  - Name: Org1
    Domain: org1
    CA: {Hostname: authority, Country: CH, Province: Zug, Locality: Zug, PostalCode: 6300}
    Specs:
      - Hostname: foo
        CommonName: foo27.org5.example.com
        Country: SE
        SANS: ["bar.{{.Domain}}", "{{ .Hostname }}.org6.net", "{{- .CommonName -}}", 172.16.10.31]
    Template:
      Count: 2
      Start: 5
      Hostname: "{{.Prefix}}-{{.Index}}.{{.Domain}}"
      SANS: ["{{.Hostname}}.alt"]
    Users: {Count: 3}
OrdererOrgs:
  - Name: Org1
    Domain: ord
    Template: {Count: 1}
    Users: {Count: 1}
"#,
    );
    assert_eq!(
        read.spec["orgs"],
        json!([
            {"name": "org1", "namespace": "ord", "ordering": true, "orderers": 1, "nodeOus": false},
            {
                "name": "org1-2", "namespace": "org1", "users": 3, "nodeOus": false,
                "country": "CH", "province": "Zug", "locality": "Zug",
                "peers": [
                    {"name": "foo", "sans": ["foo27.org5.example.com", "bar.org1", "foo.org6.net", "172.16.10.31"]},
                    {"name": "peer-5-org1", "sans": ["peer-5.org1.org1", "peer-5.org1", "peer-5.org1.alt"]},
                    {"name": "peer-6-org1", "sans": ["peer-6.org1.org1", "peer-6.org1", "peer-6.org1.alt"]},
                ],
            },
        ])
    );
    read.must_say(&["line 5", "/CA/Hostname"]);
    read.must_say(&["line 5", "/CA/PostalCode"]);
    read.must_say(&["line 9", "/Specs/0/Country"]);
    read.must_say(&["line 21", "/OrdererOrgs/0/Users"]);
    read.must_say(&["peer-5.org1 is no DNS label"]);
    read.expanded();
}

#[test]
fn every_key_without_effect_is_told_with_its_line() {
    let read = read_all(&[
        (
            "crypto-config.yaml",
            "PeerOrgs:\n  - Name: Org1\n    Domain: org1\n    EnableNodeOUs: true\n    Colour: red\n    Template:\n      Count: 1\n      Size: 9\nExtra: 1\n",
        ),
        (
            "configtx.yaml",
            r#"
Organizations:
  - &Org1
    Name: Org1MSP
    ID: Org1MSP
    MSPDir: peerOrganizations/org1/msp
    AdminPrincipal: Role.MEMBER
    Mood: bad
    Policies:
      Readers: {Type: Signature, Rule: "OR('Org1MSP.member')"}
      Writers: {Type: Signature, Rule: "OR( 'Org1MSP.admin','Org1MSP.client' )"}
      Mine: {Type: ImplicitMeta, Rule: "ANY Readers"}
  - Name: Nobody
    ID: NobodyMSP
Capabilities:
  Channel: &caps {V2_0: true, V1_1: false}
  Unused: {V1_3: true}
Orderer: &Ord
  OrdererType: etcdraft
  BatchTimeout: 3s
  MaxChannels: 7
  SmartBFT: {RequestPoolSize: 1}
  Spare: 1
Profiles:
  One:
    Capabilities: *caps
    Orderer:
      <<: *Ord
      BatchTimeout: 1s
      Capabilities: {V1_1: true}
      EtcdRaft:
        Consenters: [{Host: raft.x, Port: 1}]
        Options: {TickInterval: 1s, ElectionTick: 20, SnapshotIntervalSize: 20 MB, MaxSizePerMsg: 5}
    Application:
      Organizations: [*Org1]
      Policies:
        Endorsement: {Type: Signature, Rule: "OR('Org1MSP.peer')"}
        Admins: {Type: ImplicitMeta, Rule: "MAJORITY Admins"}
      ACLs: {peer/Propose: /Channel/Application/Writers, event/Block: /Channel/Application/Writers}
    Thing: 1
"#,
        ),
    ])
    .unwrap();
    for parts in [
        [
            "crypto-config.yaml line 5",
            "/PeerOrgs/0/Colour",
            "no such key",
        ],
        ["crypto-config.yaml line 8", "/Template/Size", "no such key"],
        ["crypto-config.yaml line 9", "/Extra", "no such key"],
        ["configtx.yaml line 7", "AdminPrincipal", "no effect"],
        ["configtx.yaml line 8", "/Mood", "no such key"],
        [
            "configtx.yaml line 10",
            "Policies/Readers",
            "'Org1MSP.peer'",
        ],
        ["configtx.yaml line 12", "Policies/Mine", "no such policy"],
        ["configtx.yaml line 13", "/Organizations/1", "no profile"],
        [
            "configtx.yaml line 17",
            "/Capabilities/Unused",
            "no profile",
        ],
        [
            "configtx.yaml line 20",
            "/Orderer/BatchTimeout",
            "no profile",
        ],
        ["configtx.yaml line 21", "MaxChannels", "not counted"],
        [
            "configtx.yaml line 22",
            "SmartBFT",
            "etcdraft do not read it",
        ],
        ["configtx.yaml line 23", "/Orderer/Spare", "no profile"],
        [
            "configtx.yaml line 30",
            "Capabilities/V1_1",
            "requires V2_0 here",
        ],
        ["configtx.yaml line 32", "Consenters/0", "no orderer"],
        ["configtx.yaml line 33", "MaxSizePerMsg", "no such key"],
        [
            "configtx.yaml line 39",
            "ACLs/event~1Block",
            "usual access rules",
        ],
        [
            "configtx.yaml line 40",
            "/Profiles/One/Thing",
            "no such key",
        ],
    ] {
        read.must_say(&parts);
    }
    // Nothing else is said of a key.
    let lines = read.notes.iter().filter(|note| note.contains(" line "));
    assert_eq!(lines.count(), 18 + 1, "{:#?}", read.notes);
    assert_eq!(
        read.spec["channels"],
        json!([{"name": "one", "orgs": ["org1"], "policies": {"Endorsement": "OR('Org1MSP.peer')"}}])
    );
    assert_eq!(
        read.spec["services"]["orderer"]["options"],
        json!({"tickInterval": "1s", "electionTick": 20, "snapshotIntervalSize": 20_971_520})
    );
    assert_eq!(read.spec["options"]["batchTimeout"], "1s");
    read.expanded();
}

#[test]
fn anchors_are_peers_by_name() {
    let tx = TX_14.replace(
        "{Host: peer0.org1, Port: 7051}",
        "{Host: peer1.org1, Port: 8051}",
    );
    let read = pair(&tx);
    assert_eq!(
        read.spec["orgs"][1]["peers"],
        json!([{"name": "peer0"}, {"name": "peer1", "anchor": true}])
    );
    read.must_say(&["line 18", "/Port", "listen on 7051"]);
    let all = read.expanded();
    let anchors: Vec<&str> = all
        .iter()
        .filter(|it| it.kind == "peer" && extra::of::<NodeExtra>(it).unwrap().anchor)
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(anchors, ["peer1.org1", "peer0.org2"]);

    let read = read_all(&[("configtx.yaml", &tx)]).unwrap();
    assert_eq!(
        read.spec["orgs"][1]["peers"],
        json!([{"name": "peer0"}, {"name": "peer1", "anchor": true}])
    );
}

#[test]
fn what_two_profiles_share_is_told_once() {
    let read = read_all(&[(
        "configtx.yaml",
        r"
Organizations:
  - &Org {Name: Org1MSP, ID: Org1MSP}
Orderer: &Ord
  OrdererType: BFT
  BatchSize: {AbsoluteMaxBytes: 99 MB}
  SmartBFT: {RequestBatchMaxCount: 100, RequestBatchMaxBytes: 7}
Profiles:
  One: {Orderer: {<<: *Ord}, Application: {Organizations: [*Org]}}
  Two: {Orderer: {<<: *Ord}, Application: {Organizations: [*Org]}}
  Three: {Orderer: {<<: *Ord, BatchTimeout: 9s}, Application: {Organizations: [*Org]}}
",
    )])
    .unwrap();
    let said = |part: &str| read.notes.iter().filter(|note| note.contains(part)).count();
    assert_eq!(said("99 MB does not fit"), 1, "{:#?}", read.notes);
    assert_eq!(said("RequestBatchMaxBytes"), 1, "{:#?}", read.notes);
    assert_eq!(said("RequestBatchMaxCount"), 0, "as it is anyway");
    assert_eq!(said("orders otherwise than the first one"), 1);
    read.must_say(&["line 11", "/Profiles/Three/Orderer", "orders otherwise"]);
    assert_eq!(read.spec["options"]["batchTimeout"], "2s");
    assert_eq!(read.spec["channels"].as_array().unwrap().len(), 3);
}

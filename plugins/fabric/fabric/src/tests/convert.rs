//! Published files of cryptogen and configtxgen as chains, and what is told of every key without effect.

use std::collections::BTreeMap;

use chain_plugin_sdk::spec::{ExpandSpec, ServiceSpec};
use chain_plugin_sdk::{Severity, Subject};
use fabric_service::descriptor::port;
use fabric_service::extra::{self, Channel, Node as NodeExtra, Org};

use super::*;

const CRYPTO: &str = include_str!("../../../fixtures/crypto-config.yaml");
const TX_14: &str = include_str!("../../../fixtures/14-configtx.yaml");
const TX_25: &str = include_str!("../../../fixtures/25-configtx.yaml");
const TX_31: &str = include_str!("../../../fixtures/31-configtx.yaml");

fn blob(name: &str, text: &str) -> Blob {
    Blob {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

struct Read {
    spec: Value,
    notes: Vec<String>,
}

impl Read {
    fn says(&self, parts: &[&str]) -> bool {
        let has = |note: &&String| parts.iter().all(|part| note.contains(part));
        self.notes.iter().any(|note| has(&note))
    }

    fn must_say(&self, parts: &[&str]) {
        assert!(self.says(parts), "{parts:?} in {:#?}", self.notes);
    }

    /// The subjects that the stack makes of it.
    fn expanded(&self) -> Vec<Subject> {
        let services = self.spec.get("services").and_then(Value::as_object);
        let said = |role: &str| {
            let service = services.and_then(|all| all.get(role));
            service.map(|it| it["plugin"].as_str().unwrap().to_owned())
        };
        let service = |role: &str, plugin: String, ports: &[(&str, u16)]| ServiceSpec {
            role: role.to_owned(),
            instance: role.to_owned(),
            plugin,
            version: "0.1.0".to_owned(),
            ports: ports
                .iter()
                .map(|(name, number)| port(name, *number, "clients", ""))
                .collect(),
        };
        let orderer = said(role::ORDERER).unwrap_or_else(|| "orderer_raft".to_owned());
        let mut all = vec![
            service(role::ORDERER, orderer, &[("orderer", 7050)]),
            service(role::PEER, "fabric_peer".to_owned(), &[("peer", 7051)]),
        ];
        if let Some(plugin) = said(role::KAFKA) {
            let ports = [("kafka", 9092), ("zookeeper", 2181)];
            all.push(service(role::KAFKA, plugin, &ports));
        }
        let own = ["stack", "release", "options", "services"];
        let kinds: BTreeMap<String, Value> = self
            .spec
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| !own.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let release = self.spec.get("release").and_then(Value::as_str);
        let spec = ExpandSpec {
            chain: "demo".to_owned(),
            namespace: "home".to_owned(),
            release: release.unwrap_or("2.5").to_owned(),
            nodes: Vec::new(),
            services: all,
            options: self.spec.get("options").cloned().unwrap_or_default(),
            expose: Value::Null,
            clusters: BTreeMap::new(),
            kinds,
            shared_storage: false,
        };
        crate::expand::expand(&spec, &[], &BTreeMap::new(), 5).unwrap()
    }
}

fn read_all(files: &[(&str, &str)]) -> Result<Read, Diagnostics> {
    let files = files.iter().map(|(name, text)| blob(name, text)).collect();
    let (json, notes) = Converter::read(CONFIGTX, files)?;
    assert!(notes.iter().all(|it| it.severity != Severity::Error));
    let tree: Value = serde_json::from_str(&json).unwrap();
    let notes: Vec<String> = notes.into_iter().map(|it| it.message).collect();
    let mut distinct = notes.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(
        distinct.len(),
        notes.len(),
        "nothing is told twice: {notes:#?}"
    );
    Ok(Read {
        spec: tree["spec"].clone(),
        notes,
    })
}

fn pair(configtx: &str) -> Read {
    read_all(&[("crypto-config.yaml", CRYPTO), ("configtx.yaml", configtx)]).unwrap()
}

fn crypto(text: &str) -> Read {
    read_all(&[("crypto-config.yaml", text)]).unwrap()
}

fn refused(files: &[(&str, &str)]) -> String {
    let fault = read_all(files).err().unwrap().remove(0);
    format!("{} | {}", fault.message, fault.hint.unwrap_or_default())
}

fn ids(all: &[Subject], kind: &str) -> Vec<String> {
    let of_kind = all.iter().filter(|it| it.kind == kind);
    of_kind.map(|it| it.name.clone()).collect()
}

#[test]
fn the_descriptor_says_what_is_read() {
    let formats = crate::descriptor::descriptor().formats;
    let names: Vec<&str> = formats.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, [CRYPTO_CONFIG, CONFIGTX]);
    assert!(formats.iter().all(|it| it.read && !it.write));
    assert!(formats[0].detect.contains(&"crypto-config.yaml".to_owned()));
    assert!(
        formats[1]
            .keys
            .contains(&"Organizations Profiles".to_owned())
    );
}

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
fn what_is_no_template_is_refused_with_its_line() {
    let text = |hostname: &str| {
        format!(
            "PeerOrgs:\n  - Domain: a\n    Template:\n      Count: 1\n      Hostname: \"{hostname}\"\n"
        )
    };
    for (hostname, part) in [
        ("{{.Nobody}}", "`{{.Nobody}}` is not understood"),
        ("{{range .}}x{{end}}", "is not understood"),
        ("{{.Index", "without `}}`"),
        (&"{{.Prefix}}".repeat(100), "more than 253 characters"),
    ] {
        let said = refused(&[("c.yaml", &text(hostname))]);
        assert!(
            said.contains(part) && said.contains("c.yaml line 3"),
            "{said}"
        );
    }
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
fn files_that_cannot_be_read_are_refused_by_place() {
    for (files, part) in [
        (vec![("a.yaml", "x: 1\n")], "a.yaml line 1: it is neither"),
        (vec![("a.yaml", "PeerOrgs: [")], "a.yaml line "),
        (vec![("a.yaml", "PeerOrgs: 5")], "a list is expected"),
        (
            vec![("a.yaml", "PeerOrgs: [5]")],
            "keys with values are expected",
        ),
        (vec![("a.yaml", "PeerOrgs: [{Name: a}]")], "no Domain"),
        (
            vec![(
                "a.yaml",
                "PeerOrgs:\n- Domain: a\n  Template:\n    Count: 4294967295\n",
            )],
            "a.yaml line 4: /PeerOrgs/0/Template/Count: a number from 0 to 1000",
        ),
        (
            vec![("a.yaml", "PeerOrgs: []\n")],
            "no organisation is left",
        ),
        (
            vec![("a.yaml", TX_14), ("b.yaml", TX_14)],
            "b.yaml line 1: it is a second",
        ),
        (
            vec![(
                "a.yaml",
                &TX_14.replace("OrdererType: solo", "OrdererType: poa"),
            )],
            "orderers of type \"poa\" are not known",
        ),
        (
            vec![(
                "a.yaml",
                &TX_14.replace("BatchTimeout: 2s", "BatchTimeout: soon"),
            )],
            "a.yaml line 31: /Profiles/Solo/Orderer/BatchTimeout: a length of time",
        ),
        (
            vec![("a.yaml", &TX_14.replace("98 MB", "98 pounds"))],
            "a size is expected",
        ),
        (
            vec![("a.yaml", &TX_14.replace("ANY Readers", "ANY"))],
            "expected",
        ),
    ] {
        let said = refused(&files);
        assert!(said.contains(part), "{part:?} in {said:?}");
    }
    let fault = Converter::read("helm", vec![blob("f", "")]).unwrap_err();
    assert_eq!(fault[0].message, "the format helm is not known");
    let fault = Converter::read(CONFIGTX, Vec::new()).unwrap_err();
    assert_eq!(fault[0].message, "there is no file");
    let binary = Blob {
        name: "f".to_owned(),
        bytes: vec![0xff],
    };
    let fault = Converter::read(CONFIGTX, vec![binary]).unwrap_err();
    assert_eq!(fault[0].message, "f is no text");
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

#[test]
fn hostile_files_end_soon() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
    }
    bomb.push_str("PeerOrgs: *a8\n");
    assert!(refused(&[("a.yaml", &bomb)]).contains("too large"));
    let orgs = "- {Domain: d, Template: {Count: 1000}}\n".repeat(20);
    let said = refused(&[("a.yaml", &format!("PeerOrgs:\n{orgs}"))]);
    assert!(said.contains("more than 10000 nodes"), "{said}");
    // Many profiles over the same section, and organisations of one name.
    let profiles = |count: usize| {
        let one = |n| {
            format!(
                "  P{n}: {{Orderer: {{OrdererType: etcdraft}}, Application: {{Organizations: [*o]}}}}\n"
            )
        };
        let all: String = (0..count).map(one).collect();
        format!("Organizations:\n- &o {{Name: o, ID: o}}\nProfiles:\n{all}")
    };
    let read = read_all(&[("a.yaml", &profiles(1000))]).unwrap();
    assert_eq!(read.spec["channels"].as_array().unwrap().len(), 1000);
    assert!(refused(&[("a.yaml", &profiles(1001))]).contains("at most 1000 profiles"));
    let orgs = |count: usize| {
        let one = |_| "- {Name: a, Domain: a}\n";
        format!("PeerOrgs:\n{}", (0..count).map(one).collect::<String>())
    };
    let read = crypto(&orgs(1000));
    assert_eq!(read.spec["orgs"][999]["name"], "a-1000");
    assert!(refused(&[("a.yaml", &orgs(1001))]).contains("a list of at most 1000"));
}

//! Packages by digest, and what a peer gets so that it can start Jobs: a token, rights of its own, the programs.

use super::*;
use chain_plugin_sdk::{Call, Delivery, Place, Source, Target, TestHost};
use fabric_service::fixture::{ROLES, Size, topology};
use fabric_transaction::package::{Limits, read};
use serde_json::from_str;

const DIGEST: &str = "sha256:802c336235cc1e7347e2da36c73fa2e4b6437cfc6f52872674d1e23f23bba63b";
const CHAINCODE: &str = "chaincode/basic";

fn call(subject: &str, options: &Value) -> Call {
    TestHost::call(
        subject,
        role::CHAINCODE,
        options,
        &[(CONTAINER, "builder:1")],
    )
}

fn network(change: impl Fn(&mut Chaincode)) -> Topology {
    let mut all = topology(Release::V2_5, Size::default(), &ROLES);
    for subject in all.subjects.iter_mut().filter(|it| it.id == CHAINCODE) {
        let mut chaincode: Chaincode = from_str(&subject.extra).unwrap();
        change(&mut chaincode);
        subject.extra = serde_json::to_string(&chaincode).unwrap();
    }
    all
}

fn image(image: &str) -> Topology {
    network(|it| it.image = image.to_owned())
}

fn provision(all: Topology, subject: &str, options: &Value) -> Result<Value, Diagnostics> {
    let call = call(subject, options);
    let facts = K8sBuilder::open(all)?
        .provision(&TestHost::new().at(&call))?
        .facts;
    Ok(from_str(&facts).unwrap())
}

fn render(subject: &str, options: &Value) -> Rendered {
    let call = call(subject, options);
    let plugin = K8sBuilder::open(network(|_| {})).unwrap();
    plugin.render(&TestHost::new().at(&call)).unwrap()
}

fn objects(rendered: &Rendered) -> Vec<Value> {
    let of = rendered
        .fragments
        .iter()
        .filter(|it| matches!(it.place, Place::Object(None)));
    of.map(|it| from_str(&it.body).unwrap()).collect()
}

#[test]
fn a_package_names_the_image_by_digest_without_its_tag() {
    for given in [
        format!("registry.example:5000/team/basic:1.0@{DIGEST}"),
        format!("registry.example:5000/team/basic@{DIGEST}"),
    ] {
        let facts = provision(image(&given), CHAINCODE, &json!({})).unwrap();
        let expected = Image {
            name: "registry.example:5000/team/basic".to_owned(),
            digest: DIGEST.to_owned(),
        };
        let package = build("basic-1-0", &Code::Image(expected.clone()), &[]).unwrap();
        assert_eq!(facts["packageId"], json!(package.id));
        assert_eq!(facts["image"], json!(format!("{}@{DIGEST}", expected.name)));
        assert_eq!(
            (&facts["kind"], &facts["label"]),
            (&json!("k8s"), &json!("basic-1-0"))
        );
        let contents = read(&package.bytes, &Limits::default()).unwrap();
        assert_eq!(contents.code, Code::Image(expected));
    }
    assert_eq!(
        (untagged("basic:1.0"), untagged("a.example:5000/basic")),
        ("basic", "a.example:5000/basic")
    );
}

#[test]
fn indexes_lie_in_the_package() {
    let definition = json!({"index": {"fields": ["owner"]}});
    let all = network(|it| {
        it.image = format!("basic@{DIGEST}");
        it.indexes = [("owner".to_owned(), definition.clone())].into();
    });
    let facts = provision(all, CHAINCODE, &json!({})).unwrap();
    assert_eq!(
        facts["indexes"],
        json!([{"name": "owner.json", "definition": definition}])
    );
    let image = Image {
        name: "basic".to_owned(),
        digest: DIGEST.to_owned(),
    };
    let index = Index::new(None, "owner.json", &definition);
    let package = build("basic-1-0", &Code::Image(image), &[index]).unwrap();
    assert_eq!(facts["packageId"], json!(package.id));
}

#[test]
fn an_image_without_its_digest_is_refused_with_a_hint() {
    let fault = provision(image("registry.example/basic:1.0"), CHAINCODE, &json!({})).unwrap_err();
    assert!(
        fault[0].message.contains("chaincode/basic names no digest"),
        "{}",
        fault[0].message
    );
    assert!(fault[0].hint.as_ref().unwrap().contains("@sha256:"));
    let fault = provision(
        image("registry.example/basic@sha256:12"),
        CHAINCODE,
        &json!({}),
    )
    .unwrap_err();
    assert!(
        fault[0].message.contains("64 lower-case hex digits"),
        "{}",
        fault[0].message
    );
}

/// The builder of 0.15.2 refused `basic_1.0`, which a peer and a server of chaincode take.
#[test]
fn whatever_a_chaincode_is_called_the_builder_takes_its_label() {
    let long = "b".repeat(61);
    let cut = format!("{long}-1");
    for (name, version, label) in [
        ("basic", "1.0", "basic-1-0"),
        ("asset_Transfer", "1.0+7", "asset-transfer-1-0-7"),
        ("basic", "1.0-", "basic-1-0"),
        ("7up", "2", "cc-7up-2"),
        (long.as_str(), "1.0", cut.as_str()),
        (&cut[..62], "1.0", &cut[..61]),
    ] {
        let all = network(|it| {
            it.image = format!("basic@{DIGEST}");
            (it.name, it.version) = (name.to_owned(), version.to_owned());
        });
        let facts = provision(all, CHAINCODE, &json!({})).unwrap();
        assert_eq!(facts["label"], label);
        let id = facts["packageId"].as_str().unwrap();
        assert_eq!(id.split_once(':').unwrap().0, label);
    }
}

#[test]
fn peers_are_told_of_the_builder_and_what_it_reads() {
    let facts = provision(
        network(|_| {}),
        CHAIN,
        &json!({"nodeRole": "cc", "startTimeout": "1m"}),
    )
    .unwrap();
    assert_eq!(facts["kind"], "k8s");
    let builder: Builder = from_str(&facts["builder"].to_string()).unwrap();
    assert_eq!(
        (builder.path.as_str(), builder.volume.as_deref()),
        (PROGRAMS, Some(VOLUME))
    );
    assert_eq!(
        builder.environment,
        [
            ("FABRIC_K8S_BUILDER_DEBUG", "false"),
            ("FABRIC_K8S_BUILDER_NODE_ROLE", "cc"),
            ("FABRIC_K8S_BUILDER_OBJECT_NAME_PREFIX", "hlfcc"),
            ("FABRIC_K8S_BUILDER_SERVICE_ACCOUNT", "demo-chaincode-jobs"),
            ("FABRIC_K8S_BUILDER_START_TIMEOUT", "1m"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    );
    assert_eq!(
        builder.passed,
        [
            "CORE_PEER_ID",
            "KUBERNETES_SERVICE_HOST",
            "KUBERNETES_SERVICE_PORT"
        ]
    );
    let schema = facts::schema(role::CHAINCODE, CHAIN);
    for key in facts["builder"].as_object().unwrap().keys() {
        assert!(
            schema["properties"]["builder"]["properties"]
                .get(key)
                .is_some(),
            "{key}"
        );
    }
}

#[test]
fn a_peer_gets_token_rights_and_programs_and_no_container_of_another_is_touched() {
    let rendered = render("peer/peer0.org1", &json!({}));
    let pods: Vec<Value> = rendered
        .fragments
        .iter()
        .filter(|it| matches!(it.place, Place::Pod))
        .map(|it| from_str(&it.body).unwrap())
        .collect();
    assert_eq!(pods.len(), 1);
    let spec = &pods[0]["spec"];
    assert_eq!(spec["automountServiceAccountToken"], true);
    assert!(spec.get("containers").is_none());
    assert_eq!(
        spec["initContainers"][0]["command"],
        json!(["cp", "-R", "/opt/hyperledger/k8s_builder/.", "/builder/"])
    );
    let [binding] = &rendered.bindings[..] else {
        panic!("one binding")
    };
    assert!(
        matches!(&binding.source, Source::Volume((volume, folder)) if volume == VOLUME && folder.is_empty())
    );
    assert!(matches!(&binding.target, Target::Path(path) if path == TARGET));
    assert_eq!(
        (binding.container.as_str(), binding.delivery),
        (CONTAINER, Delivery::Mounted)
    );
    let permissions = K8sBuilder::descriptor().permissions;
    assert_eq!(permissions, ["rbac", "token"]);
}

#[test]
fn rights_are_of_the_peers_own_account_in_its_namespace_and_no_more_than_the_builder_uses() {
    let all = objects(&render("peer/peer1.org2", &json!({})));
    let [account, role, binding] = &all[..] else {
        panic!("three objects")
    };
    assert_eq!(account["metadata"], json!({"name": "demo-chaincode-jobs"}));
    assert_eq!(account["automountServiceAccountToken"], false);
    assert!(account.get("imagePullSecrets").is_none());
    let granted: Vec<(&str, Vec<&str>)> = role["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            let verbs = rule["verbs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap());
            (rule["resources"][0].as_str().unwrap(), verbs.collect())
        })
        .collect();
    assert_eq!(
        granted,
        [
            ("jobs", vec!["create", "get", "list", "watch"]),
            ("secrets", vec!["create", "patch"])
        ]
    );
    assert_eq!(role["metadata"]["name"], "demo-peer1-chaincode");
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(
        binding["subjects"],
        json!([{"kind": "ServiceAccount", "name": "demo-peer1"}])
    );
    let pulling = objects(&render(
        "peer/peer0.org1",
        &json!({"pullSecret": "registry"}),
    ));
    assert_eq!(
        pulling[0]["imagePullSecrets"],
        json!([{"name": "registry"}])
    );
}

#[test]
fn every_peer_says_the_same_of_the_account_that_they_share_and_the_user_is_warned() {
    let account = |peer: &str| objects(&render(peer, &json!({})))[0].clone();
    assert_eq!(account("peer/peer0.org1"), account("peer/peer1.org1"));
    let notes = render("peer/peer0.org1", &json!({})).notes;
    assert!(
        notes[0].message.contains("namespace org1 must not enforce"),
        "{}",
        notes[0].message
    );
}

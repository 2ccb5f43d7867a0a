//! Package ids against packages that are built and read back, and what a pod of chaincode is made of.

use super::*;
use chain_plugin_sdk::{Call, Severity, TestHost};
use fabric_service::fixture::{ROLES, Size, topology};
use fabric_transaction::package::{Contents, Limits, read};
use serde_json::{Value, from_str};

const SERVER: &str = "server/basic.org1";

fn call(subject: &str, options: &Value) -> Call {
    TestHost::call(subject, role::CHAINCODE, options, &[])
}

fn network(change: impl Fn(&mut Server)) -> Topology {
    let mut all = topology(Release::V2_5, Size::default(), &ROLES);
    for subject in all.subjects.iter_mut().filter(|it| it.kind == kind::SERVER) {
        let mut server: Server = from_str(&subject.extra).unwrap();
        change(&mut server);
        subject.extra = serde_json::to_string(&server).unwrap();
    }
    all
}

fn provision(all: Topology, subject: &str, options: &Value) -> Result<Value, Diagnostics> {
    let call = call(subject, options);
    let facts = Ccaas::open(all)?
        .provision(&TestHost::new().at(&call))?
        .facts;
    Ok(from_str(&facts).unwrap())
}

fn render(all: Topology, options: &Value) -> Result<Rendered, Diagnostics> {
    let call = call(SERVER, options);
    Ccaas::open(all)?.render(&TestHost::new().at(&call))
}

fn pod(rendered: &Rendered) -> Value {
    assert_eq!(rendered.fragments.len(), 1);
    from_str(&rendered.fragments[0].body).unwrap()
}

#[test]
fn the_id_is_that_of_the_package_that_peers_install_and_the_same_for_all() {
    let facts = provision(network(|_| {}), SERVER, &json!({})).unwrap();
    let package = build(
        "basic_1.0",
        &Code::Service(Connection::plain("basic:9999")),
        &[],
    )
    .unwrap();
    assert_eq!(
        facts,
        json!({"kind": "ccaas", "label": "basic_1.0", "address": "basic:9999", "packageId": package.id})
    );
    let contents: Contents = read(&package.bytes, &Limits::default()).unwrap();
    let Code::Service(connection) = contents.code else {
        panic!("no service")
    };
    assert_eq!(
        (
            connection.address.as_str(),
            connection.dial_timeout.as_str()
        ),
        ("basic:9999", "10s")
    );
    assert!(!connection.tls_required);
    assert_eq!(
        provision(network(|_| {}), "server/basic.org2", &json!({})).unwrap(),
        facts
    );
}

#[test]
fn the_time_to_dial_is_a_part_of_the_package() {
    let id =
        |options: Value| provision(network(|_| {}), SERVER, &options).unwrap()["packageId"].clone();
    assert_eq!(id(json!({})), id(json!({"dialTimeout": "10s"})));
    assert_ne!(id(json!({})), id(json!({"dialTimeout": "3s"})));
    let fault = provision(network(|_| {}), SERVER, &json!({"dialTimeout": "soon"})).unwrap_err();
    assert!(
        fault[0].message.contains("dial_timeout \"soon\""),
        "{}",
        fault[0].message
    );
}

#[test]
fn indexes_lie_in_the_package_and_whoever_makes_it_again_knows_them() {
    let definition = json!({"index": {"fields": ["owner"]}, "type": "json"});
    let said = json!([{"name": "owner.json", "definition": definition}, {"collection": "secrets", "name": "price.json", "definition": definition}]);
    let with = network(|server| server.indexes = serde_json::from_value(said.clone()).unwrap());
    let facts = provision(with, SERVER, &json!({})).unwrap();
    assert_eq!(facts["indexes"], said);
    let indexes = [
        Index::new(Some("secrets"), "price.json", &definition),
        Index::new(None, "owner.json", &definition),
    ];
    let code = Code::Service(Connection::plain("basic:9999"));
    let package = build("basic_1.0", &code, &indexes).unwrap();
    assert_eq!(facts["packageId"], json!(package.id));
    let contents: Contents = read(&package.bytes, &Limits::default()).unwrap();
    assert_eq!(contents.indexes.len(), 2);
}

#[test]
fn the_facts_fit_their_schemas_and_peers_are_told_the_kind() {
    let runtime = provision(network(|_| {}), CHAIN, &json!({})).unwrap();
    assert_eq!(runtime, json!({"kind": "ccaas"}));
    let package = provision(network(|_| {}), SERVER, &json!({})).unwrap();
    for (facts, of_kind) in [(runtime, CHAIN), (package, kind::SERVER)] {
        let schema = facts::schema(role::CHAINCODE, of_kind);
        for key in facts.as_object().unwrap().keys() {
            assert!(schema["properties"].get(key).is_some(), "{key}");
        }
        for key in schema["required"].as_array().unwrap() {
            assert!(facts.get(key.as_str().unwrap()).is_some(), "{key}");
        }
    }
}

#[test]
fn a_pod_serves_its_package_and_needs_nothing_of_the_image() {
    let rendered = render(network(|_| {}), &json!({})).unwrap();
    // A binding would bring the init container, which wants a shell.
    assert!(rendered.bindings.is_empty() && rendered.files.is_empty() && rendered.notes.is_empty());
    let pod = pod(&rendered);
    let container = &pod["spec"]["containers"][0];
    let id = provision(network(|_| {}), SERVER, &json!({})).unwrap()["packageId"].clone();
    assert_eq!(
        container["env"],
        json!([
            {"name": "CHAINCODE_ID", "value": id},
            {"name": "CORE_CHAINCODE_ID_NAME", "value": id},
            {"name": "CHAINCODE_SERVER_ADDRESS", "value": "0.0.0.0:9999"},
        ])
    );
    assert_eq!(container["image"], "registry.example/basic:1.0");
    assert_eq!(
        container["ports"],
        json!([{"name": "chaincode", "containerPort": 9999, "protocol": "TCP"}])
    );
    assert_eq!(
        container["readinessProbe"]["tcpSocket"]["port"],
        "chaincode"
    );
    assert_eq!(
        container["volumeMounts"],
        json!([{"name": "chaincode-tmp", "mountPath": "/tmp"}])
    );
    assert_eq!(pod["spec"]["volumes"][0]["name"], "chaincode-tmp");
    assert_eq!(
        container["securityContext"]["readOnlyRootFilesystem"],
        false
    );
    let strict = render(network(|_| {}), &json!({"readOnlyRoot": true})).unwrap();
    let strict = self::pod(&strict);
    assert_eq!(
        strict["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"],
        true
    );
}

#[test]
fn labels_that_a_peer_would_refuse_and_names_that_are_too_long_are_told_with_a_hint() {
    let fault = provision(
        network(|it| it.label = "-basic".to_owned()),
        SERVER,
        &json!({}),
    )
    .unwrap_err();
    assert!(
        fault[0]
            .message
            .starts_with("chaincode/basic: label \"-basic\""),
        "{}",
        fault[0].message
    );
    assert!(fault[0].hint.as_ref().unwrap().contains("name and version"));
    let mut all = network(|_| {});
    let long = format!("server/{}.org1", "b".repeat(60));
    for subject in all.subjects.iter_mut().filter(|it| it.id == SERVER) {
        subject.id.clone_from(&long);
        subject.name = long["server/".len()..].to_owned();
    }
    let fault = provision(all, &long, &json!({})).unwrap_err();
    assert!(
        fault[0].message.contains("65 characters"),
        "{}",
        fault[0].message
    );
    assert!(fault[0].hint.as_ref().unwrap().contains("shorter name"));
    let fault = provision(
        network(|it| it.address = "basic".to_owned()),
        SERVER,
        &json!({}),
    )
    .unwrap_err();
    assert!(
        fault[0].message.contains("host:port"),
        "{}",
        fault[0].message
    );
}

#[test]
fn an_image_must_be_there_and_should_not_move() {
    let fault = render(network(|it| it.image.clear()), &json!({})).unwrap_err();
    assert!(fault[0].hint.as_ref().unwrap().contains("image"));
    for (image, warned) in [
        ("basic", true),
        ("registry.example:5000/basic", true),
        ("basic:latest", true),
        ("registry.example:5000/basic:1.0", false),
        ("basic@sha256:00", false),
    ] {
        let rendered = render(network(|it| it.image = image.to_owned()), &json!({})).unwrap();
        let warnings = rendered
            .notes
            .iter()
            .filter(|it| it.severity == Severity::Warning);
        assert_eq!(warnings.count(), usize::from(warned), "{image}");
    }
}

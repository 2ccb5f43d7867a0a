//! Subjects, Services, Ingresses and the policy of chains.

use super::*;
use chain_plugin_sdk::spec::{NodeSpec, ServiceSpec};
use chain_plugin_sdk::{Fragment, TestHost};
use quorum_service::{CLIENT, CONSENSUS, EXPLORER, PRIVACY, STACK_ROLE};
use serde_json::{Value, from_str};

const BORN: u64 = 1_700_000_000_000;

fn service(role: &str, ports: Value) -> ServiceSpec {
    ServiceSpec {
        role: role.to_owned(),
        instance: role.to_owned(),
        plugin: role.to_owned(),
        version: String::new(),
        ports: serde_json::from_value(ports).unwrap(),
    }
}

fn spec(nodes: usize) -> ExpandSpec {
    ExpandSpec {
        chain: "demo".to_owned(),
        namespace: "ns".to_owned(),
        nodes: vec![NodeSpec::default(); nodes],
        services: vec![
            service(
                CLIENT,
                json!([
                    {"name": "rpc", "number": 8545, "reach": "clients", "purpose": "rpc"},
                    {"name": "ws", "number": 8546, "reach": "clients", "purpose": "ws"},
                    {"name": "p2p", "number": 30303, "reach": "peers", "purpose": "p2p"},
                    {"name": "metrics", "number": 6060, "reach": "peers", "purpose": "metrics"},
                    {"name": "inner", "number": 1, "reach": "pod"},
                ]),
            ),
            service(CONSENSUS, json!([])),
        ],
        ..ExpandSpec::default()
    }
}

fn expand(spec: &ExpandSpec, born: &[Subject]) -> Result<Vec<Subject>, Diagnostics> {
    let next = born.iter().filter(|it| it.kind == "node").count();
    let next = [("node".to_owned(), u32::try_from(next).unwrap())].into();
    expand::expand(spec, born, &next, BORN + born.len() as u64)
}

fn rendered(spec: &ExpandSpec, options: &Value, expose: &Value, subject: &str) -> Vec<Value> {
    let mut spec = spec.clone();
    (spec.options, spec.expose) = (options.clone(), expose.clone());
    let subjects = expand(&spec, &[]).unwrap();
    let session = Quorum::open(Topology {
        chain: "demo".to_owned(),
        stack: "quorum".to_owned(),
        release: "v24.4.1".to_owned(),
        subjects,
        host_features: Vec::new(),
        extra: json!({"services": spec.services, "options": options, "expose": expose}).to_string(),
    })
    .unwrap();
    let host = TestHost::new();
    let call = TestHost::call(subject, STACK_ROLE, &json!({}), &[]);
    let rendered = session.render(&host.at(&call)).unwrap();
    let body = |fragment: &Fragment| from_str(&fragment.body).unwrap();
    rendered.fragments.iter().map(body).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|it| it["kind"] == kind).collect()
}

#[test]
fn nodes_have_names_services_and_endpoints() {
    let subjects = expand(&spec(2), &[]).unwrap();
    let ids: Vec<&str> = subjects.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["chain", "node/node0", "node/node1"]);
    let node = &subjects[2];
    assert_eq!(node.workload.as_deref(), Some("statefulset/demo-node1"));
    let ports: Vec<(&str, u16)> = node
        .endpoints
        .iter()
        .map(|it| (it.port.as_str(), it.number))
        .collect();
    assert_eq!(
        ports,
        [
            ("rpc", 8545),
            ("ws", 8546),
            ("p2p", 30303),
            ("metrics", 6060)
        ]
    );
}

#[test]
fn a_node_more_or_less_leaves_the_others_as_they_were() {
    let born = expand(&spec(3), &[]).unwrap();
    let grown = expand(&spec(4), &born).unwrap();
    assert_eq!(grown[..4], born[..]);
    assert_eq!((grown[4].ordinal, grown[4].born_ms), (3, BORN + 4));
    let mut two = spec(2);
    two.nodes[0].name = Some("node0".to_owned());
    two.nodes[1].name = Some("node2".to_owned());
    let less = expand(&two, &born).unwrap();
    let left: Vec<(&str, u32)> = less[1..]
        .iter()
        .map(|it| (it.name.as_str(), it.ordinal))
        .collect();
    assert_eq!(left, [("node0", 0), ("node2", 2)]);
}

#[test]
fn explorer_and_monitor_have_pods_when_they_are_there() {
    let mut with = spec(1);
    let ports = json!([{"name": "explorer", "number": 8080, "reach": "clients"}]);
    with.services.push(service(EXPLORER, ports));
    let subjects = expand(&with, &[]).unwrap();
    let side = &subjects[2];
    assert_eq!(
        (side.id.as_str(), side.kind.as_str()),
        ("explorer/explorer", "explorer")
    );
    assert_eq!(side.workload.as_deref(), Some("statefulset/demo-explorer"));
    let objects = rendered(&with, &json!({}), &json!({}), "explorer/explorer");
    assert_eq!(
        of_kind(&objects, "Service")[0]["spec"]["ports"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_cannot_be_is_told_where_it_stands() {
    let refused = |change: &dyn Fn(&mut ExpandSpec)| {
        let mut spec = spec(2);
        change(&mut spec);
        let fault = expand(&spec, &[]).unwrap_err().remove(0);
        (fault.path, fault.message)
    };
    let named = |index: usize, name: &'static str| {
        move |spec: &mut ExpandSpec| spec.nodes[index].name = Some(name.to_owned())
    };
    for (name, said) in [
        ("B", "lower-case"),
        ("monitor", "another object"),
        ("node0-outside", "another object"),
    ] {
        let (path, message) = refused(&named(1, name));
        assert_eq!(path, "/nodes/1/name");
        assert!(message.contains(said), "{message}");
    }
    let (path, message) = refused(&|spec| {
        for node in &mut spec.nodes {
            node.name = Some("a".to_owned());
        }
    });
    assert_eq!(
        (path.as_str(), message.as_str()),
        ("/nodes/1/name", "two nodes are named a")
    );
    let (path, _) = refused(&|spec| spec.nodes[1].options = json!({"validater": true}));
    assert_eq!(path, "/nodes/1/options");
    let (path, _) = refused(&|spec| spec.nodes[1].cluster = Some("west".to_owned()));
    assert_eq!(path, "/nodes/1/cluster");
    let (path, _) = refused(&|spec| spec.options = json!({"ingress": "one-to-one"}));
    assert_eq!(path, "/options/ingressHost");
    let (path, _) = refused(&|spec| spec.expose = json!({"type": "NodePort", "port": 32760}));
    assert_eq!(path, "/expose/port");
    assert_eq!(refused(&|spec| spec.nodes.clear()).0, "/nodes");
}

#[test]
fn a_service_faces_outside_only_if_it_is_wanted_and_never_with_metrics() {
    let inside = rendered(&spec(2), &json!({}), &json!({}), "node/node1");
    let services = of_kind(&inside, "Service");
    assert_eq!(services.len(), 1);
    assert_eq!(services[0]["metadata"]["name"], "demo-node1");
    assert_eq!(services[0]["spec"]["type"], "ClusterIP");

    let expose = json!({"type": "NodePort", "port": 31000});
    let exposed = rendered(&spec(2), &json!({}), &expose, "node/node1");
    let services = of_kind(&exposed, "Service");
    assert_eq!(
        services[0],
        of_kind(&inside, "Service")[0],
        "the one inside stays"
    );
    assert_eq!(services[1]["metadata"]["name"], "demo-node1-outside");
    let ports: Vec<(&str, u64)> = services[1]["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| {
            (
                port["name"].as_str().unwrap(),
                port["nodePort"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(ports, [("rpc", 31008), ("ws", 31009), ("p2p", 31010)]);
}

#[test]
fn privacy_managers_of_others_come_by_a_host_of_their_own() {
    let mut spec = spec(2);
    let ports = json!([{"name": "tm", "number": 9001, "reach": "peers", "purpose": "p2p"}]);
    spec.services.push(service(PRIVACY, ports));
    let options =
        json!({"ingress": "one-to-one", "ingressHost": "chain.example", "ingressPrivacy": true});
    let objects = rendered(&spec, &options, &json!({}), "node/node1");
    let rules = &of_kind(&objects, "Ingress")[0]["spec"]["rules"];
    assert_eq!(
        rules[1],
        json!({"host": "node1-tm.chain.example", "http": {"paths": [{"path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "demo-node1", "port": {"number": 9001}}}}]}})
    );
    let refused = crate::options::Options::of(&json!({"ingressPrivacy": true})).unwrap_err();
    assert_eq!(refused[0].path, "/options/ingressPrivacy");
}

#[test]
fn an_ingress_for_each_node_or_one_in_one_piece() {
    let one = json!({"ingress": "one-to-one", "ingressHost": "chain.example", "ingressTlsSecret": "demo-tls"});
    let objects = rendered(&spec(2), &one, &json!({}), "node/node1");
    let ingress = of_kind(&objects, "Ingress")[0];
    assert_eq!(ingress["apiVersion"], "networking.k8s.io/v1");
    let rule = &ingress["spec"]["rules"][0];
    assert_eq!(rule["host"], "node1.chain.example");
    let paths: Vec<&str> = rule["http"]["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/quorum-rpc", "/quorum-ws"]);
    assert_eq!(
        ingress["spec"]["tls"],
        json!([{"hosts": ["node1.chain.example"], "secretName": "demo-tls"}])
    );
    assert!(of_kind(&rendered(&spec(2), &one, &json!({}), "chain"), "Ingress").is_empty());

    let many = json!({"ingress": "one-to-many", "ingressWs": false, "ingressClass": "nginx"});
    let objects = rendered(&spec(2), &many, &json!({}), "chain");
    let ingress = of_kind(&objects, "Ingress")[0];
    let paths = ingress["spec"]["rules"][0]["http"]["paths"]
        .as_array()
        .unwrap();
    assert_eq!(paths.len(), 2);
    assert_eq!(paths[1]["path"], "/node1/quorum-rpc");
    assert_eq!(
        paths[1]["backend"]["service"],
        json!({"name": "demo-node1", "port": {"number": 8545}})
    );
    assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
    assert!(
        of_kind(
            &rendered(&spec(2), &many, &json!({}), "node/node1"),
            "Ingress"
        )
        .is_empty()
    );
}

#[test]
fn endpoints_are_told_with_what_the_cluster_has_and_the_urls_of_an_ingress() {
    let told = |options: Value| {
        let mut spec = spec(2);
        spec.options = options.clone();
        let mut subjects = expand(&spec, &[]).unwrap();
        // As the host fills it in: the server assigned a node port.
        subjects[1].endpoints[2].outside = Some("192.0.2.1:31234".to_owned());
        let topology = Topology {
            chain: "demo".to_owned(),
            stack: "quorum".to_owned(),
            release: "v24.4.1".to_owned(),
            subjects,
            host_features: Vec::new(),
            extra: json!({"services": spec.services, "options": options}).to_string(),
        };
        let what = quorum_service::fixture::request(STACK_ROLE, "endpoints", "chain", &json!({}));
        let mut work = Work::start(topology, what, &TestHost::new()).unwrap();
        match work.next(Vec::new(), &TestHost::new()) {
            Turn::Done(report) => report,
            other => panic!("{other:?}"),
        }
    };
    let plain = told(json!({}));
    assert!(
        plain
            .text
            .contains("node0\tp2p\tdemo-node0.ns.svc:30303\t192.0.2.1:31234")
    );
    assert!(plain.text.contains("node1\trpc\tdemo-node1.ns.svc:8545\t-"));
    let one = told(
        json!({"ingress": "one-to-one", "ingressHost": "chain.example", "ingressTlsSecret": "t"}),
    );
    let table: Value = from_str(&one.table).unwrap();
    let url = |port: &str| table["node1"][port]["ingress"].as_str();
    assert_eq!(url("rpc"), Some("https://node1.chain.example/quorum-rpc"));
    assert_eq!(url("ws"), Some("wss://node1.chain.example/quorum-ws"));
    assert_eq!(url("p2p"), None);
    let many = told(json!({"ingress": "one-to-many", "ingressWs": false}));
    let table: Value = from_str(&many.table).unwrap();
    assert_eq!(
        table["node0"]["rpc"]["ingress"],
        "http://<ingress>/node0/quorum-rpc"
    );
    assert_eq!(table["node0"]["ws"]["ingress"], Value::Null);
}

#[test]
fn the_policy_lets_dns_out_and_only_clients_ports_in_from_anywhere() {
    let objects = rendered(&spec(2), &json!({}), &json!({}), "chain");
    let policy = of_kind(&objects, "NetworkPolicy")[0];
    let spec = &policy["spec"];
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    let ports = |rule: &Value| -> Vec<u64> {
        let ports = rule["ports"].as_array().unwrap();
        ports
            .iter()
            .map(|it| it["port"].as_u64().unwrap())
            .collect()
    };
    let open: Vec<&Value> = spec["ingress"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule.get("from").is_none())
        .collect();
    assert_eq!(open.len(), 1);
    assert_eq!(ports(open[0]), [8545, 8546]);
    assert_eq!(ports(&spec["egress"][1]), [53, 53]);
    assert!(
        spec["egress"].as_array().unwrap().len() == 2,
        "nothing else leaves"
    );
    let off = json!({"networkPolicy": false});
    let objects = self::rendered(&self::spec(2), &off, &json!({}), "chain");
    assert!(of_kind(&objects, "NetworkPolicy").is_empty());
}

#[test]
fn status_reads_what_a_node_says_and_a_silent_node_is_no_failure() {
    use chain_plugin_sdk::{Act, Failure, Outcome, Response};
    use quorum_service::fixture;
    let chain = json!({
        "chainId": 1, "networkId": 1, "genesisHash": "0x0", "membersMethod": "istanbul_getValidators",
    });
    let host = fixture::host(2).fact(CHAIN, CLIENT, &chain);
    let request = |subject: &str| Request {
        operation: "status".to_owned(),
        subject: subject.to_owned(),
        role: STACK_ROLE.to_owned(),
        instance: STACK_ROLE.to_owned(),
        options: "{}".to_owned(),
        args: "{}".to_owned(),
        files: Vec::new(),
        now_ms: 0,
        seed: Vec::new(),
    };
    let table = |subject: &str, alive: bool| -> Value {
        let mut run = Work::start(fixture::topology(2, 0), request(subject), &host).unwrap();
        let Turn::Steps(steps) = run.next(Vec::new(), &host) else {
            panic!("it asks")
        };
        let answer = |act: &Act| {
            let Act::Http(http) = act else {
                panic!("{act:?}")
            };
            let body: Value = serde_json::from_slice(&http.body).unwrap();
            let result = match body["method"].as_str().unwrap() {
                "eth_blockNumber" => json!("0x1f"),
                "net_peerCount" => json!("0x1"),
                "eth_syncing" => json!(false),
                _ => json!([fixture::client(0).node_address.to_lowercase()]),
            };
            let body = json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
            Outcome {
                at_ms: 0,
                answer: if alive {
                    Ok(Response {
                        code: 200,
                        body: body.into_bytes(),
                        more: "{}".to_owned(),
                    })
                } else {
                    Err(Failure {
                        kind: "refused".to_owned(),
                        message: "connection refused".to_owned(),
                    })
                },
            }
        };
        let outcomes = steps.iter().map(|step| answer(&step.act)).collect();
        let Turn::Done(report) = run.next(outcomes, &host) else {
            panic!("it ends")
        };
        assert_eq!(report.notes.is_empty(), alive);
        from_str(&report.table).unwrap()
    };
    let node0 = json!({"HEIGHT": "31", "PEERS": "1", "VALIDATOR": "yes", "SYNCING": "no"});
    assert_eq!(table("node/node0", true), node0);
    assert_eq!(table("node/node1", true)["VALIDATOR"], "no");
    assert_eq!(table("node/node1", false)["HEIGHT"], "-");
}

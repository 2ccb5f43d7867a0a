//! A descriptor with one thing wrong in it at a time: which check finds it, and where.

use serde_json::{Value, json};

use super::*;
use crate::plugin::Plugin;
use crate::plugin::builtin::Code;

fn load(catalog: &mut Catalog, descriptor: &Value) -> Shared {
    catalog.add(Plugin::built_in(&descriptor.to_string(), "sha256:0", Code::Ready(b"")).unwrap())
}

fn stack() -> Value {
    json!({
        "name": "shell", "version": "1", "summary": "s", "license": "MIT", "stack": "shell",
        "kinds": [{"name": "org", "key": "orgs", "flag": "orgs"}],
        "on": {"provision": ["chain"]},
        "releases": {"one": {"roles": [
            {"name": "store", "default": "store"},
            {"name": "client", "count": "optional", "facts": {"node": {"type": "object"}}},
        ]}},
        "defaultRelease": "one",
        "rollout": [{"name": "all", "kinds": ["node"], "maxUnavailable": "third"}],
    })
}

fn service() -> Value {
    json!({
        "name": "store", "version": "1", "summary": "s", "license": "MIT",
        "stack": "shell", "role": "store", "series": ["one"],
        "options": {"type": "object", "properties": {
            "level": {"type": "string", "pattern": "^[a-z]+$", "default": "info"},
            "password": {"type": "string", "x-chain-secret": true},
        }},
        "on": {"provision": ["node"], "render": ["node"]},
        "needs": [{"phase": "render", "role": "stack", "from": "provision", "kind": "chain"}],
        "kept": [{"name": "key", "kinds": ["node"], "secret": true, "share": ["client"]}],
        "container": "store",
        "images": [{"name": "store", "default": "r.example/store:1"}],
        "ports": [{"name": "store", "number": 80, "reach": "pod"}],
        "volumes": [{"name": "data", "size": "1Gi"}],
        "permissions": ["root", "volume:nfs"],
        "budget": {"provision": {"memoryMib": 512, "seconds": 60}},
    })
}

fn client() -> Value {
    json!({
        "name": "client", "version": "1", "summary": "s", "license": "MIT",
        "stack": "shell", "role": "client", "series": ["one"],
        "on": {"provision": ["node"], "render": ["node"]},
        "needs": [{"phase": "render", "role": "store", "from": "provision", "kind": "node"}],
        "takes": [{"role": "store", "item": "key", "phases": ["render"]}],
        "ports": [{"name": "client", "number": 81, "reach": "clients"}],
    })
}

/// `CHECK GRADE PATH` of everything that is found in one of the three, after a change of it.
fn found(which: &str, pointer: &str, value: Value) -> Vec<String> {
    let mut all = [stack(), service(), client()];
    let place = all.iter().position(|it| it["name"] == which).unwrap();
    if !pointer.is_empty() {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match all[place].pointer_mut(parent).unwrap() {
            Value::Array(list) if key == "-" => list.push(value),
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
            parent => parent[key] = value,
        }
    }
    let mut catalog = Catalog::default();
    let loaded: Vec<Shared> = all.iter().map(|it| load(&mut catalog, it)).collect();
    let subject = Subject {
        plugin: &loaded[place],
        catalog: &catalog,
        against: None,
        chain: None,
    };
    let runtime = Runtime::new().unwrap();
    let checks = [
        descriptor::identity(&subject),
        descriptor::phases(&subject),
        options::check(&subject),
        options::flags(&subject),
        descriptor::kept(&subject),
        descriptor::pods(&subject),
        descriptor::permissions(&subject),
        operations::check(&subject, &runtime),
        stack::check(&subject),
    ];
    let of = |check: &Check| {
        let name = check.name;
        let line = move |it: &Finding| format!("{name} {:?} {}", it.grade, it.path);
        check.findings.iter().map(line).collect::<Vec<_>>()
    };
    checks.iter().flat_map(of).collect()
}

#[test]
fn what_is_right_is_left_in_peace() {
    for which in ["shell", "store", "client"] {
        assert_eq!(
            found(which, "", Value::Null),
            Vec::<String>::new(),
            "{which}"
        );
    }
}

#[test]
fn each_thing_that_is_wrong_is_found_at_its_place() {
    for (which, pointer, value, told) in [
        ("store", "/license", json!(""), "identity Warning /license"),
        (
            "store",
            "/aliases",
            json!(["Upper"]),
            "identity Fault /aliases/0",
        ),
        (
            "store",
            "/aliases",
            json!(["client"]),
            "identity Fault /aliases",
        ),
        (
            "store",
            "/summary",
            json!("a\u{1b}[2Jb"),
            "identity Fault /summary",
        ),
        (
            "store",
            "/on/render",
            json!(["moon"]),
            "phases Fault /on/render",
        ),
        (
            "store",
            "/on/operate",
            json!(["node"]),
            "phases Fault /on/operate",
        ),
        (
            "store",
            "/needs/0/role",
            json!("nobody"),
            "phases Fault /needs/0",
        ),
        (
            "store",
            "/needs/0/kind",
            json!("node"),
            "phases Fault /needs/0",
        ),
        (
            "store",
            "/needs/0/from",
            json!("render"),
            "phases Fault /needs/0",
        ),
        (
            "store",
            "/options/properties/level/default",
            json!("A1"),
            "options Fault /options/properties/level/default",
        ),
        (
            "store",
            "/options/properties/level/pattern",
            json!("(?!a)b"),
            "options Fault /options/properties/level/pattern",
        ),
        (
            "store",
            "/options/properties/level/$ref",
            json!("https://example.com/x"),
            "options Fault /options/properties/level/$ref",
        ),
        (
            "store",
            "/options/properties/Level",
            json!({}),
            "options Fault /options/properties/Level",
        ),
        (
            "store",
            "/options/properties/password/default",
            json!("x"),
            "options Fault /options/properties/password/default",
        ),
        (
            "store",
            "/options/properties/passwordFile",
            json!({}),
            "options Fault /options/properties/password",
        ),
        (
            "store",
            "/kept/0/name",
            json!("../key"),
            "kept items Fault /kept/0/name",
        ),
        (
            "store",
            "/kept/0/kinds",
            json!(["chain"]),
            "kept items Fault /kept/0/kinds",
        ),
        (
            "store",
            "/kept/0/share",
            json!(["nobody"]),
            "kept items Fault /kept/0/share",
        ),
        (
            "store",
            "/kept/-",
            json!({"name": "key", "kinds": ["node"]}),
            "kept items Fault /kept/1/name",
        ),
        (
            "client",
            "/takes/0/item",
            json!("other"),
            "kept items Fault /takes/0",
        ),
        (
            "store",
            "/images/0/default",
            json!("store"),
            "pods Fault /images/0/default",
        ),
        (
            "store",
            "/images/0/default",
            json!("store:latest"),
            "pods Fault /images/0/default",
        ),
        (
            "store",
            "/ports/0/name",
            json!("much-too-long-a-name"),
            "pods Fault /ports/0/name",
        ),
        (
            "store",
            "/ports/0/reach",
            json!("all"),
            "pods Fault /ports/0/reach",
        ),
        (
            "store",
            "/ports/0/number",
            json!(0),
            "pods Fault /ports/0/number",
        ),
        (
            "store",
            "/ports/0/name",
            json!("client"),
            "stack Fault /ports/0/name",
        ),
        (
            "store",
            "/volumes/0/size",
            json!("much"),
            "pods Fault /volumes/0/size",
        ),
        (
            "store",
            "/volumes/0/medium",
            json!("tape"),
            "pods Fault /volumes/0/medium",
        ),
        (
            "store",
            "/permissions",
            json!(["everything"]),
            "permissions Fault /permissions/0",
        ),
        (
            "store",
            "/budget/provision/memoryMib",
            json!(4096),
            "permissions Fault /budget/provision/memoryMib",
        ),
        ("store", "/series", json!([]), "stack Fault /series"),
        (
            "store",
            "/series",
            json!(["two"]),
            "stack Warning /series/0",
        ),
        (
            "store",
            "/operations",
            json!([{"name": "x", "summary": "s", "hook": "never"}]),
            "operations Fault /operations/0/hook",
        ),
        (
            "store",
            "/operations",
            json!([{"name": "x", "summary": "s", "secrets": ["none"]}]),
            "operations Fault /operations/0/secrets",
        ),
        (
            "store",
            "/operations",
            json!([{"name": "x", "summary": "s", "columns": ["A"]}]),
            "operations Fault /operations/0/columns",
        ),
        (
            "store",
            "/operations",
            json!([{"name": "x", "summary": "s", "args": {"$ref": "a.json"}}]),
            "operations Fault /operations/0/args/$ref",
        ),
        (
            "store",
            "/operations",
            json!([{"name": "x", "summary": "s", "kind": "moon"}]),
            "operations Fault /operations/0/kind",
        ),
        (
            "shell",
            "/defaultRelease",
            json!("two"),
            "stack Fault /defaultRelease",
        ),
        (
            "shell",
            "/releases/one/roles/0/count",
            json!("some"),
            "stack Fault /releases/one/roles/0/count",
        ),
        (
            "shell",
            "/releases/one/roles/0/default",
            json!("ghost"),
            "stack Warning /releases/one/roles/0/default",
        ),
        (
            "shell",
            "/releases/one/roles/1/facts/moon",
            json!({}),
            "stack Fault /releases/one/roles/1/facts/moon",
        ),
        (
            "shell",
            "/releases/one/roles/0/name",
            json!("nodes"),
            "flags Fault /releases/one/roles/0/name",
        ),
        (
            "shell",
            "/kinds/0/flag",
            json!("context"),
            "flags Fault /kinds/0/flag",
        ),
        (
            "shell",
            "/kinds/0/key",
            json!("patches"),
            "stack Fault /kinds/0/key",
        ),
        (
            "shell",
            "/rollout/0/kinds",
            json!(["moon"]),
            "stack Fault /rollout/0/kinds",
        ),
        (
            "shell",
            "/rollout/0/maxUnavailable",
            json!("few"),
            "stack Fault /rollout/0/maxUnavailable",
        ),
        (
            "shell",
            "/options",
            json!({"properties": {"orgs": {"type": "integer"}}}),
            "flags Fault /kinds/0/flag",
        ),
    ] {
        let all = found(which, pointer, value.clone());
        assert!(
            all.contains(&told.to_owned()),
            "{which}{pointer} = {value}: {all:?}"
        );
    }
}

//! Small chains for tests: a stack that no host knows, of services `net` and `vote`.

use serde_json::{Value, json};

use super::input::{Medium, Owner, Part, Rendered, Service, Shape, Subject, VolumeDecl};
use crate::plugin::contract::{
    Binding, Change, Content, Delivery, File, Fragment, Place, Ref, Source, Target,
};

/// The chain itself.
pub fn chain() -> Subject {
    Subject {
        id: "chain".to_owned(),
        kind: "chain".to_owned(),
        name: "c".to_owned(),
        parent: None,
        ordinal: 0,
        born_ms: 0,
        foreign: false,
        cluster: String::new(),
        namespace: "ns".to_owned(),
        workload: None,
        endpoints: Vec::new(),
        folder: "c".to_owned(),
        extra: "{}".to_owned(),
    }
}

/// Node `i` of it.
pub fn node(i: u32) -> Subject {
    Subject {
        id: format!("node/{i}"),
        kind: "node".to_owned(),
        name: format!("{i}"),
        parent: Some("chain".to_owned()),
        ordinal: i,
        workload: Some(format!("statefulset/c-{i}")),
        folder: format!("stack/c/node{i}"),
        ..chain()
    }
}

pub fn owner(role: &str) -> Owner {
    Owner {
        plugin: role.to_owned(),
        role: role.to_owned(),
        instance: role.to_owned(),
    }
}

/// An empty part; the plugin has the role's name.
pub fn part(role: &str, subject: &str) -> Part {
    Part {
        owner: owner(role),
        subject: subject.to_owned(),
        rendered: Rendered {
            files: Vec::new(),
            bindings: Vec::new(),
            fragments: Vec::new(),
            claims: Vec::new(),
            notes: Vec::new(),
        },
    }
}

pub fn pod(body: &Value) -> Fragment {
    Fragment {
        place: Place::Pod,
        body: body.to_string(),
    }
}

pub fn object(body: &Value) -> Fragment {
    Fragment {
        place: Place::Object(None),
        body: body.to_string(),
    }
}

pub fn file(name: &str, text: &str) -> File {
    File {
        name: name.to_owned(),
        content: Content::Bytes(text.as_bytes().to_vec()),
        mode: 0o644,
        secret: false,
    }
}

/// A binding of a file of `role` about `subject` into container `container`.
pub fn binding(container: &str, path: &str, role: &str, subject: &str, name: &str) -> Binding {
    Binding {
        container: container.to_owned(),
        target: Target::Path(path.to_owned()),
        source: Source::File(Ref {
            role: role.to_owned(),
            instance: role.to_owned(),
            subject: subject.to_owned(),
            name: name.to_owned(),
        }),
        delivery: Delivery::Mounted,
        on_change: Change::Roll,
    }
}

/// A volume at a path.
pub fn volume(container: &str, path: &str, name: &str, folder: &str) -> Binding {
    Binding {
        source: Source::Volume((name.to_owned(), folder.to_owned())),
        ..binding(container, path, "", "", "")
    }
}

/// A chain `c` of `nodes` nodes in namespace `ns`, with a volume `data`.
pub fn shape(nodes: u32) -> Shape {
    let service = |role: &str, volumes| Service {
        owner: owner(role),
        container: Some(role.to_owned()),
        volumes,
        resources: json!({"requests": {"cpu": "100m"}}),
    };
    let data = VolumeDecl {
        name: "data".to_owned(),
        size: Some("5Gi".to_owned()),
        medium: Medium::Disk,
    };
    let tmp = VolumeDecl {
        name: "tmp".to_owned(),
        size: None,
        medium: Medium::Scratch,
    };
    Shape {
        chain: "c".to_owned(),
        uid: "6f1c1d6e-0000-4000-8000-000000000001".to_owned(),
        stack: "stack".to_owned(),
        release: "v1".to_owned(),
        home_namespace: "ns".to_owned(),
        subjects: std::iter::once(chain())
            .chain((0..nodes).map(node))
            .collect(),
        services: vec![service("net", vec![data, tmp]), service("vote", Vec::new())],
        ..Shape::default()
    }
}

/// For each node a `net` and a `vote` container with a file of its own, and one file of the chain bound by all.
pub fn parts(nodes: u32) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut all = part("vote", "chain");
    all.rendered
        .files
        .push(file("start.json", "{\"one\": \"for all\"}"));
    parts.push(all);
    for i in 0..nodes {
        let id = format!("node/{i}");
        for role in ["net", "vote"] {
            let mut one = part(role, &id);
            one.rendered.fragments.push(pod(&json!({"spec": {"containers": [
                {"name": role, "image": format!("registry.example/{role}:1"), "ports": [{"containerPort": 4000}]}]}})));
            one.rendered
                .files
                .push(file("own.toml", &format!("id = {i}\n")));
            one.rendered
                .bindings
                .push(volume(role, "/data", "data", ""));
            one.rendered
                .bindings
                .push(binding(role, "/data/own.toml", role, &id, "own.toml"));
            one.rendered.bindings.push(binding(
                role,
                "/etc/start.json",
                "vote",
                "chain",
                "start.json",
            ));
            if role == "net" {
                one.rendered.fragments.push(object(&json!({
                    "apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("c-{i}")},
                    "spec": {"ports": [{"port": 4000, "name": "p2p"}]}})));
            }
            parts.push(one);
        }
    }
    parts
}

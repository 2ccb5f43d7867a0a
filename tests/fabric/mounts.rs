//! What a pod's container has when its program begins: the variables of its template, and the files that `ConfigMap`s and
//! Secrets bring into it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabric_rehearsal::pod::Container;
use kubectl_chain::cluster::Connection;
use kubectl_chain::cluster::object_api::ApiKind;
use kubectl_chain::cluster::request::ListQuery;
use serde_json::Value;

/// A pod of a node.
#[derive(Debug, Clone)]
pub struct Pod {
    /// Kind and name of the subject, as in `peer/peer0.org1`.
    pub id: String,
    /// Where it is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    kind: String,
    spec: Value,
}

fn text<'a>(of: &'a Value, path: &str) -> &'a str {
    of.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(of: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    of.pointer(path)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The pods of orderers and peers of a chain that run, by UID.
pub async fn pods(connection: &Connection, chain: &str) -> BTreeMap<String, Pod> {
    let kind = ApiKind::known("", "Pod").unwrap();
    let labels = format!("chain.dev/chain={chain}");
    let query = ListQuery {
        labels: &labels,
        ..ListQuery::default()
    };
    // A control plane that stops ends whoever asks it.
    let all = connection.list(&kind, "", query).await.unwrap_or_default();
    all.into_iter()
        .filter(|it| text(it, "/status/phase") == "Running")
        .filter(|it| it.pointer("/metadata/deletionTimestamp").is_none())
        .filter_map(|it| {
            let kind = text(&it, "/metadata/labels/chain.dev~1kind").to_owned();
            let node = text(&it, "/metadata/labels/chain.dev~1node");
            let pod = Pod {
                id: format!("{kind}/{node}"),
                namespace: text(&it, "/metadata/namespace").to_owned(),
                name: text(&it, "/metadata/name").to_owned(),
                spec: it["spec"].clone(),
                kind,
            };
            let known = ["orderer", "peer"].contains(&pod.kind.as_str());
            known.then(|| (text(&it, "/metadata/uid").to_owned(), pod))
        })
        .collect()
}

/// The files of a volume by their path in it; none if what it is made of is not there yet.
async fn files(
    connection: &Connection,
    namespace: &str,
    volume: &Value,
) -> Option<BTreeMap<String, Vec<u8>>> {
    let (kind, source, name) = if volume["secret"].is_object() {
        ("Secret", &volume["secret"], "/secretName")
    } else if volume["configMap"].is_object() {
        ("ConfigMap", &volume["configMap"], "/name")
    } else {
        let empty = volume["emptyDir"].is_object() || volume["persistentVolumeClaim"].is_object();
        assert!(empty, "a volume of another kind: {volume}");
        return Some(BTreeMap::new());
    };
    let of_kind = ApiKind::known("", kind).unwrap();
    let found = connection.get(&of_kind, namespace, text(source, name));
    let object = found.await.ok().flatten()?;
    let bytes = |key: &str| {
        let at = |field: &str| object[field].get(key).and_then(Value::as_str);
        match (kind, at("data"), at("binaryData")) {
            ("ConfigMap", Some(plain), _) => Some(plain.as_bytes().to_vec()),
            (_, Some(encoded), _) | (_, None, Some(encoded)) => BASE64.decode(encoded).ok(),
            _ => None,
        }
    };
    let items = list(source, "/items");
    let all = items.map(|item| {
        let (key, path) = (text(item, "/key"), text(item, "/path"));
        let content = bytes(key).unwrap_or_else(|| panic!("{kind} has no {key}"));
        (path.to_owned(), content)
    });
    Some(all.collect())
}

/// What the program of a pod's node finds; none if a part of it is not there yet.
pub async fn container(connection: &Connection, pod: &Pod) -> Option<Container> {
    let mut all = list(&pod.spec, "/containers");
    let template = all.find(|it| text(it, "/name") == pod.kind)?;
    let env = list(template, "/env");
    let env = env.map(|it| (text(it, "/name").to_owned(), text(it, "/value").to_owned()));
    let mut container = Container {
        template: template.clone(),
        env: env.collect(),
        ..Container::default()
    };
    let mut volumes = BTreeMap::new();
    for volume in list(&pod.spec, "/volumes") {
        let inside = files(connection, &pod.namespace, volume).await?;
        volumes.insert(text(volume, "/name"), inside);
    }
    for mount in list(template, "/volumeMounts") {
        let (name, at) = (text(mount, "/name"), text(mount, "/mountPath"));
        let inside = &volumes[name];
        match mount["subPath"].as_str() {
            Some(path) if !inside.is_empty() => {
                let content = inside.get(path);
                let content = content.unwrap_or_else(|| panic!("{name} has no {path}"));
                container.files.insert(at.to_owned(), content.clone());
            }
            _ => {
                let whole = inside.iter();
                let whole = whole.map(|(path, it)| (format!("{at}/{path}"), it.clone()));
                container.files.extend(whole);
                container.volumes.insert(at.to_owned(), name.to_owned());
            }
        }
    }
    Some(container)
}

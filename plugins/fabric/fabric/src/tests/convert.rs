//! Published files of cryptogen and configtxgen as chains, and what is told of every key without effect.

#[path = "convert/documented.rs"]
mod documented;
#[path = "convert/keys.rs"]
mod keys;
#[path = "convert/published.rs"]
mod published;
#[path = "convert/refused.rs"]
mod refused;

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
            foreign: Vec::new(),
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

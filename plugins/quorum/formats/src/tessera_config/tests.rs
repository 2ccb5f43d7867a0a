//! The three shapes, key by key.

use super::*;
use crate::tessera_key::TesseraKey;

const D: &str = "/etc/quorum/qdata/tm";

fn rendered(config: &TesseraConfig, shape: Shape) -> Value {
    serde_json::from_str(&config.render(shape).unwrap()).unwrap()
}

fn config() -> TesseraConfig {
    let peers = ["quorum-node1:9001", "https://other.example:31001"];
    TesseraConfig::new(
        "quorum-node1",
        peers
            .iter()
            .map(|place| TesseraConfig::peer_url(place))
            .collect(),
    )
}

#[test]
fn versions_read_their_shapes() {
    for (version, shape) in [
        ("0.7.3", Shape::Single),
        ("0.8.0", Shape::Sockets),
        ("0.9.2", Shape::Addresses),
        ("0.10.6", Shape::Addresses),
        ("0.11", Shape::Addresses),
        ("1.0.0", Shape::Addresses),
        ("24.4.2", Shape::Addresses),
    ] {
        assert_eq!(
            Shape::of_version(&version.parse().unwrap()),
            shape,
            "{version}"
        );
    }
}

#[test]
fn the_shape_of_0_9() {
    let file = rendered(&config(), Shape::Addresses);
    assert_eq!(
        file["jdbc"],
        json!({"username": "sa", "password": "", "autoCreateTables": true,
               "url": format!("jdbc:h2:{D}/db;MODE=Oracle;TRACE_LEVEL_SYSTEM_OUT=0")})
    );
    let servers = file["serverConfigs"].as_array().unwrap();
    let apps: Vec<&Value> = servers.iter().map(|server| &server["app"]).collect();
    assert_eq!(apps, ["ThirdParty", "Q2T", "P2P"]);
    assert_eq!(servers[0]["serverAddress"], "http://quorum-node1:9080");
    assert_eq!(servers[1]["serverAddress"], format!("unix:{D}/tm.ipc"));
    assert_eq!(servers[2]["serverAddress"], "http://quorum-node1:9001");
    assert!(
        servers
            .iter()
            .all(|server| server["communicationType"] == "REST")
    );
    assert_eq!(servers[2]["sslConfig"]["tls"], "OFF");
    assert_eq!(
        file["peer"],
        json!([{"url": "http://quorum-node1:9001"}, {"url": "https://other.example:31001"}])
    );
    assert_eq!(
        file["keys"],
        json!({"passwords": [], "keyData": [{
            "privateKeyPath": format!("{D}/tm.key"), "publicKeyPath": format!("{D}/tm.pub")}]})
    );
    assert_eq!(file["features"], json!({"enablePrivacyEnhancements": true}));
    assert_eq!(file["useWhiteList"], false);
    assert_eq!(file["alwaysSendTo"], json!([]));
    assert!(file.get("server").is_none() && file.get("unixSocketFile").is_none());
}

#[test]
fn the_shape_of_0_8() {
    let file = rendered(&config(), Shape::Sockets);
    let servers = &file["serverConfigs"];
    assert_eq!(
        servers[0]["serverSocket"],
        json!({"type": "INET", "port": 9080, "hostName": "http://quorum-node1"})
    );
    assert_eq!(
        servers[1]["serverSocket"],
        json!({"type": "UNIX", "path": format!("{D}/tm.ipc")})
    );
    assert_eq!(servers[1]["communicationType"], "UNIX_SOCKET");
    assert_eq!(
        servers[2]["serverSocket"]["bindingAddress"],
        "http://0.0.0.0:9001"
    );
    assert!(file.get("features").is_none());
}

#[test]
fn the_shape_of_0_7() {
    let file = rendered(&config(), Shape::Single);
    assert_eq!(file["server"]["port"], 9001);
    assert_eq!(file["server"]["hostName"], "http://quorum-node1");
    assert_eq!(file["server"]["sslConfig"]["serverTrustMode"], "TOFU");
    assert_eq!(file["unixSocketFile"], format!("{D}/tm.ipc"));
    assert!(file.get("serverConfigs").is_none());
}

#[test]
fn keys_may_stand_inline_or_be_locked() {
    let key = TesseraKey::from_private(&[1; 32]);
    let mut config = config();
    config.bind_host = Some("0.0.0.0".to_owned());
    config.keys = KeySource::Inline {
        private: key.key_file(),
        public: key.public_file(),
    };
    let file = rendered(&config, Shape::Sockets);
    let inline = &file["keys"]["keyData"][0];
    assert_eq!(inline["config"]["type"], "unlocked");
    assert_eq!(inline["publicKey"], key.public_file());
    config.keys = KeySource::Files {
        private: "k".to_owned(),
        public: "p".to_owned(),
        password_file: Some("w".to_owned()),
    };
    let file = rendered(&config, Shape::Addresses);
    assert_eq!(file["keys"]["passwordFile"], "w");
    assert_eq!(
        file["serverConfigs"][0]["bindingAddress"],
        "http://0.0.0.0:9080"
    );
    assert_eq!(
        file["serverConfigs"][2]["bindingAddress"],
        "http://0.0.0.0:9001"
    );
}

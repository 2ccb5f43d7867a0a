//! The options of peers.

use serde::Deserialize;
use serde_json::{Value, json};

/// The options.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// What is logged.
    pub logging: Option<String>,
    /// In which image a docker daemon builds.
    pub chaincode_builder: Option<String>,
    /// On which image chaincode in Go runs.
    pub chaincode_go: Option<String>,
    /// On which image chaincode in Java runs.
    pub chaincode_java: Option<String>,
    /// On which image chaincode in Node.js runs.
    pub chaincode_node: Option<String>,
}

impl Options {
    /// Variables by which a docker daemon learns of images; those of the peer's own configuration stay otherwise.
    pub fn images(&self) -> impl Iterator<Item = (&'static str, &String)> {
        [
            ("CORE_CHAINCODE_BUILDER", &self.chaincode_builder),
            ("CORE_CHAINCODE_GOLANG_RUNTIME", &self.chaincode_go),
            ("CORE_CHAINCODE_JAVA_RUNTIME", &self.chaincode_java),
            ("CORE_CHAINCODE_NODE_RUNTIME", &self.chaincode_node),
        ]
        .into_iter()
        .filter_map(|(name, image)| Some((name, image.as_ref()?)))
    }

    /// Whether some image for chaincode is named.
    pub fn names_images(&self) -> bool {
        self.images().next().is_some()
    }
}

/// Their schema.
pub fn schema() -> Value {
    let image = |of: &str, usual: &str| {
        json!({
            "type": "string", "minLength": 1,
            "description": format!("image {of}, where a docker daemon builds chaincode; {usual} of the peer's release when absent"),
        })
    };
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "logging": {
                "type": "string", "minLength": 1,
                "description": "what is logged, as FABRIC_LOGGING_SPEC takes it: `info`, `gossip=warning:info`; `info` when absent",
            },
            "chaincodeBuilder": image("in which chaincode is built", "fabric-ccenv"),
            "chaincodeGo": image("on which chaincode in Go runs", "fabric-baseos"),
            "chaincodeJava": image("on which chaincode in Java runs", "fabric-javaenv"),
            "chaincodeNode": image("on which chaincode in Node.js runs", "that for Node.js"),
        },
    })
}

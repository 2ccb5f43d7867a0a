//! Cakeshop, the explorer: the list of nodes that it begins with, and its command line.
//!
//! The original filled in IP addresses from the environment at the start; names of Services do the
//! same and survive a new address.

use serde::Serialize;
use thiserror::Error;

/// The port on which it really listens; the original's objects declare another.
pub const PORT: u16 = 8080;

/// The JSON could not be written, which no value of these types causes.
#[derive(Debug, Error)]
#[error("the explorer's list of nodes cannot be written as JSON")]
pub struct RenderError(#[source] serde_json::Error);

/// A node as the explorer reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CakeshopNode {
    /// The name that it shows.
    pub name: String,
    /// JSON-RPC of the client.
    pub rpc_url: String,
    /// The third-party server of the privacy manager.
    pub transaction_manager_url: String,
}

impl CakeshopNode {
    /// A node at a host with these ports.
    #[must_use]
    pub fn new(name: &str, host: &str, rpc_port: u16, third_party_port: u16) -> Self {
        Self {
            name: name.to_owned(),
            rpc_url: format!("http://{host}:{rpc_port}"),
            transaction_manager_url: format!("http://{host}:{third_party_port}"),
        }
    }
}

/// The file `cakeshop-nodes.json`: JSON indented by two, and a newline at the end.
///
/// # Errors
/// Never with values of this type.
pub fn nodes_file(nodes: &[CakeshopNode]) -> Result<String, RenderError> {
    let text = serde_json::to_string_pretty(nodes).map_err(RenderError)?;
    Ok(text + "\n")
}

/// The arguments of `java`. The list is read at the first start only.
#[must_use]
pub fn arguments(nodes_file: &str, data_folder: &str) -> Vec<String> {
    vec![
        format!("-Dcakeshop.initialnodes={nodes_file}"),
        format!("-Dcakeshop.config.dir={data_folder}"),
        "-jar".to_owned(),
        "/cakeshop/cakeshop.war".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_list_is_that_of_the_original() {
        let node = CakeshopNode::new("quorum-node1", "quorum-node1", 8545, 9080);
        let file: Value = serde_json::from_str(&nodes_file(&[node]).unwrap()).unwrap();
        assert_eq!(
            file,
            json!([{
                "name": "quorum-node1",
                "rpcUrl": "http://quorum-node1:8545",
                "transactionManagerUrl": "http://quorum-node1:9080",
            }])
        );
    }

    #[test]
    fn arguments_name_the_list_and_the_folder() {
        assert_eq!(
            arguments("/cakeshop/cakeshop-nodes.json", "/cakeshop/data").join(" "),
            "-Dcakeshop.initialnodes=/cakeshop/cakeshop-nodes.json \
             -Dcakeshop.config.dir=/cakeshop/data -jar /cakeshop/cakeshop.war"
        );
    }
}

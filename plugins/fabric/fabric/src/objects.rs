//! Services: one for each pod, whose name and address stay; the policy of the network, if wanted.
//!
//! A Service does not publish pods that are not ready: an orderer dials the address of one that is gone for 20 seconds,
//! and does nothing else meanwhile.

use chain_plugin_sdk::{RenderedBuilder, Subject};
use fabric_service::{Network, kind, port};
use serde_json::{Value, json};

/// Label of all pods of a chain; the host's own, which every selector must have.
const HOST_CHAIN: &str = "chain.dev/chain";

/// Label of a subject's pod: its name.
pub const NODE: &str = "fabric/node";

/// Label by which a pod that is not of the chain is let in as a client.
const CLIENT: &str = "fabric/client";

/// The Service of a subject that has a pod.
pub fn service(builder: RenderedBuilder, network: &Network, subject: &Subject) -> RenderedBuilder {
    let Some(first) = subject.endpoints.first() else {
        return builder;
    };
    let ports: Vec<Value> = subject
        .endpoints
        .iter()
        .map(|it| json!({"name": it.port, "port": it.number, "targetPort": it.number, "protocol": "TCP"}))
        .collect();
    builder.object(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": first.service},
        "spec": {
            "type": "ClusterIP",
            "selector": {HOST_CHAIN: network.topology.chain, NODE: subject.name},
            "ports": ports,
        },
    }))
}

/// Only pods of the chain reach the pods of an organisation; clients are let in by a label of their own. Where peers start
/// chaincode as Jobs, which carry no label of the chain, pods of their namespace reach the port at which it dials them.
pub fn policy(network: &Network, org: &Subject) -> Value {
    let chain = &network.topology.chain;
    let own = json!({"matchLabels": {HOST_CHAIN: chain}});
    let client = json!({"matchLabels": {CLIENT: "true"}});
    let mut ingress = vec![json!({"from": [
        {"podSelector": own, "namespaceSelector": {}},
        {"podSelector": client, "namespaceSelector": {}},
    ]})];
    let dialled = network
        .children(&org.id, kind::PEER)
        .flat_map(|peer| &peer.endpoints)
        .find(|it| it.port == port::PEER_CHAINCODE);
    if let Some(endpoint) = dialled {
        ingress.push(json!({
            "from": [{"podSelector": {}}],
            "ports": [{"protocol": "TCP", "port": endpoint.number}],
        }));
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("{chain}-{}", org.name)},
        "spec": {
            "podSelector": own,
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        },
    })
}

#[cfg(test)]
mod tests {
    use chain_plugin_sdk::Endpoint;
    use fabric_service::Release;
    use fabric_service::fixture::{ROLES, Size, topology};

    use super::*;

    #[test]
    fn chaincode_that_peers_start_reaches_them_and_nothing_else_does() {
        let mut all = topology(Release::V2_5, Size::default(), &ROLES);
        let ingress = |all: &chain_plugin_sdk::Topology| {
            let network = Network::new(all.clone()).unwrap();
            let org = network.subject("org/org1").unwrap();
            policy(&network, org)["spec"]["ingress"].clone()
        };
        let closed = ingress(&all);
        assert_eq!(closed.as_array().unwrap().len(), 1);
        for subject in all.subjects.iter_mut().filter(|it| it.kind == kind::PEER) {
            subject.endpoints.push(Endpoint {
                port: port::PEER_CHAINCODE.to_owned(),
                service: "peer0".to_owned(),
                number: 7052,
                outside: None,
            });
        }
        let open = ingress(&all);
        assert_eq!(open[0], closed[0]);
        assert_eq!(
            open[1],
            json!({"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 7052}]})
        );
    }
}

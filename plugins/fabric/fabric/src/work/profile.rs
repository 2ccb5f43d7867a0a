//! The connection profile of an organisation: what a client of the network reads to find nodes and to trust them.
//!
//! Its form is version 1.0.0 of the common connection profile, which the SDKs of Fabric for Go, Java and Node read as
//! JSON. It names certificates and addresses, and holds no key.

use std::collections::BTreeMap;

use chain_plugin_sdk::{Blob, Diagnostics, Host, Report, Request, Subject, warning};
use fabric_service::facts::{CaServer, OrgIdentity};
use fabric_service::fault::{at as fault_at, refuse_with};
use fabric_service::{Network, extra, kind, port, role};
use serde::Serialize;
use serde_json::{Value, json};

use super::crew::{fact, needed};
use super::report;

/// The name of the operation.
pub const NAME: &str = "connection-profile";

/// Arguments of `connection-profile`.
pub fn args() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {"outside": {
        "type": "boolean", "default": false,
        "description": "the addresses at which nodes are reached from outside of the cluster: their `host`",
    }}})
}

/// The file, all of whose maps are by name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    name: String,
    version: &'static str,
    client: Client,
    channels: BTreeMap<String, Channel>,
    organizations: BTreeMap<String, Organization>,
    orderers: BTreeMap<String, Node>,
    peers: BTreeMap<String, Node>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    certificate_authorities: BTreeMap<String, Authority>,
}

#[derive(Debug, Serialize)]
struct Client {
    organization: String,
}

#[derive(Debug, Default, Serialize)]
struct Channel {
    orderers: Vec<String>,
    /// What each peer is used for: nothing said is all.
    peers: BTreeMap<String, BTreeMap<String, bool>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    mspid: String,
    peers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificate_authorities: Vec<String>,
}

/// An orderer or a peer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    url: String,
    grpc_options: GrpcOptions,
    #[serde(rename = "tlsCACerts")]
    tls_ca_certs: Pem<String>,
}

/// The name in a node's certificate, in the words of several SDKs: with it a client gets through a forwarded port, too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GrpcOptions {
    #[serde(rename = "ssl-target-name-override")]
    ssl_target_name_override: String,
    hostname_override: String,
}

#[derive(Debug, Serialize)]
struct Pem<T> {
    pem: T,
}

/// A CA server.
#[derive(Debug, Serialize)]
struct Authority {
    url: String,
    #[serde(rename = "tlsCACerts", skip_serializing_if = "Option::is_none")]
    tls_ca_certs: Option<Pem<[String; 1]>>,
}

/// All that is known of nodes, and how a client is to reach them.
struct Directory<'a> {
    network: &'a Network,
    host: &'a dyn Host,
    outside: bool,
}

impl Directory<'_> {
    /// Where a client dials a port of a node; none where nobody said an address for it.
    fn address(&self, node: &Subject, port: &str) -> Result<Option<(String, u16)>, Diagnostics> {
        if node.foreign {
            return Ok(self.network.address(node, port).ok());
        }
        if !self.outside {
            return self.network.address(node, port).map(Some);
        }
        Ok(Network::outside(node, port))
    }

    /// Names of orderers and peers that have no place in the profile, which lacks an address for them.
    fn lacking(&self, profile: &Profile) -> Vec<&str> {
        let orderers = self.network.of_kind(kind::ORDERER);
        let peers = self.network.of_kind(kind::PEER);
        let names = orderers.chain(peers).map(|it| it.name.as_str());
        names
            .filter(|it| !profile.orderers.contains_key(*it) && !profile.peers.contains_key(*it))
            .collect()
    }

    /// Nodes of a kind and an organisation, by name.
    fn nodes(
        &self,
        org: &Subject,
        (of_kind, port): (&str, &str),
        tls_ca: &str,
    ) -> Result<BTreeMap<String, Node>, Diagnostics> {
        let mut all = BTreeMap::new();
        for node in self.network.children(&org.id, of_kind) {
            if let Some((host, number)) = self.address(node, port)? {
                let about = Node {
                    url: format!("grpcs://{host}:{number}"),
                    grpc_options: GrpcOptions {
                        ssl_target_name_override: host.clone(),
                        hostname_override: host,
                    },
                    tls_ca_certs: Pem {
                        pem: tls_ca.to_owned(),
                    },
                };
                all.insert(node.name.clone(), about);
            }
        }
        Ok(all)
    }

    /// CA servers of an organisation, by name.
    fn authorities(
        &self,
        org: &Subject,
        tls_ca: &str,
    ) -> Result<BTreeMap<String, Authority>, Diagnostics> {
        let mut all = BTreeMap::new();
        for server in self.network.children(&org.id, kind::CA) {
            if let Some((host, number)) = self.address(server, port::CA)? {
                let facts: Option<CaServer> = fact(self.host, &server.id, role::CA)?;
                let tls = facts.is_none_or(|it| it.tls);
                let scheme = if tls { "https" } else { "http" };
                let about = Authority {
                    url: format!("{scheme}://{host}:{number}"),
                    tls_ca_certs: tls.then(|| Pem {
                        pem: [tls_ca.to_owned()],
                    }),
                };
                all.insert(server.name.clone(), about);
            }
        }
        Ok(all)
    }

    /// The profile of an organisation of this party.
    fn profile(&self, of: &Subject) -> Result<Profile, Diagnostics> {
        let mut members = Vec::new();
        for channel in self.network.of_kind(kind::CHANNEL) {
            let about: extra::Channel = extra::of(channel)?;
            if about.orgs.contains(&of.id) {
                members.push((channel.name.clone(), about));
            }
        }
        let mut profile = Profile {
            name: format!("{}-{}", self.network.topology.chain, of.name),
            version: "1.0.0",
            client: Client {
                organization: of.name.clone(),
            },
            channels: BTreeMap::new(),
            organizations: BTreeMap::new(),
            orderers: BTreeMap::new(),
            peers: BTreeMap::new(),
            certificate_authorities: BTreeMap::new(),
        };
        for org in self.network.of_kind(kind::ORG) {
            let identity: OrgIdentity = needed(self.host, &org.id, role::MSP)?;
            let tls_ca = identity.tls_ca_certificate.as_str();
            let peers = self.nodes(org, (kind::PEER, port::PEER), tls_ca)?;
            let orderers = self.nodes(org, (kind::ORDERER, port::ORDERER), tls_ca)?;
            // Those of others register nobody of this organisation.
            let authorities = if org.id == of.id {
                self.authorities(org, tls_ca)?
            } else {
                BTreeMap::new()
            };
            for (name, about) in &members {
                let channel = profile.channels.entry(name.clone()).or_default();
                if about.orgs.contains(&org.id) {
                    let all = peers.keys().map(|it| (it.clone(), BTreeMap::new()));
                    channel.peers.extend(all);
                }
                if about.ordering.contains(&org.id) {
                    channel.orderers.extend(orderers.keys().cloned());
                }
            }
            let about = Organization {
                mspid: identity.msp_id,
                peers: peers.keys().cloned().collect(),
                certificate_authorities: authorities.keys().cloned().collect(),
            };
            profile.organizations.insert(org.name.clone(), about);
            profile.peers.extend(peers);
            profile.orderers.extend(orderers);
            profile.certificate_authorities.extend(authorities);
        }
        Ok(profile)
    }
}

/// Makes the profile as a file.
pub fn make(network: &Network, what: &Request, host: &dyn Host) -> Result<Report, Diagnostics> {
    let args: Value = serde_json::from_str(&what.args).map_err(fault_at("args", ""))?;
    let of = network.subject(&what.subject)?;
    if of.foreign {
        let message = format!("{} is of another party", of.id);
        let hint = "its party makes the profile of its clients";
        return Err(refuse_with("org", "", message, hint));
    }
    let directory = Directory {
        network,
        host,
        outside: args.get("outside").and_then(Value::as_bool) == Some(true),
    };
    let profile = directory.profile(of)?;
    let lacking = directory.lacking(&profile);
    let hint = "a node gets an address outside by its `host` in the file of its party, then `kubectl chain apply` and `kubectl chain run cert-renew`";
    let asked = profile.organizations.get(&of.name);
    if asked.is_none_or(|it| it.peers.is_empty()) {
        let message = format!("no peer of {} is known that a client could ask", of.id);
        return Err(refuse_with("peers", "", message, hint));
    }
    let notes = if lacking.is_empty() {
        Vec::new()
    } else {
        let message = format!("left out, without an address: {}", lacking.join(", "));
        vec![warning("addresses", "", message).hint(hint)]
    };
    let mut bytes = serde_json::to_vec_pretty(&profile).map_err(fault_at("profile", ""))?;
    bytes.push(b'\n');
    let text = format!(
        "{}: addresses and certificates for clients of {}, no key; those of users lie in vaults of namespace {}",
        profile.name, of.name, of.namespace
    );
    let table = json!({"org": of.name, "peers": profile.peers.keys().collect::<Vec<_>>()});
    Ok(Report {
        files: vec![Blob {
            name: format!("connection-{}.json", of.name.replace('/', "-")),
            bytes,
        }],
        notes,
        ..report(text, &table)
    })
}

//! Organisations with keys and certificates of our own making.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::{SystemTime, UNIX_EPOCH};

use fabric_channel::model;
use fabric_identity::issue::{
    CaProfile, IdentityProfile, Issuer, Serial, TlsProfile, authority, draw_serial,
};
use fabric_identity::key::KeyFileName;
use fabric_identity::msp::{Msp, NodeOus, Pair, ca_name, tls_ca_name};
use fabric_identity::name::Place;
use fabric_identity::validity::Validity;
use fabric_identity::{Certificate, Identity, PrivateKey};

/// Where a container has its identity.
pub const IDENTITY: &str = "/etc/hyperledger/id";

/// Random bytes of the system.
pub fn entropy(count: u32) -> Vec<u8> {
    let mut bytes = vec![0; count as usize];
    let mut source = std::fs::File::open("/dev/urandom").unwrap();
    source.read_exact(&mut bytes).unwrap();
    bytes
}

pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn key() -> PrivateKey {
    PrivateKey::generate(&mut entropy).unwrap()
}

fn serial() -> Serial {
    draw_serial(&mut entropy).unwrap()
}

fn validity() -> Validity {
    Validity::cryptogen(now()).unwrap()
}

/// A certificate and its key.
pub struct Own {
    pub certificate: Certificate,
    pub key: PrivateKey,
}

impl Own {
    pub fn pem(&self) -> String {
        self.certificate.to_pem()
    }

    fn pair(&self) -> Pair<'_> {
        Pair {
            certificate: &self.certificate,
            key: &self.key,
        }
    }
}

/// A node or a user.
pub struct Member {
    /// Common name.
    pub name: String,
    pub identity: Own,
    pub tls: Own,
}

pub struct Organization {
    /// Domain, which is the name of its namespace.
    pub domain: String,
    pub msp_id: String,
    pub ca: Own,
    pub tls_ca: Own,
}

impl Organization {
    pub fn new(domain: &str, msp_id: &str) -> Self {
        let own = |common_name: String| {
            let key = key();
            let profile = CaProfile {
                place: Place::default(),
                organization: domain.to_owned(),
                organizational_unit: None,
                common_name,
            };
            let certificate = authority(&profile, &key, validity(), &serial()).unwrap();
            Own { certificate, key }
        };
        Self {
            domain: domain.to_owned(),
            msp_id: msp_id.to_owned(),
            ca: own(ca_name(domain)),
            tls_ca: own(tls_ca_name(domain)),
        }
    }

    /// A node `host.domain` (of the role `peer` or `orderer`), or a user `Admin@domain`.
    pub fn member(&self, name: &str, role: &str, hosts: &[&str]) -> Member {
        let identity = key();
        let issuer = Issuer::new(&self.ca.certificate, &self.ca.key).unwrap();
        let profile = IdentityProfile {
            place: Place::default(),
            organizational_units: vec![role.to_owned()],
            common_name: name.to_owned(),
        };
        let certificate = issuer
            .identity(&profile, identity.public(), validity(), &serial())
            .unwrap();
        let tls = key();
        let issuer = Issuer::new(&self.tls_ca.certificate, &self.tls_ca.key).unwrap();
        let profile = TlsProfile {
            place: Place::default(),
            organizational_unit: None,
            common_name: name.to_owned(),
            alternative_names: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        let tls_certificate = issuer
            .tls(&profile, tls.public(), validity(), &serial())
            .unwrap();
        Member {
            name: name.to_owned(),
            identity: Own {
                certificate,
                key: identity,
            },
            tls: Own {
                certificate: tls_certificate,
                key: tls,
            },
        }
    }

    pub fn node(&self, host: &str, role: &str) -> Member {
        let name = format!("{host}.{}", self.domain);
        self.member(&name, role, &[&name, host])
    }

    pub fn signer(&self, member: &Member) -> Identity {
        let key = PrivateKey::parse_pem(&member.identity.key.to_pem()).unwrap();
        Identity::new(&self.msp_id, &member.identity.pem(), key).unwrap()
    }

    /// The same certificate of TLS over the same key, with another serial number and validity.
    pub fn renewed_tls(&self, member: &Member) -> Certificate {
        let issuer = Issuer::new(&self.tls_ca.certificate, &self.tls_ca.key).unwrap();
        let validity = Validity::days(now() - 300, 30).unwrap();
        issuer
            .renew(&member.tls.certificate, validity, &serial())
            .unwrap()
    }

    fn msp(&self) -> Msp {
        Msp::of_domain(
            &self.domain,
            self.ca.certificate.clone(),
            self.tls_ca.certificate.clone(),
            NodeOus::AnyAuthority,
        )
    }

    /// Files of a node's container.
    pub fn files(&self, node: &Member) -> BTreeMap<String, Vec<u8>> {
        let tree = self
            .msp()
            .node(
                &node.name,
                node.identity.pair(),
                node.tls.pair(),
                KeyFileName::PrivSk,
            )
            .unwrap();
        tree.into_iter()
            .map(|file| (format!("{IDENTITY}/{}", file.path), file.bytes.to_vec()))
            .collect()
    }

    /// As a channel has it.
    pub fn in_channel(&self, name: &str, role: model::OrganizationRole) -> model::Organization {
        model::Organization {
            name: name.to_owned(),
            msp_id: self.msp_id.clone(),
            role,
            msp: model::Msp {
                root_certs: vec![self.ca.pem()],
                tls_root_certs: vec![self.tls_ca.pem()],
                node_ous: Some(model::NodeOus::usual(None)),
                ..model::Msp::default()
            },
            endpoints: Vec::new(),
            anchor_peers: Vec::new(),
            policies: model::Policies::new(),
        }
    }
}

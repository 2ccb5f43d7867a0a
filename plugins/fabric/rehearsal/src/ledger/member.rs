//! Who signs a message: a certificate that chains to its organisation's authority, in the role that stands in it.

use std::collections::BTreeSet;

use fabric_identity::certificate::Certificate;
use fabric_identity::check;
use fabric_identity::validity::ValidityState;
use fabric_proto::Message as _;
use fabric_proto::configuration::ConfigGroup;
use fabric_proto::msp::{FabricMspConfig, MspConfig, SerializedIdentity};

/// A role that a certificate gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An administrator.
    Admin,
    /// A client.
    Client,
    /// A peer.
    Peer,
    /// An orderer.
    Orderer,
}

/// Somebody whose certificate was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// His organisation's name in channels.
    pub msp_id: String,
    /// As messages name him.
    pub creator: Vec<u8>,
    /// His certificate.
    pub certificate: Certificate,
    /// His roles; without one he is a member only.
    pub roles: BTreeSet<Role>,
}

impl Known {
    /// Checks a signature: SHA-256, DER, the lower `s`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), String> {
        let key = self.certificate.public_key().map_err(|it| it.to_string())?;
        key.verify(message, signature)
            .map_err(|fault| format!("{}: {fault}", self.certificate.subject()))
    }
}

/// What is known of an organisation's identities.
#[derive(Debug, Clone, Default)]
pub struct Membership {
    /// Its name in channels.
    pub msp_id: String,
    /// Roots.
    pub roots: Vec<Certificate>,
    /// Authorities between.
    pub between: Vec<Certificate>,
    /// Administrators by certificate.
    pub admins: Vec<Certificate>,
    /// Whether roles stand in certificates.
    pub node_ous: bool,
}

fn certificates(texts: &[Vec<u8>]) -> Result<Vec<Certificate>, String> {
    texts
        .iter()
        .map(|text| {
            let text = str::from_utf8(text).map_err(|it| it.to_string())?;
            Certificate::parse_pem(text).map_err(|it| it.to_string())
        })
        .collect()
}

impl Membership {
    /// What a channel says about an organisation.
    pub fn of_group(group: &ConfigGroup) -> Result<Option<Self>, String> {
        let Some(value) = group.values.get("MSP") else {
            return Ok(None);
        };
        let config = MspConfig::decode(value.value.as_slice()).map_err(|it| it.to_string())?;
        let msp = FabricMspConfig::decode(config.config.as_slice()).map_err(|it| it.to_string())?;
        Ok(Some(Self {
            msp_id: msp.name,
            roots: certificates(&msp.root_certs)?,
            between: certificates(&msp.intermediate_certs)?,
            admins: certificates(&msp.admins)?,
            node_ous: msp.fabric_node_ous.is_some_and(|it| it.enable),
        }))
    }

    /// All organisations of a channel.
    pub fn of_channel(root: &ConfigGroup) -> Result<Vec<Self>, String> {
        let mut all = Vec::new();
        for group in root.groups.values() {
            all.extend(Self::of_group(group)?);
            all.extend(Self::of_channel(group)?);
        }
        Ok(all)
    }

    /// Whether somebody is of this organisation, and in which roles.
    pub fn know(&self, creator: &[u8], now_ms: u64) -> Result<Known, String> {
        let identity = SerializedIdentity::decode(creator).map_err(|it| it.to_string())?;
        if identity.mspid != self.msp_id {
            return Err(format!("{} is not {}", identity.mspid, self.msp_id));
        }
        let text = String::from_utf8(identity.id_bytes).map_err(|it| it.to_string())?;
        let certificate = Certificate::parse_pem(&text).map_err(|it| it.to_string())?;
        check::chain(&certificate, &self.roots, &self.between).map_err(|it| it.to_string())?;
        if certificate.is_ca() {
            return Err(format!("{} is an authority", certificate.subject()));
        }
        let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
        if certificate.validity().at(now) != ValidityState::Valid {
            return Err(format!(
                "{}: client identity expired",
                certificate.subject()
            ));
        }
        let mut roles = BTreeSet::new();
        if self.node_ous {
            for unit in certificate.subject().organizational_units() {
                roles.extend(match unit {
                    "admin" => Some(Role::Admin),
                    "client" => Some(Role::Client),
                    "peer" => Some(Role::Peer),
                    "orderer" => Some(Role::Orderer),
                    _ => None,
                });
            }
            if roles.len() != 1 {
                let subject = certificate.subject();
                return Err(format!("{subject} has {} roles, expected one", roles.len()));
            }
        }
        if self.admins.contains(&certificate) {
            roles.insert(Role::Admin);
        }
        Ok(Known {
            msp_id: self.msp_id.clone(),
            creator: creator.to_vec(),
            certificate,
            roles,
        })
    }
}

/// Finds somebody in one of several organisations.
pub fn know(all: &[Membership], creator: &[u8], now_ms: u64) -> Result<Known, String> {
    let identity = SerializedIdentity::decode(creator).map_err(|it| it.to_string())?;
    let mut of_name = all.iter().filter(|it| it.msp_id == identity.mspid);
    let Some(first) = of_name.next() else {
        return Err(format!("creator org unknown: {}", identity.mspid));
    };
    first.know(creator, now_ms)
}

//! Who somebody is in a channel: a certificate under the authorities of an organisation that its configuration names.

use std::collections::BTreeMap;

use fabric_identity::certificate::Certificate;
use fabric_identity::check;
use fabric_identity::validity::ValidityState;
use fabric_proto::Message as _;
use fabric_proto::configuration::ConfigGroup;
use fabric_proto::msp::{FabricMspConfig, MspConfig, SerializedIdentity};

/// Authorities of an organisation.
#[derive(Debug, Default)]
struct Authorities {
    roots: Vec<Certificate>,
    between: Vec<Certificate>,
}

/// The organisations of a channel, by MSP id.
#[derive(Debug, Default)]
pub struct Membership {
    all: BTreeMap<String, Authorities>,
    now: i64,
}

/// Somebody of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// His organisation.
    pub msp_id: String,
    /// The name in his certificate.
    pub name: String,
}

impl Membership {
    /// Those of a configuration; certificates are looked at as of `now_ms`.
    pub fn of(root: &ConfigGroup, now_ms: u64) -> Self {
        let mut membership = Self {
            all: BTreeMap::new(),
            now: i64::try_from(now_ms / 1000).unwrap_or(i64::MAX),
        };
        membership.gather(root);
        membership
    }

    fn gather(&mut self, group: &ConfigGroup) {
        let msp = group.values.get("MSP").and_then(|value| {
            let config = MspConfig::decode(value.value.as_slice()).ok()?;
            FabricMspConfig::decode(config.config.as_slice()).ok()
        });
        if let Some(msp) = msp {
            let read = |all: &[Vec<u8>]| -> Vec<Certificate> {
                all.iter()
                    .filter_map(|text| Certificate::parse_pem(str::from_utf8(text).ok()?).ok())
                    .collect()
            };
            let (roots, between) = (read(&msp.root_certs), read(&msp.intermediate_certs));
            let known = self.all.entry(msp.name).or_default();
            known.roots.extend(roots);
            known.between.extend(between);
        }
        for below in group.groups.values() {
            self.gather(below);
        }
    }

    /// Says who signed a message, when he is of the channel and his signature is right.
    ///
    /// # Errors
    /// Why he is not, or that the signature is not his.
    pub fn signed(
        &self,
        creator: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<Member, String> {
        let identity = SerializedIdentity::decode(creator)
            .map_err(|_| "the identity cannot be read".to_owned())?;
        let msp_id = identity.mspid;
        let authorities = self
            .all
            .get(&msp_id)
            .ok_or_else(|| format!("{msp_id} is no organisation of the channel"))?;
        let fault = |why: &dyn std::fmt::Display| format!("{msp_id}: {why}");
        let text = String::from_utf8(identity.id_bytes).map_err(|it| fault(&it))?;
        let certificate = Certificate::parse_pem(&text).map_err(|it| fault(&it))?;
        check::chain(&certificate, &authorities.roots, &authorities.between)
            .map_err(|it| fault(&it))?;
        let subject = certificate.subject();
        let name = subject
            .common_name()
            .map_or_else(|| subject.to_string(), ToOwned::to_owned);
        if certificate.is_ca() {
            return Err(fault(&format!("{name} is an authority")));
        }
        if certificate.validity().at(self.now) != ValidityState::Valid {
            return Err(fault(&format!(
                "the certificate of {name} is not valid now"
            )));
        }
        let key = certificate.public_key().map_err(|it| fault(&it))?;
        key.verify(message, signature)
            .map_err(|_| format!("the signature is not that of {name} of {msp_id}"))?;
        Ok(Member { msp_id, name })
    }
}

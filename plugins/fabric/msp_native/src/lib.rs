//! The MSP `msp_native`: an organisation's authorities and all its identities, made here.
//!
//! Each organisation has a CA and a TLS CA of its own; orderers, peers and users get certificates by cryptogen's
//! profiles. Keys are secrets of who they are about; an authority's key is read only while somebody below it is born or
//! renewed. A renewed certificate is over the same key.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod issue;

use chain_plugin_sdk::descriptor::{Descriptor, KeptSpec, Phase};
use chain_plugin_sdk::{
    At, Content, Diagnostic, Diagnostics, File, Plugin, Provisioned, Rendered, RenderedBuilder,
    Subject, Topology, export_plugin, warning,
};
use fabric_identity::msp::config_yaml;
use fabric_service::descriptor::{IDENTITIES, kept, kinds, plugin};
use fabric_service::facts::{self, NodeIdentity, OrgIdentity};
use fabric_service::fault::{at as fault_at, refuse};
use fabric_service::{Network, Release, extra, item, kind, role};
use serde::Deserialize;
use serde_json::json;

use crate::issue::{Authorities, Part, Term};

/// The plugin.
#[derive(Debug)]
pub struct Msp {
    network: Network,
    authorities: Authorities,
}

/// What the user says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    days: i64,
    authority_days: i64,
}

/// Ten years without leap days, as cryptogen gives.
const DAYS: i64 = 3650;

impl Default for Options {
    fn default() -> Self {
        Self {
            days: DAYS,
            authority_days: DAYS,
        }
    }
}

impl Options {
    fn of(at: &At<'_>) -> Result<Term, Diagnostics> {
        let options: Self =
            serde_json::from_str(&at.call.options).map_err(fault_at("options", ""))?;
        Ok(Term {
            authority: options.authority_days,
            identity: options.days,
        })
    }
}

/// Kinds whose pods end TLS connections and sign nothing.
const TLS_ONLY: [&str; 1] = [kind::CA];

impl Plugin for Msp {
    fn descriptor() -> Descriptor {
        let shared = |name: &str, of: &[&str], with: &[&str]| KeptSpec {
            share: with.iter().map(|role| (*role).to_owned()).collect(),
            ..kept(name, of, true)
        };
        let renewable = |name: &str, of: &[&str]| KeptSpec {
            renewable: true,
            ..kept(name, of, false)
        };
        let users = [role::ORDERER, role::PEER, role::CLI, role::STACK];
        let with_tls: Vec<&str> = IDENTITIES.into_iter().chain(TLS_ONLY).collect();
        let tls_users: Vec<&str> = users.into_iter().chain([role::CA]).collect();
        let days = |least: u32, of: &str| {
            json!({
                "type": "integer", "minimum": least, "maximum": 36500, "default": DAYS,
                "description": format!("days for which {of} hold, from their birth on"),
            })
        };
        let mut provision = vec![kind::ORG];
        provision.extend(&with_tls);
        Descriptor {
            options: json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "days": days(1, "certificates of orderers, peers and users"),
                    "authorityDays": days(1, "certificates of authorities"),
                },
            }),
            on: [
                (Phase::Provision, kinds(&provision)),
                (
                    Phase::Render,
                    kinds(&[kind::ORG, kind::ORDERER, kind::PEER, kind::USER]),
                ),
            ]
            .into(),
            kept: vec![
                kept(item::CA_CERT, &[kind::ORG], false),
                shared(item::CA_KEY, &[kind::ORG], &[role::CA]),
                kept(item::TLS_CA_CERT, &[kind::ORG], false),
                kept(item::TLS_CA_KEY, &[kind::ORG], true),
                renewable(item::CERT, &IDENTITIES),
                shared(item::KEY, &IDENTITIES, &users),
                renewable(item::TLS_CERT, &with_tls),
                shared(item::TLS_KEY, &with_tls, &tls_users),
            ],
            ..plugin(
                "msp_native",
                role::MSP,
                "msp: authorities and certificates of all organisations, made here",
                &Release::ALL,
            )
        }
    }

    fn warm() {
        fabric_identity::warm();
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
            authorities: Authorities::default(),
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let subject = self.network.subject(&at.call.subject)?;
        let term = Options::of(at)?;
        if subject.kind == kind::ORG {
            return org(at, subject, term);
        }
        let org = self.network.parent(subject)?;
        let (mut keep, mut notes) = (Vec::new(), Vec::new());
        let mut certificate = |part: Part| -> Result<String, Diagnostics> {
            let name = part.items().0;
            match at.kept_text(name) {
                Some(old) if at.call.renew.iter().any(|it| it == name) => {
                    let whose = (subject, org);
                    let item = issue::renewed(at, &self.authorities, whose, part, &old, term)?;
                    let text = text_of(&item.bytes);
                    keep.push(item);
                    Ok(text)
                }
                Some(old) => {
                    if part == Part::Tls {
                        notes.extend(outside(subject, org, &old)?);
                    }
                    Ok(old)
                }
                None => {
                    let born = issue::member(at, &self.authorities, subject, org, part, term)?;
                    let text = text_of(&born[0].bytes);
                    keep.extend(born);
                    Ok(text)
                }
            }
        };
        if TLS_ONLY.contains(&subject.kind.as_str()) {
            certificate(Part::Tls)?;
            return Ok(Provisioned {
                keep,
                facts: "{}".to_owned(),
                notes,
            });
        }
        let identity = NodeIdentity {
            certificate: certificate(Part::Signing)?,
            tls_certificate: certificate(Part::Tls)?,
        };
        Ok(Provisioned {
            keep,
            notes,
            ..facts::known(&identity)
        })
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let subject = self.network.subject(&at.call.subject)?;
        let org = match subject.kind.as_str() {
            kind::ORG => subject,
            _ => self.network.parent(subject)?,
        };
        let about: extra::Org = extra::of(org)?;
        let mut builder = RenderedBuilder::new();
        if subject.kind == kind::ORG {
            if about.node_ous {
                builder = builder.file(item::NODE_OUS, config_yaml(None));
            }
            return Ok(builder.build());
        }
        Ok(tree(builder, at, org, &about).build())
    }
}

/// What to say about a node that is dialled by names which its certificate does not have: every such call fails.
fn outside(subject: &Subject, org: &Subject, tls: &str) -> Result<Option<Diagnostic>, Diagnostics> {
    let missing = issue::unnamed(subject, org, tls)?;
    if missing.is_empty() {
        return Ok(None);
    }
    let message = format!(
        "the TLS certificate of {} is not for {}: it was made before, and whoever dials that name is cut off",
        subject.name,
        missing.join(", ")
    );
    let short = subject.name.strip_suffix(&format!(".{}", org.name));
    let hint = format!(
        "`kubectl chain run cert-renew {} only={}` makes it again over the same key, with all names of the spec",
        org.name,
        short.unwrap_or(&subject.name)
    );
    Ok(Some(warning("certificate", "", message).hint(hint)))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The authorities of an organisation.
fn org(at: &At<'_>, subject: &Subject, term: Term) -> Result<Provisioned, Diagnostics> {
    let about: extra::Org = extra::of(subject)?;
    let keep = match at.kept_text(item::CA_CERT) {
        Some(_) => Vec::new(),
        None => issue::org(at, subject, term)?,
    };
    let public = |name: &str| {
        let born = keep.iter().find(|it| it.name == name);
        born.map(|it| text_of(&it.bytes))
            .or_else(|| at.kept_text(name))
            .ok_or_else(|| refuse("kept", "", format!("{} has no {name}", subject.id)))
    };
    let identity = OrgIdentity {
        msp_id: about.msp_id,
        ca_certificate: public(item::CA_CERT)?,
        tls_ca_certificate: public(item::TLS_CA_CERT)?,
        node_ous: about.node_ous,
        administrators: Vec::new(),
    };
    Ok(Provisioned {
        keep,
        ..facts::known(&identity)
    })
}

/// The folders `msp` and `tls` of somebody, for a folder on disk: what Fabric's own programs read.
fn tree(
    mut builder: RenderedBuilder,
    at: &At<'_>,
    org: &Subject,
    about: &extra::Org,
) -> RenderedBuilder {
    let of_org = |name: &str| at.own_of(&org.id, name);
    let mut files = vec![
        ("msp/signcerts/cert.pem", at.own(item::CERT), false),
        ("msp/keystore/priv_sk", at.own(item::KEY), true),
        ("msp/cacerts/ca.pem", of_org(item::CA_CERT), false),
        ("msp/tlscacerts/tlsca.pem", of_org(item::TLS_CA_CERT), false),
        ("tls/server.crt", at.own(item::TLS_CERT), false),
        ("tls/server.key", at.own(item::TLS_KEY), true),
        ("tls/ca.crt", of_org(item::TLS_CA_CERT), false),
    ];
    if about.node_ous {
        builder = builder.file("msp/config.yaml", config_yaml(None));
    } else {
        let admin = at.own_of(&format!("{}/Admin@{}", kind::USER, org.name), item::CERT);
        files.push(("msp/admincerts/admin.pem", admin, false));
    }
    for (name, from, secret) in files {
        builder = builder.add(File {
            name: name.to_owned(),
            content: Content::Kept(from),
            mode: if secret { 0o600 } else { 0o644 },
            secret,
        });
    }
    builder
}

export_plugin!(Msp);

#[cfg(test)]
mod tests;

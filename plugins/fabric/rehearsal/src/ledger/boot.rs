//! How a node's program begins: from the variables and the files of its container, as they are in a pod, and from nothing
//! else.

use chain_plugin_sdk::{Diagnostics, error};
use fabric_identity::certificate::Certificate;
use fabric_identity::check;
use fabric_identity::identity::Identity;
use fabric_identity::key::PrivateKey;

use super::Ledger;
use super::member::Membership;
use crate::pod::Container;

/// What a program has read when it begins.
#[derive(Debug, Clone)]
pub struct Started {
    /// Whether it is a peer; else it is an orderer.
    pub peer: bool,
    /// Its identity.
    pub identity: Identity,
    /// Its TLS certificate.
    pub tls: Certificate,
    /// What it knows of its own organisation.
    pub local: Membership,
    /// Block 0 of the system channel, for an orderer of 1.4.
    pub genesis: Option<Vec<u8>>,
}

/// With what a program shakes hands, all as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Its TLS certificate.
    pub certificate: String,
    /// The key of that.
    pub key: String,
    /// The root of that.
    pub root: String,
}

/// The variables that programs read what they begin with from.
struct Names {
    msp_id: &'static str,
    msp: &'static str,
    certificate: &'static str,
    key: &'static str,
    root: &'static str,
}

const PEER: Names = Names {
    msp_id: "CORE_PEER_LOCALMSPID",
    msp: "CORE_PEER_MSPCONFIGPATH",
    certificate: "CORE_PEER_TLS_CERT_FILE",
    key: "CORE_PEER_TLS_KEY_FILE",
    root: "CORE_PEER_TLS_ROOTCERT_FILE",
};

const ORDERER: Names = Names {
    msp_id: "ORDERER_GENERAL_LOCALMSPID",
    msp: "ORDERER_GENERAL_LOCALMSPDIR",
    certificate: "ORDERER_GENERAL_TLS_CERTIFICATE",
    key: "ORDERER_GENERAL_TLS_PRIVATEKEY",
    root: "ORDERER_GENERAL_TLS_ROOTCAS",
};

fn refuse(why: impl std::fmt::Display) -> Diagnostics {
    vec![error("boot", "", why.to_string())]
}

fn variable<'a>(container: &'a Container, name: &str) -> Result<&'a str, Diagnostics> {
    let found = container.env.get(name).map(String::as_str);
    found.ok_or_else(|| refuse(format!("{name} is not set")))
}

fn file(container: &Container, path: &str) -> Result<String, Diagnostics> {
    let found = container.files.get(path);
    let bytes = found.ok_or_else(|| refuse(format!("{path}: no such file")))?;
    String::from_utf8(bytes.clone()).map_err(|it| refuse(format!("{path}: {it}")))
}

/// The files right in a folder.
fn folder(container: &Container, path: &str) -> Result<Vec<String>, Diagnostics> {
    let inside = |it: &&String| {
        let rest = it.strip_prefix(path).and_then(|it| it.strip_prefix('/'));
        rest.is_some_and(|it| !it.contains('/'))
    };
    let all = container.files.keys().filter(inside);
    all.map(|it| file(container, it)).collect()
}

fn certificates(container: &Container, path: &str) -> Result<Vec<Certificate>, Diagnostics> {
    let all = folder(container, path)?;
    let read = |text: &String| Certificate::parse_pem(text).map_err(refuse);
    all.iter().map(read).collect()
}

impl Names {
    fn of(container: &Container) -> (&'static Self, bool) {
        let peer = container.env.contains_key(PEER.msp_id);
        (if peer { &PEER } else { &ORDERER }, peer)
    }
}

impl Door {
    /// Of the program in a container.
    ///
    /// # Errors
    /// A variable that is not set, a file that is not there.
    pub fn of(container: &Container) -> Result<Self, Diagnostics> {
        let (names, _) = Names::of(container);
        let read = |name: &str| {
            let path = variable(container, name)?;
            // Orderers take a list of roots.
            file(container, path.trim_matches(['[', ']']))
        };
        Ok(Self {
            certificate: read(names.certificate)?,
            key: read(names.key)?,
            root: read(names.root)?,
        })
    }
}

impl Started {
    /// Reads what the program in a container reads.
    ///
    /// # Errors
    /// A variable that is not set, a file that is not there, an identity that is not of the organisation: where the program
    /// would end.
    pub fn read(container: &Container) -> Result<Self, Diagnostics> {
        let (names, peer) = Names::of(container);
        let msp_id = variable(container, names.msp_id)?;
        let msp = variable(container, names.msp)?;
        let alone = |name: &str| {
            let mut all = folder(container, &format!("{msp}/{name}"))?.into_iter();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(refuse(format!("{msp}/{name} has not exactly one file"))),
            }
        };
        let options = file(container, &format!("{msp}/config.yaml")).unwrap_or_default();
        let local = Membership {
            msp_id: msp_id.to_owned(),
            roots: certificates(container, &format!("{msp}/cacerts"))?,
            between: certificates(container, &format!("{msp}/intermediatecerts"))?,
            admins: certificates(container, &format!("{msp}/admincerts"))?,
            node_ous: options.contains("Enable: true"),
        };
        let certificate = alone("signcerts")?;
        let read = Certificate::parse_pem(&certificate).map_err(refuse)?;
        check::chain(&read, &local.roots, &local.between).map_err(refuse)?;
        let key = PrivateKey::parse_pem(&alone("keystore")?).map_err(refuse)?;
        let tls = Certificate::parse_pem(&Door::of(container)?.certificate).map_err(refuse)?;
        let genesis = match container.env.get("ORDERER_GENERAL_GENESISFILE") {
            Some(path) => {
                let bytes = container.files.get(path).cloned();
                Some(bytes.ok_or_else(|| refuse(format!("{path}: no such file")))?)
            }
            None => None,
        };
        Ok(Self {
            peer,
            identity: Identity::new(msp_id, &certificate, key).map_err(refuse)?,
            tls,
            local,
            genesis,
        })
    }
}

impl Ledger {
    /// The program in a container begins as a node; one that was there before finds on its volume what it had.
    ///
    /// # Errors
    /// Where the program would end: see [`Started::read`].
    pub fn boot(&mut self, id: &str, container: &Container) -> Result<(), Diagnostics> {
        self.begin(id, Started::read(container)?)
    }
}

//! The files of membership providers: `config.yaml` and the trees that `cryptogen` lays out.
//!
//! Paths are relative to the folder of the organisation, node or user. Only files are listed:
//! `cryptogen` also makes empty folders (`admincerts` with `NodeOUs`), which no volume of Kubernetes
//! can hold and no node misses. Keys of Secrets cannot hold the `@` of a user's name: mount such
//! files with `items`.

mod tree;
mod units;

use thiserror::Error;

use self::tree::Tree;
use crate::certificate::Certificate;
use crate::check::{self, AuthorityError};
use crate::key::{KeyFileName, PrivateKey};

pub use tree::TreeFile;
pub use units::{NodeOus, config_yaml};

/// Why no tree can be laid out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MspError {
    /// A name that cannot be that of a file.
    #[error("name `{0}` cannot be a file's: expected letters, digits and . _ - @, not a dot first")]
    Name(String),
    /// Two files in the same place.
    #[error("two files are called `{0}`")]
    Twice(String),
    /// No root authority.
    #[error("membership provider has no root authority")]
    NoRoot,
    /// No administrators, and no units that would tell who is one.
    #[error("membership provider has neither an administrator's certificate nor node units")]
    NoAdministrator,
    /// An authority that no node takes.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A key that is not its certificate's.
    #[error("private key does not belong to the certificate of `{0}`")]
    ForeignKey(String),
}

/// A certificate and the name of its file, without `-cert.pem`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCertificate {
    /// `ca.<domain>`, `Admin@<domain>`: by habit the common name.
    pub name: String,
    /// The certificate.
    pub certificate: Certificate,
}

impl NamedCertificate {
    /// A certificate under a name.
    pub fn new(name: impl Into<String>, certificate: Certificate) -> Self {
        Self {
            name: name.into(),
            certificate,
        }
    }

    fn file(&self) -> String {
        format!("{}-cert.pem", self.name)
    }
}

/// A certificate and its key.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// Its key.
    pub key: &'a PrivateKey,
}

impl Pair<'_> {
    fn check(&self) -> Result<(), MspError> {
        if self.certificate.is_of(self.key.public()) {
            Ok(())
        } else {
            let subject = self.certificate.subject().to_string();
            Err(MspError::ForeignKey(subject))
        }
    }
}

/// The signing side of an organisation, as every one of its members verifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Msp {
    /// Authorities of identities, at least one.
    pub roots: Vec<NamedCertificate>,
    /// Authorities below them.
    pub intermediates: Vec<NamedCertificate>,
    /// Authorities of TLS.
    pub tls_roots: Vec<NamedCertificate>,
    /// Authorities below them.
    pub tls_intermediates: Vec<NamedCertificate>,
    /// Administrators by certificate. `cryptogen` lists none with node units; but below channel
    /// capability `V1_4_3` units make nobody an administrator, so that they are needed there.
    pub admins: Vec<NamedCertificate>,
    /// Whether units tell who is what.
    pub node_ous: NodeOus,
}

impl Msp {
    /// The provider of an organisation as `cryptogen` makes it: one authority for identities and one
    /// for TLS, called after the domain.
    #[must_use]
    pub fn of_domain(domain: &str, ca: Certificate, tls_ca: Certificate, ous: NodeOus) -> Self {
        Self {
            roots: vec![NamedCertificate::new(ca_name(domain), ca)],
            intermediates: Vec::new(),
            tls_roots: vec![NamedCertificate::new(tls_ca_name(domain), tls_ca)],
            tls_intermediates: Vec::new(),
            admins: Vec::new(),
            node_ous: ous,
        }
    }

    /// `config.yaml`; `None` where units tell nothing.
    #[must_use]
    pub fn config_yaml(&self) -> Option<String> {
        match self.node_ous {
            NodeOus::Off => None,
            NodeOus::AnyAuthority => Some(config_yaml(None)),
            NodeOus::FirstRoot => {
                let certificate = self
                    .roots
                    .first()
                    .map(|root| format!("cacerts/{}", root.file()));
                Some(config_yaml(certificate.as_deref()))
            }
        }
    }

    /// The verifying provider (`msp/` of an organisation): no keys.
    ///
    /// # Errors
    /// When authorities or administrators are missing, an authority is none, or a name cannot be a
    /// file's.
    pub fn verifying(&self) -> Result<Vec<TreeFile>, MspError> {
        let mut tree = Tree::default();
        self.write(&mut tree, &self.admins)?;
        Ok(tree.files)
    }

    /// A peer or orderer: `msp/` with its identity, `tls/` with its end of connections.
    ///
    /// # Errors
    /// As [`Self::verifying`], and when a key is not its certificate's.
    pub fn node(
        &self,
        name: &str,
        identity: Pair<'_>,
        tls: Pair<'_>,
        key_file: KeyFileName,
    ) -> Result<Vec<TreeFile>, MspError> {
        self.member(name, identity, Some(tls), key_file, "server", &self.admins)
    }

    /// A user: `msp/` with its identity, `tls/` where it has a certificate for that. Without node
    /// units the user is the administrator of its own folder, as `cryptogen` does it.
    ///
    /// # Errors
    /// As [`Self::verifying`], and when a key is not its certificate's.
    pub fn user(
        &self,
        name: &str,
        identity: Pair<'_>,
        tls: Option<Pair<'_>>,
        key_file: KeyFileName,
    ) -> Result<Vec<TreeFile>, MspError> {
        let own = [NamedCertificate::new(name, identity.certificate.clone())];
        let admins = if self.node_ous == NodeOus::Off {
            &own
        } else {
            self.admins.as_slice()
        };
        self.member(name, identity, tls, key_file, "client", admins)
    }

    fn member(
        &self,
        name: &str,
        identity: Pair<'_>,
        tls: Option<Pair<'_>>,
        key_file: KeyFileName,
        tls_name: &str,
        admins: &[NamedCertificate],
    ) -> Result<Vec<TreeFile>, MspError> {
        identity.check()?;
        let mut tree = Tree::default();
        self.write(&mut tree, admins)?;
        let key_name = key_file.of(identity.key.public());
        tree.key(format!("msp/keystore/{key_name}"), identity.key)?;
        let own = NamedCertificate::new(name, identity.certificate.clone());
        tree.certificates("msp/signcerts", &[own])?;
        if let Some(tls) = tls {
            tls.check()?;
            let roots: String = self
                .tls_roots
                .iter()
                .map(|root| root.certificate.to_pem())
                .collect();
            tree.public("tls/ca.crt".to_owned(), roots)?;
            tree.public(format!("tls/{tls_name}.crt"), tls.certificate.to_pem())?;
            tree.key(format!("tls/{tls_name}.key"), tls.key)?;
        }
        Ok(tree.files)
    }

    /// What all three trees have.
    fn write(&self, tree: &mut Tree, admins: &[NamedCertificate]) -> Result<(), MspError> {
        if self.roots.is_empty() {
            return Err(MspError::NoRoot);
        }
        if admins.is_empty() && self.node_ous == NodeOus::Off {
            return Err(MspError::NoAdministrator);
        }
        tree.certificates("msp/admincerts", admins)?;
        for (folder, authorities) in [
            ("msp/cacerts", &self.roots),
            ("msp/intermediatecerts", &self.intermediates),
            ("msp/tlscacerts", &self.tls_roots),
            ("msp/tlsintermediatecerts", &self.tls_intermediates),
        ] {
            for authority in authorities {
                check::authority(&authority.certificate)?;
            }
            tree.certificates(folder, authorities)?;
        }
        if let Some(text) = self.config_yaml() {
            tree.public("msp/config.yaml".to_owned(), text)?;
        }
        Ok(())
    }
}

/// Certificate and key of an authority: `ca/` or `tlsca/` of an organisation.
///
/// # Errors
/// When the key is not the certificate's, or the name cannot be a file's.
pub fn authority_tree(
    folder: AuthorityFolder,
    name: &str,
    authority: Pair<'_>,
    key_file: KeyFileName,
) -> Result<Vec<TreeFile>, MspError> {
    authority.check()?;
    let folder = match folder {
        AuthorityFolder::Ca => "ca",
        AuthorityFolder::TlsCa => "tlsca",
    };
    let mut tree = Tree::default();
    let named = NamedCertificate::new(name, authority.certificate.clone());
    tree.certificates(folder, &[named])?;
    let key_name = key_file.of(authority.key.public());
    tree.key(format!("{folder}/{key_name}"), authority.key)?;
    Ok(tree.files)
}

/// Which authority of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthorityFolder {
    /// That of identities.
    Ca,
    /// That of TLS.
    TlsCa,
}

/// How the authority of an organisation's identities is called: `ca.<domain>`.
#[must_use]
pub fn ca_name(domain: &str) -> String {
    format!("ca.{domain}")
}

/// How the authority of an organisation's TLS certificates is called: `tlsca.<domain>`.
#[must_use]
pub fn tls_ca_name(domain: &str) -> String {
    format!("tlsca.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{self, CaProfile, IdentityProfile, Issuer, TlsProfile};
    use crate::validity::Validity;
    use crate::vectors;

    fn key(number: u8) -> PrivateKey {
        PrivateKey::from_scalar(&[number; 32]).unwrap()
    }

    fn validity() -> Validity {
        Validity::cryptogen(1_795_195_560).unwrap()
    }

    fn authority(name: &str, number: u8) -> Certificate {
        let profile = CaProfile {
            organization: "org1".to_owned(),
            common_name: name.to_owned(),
            ..CaProfile::default()
        };
        issue::authority(&profile, &key(number), validity(), &[number; 16]).unwrap()
    }

    fn msp(ous: NodeOus) -> Msp {
        Msp::of_domain(
            "org1",
            authority("ca.org1", 1),
            authority("tlsca.org1", 2),
            ous,
        )
    }

    fn identity(name: &str, number: u8) -> Certificate {
        let profile = IdentityProfile {
            common_name: name.to_owned(),
            ..IdentityProfile::default()
        };
        let (ca, ca_key) = (authority("ca.org1", 1), key(1));
        Issuer::new(&ca, &ca_key)
            .unwrap()
            .identity(&profile, key(number).public(), validity(), &[3; 16])
            .unwrap()
    }

    fn tls(name: &str, number: u8) -> Certificate {
        let profile = TlsProfile {
            common_name: name.to_owned(),
            ..TlsProfile::default()
        };
        let (ca, ca_key) = (authority("tlsca.org1", 2), key(2));
        Issuer::new(&ca, &ca_key)
            .unwrap()
            .tls(&profile, key(number).public(), validity(), &[3; 16])
            .unwrap()
    }

    fn paths(files: &[TreeFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn config_yaml_names_four_units() {
        let pinned = msp(NodeOus::FirstRoot).config_yaml().unwrap();
        assert_eq!(
            pinned,
            "NodeOUs:
  Enable: true
  ClientOUIdentifier:
    Certificate: cacerts/ca.org1-cert.pem
    OrganizationalUnitIdentifier: client
  PeerOUIdentifier:
    Certificate: cacerts/ca.org1-cert.pem
    OrganizationalUnitIdentifier: peer
  AdminOUIdentifier:
    Certificate: cacerts/ca.org1-cert.pem
    OrganizationalUnitIdentifier: admin
  OrdererOUIdentifier:
    Certificate: cacerts/ca.org1-cert.pem
    OrganizationalUnitIdentifier: orderer
"
        );
        let any = msp(NodeOus::AnyAuthority).config_yaml().unwrap();
        let without: String = pinned
            .lines()
            .filter(|line| !line.contains("Certificate:"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(any, without);
        assert_eq!(msp(NodeOus::Off).config_yaml(), None);
    }

    #[test]
    fn trees_are_those_of_cryptogen() {
        let msp = msp(NodeOus::FirstRoot);
        let shared = [
            "msp/cacerts/ca.org1-cert.pem",
            "msp/tlscacerts/tlsca.org1-cert.pem",
            "msp/config.yaml",
        ];
        assert_eq!(paths(&msp.verifying().unwrap()), shared);

        let (certificate, tls) = (identity("peer0.org1", 3), tls("peer0.org1", 4));
        let (own_key, tls_key) = (key(3), key(4));
        let identity = Pair {
            certificate: &certificate,
            key: &own_key,
        };
        let tls = Pair {
            certificate: &tls,
            key: &tls_key,
        };
        let node = msp
            .node("peer0.org1", identity, tls, KeyFileName::PrivSk)
            .unwrap();
        let own = [
            "msp/keystore/priv_sk",
            "msp/signcerts/peer0.org1-cert.pem",
            "tls/ca.crt",
            "tls/server.crt",
            "tls/server.key",
        ];
        assert_eq!(paths(&node), [&shared[..], &own].concat());
        for file in &node {
            let is_key = ["msp/keystore/priv_sk", "tls/server.key"].contains(&file.path.as_str());
            assert_eq!(file.secret, is_key);
            assert_eq!(file.mode, if is_key { 0o600 } else { 0o644 });
            let text = std::str::from_utf8(&file.bytes).unwrap();
            assert_eq!(text.contains("PRIVATE KEY"), is_key);
            assert!(!format!("{file:?}").contains("PRIVATE"));
        }
        let named = |path: &str| node.iter().find(|file| file.path == path).unwrap();
        assert_eq!(
            named("tls/ca.crt").bytes.as_slice(),
            msp.tls_roots[0].certificate.to_pem().as_bytes()
        );
        assert_eq!(
            named("tls/server.key").bytes.as_slice(),
            tls_key.to_pem().as_bytes()
        );

        let user = msp
            .user("User1@org1", identity, None, KeyFileName::Ski)
            .unwrap();
        let key_path = format!("msp/keystore/{}_sk", hex::encode(own_key.public().ski()));
        assert_eq!(
            paths(&user)[3..],
            [key_path.as_str(), "msp/signcerts/User1@org1-cert.pem"]
        );

        let (ca, ca_key) = (&msp.roots[0].certificate, key(1));
        let pair = Pair {
            certificate: ca,
            key: &ca_key,
        };
        let files = authority_tree(AuthorityFolder::Ca, "ca.org1", pair, KeyFileName::PrivSk);
        assert_eq!(
            paths(&files.unwrap()),
            ["ca/ca.org1-cert.pem", "ca/priv_sk"]
        );
    }

    #[test]
    fn without_units_administrators_are_listed() {
        let mut msp = msp(NodeOus::Off);
        assert_eq!(msp.verifying().err(), Some(MspError::NoAdministrator));
        let admin = NamedCertificate::new("Admin@org1", identity("Admin@org1", 5));
        msp.admins.push(admin.clone());
        let files = msp.verifying().unwrap();
        assert_eq!(
            paths(&files),
            [
                "msp/admincerts/Admin@org1-cert.pem",
                "msp/cacerts/ca.org1-cert.pem",
                "msp/tlscacerts/tlsca.org1-cert.pem",
            ]
        );
        assert_eq!(
            files[0].bytes.as_slice(),
            admin.certificate.to_pem().as_bytes()
        );

        let (certificate, own_key) = (identity("User1@org1", 6), key(6));
        let pair = Pair {
            certificate: &certificate,
            key: &own_key,
        };
        let user = msp
            .user("User1@org1", pair, None, KeyFileName::Ski)
            .unwrap();
        assert_eq!(user[0].path, "msp/admincerts/User1@org1-cert.pem");
    }

    #[test]
    fn what_no_node_takes_is_refused() {
        let good = msp(NodeOus::AnyAuthority);
        let mut wrong = good.clone();
        wrong.roots.clear();
        assert_eq!(wrong.verifying().err(), Some(MspError::NoRoot));
        let mut wrong = good.clone();
        wrong.tls_roots[0].certificate = vectors::certificate("peer0-tls-server.crt");
        assert!(matches!(
            wrong.verifying(),
            Err(MspError::Authority(AuthorityError::NotMarked(_)))
        ));
        let mut wrong = good.clone();
        wrong.roots.push(good.roots[0].clone());
        assert!(matches!(wrong.verifying(), Err(MspError::Twice(_))));
        for name in [
            "", ".", "..", "..data", "a/b", "a b", "a\n", "\u{e9}", "a:b",
        ] {
            let mut wrong = good.clone();
            wrong.roots[0].name = name.to_owned();
            assert_eq!(
                wrong.verifying().err(),
                Some(MspError::Name(name.to_owned()))
            );
        }
        let (certificate, other) = (identity("p", 3), key(4));
        let pair = Pair {
            certificate: &certificate,
            key: &other,
        };
        assert!(matches!(
            good.user("p", pair, None, KeyFileName::PrivSk),
            Err(MspError::ForeignKey(_))
        ));
    }
}

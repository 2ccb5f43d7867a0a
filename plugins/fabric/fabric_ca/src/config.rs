//! `fabric-ca-server-config.yaml`, as `fabric-ca-server` 1.5 reads it.

use serde_json::json;

/// What stands for the password until the pod starts.
pub const PASSWORD_MARK: &str = "%CA_ADMIN_PASSWORD%";

/// How the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Without TLS.
    Off,
    /// With a certificate that the server signs itself at each start, for these names.
    OfItsOwn(Vec<String>),
    /// With a certificate and a key that were made for it: their paths.
    Given {
        /// Path of the certificate.
        certificate: String,
        /// Path of the key.
        key: String,
    },
}

/// What differs between two CA servers.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the CA, by which clients mean it.
    pub name: String,
    /// Path of the CA's certificate.
    pub certificate: String,
    /// Path of the key.
    pub key: String,
    /// A folder in memory for keys and what is made anew at each start.
    pub memory: String,
    /// Name of the first administrator.
    pub admin: String,
    /// How the server listens.
    pub tls: Tls,
    /// How long certificates of identities are valid, as Go writes durations.
    pub expiry: String,
    /// How long TLS certificates are valid.
    pub tls_expiry: String,
    /// How often a password can be used to enrol; -1 for no limit.
    pub max_enrollments: i32,
}

impl Config {
    /// The text of the file. Strings are quoted as JSON quotes them, which YAML reads.
    ///
    /// The version is the oldest of the line: a server refuses a file that is newer than itself, whatever is in it. The
    /// folder `msp` is in memory, by a link: the server copies the CA's key there, which shall lie on no volume, and looks
    /// nowhere else for the key of its own TLS certificate.
    pub fn text(&self) -> String {
        let quoted = |text: &str| json!(text).to_string();
        let path = |file: &str| quoted(&format!("{}/{file}", self.memory));
        let (enabled, certificate, key) = match &self.tls {
            Tls::Off => (false, quoted(""), quoted("")),
            // Without a key's name the server makes both, and keeps the key with its others.
            Tls::OfItsOwn(_) => (true, path("tls-cert.pem"), quoted("")),
            Tls::Given { certificate, key } => (true, quoted(certificate), quoted(key)),
        };
        let hosts: Vec<String> = match &self.tls {
            Tls::OfItsOwn(hosts) => hosts.iter().map(|host| quoted(host)).collect(),
            _ => Vec::new(),
        };
        let Self {
            max_enrollments,
            expiry,
            tls_expiry,
            ..
        } = self;
        let (name, ca_certificate, ca_key) = (
            quoted(&self.name),
            quoted(&self.certificate),
            quoted(&self.key),
        );
        let (admin, hosts) = (quoted(&self.admin), hosts.join(", "));
        format!(
            "version: 1.5.0
port: 7054
debug: false
crlsizelimit: 512000
tls:
  enabled: {enabled}
  certfile: {certificate}
  keyfile: {key}
  clientauth:
    type: noclientcert
ca:
  name: {name}
  certfile: {ca_certificate}
  keyfile: {ca_key}
crl:
  expiry: 24h
registry:
  maxenrollments: {max_enrollments}
  identities:
    - name: {admin}
      pass: \"{PASSWORD_MARK}\"
      type: client
      affiliation: \"\"
      attrs:
        hf.Registrar.Roles: \"*\"
        hf.Registrar.DelegateRoles: \"*\"
        hf.Registrar.Attributes: \"*\"
        hf.Revoker: true
        hf.GenCRL: true
        hf.AffiliationMgr: true
db:
  type: sqlite3
  datasource: fabric-ca-server.db
signing:
  default:
    usage:
      - digital signature
    expiry: {expiry}
  profiles:
    tls:
      usage:
        - signing
        - key encipherment
        - server auth
        - client auth
        - key agreement
      expiry: {tls_expiry}
csr:
  keyrequest:
    algo: ecdsa
    size: 256
  hosts: [{hosts}]
cfg:
  identities:
    passwordattempts: 10
bccsp:
  default: SW
  sw:
    hash: SHA2
    security: 256
    filekeystore:
      keystore: msp/keystore
operations:
  listenAddress: 127.0.0.1:9443
metrics:
  provider: disabled
"
        )
    }
}

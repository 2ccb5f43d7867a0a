//! Certificates that `cryptogen` 2.5.16 made, one of each profile.

use crate::Certificate;

macro_rules! texts {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../tests/fixtures/certs25/", $name)))),*]
    };
}

/// File name and content.
pub const CERTIFICATES: [(&str, &str); 5] = texts![
    "ca.org1-cert.pem",
    "tlsca.org1-cert.pem",
    "peer0.org1-cert.pem",
    "Admin@org1-cert.pem",
    "peer0-tls-server.crt"
];

/// One of them, read.
pub fn certificate(name: &str) -> Certificate {
    let (_, text) = CERTIFICATES
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    Certificate::parse_pem(text).unwrap()
}

//! Units of certificates that tell who is what: `config.yaml`.

use core::fmt::Write as _;

use crate::check::Role;

/// Whether units of certificates tell who is what (`NodeOUs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeOus {
    /// They do not: no `config.yaml`, and administrators are listed in `admincerts`.
    Off,
    /// They do, and any authority of the provider may certify them.
    AnyAuthority,
    /// They do, and the first root authority certifies them: what `cryptogen` writes.
    FirstRoot,
}

/// `config.yaml` with all four node units, `certificate` (relative to the provider's folder) being
/// the authority that certifies them, or any where there is none. The path is written as it is.
pub fn config_yaml(certificate: Option<&str>) -> String {
    let mut out = "NodeOUs:\n  Enable: true\n".to_owned();
    for (role, key) in Role::ALL.into_iter().zip([
        "ClientOUIdentifier",
        "PeerOUIdentifier",
        "AdminOUIdentifier",
        "OrdererOUIdentifier",
    ]) {
        // Writing to a text does not fail.
        let _ = writeln!(out, "  {key}:");
        if let Some(path) = certificate {
            let _ = writeln!(out, "    Certificate: {path}");
        }
        let _ = writeln!(out, "    OrganizationalUnitIdentifier: {role}");
    }
    out
}

//! Which hosts a certificate is for, by the rules of Go's `VerifyHostname`.

use core::net::IpAddr;

/// Whether names or addresses cover a host. An address is compared with addresses only. Names are
/// compared without regard to case; when both are proper host names, `*` may stand for the first
/// label and a dot at the host's end does not count; others must be the same.
pub fn covers(names: &[String], addresses: &[IpAddr], host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = address.to_canonical();
        return addresses.iter().any(|own| own.to_canonical() == address);
    }
    let proper_host = is_host_name(host.strip_suffix('.').unwrap_or(host), false);
    names.iter().any(|name| {
        if proper_host && is_host_name(name, true) {
            matches(name, host.strip_suffix('.').unwrap_or(host))
        } else {
            !["", "."].contains(&name.as_str()) && name.eq_ignore_ascii_case(host)
        }
    })
}

fn matches(pattern: &str, host: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("*.") {
        return host
            .split_once('.')
            .is_some_and(|(_, after)| after.eq_ignore_ascii_case(rest));
    }
    // A lone star stands for a name of one label.
    (pattern == "*" && !host.contains('.')) || pattern.eq_ignore_ascii_case(host)
}

/// Labels of letters, digits, `_` and, not first, `-`; in a pattern the first may be a star.
fn is_host_name(name: &str, is_pattern: bool) -> bool {
    name.split('.').enumerate().all(|(place, label)| {
        if is_pattern && place == 0 && label == "*" {
            return true;
        }
        !label.is_empty()
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(name: &str, host: &str) -> bool {
        covers(&[name.to_owned()], &[], host)
    }

    #[test]
    fn names() {
        for (name, host) in [
            ("peer0.org1", "peer0.org1"),
            ("peer0.org1", "PEER0.Org1."),
            ("Peer0.Org1", "peer0.org1"),
            ("*.org1", "peer0.org1"),
            ("*.org1.svc", "peer0.org1.svc."),
            ("*", "localhost"),
            ("a_b", "a_b"),
            ("odd name", "odd name"),
            ("odd name.", "odd name."),
        ] {
            assert!(covered(name, host), "{name} {host}");
        }
        for (name, host) in [
            ("peer0.org1", "peer1.org1"),
            ("peer0.org1", "peer0"),
            ("*.org1", "a.b.org1"),
            ("*.org1", "org1"),
            ("*.org1", ".org1"),
            ("*", "a.b"),
            ("p*.org1", "peer0.org1"),
            ("peer0.*", "peer0.org1"),
            ("peer0.org1.", "peer0.org1"),
            ("", ""),
            (".", "."),
            ("peer0", ""),
            ("127.0.0.1", "127.0.0.1"),
            ("peer0", "peer0:7051"),
        ] {
            assert!(!covered(name, host), "{name} {host}");
        }
    }

    #[test]
    fn addresses() {
        let addresses = ["127.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
        for host in [
            "127.0.0.1",
            "[127.0.0.1]",
            "::ffff:127.0.0.1",
            "fd00::1",
            "[fd00:0:0::1]",
        ] {
            assert!(covers(&[], &addresses, host), "{host}");
        }
        for host in ["127.0.0.2", "::1", "localhost", "127.0.0.01", ""] {
            assert!(!covers(&[], &addresses, host), "{host}");
        }
    }
}

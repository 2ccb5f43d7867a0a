//! Names and paths that Kubernetes takes: refused here with a reason, not later by a pod that never starts.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Longest name of a workload: Kubernetes puts a hash behind it in a label of 63 characters. A longer one is accepted
/// and its pods are never made.
pub const WORKLOAD_MAX: usize = 52;

/// A DNS label of at most `max` characters: lower-case letters, digits and `-`, a letter or digit at both ends.
pub fn label(name: &str, max: usize) -> Result<(), String> {
    if name.is_empty() || name.len() > max {
        return Err(format!(
            "name {name} has {} characters, at most {max} fit",
            name.len()
        ));
    }
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inside = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if inside && ends(name.chars().next()) && ends(name.chars().last()) {
        return Ok(());
    }
    Err(format!(
        "name {name} may have lower-case letters, digits and '-' only, with a letter or digit at both ends"
    ))
}

/// The name of a Service: a DNS label of 63 that starts with a letter.
pub fn service(name: &str) -> Result<(), String> {
    label(name, 63)?;
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("name {name} of a Service starts with a digit"));
    }
    Ok(())
}

/// The name of any other object: DNS labels joined by dots, 253 characters.
pub fn subdomain(name: &str) -> Result<(), String> {
    if name.len() > 253 {
        return Err(format!(
            "name {name} has {} characters, at most 253 fit",
            name.len()
        ));
    }
    name.split('.').try_for_each(|part| label(part, 253))
}

/// The value of a label: 63 characters of letters, digits, `-`, `_`, `.`, a letter or digit at both ends.
pub fn label_value(value: &str) -> Result<(), String> {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inside = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if value.len() <= 63 && inside && ends(value.chars().next()) && ends(value.chars().last()) {
        return Ok(());
    }
    Err(format!("{value} cannot be the value of a label"))
}

/// A path in a container: absolute and normal, not the root, and not where the kernel and the kubelet live.
pub fn container_path(path: &str) -> Result<(), String> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err("a path in a container is absolute".to_owned());
    };
    components(rest)?;
    if path.contains(':') {
        return Err("a path in a container has no ':'".to_owned());
    }
    for taken in [
        "/proc",
        "/sys",
        "/dev",
        "/var/run/secrets",
        "/run/secrets",
        "/chain",
    ] {
        if beneath(path, taken) || beneath(taken, path) {
            return Err(format!("nothing can be mounted at {path}"));
        }
    }
    Ok(())
}

/// The name of a file, an item or a folder: relative and normal.
pub fn relative(name: &str) -> Result<(), String> {
    components(name)?;
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "._-@+/".contains(c));
    if let Some(c) = name.chars().find(|c| odd(*c)) {
        return Err(format!("name {name:?} has the character {c:?}"));
    }
    Ok(())
}

fn components(path: &str) -> Result<(), String> {
    for part in path.split('/') {
        if part.is_empty() || part == "." || part == ".." {
            return Err(format!("{path:?} is not a normal path"));
        }
        if part.len() > 255 || part.chars().any(char::is_control) {
            return Err(format!("{path:?} has a component that no file can have"));
        }
    }
    Ok(())
}

/// Whether `path` is `folder` or lies in it.
pub fn beneath(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.ends_with('/'))
}

/// The folder of a path: `/a/b` is in `/a`.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(head, _)| head)
}

/// The name of an environment variable.
pub fn variable(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Ok(());
    }
    Err(format!("{name:?} is no name of an environment variable"))
}

/// A key of a `ConfigMap` or Secret for a file: `role.name`, or `role.instance.name`, with characters that Kubernetes
/// refuses replaced. Not unique by itself, see [`hashed_key`].
pub fn data_key(role: &str, instance: &str, name: &str) -> String {
    let mut key = role.to_owned();
    if instance != role {
        key.push('.');
        key.push_str(instance);
    }
    key.push('.');
    let clean = |c: char| match c {
        '/' => '_',
        c if c.is_ascii_alphanumeric() || "._-".contains(c) => c,
        _ => '-',
    };
    key.extend(name.chars().map(clean));
    key.truncate(240);
    key
}

/// The same with a hash of what it stands for: for the second of two files whose keys would be equal.
pub fn hashed_key(role: &str, instance: &str, name: &str) -> String {
    let hash = short_hash(&[role, instance, name], 8);
    format!("{}-{hash}", data_key(role, instance, name))
}

/// The first `digits` hex digits of a SHA-256 over texts, each with its length.
pub fn short_hash(parts: &[&str], digits: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex_prefix(&hash.finalize(), digits)
}

/// The first hex digits of bytes.
pub fn hex_prefix(bytes: &[u8], digits: usize) -> String {
    let mut out = String::with_capacity(digits + 1);
    for byte in bytes.iter().take(digits.div_ceil(2)) {
        // Writing into a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out.truncate(digits);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_name_has_52_characters_at_most() {
        assert!(label(&"a".repeat(52), WORKLOAD_MAX).is_ok());
        assert_eq!(
            label(&"a".repeat(53), WORKLOAD_MAX).unwrap_err(),
            format!("name {} has 53 characters, at most 52 fit", "a".repeat(53))
        );
    }

    #[test]
    fn a_service_starts_with_a_letter() {
        assert!(service("c-0").is_ok());
        assert!(service("0-c").is_err());
        assert!(service("c_0").is_err());
    }

    #[test]
    fn paths_are_normal_and_outside_of_the_kernels_folders() {
        for bad in [
            "/",
            "data",
            "/data/",
            "/a/../b",
            "/etc/../proc/1",
            "/proc/1",
            "/var/run",
            "/a//b",
            "/a:b",
            "/dev/x",
            "/a\n",
        ] {
            assert!(container_path(bad).is_err(), "{bad}");
        }
        for good in ["/data", "/kms/key_file", "/procfs", "/var/lib/x"] {
            assert!(container_path(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "../a", "a b", "a\tb"] {
            assert!(relative(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_valid_and_hashes_keep_them_apart() {
        assert_eq!(
            data_key("peer", "peer", "msp/signcerts/a@b.pem"),
            "peer.msp_signcerts_a-b.pem"
        );
        assert_eq!(data_key("client", "two", "x"), "client.two.x");
        assert_ne!(hashed_key("a", "b", "c/d"), hashed_key("a", "b", "c_d"));
    }
}

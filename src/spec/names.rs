//! Names that Kubernetes accepts.

/// Longest name of a chain: leaves room for node and object suffixes in 52 characters.
pub const CHAIN_NAME: usize = 40;

/// Why `name` is not a DNS-1035 label of at most `most` characters, if it is not.
pub fn not_a_label(name: &str, most: usize) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.len() > most {
        return Some(format!(
            "it has {} characters, at most {most} fit",
            name.len()
        ));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must begin with a lower-case letter".to_owned());
    }
    if name.ends_with('-') {
        return Some("it must not end with `-`".to_owned());
    }
    name.chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
        .map(|c| format!("`{c}` is not a lower-case letter, digit or `-`"))
}

/// Why `name` is not a DNS-1123 subdomain (dots allowed), if it is not: names of claims, classes, secrets.
pub fn not_a_subdomain(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > 253 {
        return Some("it must have 1 to 253 characters".to_owned());
    }
    let fine = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    (!name.split('.').all(fine))
        .then(|| "only lower-case letters, digits, `-` and `.` are allowed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_lower_case_and_short() {
        assert_eq!(not_a_label("test-chain", 40), None);
        assert!(not_a_label("Test", 40).unwrap().contains("lower-case"));
        assert!(not_a_label("1chain", 40).is_some());
        assert!(not_a_label("chain_a", 40).unwrap().contains('_'));
        assert!(not_a_label("chain-", 40).is_some());
        assert!(not_a_label(&"a".repeat(41), 40).unwrap().contains("41"));
    }

    #[test]
    fn claims_may_have_dots_but_no_underscore() {
        assert_eq!(not_a_subdomain("data.local-pvc"), None);
        assert!(not_a_subdomain("cluster0_pvc").is_some());
        assert!(not_a_subdomain("a..b").is_some());
    }
}

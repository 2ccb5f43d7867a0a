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

/// Why `name` is no name of a namespace, if it is none.
pub fn not_a_namespace(name: &str) -> Option<String> {
    if name.len() > 63 || name.contains('.') {
        return Some("at most 63 lower-case letters, digits and `-`".to_owned());
    }
    not_a_subdomain(name)
}

/// Why `image` is no reference of an image, if it is none: a coarse check of what no registry takes.
pub fn not_an_image(image: &str) -> Option<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    (image.is_empty() || !image.chars().all(fine)).then(|| {
        "expected letters, digits, `.`, `_`, `-`, `/`, `:` and `@`, e.g. registry.example/name:v1".to_owned()
    })
}

/// Why `text` is no quantity of Kubernetes, if it is none: `10Gi`, `500m`, `1.5`, `2e3`.
pub fn not_a_quantity(text: &str) -> Option<String> {
    let number = text.trim_start_matches(['+', '-']);
    let end = number
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(number.len());
    let (digits, suffix) = number.split_at(end);
    let plain = digits.contains(|c: char| c.is_ascii_digit())
        && digits.matches('.').count() <= 1
        && number.len() + 1 >= text.len();
    let exponent = suffix
        .strip_prefix(['e', 'E'])
        .is_some_and(|rest| rest.parse::<i16>().is_ok());
    let known = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    (!(plain && (exponent || known.contains(&suffix))))
        .then(|| "expected a quantity such as 10Gi, 500m or 2".to_owned())
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
    fn quantities_are_those_of_kubernetes() {
        for fine in [
            "10Gi", "500m", "1.5", ".5", "2e3", "1E6", "0", "+1", "64M", "5k",
        ] {
            assert_eq!(not_a_quantity(fine), None, "{fine}");
        }
        for wrong in [
            "10G1", "5foo", "64Mb", "", "Gi", "1.2.3", "ten", "1 Gi", "--1", "1e",
        ] {
            assert!(not_a_quantity(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn namespaces_and_images_are_checked() {
        assert_eq!(not_a_namespace("1st-team"), None);
        for wrong in ["Foo_Bar", "a b", "a.b", "-a", ""] {
            assert!(not_a_namespace(wrong).is_some(), "{wrong}");
        }
        assert_eq!(
            not_an_image("registry.example:5000/a/b_c:v1@sha256:00"),
            None
        );
        assert!(not_an_image("bad image").is_some());
    }

    #[test]
    fn claims_may_have_dots_but_no_underscore() {
        assert_eq!(not_a_subdomain("data.local-pvc"), None);
        assert!(not_a_subdomain("cluster0_pvc").is_some());
        assert!(not_a_subdomain("a..b").is_some());
    }
}

//! Names of organisations, nodes and their objects.

pub use fabric_service::names::WORKLOAD;

/// Longest name of a Service or a namespace.
pub const LABEL: usize = 63;

/// The name of an organisation in channels when the user gives none: `org1` is `Org1MSP`, `my-bank` is `MyBankMSP`.
pub fn msp_id(org: &str) -> String {
    let words = org.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<String>() + "MSP"
}

/// Why a name is no label of RFC 1035, as Services and namespaces need it.
pub fn not_a_label(name: &str) -> Option<String> {
    if name.len() > LABEL {
        return Some(format!(
            "it has {} characters, at most {LABEL} fit",
            name.len()
        ));
    }
    fabric_service::names::not_a_label(name)
}

/// The label nearest to what the user wrote, for a hint: `Org.One` becomes `org-one`.
pub fn as_label(name: &str) -> String {
    let clean = |c: char| match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        'a'..='z' | '0'..='9' => c,
        _ => '-',
    };
    let text: String = name.chars().map(clean).take(LABEL).collect();
    text.trim_matches(|c: char| c == '-' || c.is_ascii_digit())
        .to_owned()
}

/// Why a name is none of a channel: lower-case letters, digits, `.` and `-`, at most 249, a letter first.
pub fn not_a_channel(name: &str) -> Option<String> {
    if name.len() > 249 {
        return Some(format!("it has {} characters, at most 249 fit", name.len()));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must begin with a lower-case letter".to_owned());
    }
    name.chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-')))
        .map(|c| format!("`{c}` is not a lower-case letter, digit, `.` or `-`"))
}

/// Why a text is no MSP id that a channel and its policies can have: letters, digits, `.` and `-`, at most 249.
pub fn not_an_msp_id(id: &str) -> Option<String> {
    if id.len() > 249 {
        return Some(format!("it has {} characters, at most 249 fit", id.len()));
    }
    if matches!(id, "" | "." | "..") {
        return Some("letters and digits are expected".to_owned());
    }
    id.chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
        .map(|c| format!("`{c}` is not a letter, digit, `.` or `-`"))
}

/// Why a name is none of a chaincode: letters, digits, and `-` or `_` between them.
pub fn not_a_chaincode(name: &str) -> Option<String> {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if ends(name.chars().next()) && ends(name.chars().last()) && name.chars().all(inside) {
        None
    } else {
        Some("letters and digits, with `-` or `_` between them".to_owned())
    }
}

/// Why a version is none of a chaincode: letters, digits, `_`, `.`, `+` and `-`.
pub fn not_a_version(version: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
    if !version.is_empty() && version.chars().all(allowed) {
        None
    } else {
        Some("letters, digits, `_`, `.`, `+` and `-`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_has_a_name_in_channels() {
        assert_eq!(msp_id("org1"), "Org1MSP");
        assert_eq!(msp_id("my-bank"), "MyBankMSP");
        assert_eq!(msp_id("orderer"), "OrdererMSP");
    }

    #[test]
    fn names_that_kubernetes_or_fabric_refuse_are_told_why() {
        for good in ["org1", "a", "my-bank"] {
            assert_eq!(not_a_label(good), None, "{good}");
        }
        for bad in ["Org1", "org.one", "1org", "org-", "", &"a".repeat(64)] {
            assert!(not_a_label(bad).is_some(), "{bad}");
        }
        assert_eq!(as_label("Org.One"), "org-one");
        assert_eq!(not_a_channel("my.channel-1"), None);
        assert!(not_a_channel("MyChannel").is_some());
        assert_eq!(not_an_msp_id("Org1.MSP-x"), None);
        for bad in ["", "..", "Org_1", "a b", "Org/1", &"a".repeat(250)] {
            assert!(not_an_msp_id(bad).is_some(), "{bad}");
        }
        assert_eq!(not_a_chaincode("asset_Transfer-1"), None);
        assert!(not_a_chaincode("_x").is_some());
        assert_eq!(not_a_version("1.0+x"), None);
        assert!(not_a_version("1/0").is_some());
    }
}

//! The version of the server.

use serde_json::Value;

use super::Finding;

/// The oldest Kubernetes that is supported: major, minor.
pub const MINIMUM_KUBERNETES: (u32, u32) = (1, 30);

pub(super) fn check_version(version: &Value) -> Option<Finding> {
    let number = |key: &str| -> Option<u32> {
        let digits: String = version
            .get(key)?
            .as_str()?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    };
    let (Some(major), Some(minor)) = (number("major"), number("minor")) else {
        return Some(Finding::warning(
            "the server does not tell its version".to_owned(),
            None,
        ));
    };
    ((major, minor) < MINIMUM_KUBERNETES).then(|| {
        Finding::error(
            format!(
                "the server is Kubernetes {major}.{minor}; {}.{} or later is needed",
                MINIMUM_KUBERNETES.0, MINIMUM_KUBERNETES.1
            ),
            None,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn old_servers_are_refused() {
        assert!(check_version(&json!({"major": "1", "minor": "29+"})).is_some());
        assert!(check_version(&json!({"major": "1", "minor": "30"})).is_none());
        assert!(check_version(&json!({"major": "2", "minor": "0"})).is_none());
    }
}

//! Versions of clients and privacy managers, compared as numbers.
//!
//! The original compares them as text, so that 10.0 would be earlier than 2.6 and 20.10 is later
//! only by luck. Image tags have a `v` or not, two numbers or three, and sometimes a suffix.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// A version. A pre-release (`-rc1`) is earlier than its release; other suffixes are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    pre_release: Option<String>,
}

/// A tag that names no version, as `latest` or `develop`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} names no version: expected numbers as in 22.7.1")]
pub struct VersionError(String);

impl Version {
    /// A release.
    #[must_use]
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self {
            major,
            minor,
            patch,
            pre_release: None,
        }
    }

    /// The version in the tag of an image reference: `quorumengineering/quorum:22.7.1`, with a
    /// registry and its port before it, a digest after it, or neither.
    ///
    /// # Errors
    /// When there is no tag, or it names no version.
    pub fn of_image(reference: &str) -> Result<Self, VersionError> {
        let refused = || VersionError(reference.to_owned());
        let name = reference.split('@').next().unwrap_or_default();
        let last = name.rsplit('/').next().unwrap_or_default();
        let (_, tag) = last.split_once(':').ok_or_else(refused)?;
        tag.parse().map_err(|_| refused())
    }

    const fn numbers(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads `2.7.0`, `v2.7.0`, `0.11`, `22.7.1-rc2`, `20.10.0-alpine`; two numbers at least.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || VersionError(text.to_owned());
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (numbers, suffix) = match rest.split_once(['-', '+']) {
            Some((numbers, suffix)) => (numbers, Some(suffix)),
            None => (rest, None),
        };
        let mut parts = numbers.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u64>().ok()).flatten()
        });
        let mut next = || {
            parts
                .next()
                .map(|part| part.ok_or_else(refused))
                .transpose()
        };
        let major = next()?.ok_or_else(refused)?;
        let minor = next()?.ok_or_else(refused)?;
        let patch = next()?.unwrap_or_default();
        if next()?.is_some() {
            return Err(refused());
        }
        let pre_release = suffix
            .filter(|suffix| {
                ["rc", "alpha", "beta", "snapshot", "pre"]
                    .iter()
                    .any(|word| suffix.to_ascii_lowercase().starts_with(word))
            })
            .map(str::to_owned);
        Ok(Self {
            major,
            minor,
            patch,
            pre_release,
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers().cmp(&other.numbers());
        numbers.then_with(|| match (&self.pre_release, &other.pre_release) {
            (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(two)) => (one.len(), one).cmp(&(two.len(), two)),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        match &self.pre_release {
            Some(suffix) => write!(f, "-{suffix}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_compared_not_text() {
        let ascending = [
            "0.7",
            "0.10.6",
            "0.11",
            "1.0.0",
            "2.5.0",
            "2.6.0",
            "2.7.0",
            "10.0.0",
            "20.10.0",
            "21.7.1",
            "22.1.0",
            "22.4.0-rc1",
            "22.4.0-rc2",
            "22.4.0-rc10",
            "22.4.0",
            "24.4.1",
        ];
        for (one, two) in ascending.iter().zip(ascending.iter().skip(1)) {
            assert!(version(one) < version(two), "{one} {two}");
        }
    }

    #[test]
    fn every_spelling_of_a_tag_is_read() {
        assert_eq!(version("v2.7.0"), Version::new(2, 7, 0));
        assert_eq!(version("0.11"), Version::new(0, 11, 0));
        assert_eq!(version("20.10.0-alpine"), Version::new(20, 10, 0));
        for image in [
            "quorumengineering/quorum:22.7.1",
            "registry.example:5000/team/quorum:v22.7.1",
            "quorum:22.7.1@sha256:00",
        ] {
            assert_eq!(Version::of_image(image), Ok(Version::new(22, 7, 1)));
        }
    }

    #[test]
    fn other_tags_are_refused() {
        for wrong in ["", "latest", "2", "2.", "2.x", "1.2.3.4", "-1.2", "+1.2"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
        for wrong in ["quorum", "registry.example:5000/quorum", "quorum:latest"] {
            assert!(Version::of_image(wrong).is_err(), "{wrong}");
        }
    }
}

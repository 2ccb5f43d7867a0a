//! `istanbul-validator-config.toml`: the validators, as the generator of extra data and the helper
//! scripts of the original read them.
//!
//! A vanity and a list with one quoted address a line. Scripts find addresses by lines that hold
//! `0x` after the word `validators`, so the layout is part of the format.

use thiserror::Error;

use crate::address::{Address, AddressError};
use crate::extra_data::{ExtraDataError, VANITY_LENGTH, vanity};

/// Why a text is no such file.
#[derive(Debug, Error)]
pub enum ValidatorsTomlError {
    /// No list of validators.
    #[error("the file has no list of validators")]
    NoList,
    /// A vanity that is no hex, or too long.
    #[error(transparent)]
    Vanity(#[from] ExtraDataError),
    /// A validator that is no address.
    #[error("validator {index} is no address")]
    Validator {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: AddressError,
    },
}

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorsToml {
    /// 32 bytes that mean nothing.
    pub vanity: [u8; VANITY_LENGTH],
    /// The addresses of the validators' node keys: one's own in the order of the configuration,
    /// then those of others.
    pub validators: Vec<Address>,
}

impl ValidatorsToml {
    /// The exact content that the original writes, with its vanity of `0x00`.
    #[must_use]
    pub fn render(validators: &[Address]) -> String {
        let lines: String = validators.iter().map(|v| format!("\"{v}\",\n")).collect();
        format!("vanity = \"0x00\"\nvalidators = [\n{lines}]\n")
    }

    /// Reads the file, whatever its layout: only these two keys mean anything.
    ///
    /// # Errors
    /// When there is no list, or an entry is no address.
    pub fn parse(text: &str) -> Result<Self, ValidatorsTomlError> {
        let uncommented: String = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        let value = |key: &str| {
            let (_, after) = uncommented.split_once(key)?;
            after.trim_start().strip_prefix('=')
        };
        let list = value("validators")
            .and_then(|after| after.trim_start().strip_prefix('['))
            .and_then(|after| after.split_once(']'))
            .map(|(list, _)| list)
            .ok_or(ValidatorsTomlError::NoList)?;
        let entries = list
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let validators = entries.enumerate().map(|(index, entry)| {
            entry
                .trim_matches(['"', '\''])
                .parse()
                .map_err(|source| ValidatorsTomlError::Validator { index, source })
        });
        let given = value("vanity").and_then(|after| after.split('"').nth(1));
        Ok(Self {
            vanity: vanity(given.unwrap_or_default())?,
            validators: validators.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{addresses, cases};

    #[test]
    fn the_layout_is_that_of_the_original_and_is_read_back() {
        let validators = addresses(&cases("istanbul_extraData")[0], "validators");
        let text = ValidatorsToml::render(&validators);
        assert!(text.starts_with(
            "vanity = \"0x00\"\nvalidators = [\n\"0xd8Dba507e85F116b1f7e231cA8525fC9008A6966\",\n"
        ));
        assert!(text.ends_with(",\n]\n"));
        let read = ValidatorsToml::parse(&text).unwrap();
        assert_eq!(read.validators, validators);
        assert_eq!(read.vanity, [0; 32]);
    }

    #[test]
    fn other_layouts_are_read() {
        let one_line = "# four\nvanity='x'\nvanity = \"0xab\" # odd\nvalidators = ['0x0100000000000000000000000000000000000000']";
        let read = ValidatorsToml::parse(&one_line.replace("vanity='x'\n", "")).unwrap();
        assert_eq!(read.validators.len(), 1);
        assert_eq!(read.vanity[0], 0xab);
        assert!(
            ValidatorsToml::parse("validators = []")
                .unwrap()
                .validators
                .is_empty()
        );
    }

    #[test]
    fn other_files_are_refused() {
        assert!(ValidatorsToml::parse("").is_err());
        let error = ValidatorsToml::parse("validators = [\"0x1\"]").unwrap_err();
        assert_eq!(error.to_string(), "validator 0 is no address");
    }
}

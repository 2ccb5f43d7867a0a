//! `init_sys_config.toml`: the system configuration that the genesis of a chain starts with.

use crate::address::Address;
use crate::chain_id::ChainId;

/// The content of `init_sys_config.toml`; the same for every node of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysConfig {
    /// Version of the system configuration, 0 at first.
    pub version: u32,
    /// Chain id.
    pub chain_id: ChainId,
    /// Super admin, who may change this configuration later.
    pub admin: Address,
    /// Seconds between blocks. The service rounds up by at most one second.
    pub block_interval: u32,
    /// The nodes that vote, in node order.
    pub validators: Vec<Address>,
}

impl SysConfig {
    /// The name of the file.
    pub const FILE_NAME: &str = "init_sys_config.toml";

    /// Seconds between blocks that the original writes.
    pub const BLOCK_INTERVAL: u32 = 6;

    /// The text of the file, byte for byte as the original writes it: its TOML writer puts a space
    /// before each element of a list and a comma after each.
    #[must_use]
    pub fn render(&self) -> String {
        let mut validators = String::new();
        for validator in &self.validators {
            validators.extend([" \"", &validator.to_string(), "\","]);
        }
        format!(
            "version = {}\nchain_id = \"{}\"\nadmin = \"{}\"\nblock_interval = {}\n\
             validators = [{validators}]\n",
            self.version, self.chain_id, self.admin, self.block_interval
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::golden_files;

    fn address(value: &toml::Value) -> Address {
        value.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn vector_golden_files() {
        for golden in golden_files(SysConfig::FILE_NAME) {
            let read: toml::Table = golden.text.parse().unwrap();
            let validators = read["validators"].as_array().unwrap();
            assert_eq!(validators.len(), golden.nodes, "{}", golden.scenario);
            let config = SysConfig {
                version: 0,
                chain_id: ChainId::SEED,
                admin: address(&read["admin"]),
                block_interval: SysConfig::BLOCK_INTERVAL,
                validators: validators.iter().map(address).collect(),
            };
            assert_eq!(config.render(), golden.text);
        }
    }

    #[test]
    fn no_validator_is_an_empty_list() {
        let config = SysConfig {
            version: 0,
            chain_id: ChainId::of_name("c"),
            admin: "0x88b3fd84e3b10ac04cd04def0876cb513452c74e"
                .parse()
                .unwrap(),
            block_interval: 3,
            validators: vec![],
        };
        assert!(config.render().ends_with("validators = []\n"));
    }
}

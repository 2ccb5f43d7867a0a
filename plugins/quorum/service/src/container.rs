//! What the plugins say alike: requests of containers, items, needs.

use chain_plugin_sdk::descriptor::KeptSpec;

pub use plugin_pods::container::{port, ports, requests};
pub use plugin_pods::descriptor::{need, text_item as item};

/// The entry of an item about nodes in a descriptor.
pub fn kept(name: &str, secret: bool) -> KeptSpec {
    KeptSpec {
        name: name.to_owned(),
        kinds: vec!["node".to_owned()],
        secret,
        ..KeptSpec::default()
    }
}

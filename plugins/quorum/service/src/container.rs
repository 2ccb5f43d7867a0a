//! What the plugins say alike: requests of containers, items, needs.

use chain_plugin_sdk::Item;
use chain_plugin_sdk::descriptor::{KeptSpec, Need, Phase};

pub use plugin_pods::container::{port, ports, requests};

/// The entry of an item about nodes in a descriptor.
pub fn kept(name: &str, secret: bool) -> KeptSpec {
    KeptSpec {
        name: name.to_owned(),
        kinds: vec!["node".to_owned()],
        secret,
        ..KeptSpec::default()
    }
}

/// An item that is text.
pub fn item(name: &str, text: &str, secret: bool) -> Item {
    Item {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        secret,
        media: "text/plain".to_owned(),
    }
}

/// In `phase`, what `role` gives in `from` about `kind`.
pub fn need(phase: Phase, role: &str, from: Phase, kind: &str, optional: bool) -> Need {
    Need {
        phase,
        role: role.to_owned(),
        from,
        kind: Some(kind.to_owned()),
        optional,
    }
}

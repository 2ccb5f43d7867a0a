//! Entries of descriptors, and items.

use chain_plugin_sdk::Item;
use chain_plugin_sdk::descriptor::{Need, Phase};

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

/// An item that is text.
pub fn text_item(name: &str, text: &str, secret: bool) -> Item {
    Item {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        secret,
        media: "text/plain".to_owned(),
    }
}

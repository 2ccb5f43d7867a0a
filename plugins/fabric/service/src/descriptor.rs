//! What the descriptors of the family have alike.

use chain_plugin_sdk::descriptor::{Descriptor, KeptSpec, Take, Volume};
pub use plugin_pods::container::port;
pub use plugin_pods::descriptor::{need, text_item};

use crate::{Release, STACK, item, kind, role};

/// The beginning of a descriptor: name, role, summary, and the releases that the plugin is for.
pub fn plugin(name: &str, role: &str, summary: &str, series: &[Release]) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary.to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        role: role.to_owned(),
        series: series.iter().map(|it| it.name().to_owned()).collect(),
        ..Descriptor::default()
    }
}

/// Kinds as a descriptor wants them.
pub fn kinds(kinds: &[&str]) -> Vec<String> {
    kinds.iter().map(|kind| (*kind).to_owned()).collect()
}

/// An item about subjects of some kinds.
pub fn kept(name: &str, of_kinds: &[&str], secret: bool) -> KeptSpec {
    KeptSpec {
        name: name.to_owned(),
        kinds: kinds(of_kinds),
        secret,
        ..KeptSpec::default()
    }
}

/// A secret of `msp` that a plugin binds into its container.
pub fn take(item: &str) -> Take {
    Take {
        role: role::MSP.to_owned(),
        item: item.to_owned(),
        phases: Vec::new(),
    }
}

/// The two secrets of an identity, as [`container::identity`](crate::container::identity) binds them.
pub fn takes_identity() -> Vec<Take> {
    vec![take(item::KEY), take(item::TLS_KEY)]
}

/// A volume on disk for one kind of subjects.
pub fn disk(name: &str, size: &str, of_kind: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        size: size.to_owned(),
        medium: String::new(),
        kinds: kinds(&[of_kind]),
    }
}

/// A volume that is empty at each start of the pod.
pub fn scratch(name: &str, size: &str, of_kind: &str) -> Volume {
    Volume {
        medium: "scratch".to_owned(),
        ..disk(name, size, of_kind)
    }
}

/// Kinds of those who have an identity.
pub const IDENTITIES: [&str; 3] = [kind::ORDERER, kind::PEER, kind::USER];

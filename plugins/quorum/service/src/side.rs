//! What the pods beside the nodes share: there is one of each in a chain, and it asks every node.

use chain_plugin_sdk::descriptor::{Descriptor, Image, Phase, Volume};
use chain_plugin_sdk::{Diagnostics, Subject};

use crate::{Nodes, RELEASE, STACK};

/// The descriptor of a plugin whose name is that of its container and image, too; `volume` is a name and a size.
pub fn descriptor(
    role: &str,
    name: &str,
    summary: &str,
    image: &str,
    volume: (&str, &str),
) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary.to_owned(),
        license: "Apache-2.0".to_owned(),
        stack: STACK.to_owned(),
        role: role.to_owned(),
        series: vec![RELEASE.to_owned()],
        on: [(Phase::Render, vec![role.to_owned()])].into(),
        container: name.to_owned(),
        images: vec![Image {
            name: name.to_owned(),
            default: image.to_owned(),
        }],
        volumes: vec![Volume {
            name: volume.0.to_owned(),
            size: volume.1.to_owned(),
            kinds: vec![role.to_owned()],
            ..Volume::default()
        }],
        ..Descriptor::default()
    }
}

/// One's own nodes in the cluster of `here`, each with what `of` makes of it and of where `here` reaches its port.
///
/// # Errors
/// A node has no such port.
pub fn asked<T>(
    nodes: &Nodes,
    here: &Subject,
    port: &str,
    of: impl Fn(&Subject, &str, u16) -> T,
) -> Result<Vec<T>, Diagnostics> {
    let near = nodes.own().filter(|node| node.cluster == here.cluster);
    near.map(|node| {
        let (host, port) = nodes.address(Some(here), node, port)?;
        Ok(of(node, &host, port))
    })
    .collect()
}

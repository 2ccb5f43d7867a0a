//! The privacy manager: one for all nodes.

use chain_plugin_sdk::Diagnostics;
use quorum_formats::qubernetes::{Image, Manager, Qubernetes};
use quorum_formats::version::Version;
use quorum_service::fault::refuse_with;
use serde_json::{Map, json};

use super::QUBERNETES;
use super::client::{speaker, unversioned};
use super::notes::Notes;
use super::overlay::{One, Overlay};

/// The first version of Tessera with privacy enhancements.
const ENHANCED: Version = Version::new(1, 0, 0);

/// The service of all nodes.
pub fn service(read: &Qubernetes, notes: &mut Notes) -> Result<Overlay, Diagnostics> {
    let manager = read
        .nodes
        .first()
        .map_or(Manager::Tessera, |it| it.tm.manager);
    if let Some(other) = read.nodes.iter().find(|it| it.tm.manager != manager) {
        return Err(refuse_with(
            QUBERNETES,
            "/nodes",
            format!(
                "line {}: {} has another privacy manager than the first node: they would not understand each other",
                other.line, other.name
            ),
            "one `tm.Name` for all nodes",
        ));
    }
    let plugin = match manager {
        Manager::Tessera => "tessera",
        Manager::Constellation => "constellation",
    };
    let one = |image: &Image| One {
        image: image.reference(plugin),
        options: Map::new(),
    };
    let images: Vec<&Image> = read.nodes.iter().map(|it| &it.tm.image).collect();
    let mut all: Vec<One> = images.iter().map(|image| one(image)).collect();
    let unknown = |image: &&Image| unversioned(&image.reference(plugin), &image.version);
    if manager == Manager::Tessera && images.iter().any(unknown) {
        for (one, image) in all.iter_mut().zip(&images) {
            one.options
                .insert("version".to_owned(), json!(image.version));
        }
    }
    let of_genesis = read.genesis.tm_version.as_deref();
    let speaker = speaker(&images, of_genesis.unwrap_or_default());
    let enhanced = |version: &str| version.parse::<Version>().is_ok_and(|it| it >= ENHANCED);
    if let (Some(said), Some(image)) = (of_genesis, images.get(speaker))
        && enhanced(said) != enhanced(&image.version)
    {
        let reason = "no node runs this version; whether the genesis block has privacy enhancements follows from that of the first node";
        notes.about(&["/genesis/Tm_Version"], reason, None);
    }
    Ok(Overlay::new(plugin, all, speaker))
}

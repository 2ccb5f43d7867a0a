//! The client of each node: image, version, network, arguments.

use chain_plugin_sdk::Diagnostics;
use quorum_formats::qubernetes::{Image, NodeEntry, Qubernetes};
use quorum_formats::version::Version;
use quorum_service::fault::refuse_with;
use serde_json::{Map, json};

use super::QUBERNETES;
use super::notes::Notes;
use super::overlay::{ARGUMENTS, One, Overlay};

/// The most that the client says.
const VERBOSITY: u8 = 5;

/// Arguments that the client is told here already, with values that its pod depends on.
const OWN: [&str; 11] = [
    "--datadir",
    "--networkid",
    "--nodekey",
    "--keystore",
    "--password",
    "--port",
    "--raftport",
    "--rpcport",
    "--http.port",
    "--wsport",
    "--ws.port",
];

/// The service of all nodes.
pub fn service(read: &Qubernetes, notes: &mut Notes) -> Result<Overlay, Diagnostics> {
    let mut all = Vec::new();
    for (index, node) in read.nodes.iter().enumerate() {
        all.push(of_node(node, index, notes));
    }
    if all.iter().any(|node| node.options.contains_key("version")) {
        for (one, node) in all.iter_mut().zip(&read.nodes) {
            let version = json!(node.client.version);
            one.options.insert("version".to_owned(), version);
        }
    }
    let images: Vec<&Image> = read.nodes.iter().map(|node| &node.client).collect();
    let speaker = speaker(&images, &read.genesis.quorum_version);
    if images
        .get(speaker)
        .is_some_and(|image| image.version != read.genesis.quorum_version)
    {
        let reason =
            "no node runs this version; the genesis block is made for that of the first node";
        notes.about(&["/genesis/Quorum_Version"], reason, None);
    }
    let loud = |node: &&NodeEntry| node.geth.verbosity > VERBOSITY;
    if let Some(node) = read.nodes.iter().find(loud) {
        notes.tell(&format!(
            "verbosity {} is more than the client knows: {VERBOSITY} is the most",
            node.geth.verbosity
        ));
    }
    whole(read, notes);
    let mut service = Overlay::new("goquorum", all, speaker);
    network(read, &mut service)?;
    Ok(service)
}

/// The node whose image is of the version that the genesis block is made for; else the first.
pub fn speaker(images: &[&Image], version: &str) -> usize {
    let fits = |image: &&Image| image.version == version;
    images.iter().position(fits).unwrap_or_default()
}

/// Images that are named in full were never pulled.
fn whole(read: &Qubernetes, notes: &mut Notes) {
    let of_node = |node: &NodeEntry| node.client.whole.is_some() || node.tm.image.whole.is_some();
    if let Some(index) = read.nodes.iter().position(of_node) {
        for part in ["quorum", "tm"] {
            let path = format!("/nodes/{index}/quorum/{part}/Docker_Repo_Full");
            notes.about(
                &[&path],
                "such an image was never pulled; here it is, where it is not present",
                Some("`images: {pullPolicy: Never}` in the chain's file"),
            );
        }
    }
}

fn of_node(node: &NodeEntry, index: usize, notes: &mut Notes) -> One {
    let image = node.client.reference("quorum");
    let mut options = Map::new();
    options.insert(
        "verbosity".to_owned(),
        json!(node.geth.verbosity.min(VERBOSITY)),
    );
    options.insert(ARGUMENTS.to_owned(), json!(arguments(node, index, notes)));
    if unversioned(&image, &node.client.version) {
        options.insert("version".to_owned(), json!(node.client.version));
    }
    One { image, options }
}

/// Whether the tag of an image does not name the version that is said of it.
pub fn unversioned(image: &str, version: &str) -> bool {
    let said = version.parse::<Version>();
    said.is_ok() && Version::of_image(image).ok() != said.ok()
}

/// The further arguments of a node, without those that have another place here.
fn arguments(node: &NodeEntry, index: usize, notes: &mut Notes) -> Vec<String> {
    let path = format!("/nodes/{index}/geth/Geth_Startup_Params");
    let paths = [path.as_str(), "/geth/Geth_Startup_Params"];
    let mut left = Vec::new();
    let mut all = node.geth.startup_arguments().into_iter().peekable();
    while let Some(argument) = all.next() {
        let name = argument.split('=').next().unwrap_or_default().to_owned();
        let reason = if name == "--raftjoinexisting" {
            "--raftjoinexisting is left out: the members are asked for a number when the node is added".to_owned()
        } else if OWN.contains(&name.as_str()) {
            format!("{name} is left out: it is told here already")
        } else {
            left.push(argument);
            continue;
        };
        if name == argument {
            all.next_if(|value| !value.starts_with('-'));
        }
        notes.about(&paths, &reason, None);
    }
    left
}

/// The ids of chain and network.
fn network(read: &Qubernetes, service: &mut Overlay) -> Result<(), Diagnostics> {
    let ids = |node: &NodeEntry| node.geth.network_id;
    let id = read.nodes.first().map_or(read.genesis.chain_id, ids);
    if let Some(other) = read.nodes.iter().find(|node| ids(node) != id) {
        return Err(refuse_with(
            QUBERNETES,
            "/nodes",
            format!(
                "line {}: {} is of network {}, others are of network {id}: they would not be peers",
                other.line,
                other.name,
                ids(other)
            ),
            "one `geth.network.id` for all nodes",
        ));
    }
    // A genesis file that is there says the id of its chain itself.
    if read.existing.genesis_file.is_none() {
        service.chain_option("chainId", json!(read.genesis.chain_id));
    }
    if id != read.genesis.chain_id || read.existing.genesis_file.is_some() {
        service.chain_option("networkId", json!(id));
    }
    Ok(())
}

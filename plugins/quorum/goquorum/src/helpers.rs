//! What people run by hand in a node's container: scripts by the names that they have always had, test contracts for the
//! console, the list of validators. They lie in one folder, and are reread there.

use chain_plugin_sdk::{At, Diagnostics};
use quorum_formats::address::Address;
use quorum_formats::contract::{INITIAL_VALUE, console_script};
use quorum_formats::quantity::Quantity;
use quorum_formats::scripts::{HELPERS, of_consensus};
use quorum_formats::validators_toml::ValidatorsToml;
use quorum_service::facts::{self, ClientFacts, ConsensusFacts, PrivacyNode};
use quorum_service::fault::at as fault_at;
use quorum_service::{CHAIN, CLIENT, CONSENSUS, Nodes, PRIVACY};

/// A contract that everybody sees.
const PUBLIC: &str = "public_contract.js";
/// A contract for the node that deploys it and the first one.
const PRIVATE: &str = "private_contract.js";
/// The validators of istanbul and qbft.
const VALIDATORS: &str = "istanbul-validator-config.toml";

/// A file of the folder.
#[derive(Debug)]
pub struct Helper {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub text: String,
    /// Whether it is a program.
    pub runs: bool,
}

fn votes(kind: &str) -> bool {
    matches!(kind, "istanbul" | "qbft")
}

/// The names of all files of a chain of this consensus, with or without privacy managers.
pub fn names(kind: &str, private: bool) -> Vec<&'static str> {
    let scripts = HELPERS.iter().chain(of_consensus(kind));
    let mut names: Vec<&str> = scripts.map(|script| script.name).collect();
    names.push(PUBLIC);
    names.extend(private.then_some(PRIVATE));
    names.extend(votes(kind).then_some(VALIDATORS));
    names
}

/// All of them.
pub fn files(nodes: &Nodes, at: &At<'_>) -> Result<Vec<Helper>, Diagnostics> {
    let consensus: ConsensusFacts = at.fact(CHAIN, CONSENSUS)?;
    let scripts = HELPERS.iter().chain(of_consensus(&consensus.kind));
    let mut all: Vec<Helper> = scripts
        .map(|script| Helper {
            name: script.name,
            text: script.text.to_owned(),
            runs: true,
        })
        .collect();
    let mut add = |name, text| {
        all.push(Helper {
            name,
            text,
            runs: false,
        });
    };
    let initial = Quantity::from(INITIAL_VALUE);
    add(PUBLIC, console_script(initial, &[]));
    if let Some(first) = nodes.own().next()
        && let Some(manager) = facts::optional::<PrivacyNode>(at, &first.id, PRIVACY)?
    {
        let key = manager.public_key.parse();
        let key = key.map_err(fault_at("public-key", ""))?;
        add(PRIVATE, console_script(initial, &[key]));
    }
    if votes(&consensus.kind) {
        let mut validators = Vec::new();
        for node in nodes.all() {
            let facts: ClientFacts = at.fact(&node.id, CLIENT)?;
            let address = Address::checked(&facts.node_address);
            validators.push(address.map_err(fault_at("address", ""))?);
        }
        add(VALIDATORS, ValidatorsToml::render(&validators));
    }
    Ok(all)
}

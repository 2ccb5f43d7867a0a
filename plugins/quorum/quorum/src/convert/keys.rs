//! Keys and a genesis file that are there already, by the paths at which they lie.

use quorum_formats::qubernetes::Qubernetes;
use serde_json::json;

use super::notes::Notes;
use super::overlay::Overlay;

/// Names the files of every node, where the file says in which folder they are.
pub fn bring(read: &Qubernetes, client: &mut Overlay, privacy: &mut Overlay, notes: &mut Notes) {
    if let Some(file) = &read.existing.genesis_file {
        client.chain_option("genesis", json!(file));
    }
    let Some(base) = &read.existing.key_dir_base else {
        return;
    };
    let base = base.trim_end_matches('/');
    for (index, node) in read.nodes.iter().enumerate() {
        let file = |name: &str| json!(format!("{base}/{}/{name}", node.key_dir));
        client.own_option(index, "nodeKeyFile", file("nodekey"));
        client.own_option(index, "accountKeyFile", file("acctkeyfile.json"));
        privacy.own_option(index, "keyFile", file("tm.key"));
    }
    notes.tell(
        "the accounts in the folders of keys are opened with the empty password, the only one that qubernetes could use; accountPasswordFile names another",
    );
}

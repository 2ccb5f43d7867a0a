//! Who a node is: its key among peers, its account, and the account's file under a password of its own.

use chain_plugin_sdk::{At, Diagnostics, Item};
use quorum_formats::account::{Account, Password};
use quorum_formats::enode::NodeId;
use quorum_formats::keystore::{Keystore, Seed};
use quorum_formats::node_key::NodeKey;
use quorum_service::container::item;
use quorum_service::fault::at as fault_at;

use crate::options::Options;

/// The node's private key.
pub const NODE_KEY: &str = "nodekey";
/// Its public half. Public items are there on later runs, so this one also says that the keys were born.
pub const NODE_ID: &str = "node-id";
/// The file of the account.
pub const KEYSTORE: &str = "keystore";
/// The account's address.
pub const ACCOUNT: &str = "account-address";
/// The password of the account's file.
pub const PASSWORD: &str = "password";

/// The public halves.
#[derive(Debug)]
pub struct Identity {
    /// Public key of the node.
    pub node: NodeId,
    /// Address of its account.
    pub account: String,
}

/// The node's identity; with what is to be kept when it is born now.
pub fn identity(at: &At<'_>) -> Result<(Vec<Item>, Identity), Diagnostics> {
    if let (Some(node), Some(account)) = (at.kept_text(NODE_ID), at.kept_text(ACCOUNT)) {
        let node = node.parse().map_err(fault_at(NODE_ID, ""))?;
        return Ok((Vec::new(), Identity { node, account }));
    }
    born(at)
}

fn born(at: &At<'_>) -> Result<(Vec<Item>, Identity), Diagnostics> {
    let options = Options::of(at)?;
    let entropy = &mut |length| at.host.entropy(length);
    let node = NodeKey::generate(entropy).map_err(fault_at("entropy", ""))?;
    let account = Account::generate(entropy).map_err(fault_at("entropy", ""))?;
    let password = Password::generate(entropy).map_err(fault_at("entropy", ""))?;
    let seed = Seed::draw(entropy).map_err(fault_at("entropy", ""))?;
    let file = Keystore::encrypt(account.pair(), &password, options.keystore.into(), &seed)
        .and_then(|keystore| keystore.render())
        .map_err(fault_at("keystore", ""))?;
    let identity = Identity {
        node: node.id(),
        account: account.address().to_string(),
    };
    let keep = vec![
        item(NODE_KEY, &node.key_file(), true),
        item(NODE_ID, &identity.node.to_string(), false),
        item(KEYSTORE, &file, true),
        item(ACCOUNT, &identity.account, false),
        item(PASSWORD, &password.file(), true),
    ];
    Ok((keep, identity))
}

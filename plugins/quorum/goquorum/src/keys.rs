//! Who a node is: its key among peers, its account, and the account's file under a password of its own.
//!
//! Both keys may be brought along; they are checked when the node is born, and never asked for again. A file that the
//! empty password opens is no protection, so its account gets a new one under a random password.

use chain_plugin_sdk::{At, Diagnostics, Item};
use quorum_formats::account::{Account, Password};
use quorum_formats::enode::NodeId;
use quorum_formats::keystore::{Keystore, KeystoreError, Seed};
use quorum_formats::node_key::NodeKey;
use quorum_service::container::item;
use quorum_service::fault::{at as fault_at, refuse, refuse_with};

use crate::options::{Brought, Options};

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
    let brought = Brought::of(at)?;
    let node = match &brought.node_key {
        Some(text) => NodeKey::parse(text).map_err(fault_at("node-key", "/nodeKey"))?,
        None => NodeKey::generate(&mut |length| at.host.entropy(length))
            .map_err(fault_at("entropy", ""))?,
    };
    let (account, file, password) = if let Some(text) = &brought.account_key {
        opened(at, text, brought.password())?
    } else {
        let account = Account::generate(&mut |length| at.host.entropy(length))
            .map_err(fault_at("entropy", ""))?;
        sealed(at, account)?
    };
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

/// An account in a new file, under a random password.
fn sealed(at: &At<'_>, account: Account) -> Result<(Account, String, Password), Diagnostics> {
    let options = Options::of(at)?;
    let entropy = &mut |length| at.host.entropy(length);
    let password = Password::generate(entropy).map_err(fault_at("entropy", ""))?;
    let seed = Seed::draw(entropy).map_err(fault_at("entropy", ""))?;
    let file = Keystore::encrypt(account.pair(), &password, options.keystore.into(), &seed)
        .and_then(|keystore| keystore.render())
        .map_err(fault_at("keystore", ""))?;
    Ok((account, file, password))
}

/// An account that was brought along in a file.
fn opened(
    at: &At<'_>,
    file: &str,
    password: Password,
) -> Result<(Account, String, Password), Diagnostics> {
    let keystore = Keystore::parse(file).map_err(fault_at("account-key", "/accountKey"))?;
    let account = keystore.decrypt(&password).map_err(|fault| match fault {
        KeystoreError::Password => refuse_with(
            "account-key",
            "/accountPassword",
            "option `accountPassword` does not open the file of option `accountKey`",
            "`accountPasswordFile` names the file with its password; without one the password is empty",
        ),
        fault => refuse("account-key", "/accountKey", fault.to_string()),
    })?;
    let account = Account::from(account);
    if password == Password::empty() {
        return sealed(at, account);
    }
    Ok((account, file.to_owned(), password))
}

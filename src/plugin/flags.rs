//! Flags of the command line that descriptors add, and those that none may: the host's own.
//!
//! `--<role> PLUGIN`, `--<role>-<option> VALUE`, `--<option> VALUE` for a stack's own options, and a flag for each kind that a
//! stack counts. A plugin whose flag the host has already could never be told anything by it, so it is refused when it is
//! loaded, not when somebody types it.

use chain_plugin_sdk::descriptor::Descriptor;
use serde_json::Value;

/// Long flags of the commands that take flags of plugins, and words that the host keeps for itself.
pub const RESERVED: [&str; 57] = [
    "adopt",
    "all",
    "as",
    "as-group",
    "as-uid",
    "cache-dir",
    "certificate-authority",
    "chain",
    "client-certificate",
    "client-key",
    "cluster",
    "color",
    "context",
    "disable-compression",
    "dry-run",
    "expose-port",
    "expose-type",
    "field-manager",
    "file",
    "filename",
    "force-conflicts",
    "grant",
    "help",
    "image-prefix",
    "image-pull-secret",
    "insecure-skip-tls-verify",
    "kubeconfig",
    "name",
    "namespace",
    "no-prune",
    "no-secrets",
    "nodes",
    "output",
    "output-dir",
    "party",
    "password",
    "plugin",
    "purge",
    "release",
    "remove",
    "request-timeout",
    "seed-image",
    "selector",
    "server",
    "stack",
    "storage-claim",
    "storage-class",
    "storage-size",
    "timeout",
    "tls-server-name",
    "token",
    "user",
    "username",
    "verbose",
    "version",
    "wait",
    "yes",
];

/// camelCase as a flag spells it.
pub fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
            out.push(c.to_ascii_lowercase());
        } else if c == '_' {
            out.push('-');
        } else {
            out.push(c);
        }
    }
    out
}

/// A flag that a descriptor adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its long name, without dashes.
    pub name: String,
    /// JSON pointer into the descriptor: what makes it.
    pub path: String,
}

/// All flags that a descriptor adds. Those of a role and of a kind may be one; any other twin is a fault.
pub fn added(descriptor: &Descriptor) -> Vec<Flag> {
    let flag = |name: String, path: String| Flag { name, path };
    let options = descriptor
        .options
        .get("properties")
        .and_then(Value::as_object);
    let mut all = Vec::new();
    for (option, schema) in options.into_iter().flatten() {
        let path = format!("/options/properties/{option}");
        if descriptor.role.is_empty() {
            all.push(flag(kebab(option), path));
            continue;
        }
        let name = format!("{}-{}", kebab(&descriptor.role), kebab(option));
        if schema.get("x-chain-secret").and_then(Value::as_bool) == Some(true) {
            all.push(flag(format!("{name}-file"), path.clone()));
        }
        all.push(flag(name, path));
    }
    for (release, about) in &descriptor.releases {
        for (index, role) in about.roles.iter().enumerate() {
            let path = format!("/releases/{release}/roles/{index}/name");
            all.push(flag(kebab(&role.name), path));
        }
    }
    let kinds = descriptor.kinds.iter().enumerate();
    all.extend(
        kinds
            .filter(|(_, kind)| !kind.flag.is_empty())
            .map(|(index, kind)| flag(kind.flag.clone(), format!("/kinds/{index}/flag"))),
    );
    all
}

/// The flags of a descriptor that are the host's own.
pub fn reserved(descriptor: &Descriptor) -> impl Iterator<Item = Flag> {
    added(descriptor)
        .into_iter()
        .filter(|flag| RESERVED.contains(&flag.name.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flags_are_spelled_with_dashes() {
        assert_eq!(kebab("blockInterval"), "block-interval");
        assert_eq!(kebab("chain_id"), "chain-id");
    }

    #[test]
    fn what_would_be_the_hosts_own_flag_is_found() {
        let mut plugin = Descriptor {
            role: "storage".to_owned(),
            options: json!({"properties": {"class": {}, "file": {}}}),
            ..Descriptor::default()
        };
        let found: Vec<Flag> = reserved(&plugin).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "storage-class");
        assert_eq!(found[0].path, "/options/properties/class");
        plugin.role = String::new();
        plugin.options =
            json!({"properties": {"nodes": {}, "dryRun": {}, "color": {}, "mine": {}}});
        assert_eq!(reserved(&plugin).count(), 3);
    }

    #[test]
    fn the_list_is_in_order_and_names_nothing_twice() {
        assert!(RESERVED.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

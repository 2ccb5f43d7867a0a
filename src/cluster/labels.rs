//! The labels and annotations by which a chain's things are found again. All names are in one place, since they are
//! stored in clusters and must never change their meaning.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Label: the chain's name.
pub const CHAIN: &str = "chain.dev/chain";
/// Label: the chain's UID. An object without it is not ours.
pub const UID: &str = "chain.dev/uid";
/// Label: what kind of record an object is: `head`, `signpost`, `vault`, `revision` or `public`.
pub const RECORD: &str = "chain.dev/record";
/// The value of [`RECORD`] of a head.
pub const HEAD: &str = "head";
/// The value of [`RECORD`] of a signpost.
pub const SIGNPOST: &str = "signpost";
/// Label of a revision's parts: its number.
pub const REVISION: &str = "chain.dev/revision";
/// Annotation of a vault: its subject.
pub const SUBJECT: &str = "chain.dev/subject";
/// Annotation of a vault, a revision or a public part: SHA-256 of the whole.
pub const DIGEST: &str = "chain.dev/digest";
/// Annotation of a vault: its version.
pub const VERSION: &str = "chain.dev/version";
/// Annotation of a part: how many there are.
pub const PARTS: &str = "chain.dev/parts";
/// Annotation of a revision's parts: digest of its public part.
pub const PUBLIC: &str = "chain.dev/public";
/// Annotation `true`: prune and delete leave the object where it is.
pub const KEEP: &str = "chain.dev/keep";
/// Label: which tool manages the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const MANAGER: &str = "kubectl-chain";
/// Label of an `ApplySet`'s parent: the set's id.
pub const APPLYSET_ID: &str = "applyset.kubernetes.io/id";
/// Label of an `ApplySet`'s members: the set's id.
pub const APPLYSET_PART_OF: &str = "applyset.kubernetes.io/part-of";
/// Annotation of an `ApplySet`'s parent: which tool.
pub const APPLYSET_TOOLING: &str = "applyset.kubernetes.io/tooling";
/// Annotation of an `ApplySet`'s parent: the kinds of its members.
pub const APPLYSET_GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// Type of the Secrets that are vaults.
pub const VAULT_TYPE: &str = "chain.dev/vault";

/// The name of a chain's head, and of its signposts.
pub fn head_name(chain: &str) -> String {
    format!("chain-{chain}")
}

/// The `ApplySet` id of a chain in a namespace: every object that is applied there carries it as
/// [`APPLYSET_PART_OF`]. The form is kubectl's: `applyset-<base64url(sha256("name.namespace.kind.group"))>-v1`.
pub fn applyset_id(chain: &str, namespace: &str) -> String {
    let parent = format!("{}.{namespace}.ConfigMap.", head_name(chain));
    format!(
        "applyset-{}-v1",
        URL_SAFE_NO_PAD.encode(Sha256::digest(parent.as_bytes()))
    )
}

/// A label of an object, "" if it has none of that name.
pub fn label<'a>(object: &'a Value, name: &str) -> &'a str {
    entry(object, "labels", name)
}

/// An annotation of an object, "" if it has none of that name.
pub fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    entry(object, "annotations", name)
}

fn entry<'a>(object: &'a Value, map: &str, name: &str) -> &'a str {
    object
        .get("metadata")
        .and_then(|m| m.get(map))
        .and_then(|m| m.get(name))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A string under `metadata`, "" if it is not there.
pub(super) fn meta<'a>(object: &'a Value, name: &str) -> &'a str {
    object
        .get("metadata")
        .and_then(|m| m.get(name))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_applyset_id_is_kubectls() {
        // From the sentence of KEP-3659, computed with: printf chain-c.team.ConfigMap. | sha256sum, base64url.
        let id = applyset_id("c", "team");
        assert!(id.starts_with("applyset-") && id.ends_with("-v1"));
        assert_eq!(id.len(), "applyset-".len() + 43 + "-v1".len());
        assert!(id.len() <= 63);
    }
}

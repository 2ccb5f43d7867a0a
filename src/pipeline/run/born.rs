//! What was born in a run: new vaults, and the options that nothing was born with.

use std::collections::{BTreeMap, BTreeSet};

use super::Known;
use crate::pipeline::resolve::ResolvedService;
use crate::plugin::contract::{Diagnostic, Severity};
use crate::state::vault::ItemKey;
use crate::state::{KeptItem, Vault};

pub(super) type Born = BTreeMap<String, BTreeMap<ItemKey, KeptItem>>;

pub(super) fn new_vaults(uid: &str, known: &Known, born: Born) -> Vec<Vault> {
    born.into_iter()
        .map(|(subject, items)| {
            let before = known
                .head
                .as_ref()
                .and_then(|head| head.subjects.get(&subject))
                .map_or(0, |it| it.vaults.len());
            let found = known
                .vaults
                .iter()
                .filter(|vault| vault.subject == subject)
                .count();
            let version = u32::try_from(before.max(found))
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            Vault {
                chain_uid: uid.to_owned(),
                subject,
                version,
                items,
            }
        })
        .collect()
}

/// Secret options that nothing was born with: they are read at a birth alone, and remembered nowhere.
pub(super) fn unread<'a>(
    services: &[ResolvedService],
    vaults: impl Iterator<Item = &'a Vault>,
) -> Vec<(String, Diagnostic)> {
    let born: BTreeSet<(&str, &str)> = vaults
        .flat_map(|vault| vault.items.keys())
        .map(|(role, instance, _)| (role.as_str(), instance.as_str()))
        .collect();
    let idle = services
        .iter()
        .filter(|it| !born.contains(&(it.role.as_str(), it.instance.as_str())));
    idle.flat_map(|service| {
        service.options.secret.keys().map(|option| {
            let message = format!(
                "`{option}` changes nothing: it is for what is new, and nothing is; what was made keeps what it was made with"
            );
            let note = Diagnostic {
                severity: Severity::Warning,
                code: "unread".to_owned(),
                path: format!("/{option}"),
                message,
                hint: None,
            };
            (service.plugin.name().to_owned(), note)
        })
    })
    .collect()
}

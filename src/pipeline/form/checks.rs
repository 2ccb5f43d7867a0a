//! What is refused: a verb that does not fit what is there, a wish that cannot be met any more, keys in public objects.

use serde_json::Value;

use super::{FormError, Verb};
use crate::manifest::{Object, leak};
use crate::pipeline::resolve::Resolved;
use crate::pipeline::run::Outcome;
use crate::state::{Head, Phase, Revision};

pub(super) fn check_verb(
    verb: Verb,
    resolved: &Resolved,
    head: Option<&Head>,
    last: Option<&Revision>,
) -> Result<(), FormError> {
    let Some(head) = head else { return Ok(()) };
    let stack = &resolved.stack.plugin.descriptor.stack;
    if head.stack != *stack || head.release != resolved.release {
        return Err(FormError::Exists {
            chain: head.chain.clone(),
            how: format!(", of stack {} {}", head.stack, head.release),
            hint: format!(
                "give the new chain another name, or delete the old one: kubectl chain delete {}",
                head.chain
            ),
        });
    }
    if verb == Verb::Apply {
        return match head.phase {
            Phase::Tombstone => Err(FormError::Exists {
                chain: head.chain.clone(),
                how: " as a tombstone: it was deleted, its keys and volumes are kept".to_owned(),
                hint: format!(
                    "kubectl chain create {0} revives it; kubectl chain delete {0} --purge removes all",
                    head.chain
                ),
            }),
            _ => Ok(()),
        };
    }
    let spec = serde_json::to_value(&resolved.spec).unwrap_or(Value::Null);
    let same = last.is_none_or(|last| last.spec == spec);
    match head.phase {
        Phase::Formed | Phase::Stopped if !same => Err(FormError::Exists {
            chain: head.chain.clone(),
            how: ", and differs from what is asked for".to_owned(),
            hint: "kubectl chain apply changes a chain; another name makes another chain"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// An option that only provision and configure read cannot change once they ran.
pub(super) fn check_fixed(resolved: &Resolved, last: &Revision) -> Result<(), FormError> {
    let services = std::iter::once((String::new(), &resolved.stack)).chain(
        resolved
            .services
            .iter()
            .map(|service| (service.role.clone(), service)),
    );
    for (role, service) in services {
        let old = if role.is_empty() {
            last.spec.get("options")
        } else {
            last.spec
                .get("services")
                .and_then(|all| all.get(&role))
                .and_then(|one| one.get("options"))
        };
        for (name, property) in
            crate::pipeline::options::properties(&service.plugin.descriptor.options)
        {
            let fixed = property
                .get("x-chain-fixed")
                .and_then(Value::as_bool)
                .unwrap_or(false);
            if !fixed || crate::pipeline::options::is_secret(property) {
                continue;
            }
            let (was, is) = (
                old.and_then(|old| old.get(name)),
                service.options.open.get(name),
            );
            if was != is {
                let show = |value: Option<&Value>| {
                    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
                };
                return Err(FormError::Fixed {
                    message: format!(
                        "option `{name}` of {} was {} when the chain was made and cannot become {}",
                        service.plugin.name(),
                        show(was),
                        show(is)
                    ),
                    hint: "it is part of what all parties agreed on: set it back, or make another chain".to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// No secret that was just born may stand in a public object.
pub(super) fn check_leaks(outcome: &Outcome, objects: &[Object]) -> Result<(), FormError> {
    let secrets = outcome.vaults.iter().flat_map(|vault| {
        vault
            .items
            .iter()
            .filter(|(_, item)| item.secret)
            .map(|((role, _, name), item)| {
                (
                    format!("`{name}` of {role} about {}", vault.subject),
                    item.bytes.as_slice(),
                )
            })
    });
    let problems = leak::Scanner::new(secrets).scan(objects);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(FormError::Objects { problems })
    }
}

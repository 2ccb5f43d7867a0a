//! Facts against the schemas that the stack gives for each role and kind of subject.

use std::collections::HashMap;

use super::options::validator;
use super::resolve::{Resolved, ResolvedService};
use super::run::PipelineError;
use super::world::World;
use crate::plugin::PluginError;
use crate::plugin::contract::Subject;

/// Facts are the interface between plugins: they must fit the schema that the stack gives for their role and kind.
pub fn check(
    resolved: &Resolved,
    services: &[ResolvedService],
    subjects: &[Subject],
    world: &World,
) -> Result<(), PipelineError> {
    let stack = &resolved.stack.plugin;
    let Some(release) = stack.descriptor.releases.get(&resolved.release) else {
        return Ok(());
    };
    let mut validators = HashMap::new();
    for role in &release.roles {
        for (kind, schema) in &role.facts {
            let validator = validator(schema).map_err(|fault| PluginError::Refused {
                plugin: stack.name().to_owned(),
                what: format!("the schema of facts of role `{}` about a {kind}", role.name),
                why: fault.to_string(),
            })?;
            validators.insert((role.name.as_str(), kind.as_str()), validator);
        }
    }
    if validators.is_empty() {
        return Ok(());
    }
    let kinds: HashMap<&str, &str> = subjects
        .iter()
        .map(|subject| (subject.id.as_str(), subject.kind.as_str()))
        .collect();
    for (subject, all) in world.all_facts() {
        let kind = kinds.get(subject.as_str()).copied().unwrap_or_default();
        for (key, facts) in all {
            let role = key.split('/').next().unwrap_or_default();
            let fault = validators
                .get(&(role, kind))
                .and_then(|it| it.iter_errors(&facts).next());
            if let Some(fault) = fault {
                let maker = services.iter().find(|service| service.key() == key);
                let pointer = fault.instance_path().to_string();
                let place = if pointer.is_empty() {
                    String::new()
                } else {
                    format!("{pointer}: ")
                };
                return Err(PluginError::Refused {
                    plugin: maker.map_or_else(|| key.clone(), |it| it.plugin.name().to_owned()),
                    what: format!("facts about {subject}"),
                    why: format!(
                        "{place}{fault} (schema of stack `{}`)",
                        stack.descriptor.stack
                    ),
                }
                .into());
            }
        }
    }
    Ok(())
}

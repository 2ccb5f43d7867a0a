//! The order of provision and configure: a graph of (phase, service), from what each descriptor needs.
//!
//! Role order is for containers and help only. Services whose needs are met run side by side; a loop is named.

use chain_plugin_sdk::descriptor::Phase;

use super::resolve::{ResolvedService, STACK_ROLE};

/// One node: a phase of one service (by its place in the list of services).
pub type Task = (Phase, usize);

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Needs go in a circle.
    #[error("a loop of needs: {}", path.join(" -> "))]
    Loop {
        /// `plugin (phase)`, the first again at the end.
        path: Vec<String>,
    },
    /// A role that nobody fills is needed.
    #[error("plugin {plugin} needs role `{role}` in {phase}, but no service fills it")]
    Missing {
        /// Who needs it.
        plugin: String,
        /// The role.
        role: String,
        /// The phase.
        phase: String,
    },
}

/// Levels of tasks: all of a level may run side by side, once those before it are done.
pub fn levels(services: &[ResolvedService]) -> Result<Vec<Vec<Task>>, GraphError> {
    let phases = [Phase::Provision, Phase::Configure];
    let mut open: Vec<(Task, Vec<Task>)> = Vec::new();
    for phase in phases {
        for (index, service) in services.iter().enumerate() {
            if service
                .plugin
                .descriptor
                .on
                .get(&phase)
                .is_some_and(|kinds| !kinds.is_empty())
            {
                open.push(((phase, index), needs(services, phase, index)?));
            }
        }
    }
    let present: Vec<Task> = open.iter().map(|(task, _)| *task).collect();
    for (_, needs) in &mut open {
        needs.retain(|need| present.contains(need));
    }
    let mut levels: Vec<Vec<Task>> = Vec::new();
    while !open.is_empty() {
        let ready: Vec<Task> = open
            .iter()
            .filter(|(_, needs)| needs.is_empty())
            .map(|(task, _)| *task)
            .collect();
        if ready.is_empty() {
            return Err(GraphError::Loop {
                path: circle(&open, services),
            });
        }
        open.retain(|(task, _)| !ready.contains(task));
        for (_, needs) in &mut open {
            needs.retain(|need| !ready.contains(need));
        }
        levels.push(ready);
    }
    Ok(levels)
}

fn needs(
    services: &[ResolvedService],
    phase: Phase,
    index: usize,
) -> Result<Vec<Task>, GraphError> {
    let Some(service) = services.get(index) else {
        return Ok(Vec::new());
    };
    let mut tasks = Vec::new();
    // What a plugin makes itself in provision is there in its own configure.
    if phase == Phase::Configure {
        tasks.push((Phase::Provision, index));
    }
    for need in service
        .plugin
        .descriptor
        .needs
        .iter()
        .filter(|need| need.phase == phase)
    {
        let makers: Vec<usize> = services
            .iter()
            .enumerate()
            .filter(|(_, other)| other.role == need.role)
            .map(|(place, _)| place)
            .collect();
        if makers.is_empty() && !need.optional && need.role != STACK_ROLE {
            return Err(GraphError::Missing {
                plugin: service.plugin.name().to_owned(),
                role: need.role.clone(),
                phase: name(phase).to_owned(),
            });
        }
        tasks.extend(makers.into_iter().map(|maker| (need.from, maker)));
    }
    Ok(tasks)
}

/// Follows needs until one comes back.
fn circle(open: &[(Task, Vec<Task>)], services: &[ResolvedService]) -> Vec<String> {
    let shown = |(phase, index): Task| {
        let plugin = services
            .get(index)
            .map_or("?", |service| service.plugin.name());
        format!("{plugin} ({})", name(phase))
    };
    let mut path: Vec<Task> = Vec::new();
    let mut at = open.first().map(|(task, _)| *task);
    while let Some(task) = at {
        if let Some(place) = path.iter().position(|seen| *seen == task) {
            let mut names: Vec<String> = path.iter().skip(place).map(|task| shown(*task)).collect();
            names.push(shown(task));
            return names;
        }
        path.push(task);
        at = open
            .iter()
            .find(|(other, _)| *other == task)
            .and_then(|(_, needs)| needs.first().copied());
    }
    path.into_iter().map(shown).collect()
}

/// A phase as the descriptor spells it.
pub fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Provision => "provision",
        Phase::Configure => "configure",
        Phase::Render => "render",
        Phase::Operate => "operate",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use chain_plugin_sdk::descriptor::{Descriptor, Need};

    use super::*;
    use crate::pipeline::options::Options;
    use crate::plugin::Plugin;
    use crate::plugin::builtin::Code;

    fn service(role: &str, needs: &[(Phase, &str, Phase)]) -> ResolvedService {
        let descriptor = Descriptor {
            name: role.to_owned(),
            role: role.to_owned(),
            on: BTreeMap::from([
                (Phase::Provision, vec!["node".into()]),
                (Phase::Configure, vec!["chain".into()]),
            ]),
            needs: needs
                .iter()
                .map(|(phase, role, from)| Need {
                    phase: *phase,
                    role: (*role).to_owned(),
                    from: *from,
                    kind: None,
                    optional: false,
                })
                .collect(),
            ..Descriptor::default()
        };
        let text = serde_json::to_string(&descriptor).unwrap();
        ResolvedService {
            role: role.to_owned(),
            instance: role.to_owned(),
            plugin: Arc::new(Plugin::built_in(&text, "sha256:0", Code::Ready(b"")).unwrap()),
            options: Options::default(),
            images: Vec::new(),
            resources: serde_json::Value::Null,
        }
    }

    #[test]
    fn client_to_consensus_to_client_is_no_loop() {
        use Phase::{Configure, Provision};
        let services = [
            service("client", &[(Configure, "consensus", Configure)]),
            service("consensus", &[(Configure, "client", Provision)]),
        ];
        let levels = levels(&services).unwrap();
        assert_eq!(
            levels,
            vec![
                vec![(Provision, 0), (Provision, 1)],
                vec![(Configure, 1)],
                vec![(Configure, 0)]
            ]
        );
    }

    #[test]
    fn a_loop_is_named() {
        use Phase::Configure;
        let services = [
            service("client", &[(Configure, "consensus", Configure)]),
            service("consensus", &[(Configure, "client", Configure)]),
        ];
        let fault = levels(&services).unwrap_err().to_string();
        assert_eq!(
            fault,
            "a loop of needs: client (configure) -> consensus (configure) -> client (configure)"
        );
    }

    #[test]
    fn a_need_that_nobody_meets_is_named() {
        let services = [service(
            "client",
            &[(Phase::Provision, "oracle", Phase::Provision)],
        )];
        assert!(
            levels(&services)
                .unwrap_err()
                .to_string()
                .contains("needs role `oracle`")
        );
    }
}

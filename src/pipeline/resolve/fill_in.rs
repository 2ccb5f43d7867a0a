//! What the user left out, written into what is remembered; keys are taken out.

use std::collections::BTreeMap;

use serde_json::Map;

use super::{ResolvedService, STACK_ROLE};
use crate::pipeline::options;
use crate::spec::{ChainSpec, Service, Services};

/// Makes every default visible, and takes every secret out.
pub(super) fn fill_in(
    spec: &mut ChainSpec,
    stack: &ResolvedService,
    release: &str,
    services: &[ResolvedService],
) {
    spec.stack = Some(stack.plugin.descriptor.stack.clone());
    spec.release = Some(release.to_owned());
    spec.options = stack.options.open.clone();
    if spec.nodes.is_none() {
        spec.nodes = Some(crate::spec::Nodes::Count(3));
    }
    let mut roles: BTreeMap<String, Vec<Service>> = BTreeMap::new();
    for service in std::iter::once(stack).chain(services) {
        let of_stack = service.role == STACK_ROLE;
        if of_stack && service.images.is_empty() && service.resources.is_null() {
            continue;
        }
        let main = &service.plugin.descriptor.container;
        let image = service
            .images
            .iter()
            .find(|(name, _)| name == main)
            .map(|(_, image)| image.clone());
        roles
            .entry(service.role.clone())
            .or_default()
            .push(Service {
                name: (service.instance != service.role).then(|| service.instance.clone()),
                plugin: (!of_stack).then(|| service.plugin.name().to_owned()),
                options: if of_stack {
                    Map::new()
                } else {
                    service.options.open.clone()
                },
                image,
                images: service
                    .images
                    .iter()
                    .filter(|(name, _)| name != main)
                    .cloned()
                    .collect(),
                resources: service.resources.clone(),
            });
    }
    spec.services = roles
        .into_iter()
        .map(|(role, mut all)| match (all.pop(), all.is_empty()) {
            (Some(one), true) => (role, Services::One(Box::new(one))),
            (last, _) => {
                all.extend(last);
                (role, Services::Many(all))
            }
        })
        .collect();
    if let Some(crate::spec::Nodes::List(entries)) = &mut spec.nodes {
        for entry in entries {
            for (key, service) in &mut entry.services {
                let schema = services
                    .iter()
                    .find(|it| it.key() == *key)
                    .map(|it| it.plugin.descriptor.options.clone());
                let secret: Vec<String> = schema
                    .iter()
                    .flat_map(|schema| {
                        options::properties(schema)
                            .map(|(name, it)| (name.clone(), options::is_secret(it)))
                    })
                    .filter(|(_, secret)| *secret)
                    .flat_map(|(name, _)| [format!("{name}File"), format!("{name}Env"), name])
                    .collect();
                service.options.retain(|name, _| !secret.contains(name));
            }
        }
    }
}

//! The roles of a release: which there are, how often each is filled, and by which plugin.

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{Descriptor, Release, Role};

use super::{ResolveError, STACK_ROLE};
use crate::plugin::{Catalog, PluginError, Shared, nearest};
use crate::spec::{Loaded, Service, Services};

pub(super) fn check_roles(
    loaded: &Loaded,
    stack: &Descriptor,
    release: &str,
    given: &BTreeMap<String, Services>,
) -> Result<(), ResolveError> {
    let roles = |of: &Release| -> Vec<String> {
        let roles = of.roles.iter();
        roles.map(|role| role.name.clone()).collect()
    };
    let own = stack.releases.get(release).map(roles).unwrap_or_default();
    for role in given.keys().filter(|role| *role != STACK_ROLE) {
        if !own.contains(role) {
            let names: Vec<&str> = own.iter().map(String::as_str).collect();
            let others = stack.releases.iter();
            let others = others.filter(|(_, it)| roles(it).contains(role));
            let others: Vec<&str> = others.map(|(name, _)| name.as_str()).collect();
            if !others.is_empty() {
                let message = format!(
                    "release {release} of stack `{}` has no role `{role}`: it belongs to release {}",
                    stack.stack,
                    others.join(", ")
                );
                let hint = format!(
                    "take `--release {}`, or leave it out; roles of {release}: {}",
                    others.join("` or `--release "),
                    names.join(", ")
                );
                let pointer = format!("/spec/services/{role}");
                return Err(loaded.refuse(&pointer, message, Some(hint)).into());
            }
            let hint = nearest(role, names.iter().copied()).map_or_else(
                || format!("known roles: {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(loaded
                .refuse(
                    &format!("/spec/services/{role}"),
                    format!("unknown role `{role}`"),
                    Some(hint),
                )
                .into());
        }
    }
    Ok(())
}

/// Instances of a role: (instance, what the user said, where he said it).
pub(super) fn instances(
    loaded: &Loaded,
    role: &Role,
    given: Option<&Services>,
) -> Result<Vec<(String, Service, String)>, ResolveError> {
    let pointer = format!("/spec/services/{}", role.name);
    let mut all = given.map(Services::instances).unwrap_or_default();
    let many = matches!(given, Some(Services::Many(_)));
    if given.is_none() && !role.default.is_empty() {
        all.push(Service::default());
    }
    let none = |service: &Service| service.plugin.as_deref() == Some("none");
    if all.len() == 1 && all.iter().all(none) && role.count != "one" && !role.count.is_empty() {
        return Ok(Vec::new());
    }
    let fault = match (role.count.as_str(), all.len()) {
        ("" | "one", 0) => Some(format!("role `{}` is not filled", role.name)),
        ("" | "one" | "optional", 2..) => Some(format!(
            "role `{}` is filled {} times, once is enough",
            role.name,
            all.len()
        )),
        _ => None,
    };
    if let Some(message) = fault {
        return Err(loaded.refuse(&pointer, message, None).into());
    }
    let alone = all.len() == 1;
    let mut seen = std::collections::BTreeSet::new();
    all.into_iter()
        .enumerate()
        .map(|(index, service)| {
            let place = if many {
                format!("{pointer}/{index}")
            } else {
                pointer.clone()
            };
            let instance = match &service.name {
                Some(name) => name.clone(),
                None if alone => role.name.clone(),
                None => {
                    return Err(loaded
                        .refuse(
                            &place,
                            format!(
                                "several services fill role `{}`: each needs a `name`",
                                role.name
                            ),
                            None,
                        )
                        .into());
                }
            };
            if !seen.insert(instance.clone()) {
                return Err(loaded
                    .refuse(&place, format!("two services are named `{instance}`"), None)
                    .into());
            }
            Ok((instance, service, place))
        })
        .collect()
}

pub(super) fn plugin_for(
    loaded: &Loaded,
    catalog: &mut Catalog,
    stack: &Shared,
    role: &Role,
    given: &Service,
    release: &str,
    pointer: &str,
) -> Result<Shared, ResolveError> {
    let name = given.plugin.clone().unwrap_or_else(|| role.default.clone());
    let stack_name = &stack.descriptor.stack;
    let candidates = |catalog: &Catalog| -> Vec<String> {
        catalog
            .of_role(stack_name, &role.name)
            .map(|plugin| plugin.name().to_owned())
            .collect()
    };
    if name.is_empty() {
        let hint = format!("known plugins: {}", candidates(catalog).join(", "));
        return Err(loaded
            .refuse(
                pointer,
                format!("role `{}` needs a plugin", role.name),
                Some(hint),
            )
            .into());
    }
    let plugin = match catalog.find(&name) {
        Ok(plugin) => plugin,
        Err(PluginError::Unknown { .. }) => {
            let known = candidates(catalog);
            let hint = nearest(&name, known.iter().map(String::as_str)).map_or_else(
                || {
                    if known.is_empty() {
                        "no plugin in sight fills it: name a .wasm file".to_owned()
                    } else {
                        format!("known plugins for `{}`: {}", role.name, known.join(", "))
                    }
                },
                |near| format!("did you mean `{near}`?"),
            );
            return Err(loaded
                .refuse(
                    pointer,
                    format!("unknown plugin `{name}` for role `{}`", role.name),
                    Some(hint),
                )
                .into());
        }
        Err(fault) => return Err(fault.into()),
    };
    let descriptor = &plugin.descriptor;
    if descriptor.stack != *stack_name || descriptor.role != role.name {
        let filled = if descriptor.role.is_empty() {
            "is a stack".to_owned()
        } else {
            format!("fills `{}`", descriptor.role)
        };
        return Err(loaded
            .refuse(
                pointer,
                format!(
                    "plugin `{name}` of stack `{}` {filled}, not role `{}` of `{stack_name}`",
                    descriptor.stack, role.name
                ),
                Some(format!(
                    "known plugins for `{}`: {}",
                    role.name,
                    candidates(catalog).join(", ")
                )),
            )
            .into());
    }
    if !descriptor.series.iter().any(|series| series == release) {
        let fits = catalog.of_role(stack_name, &role.name);
        let fits = fits.filter(|it| it.descriptor.series.iter().any(|series| series == release));
        let fits: Vec<&str> = fits.map(|it| it.name()).collect();
        let mut hint = "generations must not be mixed".to_owned();
        if !fits.is_empty() {
            hint = format!("{hint}: for {release} there is {}", fits.join(", "));
        }
        let releases = &stack.descriptor.releases;
        let own = descriptor.series.iter();
        let own: Vec<&str> = own
            .map(String::as_str)
            .filter(|it| releases.contains_key(*it))
            .collect();
        if !own.is_empty() {
            let own = own.join("` or `--release ");
            hint = format!("{hint}; `{name}` goes with `--release {own}`");
        }
        return Err(loaded
            .refuse(
                pointer,
                format!(
                    "plugin `{name}` is of series {}, the chain is of release {release}",
                    descriptor.series.join(", ")
                ),
                Some(hint),
            )
            .into());
    }
    Ok(plugin)
}

//! What a spec chooses: its stack, the plugin of a role, the one service of a role.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use chain_plugin_sdk::descriptor::Descriptor;

use crate::plugin::{Catalog, is_file_name};
use crate::spec::{ChainSpec, Service, Services};

/// The one service of a role, made if it is not there.
pub(super) fn one<'a>(
    services: &'a mut BTreeMap<String, Services>,
    role: &str,
) -> anyhow::Result<&'a mut Service> {
    let entry = services
        .entry(role.to_owned())
        .or_insert_with(|| Services::One(Box::default()));
    if let Services::Name(name) = entry {
        *entry = Services::One(Box::new(Service {
            plugin: Some(name.clone()),
            ..Service::default()
        }));
    }
    match entry {
        Services::One(service) => Ok(service),
        _ => bail!("role `{role}` has several services in the file; change them there"),
    }
}

pub(super) fn stack_of(spec: &ChainSpec, catalog: &mut Catalog) -> anyhow::Result<Descriptor> {
    let name = match &spec.stack {
        Some(name) => name.clone(),
        None => catalog
            .all()
            .find(|plugin| plugin.descriptor.role.is_empty())
            .map(|plugin| plugin.descriptor.stack.clone())
            .context("no stack in sight; name one: --stack ./stack.wasm")?,
    };
    let plugin = if is_file_name(&name) {
        catalog.find(&name)?
    } else {
        catalog.stack(&name)?
    };
    Ok(plugin.descriptor.clone())
}

pub(super) fn plugin_of(
    spec: &ChainSpec,
    stack: &Descriptor,
    role: &str,
    catalog: &mut Catalog,
) -> anyhow::Result<Descriptor> {
    let chosen = spec
        .services
        .get(role)
        .and_then(|services| services.instances().into_iter().next())
        .and_then(|service| service.plugin);
    let release = spec
        .release
        .clone()
        .unwrap_or_else(|| stack.default_release.clone());
    let default = || {
        let release = stack.releases.get(&release)?;
        release
            .roles
            .iter()
            .find(|known| known.name == role)
            .map(|role| role.default.clone())
    };
    let name = chosen.or_else(default).unwrap_or_default();
    Ok(catalog
        .find(&name)
        .with_context(|| format!("role `{role}`"))?
        .descriptor
        .clone())
}

//! Secret options that stand in the environment.

use chain_plugin_sdk::descriptor::Descriptor;
use serde_json::json;

use super::chosen::{one, plugin_of};
use crate::pipeline::options::{is_secret, properties};
use crate::plugin::Catalog;
use crate::plugin::flags::kebab;
use crate::spec::{ChainSpec, Services};

/// Secret options that stand in the environment and nowhere else.
pub(super) fn from_environment(
    spec: &mut ChainSpec,
    stack: &Descriptor,
    catalog: &mut Catalog,
) -> anyhow::Result<()> {
    let release = spec
        .release
        .clone()
        .unwrap_or_else(|| stack.default_release.clone());
    let roles: Vec<String> = stack
        .releases
        .get(&release)
        .map(|release| release.roles.iter().map(|role| role.name.clone()).collect())
        .unwrap_or_default();
    for role in roles {
        let Ok(plugin) = plugin_of(spec, stack, &role, catalog) else {
            continue;
        };
        for (option, _) in properties(&plugin.options).filter(|(_, schema)| is_secret(schema)) {
            let variable = variable(&role, option);
            let given = match spec.services.get(&role) {
                Some(Services::One(service)) => [
                    option.clone(),
                    format!("{option}File"),
                    format!("{option}Env"),
                ]
                .iter()
                .any(|name| service.options.contains_key(name)),
                Some(Services::Many(_)) => true,
                _ => false,
            };
            if !given && std::env::var_os(&variable).is_some() {
                one(&mut spec.services, &role)?
                    .options
                    .insert(format!("{option}Env"), json!(variable));
            }
        }
    }
    Ok(())
}

pub(super) fn variable(role: &str, option: &str) -> String {
    format!("CHAIN_{}_{}", kebab(role), kebab(option))
        .replace('-', "_")
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_spelled_as_kubectl_spells_them() {
        assert_eq!(kebab("passwordFile"), "password-file");
        assert_eq!(kebab("state_db"), "state-db");
        assert_eq!(
            variable("state-db", "passwordFile"),
            "CHAIN_STATE_DB_PASSWORD_FILE"
        );
    }
}

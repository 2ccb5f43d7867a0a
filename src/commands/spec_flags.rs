//! Flags that are the user's file by another spelling: some the host's own, most made from the descriptors in sight.
//!
//! `--<role> PLUGIN`, `--<role>-<option> VALUE`, `--<option> VALUE` for the stack's own, and one flag per kind that a stack
//! counts. A secret option takes its value from `--<role>-<option>-file`, from the environment
//! (`CHAIN_<ROLE>_<OPTION>`), or, with a warning, from the flag itself.

mod added;
mod chosen;
mod environment;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use serde_json::{Value, json};

use self::added::{Counted, Meaning, meanings};
use self::chosen::{one, plugin_of, stack_of};
use self::environment::{from_environment, variable};
use crate::pipeline::options::{from_text, is_secret, properties};
use crate::plugin::flags::{RESERVED, kebab};
use crate::plugin::{Catalog, is_file_name, nearest};
use crate::spec::{ChainSpec, Nodes};

/// The host's own part of the spec.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chain")]
pub struct SpecFlags {
    /// The stack, by name or as a .wasm file
    #[arg(long, value_name = "STACK")]
    pub stack: Option<String>,
    /// Release of the stack
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// How many nodes (default 3)
    #[arg(long, value_name = "N")]
    pub nodes: Option<u64>,
    /// StorageClass of the volumes
    #[arg(long, value_name = "CLASS")]
    pub storage_class: Option<String>,
    /// Size of each volume
    #[arg(long, value_name = "SIZE")]
    pub storage_size: Option<String>,
    /// A claim that exists and that all nodes share
    #[arg(long, value_name = "NAME")]
    pub storage_claim: Option<String>,
    /// How the chain is reached: ClusterIP, NodePort, LoadBalancer
    #[arg(long, value_name = "TYPE")]
    pub expose_type: Option<String>,
    /// First port of the block that faces outside
    #[arg(long, value_name = "PORT")]
    pub expose_port: Option<u16>,
    /// Put before every image that is not named, e.g. mirror.example/
    #[arg(long, value_name = "PREFIX")]
    pub image_prefix: Option<String>,
    /// Pull secret that exists in the namespace; may be repeated
    #[arg(long, value_name = "NAME")]
    pub image_pull_secret: Vec<String>,
    /// Image of the init container that seeds volumes
    #[arg(long, value_name = "IMAGE")]
    pub seed_image: Option<String>,
}

fn taken(command: &Command) -> BTreeSet<String> {
    let own = command
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(ToOwned::to_owned));
    own.chain(RESERVED.into_iter().map(ToOwned::to_owned))
        .collect()
}

/// Adds the flags of the plugins in sight to a command; of those of one stack, when the command line names it.
pub fn augment(mut command: Command, catalog: &Catalog, stack: Option<&str>) -> Command {
    let taken = taken(&command);
    for (name, added) in meanings(catalog, &taken, stack) {
        let counted = added.kind.is_some() || matches!(added.meaning, Meaning::Kind(_));
        let value = match added.meaning {
            Meaning::Role(_) if !counted => "PLUGIN",
            _ => "VALUE",
        };
        let action = if counted {
            ArgAction::Append
        } else {
            ArgAction::Set
        };
        command = command.arg(
            Arg::new(format!("spec:{name}"))
                .long(name)
                .value_name(value)
                .action(action)
                .help(added.help())
                .help_heading(added.heading)
                .allow_hyphen_values(false),
        );
    }
    command
}

impl SpecFlags {
    /// Lays the flags over what the file says. Returns warnings.
    pub fn lay_over(
        &self,
        spec: &mut ChainSpec,
        matches: &ArgMatches,
        catalog: &mut Catalog,
    ) -> anyhow::Result<Vec<String>> {
        macro_rules! over {
            ($($from:ident => $to:expr;)*) => {
                $( if let Some(value) = &self.$from { $to = Some(value.clone()); } )*
            };
        }
        over! {
            stack => spec.stack;
            release => spec.release;
            storage_class => spec.storage.class;
            storage_size => spec.storage.size;
            storage_claim => spec.storage.claim;
            expose_type => spec.expose.kind;
            expose_port => spec.expose.port;
            image_prefix => spec.images.prefix;
            seed_image => spec.images.seed;
        }
        spec.images
            .pull_secrets
            .extend(self.image_pull_secret.iter().cloned());
        if let Some(count) = self.nodes {
            if let Some(Nodes::List(list)) = &spec.nodes {
                bail!(
                    "--nodes {count}: the file lists its {} nodes; change the list",
                    list.len()
                );
            }
            spec.nodes = Some(Nodes::Count(count));
        }
        dynamic(spec, matches, catalog)
    }
}

fn dynamic(
    spec: &mut ChainSpec,
    matches: &ArgMatches,
    catalog: &mut Catalog,
) -> anyhow::Result<Vec<String>> {
    let given: BTreeMap<String, Vec<String>> = matches
        .ids()
        .filter_map(|id| {
            let name = id.as_str().strip_prefix("spec:")?;
            let values = matches.get_many::<String>(id.as_str())?;
            Some((name.to_owned(), values.cloned().collect()))
        })
        .collect();
    let flags = meanings(catalog, &BTreeSet::new(), None);
    let mut warnings = Vec::new();
    let meant = |name: &String| flags.get(name).map(|flag| flag.meaning.clone());
    for (name, values) in &given {
        let Some(flag) = flags.get(name) else {
            continue;
        };
        let (plugins, rest): (Vec<String>, Vec<String>) = match &flag.meaning {
            Meaning::Role(_) => values.iter().cloned().partition(|value| {
                flag.kind.is_none() || is_file_name(value) || catalog.find(value).is_ok()
            }),
            _ => (Vec::new(), values.clone()),
        };
        if let (Meaning::Role(role), Some(plugin)) = (&flag.meaning, plugins.last()) {
            one(&mut spec.services, role)?.plugin = Some(plugin.clone());
        }
        let counted = match &flag.meaning {
            Meaning::Kind(counted) => Some(counted),
            _ => flag.kind.as_ref(),
        };
        if let (Some(Counted { key, value: under }), false) = (counted, rest.is_empty()) {
            spec.kinds
                .insert(key.clone(), count_or_names(&rest.join(","), under));
        }
    }
    let stack = stack_of(spec, catalog)?;
    for (name, values) in &given {
        let Some(value) = values.last() else { continue };
        match meant(name) {
            Some(Meaning::StackOption(option)) => {
                let Some((_, schema)) =
                    properties(&stack.options).find(|(known, _)| **known == option)
                else {
                    let hint = nearest(
                        &option,
                        properties(&stack.options).map(|(name, _)| name.as_str()),
                    );
                    bail!(
                        "--{name}: stack `{}` has no such option{}",
                        stack.stack,
                        suggestion(hint)
                    );
                };
                spec.options.insert(option, from_text(schema, value));
            }
            Some(Meaning::RoleOption { role, option }) => {
                let plugin = plugin_of(spec, &stack, &role, catalog)?;
                let base = option.strip_suffix("File").unwrap_or(&option);
                let schema = properties(&plugin.options)
                    .find(|(known, schema)| {
                        **known == option || (*known == base && is_secret(schema))
                    })
                    .map(|(_, schema)| schema.clone());
                let Some(schema) = schema else {
                    let known: Vec<String> = properties(&plugin.options)
                        .map(|(name, _)| format!("--{}-{}", kebab(&role), kebab(name)))
                        .collect();
                    bail!(
                        "--{name}: plugin `{}` has no such option; it has: {}",
                        plugin.name,
                        known.join(" ")
                    );
                };
                if is_secret(&schema) && option == base {
                    warnings.push(format!(
                        "--{name} shows a secret to everybody who sees the command line; use --{name}-file, or ${}",
                        variable(&role, &option)
                    ));
                }
                let value = if option == base {
                    from_text(&schema, value)
                } else {
                    json!(value)
                };
                one(&mut spec.services, &role)?
                    .options
                    .insert(option, value);
            }
            _ => {}
        }
    }
    from_environment(spec, &stack, catalog)?;
    Ok(warnings)
}

fn suggestion(near: Option<String>) -> String {
    near.map(|near| format!(", did you mean --{}", kebab(&near)))
        .unwrap_or_default()
}

/// `3` is a count, `a,b` a list of names; of `a=x` the value stands under `key`, where a kind has one.
fn count_or_names(text: &str, key: &str) -> Value {
    if let Ok(count) = text.parse::<u64>() {
        return json!(count);
    }
    let entries = text.split(',').map(str::trim);
    entries
        .map(|entry| match entry.split_once('=') {
            Some((name, value)) if !key.is_empty() => json!({"name": name, key: value}),
            _ => json!({"name": entry}),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_counted_or_named() {
        assert_eq!(count_or_names("3", ""), json!(3));
        assert_eq!(
            count_or_names("org1, org2", ""),
            json!([{"name": "org1"}, {"name": "org2"}])
        );
        assert_eq!(
            count_or_names("basic=registry.example/basic:1,other", "image"),
            json!([{"name": "basic", "image": "registry.example/basic:1"}, {"name": "other"}])
        );
    }
}

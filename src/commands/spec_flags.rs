//! Flags that are the user's file by another spelling: some the host's own, most made from the descriptors in sight.
//!
//! `--<role> PLUGIN`, `--<role>-<option> VALUE`, `--<option> VALUE` for the stack's own, and one flag per kind that a stack
//! counts. A secret option takes its value from `--<role>-<option>-file`, from the environment
//! (`CHAIN_<ROLE>_<OPTION>`), or, with a warning, from the flag itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use chain_plugin_sdk::descriptor::Descriptor;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use serde_json::{Value, json};

use crate::pipeline::options::{from_text, is_secret, properties};
use crate::plugin::flags::{RESERVED, kebab};
use crate::plugin::{Catalog, is_file_name, nearest};
use crate::spec::{ChainSpec, Nodes, Service, Services};

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

/// What one added flag means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Role(String),
    RoleOption { role: String, option: String },
    StackOption(String),
    Kind(Counted),
}

/// A kind that has a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counted {
    /// Key in the spec.
    key: String,
    /// Key of the value in `NAME=VALUE`, or "".
    value: String,
}

/// A flag that descriptors add.
struct Added {
    meaning: Meaning,
    heading: String,
    help: String,
    /// Who has it, when several may.
    of: Vec<String>,
    /// The kind that has the name of this role: what is no plugin of the role is one of the kind.
    kind: Option<Counted>,
}

impl Added {
    /// Its line of help.
    fn help(&self) -> String {
        match self.meaning {
            Meaning::Role(_) if self.kind.is_some() => {
                format!("{}; or its plugin: {}", self.help, self.of.join("; "))
            }
            Meaning::Role(_) => format!("Plugin: {}", self.of.join("; ")),
            _ if self.of.is_empty() => self.help.clone(),
            _ => format!("{} [{}]", self.help, self.of.join(", ")),
        }
    }
}

/// All added flags by name: those of `stack`, or of all stacks in sight. Of two that share a name the first says what it
/// is, and both are named.
fn meanings(
    catalog: &Catalog,
    taken: &BTreeSet<String>,
    stack: Option<&str>,
) -> BTreeMap<String, Added> {
    let mut flags: BTreeMap<String, Added> = BTreeMap::new();
    let mut add =
        |name: String, meaning: Meaning, heading: &str, help: String, of: Option<String>| {
            if !taken.contains(&name) {
                let flag = flags.entry(name).or_insert(Added {
                    meaning,
                    heading: heading.to_owned(),
                    help,
                    of: Vec::new(),
                    kind: None,
                });
                flag.of.extend(of);
            }
        };
    let mut kinds = Vec::new();
    let wanted = |descriptor: &Descriptor| stack.is_none_or(|stack| descriptor.stack == stack);
    let in_sight = || catalog.all().filter(|plugin| wanted(&plugin.descriptor));
    for stack in in_sight().filter(|plugin| plugin.descriptor.role.is_empty()) {
        let descriptor = &stack.descriptor;
        let heading = format!("Stack {}", descriptor.stack);
        for role in descriptor
            .releases
            .values()
            .flat_map(|release| &release.roles)
        {
            let known: Vec<String> = catalog
                .of_role(&descriptor.stack, &role.name)
                .map(|plugin| plugin.name().to_owned())
                .collect();
            let default = if role.default.is_empty() {
                String::new()
            } else {
                format!(" (default {})", role.default)
            };
            let of = format!("{}{default}", known.join(", "));
            add(
                kebab(&role.name),
                Meaning::Role(role.name.clone()),
                &format!("Role {}", role.name),
                String::new(),
                Some(of),
            );
        }
        for (option, schema) in properties(&descriptor.options) {
            let meaning = Meaning::StackOption(option.clone());
            add(kebab(option), meaning, &heading, summary(schema), None);
        }
        for kind in descriptor.kinds.iter().filter(|kind| !kind.flag.is_empty()) {
            let counted = Counted {
                key: kind.key.clone(),
                value: kind.value.clone(),
            };
            kinds.push((kind.flag.clone(), counted.clone(), kind.summary.clone()));
            let meaning = Meaning::Kind(counted);
            add(
                kind.flag.clone(),
                meaning,
                &heading,
                kind.summary.clone(),
                None,
            );
        }
    }
    for plugin in in_sight().filter(|plugin| !plugin.descriptor.role.is_empty()) {
        let Descriptor {
            role,
            options,
            name,
            ..
        } = &plugin.descriptor;
        for (option, schema) in properties(options) {
            let mut spellings = vec![option.clone()];
            if is_secret(schema) {
                spellings.push(format!("{option}File"));
            }
            for option in spellings {
                let flag = format!("{}-{}", kebab(role), kebab(&option));
                add(
                    flag,
                    Meaning::RoleOption {
                        role: role.clone(),
                        option,
                    },
                    &format!("Role {role}"),
                    summary(schema),
                    Some(name.clone()),
                );
            }
        }
    }
    for (name, counted, summary) in kinds {
        if let Some(flag) = flags.get_mut(&name)
            && matches!(flag.meaning, Meaning::Role(_))
        {
            flag.help = summary;
            flag.kind = Some(counted);
        }
    }
    flags
}

/// The first sentence of a property's description, and its default.
fn summary(schema: &Value) -> String {
    let text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let first = text
        .split_once(". ")
        .map_or(text, |(first, _)| first)
        .trim_end_matches('.');
    match schema.get("default") {
        Some(Value::String(default)) if !default.is_empty() => {
            format!("{first} (default {default})")
        }
        Some(default) if !default.is_null() && !default.is_string() => {
            format!("{first} (default {default})")
        }
        _ => first.to_owned(),
    }
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

/// Secret options that stand in the environment and nowhere else.
fn from_environment(
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

fn variable(role: &str, option: &str) -> String {
    format!("CHAIN_{}_{}", kebab(role), kebab(option))
        .replace('-', "_")
        .to_ascii_uppercase()
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

/// The one service of a role, made if it is not there.
fn one<'a>(
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

fn stack_of(spec: &ChainSpec, catalog: &mut Catalog) -> anyhow::Result<Descriptor> {
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

fn plugin_of(
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

//! What the user granted to plugins: permissions, and the sharing of secrets between roles.
//!
//! Grants live with the user (`grants.json` in the config folder, or `--grant`), never in a cluster. A built-in plugin
//! has what its descriptor asks for; two built-in plugins that agree on sharing need nobody's further consent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::pipeline::{Resolved, ResolvedService};

/// Permissions by plugin name.
pub type Granted = BTreeMap<String, BTreeSet<String>>;

/// The user's file: `$XDG_CONFIG_HOME/kubectl-chain/grants.json`, else below `$HOME/.config`.
pub fn file() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(base.join("kubectl-chain").join("grants.json"))
}

/// Reads the user's file and adds `flags`, each `PLUGIN=PERMISSION`.
pub fn read(flags: &[String]) -> anyhow::Result<Granted> {
    let mut granted = Granted::new();
    if let Some(path) = file() {
        match std::fs::read(&path) {
            Ok(bytes) => {
                granted = serde_json::from_slice(&bytes).with_context(|| {
                    format!("{} is not a map of plugins to permissions", path.display())
                })?;
            }
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
            Err(fault) => {
                return Err(fault).with_context(|| format!("cannot read {}", path.display()));
            }
        }
    }
    for flag in flags {
        let Some((plugin, permission)) = flag.split_once('=') else {
            bail!("--grant {flag}: expected PLUGIN=PERMISSION");
        };
        granted
            .entry(plugin.to_owned())
            .or_default()
            .insert(permission.to_owned());
    }
    Ok(granted)
}

/// Adds one permission to the user's file.
pub fn add(plugin: &str, permission: &str) -> anyhow::Result<PathBuf> {
    let path = file().context("no folder for configuration: set HOME or XDG_CONFIG_HOME")?;
    let mut granted = read(&[])?;
    granted
        .entry(plugin.to_owned())
        .or_default()
        .insert(permission.to_owned());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let temporary = path.with_extension("json.tmp");
    std::fs::write(&temporary, serde_json::to_vec_pretty(&granted)?)
        .and_then(|()| std::fs::rename(&temporary, &path))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What the plugins of a chain may do: built-in ones what they ask for, others what was granted.
pub fn permissions(resolved: &Resolved, granted: &Granted) -> Granted {
    let mut all = granted.clone();
    for service in services(resolved) {
        if is_built_in(service) {
            let asked = service.plugin.descriptor.permissions.iter().cloned();
            all.entry(service.plugin.name().to_owned())
                .or_default()
                .extend(asked);
        }
    }
    all
}

/// The permission by which a plugin may take another role's secret item.
pub fn take(role: &str, item: &str) -> String {
    format!("take:{role}/{item}")
}

/// (maker role, taker role, item) on which the maker's descriptor, the taker's and the user agree.
pub fn consents(resolved: &Resolved, granted: &Granted) -> BTreeSet<(String, String, String)> {
    let mut consents = BTreeSet::new();
    for taker in services(resolved) {
        for wish in &taker.plugin.descriptor.takes {
            let agreed =
                services(resolved)
                    .filter(|maker| maker.role == wish.role)
                    .any(|maker| {
                        let offered =
                            maker.plugin.descriptor.kept.iter().any(|kept| {
                                kept.name == wish.item && kept.share.contains(&taker.role)
                            });
                        let user = (is_built_in(maker) && is_built_in(taker))
                            || granted
                                .get(taker.plugin.name())
                                .is_some_and(|all| all.contains(&take(&wish.role, &wish.item)));
                        offered && user
                    });
            if agreed {
                consents.insert((wish.role.clone(), taker.role.clone(), wish.item.clone()));
            }
        }
    }
    consents
}

fn services(resolved: &Resolved) -> impl Iterator<Item = &ResolvedService> {
    std::iter::once(&resolved.stack)
        .chain(&resolved.services)
        .chain(resolved.overrides.values())
}

fn is_built_in(service: &ResolvedService) -> bool {
    service.plugin.origin == "built-in"
}

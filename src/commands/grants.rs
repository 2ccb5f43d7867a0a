//! What the user granted to plugins: permissions, and the sharing of secrets between roles.
//!
//! Grants live with the user (`grants.json` in the config folder, by digest; or `--grant`, for one run), never in a cluster. A built-in plugin
//! has what its descriptor asks for; two built-in plugins that agree on sharing need nobody's further consent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::pipeline::secrets::Consents;
use crate::pipeline::{Resolved, ResolvedService};
use crate::plugin::Plugin;

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

/// What stands in the user's file, by the plugin's digest: another build of it is another plugin, and is asked about again.
type Kept = BTreeMap<String, Entry>;

/// What was granted to one build of a plugin.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Entry {
    /// Its name, for whoever reads the file.
    plugin: String,
    permissions: BTreeSet<String>,
}

fn kept() -> anyhow::Result<Kept> {
    let Some(path) = file() else {
        return Ok(Kept::new());
    };
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "{} is not a map of plugin digests to permissions",
                path.display()
            )
        }),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(Kept::new()),
        Err(fault) => Err(fault).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// What the user's file grants to the plugins of a chain, and `flags`, each `PLUGIN=PERMISSION`.
pub fn read(resolved: &Resolved, flags: &[String]) -> anyhow::Result<Granted> {
    let kept = kept()?;
    let mut granted = Granted::new();
    for service in services(resolved) {
        if let Some(entry) = kept.get(&service.plugin.digest) {
            granted
                .entry(service.plugin.name().to_owned())
                .or_default()
                .extend(entry.permissions.iter().cloned());
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
pub fn add(plugin: &Plugin, permission: &str) -> anyhow::Result<PathBuf> {
    let path = file().context("no folder for configuration: set HOME or XDG_CONFIG_HOME")?;
    let mut all = kept()?;
    let entry = all.entry(plugin.digest.clone()).or_default();
    plugin.name().clone_into(&mut entry.plugin);
    entry.permissions.insert(permission.to_owned());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let temporary = path.with_extension("json.tmp");
    std::fs::write(&temporary, serde_json::to_vec_pretty(&all)?)
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
pub fn consents(resolved: &Resolved, granted: &Granted) -> Consents {
    offers(resolved)
        .filter(|offer| offer.has_consent(granted))
        .map(|offer| {
            let (role, item) = (offer.role.to_owned(), offer.item.to_owned());
            (role, offer.taker.role.clone(), item)
        })
        .collect()
}

/// What plugins ask of each other and their makers offer, and the user has not agreed to: (plugin, permission).
pub fn missing(resolved: &Resolved, granted: &Granted) -> BTreeSet<(String, String)> {
    let consents = consents(resolved, granted);
    let agreed = |offer: &Offer<'_>| {
        let (role, item) = (offer.role.to_owned(), offer.item.to_owned());
        consents.contains(&(role, offer.taker.role.clone(), item))
    };
    offers(resolved)
        .filter(|offer| !agreed(offer))
        .map(|offer| {
            let plugin = offer.taker.plugin.name().to_owned();
            (plugin, take(offer.role, offer.item))
        })
        .collect()
}

/// A secret item that one plugin asks for and another offers to its role.
struct Offer<'a> {
    taker: &'a ResolvedService,
    maker: &'a ResolvedService,
    role: &'a str,
    item: &'a str,
}

impl Offer<'_> {
    fn has_consent(&self, granted: &Granted) -> bool {
        (is_built_in(self.maker) && is_built_in(self.taker))
            || granted
                .get(self.taker.plugin.name())
                .is_some_and(|all| all.contains(&take(self.role, self.item)))
    }
}

fn offers(resolved: &Resolved) -> impl Iterator<Item = Offer<'_>> {
    services(resolved).flat_map(move |taker| {
        taker.plugin.descriptor.takes.iter().flat_map(move |wish| {
            services(resolved)
                .filter(|maker| maker.role == wish.role)
                .filter(|maker| {
                    let shared = &maker.plugin.descriptor.kept;
                    shared
                        .iter()
                        .any(|kept| kept.name == wish.item && kept.share.contains(&taker.role))
                })
                .map(move |maker| Offer {
                    taker,
                    maker,
                    role: &wish.role,
                    item: &wish.item,
                })
        })
    })
}

fn services(resolved: &Resolved) -> impl Iterator<Item = &ResolvedService> {
    resolved.all().chain(resolved.overrides.values())
}

fn is_built_in(service: &ResolvedService) -> bool {
    service.plugin.origin == "built-in"
}

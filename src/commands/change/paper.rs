//! `create` and `apply` without a cluster: as text, or as a folder.

use std::mem::ManuallyDrop;

use anyhow::bail;

use super::{Change, DryRun, Output, Round, Wish, print_objects, tell_notes};
use crate::manifest::{Object, yaml};
use crate::pipeline::Resolved;
use crate::pipeline::form::{self, Prepared, Verb};
use crate::pipeline::output_dir::{OutputDir, OutputFile, subject_files};
use crate::pipeline::shape::vault_name;
use crate::state::directory::DirectoryStore;
use crate::state::memory::MemoryStore;
use crate::state::{Remembered, Site, Store, Vault};
use crate::ui::Printer;

impl Change {
    async fn prepare_on_paper<S: Store>(
        &self,
        store: &S,
        verb: Verb,
        wish: &Wish,
    ) -> anyhow::Result<Prepared> {
        let round = Round {
            keep_files: self.output_dir.is_some(),
            renew: &wish.renew,
            clusters: &wish.resolved.clusters(),
            stand_in: false,
        };
        Ok(wish.prepare(store, verb, &round).await?)
    }

    pub(super) async fn on_paper(
        &self,
        verb: Verb,
        wish: &Wish,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        let store = MemoryStore::new(&wish.resolved.chain);
        let prepared = self.prepare_on_paper(&store, verb, wish).await?;
        // Nothing follows: taking it apart piece by piece would only cost time.
        let prepared = ManuallyDrop::new(prepared);
        tell_notes(&prepared, printer);
        let vaults = born(&prepared, &wish.resolved)?;
        match self.output {
            Some(format) => {
                if printer.out_is_terminal() && format != Output::Name {
                    printer.warning("this shows private keys; -o name does not, and --output-dir writes them to files");
                }
                print_objects(format, vaults.iter().chain(&prepared.objects), printer)?;
            }
            None => {
                for object in &prepared.objects {
                    printer.line(&format!("{} created (dry run)", object.display()))?;
                }
            }
        }
        Ok(true)
    }

    pub(super) async fn folder(
        &self,
        folder: &std::path::Path,
        verb: Verb,
        wish: &Wish,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        let resolved = &wish.resolved;
        let output = OutputDir::new(folder, self.no_secrets);
        if self.dry_run != DryRun::None {
            bail!("--output-dir writes files and asks no cluster: leave --dry-run out");
        }
        if self.output.is_some() {
            bail!("--output-dir writes files and prints their names: leave -o out");
        }
        self.know_the_folder(folder, &output, resolved)?;
        let store = DirectoryStore::open(&output.state(&resolved.chain), &resolved.chain)?;
        // A folder has no second wish to protect: what is there is changed, as apply would.
        let verb = if store.load_head().await?.is_some() && verb == Verb::Create {
            Verb::Apply
        } else {
            verb
        };
        let prepared = self.prepare_on_paper(&store, verb, wish).await?;
        let mut prepared = ManuallyDrop::new(prepared);
        tell_notes(&prepared, printer);
        let claim = wish.drawn.claim("create");
        if prepared.writes() {
            prepared.commit(&store, resolved, &claim).await?;
        }
        // An earlier run may have stopped after its vaults: they are read, so that no file is missing.
        let vaults = all_vaults(&store).await?;
        let kept = vaults.iter().map(|(_, _, vault)| vault);
        let mut files = subject_files(&prepared, &prepared.outcome.files, kept);
        let mut secrets = vaults
            .iter()
            .map(|(it, name, vault)| vault_object(resolved, it.site(), name, vault))
            .collect::<anyhow::Result<Vec<_>>>()?;
        secrets.sort_by(|a, b| a.cluster.cmp(&b.cluster));
        files.extend(manifests(resolved, "", &prepared.objects, false)?);
        files.extend(manifests(resolved, "-secrets", &secrets, true)?);
        let written = output.write(&files)?;
        form::finish(&store, &prepared.revision, &claim.holder, None).await?;
        for path in &written {
            printer.line(&format!("{} written", path.display()))?;
        }
        if written.is_empty() {
            printer.line(&format!("{} unchanged", folder.display()))?;
        }
        Ok(true)
    }
}

impl Change {
    /// A folder whose keys are elsewhere is not given new ones: the chain would have two identities.
    fn know_the_folder(
        &self,
        folder: &std::path::Path,
        output: &OutputDir,
        resolved: &Resolved,
    ) -> anyhow::Result<()> {
        let (chain, shown) = (&resolved.chain, folder.display());
        let state = output.state(chain);
        if state.join("head.json").exists() {
            return Ok(());
        }
        let other = OutputDir::new(folder, !self.no_secrets).state(chain);
        if other.join("head.json").exists() {
            let (was, hint) = if self.no_secrets {
                ("without", "leave it out")
            } else {
                ("with", "pass it")
            };
            bail!(
                "chain `{chain}` in {shown} was made {was} --no-secrets: its keys are in {}\nhint: {hint}, or name another folder",
                other.display()
            );
        }
        if folder.join(format!("{chain}.yaml")).exists() {
            bail!(
                "{shown} holds chain `{chain}`, and its keys are not in {}\nhint: put them back, or name another folder for a chain with new keys",
                state.display()
            );
        }
        Ok(())
    }
}

/// The vaults that were born in this run, as objects: before the others they make a manifest that can stand alone.
fn born(prepared: &Prepared, resolved: &Resolved) -> anyhow::Result<Vec<Object>> {
    let sites = prepared.sites();
    let born = prepared.outcome.vaults.iter();
    born.map(|vault| {
        let site = sites
            .get(vault.subject.as_str())
            .copied()
            .unwrap_or(Site::home(&resolved.namespace));
        let name = vault_name(&resolved.chain, &vault.subject, vault.version);
        vault_object(resolved, site, &name, vault)
    })
    .collect()
}

/// Objects as files, one for each cluster: `CHAIN.yaml` for the home, `CHAIN.CLUSTER.yaml` for others.
fn manifests(
    resolved: &Resolved,
    suffix: &str,
    objects: &[Object],
    secret: bool,
) -> anyhow::Result<Vec<OutputFile>> {
    let file = |cluster: &str, objects: &[Object]| {
        let dot = if cluster.is_empty() { "" } else { "." };
        Ok(OutputFile {
            path: format!("{}{dot}{cluster}{suffix}.yaml", resolved.chain),
            bytes: Some(yaml::documents(objects)?.into_bytes()),
            secret,
        })
    };
    // Objects are sorted by their clusters, the home first.
    let (home, others) = objects.split_at(objects.partition_point(|it| it.cluster.is_empty()));
    let others = others.chunk_by(|a, b| a.cluster == b.cluster);
    std::iter::once(("", home))
        .chain(others.filter_map(|part| Some((part.first()?.cluster.as_str(), part))))
        .map(|(cluster, part)| file(cluster, part))
        .collect()
}

/// Every vault that the head lists, with its subject as it is remembered and the name of its Secret. Of a folder, not of a cluster: there no key
/// is read again.
async fn all_vaults<S: Store>(store: &S) -> anyhow::Result<Vec<(Remembered, String, Vault)>> {
    let mut vaults = Vec::new();
    if let Some(stored) = store.load_head().await? {
        for (id, remembered) in stored.head.subjects.iter().filter(|(_, it)| !it.retired) {
            for listed in &remembered.vaults {
                let vault = store.read_vault(remembered.site(), id, listed).await?;
                vaults.push((remembered.clone(), listed.name.clone(), vault));
            }
        }
    }
    Ok(vaults)
}

/// A vault as the object that `create` writes.
fn vault_object(
    resolved: &Resolved,
    site: Site<'_>,
    name: &str,
    vault: &Vault,
) -> anyhow::Result<Object> {
    let value = crate::cluster::vault_manifest(&resolved.chain, site.namespace, name, vault)?;
    Ok(Object {
        cluster: site.cluster.to_owned(),
        value,
    })
}

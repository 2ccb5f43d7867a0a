//! What `create` and `apply` share: from flags and file to a chain, on paper, in a folder or in a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::Context;
use super::circumstances::{Drawn, draw};
use super::grants::{consents, permissions, read as read_grants};
use super::hooks::HookRun;
use super::spec_flags::SpecFlags;
use crate::cluster::apply::{
    self, ApplyOptions, ApplyPlan, DisruptionGroup, Hooks, Outcome as Done,
};
use crate::cluster::preflight::{self, ClaimChecks, Finding};
use crate::cluster::prune::{PrunePlan, prune};
use crate::cluster::{ClusterError, ClusterStore, Connection, namespace_of, watch};
use crate::manifest::{Object, yaml};
use crate::pipeline::form::{self, FormError, Prepared, Setting, Verb, prepare};
use crate::pipeline::output_dir::{OutputDir, OutputFile, subject_files};
use crate::pipeline::shape::{groups, vault_name};
use crate::pipeline::{Inputs, Resolved, resolve};
use crate::plugin::Runtime;
use crate::plugin::contract::Severity;
use crate::spec::{ChainFile, Loaded, Metadata};
use crate::state::directory::DirectoryStore;
use crate::state::memory::MemoryStore;
use crate::state::{ObjectId, Store, Vault, lock};
use crate::ui::{Message, Printer, Progress};

/// `--dry-run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Write
    None,
    /// Write nothing, and ask no cluster
    Client,
    /// Write nothing, and let the server say what it would do
    Server,
}

/// `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// All objects as YAML documents
    Yaml,
    /// All objects as one JSON list
    Json,
    /// One `kind/name` a line
    Name,
    /// The chain's file, with every default filled in
    Spec,
}

/// Flags of `create` and `apply`.
#[derive(Debug, Clone, Args)]
pub struct Change {
    /// The chain's file; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub spec: SpecFlags,
    /// Only show what would happen
    #[arg(help_heading = "Options", long, value_enum, value_name = "WHERE", default_value = "none", num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    pub dry_run: DryRun,
    /// Print objects in this format instead of what is done
    #[arg(
        help_heading = "Options",
        short,
        long,
        value_enum,
        value_name = "FORMAT"
    )]
    pub output: Option<Output>,
    /// Write everything into a folder instead of a cluster
    #[arg(help_heading = "Options", long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Keep secrets out of the folder, in its sibling DIR.secrets
    #[arg(help_heading = "Options", long)]
    pub no_secrets: bool,
    /// Wait until all nodes are ready
    #[arg(help_heading = "Options", long)]
    pub wait: bool,
    /// How long to wait, e.g. 90s or 10m
    #[arg(help_heading = "Options", long, value_name = "DURATION", default_value = "5m", value_parser = super::logs::parse_duration)]
    pub timeout: Duration,
    /// Take over objects that exist and belong to nobody
    #[arg(help_heading = "Options", long)]
    pub adopt: bool,
    /// Take fields over from other managers
    #[arg(help_heading = "Options", long)]
    pub force_conflicts: bool,
    /// Leave objects that are no longer wanted
    #[arg(help_heading = "Options", long)]
    pub no_prune: bool,
    /// Grant a plugin a permission for this run; may be repeated
    #[arg(help_heading = "Options", long, value_name = "PLUGIN=PERMISSION")]
    pub grant: Vec<String>,
}

/// A resolved wish, ready to be prepared anywhere.
struct Wish {
    resolved: Resolved,
    granted: BTreeMap<String, BTreeSet<String>>,
    drawn: Drawn,
    runtime: Runtime,
}

/// Merges `patch` (RFC 7396) into the spec of a chain that lives, and runs the whole pipeline for what changed.
pub async fn amend(
    context: &Context,
    chain: &str,
    namespace: &str,
    spec: Value,
    patch: &Value,
) -> anyhow::Result<()> {
    let mut spec = spec;
    merge_patch(&mut spec, patch);
    let file = ChainFile {
        metadata: Metadata {
            name: Some(chain.to_owned()),
            ..Metadata::default()
        },
        spec: serde_json::from_value(spec).context("the amended spec does not fit")?,
        ..ChainFile::default()
    };
    let loaded = Loaded {
        file,
        ..Loaded::default()
    };
    let mut catalog = context.catalog.clone();
    let resolved = resolve(
        Inputs {
            loaded,
            namespace: namespace.to_owned(),
        },
        &mut catalog,
    )?;
    let granted = read_grants(&[])?;
    let runtime = Runtime::new().map_err(anyhow::Error::from)?;
    let wish = Wish {
        resolved,
        granted,
        drawn: draw()?,
        runtime,
    };
    let change = Change {
        filename: None,
        spec: SpecFlags::default(),
        dry_run: DryRun::None,
        output: None,
        output_dir: None,
        no_secrets: false,
        wait: false,
        timeout: Duration::from_mins(5),
        adopt: false,
        force_conflicts: false,
        no_prune: false,
        grant: Vec::new(),
    };
    change.in_cluster(Verb::Apply, &wish, context).await?;
    Ok(())
}

/// JSON merge patch: objects are merged, null deletes, all else is replaced.
fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge_patch(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

impl Change {
    /// Does it. `name` is what stands on the command line.
    pub async fn run(
        self,
        name: Option<String>,
        verb: Verb,
        context: &mut Context,
    ) -> anyhow::Result<bool> {
        let wish = self.wish(name, context)?;
        if self.output == Some(Output::Spec) {
            return self.print_spec(&wish, &context.printer);
        }
        if let Some(folder) = &self.output_dir {
            return self.folder(folder, verb, &wish, &context.printer).await;
        }
        match self.dry_run {
            DryRun::Client => self.on_paper(verb, &wish, &context.printer).await,
            _ => self.in_cluster(verb, &wish, context).await,
        }
    }

    fn wish(&self, name: Option<String>, context: &mut Context) -> anyhow::Result<Wish> {
        let mut loaded = match &self.filename {
            Some(path) => Loaded::read(path)?,
            None => Loaded::default(),
        };
        if let Some(name) = name {
            if let Some(other) = loaded
                .file
                .metadata
                .name
                .as_ref()
                .filter(|other| **other != name)
            {
                bail!("the file names the chain `{other}`, the command line `{name}`");
            }
            loaded.file.metadata.name = Some(name);
        }
        let Context {
            matches,
            catalog,
            printer,
            ..
        } = &mut *context;
        let matches = matches
            .subcommand()
            .map_or(&*matches, |(_, matches)| matches);
        for warning in self
            .spec
            .lay_over(&mut loaded.file.spec, matches, catalog)?
        {
            printer.warning(&warning);
        }
        let flag = context.connect.namespace.clone();
        let in_file = loaded.file.metadata.namespace.clone();
        let namespace = match (flag, in_file) {
            (Some(flag), Some(file)) if flag != file => {
                bail!("the file says namespace `{file}`, the command line `{flag}`")
            }
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) => namespace_of(&context.connect)?,
        };
        let resolved = resolve(Inputs { loaded, namespace }, &mut context.catalog)?;
        let granted = read_grants(&self.grant)?;
        let runtime = Runtime::new()
            .map_err(anyhow::Error::from)
            .context("the plugin engine does not start")?;
        Ok(Wish {
            granted,
            resolved,
            drawn: draw()?,
            runtime,
        })
    }

    fn print_spec(&self, wish: &Wish, printer: &Printer) -> anyhow::Result<bool> {
        let file = ChainFile {
            metadata: Metadata {
                name: Some(wish.resolved.chain.clone()),
                namespace: Some(wish.resolved.namespace.clone()),
                labels: wish.resolved.labels.clone(),
                annotations: wish.resolved.annotations.clone(),
            },
            spec: wish.resolved.spec.clone(),
            ..ChainFile::default()
        };
        printer.data(yaml::value(&serde_json::to_value(file)?)?.as_bytes())?;
        Ok(true)
    }

    async fn on_paper(&self, verb: Verb, wish: &Wish, printer: &Printer) -> anyhow::Result<bool> {
        let store = MemoryStore::new(&wish.resolved.chain);
        let prepared = wish
            .prepare(&store, verb, self.output_dir.is_some())
            .await?;
        notes(&prepared, printer);
        let objects = with_vaults(&prepared, &wish.resolved)?;
        match self.output {
            Some(format) => {
                if printer.out_is_terminal() && format != Output::Name {
                    printer.warning("this shows private keys; -o name does not, and --output-dir writes them to files");
                }
                print_objects(format, &objects, printer)?;
            }
            None => {
                for object in &prepared.objects {
                    printer.line(&format!("{} created (dry run)", object.display()))?;
                }
            }
        }
        Ok(true)
    }

    async fn folder(
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
        let store = DirectoryStore::open(&output.state(&resolved.chain), &resolved.chain)?;
        // A folder has no second wish to protect: what is there is changed, as apply would.
        let verb = if store.load_head().await?.is_some() && verb == Verb::Create {
            Verb::Apply
        } else {
            verb
        };
        let mut prepared = wish
            .prepare(&store, verb, self.output_dir.is_some())
            .await?;
        notes(&prepared, printer);
        let claim = wish.drawn.claim("create");
        if prepared.writes() {
            prepared.commit(&store, resolved, &claim).await?;
        }
        // An earlier run may have stopped after its vaults: they are read, so that no file is missing.
        let vaults = all_vaults(&store).await?;
        let kept = vaults.iter().map(|(_, _, vault)| vault);
        let mut files = subject_files(&prepared, &prepared.outcome.files, kept);
        let secrets = vaults
            .iter()
            .map(|(namespace, name, vault)| vault_object(resolved, namespace, name, vault))
            .collect::<anyhow::Result<Vec<_>>>()?;
        files.push(OutputFile {
            path: format!("{}.yaml", resolved.chain),
            bytes: Some(yaml::documents(&prepared.objects)?.into_bytes()),
            secret: false,
        });
        files.push(OutputFile {
            path: format!("{}-secrets.yaml", resolved.chain),
            bytes: Some(yaml::documents(&secrets)?.into_bytes()),
            secret: true,
        });
        let written = output.write(&files)?;
        form::finish(&store, &prepared.revision, &claim.holder).await?;
        for path in &written {
            printer.line(&format!("{} written", path.display()))?;
        }
        if written.is_empty() {
            printer.line(&format!("{} unchanged", folder.display()))?;
        }
        Ok(true)
    }

    async fn in_cluster(&self, verb: Verb, wish: &Wish, context: &Context) -> anyhow::Result<bool> {
        let printer = &context.printer;
        let resolved = &wish.resolved;
        let connection = Connection::open(&context.connect)
            .await?
            .in_namespace(&resolved.namespace);
        let store = ClusterStore::new(&connection, &resolved.chain, "", &resolved.namespace);
        let namespaces = BTreeSet::from([resolved.namespace.clone()]);
        let mut prepared = wish
            .prepare(&store, verb, self.output_dir.is_some())
            .await?;
        let uid = prepared.head.uid.clone();
        let store = store.with_uid(&uid);
        notes(&prepared, printer);
        let objects: Vec<Value> = prepared
            .objects
            .iter()
            .map(|object| object.value.clone())
            .collect();
        let kinds = prepared
            .revision
            .inventory
            .iter()
            .chain(&prepared.previous)
            .map(|id| (id.group.clone(), id.kind.clone()))
            .collect();
        let claims: Vec<String> = prepared.claims.iter().cloned().collect();
        let checks = ClaimChecks {
            chain: &resolved.chain,
            uid: &uid,
            namespaces: &namespaces,
            kinds: &kinds,
            claims: &claims,
            makes_vaults: !prepared.outcome.vaults.is_empty(),
        };
        let first = prepared.stored.is_none() || prepared.writes();
        if first {
            judge(
                preflight::before_claim(&connection, &checks).await?,
                printer,
            )?;
        }
        let disruption = disruption_groups(resolved, &prepared);
        let plan = ApplyPlan {
            cluster: "",
            chain: &resolved.chain,
            uid: &uid,
            objects: &objects,
            groups: &disruption,
            options: ApplyOptions {
                force_conflicts: self.force_conflicts,
                adopt: self.adopt,
                timeout: self.timeout,
                ..ApplyOptions::default()
            },
        };
        let mut states = BTreeMap::new();
        for namespace in &namespaces {
            states.insert(
                namespace.clone(),
                preflight::namespace_state(&connection, namespace).await?,
            );
        }
        if first {
            judge(
                preflight::before_apply(&connection, &plan, &states).await?,
                printer,
            )?;
        }
        if self.dry_run == DryRun::Server {
            return self.preview(&connection, &plan, &prepared, printer).await;
        }
        let claim = wish.drawn.claim(if verb == Verb::Create {
            "create"
        } else {
            "apply"
        });
        if prepared.writes() {
            for namespace in &namespaces {
                let (_, made) = preflight::ensure_namespace(&connection, namespace).await?;
                if made {
                    printer.line(&format!("namespace/{namespace} created"))?;
                }
            }
            prepared.commit(&store, resolved, &claim).await?;
        }
        let hooks = wish.hooks(&connection, &store, &prepared, printer);
        let called = hooks.run("before-remove").await? + hooks.run("before-add").await?;
        if called > 0 {
            // What hooks remembered is rendered.
            prepared = wish.prepare(&store, Verb::Apply, false).await?;
            if prepared.writes() {
                prepared.commit(&store, resolved, &claim).await?;
            }
        }
        let objects: Vec<Value> = prepared
            .objects
            .iter()
            .map(|object| object.value.clone())
            .collect();
        let plan = ApplyPlan {
            objects: &objects,
            ..plan
        };
        let hooks = Teller {
            hooks: wish.hooks(&connection, &store, &prepared, printer),
            store: &store,
            printer,
            claim: &claim,
            names: prepared
                .objects
                .iter()
                .map(|object| (object.id(), object.display()))
                .collect(),
            quiet: self.output.is_some(),
            locked: Mutex::new(prepared.writes()),
        };
        let result = self
            .apply_and_prune(&connection, &plan, &prepared, &hooks)
            .await;
        if result.is_err() {
            lock::release(&store, &claim.holder).await.ok();
        }
        result?;
        let after = !hooks.hooks.due("after-ready").is_empty();
        if self.wait || after {
            let waited = wait(&connection, resolved, &prepared, self.timeout, printer).await;
            if waited.is_err() {
                form::finish(&store, &prepared.revision, &claim.holder).await?;
            }
            waited?;
        }
        if after {
            hooks.hooks.run("after-ready").await?;
        }
        form::finish(&store, &prepared.revision, &claim.holder).await?;
        if let Some(format) = self.output {
            print_objects(format, &prepared.objects, printer)?;
        }
        if !self.wait && verb == Verb::Create && self.output.is_none() {
            printer.note(&format!(
                "see how it comes up: kubectl chain status {}",
                resolved.chain
            ));
        }
        Ok(true)
    }

    async fn apply_and_prune<S: Store>(
        &self,
        connection: &Connection,
        plan: &ApplyPlan<'_>,
        prepared: &Prepared,
        hooks: &Teller<'_, S>,
    ) -> anyhow::Result<()> {
        apply::apply(connection, plan, hooks).await?;
        if !self.no_prune {
            let plan = PrunePlan {
                cluster: "",
                chain: plan.chain,
                uid: plan.uid,
                previous: &prepared.previous,
                current: &prepared.revision.inventory,
            };
            prune(connection, &plan, hooks).await?;
        }
        Ok(())
    }

    async fn preview(
        &self,
        connection: &Connection,
        plan: &ApplyPlan<'_>,
        prepared: &Prepared,
        printer: &Printer,
    ) -> anyhow::Result<bool> {
        if let Some(format) = self.output {
            print_objects(format, &prepared.objects, printer)?;
            return Ok(true);
        }
        let names: BTreeMap<ObjectId, String> = prepared
            .objects
            .iter()
            .map(|object| (object.id(), object.display()))
            .collect();
        let mut changed = BTreeMap::new();
        for preview in apply::preview(connection, plan, false).await? {
            preview.result?;
            changed.insert(
                preview.id,
                if preview.live.is_some() {
                    "configured"
                } else {
                    "created"
                },
            );
        }
        for (id, name) in &names {
            let word = changed.get(id).copied().unwrap_or("unchanged");
            printer.line(&format!("{name} {word} (server dry run)"))?;
        }
        for id in prepared.previous.difference(&prepared.revision.inventory) {
            printer.line(&format!(
                "{}/{} pruned (server dry run)",
                id.kind.to_lowercase(),
                id.name
            ))?;
        }
        Ok(true)
    }
}

impl Wish {
    fn hooks<'a, S: Store>(
        &'a self,
        connection: &'a Connection,
        store: &'a S,
        prepared: &'a Prepared,
        printer: &'a Printer,
    ) -> HookRun<'a, S> {
        HookRun {
            connection,
            store,
            resolved: &self.resolved,
            prepared,
            runtime: &self.runtime,
            printer,
            granted: &self.granted,
            seed: self.drawn.seed,
        }
    }

    async fn prepare<S: Store>(
        &self,
        store: &S,
        verb: Verb,
        keep_files: bool,
    ) -> Result<Prepared, FormError> {
        let circumstances = self
            .drawn
            .circumstances(consents(&self.resolved, &self.granted));
        let granted = permissions(&self.resolved, &self.granted);
        let setting = Setting {
            runtime: &self.runtime,
            circumstances: &circumstances,
            granted: &granted,
            fresh_uid: self.drawn.uid.clone(),
            by: self.drawn.by.clone(),
            keep_files,
        };
        prepare(store, &self.resolved, verb, &setting).await
    }
}

/// Tells each object as kubectl does, keeps the lock while it writes, and lets plugins gate restarts.
struct Teller<'a, S> {
    hooks: HookRun<'a, S>,
    store: &'a S,
    printer: &'a Printer,
    claim: &'a lock::Claim,
    names: BTreeMap<ObjectId, String>,
    quiet: bool,
    locked: Mutex<bool>,
}

impl<S: Store> Teller<'_, S> {
    fn is_locked(&self) -> bool {
        *self
            .locked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<S: Store> Hooks for Teller<'_, S> {
    fn done(&self, id: &ObjectId, outcome: Done) {
        if self.quiet {
            return;
        }
        let name = self.names.get(id).cloned().unwrap_or_else(|| show(id));
        // A pipe that nobody reads any more must not stop a half-applied chain.
        let _ = self.printer.line(&format!("{name} {outcome}"));
    }

    fn waiting(&self, id: &ObjectId, why: &str) {
        self.printer
            .note(&format!("waiting for {}: {why}", show(id)));
    }

    async fn gate(
        &self,
        _group: &str,
        member: &ObjectId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.hooks.gate(member).await?)
    }

    async fn fence(&self) -> Result<(), ClusterError> {
        let now_ms = draw().map(|drawn| drawn.now_ms).unwrap_or_default();
        if self.is_locked() {
            lock::renew(self.store, &self.claim.holder, now_ms, form::LOCK_MS).await?;
        } else {
            form::acquire(self.store, self.claim, now_ms).await?;
            *self
                .locked
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        }
        Ok(())
    }
}

fn show(id: &ObjectId) -> String {
    let kind = id.kind.to_lowercase();
    if id.group.is_empty() {
        format!("{kind}/{}", id.name)
    } else {
        format!("{kind}.{}/{}", id.group, id.name)
    }
}

/// Warnings and information of plugins.
fn notes(prepared: &Prepared, printer: &Printer) {
    let mut seen = BTreeSet::new();
    for (plugin, note) in &prepared.outcome.notes {
        let text = format!("{plugin}: {}", note.message);
        if !seen.insert(text.clone()) {
            continue;
        }
        match note.severity {
            Severity::Info => printer.note(&text),
            _ => printer
                .message(&Message::new(crate::ui::Level::Warning, text).hint(note.hint.clone())),
        }
    }
}

/// Prints findings; errors among them end the run before the first write.
fn judge(findings: Vec<Finding>, printer: &Printer) -> anyhow::Result<()> {
    let mut errors = Vec::new();
    for finding in findings {
        match finding.severity {
            preflight::Severity::Warning => {
                printer.message(
                    &Message::new(crate::ui::Level::Warning, finding.message).hint(finding.hint),
                );
            }
            preflight::Severity::Error => errors.push(match finding.hint {
                Some(hint) => format!("{}\nhint: {hint}", finding.message),
                None => finding.message,
            }),
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        bail!("{}", errors.join("\n"))
    }
}

fn print_objects(format: Output, objects: &[Object], printer: &Printer) -> anyhow::Result<()> {
    let text = match format {
        Output::Json => yaml::json_list(objects)?,
        Output::Name => yaml::names(objects),
        Output::Yaml | Output::Spec => yaml::documents(objects)?,
    };
    printer.data(text.as_bytes())?;
    Ok(())
}

/// The objects with the vaults that were born in this run before them: a manifest that can stand alone.
fn with_vaults(prepared: &Prepared, resolved: &Resolved) -> anyhow::Result<Vec<Object>> {
    let mut objects = Vec::new();
    for vault in &prepared.outcome.vaults {
        let subject = prepared
            .outcome
            .subjects
            .iter()
            .find(|it| it.id == vault.subject);
        let namespace = subject.map_or(resolved.namespace.as_str(), |it| it.namespace.as_str());
        let name = vault_name(&resolved.chain, &vault.subject, vault.version);
        objects.push(vault_object(resolved, namespace, &name, vault)?);
    }
    objects.extend(prepared.objects.iter().cloned());
    Ok(objects)
}

/// Every vault that the head lists, with the namespace and name of its Secret. Of a folder, not of a cluster: there no key
/// is read again.
async fn all_vaults<S: Store>(store: &S) -> anyhow::Result<Vec<(String, String, Vault)>> {
    let mut vaults = Vec::new();
    if let Some(stored) = store.load_head().await? {
        for (id, remembered) in stored.head.subjects.iter().filter(|(_, it)| !it.retired) {
            for listed in &remembered.vaults {
                let vault = store.read_vault(&remembered.namespace, id, listed).await?;
                vaults.push((remembered.namespace.clone(), listed.name.clone(), vault));
            }
        }
    }
    Ok(vaults)
}

/// A vault as the object that `create` writes.
fn vault_object(
    resolved: &Resolved,
    namespace: &str,
    name: &str,
    vault: &Vault,
) -> anyhow::Result<Object> {
    let value = crate::cluster::vault_manifest(&resolved.chain, namespace, name, vault)?;
    Ok(Object {
        cluster: String::new(),
        value,
    })
}

fn disruption_groups(resolved: &Resolved, prepared: &Prepared) -> Vec<DisruptionGroup> {
    let workload = |subject: &String| {
        let subject = prepared
            .outcome
            .subjects
            .iter()
            .find(|it| it.id == *subject)?;
        let (kind, name) = subject.workload.as_deref()?.split_once('/')?;
        let kind = if kind == "deployment" {
            "Deployment"
        } else {
            "StatefulSet"
        };
        Some(ObjectId {
            group: "apps".to_owned(),
            kind: kind.to_owned(),
            namespace: subject.namespace.clone(),
            name: name.to_owned(),
            cluster: subject.cluster.clone(),
        })
    };
    groups(
        &resolved.stack.plugin.descriptor.rollout,
        &prepared.outcome.subjects,
    )
    .into_iter()
    .map(|group| DisruptionGroup {
        name: group.name,
        max_unavailable: group
            .max_unavailable
            .as_u64()
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(1),
        members: group.subjects.iter().filter_map(workload).collect(),
    })
    .collect()
}

async fn wait(
    connection: &Connection,
    resolved: &Resolved,
    prepared: &Prepared,
    timeout: Duration,
    printer: &Printer,
) -> anyhow::Result<()> {
    let is_workload = |id: &&ObjectId| id.group == "apps";
    let expected: Vec<ObjectId> = prepared
        .revision
        .inventory
        .iter()
        .filter(is_workload)
        .cloned()
        .collect();
    let node = |id: &ObjectId| {
        let workload = format!("{}/{}", id.kind.to_lowercase(), id.name);
        let subject = prepared
            .outcome
            .subjects
            .iter()
            .find(|it| it.workload.as_deref() == Some(workload.as_str()));
        subject.map_or_else(|| id.name.clone(), |it| it.name.clone())
    };
    let progress = Progress::new(printer, expected.iter().map(&node));
    let result = watch::wait_ready(connection, &resolved.chain, &expected, timeout, |step| {
        let name = node(&step.id);
        if step.ready {
            progress.done(&name);
        } else {
            let count = format!("{}/{} ready", step.available, step.wanted);
            progress.set(
                &name,
                step.why
                    .as_ref()
                    .map_or(count.clone(), |why| format!("{count}, {why}")),
            );
        }
    })
    .await;
    progress.finish();
    result?;
    printer.note(&format!("chain {} is ready", resolved.chain));
    Ok(())
}

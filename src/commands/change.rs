//! What `create` and `apply` share: from flags and file to a wish, which `paper` prints or writes into a folder and
//! `cluster` makes true.

mod checks;
mod cluster;
mod namespaces;
mod paper;
mod part;
mod plan;
mod spread;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::Context;
use super::circumstances::{Drawn, draw};
use super::convert::tell;
use super::grants::{Granted, consents, missing, permissions, read as read_grants};
use super::home;
use super::notes;
use super::spec_flags::SpecFlags;
use crate::cluster::{ClusterStore, Connection, namespace_of};
use crate::manifest::{Object, yaml};
use crate::pipeline::acts::Amendment;
use crate::pipeline::convert::Made;
use crate::pipeline::form::{FormError, Prepared, Setting, Verb, prepare_from};
use crate::pipeline::output_dir::OutputDir;
use crate::pipeline::parties::PartyChange;
use crate::pipeline::run::Renewal;
use crate::pipeline::secrets::Consents;
use crate::pipeline::{Inputs, Resolved, convert, resolve};
use crate::plugin::Runtime;
use crate::spec::names::not_a_namespace;
use crate::spec::{ChainFile, Loaded, Metadata, Raw};
use crate::state::directory::DirectoryStore;
use crate::state::{ClusterRecord, Head, Phase, Store, StoredHead};
use crate::ui::{Message, Printer};

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
    #[arg(help_heading = "Options", long, requires = "output_dir")]
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
    /// Say nothing of objects that stay as they are: an operation changes a few of many
    #[arg(skip)]
    pub changes_only: bool,
}

/// A resolved wish, ready to be prepared anywhere.
struct Wish {
    resolved: Resolved,
    granted: Granted,
    consents: Consents,
    drawn: Drawn,
    runtime: Runtime,
    /// Another party that joins or leaves.
    party: Option<PartyChange>,
    /// What is made again.
    renew: Renewal,
}

/// Merges a patch (RFC 7396) into the spec of a chain that lives, or makes items again, and runs the whole pipeline for
/// what changed.
pub async fn amend(
    context: &Context,
    chain: &str,
    namespace: &str,
    spec: Value,
    amendment: &Amendment,
) -> anyhow::Result<()> {
    let (mut spec, mut renew) = (spec, Renewal::new());
    match amendment {
        Amendment::Spec(patch) => merge_patch(&mut spec, patch),
        Amendment::Renew(renewal) => renew.clone_from(renewal),
    }
    let mut wish = remembered(context, chain, namespace, spec)?;
    wish.renew = renew;
    let change = Change::plain();
    Box::pin(change.in_cluster(Verb::Apply, &wish, context)).await?;
    Ok(())
}

/// Takes another party into a chain that lives, or out of it, and runs the whole pipeline for what changed.
pub async fn take_in(
    context: &Context,
    chain: &str,
    namespace: &str,
    spec: Value,
    party: PartyChange,
    change: &Change,
) -> anyhow::Result<bool> {
    let mut wish = remembered(context, chain, namespace, spec)?;
    wish.party = Some(party);
    change.carry_out(Verb::Apply, &wish, context).await
}

/// The wish that a revision remembers.
fn remembered(
    context: &Context,
    chain: &str,
    namespace: &str,
    spec: Value,
) -> anyhow::Result<Wish> {
    let file = ChainFile {
        metadata: Metadata {
            name: Some(chain.to_owned()),
            ..Metadata::default()
        },
        spec: serde_json::from_value(spec).context("the chain's spec does not fit")?,
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
    let wish = Wish::new(context, resolved, &[])?;
    wish.warn_of_missing(&context.printer);
    Ok(wish)
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
    /// A change without any flag.
    fn plain() -> Self {
        Self {
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
            changes_only: true,
        }
    }

    /// Does it with what stands on the command line beside the flags, and with another party.
    pub async fn run(
        self,
        verb: Verb,
        name: Option<String>,
        filename: Option<&Path>,
        party: Option<PartyChange>,
        context: &mut Context,
    ) -> anyhow::Result<bool> {
        let mut wish = self.wish(verb, name, filename, context).await?;
        wish.party = party;
        self.carry_out(verb, &wish, context).await
    }

    /// Prints the wish, writes it into a folder, or makes it true, as the flags say.
    async fn carry_out(&self, verb: Verb, wish: &Wish, context: &Context) -> anyhow::Result<bool> {
        if self.output == Some(Output::Spec) {
            return self.print_spec(wish, &context.printer);
        }
        if let Some(folder) = &self.output_dir {
            return self.folder(folder, verb, wish, &context.printer).await;
        }
        match self.dry_run {
            DryRun::Client => self.on_paper(verb, wish, &context.printer).await,
            _ => Box::pin(self.in_cluster(verb, wish, context)).await,
        }
    }

    async fn wish(
        &self,
        verb: Verb,
        name: Option<String>,
        filename: Option<&Path>,
        context: &mut Context,
    ) -> anyhow::Result<Wish> {
        let mut home = None;
        let mut loaded = match (filename, &name) {
            (Some(path), _) => read(path, context)?,
            (None, Some(name)) if verb == Verb::Apply => {
                self.as_it_is(name, context, &mut home).await?
            }
            (None, _) => Loaded::default(),
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
        let namespace = match (home, flag, in_file) {
            (None, Some(flag), Some(file)) if flag != file => {
                bail!("the file says namespace `{file}`, the command line `{flag}`")
            }
            (Some(name), _, _) | (_, Some(name), _) | (_, None, Some(name)) => name,
            (None, None, None) => namespace_of(&context.connect)?,
        };
        if let Some(why) = not_a_namespace(&namespace) {
            bail!("namespace `{namespace}`: {why}");
        }
        let resolved = resolve(Inputs { loaded, namespace }, &mut context.catalog)?;
        let wish = Wish::new(context, resolved, &self.grant)?;
        wish.warn_of_missing(&context.printer);
        Ok(wish)
    }

    /// A chain as it is remembered: what `apply NAME` changes by its flags. Nothing of one that is not there; on paper
    /// nobody is asked. `home` is the namespace in which it is found.
    async fn as_it_is(
        &self,
        name: &str,
        context: &Context,
        home: &mut Option<String>,
    ) -> anyhow::Result<Loaded> {
        let spec = if let Some(folder) = &self.output_dir {
            let state = OutputDir::new(folder, self.no_secrets).state(name);
            if !state.join("head.json").exists() {
                return Ok(Loaded::default());
            }
            spec_of(&DirectoryStore::open(&state, name)?).await?
        } else if self.dry_run == DryRun::Client {
            None
        } else {
            let connection = Connection::open(&context.connect).await?;
            let (connection, head) = home::go(connection, name, &context.printer).await?;
            let store = ClusterStore::new(&connection, name, "", &connection.namespace);
            *home = Some(connection.namespace.clone());
            spec_at(&store, head).await?
        };
        let Some(spec) = spec else {
            return Ok(Loaded::default());
        };
        let file = ChainFile {
            spec: serde_json::from_value(spec)
                .with_context(|| format!("the spec of chain `{name}` cannot be read"))?,
            ..ChainFile::default()
        };
        Ok(Loaded {
            file,
            ..Loaded::default()
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
}

/// The spec of the current revision of a chain that lives.
async fn spec_of<S: Store>(store: &S) -> anyhow::Result<Option<Value>> {
    let head = store.load_head().await?.map(|it| it.head);
    spec_at(store, head).await
}

/// The same by its head, if there is one.
async fn spec_at<S: Store>(store: &S, head: Option<Head>) -> anyhow::Result<Option<Value>> {
    let lives = |it: &Head| it.revision > 0 && it.phase != Phase::Tombstone;
    match head.filter(lives) {
        Some(head) => Ok(Some(store.read_revision(head.revision).await?.spec)),
        None => Ok(None),
    }
}

/// The file: a chain's own, or another tool's that a plugin understands.
fn read(path: &Path, context: &Context) -> anyhow::Result<Loaded> {
    let raw = Raw::read(path)?;
    let Some(reader) = convert::recognise(&raw, &context.catalog) else {
        return Ok(Loaded::parse(raw)?);
    };
    let converted = convert::convert(reader, vec![raw], &context.engine()?)?;
    tell(&converted, &context.printer);
    match converted.made {
        Made::Chain(loaded) => Ok(*loaded),
        Made::Bundle(_) => bail!(
            "{} tells of another party's nodes\nhint: kubectl chain join -f {0}",
            path.display()
        ),
    }
}

impl Wish {
    /// Says which secrets plugins ask for that their makers offer and the user has not granted.
    fn warn_of_missing(&self, printer: &Printer) {
        for (plugin, permission) in missing(&self.resolved, &self.granted) {
            let text = format!("plugin {plugin} asks for {permission}, which is not granted");
            let hint = format!(
                "if you trust it: kubectl chain plugin grant {} {permission}",
                self.resolved.origin(&plugin)
            );
            printer.message(&Message::new(crate::ui::Level::Warning, text).hint(Some(hint)));
        }
    }

    fn new(context: &Context, resolved: Resolved, grants: &[String]) -> anyhow::Result<Self> {
        let granted = read_grants(&resolved, grants)?;
        Ok(Self {
            consents: consents(&resolved, &granted),
            granted,
            resolved,
            drawn: draw()?,
            runtime: context.engine()?,
            party: None,
            renew: Renewal::new(),
        })
    }

    async fn prepare<S: Store>(
        &self,
        store: &S,
        verb: Verb,
        round: &Round<'_>,
    ) -> Result<Prepared, FormError> {
        let stored = store.load_head().await?;
        self.prepare_from(stored, store, verb, round).await
    }

    /// As [`Wish::prepare`], from the head that was read, or from none.
    async fn prepare_from<S: Store>(
        &self,
        stored: Option<StoredHead>,
        store: &S,
        verb: Verb,
        round: &Round<'_>,
    ) -> Result<Prepared, FormError> {
        let mut circumstances = self.drawn.circumstances(self.consents.clone());
        circumstances.renew.clone_from(round.renew);
        let granted = permissions(&self.resolved, &self.granted);
        let setting = Setting {
            runtime: &self.runtime,
            circumstances: &circumstances,
            granted: &granted,
            fresh_uid: self.drawn.uid.clone(),
            by: self.drawn.by.clone(),
            keep_files: round.keep_files,
            party: self.party.as_ref(),
            clusters: round.clusters,
            stand_in: round.stand_in,
        };
        prepare_from(stored, store, &self.resolved, verb, &setting).await
    }
}

/// One time through the pipeline: what differs between two of them.
struct Round<'a> {
    /// Whether rendered files are wanted beside the objects, for a folder.
    keep_files: bool,
    /// What is made again.
    renew: &'a Renewal,
    /// The other clusters, as they are known now.
    clusters: &'a BTreeMap<String, ClusterRecord>,
    /// Whether addresses between clusters that are not known have a stand-in.
    stand_in: bool,
}

/// Warnings and information of plugins.
fn tell_notes(prepared: &Prepared, printer: &Printer) {
    let mut seen = BTreeSet::new();
    for (plugin, note) in &prepared.outcome.notes {
        if seen.insert((plugin, &note.message)) {
            notes::show(plugin, note, printer);
        }
    }
}

fn print_objects<'a>(
    format: Output,
    objects: impl IntoIterator<Item = &'a Object>,
    printer: &Printer,
) -> anyhow::Result<()> {
    printer.pieces(|out| match format {
        Output::Json => yaml::write_json_list(objects, out),
        Output::Name => yaml::write_names(objects, out),
        Output::Yaml | Output::Spec => yaml::write_documents(objects, out),
    })?;
    Ok(())
}

//! A small chain, made several times: in the usual order with sessions shared, with a session for every call, and in shuffled
//! orders. All must give the same bytes, since hosts order calls and share sessions as they like. Then the chain is made
//! once more upon what was remembered, at another time and with other entropy: nothing may change.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::descriptor::Release;
use serde_json::json;

use super::{Check, Grade, Subject};
use crate::manifest::Object;
use crate::pipeline::expand::expand;
use crate::pipeline::form::{Setting, Verb, finish, prepare};
use crate::pipeline::resolve::{service_key, split_key};
use crate::pipeline::run::{Circumstances, Known, Manner, Outcome, Renewal, run};
use crate::pipeline::{Inputs, Resolved, resolve};
use crate::plugin::Runtime;
use crate::spec::{ChainFile, ChainSpec, Loaded, Nodes, Service, Services};
use crate::state::lock::Claim;
use crate::state::memory::MemoryStore;

/// When the rehearsed chain is born, in milliseconds since 1970: any time, but always the same.
const BORN: u64 = 1_700_000_000_000;
/// Nodes of the chain when the author names no file.
const NODES: u64 = 3;
/// In which namespace it would live.
const NAMESPACE: &str = "rehearsal";

/// Why a rehearsal ended before its end.
type Stop = Box<dyn std::error::Error>;

/// Rehearses with every release that the plugin belongs to.
pub async fn check(subject: &Subject<'_>, runtime: &Runtime) -> Check {
    let name = "rehearsal";
    let Some(stack) = subject.stack() else {
        let why = format!(
            "stack `{}` is not in sight: name its .wasm file too",
            subject.descriptor().stack
        );
        return Check::skipped(name, why);
    };
    let releases: Vec<Option<&str>> = if subject.chain.is_some() {
        vec![None]
    } else {
        let all = subject.releases(&stack.descriptor);
        all.into_iter().map(|(name, _)| Some(name)).collect()
    };
    if releases.is_empty() {
        return Check::skipped(name, "its stack in sight has no release that it belongs to");
    }
    let mut check = Check::new(name);
    let mut seen = Vec::new();
    for release in releases {
        match one(subject, runtime, release, &mut check).await {
            Ok(what) => seen.push(what),
            Err(fault) => {
                let of = release
                    .map(|it| format!("release {it}: "))
                    .unwrap_or_default();
                let (message, hint) = told(fault.as_ref());
                let hint = hint.unwrap_or_else(|| {
                    "a chain of three nodes with everything at its default was made; -f FILE names another".to_owned()
                });
                check.fault("", format!("{of}{message}"), Some(&hint));
            }
        }
    }
    check.detail = seen.join("; ");
    check
}

/// An error with its causes on one line, and its hint.
fn told(fault: &(dyn std::error::Error + 'static)) -> (String, Option<String>) {
    let text = fault.to_string();
    let (text, hint) = match text.rsplit_once("\nhint: ") {
        Some((text, hint)) => (text.to_owned(), Some(hint.to_owned())),
        None => (text, None),
    };
    (text.replace('\n', "; "), hint)
}

/// The wish of the author, or a small one in which the plugin fills its role.
fn wish(subject: &Subject<'_>, release: Option<&str>) -> Result<Loaded, Stop> {
    if let Some(raw) = subject.chain {
        let mut loaded = Loaded::parse(raw.clone())?;
        fill(subject, &mut loaded.file.spec);
        return Ok(loaded);
    }
    let mut spec = ChainSpec {
        release: release.map(ToOwned::to_owned),
        nodes: Some(Nodes::Count(NODES)),
        ..ChainSpec::default()
    };
    fill(subject, &mut spec);
    Ok(Loaded {
        file: ChainFile {
            spec,
            ..ChainFile::default()
        },
        ..Loaded::default()
    })
}

/// Puts the plugin where the file names none.
fn fill(subject: &Subject<'_>, spec: &mut ChainSpec) {
    let it = subject.descriptor();
    spec.stack.get_or_insert_with(|| it.stack.clone());
    if subject.is_stack() {
        return;
    }
    let one = |name: &str| {
        let plugin = Service {
            plugin: Some(name.to_owned()),
            ..Service::default()
        };
        Services::One(Box::new(plugin))
    };
    spec.services
        .entry(it.role.clone())
        .or_insert_with(|| one(&it.name));
    // A role that may be empty is filled where the plugin cannot do without it.
    let Some(stack) = subject.stack() else { return };
    for need in it.needs.iter().filter(|need| !need.optional) {
        let empty = |release: &Release| {
            let mut roles = release.roles.iter();
            roles.any(|role| role.name == need.role && role.default.is_empty())
        };
        let releases = subject.releases(&stack.descriptor);
        let plugin = subject.of_role(&need.role).next();
        if let (true, Some(plugin)) = (releases.iter().any(|(_, it)| empty(it)), plugin) {
            spec.services
                .entry(need.role.clone())
                .or_insert_with(|| one(&plugin.name));
        }
    }
}

fn resolved(subject: &Subject<'_>, release: Option<&str>) -> Result<Resolved, Stop> {
    let inputs = Inputs {
        loaded: wish(subject, release)?,
        namespace: NAMESPACE.to_owned(),
    };
    Ok(resolve(inputs, &mut subject.catalog.clone())?)
}

/// Time, entropy and order of one run; whatever descriptors ask of each other is agreed to.
fn circumstances(
    resolved: &Resolved,
    seed: u8,
    now_ms: u64,
    threads: usize,
    manner: Manner,
) -> Circumstances {
    let services = || resolved.all();
    let consents = services()
        .flat_map(|taker| {
            let takes = taker.plugin.descriptor.takes.iter();
            takes.map(|take| (take.role.clone(), taker.role.clone(), take.item.clone()))
        })
        .collect();
    Circumstances {
        now_ms,
        seed: [seed; 32],
        consents,
        threads,
        renew: Renewal::new(),
        manner,
    }
}

async fn one(
    subject: &Subject<'_>,
    runtime: &Runtime,
    release: Option<&str>,
    check: &mut Check,
) -> Result<String, Stop> {
    let resolved = resolved(subject, release)?;
    let subjects = expand(&resolved, None, Vec::new(), BORN, runtime)?;
    if expand(&resolved, None, Vec::new(), BORN, runtime)? != subjects {
        blame(
            subject,
            check,
            &resolved.stack.plugin.descriptor.name,
            "expand: it gives other subjects the second time",
        );
    }
    let ways = [
        (1, Manner::Usual, "in the usual order"),
        (1, Manner::Alone, "with a session of its own for every call"),
        (1, Manner::Shuffled(1), "in another order"),
        (2, Manner::Shuffled(2), "in another order, by two threads"),
    ];
    let mut first: Option<BTreeMap<Made, String>> = None;
    for (threads, manner, way) in ways {
        let circumstances = circumstances(&resolved, 7, BORN, threads, manner);
        let outcome = run(
            &resolved,
            subjects.clone(),
            &Known::default(),
            &circumstances,
            runtime,
        )?;
        let made = everything(&outcome);
        match &first {
            None => first = Some(made),
            Some(first) => {
                for (plugin, what) in differing(&resolved, first, &made) {
                    let message = format!("{what} differs {way}");
                    blame(subject, check, &plugin, &message);
                }
            }
        }
    }
    remembered(subject, runtime, &resolved, check).await?;
    let calls = first.map_or(0, |made| {
        made.keys()
            .filter(|it| it.what == "what is rendered")
            .count()
    });
    Ok(format!(
        "{} {}: {} subjects, {calls} rendered",
        resolved.stack.plugin.descriptor.stack,
        resolved.release,
        subjects.len()
    ))
}

/// A finding about a plugin: a fault if it is the one that is looked at.
fn blame(subject: &Subject<'_>, check: &mut Check, plugin: &str, message: &str) {
    let hint = "a session is a cache and never a state, and every map is ordered: docs/plugins.md, \"The rules\"";
    if plugin == subject.descriptor().name {
        check.find(Grade::Fault, String::new(), message.to_owned(), Some(hint));
    } else {
        let message = format!("plugin {plugin} beside it: {message}");
        check.find(Grade::Warning, String::new(), message, None);
    }
}

/// Something that a plugin made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Made {
    service: String,
    subject: String,
    what: String,
}

/// All that a run gave, each with its bytes as text.
fn everything(outcome: &Outcome) -> BTreeMap<Made, String> {
    let mut all = BTreeMap::new();
    let mut put = |service: &str, subject: &str, what: &str, text: String| {
        let made = Made {
            service: service.to_owned(),
            subject: subject.to_owned(),
            what: what.to_owned(),
        };
        all.insert(made, text);
    };
    for vault in &outcome.vaults {
        for ((role, instance, name), item) in &vault.items {
            let service = service_key(role, instance);
            let text = hex::encode(&item.bytes);
            put(
                &service,
                &vault.subject,
                &format!("the kept item `{name}`"),
                text,
            );
        }
    }
    for (subject, services) in &outcome.public.facts {
        for (service, facts) in services {
            put(service, subject, "what it says (facts)", facts.to_string());
        }
    }
    for (subject, services) in &outcome.public.configured {
        for (service, result) in services {
            put(
                service,
                subject,
                "what is configured",
                json!(result).to_string(),
            );
        }
    }
    for part in &outcome.parts {
        let Some(service) = outcome.services.get(part.service) else {
            continue;
        };
        put(
            &service.key(),
            &part.subject,
            "what is rendered",
            json!(part.rendered).to_string(),
        );
    }
    all
}

/// What is not in both, or not the same: whose, and what it is.
fn differing(
    resolved: &Resolved,
    one: &BTreeMap<Made, String>,
    other: &BTreeMap<Made, String>,
) -> BTreeSet<(String, String)> {
    let keys: BTreeSet<&Made> = one.keys().chain(other.keys()).collect();
    keys.into_iter()
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| {
            (
                plugin_of(resolved, &key.service),
                format!("{} about {}", key.what, key.subject),
            )
        })
        .collect()
}

/// The name of the plugin that is a service of the chain.
fn plugin_of(resolved: &Resolved, key: &str) -> String {
    let (role, _) = split_key(key);
    resolved
        .all()
        .find(|it| it.key() == key || it.role == role)
        .map_or_else(|| key.to_owned(), |it| it.plugin.name().to_owned())
}

/// Made and remembered, then made again from what is remembered: no item is born twice, no object changes.
async fn remembered(
    subject: &Subject<'_>,
    runtime: &Runtime,
    resolved: &Resolved,
    check: &mut Check,
) -> Result<(), Stop> {
    let store = MemoryStore::new(&resolved.chain);
    let granted: BTreeMap<String, BTreeSet<String>> = resolved
        .all()
        .map(|it| {
            let asked = it.plugin.descriptor.permissions.iter().cloned();
            (it.plugin.name().to_owned(), asked.collect())
        })
        .collect();
    let clusters = resolved.clusters();
    let setting = |circumstances| Setting {
        runtime,
        circumstances,
        granted: &granted,
        fresh_uid: "00000000-0000-4000-8000-000000000000".to_owned(),
        by: NAMESPACE.to_owned(),
        keep_files: false,
        party: None,
        clusters: &clusters,
        stand_in: false,
    };
    let first = circumstances(resolved, 7, BORN, 1, Manner::Usual);
    let mut before = prepare(&store, resolved, Verb::Create, &setting(&first)).await?;
    let claim = Claim {
        holder: NAMESPACE.to_owned(),
        by: NAMESPACE.to_owned(),
        operation: "check".to_owned(),
    };
    before.commit(&store, resolved, &claim).await?;
    finish(&store, &before.revision, &claim.holder, None).await?;
    let later = circumstances(resolved, 8, BORN + 3_600_000, 1, Manner::Usual);
    let after = prepare(&store, resolved, Verb::Apply, &setting(&later)).await?;
    for vault in &after.outcome.vaults {
        for (role, instance, name) in vault.items.keys() {
            let plugin = plugin_of(resolved, &service_key(role, instance));
            let message = format!(
                "the item `{name}` about {} is born again on the second run",
                vault.subject
            );
            blame(subject, check, &plugin, &message);
        }
    }
    let again = |outcome: &Outcome| {
        let mut all = everything(outcome);
        all.retain(|made, _| !made.what.starts_with("the kept item"));
        all
    };
    let told = differing(resolved, &again(&before.outcome), &again(&after.outcome));
    for (plugin, what) in &told {
        let message = format!("{what} differs on the second run, from what was remembered");
        blame(subject, check, plugin, &message);
    }
    // Whose fault a changed object is, nobody can say; an author who is not to blame sees it with the plugin left out.
    let values = |objects: &[Object]| -> BTreeMap<String, String> {
        let told = objects
            .iter()
            .map(|it| (it.display(), it.value.to_string()));
        told.collect()
    };
    let (first, second) = (values(&before.objects), values(&after.objects));
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    for name in names
        .into_iter()
        .filter(|name| first.get(*name) != second.get(*name))
    {
        blame(
            subject,
            check,
            &subject.descriptor().name,
            &format!("{name} differs on the second run"),
        );
    }
    Ok(())
}

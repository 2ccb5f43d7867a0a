//! From parts to objects: parse, plan, store, pods, other objects, host objects, patches, labels, gate.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bind::{Content, Pass, Plan, plan};
use super::gate;
use super::input::{HostKeys, KeptPlace, Owner, Part, Service, Shape, Subject};
use super::labels::Stamp;
use super::merge::{Layer, combine};
use super::mounts::Write;
use super::object::{Object, order};
use super::others::Others;
use super::parsed::{Parsed, workload, workload_display};
use super::pod::{Making, budgets, make};
use super::problem::Problem;
use super::seed;
use super::sources::Sources;
use super::store::{Group, Store};
use super::{names, patch, volumes};
use crate::plugin::contract::Diagnostic;

/// What came out.
#[derive(Debug)]
pub struct Assembled {
    /// All objects of all clusters, in the order of apply (see [`order`]).
    pub objects: Vec<Object>,
    /// What plugins remarked: owner, subject and remark.
    pub notes: Vec<(Owner, String, Diagnostic)>,
    /// Claims that are exclusive over all chains in sight.
    pub claims: BTreeSet<String>,
}

/// Makes the final objects of a chain. The order of `parts` does not matter; [`Shape::services`] gives that of
/// containers. All problems are found, in a fixed order, or none.
pub fn assemble(shape: &Shape, mut parts: Vec<Part>) -> Result<Assembled, Vec<Problem>> {
    let rank: HashMap<&Owner, usize> = shape
        .services
        .iter()
        .enumerate()
        .map(|(at, s)| (&s.owner, at))
        .collect();
    let place: HashMap<&str, usize> = shape
        .subjects
        .iter()
        .enumerate()
        .map(|(at, s)| (&*s.id, at))
        .collect();
    parts.sort_by(|a, b| {
        let key = |p: &Part| (place.get(&*p.subject).copied(), rank.get(&p.owner).copied());
        key(a).cmp(&key(b)).then_with(|| a.owner.cmp(&b.owner))
    });
    let subjects: HashMap<&str, &Subject> = shape.subjects.iter().map(|s| (&*s.id, s)).collect();
    let mut problems = Vec::new();
    let sources = Sources::new(shape, &subjects, &parts, &mut problems);
    let mut run = Run {
        shape,
        services: shape.services.iter().map(|s| (&s.owner, s)).collect(),
        groups: HashMap::new(),
        keys: shape.keys.iter().map(|(id, keys)| (&**id, keys)).collect(),
        origin: gate::Origin::default(),
        problems,
    };
    run.groups();
    let objects = run.objects(&parts, &subjects, &sources);
    let objects = run.last_words(objects);
    let mut problems = run.problems;
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(problems);
    }
    let mut notes = Vec::new();
    let mut claims = BTreeSet::new();
    for part in parts {
        claims.extend(part.rendered.claims);
        for note in part.rendered.notes {
            notes.push((part.owner.clone(), part.subject.clone(), note));
        }
    }
    Ok(Assembled {
        objects,
        notes,
        claims,
    })
}

struct Run<'a> {
    shape: &'a Shape,
    services: HashMap<&'a Owner, &'a Service>,
    /// Disruption group by subject.
    groups: HashMap<&'a str, &'a str>,
    keys: HashMap<&'a str, &'a HostKeys>,
    origin: gate::Origin<'a>,
    problems: Vec<Problem>,
}

/// One subject with a pod, between the passes.
struct Pod<'a> {
    kind: &'static str,
    name: &'a str,
    plan: Plan<'a>,
    parts: Vec<Parsed<'a>>,
}

impl<'a> Run<'a> {
    fn groups(&mut self) {
        for group in &self.shape.groups {
            for subject in &group.subjects {
                if let Some(other) = self.groups.insert(subject, &group.name) {
                    self.problems.push(Problem::Shape {
                        subject: subject.clone(),
                        why: format!("it is in two disruption groups, {other} and {}", group.name),
                    });
                }
            }
        }
        let chain = &self.shape.chain;
        let named = names::label(chain, names::WORKLOAD_MAX).and_then(|()| {
            // Head, vaults and revisions of chain NAME are called chain-NAME: another chain's objects must not be.
            if chain.starts_with("chain-") {
                return Err(format!(
                    "name {chain} begins with chain-, which is the host's"
                ));
            }
            Ok(())
        });
        if let Err(why) = named {
            self.problems.push(Problem::Name {
                object: format!("chain {}", self.shape.chain),
                why,
            });
        }
    }

    fn objects(
        &mut self,
        parts: &'a [Part],
        subjects: &'a HashMap<&'a str, &'a Subject>,
        sources: &'a Sources<'a>,
    ) -> Vec<Object> {
        let shape = self.shape;
        let (volumes, first_disk) = volumes::declared(shape, &mut self.problems);
        let mut store = Store::new(&shape.chain);
        let mut others = Others::default();
        let none = HostKeys::default();
        let mut pods = Vec::new();
        let mut rest = parts;
        while let Some(first) = rest.first() {
            let count = rest
                .iter()
                .take_while(|p| p.subject == first.subject)
                .count();
            let (these, more) = rest.split_at(count);
            rest = more;
            let Some(subject) = subjects.get(&*first.subject).filter(|s| !s.foreign) else {
                self.problems.push(Problem::Shape {
                    subject: first.subject.clone(),
                    why: "something was rendered about what is no subject of this party".to_owned(),
                });
                continue;
            };
            let mut parsed: Vec<Parsed<'a>> = these
                .iter()
                .map(|p| Parsed::new(p, subject, &mut self.problems))
                .collect();
            for one in &mut parsed {
                others.add(shape, one, &mut self.problems);
            }
            let keys = self.keys.get(&*subject.id).copied().unwrap_or(&none);
            if let Some(pod) = self.pod(
                subject, parsed, sources, &mut store, &volumes, first_disk, keys,
            ) {
                pods.push(pod);
            }
        }
        let mut made = store.finish(&mut self.problems);
        for pod in pods {
            let keys = self
                .keys
                .get(&*pod.plan.subject.id)
                .copied()
                .unwrap_or(&none);
            made.extend(volumes::claims(&pod.plan, &volumes, keys));
            self.workload(pod, &store, &volumes, first_disk, keys, &mut made);
        }
        for group in &shape.groups {
            let mut homes: Vec<(&str, &str)> = group
                .subjects
                .iter()
                .filter_map(|id| subjects.get(&**id))
                .filter(|s| !s.foreign && s.workload.is_some())
                .map(|s| (&*s.cluster, &*s.namespace))
                .collect();
            homes.sort_unstable();
            homes.dedup();
            made.extend(budgets(shape, group, &homes));
        }
        for (at, place) in &shape.kept {
            if let (KeptPlace::Vault { secret, .. }, Some(subject)) =
                (place, subjects.get(&*at.subject))
            {
                self.origin
                    .vaults
                    .insert((&subject.cluster, &subject.namespace, secret));
            }
        }
        let more = others.finish(
            shape,
            &self.keys,
            &mut made,
            &mut self.origin,
            &mut self.problems,
        );
        made.extend(more);
        made
    }

    #[allow(clippy::too_many_arguments)]
    fn pod(
        &mut self,
        subject: &'a Subject,
        parsed: Vec<Parsed<'a>>,
        sources: &'a Sources<'a>,
        store: &mut Store<'a>,
        volumes: &BTreeMap<&'a str, &'a super::input::VolumeDecl>,
        first_disk: Option<&str>,
        keys: &HostKeys,
    ) -> Option<Pod<'a>> {
        let Some(text) = subject.workload.as_deref() else {
            for one in parsed
                .iter()
                .filter(|p| !p.part.rendered.bindings.is_empty())
            {
                self.problems.push(one.unusable(
                    &subject.id,
                    "bindings are of pods, and this subject has none",
                ));
            }
            return None;
        };
        let Some((kind, name)) = workload(text) else {
            self.problems.push(Problem::Shape {
                subject: subject.id.clone(),
                why: format!("its workload {text} is neither statefulset/NAME nor deployment/NAME"),
            });
            return None;
        };
        if let Err(why) = names::label(name, names::WORKLOAD_MAX) {
            self.problems.push(Problem::Name {
                object: workload_display(text),
                why,
            });
        }
        let mut pass = Pass {
            sources,
            store,
            volumes,
            problems: &mut self.problems,
        };
        let mut plan = plan(subject, name, &parsed, &mut pass);
        let manifest = seed::manifest(self.shape, &plan, volumes, first_disk, &keys.storage);
        let group = Group {
            cluster: &subject.cluster,
            namespace: &subject.namespace,
            workload: Some(name),
            maker: ("", "", ""),
            secret: false,
            mutable: false,
        };
        if kind == "StatefulSet" || !plan.uses.is_empty() || !plan.seeded.is_empty() {
            let script = store.put(
                group.clone(),
                (&subject.id, "chain", "chain", "seed.sh"),
                Cow::Borrowed(seed::SCRIPT.as_bytes()),
            );
            let manifest = store.put(
                group,
                (&subject.id, "chain", "chain", "manifest"),
                Cow::Owned(manifest.into_bytes()),
            );
            plan.script = Some((Content::Slot(script), Content::Slot(manifest)));
        }
        Some(Pod {
            kind,
            name,
            plan,
            parts: parsed,
        })
    }

    fn workload(
        &mut self,
        mut pod: Pod<'a>,
        store: &Store<'a>,
        volumes: &BTreeMap<&'a str, &'a super::input::VolumeDecl>,
        first_disk: Option<&'a str>,
        keys: &HostKeys,
        made: &mut Vec<Object>,
    ) {
        let subject = pod.plan.subject;
        let shown = workload_display(subject.workload.as_deref().unwrap_or_default());
        let mut layers = Vec::new();
        let mut services = Vec::new();
        for part in &mut pod.parts {
            let plugin = part.plugin();
            for fragment in &part.pod {
                let mut asked = Vec::new();
                gate::template_requirements(fragment, "spec.template.", &mut asked);
                gate::check_said(self.shape, plugin, &shown, asked, &mut self.problems);
            }
            services.extend(self.services.get(&part.part.owner).copied());
            layers.push(Layer {
                plugin,
                fragments: std::mem::take(&mut part.pod),
            });
        }
        let said = combine("PodTemplate", &shown, layers, &mut self.problems);
        let making = Making {
            shape: self.shape,
            kind: pod.kind,
            name: pod.name,
            plan: &pod.plan,
            said,
            group: self.groups.get(&*subject.id).copied(),
            services,
        };
        let mut write = Write {
            store,
            volumes,
            first_disk,
            keys,
            problems: &mut self.problems,
        };
        let new = make(making, &mut write);
        for object in &new {
            let id = object.id();
            if object.kind() != "ServiceAccount" {
                for part in &pod.parts {
                    for container in &part.containers {
                        self.origin
                            .containers
                            .insert((id.clone(), container.clone()), part.plugin());
                    }
                    self.origin
                        .plugins
                        .entry(id.clone())
                        .or_default()
                        .insert(part.plugin());
                }
                self.origin.made.insert(id);
            }
        }
        made.extend(new);
    }

    /// Patches, labels, gate; then the order of output.
    fn last_words(&mut self, mut objects: Vec<Object>) -> Vec<Object> {
        objects.sort_by(order);
        let mut unpatched = BTreeMap::new();
        let mut before = |at: usize, object: &Object| {
            let mut asked = Vec::new();
            gate::requirements(object.kind(), &object.value, &mut asked);
            unpatched.insert(at, asked);
        };
        patch::apply_all(
            &self.shape.patches,
            &mut objects,
            &mut before,
            &mut self.problems,
        );
        self.origin.unpatched = unpatched;
        let mut stamp = Stamp::new(self.shape);
        for object in &mut objects {
            stamp.put(object);
        }
        for pair in objects.windows(2) {
            if let [a, b] = pair
                && a.id() == b.id()
            {
                self.problems.push(Problem::Name {
                    object: a.display(),
                    why: format!("two objects of namespace {} have this name", a.namespace()),
                });
            }
        }
        gate::check(self.shape, &objects, &self.origin, &mut self.problems);
        objects
    }
}

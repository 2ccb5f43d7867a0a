//! From bindings to a plan of one pod: which volume, file and variable goes where, and what is copied at start.
//!
//! This is the first of two passes. It puts every content into the [`Store`] and says where it is wanted; when all
//! subjects have done so, objects have names, and [`super::mounts`] writes the pods.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::input::{Subject, VolumeDecl};
use super::names::{beneath, container_path, parent, relative, variable};
use super::parsed::Parsed;
use super::problem::Problem;
use super::sources::{Found, Item, Sources};
use super::store::{Group, Slot, Store};
use crate::plugin::contract::{Binding, Change, Delivery, Ref, Source, Target};

/// Where some content is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content<'a> {
    /// In an object that the store makes.
    Slot(Slot),
    /// In a vault: Secret and key.
    Vault(&'a str, &'a str),
}

/// A volume in a container.
#[derive(Debug)]
pub struct VolumeUse<'a> {
    /// The container.
    pub container: &'a str,
    /// Mount path.
    pub path: &'a str,
    /// Name of the declared volume.
    pub volume: &'a str,
    /// Folder within it as the subject sees it, "" for its root.
    pub folder: &'a str,
}

/// A file in a container.
#[derive(Debug)]
pub struct FileMount<'a> {
    /// The plugin, for messages.
    pub plugin: &'a str,
    /// The container.
    pub container: &'a str,
    /// Where it appears.
    pub path: String,
    /// The folder that should be mounted whole: of a tree, or of a live file.
    pub folder: Option<String>,
    /// Its service rereads it, so it must not be mounted by subPath.
    pub live: bool,
    /// What it holds.
    pub content: Content<'a>,
    /// Permission bits.
    pub mode: u32,
}

/// An environment variable.
#[derive(Debug)]
pub struct Variable<'a> {
    /// The plugin, for messages.
    pub plugin: &'a str,
    /// The container.
    pub container: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it holds.
    pub content: Content<'a>,
}

/// What the init container does on a volume.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seeded<'a> {
    /// Name of the declared volume.
    pub volume: &'a str,
    /// 0 for folders, which come first.
    rank: u8,
    /// Path within the subject's part of the volume.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// None for a folder; else whether it is copied once only, and from what.
    pub copy: Option<(bool, Content<'a>)>,
}

/// The plan of one pod.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The subject whose pod it is.
    pub subject: &'a Subject,
    /// Volumes, by container and path.
    pub uses: BTreeMap<(&'a str, &'a str), VolumeUse<'a>>,
    /// Files.
    pub mounts: Vec<FileMount<'a>>,
    /// Variables.
    pub variables: Vec<Variable<'a>>,
    /// Empty folders that lie on no volume: container and path.
    pub folders: BTreeSet<(&'a str, &'a str)>,
    /// Copies and folders, in the order of the manifest.
    pub seeded: Vec<Seeded<'a>>,
    /// The script and its manifest.
    pub script: Option<(Content<'a>, Content<'a>)>,
}

/// What passes over one subject need.
pub struct Pass<'s, 'a> {
    /// Everything that can be bound.
    pub sources: &'a Sources<'a>,
    /// Content, for all subjects.
    pub store: &'s mut Store<'a>,
    /// Declared volumes by name.
    pub volumes: &'s BTreeMap<&'a str, &'a VolumeDecl>,
    /// What is wrong.
    pub problems: &'s mut Vec<Problem>,
}

/// Plans the pod of a subject from its parts, in container order.
pub fn plan<'a>(
    subject: &'a Subject,
    workload: &'a str,
    parts: &[Parsed<'a>],
    pass: &mut Pass<'_, 'a>,
) -> Plan<'a> {
    let mut plan = Plan {
        subject,
        uses: BTreeMap::new(),
        mounts: Vec::new(),
        variables: Vec::new(),
        folders: BTreeSet::new(),
        seeded: Vec::new(),
        script: None,
    };
    // Volumes first: whether a file can be seeded depends on them.
    for part in parts {
        for binding in &part.part.rendered.bindings {
            let done = check(part, binding).and_then(|()| match &binding.source {
                Source::Volume((volume, folder)) => {
                    plan.volume(binding, volume, folder, pass.volumes)
                }
                Source::File(_) => Ok(()),
            });
            if let Err(why) = done {
                pass.problems.push(problem(part, binding, why));
            }
        }
    }
    for part in parts {
        for binding in &part.part.rendered.bindings {
            let Source::File(of) = &binding.source else {
                continue;
            };
            // Said already, above.
            if check(part, binding).is_err() {
                continue;
            }
            let done = pass
                .sources
                .resolve(of, &part.part.owner, subject)
                .and_then(|items| plan.file(part, binding, workload, &items, pass.store));
            if let Err(why) = done {
                pass.problems.push(problem(part, binding, why));
            }
        }
    }
    plan.seeded.sort();
    plan.seeded.dedup_by(|b, a| {
        a == b || (a.copy.is_none() && b.copy.is_none() && a.volume == b.volume && a.path == b.path)
    });
    let copied_twice = plan.seeded.windows(2).find_map(|pair| match pair {
        [a, b] if a.volume == b.volume && a.path == b.path => Some(a.path.clone()),
        _ => None,
    });
    if let Some(path) = copied_twice {
        pass.problems.push(Problem::Shape {
            subject: subject.id.clone(),
            why: format!("two bindings put {path} on one volume"),
        });
    }
    plan
}

fn check(part: &Parsed<'_>, binding: &Binding) -> Result<(), String> {
    if !part.containers.contains(&binding.container) {
        return Err(format!(
            "plugin {} renders no such container",
            part.plugin()
        ));
    }
    match (&binding.target, &binding.source) {
        (Target::Path(path), _) => container_path(path),
        (Target::Env(_), Source::Volume(_)) => Err("a volume has a path".to_owned()),
        (Target::Env(name), _) if matches!(binding.delivery, Delivery::Mounted) => variable(name),
        (Target::Env(_), _) => Err("a variable is mounted, neither live nor seeded".to_owned()),
    }
}

fn problem(part: &Parsed<'_>, binding: &Binding, why: String) -> Problem {
    Problem::Binding {
        subject: part.subject.id.clone(),
        plugin: part.plugin().to_owned(),
        source_name: match &binding.source {
            Source::File(Ref {
                role,
                subject,
                name,
                ..
            }) => format!("{name} of {role} ({subject})"),
            Source::Volume((name, folder)) if folder.is_empty() => format!("volume {name}"),
            Source::Volume((name, folder)) => format!("volume {name}/{folder}"),
        },
        target: match &binding.target {
            Target::Path(text) | Target::Env(text) => text.clone(),
        },
        container: binding.container.clone(),
        why,
    }
}

impl<'a> Plan<'a> {
    fn volume(
        &mut self,
        binding: &'a Binding,
        volume: &'a str,
        folder: &'a str,
        declared: &BTreeMap<&'a str, &'a VolumeDecl>,
    ) -> Result<(), String> {
        let Target::Path(path) = &binding.target else {
            return Ok(());
        };
        if !declared.contains_key(volume) {
            let known: Vec<&str> = declared.keys().copied().collect();
            return Err(format!(
                "no descriptor declares this volume; declared are {}",
                known.join(", ")
            ));
        }
        let folder = folder.trim_end_matches('/');
        if !folder.is_empty() {
            relative(folder)?;
            self.seeded.push(Seeded {
                volume,
                rank: 0,
                path: folder.to_owned(),
                mode: 0o755,
                copy: None,
            });
        }
        let container = binding.container.as_str();
        let new = VolumeUse {
            container,
            path,
            volume,
            folder,
        };
        match self.uses.insert((container, path), new) {
            Some(old) if old.volume != volume || old.folder != folder => {
                Err("another volume is bound there".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The volume on which a path of a container lies, and the path on it.
    fn on_volume(&self, container: &str, path: &str) -> Option<(&'a str, String)> {
        let use_ = self
            .uses
            .values()
            .filter(|u| u.container == container && beneath(path, u.path))
            .max_by_key(|u| u.path.len())?;
        let rest = path.strip_prefix(use_.path)?.trim_start_matches('/');
        Some((use_.volume, join(&[use_.folder, rest])))
    }

    fn file(
        &mut self,
        part: &Parsed<'a>,
        binding: &'a Binding,
        workload: &'a str,
        items: &[(&'a str, Item<'a>)],
        store: &mut Store<'a>,
    ) -> Result<(), String> {
        let container = binding.container.as_str();
        let path = match &binding.target {
            Target::Env(name) => {
                let [("", item)] = items else {
                    return Err("a variable holds one file".to_owned());
                };
                let content = self.content(item, workload, binding, store)?;
                self.variables.push(Variable {
                    plugin: part.plugin(),
                    container,
                    name,
                    content,
                });
                return Ok(());
            }
            Target::Path(path) => path.as_str(),
        };
        let tree = !matches!(items, [("", _)]);
        for (rest, item) in items {
            let at = if tree {
                format!("{path}/{rest}")
            } else {
                path.to_owned()
            };
            if matches!(item.found, Found::Folder) {
                if let Some((volume, on)) = self.on_volume(container, &at) {
                    self.seeded.push(Seeded {
                        volume,
                        rank: 0,
                        path: on,
                        mode: item.mode,
                        copy: None,
                    });
                } else if tree {
                    return Err("an empty folder within a tree needs a volume".to_owned());
                } else {
                    self.folders.insert((container, path));
                }
                continue;
            }
            let content = self.content(item, workload, binding, store)?;
            let once = match binding.delivery {
                Delivery::SeedOnce => true,
                Delivery::SeedStart => false,
                Delivery::Mounted | Delivery::Live => {
                    let live = matches!(binding.delivery, Delivery::Live);
                    let folder = if tree {
                        Some(path.to_owned())
                    } else if live {
                        Some(parent(path).to_owned())
                    } else {
                        None
                    };
                    if folder.as_deref() == Some("") {
                        return Err("a live file needs a folder of its own".to_owned());
                    }
                    self.mounts.push(FileMount {
                        plugin: part.plugin(),
                        container,
                        path: at,
                        folder,
                        live,
                        content,
                        mode: item.mode,
                    });
                    continue;
                }
            };
            let Some((volume, on)) = self.on_volume(container, &at) else {
                return Err("a file is seeded onto a volume, and none is bound there".to_owned());
            };
            if on.is_empty() {
                return Err("a file cannot be seeded over a whole volume".to_owned());
            }
            let copy = Some((once, content));
            self.seeded.push(Seeded {
                volume,
                rank: 1,
                path: on,
                mode: item.mode,
                copy,
            });
        }
        Ok(())
    }

    fn content(
        &self,
        item: &Item<'a>,
        workload: &'a str,
        binding: &Binding,
        store: &mut Store<'a>,
    ) -> Result<Content<'a>, String> {
        let (bytes, secret) = match item.found {
            Found::Vault { secret, key } => return Ok(Content::Vault(secret, key)),
            Found::Folder => return Err("a folder has no content".to_owned()),
            Found::Bytes { bytes, secret } => (bytes, secret),
        };
        let live = matches!(binding.delivery, Delivery::Live);
        let (subject, role, instance, _) = item.key;
        let own = subject == self.subject.id;
        let group = Group {
            cluster: &self.subject.cluster,
            namespace: &self.subject.namespace,
            workload: own.then_some(workload),
            maker: if own {
                ("", "", "")
            } else {
                (subject, role, instance)
            },
            secret,
            mutable: live || matches!(binding.on_change, Change::Wait),
        };
        Ok(Content::Slot(store.put(
            group,
            item.key,
            Cow::Borrowed(bytes),
        )))
    }
}

impl<'a> Plan<'a> {
    /// Names of the declared volumes that this pod uses.
    pub fn volumes(&self) -> BTreeSet<&'a str> {
        let used = self.uses.values().map(|u| u.volume);
        used.chain(self.seeded.iter().map(|s| s.volume)).collect()
    }
}

/// Path components joined, empty ones left out.
pub fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|p| !p.is_empty()).collect();
    parts.join("/")
}

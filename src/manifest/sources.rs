//! What a binding may name: rendered files, kept items and configured files, and who may have them.
//!
//! Everything that is public may be bound by everybody. A secret may be bound by its maker (about the same subject or
//! one of its descendants) and by those to whom both descriptors and the user gave consent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::input::{Consent, KeptPlace, Owner, Part, Shape, Subject};
use super::names::relative;
use super::problem::Problem;
use crate::plugin::contract::{Content, Ref};

/// Subject, role, instance and name.
pub type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What is behind a name.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// Bytes to be put into a `ConfigMap`, or into a Secret.
    Bytes {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether they go into a Secret.
        secret: bool,
    },
    /// An item of a vault in the subject's namespace: subject, Secret and key.
    Vault {
        /// Name of the Secret.
        secret: &'a str,
        /// Key in it.
        key: &'a str,
    },
    /// An empty folder.
    Folder,
}

/// One thing that can be bound.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Its address.
    pub key: Key<'a>,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub found: Found<'a>,
}

impl Item<'_> {
    fn is_secret(&self) -> bool {
        matches!(
            self.found,
            Found::Vault { .. } | Found::Bytes { secret: true, .. }
        )
    }
}

enum Entry<'a> {
    Item(Item<'a>),
    /// A rendered file whose content is a kept item.
    Kept {
        of: &'a Ref,
        mode: u32,
        secret: bool,
        maker: &'a Owner,
    },
}

/// Everything that can be bound, by address.
pub struct Sources<'a> {
    shape: &'a Shape,
    subjects: &'a HashMap<&'a str, &'a Subject>,
    entries: BTreeMap<Key<'a>, Entry<'a>>,
}

impl<'a> Sources<'a> {
    /// Indexes all of it. Where names meet, a rendered file is meant before a kept item, and that before a configured
    /// file. One plugin that renders a name twice is a problem.
    pub fn new(
        shape: &'a Shape,
        subjects: &'a HashMap<&'a str, &'a Subject>,
        parts: &'a [Part],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut entries = BTreeMap::new();
        for (at, bytes) in &shape.configured {
            let key = (&*at.subject, &*at.role, &*at.instance, &*at.name);
            let found = Found::Bytes {
                bytes,
                secret: false,
            };
            entries.insert(
                key,
                Entry::Item(Item {
                    key,
                    mode: 0o444,
                    found,
                }),
            );
        }
        for (at, place) in &shape.kept {
            let key = (&*at.subject, &*at.role, &*at.instance, &*at.name);
            let (found, mode) = match place {
                KeptPlace::Vault { secret, key } => (Found::Vault { secret, key }, 0o440),
                KeptPlace::Public(bytes) => {
                    let secret = false;
                    (Found::Bytes { bytes, secret }, 0o444)
                }
            };
            entries.insert(key, Entry::Item(Item { key, mode, found }));
        }
        for part in parts {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            for file in &part.rendered.files {
                let mut wrong = |why: String| {
                    problems.push(Problem::File {
                        subject: part.subject.clone(),
                        plugin: part.owner.plugin.clone(),
                        name: file.name.clone(),
                        why,
                    });
                };
                if let Err(why) = relative(file.name.trim_end_matches('/')) {
                    wrong(why);
                    continue;
                }
                if file.mode > 0o777 {
                    wrong(format!("mode {:o} is more than permission bits", file.mode));
                    continue;
                }
                if !seen.insert(&file.name) {
                    wrong("it is there twice".to_owned());
                    continue;
                }
                let (role, instance) = (&*part.owner.role, &*part.owner.instance);
                let key = (&*part.subject, role, instance, &*file.name);
                let item = |found| {
                    Entry::Item(Item {
                        key,
                        mode: file.mode,
                        found,
                    })
                };
                let entry = match &file.content {
                    Content::Bytes(bytes) => item(Found::Bytes {
                        bytes,
                        secret: file.secret,
                    }),
                    Content::Directory => item(Found::Folder),
                    Content::Kept(of) => Entry::Kept {
                        of,
                        mode: file.mode,
                        secret: file.secret,
                        maker: &part.owner,
                    },
                };
                entries.insert(key, entry);
            }
        }
        Self {
            shape,
            subjects,
            entries,
        }
    }

    /// What a reference names, for a plugin at a subject: one item, or for a name that ends in `/` all beneath it, with
    /// their names relative to it. The error says why not.
    pub fn resolve(
        &'a self,
        of: &'a Ref,
        taker: &Owner,
        at: &Subject,
    ) -> Result<Vec<(&'a str, Item<'a>)>, String> {
        let instance = if of.instance.is_empty() {
            &*of.role
        } else {
            &*of.instance
        };
        let key: Key<'a> = (&*of.subject, &*of.role, instance, &*of.name);
        if let Some((key, entry)) = self.entries.get_key_value(&key) {
            // A directory may be named with the slash that a tree has.
            let item = self.open(*key, entry, taker, at)?;
            return Ok(vec![("", item)]);
        }
        if !of.name.ends_with('/') && !of.name.is_empty() {
            return Err(self.missing(key));
        }
        let mut found = Vec::new();
        for (key, entry) in self.entries.range(key..) {
            if (key.0, key.1, key.2) != (&*of.subject, &*of.role, instance) {
                break;
            }
            let Some(rest) = key.3.strip_prefix(&*of.name) else {
                break;
            };
            found.push((rest, self.open(*key, entry, taker, at)?));
        }
        if found.is_empty() {
            return Err(self.missing(key));
        }
        Ok(found)
    }

    fn open(
        &'a self,
        key: Key<'a>,
        entry: &'a Entry<'a>,
        taker: &Owner,
        at: &Subject,
    ) -> Result<Item<'a>, String> {
        let item = match entry {
            Entry::Item(item) => *item,
            Entry::Kept {
                of,
                mode,
                secret,
                maker,
            } => {
                let owner_at = self.subjects.get(key.0).copied().unwrap_or(at);
                let instance = if of.instance.is_empty() {
                    &*of.role
                } else {
                    &*of.instance
                };
                let kept: Key<'a> = (&*of.subject, &*of.role, instance, &*of.name);
                let Some((kept_key, Entry::Item(item))) = self.entries.get_key_value(&kept) else {
                    return Err(self.missing(kept));
                };
                self.allow(item, maker, owner_at)?;
                let found = match item.found {
                    Found::Bytes { bytes, .. } => Found::Bytes {
                        bytes,
                        secret: *secret,
                    },
                    other => other,
                };
                // A vault's item stays where it is; a copy gets the file's own name.
                let key = if matches!(found, Found::Vault { .. }) {
                    *kept_key
                } else {
                    key
                };
                let item = Item {
                    key,
                    mode: *mode,
                    found,
                };
                if item.is_secret()
                    && (maker.role != taker.role || maker.instance != taker.instance)
                {
                    self.allow(&item, taker, at)?;
                }
                return Ok(item);
            }
        };
        self.allow(&item, taker, at)?;
        Ok(item)
    }

    /// Whether a plugin at a subject may have an item.
    fn allow(&self, item: &Item<'_>, taker: &Owner, at: &Subject) -> Result<(), String> {
        if !item.is_secret() {
            return Ok(());
        }
        let (subject, role, instance, name) = item.key;
        let home = self.subjects.get(subject);
        if let (Found::Vault { .. }, Some(home)) = (&item.found, home)
            && (home.cluster != at.cluster || home.namespace != at.namespace)
        {
            return Err(format!(
                "secret {name} of {subject} lies in namespace {} and pods of {} cannot mount it",
                home.namespace, at.namespace
            ));
        }
        if !self.above(subject, at) {
            return Err(format!("{name} is a secret of {subject}"));
        }
        let own = taker.role == role && taker.instance == instance;
        if own || self.consents(role, &taker.role, name) {
            return Ok(());
        }
        Err(format!(
            "{name} is a secret of role {role}, which does not share it with role {}",
            taker.role
        ))
    }

    fn consents(&self, maker: &str, taker: &str, item: &str) -> bool {
        self.shape.consents.contains(&Consent {
            maker: maker.to_owned(),
            taker: taker.to_owned(),
            item: item.to_owned(),
        })
    }

    /// Whether `subject` is `at` or one of its ancestors.
    fn above(&self, subject: &str, at: &Subject) -> bool {
        let mut at = at;
        // Deeper than any real tree; a loop of parents ends here.
        for _ in 0..32 {
            if at.id == subject {
                return true;
            }
            let Some(parent) = at.parent.as_deref().and_then(|id| self.subjects.get(id)) else {
                return false;
            };
            at = parent;
        }
        false
    }

    fn missing(&self, (subject, role, instance, name): Key<'_>) -> String {
        if !self.subjects.contains_key(subject) {
            return format!("there is no subject {subject}");
        }
        let from = (subject, role, instance, "");
        let near: Vec<&str> = self
            .entries
            .range(from..)
            .take_while(|(key, _)| (key.0, key.1, key.2) == (subject, role, instance))
            .map(|(key, _)| key.3)
            .take(12)
            .collect();
        if near.is_empty() {
            return format!("role {role} ({instance}) gave nothing about {subject}");
        }
        format!(
            "role {role} gave no {name} about {subject}; it gave {}",
            near.join(", ")
        )
    }
}

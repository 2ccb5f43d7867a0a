//! Signposts in a cluster: one in each place of a chain but its home, and the way home from one.
//!
//! Like a head, a signpost is created by POST and changed by PUT with the version that was read, never applied. A place
//! where something else of that name stands is another's, and is refused before the chain writes anything anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::connect::Connection;
use super::error::ClusterError;
use super::labels::{HEAD, RECORD, SIGNPOST, UID, head_name, label, meta};
use super::store::backend;
use super::{ClusterStore, head_object, signpost_object};
use crate::state::store::check_signpost;
use crate::state::{Head, Home, Phase, Signpost, Site, Store as _, StoreError};

/// Places looked at or written side by side.
const AT_ONCE: usize = 16;
/// How often a place is tried when somebody else changes it in between.
const ATTEMPTS: u32 = 8;

/// Places of a chain, each with the kinds of its objects there.
pub type Places<'a> = BTreeMap<Site<'a>, BTreeSet<String>>;

/// What of a chain was found in a place.
#[derive(Debug, Clone)]
enum Standing {
    /// The place is free.
    Nothing,
    /// The chain's own.
    Own {
        /// None when it cannot be read: it is written anew.
        signpost: Option<Box<Signpost>>,
        version: String,
    },
}

impl Standing {
    /// What is to stand there instead; `None` if it is as wanted.
    fn change(&self, wanted: &Signpost) -> Option<Signpost> {
        let Self::Own {
            signpost: Some(there),
            ..
        } = self
        else {
            return Some(wanted.clone());
        };
        let wanted = wanted.clone().over(there);
        (wanted != **there).then_some(wanted)
    }
}

/// What is known to stand in places, by cluster and namespace: whoever has looked, or written, does not ask again.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<BTreeMap<(String, String), Standing>>>);

impl Seen {
    fn get(&self, site: Site<'_>) -> Option<Standing> {
        let key = (site.cluster.to_owned(), site.namespace.to_owned());
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&key).cloned()
    }

    fn set(&self, site: Site<'_>, standing: Standing) {
        let key = (site.cluster.to_owned(), site.namespace.to_owned());
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(key, standing);
    }
}

impl ClusterStore {
    /// Looks at the places of a chain, and writes nothing. False if [`mark`](crate::state::Store::mark) would write.
    ///
    /// # Errors
    /// A place is another's, or a server does not answer.
    pub async fn is_marked(&self, head: &Head, places: &Places<'_>) -> Result<bool, StoreError> {
        let mut work = Vec::new();
        for (site, kinds) in self.beside_home(places) {
            let wanted = self.signpost(head, site, kinds);
            work.push(async move {
                let standing = self.standing(site, &head.uid).await?;
                let is_as_wanted = standing.change(&wanted).is_none();
                self.seen.set(site, standing);
                Ok::<bool, StoreError>(is_as_wanted)
            });
        }
        let all: Vec<bool> = stream::iter(work).buffered(AT_ONCE).try_collect().await?;
        Ok(all.into_iter().all(|it| it))
    }

    pub(super) async fn mark_all(
        &self,
        head: &Head,
        places: &Places<'_>,
    ) -> Result<(), StoreError> {
        let mut work = Vec::new();
        for (site, kinds) in self.beside_home(places) {
            work.push(self.mark_one(site, self.signpost(head, site, kinds)));
        }
        stream::iter(work)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    fn beside_home<'a>(
        &'a self,
        places: &'a Places<'a>,
    ) -> impl Iterator<Item = (Site<'a>, &'a BTreeSet<String>)> {
        let home = Site::home(self.namespace());
        let others = places.iter().filter(move |(site, _)| **site != home);
        others.map(|(site, kinds)| (*site, kinds))
    }

    fn signpost(&self, head: &Head, site: Site<'_>, kinds: &BTreeSet<String>) -> Signpost {
        let far = !site.cluster.is_empty();
        let home = Home {
            namespace: self.namespace().to_owned(),
            uid: self.home_uid.clone(),
            context: far.then(|| self.connection.context_name.clone()),
        };
        Signpost::of(head, home, kinds.clone())
    }

    async fn mark_one(&self, site: Site<'_>, wanted: Signpost) -> Result<(), StoreError> {
        let connection = self.of(site)?;
        let name = head_name(&self.chain);
        let mut standing = match self.seen.get(site) {
            Some(seen) => seen,
            None => self.standing(site, &wanted.uid).await?,
        };
        for _ in 0..ATTEMPTS {
            let Some(signpost) = standing.change(&wanted) else {
                self.seen.set(site, standing);
                return Ok(());
            };
            let namespace = site.namespace;
            let (is_there, written) = match &standing {
                Standing::Nothing => {
                    let object = signpost_object::to_object(&signpost, namespace, None)?;
                    let made = connection.create(&self.config_map, namespace, &object);
                    (false, made.await)
                }
                Standing::Own { version, .. } => {
                    let object = signpost_object::to_object(&signpost, namespace, Some(version))?;
                    let made = connection.replace(&self.config_map, namespace, &name, &object);
                    (true, made.await)
                }
            };
            match written {
                Ok(made) => {
                    let version = meta(&made, "resourceVersion").to_owned();
                    let signpost = Some(Box::new(signpost));
                    self.seen.set(site, Standing::Own { signpost, version });
                    return Ok(());
                }
                Err(ClusterError::AlreadyExists { .. } | ClusterError::Conflict { .. }) => {}
                Err(error) if error.is_not_found() && is_there => {}
                Err(error) => {
                    let action = format!("write the signpost of chain {:?} in {site}", self.chain);
                    return Err(backend(action, error.of_cluster(site.cluster)));
                }
            }
            standing = self.standing(site, &wanted.uid).await?;
        }
        Err(StoreError::Busy {
            chain: self.chain.clone(),
            attempts: ATTEMPTS,
        })
    }

    /// What stands in a place, if it is nobody else's.
    async fn standing(&self, site: Site<'_>, uid: &str) -> Result<Standing, StoreError> {
        let connection = self.of(site)?;
        let name = head_name(&self.chain);
        let found = connection
            .get(&self.config_map, site.namespace, &name)
            .await
            .map_err(|error| {
                let action = format!("see whether {site} is free for chain {:?}", self.chain);
                backend(action, error.of_cluster(site.cluster))
            })?;
        let Some(object) = found else {
            return Ok(Standing::Nothing);
        };
        let signpost = match owner(&object) {
            Owner::Signpost(there) if there.uid == uid => {
                check_signpost(&there)?;
                Some(Box::new(there))
            }
            Owner::Unreadable(its) if its == uid => None,
            other => return Err(self.taken(site, &connection.context_name, &other)),
        };
        Ok(Standing::Own {
            signpost,
            version: meta(&object, "resourceVersion").to_owned(),
        })
    }

    fn taken(&self, site: Site<'_>, context: &str, owner: &Owner) -> StoreError {
        let (chain, name) = (&self.chain, head_name(&self.chain));
        let near = if site.cluster.is_empty() || context.is_empty() {
            String::new()
        } else {
            format!(" --context {context}")
        };
        let other = |way: &str| {
            format!(
                "give this chain another name, or delete the other: kubectl chain delete {chain} {way}"
            )
        };
        let here = format!("-n {}{near}", site.namespace);
        let (whose, hint) = match owner {
            Owner::Signpost(there) => {
                let home = &there.home;
                let way = match home.context {
                    None => format!("-n {}{near}", home.namespace),
                    Some(_) => home.flags(),
                };
                let whose =
                    format!("marks a place of another chain {chain:?}, whose home is {home}");
                (whose, other(&way))
            }
            Owner::Head(head) if head.phase == Phase::Tombstone => (
                format!(
                    "is the head of another chain {chain:?}, which was deleted and keeps its keys"
                ),
                other(&format!("--purge {here}")),
            ),
            Owner::Head(_) => (
                format!("is the head of another chain {chain:?}"),
                other(&here),
            ),
            Owner::Unreadable(_) | Owner::Nobody => (
                "is of no chain that can be told".to_owned(),
                format!(
                    "give this chain another name, or, if nobody needs it: kubectl delete configmap {name} {here}"
                ),
            ),
        };
        StoreError::PlaceTaken {
            chain: chain.clone(),
            place: site.to_string(),
            name,
            whose,
            hint,
        }
    }
}

/// Whose a `ConfigMap` is that has the name of a head.
enum Owner {
    Signpost(Signpost),
    Head(Box<Head>),
    /// A signpost that cannot be read, with the UID of its label.
    Unreadable(String),
    Nobody,
}

fn owner(object: &Value) -> Owner {
    match label(object, RECORD) {
        SIGNPOST => match signpost_object::from_object(object) {
            Ok(signpost) => Owner::Signpost(signpost),
            Err(_) => Owner::Unreadable(label(object, UID).to_owned()),
        },
        HEAD => head_object::from_object(object)
            .map_or(Owner::Nobody, |stored| Owner::Head(Box::new(stored.head))),
        _ => Owner::Nobody,
    }
}

/// The way home from a signpost that was found in the connection's namespace: a connection to the home, and the head.
///
/// # Errors
/// [`ClusterError::HomeElsewhere`] when it is in another cluster, [`ClusterError::HomeClosed`] when it may not be read,
/// [`ClusterError::HomeGone`] when the chain is not there; or the server does not answer.
pub async fn home_of(
    connection: &Connection,
    signpost: &Signpost,
) -> Result<(Connection, Head), ClusterError> {
    let Signpost {
        chain, home, uid, ..
    } = signpost;
    if home.context.is_some() {
        return Err(ClusterError::HomeElsewhere {
            chain: chain.clone(),
            home: home.clone(),
        });
    }
    let there = connection.in_namespace(&home.namespace);
    let gone = || ClusterError::HomeGone {
        chain: chain.clone(),
        place: connection.namespace.clone(),
        home: home.namespace.clone(),
    };
    let store = ClusterStore::new(&there, chain, uid, &home.namespace);
    match store.load_head().await {
        Ok(Some(stored)) if stored.head.uid == *uid => Ok((there, stored.head)),
        Ok(_) | Err(StoreError::NotHome { .. }) => Err(gone()),
        Err(error) => Err(ClusterError::HomeClosed {
            chain: chain.clone(),
            home: home.namespace.clone(),
            source: closed(error)?,
        }),
    }
}

/// What the server said, if it was that something may not be read; else the error as it is.
fn closed(error: StoreError) -> Result<Box<ClusterError>, ClusterError> {
    match error {
        StoreError::Backend {
            action,
            source,
            hint,
        } => match source.downcast::<ClusterError>() {
            Ok(error) if error.is_forbidden() => Ok(error),
            Ok(error) => Err(*error),
            Err(source) => Err(StoreError::Backend {
                action,
                source,
                hint,
            }
            .into()),
        },
        error => Err(error.into()),
    }
}

//! The store in a cluster: head, revisions and public parts in `ConfigMaps`, vaults in Secrets, each in the cluster of its
//! subject.
//!
//! Nothing here is ever applied: two appliers of one manager would both succeed and one would lose its keys. The head
//! is created by POST and changed by PUT with the version that was read; everything else is immutable and only created
//! (and, when it is too old, deleted).

mod parted;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join;

use super::clusters::Clusters;
use super::connect::Connection;
use super::error::ClusterError;
use super::labels::{PUBLIC, RECORD, REVISION, SIGNPOST, annotation, head_name, label, meta};
use super::object_api::ApiKind;
use super::request::Preconditions;
use super::signposts::Seen;
use super::{head_object, signpost_object, vault_object};
use crate::state::store::{KEPT_REVISIONS, check_vault, digest_of, from_json, to_json};
use crate::state::{
    Head, HeadCreation, HeadPut, HeadVersion, Public, Revision, Site, Store, StoreError,
    StoredHead, Vault, VaultCreation, VaultRef,
};

/// What a cluster remembers of one chain, in one namespace.
#[derive(Debug, Clone)]
pub struct ClusterStore {
    pub(super) connection: Connection,
    clusters: Clusters,
    pub(super) chain: String,
    namespace: String,
    /// UID of the chain, for the labels of revisions.
    uid: String,
    /// UID of the namespace, "" where it is not known.
    pub(super) home_uid: String,
    pub(super) seen: Seen,
    pub(super) config_map: ApiKind,
    secret: ApiKind,
}

impl ClusterStore {
    /// The store of the chain called `chain` with this UID, whose head is in `namespace`. The UID is only used for
    /// labels: a head found there may have another, and the caller decides.
    pub fn new(connection: &Connection, chain: &str, uid: &str, namespace: &str) -> Self {
        let core = |kind: &str, plural: &str| ApiKind {
            group: String::new(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced: true,
        };
        Self {
            connection: connection.clone(),
            clusters: Clusters::only(connection.clone()),
            chain: chain.to_owned(),
            namespace: namespace.to_owned(),
            uid: uid.to_owned(),
            home_uid: String::new(),
            seen: Seen::default(),
            config_map: core("ConfigMap", "configmaps"),
            secret: core("Secret", "secrets"),
        }
    }

    /// The same store for another UID, when the head that was found has one.
    #[must_use]
    pub fn with_uid(mut self, uid: &str) -> Self {
        uid.clone_into(&mut self.uid);
        self
    }

    /// The same store, which finds vaults in these clusters too.
    #[must_use]
    pub fn reaching(mut self, clusters: &Clusters) -> Self {
        self.clusters.clone_from(clusters);
        self
    }

    /// The same store, which knows the UID of its namespace and tells it in other places.
    #[must_use]
    pub fn at_home(mut self, namespace_uid: &str) -> Self {
        namespace_uid.clone_into(&mut self.home_uid);
        self
    }

    /// The connection by which a vault or a place is reached.
    pub(super) fn of(&self, site: Site<'_>) -> Result<&Connection, StoreError> {
        let found = self.clusters.of(site.cluster);
        found.map_err(|error| backend(format!("reach {site}"), error))
    }

    /// The namespace of the head.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// A fault of the cluster as one of the store, with its hint.
pub(super) fn backend(action: String, error: ClusterError) -> StoreError {
    match error {
        ClusterError::Store(error) => error,
        error => StoreError::Backend {
            action,
            hint: error.hint(),
            source: Box::new(error),
        },
    }
}

impl Store for ClusterStore {
    fn chain(&self) -> &str {
        &self.chain
    }

    async fn load_head(&self) -> Result<Option<StoredHead>, StoreError> {
        let found = self
            .connection
            .get(&self.config_map, &self.namespace, &head_name(&self.chain))
            .await
            .map_err(|error| backend(format!("read the head of chain {:?}", self.chain), error))?;
        let Some(object) = found else {
            return Ok(None);
        };
        if label(&object, RECORD) == SIGNPOST {
            return Err(StoreError::NotHome {
                chain: self.chain.clone(),
                namespace: self.namespace.clone(),
                signpost: Box::new(signpost_object::from_object(&object)?),
            });
        }
        head_object::from_object(&object).map(Some)
    }

    async fn create_head(&self, head: &Head) -> Result<HeadCreation, StoreError> {
        let object = head_object::to_object(head, &self.namespace, None)?;
        let result = self
            .connection
            .create(&self.config_map, &self.namespace, &object)
            .await;
        match result {
            Ok(created) => Ok(HeadCreation::Created(HeadVersion::of(
                meta(&created, "resourceVersion"),
                head,
            ))),
            Err(ClusterError::AlreadyExists { .. }) => match self.load_head().await? {
                // A repeated request found what its first attempt had made.
                Some(stored) if stored.head == *head => Ok(HeadCreation::Created(stored.version)),
                Some(stored) => Ok(HeadCreation::Exists(Box::new(stored))),
                None => Err(StoreError::Busy {
                    chain: self.chain.clone(),
                    attempts: 1,
                }),
            },
            Err(error) => Err(backend(
                format!("write the head of chain {:?}", self.chain),
                error,
            )),
        }
    }

    async fn put_head(&self, head: &Head, version: &HeadVersion) -> Result<HeadPut, StoreError> {
        version.check()?;
        let object = head_object::to_object(head, &self.namespace, Some(version))?;
        let name = head_name(&self.chain);
        let result = self
            .connection
            .replace(&self.config_map, &self.namespace, &name, &object)
            .await;
        match result {
            Ok(written) => Ok(HeadPut::Written(HeadVersion::of(
                meta(&written, "resourceVersion"),
                head,
            ))),
            Err(ClusterError::NotFound { .. }) => Ok(HeadPut::Conflict),
            Err(ClusterError::Conflict { .. }) => match self.load_head().await? {
                // A repeated request met its own first attempt.
                Some(stored) if stored.head == *head && head.lock.is_some() => {
                    Ok(HeadPut::Written(stored.version))
                }
                _ => Ok(HeadPut::Conflict),
            },
            Err(error) => Err(backend(
                format!("write the head of chain {:?}", self.chain),
                error,
            )),
        }
    }

    async fn delete_head(&self, version: &HeadVersion) -> Result<HeadPut, StoreError> {
        let conditions = Preconditions {
            uid: None,
            resource_version: Some(version.token.clone()),
        };
        let name = head_name(&self.chain);
        match self
            .connection
            .delete(&self.config_map, &self.namespace, &name, &conditions)
            .await
        {
            Ok(_) => Ok(HeadPut::Written(version.clone())),
            Err(ClusterError::Conflict { .. }) => Ok(HeadPut::Conflict),
            Err(error) => Err(backend(
                format!("delete the head of chain {:?}", self.chain),
                error,
            )),
        }
    }

    async fn mark(
        &self,
        head: &Head,
        places: &BTreeMap<Site<'_>, BTreeSet<String>>,
    ) -> Result<(), StoreError> {
        self.mark_all(head, places).await
    }

    async fn read_vault(
        &self,
        site: Site<'_>,
        subject: &str,
        vault: &VaultRef,
    ) -> Result<Vault, StoreError> {
        let place = site.to_string();
        let unreadable =
            |source: Box<dyn std::error::Error + Send + Sync>| StoreError::VaultUnreadable {
                subject: subject.to_owned(),
                name: vault.name.clone(),
                place: place.clone(),
                source,
            };
        let connection = self.of(site)?;
        let found = match connection
            .get(&self.secret, site.namespace, &vault.name)
            .await
        {
            Ok(Some(object)) => {
                vault_object::from_object(&object).map_err(|e| unreadable(Box::new(e)))?
            }
            Ok(None) => {
                return Err(StoreError::VaultMissing {
                    subject: subject.to_owned(),
                    name: vault.name.clone(),
                    place,
                });
            }
            Err(error) => return Err(unreadable(Box::new(error))),
        };
        check_vault(&found, subject, vault, &place)?;
        Ok(found)
    }

    async fn find_vault(&self, site: Site<'_>, name: &str) -> Result<Option<Vault>, StoreError> {
        let found = self
            .of(site)?
            .get(&self.secret, site.namespace, name)
            .await
            .map_err(|error| backend(format!("read vault {name:?}"), error))?;
        found.as_ref().map(vault_object::from_object).transpose()
    }

    async fn create_vault(
        &self,
        site: Site<'_>,
        name: &str,
        vault: &Vault,
    ) -> Result<VaultCreation, StoreError> {
        let what = format!("vault {name:?} of subject {:?}", vault.subject);
        let object = vault_object::to_object(&self.chain, site.namespace, name, vault)?;
        let connection = self.of(site)?;
        match connection
            .create(&self.secret, site.namespace, &object)
            .await
        {
            Ok(_) => Ok(VaultCreation::Created),
            Err(ClusterError::AlreadyExists { .. }) => {
                let there = connection
                    .get(&self.secret, site.namespace, name)
                    .await
                    .map_err(|error| backend(format!("read {what}"), error))?
                    .ok_or_else(|| StoreError::VaultMissing {
                        subject: vault.subject.clone(),
                        name: name.to_owned(),
                        place: site.to_string(),
                    })?;
                let there = vault_object::from_object(&there)?;
                Ok(VaultCreation::Exists(Box::new(there)))
            }
            Err(error) => Err(backend(format!("write {what}"), error)),
        }
    }

    async fn read_public(&self, digest: &str) -> Result<Public, StoreError> {
        let parted = self.public_parts(digest);
        let json = self.read_parts(&parted).await?;
        if digest_of(&json) != digest {
            return Err(StoreError::Damaged {
                what: parted.what,
                why: "its digest differs".to_owned(),
            });
        }
        from_json(&parted.what, &json)
    }

    async fn write_public(&self, public: &Public) -> Result<String, StoreError> {
        let json = to_json("the public part", public)?;
        let digest = digest_of(&json);
        let parted = self.public_parts(&digest);
        let objects = self.part_objects(&parted, &json, &[])?;
        let differing = self.create_parts(&parted.what, &objects).await?;
        if differing.iter().any(Option::is_some) {
            return Err(StoreError::Damaged {
                what: parted.what,
                why: "another ConfigMap of that name is there".to_owned(),
            });
        }
        Ok(digest)
    }

    async fn read_revision(&self, number: u32) -> Result<Revision, StoreError> {
        let parted = self.revision_parts(number);
        let json = self.read_parts(&parted).await?;
        from_json(&parted.what, &json)
    }

    async fn write_revision(&self, revision: &Revision) -> Result<(), StoreError> {
        let parted = self.revision_parts(revision.number);
        let json = to_json(&parted.what, revision)?;
        let number = revision.number.to_string();
        let objects = self.part_objects(
            &parted,
            &json,
            &[(REVISION, &number), (PUBLIC, &revision.public)],
        )?;
        let differing = self.create_parts(&parted.what, &objects).await?;
        if differing.iter().all(Option::is_none) {
            return Ok(());
        }
        // Left by a run that stopped before it moved the head, or written by somebody who was faster.
        let known = self
            .load_head()
            .await?
            .map_or(0, |stored| stored.head.revision);
        if known >= revision.number {
            return Err(StoreError::RevisionTaken {
                chain: self.chain.clone(),
                number: revision.number,
            });
        }
        for (object, there) in objects.iter().zip(differing) {
            let Some(there) = there else { continue };
            self.delete_record(&there).await?;
            if self.create_part(&parted.what, object).await?.is_some() {
                return Err(StoreError::RevisionTaken {
                    chain: self.chain.clone(),
                    number: revision.number,
                });
            }
        }
        Ok(())
    }

    async fn list_revisions(&self) -> Result<BTreeSet<u32>, StoreError> {
        let records = self.records("revision").await?;
        Ok(records
            .iter()
            .filter_map(|object| label(object, REVISION).parse().ok())
            .collect())
    }

    async fn collect_revisions(&self, current: u32) -> Result<(), StoreError> {
        let oldest = current.saturating_sub(KEPT_REVISIONS - 1);
        let mut old = Vec::new();
        let mut named: BTreeMap<String, ()> = BTreeMap::new();
        let (revisions, mut public) =
            try_join(self.records("revision"), self.records("public")).await?;
        for object in revisions {
            match label(&object, REVISION).parse::<u32>() {
                Ok(number) if number < oldest => old.push(object),
                Ok(_) => {
                    let parted = self.public_parts(annotation(&object, PUBLIC));
                    named.insert(parted.prefix, ());
                }
                Err(_) => {}
            }
        }
        // The revisions first: a public part that a revision names is never missing.
        self.delete_records(old).await?;
        public.retain(|object| {
            let name = meta(object, "name");
            let prefix = name.rsplit_once('.').map_or(name, |(prefix, _)| prefix);
            !named.contains_key(prefix)
        });
        self.delete_records(public).await
    }
}

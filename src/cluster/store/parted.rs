//! What may be too large for one object: its parts in `ConfigMaps`, which never change, made, read and deleted.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::{ClusterStore, backend};
use crate::cluster::error::ClusterError;
use crate::cluster::labels::{
    CHAIN, DIGEST, MANAGED_BY, MANAGER, PARTS, RECORD, REVISION, UID, annotation, meta,
};
use crate::cluster::parts::{self, PART_KEY};
use crate::cluster::request::{ListQuery, Preconditions};
use crate::state::StoreError;
use crate::state::store::digest_of;

/// The most parts that one thing may have; more would not fit into memory when read.
const MOST_PARTS: usize = 100;
/// Parts read or written at once.
const AT_ONCE: usize = 8;

/// A group of parts that make one thing.
pub(super) struct Parted<'a> {
    /// `chain.<name>.v3` and the like; a part's name is this, a dot and its number.
    pub(super) prefix: String,
    /// Value of [`RECORD`].
    record: &'a str,
    /// For messages.
    pub(super) what: String,
}

impl ClusterStore {
    pub(super) fn revision_parts(&self, number: u32) -> Parted<'static> {
        Parted {
            prefix: format!("chain.{}.v{number}", self.chain),
            record: "revision",
            what: format!("revision {number} of chain {:?}", self.chain),
        }
    }

    pub(super) fn public_parts(&self, digest: &str) -> Parted<'static> {
        Parted {
            prefix: format!(
                "chain.{}.p{}",
                self.chain,
                digest.get(..16).unwrap_or(digest)
            ),
            record: "public",
            what: format!("public part {digest} of chain {:?}", self.chain),
        }
    }

    pub(super) fn part_objects(
        &self,
        parted: &Parted<'_>,
        json: &[u8],
        extra: &[(&str, &str)],
    ) -> Result<Vec<Value>, StoreError> {
        let pieces = parts::split(json);
        if pieces.len() > MOST_PARTS {
            return Err(StoreError::TooLarge {
                what: parted.what.clone(),
                bytes: json.len(),
                limit: MOST_PARTS * 700_000,
            });
        }
        let count = pieces.len().to_string();
        let digest = digest_of(json);
        let objects = pieces.into_iter().enumerate().map(|(number, piece)| {
            let mut labels = json!({
                CHAIN: self.chain,
                UID: self.uid,
                RECORD: parted.record,
                MANAGED_BY: MANAGER,
            });
            let mut annotations = json!({ PARTS: count, DIGEST: digest });
            for (name, value) in extra {
                let map = if *name == REVISION {
                    &mut labels
                } else {
                    &mut annotations
                };
                if let Value::Object(map) = map {
                    map.insert((*name).to_owned(), (*value).into());
                }
            }
            json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "immutable": true,
                "metadata": {
                    "name": format!("{}.{number}", parted.prefix),
                    "namespace": self.namespace,
                    "labels": labels,
                    "annotations": annotations,
                },
                "binaryData": { PART_KEY: piece },
            })
        });
        Ok(objects.collect())
    }

    /// Reads all parts and checks the digest of the whole.
    pub(super) async fn read_parts(&self, parted: &Parted<'_>) -> Result<Vec<u8>, StoreError> {
        let missing = || StoreError::Missing {
            what: parted.what.clone(),
            chain: self.chain.clone(),
        };
        let first = self.get_part(parted, 0).await?.ok_or_else(missing)?;
        let damaged = |why: String| StoreError::Damaged {
            what: parted.what.clone(),
            why,
        };
        let count: usize = annotation(&first, PARTS)
            .parse()
            .ok()
            .filter(|count| (1..=MOST_PARTS).contains(count))
            .ok_or_else(|| damaged(format!("annotation {PARTS} is not a usual number")))?;
        let digest = annotation(&first, DIGEST).to_owned();
        let mut json = parts::piece(&parted.what, &first)?;
        let rest: Vec<Option<Value>> = stream::iter(1..count)
            .map(|number| self.get_part(parted, number))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for part in rest {
            json.extend(parts::piece(&parted.what, &part.ok_or_else(missing)?)?);
        }
        if digest_of(&json) != digest {
            return Err(damaged("its digest differs".to_owned()));
        }
        Ok(json)
    }

    async fn get_part(
        &self,
        parted: &Parted<'_>,
        number: usize,
    ) -> Result<Option<Value>, StoreError> {
        let name = format!("{}.{number}", parted.prefix);
        self.connection
            .get(&self.config_map, &self.namespace, &name)
            .await
            .map_err(|error| backend(format!("read {}", parted.what), error))
    }

    /// Creates a part; `None` if it is there now, else what is there instead.
    pub(super) async fn create_part(
        &self,
        what: &str,
        object: &Value,
    ) -> Result<Option<Value>, StoreError> {
        let result = self
            .connection
            .create(&self.config_map, &self.namespace, object)
            .await;
        match result {
            Ok(_) => Ok(None),
            Err(ClusterError::AlreadyExists { .. }) => {
                let there = self
                    .connection
                    .get(&self.config_map, &self.namespace, meta(object, "name"))
                    .await
                    .map_err(|error| backend(format!("read {what}"), error))?
                    .ok_or_else(|| StoreError::Missing {
                        what: what.to_owned(),
                        chain: self.chain.clone(),
                    })?;
                let same = annotation(&there, DIGEST) == annotation(object, DIGEST)
                    && parts::piece(what, &there).ok() == parts::piece(what, object).ok();
                Ok((!same).then_some(there))
            }
            Err(error) => Err(backend(format!("write {what}"), error)),
        }
    }

    /// Creates parts side by side; for each what [`ClusterStore::create_part`] says.
    pub(super) async fn create_parts(
        &self,
        what: &str,
        objects: &[Value],
    ) -> Result<Vec<Option<Value>>, StoreError> {
        let mut work = Vec::with_capacity(objects.len());
        for object in objects {
            work.push(self.create_part(what, object));
        }
        stream::iter(work).buffered(AT_ONCE).try_collect().await
    }

    /// Names, versions and labels of the records of one sort.
    pub(super) async fn records(&self, record: &str) -> Result<Vec<Value>, StoreError> {
        let labels = format!("{CHAIN}={},{RECORD}={record}", self.chain);
        self.connection
            .list(
                &self.config_map,
                &self.namespace,
                ListQuery {
                    labels: &labels,
                    metadata_only: true,
                    ..ListQuery::default()
                },
            )
            .await
            .map_err(|error| {
                backend(
                    format!("list the {record}s of chain {:?}", self.chain),
                    error,
                )
            })
    }

    pub(super) async fn delete_record(&self, object: &Value) -> Result<(), StoreError> {
        let name = meta(object, "name");
        let conditions = Preconditions {
            uid: Some(meta(object, "uid").to_owned()),
            resource_version: None,
        };
        match self
            .connection
            .delete(&self.config_map, &self.namespace, name, &conditions)
            .await
        {
            // Replaced meanwhile: then it is no longer the one that was to go.
            Ok(_) | Err(ClusterError::Conflict { .. }) => Ok(()),
            Err(error) => Err(backend(format!("delete configmap {name:?}"), error)),
        }
    }

    pub(super) async fn delete_records(&self, objects: Vec<Value>) -> Result<(), StoreError> {
        let mut work = Vec::with_capacity(objects.len());
        for object in &objects {
            work.push(self.delete_record(object));
        }
        stream::iter(work)
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    }
}

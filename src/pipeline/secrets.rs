//! Secrets that one operation may use: read from the vaults before it starts, and only those that its descriptor names.
//!
//! An operation's own secrets are those of its role that stand in its `secrets`; others' are those that its plugin takes
//! in the phase `operate`, by everybody's consent. They are of the subject of the operation, of its ancestors and of its
//! descendants, unless the operation says that it works for the whole chain. An operation that names none reads no vault.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chain_plugin_sdk::descriptor::{Operation, Phase};

use super::resolve::{ResolvedService, split_key};
use super::world::{Place, SecretReader, covers, place};
use crate::plugin::contract::Subject;
use crate::state::{Head, Public, Store, StoreError, Vault};

/// (maker role, taker role, item) on which both descriptors and the user agree.
pub type Consents = BTreeSet<(String, String, String)>;

/// What an operation says that signs for everybody: its secrets are those of every subject.
pub const WHOLE: &str = "chain";

/// Who is going to use secrets.
#[derive(Clone, Copy)]
pub struct User<'a> {
    /// The service whose operation it is.
    pub service: &'a ResolvedService,
    /// The operation, as the descriptor has it.
    pub operation: &'a Operation,
    /// The subject that it is about.
    pub subject: &'a str,
    /// On whose secrets all agree.
    pub consents: &'a Consents,
}

/// Secret items by place.
#[derive(Default)]
pub struct Secrets(HashMap<Place, Vec<u8>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// Adds all secret items of a vault.
    pub fn add(&mut self, vault: &Vault) {
        self.add_some(vault, |_, _, _| true);
    }

    fn add_some(&mut self, vault: &Vault, wanted: impl Fn(&str, &str, &str) -> bool) {
        for ((role, instance, name), item) in vault.items.iter().filter(|(_, item)| item.secret) {
            if !wanted(role, instance, name) {
                continue;
            }
            self.0.insert(
                place(&vault.subject, role, instance, name),
                item.bytes.clone(),
            );
        }
    }

    /// Reads what an operation may use.
    ///
    /// # Errors
    /// A vault is missing, may not be read, or is not the one that the head lists.
    pub async fn of_operation<S: Store>(
        store: &S,
        head: &Head,
        public: &Public,
        subjects: &[Subject],
        user: &User<'_>,
    ) -> Result<Self, StoreError> {
        let User {
            service,
            operation,
            subject,
            consents,
        } = *user;
        let wanted = |role: &str, instance: &str, name: &str| {
            let own = role == service.role && instance == service.instance;
            if own {
                return operation.secrets.iter().any(|it| covers(it, name));
            }
            let take = |take: &&chain_plugin_sdk::descriptor::Take| {
                take.role == role && take.item == name && take.phases.contains(&Phase::Operate)
            };
            operation.secrets.iter().any(|it| it == name)
                && service.plugin.descriptor.takes.iter().any(|it| take(&it))
                && consents.contains(&(role.to_owned(), service.role.clone(), name.to_owned()))
        };
        let mut secrets = Self::default();
        if operation.secrets.is_empty() {
            return Ok(secrets);
        }
        let ids = if operation.secrets_of == WHOLE {
            subjects.iter().map(|it| it.id.as_str()).collect()
        } else {
            near(subjects, subject)
        };
        for id in ids {
            let (Some(sealed), Some(remembered)) = (public.sealed.get(id), head.subjects.get(id))
            else {
                continue;
            };
            let vaults: BTreeSet<&str> = sealed
                .iter()
                .flat_map(|(key, items)| {
                    let (role, instance) = split_key(key);
                    items
                        .iter()
                        .filter(move |(name, _)| wanted(role, instance, name))
                })
                .map(|(_, vault)| vault.as_str())
                .collect();
            for listed in remembered
                .vaults
                .iter()
                .filter(|it| vaults.contains(it.name.as_str()))
            {
                let vault = store.read_vault(remembered.site(), id, listed).await?;
                secrets.add_some(&vault, wanted);
            }
        }
        Ok(secrets)
    }
}

impl SecretReader for Secrets {
    fn read(&self, place: &Place) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(place).cloned())
    }
}

/// A subject, its ancestors and its descendants.
fn near<'a>(subjects: &'a [Subject], subject: &str) -> Vec<&'a str> {
    let parents: BTreeMap<&str, Option<&str>> = subjects
        .iter()
        .map(|it| (it.id.as_str(), it.parent.as_deref()))
        .collect();
    let line = |id: &'a str| {
        std::iter::successors(Some(id), |id| parents.get(id).copied().flatten()).take(16)
    };
    let own: BTreeSet<&str> = subjects
        .iter()
        .find(|it| it.id == subject)
        .map(|it| line(&it.id).collect())
        .unwrap_or_default();
    subjects
        .iter()
        .map(|it| it.id.as_str())
        .filter(|id| own.contains(id) || line(id).any(|above| above == subject))
        .collect()
}

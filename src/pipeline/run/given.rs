//! What plugins gave about a subject: kept items, configured files, facts and notes.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use super::{PipelineError, Run};
use crate::pipeline::resolve::ResolvedService;
use crate::pipeline::world::{Item, kept_spec, place};
use crate::plugin::PluginError;
use crate::plugin::contract::{Configured, Diagnostic, Provisioned, Severity, Subject};
use crate::state::KeptItem;
use crate::state::revision::ConfiguredResult;

impl Run<'_> {
    pub(super) fn provisioned(
        &self,
        service: &ResolvedService,
        subject: &Subject,
        given: Provisioned,
    ) -> Result<(), PipelineError> {
        self.note(service, given.notes);
        self.facts(service, subject, &given.facts)?;
        let refuse = |name: &str, why: &str| PluginError::Refused {
            plugin: service.plugin.name().to_owned(),
            what: format!("the item `{name}` about {}", subject.id),
            why: why.to_owned(),
        };
        for item in given.keep {
            let spec = kept_spec(&service.plugin.descriptor.kept, &item.name, &subject.kind)
                .ok_or_else(|| refuse(&item.name, "its descriptor does not name it"))?;
            if spec.secret != item.secret {
                return Err(refuse(
                    &item.name,
                    "its descriptor says otherwise whether it is a secret",
                )
                .into());
            }
            let place = place(&subject.id, &service.role, &service.instance, &item.name);
            let again = self.renewed(service, subject).contains(&item.name);
            if self.world.has_item(&place) && !again {
                return Err(refuse(&item.name, "it exists and is immutable").into());
            }
            self.world.keep(
                place,
                Item {
                    bytes: Some(item.bytes.clone()),
                    secret: item.secret,
                },
            );
            let key = (service.role.clone(), service.instance.clone(), item.name);
            let kept = KeptItem {
                bytes: item.bytes,
                secret: item.secret,
                media: item.media,
            };
            let mut born = self.born.lock().unwrap_or_else(PoisonError::into_inner);
            born.entry(subject.id.clone())
                .or_default()
                .insert(key, kept);
        }
        Ok(())
    }

    /// Whether this subject was configured before: then what was made is used.
    pub(super) fn reuse(
        &self,
        service: &ResolvedService,
        subject: &Subject,
    ) -> Result<bool, PipelineError> {
        let key = service.key();
        let Some(result) = self
            .known
            .public
            .configured
            .get(&subject.id)
            .and_then(|all| all.get(&key))
        else {
            return Ok(false);
        };
        self.facts(service, subject, &result.facts.to_string())?;
        let mut all = self
            .configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.entry(subject.id.clone())
            .or_default()
            .insert(key, result.clone());
        Ok(true)
    }

    pub(super) fn configure(
        &self,
        service: &ResolvedService,
        subject: &Subject,
        given: Configured,
    ) -> Result<(), PipelineError> {
        self.note(service, given.notes);
        self.facts(service, subject, &given.facts)?;
        let mut files = BTreeMap::new();
        for file in given.files {
            let place = place(&subject.id, &service.role, &service.instance, &file.name);
            files.insert(file.name, BASE64.encode(&file.bytes));
            self.world.configure(place, file.bytes);
        }
        let facts = serde_json::from_str(&given.facts).unwrap_or_default();
        let result = ConfiguredResult {
            files,
            facts,
            fingerprint: given.fingerprint,
        };
        let mut all = self
            .configured
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.entry(subject.id.clone())
            .or_default()
            .insert(service.key(), result);
        Ok(())
    }

    fn facts(
        &self,
        service: &ResolvedService,
        subject: &Subject,
        text: &str,
    ) -> Result<(), PipelineError> {
        let refuse = |why: String| PluginError::Refused {
            plugin: service.plugin.name().to_owned(),
            what: format!("facts about {}", subject.id),
            why,
        };
        let facts: Map<String, Value> = serde_json::from_str(text)
            .map_err(|fault| refuse(format!("they are no JSON object: {fault}")))?;
        if facts.is_empty() {
            return Ok(());
        }
        self.world
            .give(&subject.id, &service.role, &service.instance, &facts)?;
        Ok(())
    }

    pub(super) fn note(&self, service: &ResolvedService, notes: Vec<Diagnostic>) {
        if notes.is_empty() {
            return;
        }
        let mut all = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(
            notes
                .into_iter()
                .filter(|note| note.severity != Severity::Error)
                .map(|note| (service.plugin.name().to_owned(), note)),
        );
    }
}

//! What one service may see in one phase: the rules of the host's own door.

use std::cell::Cell;

use chain_plugin_sdk::descriptor::{Operation, Phase};
use chain_plugin_sdk::{Host, HostLevel, Ref};
use fabric_service::CHAIN;
use sha2::{Digest as _, Sha256};

use crate::network::{Network, place};
use crate::service::Service;

/// The host as one call sees it.
pub struct Door<'a> {
    /// The network.
    pub network: &'a Network,
    /// Who asks.
    pub service: &'a Service,
    /// In which phase.
    pub phase: Phase,
    /// About whom.
    pub subject: &'a str,
    /// In which operation.
    pub operation: Option<&'a Operation>,
    /// Draws so far.
    pub drawn: Cell<u64>,
}

impl Door<'_> {
    fn refuse(&self, what: &str) {
        let told = format!("{}: {what}", self.service.descriptor.name);
        self.network.refused.borrow_mut().insert(told);
    }

    /// Another's secret is seen where the taker asks for it in this phase, the maker shares it, and it is near.
    fn may_see(&self, from: &Ref) -> bool {
        let network = self.network;
        let near = match self.phase {
            Phase::Provision => {
                from.subject == self.subject || network.is_above(&from.subject, self.subject)
            }
            Phase::Operate => {
                self.operation.is_some_and(|it| it.secrets_of == CHAIN)
                    || from.subject == self.subject
                    || network.is_above(&from.subject, self.subject)
                    || network.is_above(self.subject, &from.subject)
            }
            _ => from.subject == self.subject,
        };
        let named = self
            .operation
            .is_none_or(|operation| operation.secrets.contains(&from.name));
        let own = from.role == self.service.role;
        let taken = self.service.descriptor.takes.iter().any(|take| {
            take.role == from.role && take.item == from.name && take.phases.contains(&self.phase)
        });
        near && named && (own || (taken && network.shares(from, &self.service.role)))
    }
}

impl Host for Door<'_> {
    fn log(&self, level: HostLevel, message: &str) {
        if level == HostLevel::Warning {
            self.refuse(message);
        }
    }

    fn entropy(&self, length: u32) -> Vec<u8> {
        if self.phase != Phase::Provision || length > 4096 {
            return Vec::new();
        }
        let mut out = Vec::new();
        while out.len() < length as usize {
            let number = self.drawn.get();
            self.drawn.set(number + 1);
            let block = Sha256::new()
                .chain_update(self.network.seed())
                .chain_update(self.service.descriptor.name.as_bytes())
                .chain_update([0])
                .chain_update(self.subject.as_bytes())
                .chain_update([0])
                .chain_update(number.to_be_bytes())
                .finalize();
            out.extend_from_slice(&block);
        }
        out.truncate(length as usize);
        out
    }

    fn facts(&self, subject: &str, role: &str) -> Vec<(String, String)> {
        let kind = self.network.kind(subject).unwrap_or_default();
        let needed = role == self.service.role
            || self.service.descriptor.needs.iter().any(|need| {
                need.phase == self.phase
                    && need.role == role
                    && need.kind.as_deref().is_none_or(|it| it == kind)
            });
        if !needed {
            self.refuse(&format!(
                "asked in {:?} for facts of {role} about a {kind}, which its descriptor does not need",
                self.phase
            ));
            return Vec::new();
        }
        let found = self.network.facts(subject, role);
        found
            .into_iter()
            .map(|facts| (role.to_owned(), facts))
            .collect()
    }

    fn kept(&self, from: &Ref) -> Option<Vec<u8>> {
        if let Some(bytes) = self.network.configured(from) {
            return Some(bytes);
        }
        let item = self.network.item(&place(from))?;
        if !item.secret {
            return Some(item.bytes.clone());
        }
        if !self.may_see(from) {
            self.refuse(&format!(
                "asked for the secret {} of {} about {} while at work about {}, and may not see it",
                from.name, from.role, from.subject, self.subject
            ));
            // Told, and given all the same: one such fault shall not hide what comes after it.
            return (self.phase == Phase::Operate).then(|| item.bytes.clone());
        }
        // A subject's own secrets are not read again just to derive facts.
        (self.phase != Phase::Provision || from.subject != self.subject).then(|| item.bytes.clone())
    }

    fn state(&self, subject: &str) -> Option<String> {
        self.network.state(subject)
    }
}

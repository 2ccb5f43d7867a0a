//! A check of a channel before a node sees it.
//!
//! Nodes refuse some faults, die on others, and accept a third kind to never work again without
//! saying why. All three are found here, with the words that lead to the place.

mod bft;
mod block;
mod capability;
mod certificate;
mod consensus;
mod organization;
mod policy;
mod shape;
mod values;

use fabric_identity::Certificate;
use fabric_proto::configuration::ConfigGroup;

use crate::block::ConfigBlock;
use crate::model::Release;
use crate::tree::{APPLICATION, CHANNEL, CONSORTIUMS, ORDERER};

pub use block::check_channel_id;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works; but differs from what Fabric's own tools make.
    Note,
    /// Works now; but is fragile, or something else will not.
    Warning,
    /// Is accepted, and then the channel, or a part of it, never works.
    Broken,
    /// Is refused by nodes, or makes them die.
    Refused,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name of the rule, such as `endpoints-missing`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Path of the element, such as `/Channel/Orderer/BatchTimeout`; `block` for its outer layers.
    pub path: String,
    /// What is wrong and what follows.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What the channel is for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The oldest release among the nodes.
    pub release: Release,
    /// Seconds since 1970 at which certificates must be valid; without it their time is not looked at.
    pub now: Option<i64>,
}

impl Target {
    /// A target of nodes of one release, at any time.
    pub fn new(release: Release) -> Self {
        Self { release, now: None }
    }

    /// The same at a time, in seconds since 1970.
    #[must_use]
    pub fn at(self, now: i64) -> Self {
        Self {
            now: Some(now),
            ..self
        }
    }
}

/// Findings so far, and what all rules look at.
struct Linter<'a> {
    root: &'a ConfigGroup,
    target: Target,
    found: Vec<Diagnostic>,
    /// Certificates that consenters serve with, once those were looked at.
    servers: Vec<Certificate>,
}

impl<'a> Linter<'a> {
    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.found.push(Diagnostic {
            code,
            severity,
            path: path.into(),
            message: message.into(),
            hint: hint.into(),
        });
    }

    fn orderer(&self) -> Option<&'a ConfigGroup> {
        self.root.groups.get(ORDERER)
    }

    fn application(&self) -> Option<&'a ConfigGroup> {
        self.root.groups.get(APPLICATION)
    }

    fn consortiums(&self) -> Option<&'a ConfigGroup> {
        self.root.groups.get(CONSORTIUMS)
    }

    /// Decodes a value; says so if it cannot. An absent one is the matter of the caller.
    fn value<M: fabric_proto::Message + Default>(
        &mut self,
        group: &ConfigGroup,
        path: &str,
        name: &str,
    ) -> Option<M> {
        let value = group.values.get(name)?;
        match M::decode(value.value.as_slice()) {
            Ok(message) => Some(message),
            Err(error) => {
                self.add(
                    Severity::Refused,
                    "value-undecodable",
                    format!("{path}/{name}"),
                    format!("does not decode ({error}): nodes refuse the channel"),
                    "make the value again",
                );
                None
            }
        }
    }
}

fn path_of(group: &str) -> String {
    format!("/{CHANNEL}/{group}")
}

fn finish(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.path.cmp(&b.path))
            .then_with(|| a.code.cmp(b.code))
    });
    found
}

/// Checks the configuration of a channel; the worst findings first.
pub fn lint_config(channel_id: &str, root: &ConfigGroup, target: Target) -> Vec<Diagnostic> {
    let mut linter = Linter {
        root,
        target,
        found: Vec::new(),
        servers: Vec::new(),
    };
    linter.channel_id(channel_id);
    linter.shape();
    linter.root_values();
    linter.capabilities();
    linter.orderer_values();
    linter.consensus();
    linter.organizations();
    linter.addresses();
    linter.policies();
    finish(linter.found)
}

/// Checks a genesis block: its outer layers, and the configuration inside.
pub fn lint_block(block: &ConfigBlock, target: Target) -> Vec<Diagnostic> {
    let mut found = lint_config(block.channel_id(), &block.group, target);
    let mut linter = Linter {
        root: &block.group,
        target,
        found: Vec::new(),
        servers: Vec::new(),
    };
    linter.block(block);
    found.append(&mut linter.found);
    finish(found)
}

/// Whether nodes would refuse the channel, or it would not work.
pub fn is_faulty(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|one| one.severity >= Severity::Broken)
}

#[cfg(test)]
mod tests;

//! What can be told about a plugin before anyone trusts a chain to it: `kubectl chain plugin check`.
//!
//! Each check stands alone and names everything that it finds, so one run tells an author all there is to mend. What a host
//! would refuse anyway is found here too, with the place in the descriptor; what no host can see from one run, such as a
//! session that remembers, is found by running the plugin several times in several ways.

mod against;
mod contract;
mod descriptor;
mod operations;
mod options;
mod rehearsal;
mod stack;
#[cfg(test)]
mod tests;

use chain_plugin_sdk::descriptor::{Descriptor, Release};

use crate::plugin::{Catalog, Runtime, Shared};
use crate::spec::Raw;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// It must be mended.
    Fault,
    /// It may be meant so.
    Warning,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub grade: Grade,
    /// JSON pointer into the descriptor; "" when it is about no place there.
    pub path: String,
    /// What it is.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// One check, done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// In few words what was seen, or why it was not looked at.
    pub detail: String,
    /// Whether it could not be looked at.
    pub skipped: bool,
    /// Everything that was found.
    pub findings: Vec<Finding>,
}

impl Check {
    /// One that has found nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            detail: String::new(),
            skipped: false,
            findings: Vec::new(),
        }
    }

    /// One that cannot be done.
    pub fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self {
            detail: why.into(),
            skipped: true,
            ..Self::new(name)
        }
    }

    /// One that fails for one reason.
    pub fn failed(name: &'static str, message: impl Into<String>) -> Self {
        let mut check = Self::new(name);
        check.fault("", message, None);
        check
    }

    /// Whether it found no fault.
    pub fn passed(&self) -> bool {
        self.findings.iter().all(|it| it.grade != Grade::Fault)
    }

    fn fault(&mut self, path: impl Into<String>, message: impl Into<String>, hint: Option<&str>) {
        self.find(Grade::Fault, path.into(), message.into(), hint);
    }

    fn warn(&mut self, path: impl Into<String>, message: impl Into<String>, hint: Option<&str>) {
        self.find(Grade::Warning, path.into(), message.into(), hint);
    }

    fn find(&mut self, grade: Grade, path: String, message: String, hint: Option<&str>) {
        // A plugin may have a thousand of a kind; nobody reads past the first few dozen.
        if self.findings.len() < 100 {
            self.findings.push(Finding {
                grade,
                path,
                message,
                hint: hint.map(ToOwned::to_owned),
            });
        }
    }
}

/// A plugin, and those among which it is looked at.
pub struct Subject<'a> {
    /// The plugin.
    pub plugin: &'a Shared,
    /// All in sight, itself among them.
    pub catalog: &'a Catalog,
    /// An earlier version of it.
    pub against: Option<&'a Shared>,
    /// The chain to rehearse with; one of three nodes when there is none.
    pub chain: Option<&'a Raw>,
}

impl Subject<'_> {
    fn descriptor(&self) -> &Descriptor {
        &self.plugin.descriptor
    }

    fn is_stack(&self) -> bool {
        self.descriptor().role.is_empty()
    }

    /// The plugin of its stack, if it is in sight.
    fn stack(&self) -> Option<Shared> {
        if self.is_stack() {
            return Some(self.plugin.clone());
        }
        let stack = &self.descriptor().stack;
        let mut stacks = self.catalog.stacks();
        stacks.find(|it| it.descriptor.stack == *stack).cloned()
    }

    /// The releases of its stack that it belongs to, with their names.
    fn releases<'s>(&self, stack: &'s Descriptor) -> Vec<(&'s str, &'s Release)> {
        let ours =
            |name: &str| self.is_stack() || self.descriptor().series.iter().any(|it| it == name);
        stack
            .releases
            .iter()
            .filter(|(name, _)| ours(name))
            .map(|(name, release)| (name.as_str(), release))
            .collect()
    }

    /// The plugins in sight that fill a role of its stack.
    fn of_role<'s>(&'s self, role: &'s str) -> impl Iterator<Item = &'s Descriptor> {
        self.catalog
            .of_role(&self.descriptor().stack, role)
            .map(|plugin| &plugin.descriptor)
    }

    /// The kinds of subjects that its stack has; none when the stack is not in sight.
    fn kinds(&self) -> Option<Vec<String>> {
        let stack = self.stack()?;
        let own = stack.descriptor.kinds.iter().map(|kind| kind.name.clone());
        let mut kinds: Vec<String> = own.collect();
        kinds.extend(["chain", "node"].map(ToOwned::to_owned));
        kinds.sort();
        kinds.dedup();
        Some(kinds)
    }
}

/// Does all checks. The order is that in which an author would mend what they find.
pub async fn check(subject: &Subject<'_>, runtime: &Runtime) -> Vec<Check> {
    let contract = contract::check(subject, runtime);
    let runs = contract.passed();
    let mut all = vec![contract];
    all.push(if runs {
        contract::describe(subject, runtime)
    } else {
        Check::skipped("describe", "it does not keep the contract")
    });
    all.push(descriptor::identity(subject));
    all.push(descriptor::phases(subject));
    all.push(options::check(subject));
    all.push(options::flags(subject));
    all.push(descriptor::kept(subject));
    all.push(descriptor::pods(subject));
    all.push(descriptor::permissions(subject));
    all.push(operations::check(subject, runtime));
    all.push(stack::check(subject));
    all.push(if all.iter().all(Check::passed) {
        rehearsal::check(subject, runtime).await
    } else {
        Check::skipped("rehearsal", "mend the faults before it first")
    });
    if let Some(before) = subject.against {
        all.push(against::check(subject.descriptor(), &before.descriptor));
    }
    all
}

/// Whether a word is lower-case letters, digits, `-` and `_`.
fn is_word(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(fine)
}

/// The first of two entries that have one name, with the place of the second.
fn twin<'a>(names: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let mut seen = std::collections::BTreeSet::new();
    names.enumerate().find(|(_, name)| !seen.insert(*name))
}

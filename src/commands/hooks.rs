//! Hooks of plugins, called by create and apply: before a subject is added, after it is ready, before it is removed, and
//! before and between the restarts of one disruption group.

use std::collections::BTreeSet;

use chain_plugin_sdk::descriptor::Operation;
use futures::future::try_join_all;
use serde_json::Value;

use super::grants::Granted;
use super::notes;
use crate::cluster::Clusters;
use crate::cluster::rights::Right;
use crate::pipeline::acts::ClusterActs;
use crate::pipeline::expand::topology;
use crate::pipeline::form::Prepared;
use crate::pipeline::operate::{
    BEFORE_RESTART, GATE, HOOKS, OperateError, STATUS, Scene, Start, about, drive, hooks, serves,
};
use crate::pipeline::secrets::{Consents, Secrets, User};
use crate::pipeline::{Resolved, ResolvedService};
use crate::plugin::Runtime;
use crate::plugin::contract::operate::Report;
use crate::plugin::contract::{Subject, Topology};
use crate::state::store::update_head;
use crate::state::{Head, ObjectId, Store, StoreError};
use crate::ui::Printer;

/// What hooks need of the run that calls them.
pub struct HookRun<'a, S> {
    /// The connections.
    pub clusters: &'a Clusters,
    /// Where the head is.
    pub store: &'a S,
    /// The spec.
    pub resolved: &'a Resolved,
    /// What was computed.
    pub prepared: &'a Prepared,
    /// The engine.
    pub runtime: &'a Runtime,
    /// Tells what is done.
    pub printer: &'a Printer,
    /// Permissions by plugin.
    pub granted: &'a Granted,
    /// On whose secrets all agree.
    pub consents: &'a Consents,
    /// The run's seed.
    pub seed: [u8; 32],
}

impl<S: Store> HookRun<'_, S> {
    /// Ids of the subjects for which `hook` is due.
    pub fn due(&self, hook: &str) -> Vec<String> {
        due(&self.prepared.head, hook)
    }

    /// Calls `hook` for every subject for which it is due, and notes in the head that it was done: first the operations
    /// that serve many at once, then those about one subject, one after the other. Returns how many subjects there were.
    pub async fn run(&self, hook: &str) -> anyhow::Result<usize> {
        let due = self.due(hook);
        for (service, operation, whole) in self.of_many(hook, &due) {
            self.call(hook, service, operation, whole).await?;
        }
        for subject in &due {
            self.about(hook, subject).await?;
            update_head(self.store, |head: &mut Head| {
                if let Some(remembered) = head.subjects.get_mut(subject) {
                    remembered.due.remove(hook);
                }
                Ok::<(), StoreError>(())
            })
            .await?;
        }
        Ok(due.len())
    }

    /// What [`run`](Self::run) would call, for people: `raft-number of raft about node/node4`.
    pub fn planned(&self, hook: &str) -> Vec<String> {
        let due = self.due(hook);
        let of_one = due.iter().flat_map(|subject| {
            let calls = self.of_one(hook, subject);
            calls.map(move |(service, operation)| (service, operation, subject.as_str()))
        });
        let many = self.of_many(hook, &due);
        let calls = many.into_iter().chain(of_one);
        calls
            .map(|(service, operation, subject)| {
                format!(
                    "{} of {} about {subject}",
                    operation.name,
                    service.plugin.name()
                )
            })
            .collect()
    }

    /// Calls the gate about the subject whose workload `member` is, and notes in the head that it was passed.
    pub async fn gate(&self, member: &ObjectId) -> Result<(), OperateError> {
        let Some(subject) = self.subject_of(member) else {
            return Ok(());
        };
        self.about(GATE, &subject.id).await?;
        Ok(self.owe_gate(subject, false).await?)
    }

    /// Notes in the head that `member` is about to be restarted, and that its gate is to be passed: a run that finds it
    /// restarted could not tell.
    pub async fn begins(&self, member: &ObjectId) -> Result<(), StoreError> {
        match self.subject_of(member) {
            Some(subject) => self.owe_gate(subject, true).await,
            None => Ok(()),
        }
    }

    /// Whether a run before this one restarted `member` and never saw it pass its gate.
    pub fn owes_gate(&self, member: &ObjectId) -> bool {
        let remembered = self
            .subject_of(member)
            .and_then(|subject| self.prepared.head.subjects.get(&subject.id));
        remembered.is_some_and(|it| it.due.contains(GATE))
    }

    /// Those of `members` that plugins want to be restarted after the others, now.
    pub async fn later(&self, members: &[ObjectId]) -> Result<BTreeSet<ObjectId>, OperateError> {
        let asked = members.iter().map(|member| async move {
            let Some(subject) = self.subject_of(member) else {
                return Ok(None);
            };
            for (service, operation) in self.of_one(BEFORE_RESTART, &subject.id) {
                let report = self
                    .call(BEFORE_RESTART, service, operation, &subject.id)
                    .await?;
                let said: Value = serde_json::from_str(&report.table).unwrap_or_default();
                if let Some(why) = said.get("later").and_then(Value::as_str) {
                    let name = &subject.name;
                    self.printer
                        .note(&format!("{name} is restarted after the others: {why}"));
                    return Ok(Some(member.clone()));
                }
            }
            Ok::<_, OperateError>(None)
        });
        let answers = try_join_all(asked).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn owe_gate(&self, subject: &Subject, owed: bool) -> Result<(), StoreError> {
        if self.of_one(GATE, &subject.id).next().is_none() {
            return Ok(());
        }
        update_head(self.store, |head: &mut Head| {
            if let Some(remembered) = head.subjects.get_mut(&subject.id) {
                if owed {
                    remembered.due.insert(GATE.to_owned());
                } else {
                    remembered.due.remove(GATE);
                }
            }
            Ok::<(), StoreError>(())
        })
        .await?;
        Ok(())
    }

    fn subject_of(&self, workload: &ObjectId) -> Option<&Subject> {
        subject_of(&self.prepared.outcome.subjects, workload)
    }

    /// The operations of a hook, each with its service.
    fn operations<'b>(
        &'b self,
        hook: &'b str,
    ) -> impl Iterator<Item = (&'b ResolvedService, &'b Operation)> {
        hooks(&self.prepared.outcome.services, hook)
    }

    /// The operations that serve many at once, where one of those is due, each with the subject that it is about.
    fn of_many<'b>(
        &'b self,
        hook: &'b str,
        due: &[String],
    ) -> Vec<(&'b ResolvedService, &'b Operation, &'b str)> {
        self.operations(hook)
            .filter(|(_, operation)| !operation.covers.is_empty())
            .filter(|(_, operation)| due.iter().any(|id| serves(operation, self.kind(id))))
            .filter_map(|(service, operation)| {
                Some((service, operation, self.of_kind(about(operation))?))
            })
            .collect()
    }

    /// The operations about one subject.
    fn of_one<'b>(
        &'b self,
        hook: &'b str,
        subject: &'b str,
    ) -> impl Iterator<Item = (&'b ResolvedService, &'b Operation)> {
        self.operations(hook).filter(move |(_, operation)| {
            operation.covers.is_empty() && about(operation) == self.kind(subject)
        })
    }

    /// The kind of a subject, also of one that is retired.
    fn kind(&self, subject: &str) -> &str {
        let remembered = self.prepared.head.subjects.get(subject);
        remembered.map_or("", |it| it.kind.as_str())
    }

    /// The only subject of a kind, such as the chain.
    fn of_kind(&self, kind: &str) -> Option<&str> {
        let subjects = &self.prepared.outcome.subjects;
        let found = subjects.iter().find(|it| it.kind == kind);
        found.map(|it| it.id.as_str())
    }

    async fn about(&self, hook: &str, subject: &str) -> Result<(), OperateError> {
        for (service, operation) in self.of_one(hook, subject) {
            self.call(hook, service, operation, subject).await?;
        }
        Ok(())
    }

    /// Calls one operation, and shows what it notes.
    async fn call(
        &self,
        hook: &str,
        service: &ResolvedService,
        operation: &Operation,
        subject: &str,
    ) -> Result<Report, OperateError> {
        let head = self
            .store
            .load_head()
            .await
            .ok()
            .flatten()
            .map(|stored| stored.head);
        let topology = self.topology();
        let scene = Scene {
            topology: &topology,
            public: &self.prepared.outcome.public,
            head: head.as_ref(),
            granted: self.granted,
            consents: self.consents,
        };
        let acts = ClusterActs {
            clusters: self.clusters,
            store: self.store,
            printer: self.printer,
            amend: None,
        };
        // What this hook finds is told; that each of many is asked, each time, is not.
        if hook != BEFORE_RESTART {
            self.printer.note(&format!(
                "{hook}: {} of {} about {subject}",
                operation.name,
                service.plugin.name()
            ));
        }
        let start = Start {
            service,
            services: &self.prepared.outcome.services,
            operation,
            subject,
            args: serde_json::json!({}),
            files: Vec::new(),
            seed: self.seed,
            secrets: self
                .secrets(hook, service, operation, head.as_ref(), subject)
                .await?,
        };
        let report = drive(start, &scene, self.runtime, &acts).await?;
        for note in &report.notes {
            notes::show(service.plugin.name(), note, self.printer);
        }
        Ok(report)
    }

    /// What a hook may use. The restarts of an apply read no key.
    async fn secrets(
        &self,
        hook: &str,
        service: &ResolvedService,
        operation: &Operation,
        head: Option<&Head>,
        subject: &str,
    ) -> Result<Secrets, StoreError> {
        let Some(head) = head.filter(|_| ![GATE, BEFORE_RESTART].contains(&hook)) else {
            return Ok(Secrets::default());
        };
        Secrets::of_operation(
            self.store,
            head,
            &self.prepared.outcome.public,
            &self.prepared.outcome.subjects,
            &User {
                service,
                operation,
                subject,
                consents: self.consents,
            },
        )
        .await
    }

    /// The topology with those that are retired no more in it; a hook about a subject that goes sees the others.
    fn topology(&self) -> Topology {
        topology(self.resolved, self.prepared.outcome.subjects.clone())
    }
}

/// The rights by which hooks of these services reach pods while a chain is applied: the host forwards ports for their
/// requests, and runs what they want run.
pub fn reaches(services: &[ResolvedService]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for hook in HOOKS.into_iter().filter(|hook| *hook != STATUS) {
        for (_, operation) in hooks(services, hook) {
            rights.extend(Right::each("", "pods/portforward", &["create"]));
            if !operation.exec.is_empty() {
                rights.extend(Right::each("", "pods/exec", &["create"]));
            }
        }
    }
    rights
}

/// The subject whose workload it is: workloads of several namespaces may have one name.
pub fn subject_of<'a>(subjects: &'a [Subject], workload: &ObjectId) -> Option<&'a Subject> {
    let name = format!("{}/{}", workload.kind.to_lowercase(), workload.name);
    subjects.iter().find(|it| {
        it.namespace == workload.namespace && it.workload.as_deref() == Some(name.as_str())
    })
}

/// Ids of the subjects for which `hook` is due.
pub fn due(head: &Head, hook: &str) -> Vec<String> {
    head.subjects
        .iter()
        .filter(|(_, it)| it.due.contains(hook))
        .map(|(id, _)| id.clone())
        .collect()
}

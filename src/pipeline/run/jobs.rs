//! Work in shards: which there is, side by side on threads, in sessions that outlive it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chain_plugin_sdk::descriptor::Phase;

use super::{Manner, PipelineError, RenderedPart, Run};
use crate::pipeline::resolve::ResolvedService;
use crate::pipeline::world::ServiceDoor;
use crate::plugin::{Entropy, Sandbox, Session};

/// A shard of work: one phase of one service about some subjects.
pub(super) struct Job {
    phase: Phase,
    service: usize,
    subjects: Vec<usize>,
}

/// Subjects in one shard, at least: below this a second session costs more than it saves.
const SHARD: usize = 2;

impl Run<'_> {
    pub(super) fn jobs(
        &self,
        phase: Phase,
        service: usize,
        wanted: impl Fn(&usize) -> bool,
    ) -> Vec<Job> {
        let Some(kinds) = self
            .services
            .get(service)
            .and_then(|it| it.plugin.descriptor.on.get(&phase))
        else {
            return Vec::new();
        };
        let mut subjects: Vec<usize> = self
            .topology
            .subjects
            .iter()
            .enumerate()
            .filter(|(_, subject)| !subject.foreign && kinds.contains(&subject.kind))
            .map(|(index, _)| index)
            .filter(wanted)
            .collect();
        self.circumstances.manner.arrange(&mut subjects);
        if subjects.is_empty() {
            return Vec::new();
        }
        let shards = (subjects.len() / SHARD).clamp(1, self.circumstances.threads.max(1));
        let size = subjects.len().div_ceil(shards).max(1);
        subjects
            .chunks(size)
            .map(|chunk| Job {
                phase,
                service,
                subjects: chunk.to_vec(),
            })
            .collect()
    }

    /// Does all jobs, as many side by side as there are threads; the first failure ends the run.
    pub(super) fn all(&self, mut jobs: Vec<Job>) -> Result<Vec<RenderedPart>, PipelineError> {
        self.circumstances.manner.arrange(&mut jobs);
        let threads = self.circumstances.threads.clamp(1, jobs.len().max(1));
        let (next, parts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let failure: Mutex<Option<(usize, PipelineError)>> = Mutex::new(None);
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            match self.job(job) {
                Ok(done) => parts
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(done),
                Err(fault) => {
                    next.store(jobs.len(), Ordering::Relaxed);
                    let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|(earlier, _)| index < *earlier) {
                        *first = Some((index, fault));
                    }
                }
            }
        };
        if threads == 1 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(work);
                }
                work();
            });
        }
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, fault)) => Err(fault),
            None => Ok(parts.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn job(&self, job: &Job) -> Result<Vec<RenderedPart>, PipelineError> {
        let Some(service) = self.services.get(job.service) else {
            return Ok(Vec::new());
        };
        let mut parts = Vec::new();
        let mut open: Option<(&ResolvedService, Arc<ServiceDoor>, Session)> = None;
        for index in &job.subjects {
            let Some(subject) = self.topology.subjects.get(*index) else {
                continue;
            };
            let service = self.effective(service, subject, job.phase);
            if job.phase == Phase::Configure && self.reuse(service, subject)? {
                continue;
            }
            // An override may name another plugin: then the session is another too.
            let alone = self.circumstances.manner == Manner::Alone;
            if open
                .as_ref()
                .is_none_or(|(other, ..)| alone || other.plugin.digest != service.plugin.digest)
            {
                if let Some((service, _, session)) = open.take() {
                    self.rest(service, session);
                }
                let (door, session) = self.open(service, job.phase)?;
                open = Some((service, door, session));
            }
            let Some((_, door, session)) = &mut open else {
                continue;
            };
            door.about(&subject.id);
            let call = self.call(service, subject, job.phase);
            match job.phase {
                Phase::Provision => {
                    let stream = Entropy::stream(
                        &self.circumstances.seed,
                        service.plugin.name(),
                        &service.instance,
                        &subject.id,
                    );
                    let given = session.provision(&call, stream)?;
                    self.provisioned(service, subject, given)?;
                }
                Phase::Configure => {
                    let given = session.configure(&call)?;
                    self.configure(service, subject, given)?;
                }
                _ => {
                    let rendered = session.render(&call)?;
                    self.note(service, rendered.notes.clone());
                    parts.push(RenderedPart {
                        service: job.service,
                        subject: subject.id.clone(),
                        rendered,
                    });
                }
            }
        }
        if let Some((service, _, session)) = open {
            self.rest(service, session);
        }
        Ok(parts)
    }

    /// A session of `service` that sees what `phase` may see: one at rest, or a new one.
    fn open(
        &self,
        service: &ResolvedService,
        phase: Phase,
    ) -> Result<(Arc<ServiceDoor>, Session), PipelineError> {
        let door = Arc::new(ServiceDoor::new(
            Arc::clone(&self.world),
            service,
            phase,
            &self.circumstances.consents,
        ));
        let resting = self
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(&resting_key(service))
            .and_then(Vec::pop);
        let session = match resting {
            Some(mut session) => {
                session.look_through(Arc::clone(&door) as _);
                session
            }
            None => Sandbox::new(self.runtime, &service.plugin, Arc::clone(&door) as _)?
                .open(&self.topology)?,
        };
        Ok((door, session))
    }

    /// Keeps a session for the next job of its service.
    fn rest(&self, service: &ResolvedService, session: Session) {
        if self.circumstances.manner == Manner::Alone {
            return;
        }
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(resting_key(service))
            .or_default()
            .push(session);
    }
}

fn resting_key(service: &ResolvedService) -> (String, String) {
    (service.key(), service.plugin.digest.clone())
}

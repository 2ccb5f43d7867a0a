//! The traits that an author implements.

use std::collections::BTreeMap;

use crate::descriptor::Descriptor;
use crate::spec::ExpandSpec;
use crate::{
    At, Blob, Configured, Diagnostic, Host, Outcome, Provisioned, Rendered, Request, Severity,
    Subject, Topology, Turn,
};

/// What went wrong; at least one of them is an error.
pub type Diagnostics = Vec<Diagnostic>;

/// What every plugin is: one implementation of one role.
///
/// A value of the type is a session: a cache and never a state. The host opens as many as it likes, in each phase, and
/// calls for subjects in any order.
pub trait Plugin: Sized + 'static {
    /// The descriptor: a constant.
    fn descriptor() -> Descriptor;

    /// Called once, when the plugin is built: what it leaves in statics (tables of base points behind a `LazyLock`)
    /// becomes a part of the component, and no session computes it again. It has no host and must draw nothing.
    fn warm() {}

    /// Opens a session on the whole topology.
    fn open(topology: Topology) -> Result<Self, Diagnostics>;

    /// Secrets are born here, once; facts are derived here, on every run, from public items.
    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        let _ = at;
        Ok(Provisioned {
            keep: Vec::new(),
            facts: "{}".to_owned(),
            notes: Vec::new(),
        })
    }

    /// The immutable public results about one subject.
    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        let _ = at;
        Ok(Configured {
            files: Vec::new(),
            facts: "{}".to_owned(),
            fingerprint: None,
            notes: Vec::new(),
        })
    }

    /// Files, bindings and fragments of one subject; the same input gives the same bytes.
    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let _ = at;
        Ok(Rendered {
            files: Vec::new(),
            bindings: Vec::new(),
            fragments: Vec::new(),
            claims: Vec::new(),
            notes: Vec::new(),
        })
    }
}

/// Stacks only: the user's spec becomes subjects.
pub trait Stack {
    /// Pure and append-stable: a subject in `born` keeps id, ordinal and birth; a new one takes the next ordinal of its
    /// kind from `next` and `now_ms` as its birth.
    fn expand(
        spec: ExpandSpec,
        born: Vec<Subject>,
        next: BTreeMap<String, u32>,
        now_ms: u64,
    ) -> Result<Vec<Subject>, Diagnostics>;
}

/// Other tools' files.
pub trait Convert {
    /// Reads files of `format`; gives the user's file as JSON (`{"spec": …}` with `metadata`), or a bundle
    /// (`"kind": "Bundle"`) when the files tell of another party's subjects, and what it did not honour.
    fn read(format: &str, files: Vec<Blob>) -> Result<(String, Diagnostics), Diagnostics>;

    /// Writes the chain in `format`. The topology is this party's own, with the addresses at which others reach it; the
    /// host gives the facts that `render` needs.
    fn write(format: &str, all: Topology, host: &dyn Host) -> Result<Vec<Blob>, Diagnostics> {
        let _ = (all, host);
        Err(vec![error(
            "format",
            "",
            format!("format {format} cannot be written"),
        )])
    }
}

/// Day-2 work: a pure function of the request and of all outcomes so far.
pub trait Operate: Sized + 'static {
    /// Begins an operation. Nothing outlives a crash but remembered state: look before you act.
    fn start(all: Topology, what: Request, host: &dyn Host) -> Result<Self, Diagnostics>;

    /// The next steps, given the outcomes of all steps of the last turn, in their order (none at first).
    fn next(&mut self, outcomes: Vec<Outcome>, host: &dyn Host) -> Turn;

    /// The same for an operation that goes on as soon as any step has ended, as [`Doing`](crate::doing::Doing) does: one slow
    /// node then keeps nobody else waiting. Each outcome has the number of its step in the whole run, from 0.
    ///
    /// # Errors
    /// The outcomes, untouched: the operation wants whole turns, and gets them by [`next`](Self::next). That is the default.
    fn ended(
        &mut self,
        outcomes: Vec<(u32, Outcome)>,
        host: &dyn Host,
    ) -> Result<Turn, Vec<(u32, Outcome)>> {
        let _ = host;
        Err(outcomes)
    }
}

/// An error about the value at `path`, a JSON pointer into what the call was given.
pub fn error(code: &str, path: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: code.to_owned(),
        path: path.to_owned(),
        message: message.into(),
        hint: None,
    }
}

/// A warning about the value at `path`.
pub fn warning(code: &str, path: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        ..error(code, path, message)
    }
}

impl Diagnostic {
    /// Adds what the user should do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

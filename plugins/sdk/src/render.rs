//! Small words for what `render` says most often.

use serde_json::{Value, json};

use crate::{
    Binding, Change, Content, Delivery, Diagnostic, File, Fragment, Place, Ref, Rendered, Source,
    Target,
};

/// A reference to what the only instance of another role made about `subject`.
pub fn reference(role: &str, subject: &str, name: &str) -> Ref {
    Ref {
        role: role.to_owned(),
        instance: role.to_owned(),
        subject: subject.to_owned(),
        name: name.to_owned(),
    }
}

/// Collects files, bindings and fragments, and becomes [`Rendered`].
#[derive(Debug, Default)]
pub struct RenderedBuilder {
    files: Vec<File>,
    bindings: Vec<Binding>,
    fragments: Vec<Fragment>,
    claims: Vec<String>,
    notes: Vec<Diagnostic>,
}

impl RenderedBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A public file with mode 0644.
    #[must_use]
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push(File {
            name: name.to_owned(),
            content: Content::Bytes(content.into()),
            mode: 0o644,
            secret: false,
        });
        self
    }

    /// An empty folder with mode 0755.
    #[must_use]
    pub fn directory(mut self, name: &str) -> Self {
        self.files.push(File {
            name: name.to_owned(),
            content: Content::Directory,
            mode: 0o755,
            secret: false,
        });
        self
    }

    /// Any file.
    #[must_use]
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, file: File) -> Self {
        self.files.push(file);
        self
    }

    /// Binds a file or kept item to a path in a container of this plugin.
    #[must_use]
    pub fn bind(
        mut self,
        container: &str,
        path: &str,
        from: Ref,
        delivery: Delivery,
        on_change: Change,
    ) -> Self {
        self.bindings.push(Binding {
            container: container.to_owned(),
            target: Target::Path(path.to_owned()),
            source: Source::File(from),
            delivery,
            on_change,
        });
        self
    }

    /// Binds a volume (or a folder in it) to a path in a container of this plugin.
    #[must_use]
    pub fn volume(mut self, container: &str, path: &str, volume: &str, folder: &str) -> Self {
        self.bindings.push(Binding {
            container: container.to_owned(),
            target: Target::Path(path.to_owned()),
            source: Source::Volume((volume.to_owned(), folder.to_owned())),
            delivery: Delivery::Mounted,
            on_change: Change::Roll,
        });
        self
    }

    /// Binds a file or kept item to an environment variable.
    #[must_use]
    pub fn env(mut self, container: &str, name: &str, from: Ref) -> Self {
        self.bindings.push(Binding {
            container: container.to_owned(),
            target: Target::Env(name.to_owned()),
            source: Source::File(from),
            delivery: Delivery::Mounted,
            on_change: Change::Roll,
        });
        self
    }

    /// A part of the subject's pod template: `{"metadata": …, "spec": …}`.
    #[must_use]
    pub fn pod(mut self, body: &Value) -> Self {
        self.fragments.push(Fragment {
            place: Place::Pod,
            body: body.to_string(),
        });
        self
    }

    /// One container of the subject's pod.
    #[must_use]
    pub fn container(self, container: &Value) -> Self {
        self.pod(&json!({"spec": {"containers": [container]}}))
    }

    /// A part of a Kubernetes object in the subject's cluster.
    #[must_use]
    pub fn object(mut self, body: &Value) -> Self {
        self.fragments.push(Fragment {
            place: Place::Object(None),
            body: body.to_string(),
        });
        self
    }

    /// A part of a Kubernetes object in a cluster by its name in the spec, "" for the home of the chain. Its namespace is
    /// the chain's there, unless it names one.
    #[must_use]
    pub fn object_in(mut self, cluster: &str, body: &Value) -> Self {
        self.fragments.push(Fragment {
            place: Place::Object(Some(cluster.to_owned())),
            body: body.to_string(),
        });
        self
    }

    /// An exclusive claim over all chains in sight.
    #[must_use]
    pub fn claim(mut self, claim: impl Into<String>) -> Self {
        self.claims.push(claim.into());
        self
    }

    /// A warning or a piece of information for the user.
    #[must_use]
    pub fn note(mut self, note: Diagnostic) -> Self {
        self.notes.push(note);
        self
    }

    /// All of it.
    pub fn build(self) -> Rendered {
        Rendered {
            files: self.files,
            bindings: self.bindings,
            fragments: self.fragments,
            claims: self.claims,
            notes: self.notes,
        }
    }
}

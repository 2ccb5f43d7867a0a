//! Reads chain.yaml: bounded, with errors that name the file and the line.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::chain_spec::{API_VERSION, ChainFile, MOST_NODES, Nodes, Service, Services};
use super::locate::line_of;
use super::names::{
    CHAIN_NAME, not_a_label, not_a_namespace, not_a_quantity, not_a_subdomain, not_an_image,
};

/// Most bytes of a file.
const MOST_BYTES: u64 = 16 << 20;

/// What is wrong with what the user wrote.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file, `-` for standard input.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// It is not YAML of this shape.
    #[error("{path}: {cause}")]
    Shape {
        /// The file.
        path: String,
        /// What does not fit, with line and column.
        cause: String,
    },
    /// A value is refused.
    #[error("{place}{message}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
    Value {
        /// `chain.yaml:12: `, or `--nodes: `, or empty.
        place: String,
        /// What is wrong, what was expected.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

/// A file as it was read, so that errors can point into it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Its tree.
    pub file: ChainFile,
    /// Its path; none when all came from flags.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
}

/// A file as it is, before anybody says what it means.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Its path, `-` for standard input.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl Raw {
    /// Reads `path`, or standard input for `-`.
    ///
    /// # Errors
    /// It cannot be read, or is no text.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let refuse = |source| SpecError::Read {
            path: path.display().to_string(),
            source,
        };
        let mut text = String::new();
        if path == Path::new("-") {
            std::io::stdin()
                .take(MOST_BYTES)
                .read_to_string(&mut text)
                .map_err(refuse)?;
        } else {
            let file = std::fs::File::open(path).map_err(refuse)?;
            file.take(MOST_BYTES)
                .read_to_string(&mut text)
                .map_err(refuse)?;
        }
        Ok(Self {
            path: path.to_path_buf(),
            text,
        })
    }
}

impl Loaded {
    /// Understands a chain's own file.
    ///
    /// # Errors
    /// It is not YAML, or not a chain.
    pub fn parse(raw: Raw) -> Result<Self, SpecError> {
        let Raw { path, text } = raw;
        let shown = path.display().to_string();
        // A typed map takes the last of two entries with one key; this refuses them.
        let tree: serde_yaml::Value =
            serde_yaml::from_str(&text).map_err(|fault| SpecError::Shape {
                path: shown.clone(),
                cause: fault.to_string(),
            })?;
        if tree.is_null() {
            return Err(SpecError::Shape {
                path: shown,
                cause: "it holds no chain".to_owned(),
            });
        }
        let file: ChainFile = serde_yaml::from_str(&text).map_err(|fault| SpecError::Shape {
            path: shown.clone(),
            cause: fault.to_string(),
        })?;
        let loaded = Self {
            file,
            path: Some(path),
            text,
        };
        if loaded.file.api_version != API_VERSION {
            return Err(loaded.refuse(
                "/apiVersion",
                format!(
                    "apiVersion `{}` is not known, expected `{API_VERSION}`",
                    loaded.file.api_version
                ),
                None,
            ));
        }
        if loaded.file.kind != "Chain" {
            let message = format!("kind `{}` is not known, expected `Chain`", loaded.file.kind);
            return Err(loaded.refuse("/kind", message, None));
        }
        Ok(loaded)
    }

    /// An error about the value at `pointer` of the file, or about the flag that stands for it.
    pub fn refuse(
        &self,
        pointer: &str,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> SpecError {
        let place = match &self.path {
            Some(path) => match line_of(&self.text, pointer) {
                Some(line) => format!("{}:{line}: ", path.display()),
                None => format!("{}: ", path.display()),
            },
            None => String::new(),
        };
        SpecError::Value {
            place,
            message: message.into(),
            hint,
        }
    }

    /// The folder against which relative paths in the file count.
    pub fn folder(&self) -> PathBuf {
        self.path
            .as_ref()
            .and_then(|path| path.parent())
            .map(Path::to_path_buf)
            .unwrap_or_default()
    }

    /// Checks what belongs to the host alone: names, counts, ports.
    pub fn check(&self) -> Result<(), SpecError> {
        let spec = &self.file.spec;
        if let Some(name) = &self.file.metadata.name
            && let Some(why) = not_a_label(name, CHAIN_NAME)
        {
            return Err(self.refuse(
                "/metadata/name",
                format!("chain name `{name}`: {why}"),
                None,
            ));
        }
        if let Some(namespace) = &self.file.metadata.namespace
            && let Some(why) = not_a_namespace(namespace)
        {
            return Err(self.refuse(
                "/metadata/namespace",
                format!("namespace `{namespace}`: {why}"),
                None,
            ));
        }
        let count = match &spec.nodes {
            None => 3,
            Some(Nodes::Count(count)) => usize::try_from(*count).unwrap_or(usize::MAX),
            Some(Nodes::List(entries)) => entries.len(),
        };
        if count == 0 || count > MOST_NODES {
            return Err(self.refuse(
                "/spec/nodes",
                format!("nodes: {count}: expected 1 to {MOST_NODES}"),
                None,
            ));
        }
        if let Some(Nodes::List(entries)) = &spec.nodes {
            let mut seen = std::collections::BTreeSet::new();
            for (index, entry) in entries.iter().enumerate() {
                let Some(name) = &entry.name else { continue };
                if !seen.insert(name) {
                    return Err(self.refuse(
                        &format!("/spec/nodes/{index}/name"),
                        format!("two nodes are named `{name}`"),
                        None,
                    ));
                }
            }
        }
        self.check_images()?;
        self.check_amounts()?;
        let types = ["ClusterIP", "NodePort", "LoadBalancer"];
        one_of("expose.type", spec.expose.kind.as_ref(), &types).map_or(Ok(()), |why| {
            Err(self.refuse("/spec/expose/type", why, None))
        })
    }

    /// Where images come from, and how they are pulled.
    fn check_images(&self) -> Result<(), SpecError> {
        let spec = &self.file.spec;
        let mut images: Vec<(String, &String)> = Vec::new();
        images.extend(
            spec.images
                .prefix
                .iter()
                .map(|it| ("/spec/images/prefix".to_owned(), it)),
        );
        images.extend(
            spec.images
                .seed
                .iter()
                .map(|it| ("/spec/images/seed".to_owned(), it)),
        );
        for (pointer, service) in self.services() {
            images.extend(
                service
                    .image
                    .iter()
                    .map(|it| (format!("{pointer}/image"), it)),
            );
            let others = service.images.iter();
            images.extend(others.map(|(name, it)| (format!("{pointer}/images/{name}"), it)));
        }
        for (pointer, image) in images {
            if let Some(why) = not_an_image(image) {
                let place = pointer.trim_start_matches("/spec/").replace('/', ".");
                return Err(self.refuse(&pointer, format!("{place} `{image}`: {why}"), None));
            }
        }
        for (index, name) in spec.images.pull_secrets.iter().enumerate() {
            if let Some(why) = not_a_subdomain(name) {
                let pointer = format!("/spec/images/pullSecrets/{index}");
                return Err(self.refuse(&pointer, format!("pull secret `{name}`: {why}"), None));
            }
        }
        let policies = ["Always", "IfNotPresent", "Never"];
        one_of(
            "images.pullPolicy",
            spec.images.pull_policy.as_ref(),
            &policies,
        )
        .map_or(Ok(()), |why| {
            Err(self.refuse("/spec/images/pullPolicy", why, None))
        })
    }

    /// Sizes, resources, and how volumes are accessed.
    fn check_amounts(&self) -> Result<(), SpecError> {
        let spec = &self.file.spec;
        let mut storages = vec![("/spec/storage".to_owned(), &spec.storage)];
        let by_kind = spec.storage.by_kind.iter();
        storages.extend(by_kind.map(|(kind, it)| (format!("/spec/storage/byKind/{kind}"), it)));
        if let Some(Nodes::List(entries)) = &spec.nodes {
            let entries = entries.iter().enumerate();
            storages.extend(
                entries.map(|(index, it)| (format!("/spec/nodes/{index}/storage"), &it.storage)),
            );
        }
        let modes = [
            "ReadWriteOnce",
            "ReadWriteOncePod",
            "ReadOnlyMany",
            "ReadWriteMany",
        ];
        for (pointer, storage) in storages {
            for (field, name) in [("claim", &storage.claim), ("class", &storage.class)] {
                if let Some(name) = name
                    && let Some(why) = not_a_subdomain(name)
                {
                    let pointer = format!("{pointer}/{field}");
                    let message = format!("storage.{field} `{name}`: {why}");
                    return Err(self.refuse(&pointer, message, None));
                }
            }
            if storage.claim.is_some() && (storage.size.is_some() || storage.class.is_some()) {
                return Err(self.refuse(
                    &format!("{pointer}/claim"),
                    "storage: a claim that exists has its class and size; give one or the other",
                    None,
                ));
            }
            if let Some(size) = &storage.size
                && let Some(why) = not_a_quantity(size)
            {
                let pointer = format!("{pointer}/size");
                return Err(self.refuse(&pointer, format!("storage.size `{size}`: {why}"), None));
            }
            for mode in &storage.access_modes {
                if let Some(why) = one_of("storage.accessModes", Some(mode), &modes) {
                    return Err(self.refuse(&format!("{pointer}/accessModes"), why, None));
                }
            }
        }
        for (pointer, service) in self.services() {
            let resources = service.resources.as_object();
            for (kind, amounts) in resources.into_iter().flatten() {
                let pointer = format!("{pointer}/resources/{kind}");
                if let Some(why) =
                    one_of("resources", Some(kind), &["requests", "limits", "claims"])
                {
                    return Err(self.refuse(&pointer, why, None));
                }
                for (name, amount) in amounts.as_object().into_iter().flatten() {
                    let text = amount
                        .as_str()
                        .map_or_else(|| amount.to_string(), ToOwned::to_owned);
                    if let Some(why) = not_a_quantity(&text) {
                        return Err(self.refuse(
                            &format!("{pointer}/{name}"),
                            format!("resources.{kind}.{name} `{text}`: {why}"),
                            None,
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Every service that the file names, with its place.
    fn services(&self) -> Vec<(String, &Service)> {
        let spec = &self.file.spec;
        let mut all = Vec::new();
        for (role, services) in &spec.services {
            let pointer = format!("/spec/services/{role}");
            match services {
                Services::Name(_) => {}
                Services::One(one) => all.push((pointer, &**one)),
                Services::Many(many) => {
                    let many = many.iter().enumerate();
                    all.extend(many.map(|(index, it)| (format!("{pointer}/{index}"), it)));
                }
            }
        }
        if let Some(Nodes::List(entries)) = &spec.nodes {
            for (index, entry) in entries.iter().enumerate() {
                let services = entry.services.iter();
                all.extend(
                    services.map(|(role, it)| (format!("/spec/nodes/{index}/services/{role}"), it)),
                );
            }
        }
        all
    }
}

/// Why a word is none of those that Kubernetes knows, if it is none.
fn one_of(field: &str, given: Option<&String>, known: &[&str]) -> Option<String> {
    let (last, others) = known.split_last()?;
    given
        .filter(|given| !known.contains(&given.as_str()))
        .map(|given| {
            format!(
                "{field} `{given}`: expected {} or {last}",
                others.join(", ")
            )
        })
}

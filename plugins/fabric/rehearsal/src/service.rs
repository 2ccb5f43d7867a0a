//! A plugin that fills a role, as native code.

use chain_plugin_sdk::descriptor::{Descriptor, Phase};
use chain_plugin_sdk::spec::ServiceSpec;
use chain_plugin_sdk::{
    At, Call, Configured, Diagnostics, Plugin, Provisioned, Rendered, Topology,
};
use serde_json::{Map, Value};
use std::marker::PhantomData;

/// A session of some plugin.
pub trait Session {
    /// See [`Plugin::provision`].
    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics>;
    /// See [`Plugin::configure`].
    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics>;
    /// See [`Plugin::render`].
    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics>;
}

impl<P: Plugin> Session for P {
    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        Plugin::provision(self, at)
    }
    fn configure(&self, at: &At<'_>) -> Result<Configured, Diagnostics> {
        Plugin::configure(self, at)
    }
    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        Plugin::render(self, at)
    }
}

trait Open {
    fn open(&self, topology: Topology) -> Result<Box<dyn Session>, Diagnostics>;
}

struct Code<P>(PhantomData<P>);

impl<P: Plugin> Open for Code<P> {
    fn open(&self, topology: Topology) -> Result<Box<dyn Session>, Diagnostics> {
        Ok(Box::new(P::open(topology)?))
    }
}

/// A filled role; its only instance has the role's name.
pub struct Service {
    /// The role.
    pub role: String,
    /// What the plugin says about itself.
    pub descriptor: Descriptor,
    /// Its options, defaults filled in.
    pub options: Value,
    code: Box<dyn Open>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} as {}", self.descriptor.name, self.role)
    }
}

impl Service {
    /// `P` in `role`, with what the user says.
    pub fn new<P: Plugin>(role: &str, options: &Value) -> Self {
        let descriptor = P::descriptor();
        Self {
            role: role.to_owned(),
            options: filled(&descriptor.options, options),
            descriptor,
            code: Box::new(Code::<P>(PhantomData)),
        }
    }

    /// Opens a session.
    pub fn open(&self, topology: &Topology) -> Result<Box<dyn Session>, Diagnostics> {
        self.code.open(topology.clone())
    }

    /// As `expand` and sessions are told of it.
    pub fn spec(&self) -> ServiceSpec {
        ServiceSpec {
            role: self.role.clone(),
            instance: self.role.clone(),
            plugin: self.descriptor.name.clone(),
            version: self.descriptor.version.clone(),
            ports: self.descriptor.ports.clone(),
        }
    }

    /// Whether it is called in `phase` about subjects of `kind`.
    pub fn works(&self, phase: Phase, kind: &str) -> bool {
        let kinds = self.descriptor.on.get(&phase);
        kinds.is_some_and(|kinds| kinds.iter().any(|it| it == kind))
    }

    /// A call about `subject`.
    pub fn call(&self, subject: &str, now_ms: u64) -> Call {
        let images = self.descriptor.images.iter();
        Call {
            subject: subject.to_owned(),
            role: self.role.clone(),
            instance: self.role.clone(),
            options: self.options.to_string(),
            images: images
                .map(|image| (image.name.clone(), image.default.clone()))
                .collect(),
            now_ms,
            renew: Vec::new(),
        }
    }
}

/// The user's options with the defaults of their schema.
pub fn filled(schema: &Value, said: &Value) -> Value {
    let mut all: Map<String, Value> = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        if let Some(default) = property.get("default") {
            all.insert(name.clone(), default.clone());
        }
    }
    for (name, value) in said.as_object().into_iter().flatten() {
        all.insert(name.clone(), value.clone());
    }
    Value::Object(all)
}

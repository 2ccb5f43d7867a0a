//! The network as its plugins see it: who belongs to whom, and how one reaches another.

use std::collections::HashMap;

use chain_plugin_sdk::descriptor::Port;
use chain_plugin_sdk::spec::ServiceSpec;
use chain_plugin_sdk::{Diagnostics, Subject, Topology};
use serde::Deserialize;
use serde_json::Value;

use crate::fault::{refuse, refuse_with};
use crate::{CHAIN, Release, kind};

/// What a session is told beside the subjects.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// Filled roles with the ports of their plugins.
    pub services: Vec<ServiceSpec>,
    /// The stack's options.
    pub options: Value,
    /// How the user wants the chain to be reached.
    pub expose: Value,
}

/// The topology with what is asked of it again and again.
#[derive(Debug)]
pub struct Network {
    /// All of it.
    pub topology: Topology,
    /// What stands beside the subjects.
    pub around: Surroundings,
    /// The release.
    pub release: Release,
    places: HashMap<String, usize>,
}

impl Network {
    /// Reads the topology.
    pub fn new(topology: Topology) -> Result<Self, Diagnostics> {
        let release = Release::of(&topology.release).ok_or_else(|| {
            let known = Release::ALL.map(Release::name).join(", ");
            let message = format!("release {} is not one of {known}", topology.release);
            refuse("release", "/release", message)
        })?;
        let places = topology.subjects.iter().enumerate();
        Ok(Self {
            around: serde_json::from_str(&topology.extra).unwrap_or_default(),
            release,
            places: places.map(|(place, it)| (it.id.clone(), place)).collect(),
            topology,
        })
    }

    /// A subject by its id.
    pub fn subject(&self, id: &str) -> Result<&Subject, Diagnostics> {
        self.places
            .get(id)
            .and_then(|place| self.topology.subjects.get(*place))
            .ok_or_else(|| refuse("subject", "", format!("there is no subject {id}")))
    }

    /// The chain itself.
    pub fn chain(&self) -> Result<&Subject, Diagnostics> {
        self.subject(CHAIN)
    }

    /// Subjects of a kind, in the order of the topology, which is that of their ordinals; foreign ones too.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Subject> {
        self.topology
            .subjects
            .iter()
            .filter(move |subject| subject.kind == kind)
    }

    /// Subjects of a kind with this parent.
    pub fn children<'a>(
        &'a self,
        parent: &'a str,
        kind: &'a str,
    ) -> impl Iterator<Item = &'a Subject> {
        self.of_kind(kind)
            .filter(move |subject| subject.parent.as_deref() == Some(parent))
    }

    /// The organisation (or other parent) of a subject.
    pub fn parent(&self, of: &Subject) -> Result<&Subject, Diagnostics> {
        let parent = of
            .parent
            .as_deref()
            .ok_or_else(|| refuse("subject", "", format!("{} belongs to nobody", of.id)))?;
        self.subject(parent)
    }

    /// The organisation to which a subject belongs: itself, or the nearest above it.
    pub fn org<'a>(&'a self, of: &'a Subject) -> Result<&'a Subject, Diagnostics> {
        let mut at = of;
        // Deeper than any tree of the stack; a loop of parents ends here.
        for _ in 0..8 {
            if at.kind == kind::ORG {
                return Ok(at);
            }
            at = self.parent(at)?;
        }
        let message = format!("{} belongs to no organisation", of.id);
        Err(refuse("subject", "", message))
    }

    /// The plugin that fills a role.
    pub fn service(&self, role: &str) -> Option<&ServiceSpec> {
        self.around.services.iter().find(|it| it.role == role)
    }

    /// Ports of the plugin that fills a role.
    pub fn ports(&self, role: &str) -> &[Port] {
        self.service(role).map_or(&[], |service| &service.ports)
    }

    /// Host and port at which a named port of a subject is reached from outside of its cluster, where that is said.
    pub fn outside(to: &Subject, port: &str) -> Option<(String, u16)> {
        let endpoint = to.endpoints.iter().find(|endpoint| endpoint.port == port)?;
        let (host, port) = endpoint.outside.as_deref()?.rsplit_once(':')?;
        Some((host.to_owned(), port.parse().ok()?))
    }

    /// Host and port at which a named port of a subject is reached from anywhere in its cluster: Service and namespace,
    /// which is also the name in its certificate. That of another party, or of another cluster, is reached from outside.
    pub fn address(&self, to: &Subject, port: &str) -> Result<(String, u16), Diagnostics> {
        let endpoint = to
            .endpoints
            .iter()
            .find(|endpoint| endpoint.port == port)
            .ok_or_else(|| refuse("endpoint", "", format!("{} has no endpoint {port}", to.id)))?;
        let home = self.chain()?;
        if !to.foreign && to.cluster == home.cluster {
            return Ok((
                format!("{}.{}", endpoint.service, to.namespace),
                endpoint.number,
            ));
        }
        Self::outside(to, port).ok_or_else(|| {
            let message = format!(
                "{} is not in this cluster and has no address outside for {port}",
                to.id
            );
            refuse_with(
                "endpoint",
                "",
                message,
                "its party exports it with an address",
            )
        })
    }
}

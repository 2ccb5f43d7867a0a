//! A chain as it is remembered, ready for operations: resolved again from its own revision.

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{Context, home};
use crate::cluster::{ClusterStore, Clusters, Connection};
use crate::pipeline::expand::{expand, topology};
use crate::pipeline::{Inputs, Resolved, ResolvedService, parties, resolve};
use crate::plugin::Runtime;
use crate::plugin::contract::{Subject, Topology};
use crate::spec::{ChainFile, Loaded, Metadata};
use crate::state::{Head, Public, Store as _};

/// One chain, with what operations need of it.
pub struct ChainScene {
    /// The head.
    pub head: Head,
    /// Facts and results of the current revision.
    pub public: Public,
    /// The spec, resolved.
    pub resolved: Resolved,
    /// The stack and the services.
    pub services: Vec<ResolvedService>,
    /// All subjects.
    pub topology: Topology,
    /// Where it lives.
    pub clusters: Clusters,
    /// Where it is remembered.
    pub store: ClusterStore,
    /// The engine.
    pub runtime: Runtime,
    /// The user's spec, as the current revision has it.
    pub spec: Value,
    /// The namespace from which the way led home, if it was another.
    pub from: Option<String>,
}

impl ChainScene {
    /// Reads a chain: the one that is named, or the only one of the namespace. From another of its places the way leads
    /// home.
    pub async fn read(
        context: &mut Context,
        connection: &Connection,
        name: Option<&str>,
    ) -> anyhow::Result<Self> {
        let home = home::find(connection, name, &context.printer).await?;
        let scene = Self::of(context, &home.connection, home.head).await?;
        Ok(Self {
            from: home.from,
            ..scene
        })
    }

    /// A chain by its head, which is in the connection's namespace.
    pub async fn of(
        context: &mut Context,
        connection: &Connection,
        head: Head,
    ) -> anyhow::Result<Self> {
        if head.revision == 0 {
            bail!(
                "chain `{}` is still being made\nhint: run kubectl chain create again",
                head.chain
            );
        }
        let namespace = connection.namespace.clone();
        let clusters = clusters_of(context, connection, &head).await?;
        let store =
            ClusterStore::new(connection, &head.chain, &head.uid, &namespace).reaching(&clusters);
        let revision = store.read_revision(head.revision).await?;
        let public = store.read_public(&revision.public).await?;
        let file = ChainFile {
            metadata: Metadata {
                name: Some(head.chain.clone()),
                ..Metadata::default()
            },
            spec: serde_json::from_value(revision.spec.clone())
                .with_context(|| format!("the spec of chain `{}` cannot be read", head.chain))?,
            ..ChainFile::default()
        };
        for (role, pin) in &revision.lock {
            let there = context.catalog.known(&pin.plugin).with_context(|| {
                let role = if role.is_empty() { "the stack" } else { role };
                format!(
                    "plugin `{}` fills {role} of chain `{}`; name its file: --plugin FILE.wasm",
                    pin.plugin, head.chain
                )
            })?;
            if there.digest != pin.digest {
                context.printer.warning(&format!(
                    "plugin {} is not the one that made chain {}: {} instead of {}",
                    pin.plugin, head.chain, there.digest, pin.digest
                ));
            }
        }
        let loaded = Loaded {
            file,
            ..Loaded::default()
        };
        let resolved = resolve(Inputs { loaded, namespace }, &mut context.catalog)?;
        let runtime = context.engine()?;
        let foreign = parties::subjects(&public.parties);
        let subjects = expand(&resolved, Some(&head), foreign, head.born_ms, &runtime)?;
        let services = resolved.all().cloned().collect();
        let topology = topology(&resolved, subjects);
        Ok(Self {
            head,
            public,
            resolved,
            services,
            topology,
            clusters,
            store,
            runtime,
            spec: revision.spec,
            from: None,
        })
    }

    /// A subject of a kind by its id, by its name, or by the part of its name before the first dot where one alone has it.
    pub fn subject(&self, kind: &str, name: &str) -> Option<&Subject> {
        named(&self.topology.subjects, kind, name)
    }

    /// Subjects of a kind that are this party's own.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Subject> {
        self.topology
            .subjects
            .iter()
            .filter(move |subject| subject.kind == kind && !subject.foreign)
    }
}

/// The clusters that a head remembers, each known to be the one that is meant.
pub async fn clusters_of(
    context: &Context,
    connection: &Connection,
    head: &Head,
) -> anyhow::Result<Clusters> {
    let clusters = Clusters::open(&context.connect, connection.clone(), &head.clusters).await?;
    clusters.identify(&mut head.clusters.clone()).await?;
    Ok(clusters)
}

fn named<'a>(subjects: &'a [Subject], kind: &str, name: &str) -> Option<&'a Subject> {
    let of_kind = || subjects.iter().filter(|subject| subject.kind == kind);
    let exact = of_kind().find(|subject| subject.name == name || subject.id == name);
    exact.or_else(|| {
        let mut short = of_kind().filter(|subject| {
            let first = subject.name.split_once('.').map(|(first, _)| first);
            first == Some(name)
        });
        short.next().filter(|_| short.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(kind: &str, name: &str) -> Subject {
        Subject {
            id: format!("{kind}/{name}"),
            kind: kind.to_owned(),
            name: name.to_owned(),
            parent: None,
            ordinal: 0,
            born_ms: 0,
            foreign: false,
            cluster: String::new(),
            namespace: String::new(),
            workload: None,
            endpoints: Vec::new(),
            folder: String::new(),
            extra: "{}".to_owned(),
        }
    }

    #[test]
    fn a_short_name_is_taken_where_one_alone_has_it() {
        let all = [
            subject("orderer", "orderer0.ord"),
            subject("orderer", "orderer1.ord"),
            subject("peer", "peer0.org1"),
            subject("peer", "peer0.org2"),
            subject("peer", "peer0"),
        ];
        let found = |kind: &str, name: &str| named(&all, kind, name).map(|it| it.id.as_str());
        assert_eq!(found("orderer", "orderer1"), Some("orderer/orderer1.ord"));
        assert_eq!(found("orderer", "orderer"), None);
        assert_eq!(found("orderer", "peer0"), None);
        assert_eq!(found("peer", "peer0"), Some("peer/peer0"), "its whole name");
        assert_eq!(named(&all[2..4], "peer", "peer0"), None, "two have it");
        assert_eq!(found("peer", "peer/peer0.org2"), Some("peer/peer0.org2"));
    }
}

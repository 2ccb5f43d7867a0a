//! `kubectl chain export`: what another party needs to join the chain, as one file.

use anyhow::bail;
use clap::Args;

use super::Context;
use super::reached::Reached;
use super::scene::ChainScene;
use crate::cluster::Connection;
use crate::cluster::addresses::Reach;
use crate::manifest::yaml;
use crate::pipeline::convert;
use crate::plugin::contract::Subject;
use crate::spec::names::not_a_label;
use crate::state::bundle::{Bundle, ForeignEndpoint, ForeignSubject, Party};

/// Longest name of a party: it stands in names of subjects.
const PARTY_NAME: usize = 30;

/// Print what another party needs to join the chain
///
/// The file holds this party's nodes with their public keys and addresses, the
/// genesis and its fingerprint. It holds no secret. The other party takes it
/// with kubectl chain join, and gives back one of its own.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # For a party with a cluster of its own; node ports are reached at this host
  kubectl chain export demo --party alpha --host 192.0.2.1 > alpha.yaml

  # For a chain in another namespace of this cluster
  kubectl chain export demo --party alpha --reach cluster > alpha.yaml")]
pub struct Export {
    /// The chain, when the namespace has several
    #[arg(value_name = "CHAIN")]
    pub chain: Option<String>,
    /// What others call this party (default: the namespace)
    #[arg(long, value_name = "NAME")]
    pub party: Option<String>,
    /// Host at which others reach node ports (default: a cluster node's address)
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// From where others come
    #[arg(long, value_enum, default_value = "outside")]
    pub reach: Reach,
    /// A format of another tool instead of a bundle
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<String>,
}

impl Export {
    /// Prints it.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let connection = Connection::open(&context.connect).await?;
        let scene = ChainScene::read(context, &connection, self.chain.as_deref()).await?;
        let party = self
            .party
            .clone()
            .unwrap_or_else(|| scene.resolved.namespace.clone());
        if let Some(why) = not_a_label(&party, PARTY_NAME) {
            bail!("party `{party}`: {why}\nhint: name this party with --party");
        }
        let reached = Reached::of(&scene).await?;
        let (subjects, missing) = self.subjects(&scene, &reached);
        if !missing.is_empty() {
            let hint = "expose the chain with --expose-type NodePort or LoadBalancer (and wait until the balancer has its address), name a --host for node ports, or --reach cluster for a chain in another namespace of this cluster";
            bail!(
                "others cannot reach {}: no address outside\nhint: {hint}",
                missing.join(", ")
            );
        }
        let told = Party {
            uid: scene.head.uid.clone(),
            stack: scene.resolved.stack.plugin.descriptor.stack.clone(),
            release: scene.resolved.release.clone(),
            fingerprint: scene.head.fingerprint.clone(),
            born_ms: born_ms(&scene.topology.subjects),
            configured: scene.public.configured.clone(),
            subjects,
        };
        if let Some(format) = &self.output {
            return foreign(context, &scene, format, &told);
        }
        if let Some(fingerprint) = &told.fingerprint {
            context.printer.note(&format!(
                "the chain's fingerprint, to compare with the other party: {fingerprint}"
            ));
        }
        let bundle = Bundle::new(&scene.head.chain, &party, told);
        let tree = serde_json::to_value(&bundle)?;
        context.printer.data(yaml::value(&tree)?.as_bytes())?;
        Ok(true)
    }

    /// This party's own subjects, and the ports of them that nobody outside could reach.
    fn subjects(
        &self,
        scene: &ChainScene,
        reached: &Reached<'_>,
    ) -> (Vec<ForeignSubject>, Vec<String>) {
        let mut missing = Vec::new();
        let own = scene
            .topology
            .subjects
            .iter()
            .filter(|subject| !subject.foreign && subject.kind != "chain");
        let told = own
            .map(|subject| ForeignSubject {
                id: subject.id.clone(),
                kind: subject.kind.clone(),
                name: subject.name.clone(),
                parent: subject.parent.clone(),
                ordinal: subject.ordinal,
                born_ms: subject.born_ms,
                extra: serde_json::from_str(&subject.extra).unwrap_or_default(),
                endpoints: self.endpoints(reached, subject, &mut missing),
                facts: scene
                    .public
                    .facts
                    .get(&subject.id)
                    .cloned()
                    .unwrap_or_default(),
            })
            .collect();
        (told, missing)
    }

    fn endpoints(
        &self,
        reached: &Reached<'_>,
        subject: &Subject,
        missing: &mut Vec<String>,
    ) -> Vec<ForeignEndpoint> {
        let mut told = Vec::new();
        for endpoint in &subject.endpoints {
            match reached.by_parties(subject, endpoint, self.reach, self.host.as_deref()) {
                Some(address) => told.push(ForeignEndpoint {
                    port: endpoint.port.clone(),
                    address,
                }),
                None if reached.needed(&endpoint.port) => {
                    missing.push(format!("port {} of {}", endpoint.port, subject.id));
                }
                None => {}
            }
        }
        told
    }
}

/// When the chain was born.
fn born_ms(subjects: &[Subject]) -> u64 {
    let chain = subjects.iter().find(|subject| subject.kind == "chain");
    chain.map_or(0, |chain| chain.born_ms)
}

/// Another tool's format, written by the stack.
fn foreign(
    context: &Context,
    scene: &ChainScene,
    format: &str,
    told: &Party,
) -> anyhow::Result<bool> {
    let mut subjects: Vec<Subject> = scene.topology.subjects.clone();
    subjects.retain(|subject| !subject.foreign);
    for subject in &mut subjects {
        let known = told.subjects.iter().find(|it| it.id == subject.id);
        for endpoint in &mut subject.endpoints {
            let address = known
                .into_iter()
                .flat_map(|it| &it.endpoints)
                .find(|it| it.port == endpoint.port);
            endpoint.outside = address.map(|it| it.address.clone());
        }
    }
    let runtime = context.engine()?;
    let facts = &scene.public.facts;
    for file in convert::write(format, &scene.resolved, subjects, facts, &runtime)? {
        context.printer.data(&file.bytes)?;
    }
    Ok(true)
}

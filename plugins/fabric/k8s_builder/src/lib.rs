//! The chaincode runtime `k8s_builder`: peers start chaincode themselves, as Jobs, through an external builder.
//!
//! A peer gets the builder's programs on a volume of its pod, a token of its own account, and rights to make Jobs and
//! Secrets in its namespace. Who may make Jobs can read every Secret of that namespace through one: grant it knowingly.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::collections::BTreeMap;

use chain_plugin_sdk::descriptor::{Descriptor, Image as DeclaredImage, Phase};
use chain_plugin_sdk::{
    At, Diagnostics, Plugin, Provisioned, Rendered, RenderedBuilder, Subject, Topology,
    export_plugin, warning,
};
use fabric_service::extra::{self, Chaincode};
use fabric_service::facts::{self, Builder, Package, Runtime};
use fabric_service::fault::{refuse, refuse_with};
use fabric_service::{CHAIN, Network, Release, container, descriptor, kind, role};
use fabric_transaction::package::{Code, Image, Index, KUBERNETES_LABEL, build};
use serde::Deserialize;
use serde_json::{Value, json};

/// The name of the init container that brings the builder's programs, and of its image.
const CONTAINER: &str = "k8s-builder";
/// The volume on which they lie.
const VOLUME: &str = "k8s-builder";
/// Where the image has them, and where a peer finds them.
const PROGRAMS: &str = "/opt/hyperledger/k8s_builder";
/// Where the init container puts them.
const TARGET: &str = "/builder";
/// What the builder reads beside its own variables: of which peer it is, and where the API server answers.
const PASSED: [&str; 3] = [
    "CORE_PEER_ID",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
];
/// API group of rights.
const RBAC: &str = "rbac.authorization.k8s.io";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    start_timeout: String,
    name_prefix: String,
    node_role: Option<String>,
    pull_secret: Option<String>,
    debug: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            start_timeout: "3m".to_owned(),
            name_prefix: "hlfcc".to_owned(),
            node_role: None,
            pull_secret: None,
            debug: false,
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct K8sBuilder {
    network: Network,
}

impl Plugin for K8sBuilder {
    fn descriptor() -> Descriptor {
        Descriptor {
            options: json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "startTimeout": {
                        "type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$", "default": "3m",
                        "description": "how long a peer waits for the pod of a chaincode to start",
                    },
                    "namePrefix": {
                        "type": "string", "pattern": "^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$", "default": "hlfcc",
                        "description": "how names of Jobs and Secrets of chaincode begin",
                    },
                    "nodeRole": {
                        "type": "string", "pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
                        "description": "run chaincode only on nodes with this value of label and taint fabric-builder-k8s-role",
                    },
                    "pullSecret": {
                        "type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$",
                        "description": "pull Secret for images of chaincode, one of images.pullSecrets",
                    },
                    "debug": {
                        "type": "boolean", "default": false,
                        "description": "let the builder write more into the peer's log",
                    },
                },
            }),
            on: [
                (
                    Phase::Provision,
                    descriptor::kinds(&[CHAIN, kind::CHAINCODE]),
                ),
                (Phase::Render, descriptor::kinds(&[kind::PEER])),
            ]
            .into(),
            container: CONTAINER.to_owned(),
            images: vec![DeclaredImage {
                name: CONTAINER.to_owned(),
                default: "ghcr.io/hyperledger-labs/fabric-builder-k8s/k8s-fabric-peer:0.15.2"
                    .to_owned(),
            }],
            volumes: vec![descriptor::scratch(VOLUME, "512Mi", kind::PEER)],
            permissions: vec!["rbac".to_owned(), "token".to_owned()],
            ..descriptor::plugin(
                "k8s_builder",
                role::CHAINCODE,
                "chaincode in Jobs that peers start; needs rights at the API server",
                &[Release::V2_5, Release::V3_1],
            )
        }
    }

    fn open(topology: Topology) -> Result<Self, Diagnostics> {
        Ok(Self {
            network: Network::new(topology)?,
        })
    }

    fn provision(&self, at: &At<'_>) -> Result<Provisioned, Diagnostics> {
        if at.call.subject == CHAIN {
            return Ok(facts::known(&self.runtime(&at.options()?)));
        }
        let subject = self.network.subject(&at.call.subject)?;
        Ok(facts::known(&package(subject)?))
    }

    fn render(&self, at: &At<'_>) -> Result<Rendered, Diagnostics> {
        let options: Options = at.options()?;
        let peer = self.network.subject(&at.call.subject)?;
        let name = workload(peer)?;
        let rights = format!("{name}-chaincode");
        let mut account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": self.account()},
            "automountServiceAccountToken": false,
        });
        if let (Some(secret), Some(map)) = (options.pull_secret, account.as_object_mut()) {
            map.insert("imagePullSecrets".to_owned(), json!([{"name": secret}]));
        }
        let note = warning(
            "restricted",
            "",
            format!(
                "the Jobs of chaincode say nothing of their security: namespace {} must not enforce the profile restricted",
                peer.namespace
            ),
        );
        Ok(RenderedBuilder::new()
            .object(&account)
            .object(&role_of(&rights))
            .object(&binding_of(&rights, name))
            .pod(&json!({"spec": {
                "automountServiceAccountToken": true,
                "initContainers": [{
                    "name": CONTAINER,
                    "image": at.image(CONTAINER),
                    "command": ["cp", "-R", format!("{PROGRAMS}/."), format!("{TARGET}/")],
                    "resources": container::requests("10m", "32Mi"),
                }],
            }}))
            .volume(CONTAINER, TARGET, VOLUME, "")
            .note(note.hint("the profile baseline lets them run; or take --chaincode ccaas"))
            .build())
    }
}

impl K8sBuilder {
    /// The account of pods of chaincode, without rights or token; one in each namespace with peers.
    fn account(&self) -> String {
        format!("{}-chaincode-jobs", self.network.topology.chain)
    }

    fn runtime(&self, options: &Options) -> Runtime {
        let mut environment: BTreeMap<String, String> = [
            ("SERVICE_ACCOUNT", self.account()),
            ("START_TIMEOUT", options.start_timeout.clone()),
            ("OBJECT_NAME_PREFIX", options.name_prefix.clone()),
            ("DEBUG", options.debug.to_string()),
        ]
        .map(|(name, value)| (format!("FABRIC_K8S_BUILDER_{name}"), value))
        .into();
        if let Some(node_role) = &options.node_role {
            environment.insert("FABRIC_K8S_BUILDER_NODE_ROLE".to_owned(), node_role.clone());
        }
        Runtime {
            kind: "k8s".to_owned(),
            builder: Some(Builder {
                name: "k8s_builder".to_owned(),
                path: PROGRAMS.to_owned(),
                volume: Some(VOLUME.to_owned()),
                environment,
                passed: PASSED.map(str::to_owned).into(),
            }),
        }
    }
}

/// The package of a chaincode: its image by digest, under a label that the builder takes.
fn package(subject: &Subject) -> Result<Package, Diagnostics> {
    let chaincode: Chaincode = extra::of(subject)?;
    let Some((tagged, digest)) = chaincode.image.split_once('@') else {
        let message = format!(
            "image {:?} of {} names no digest: a peer starts chaincode by digest alone",
            chaincode.image, subject.id
        );
        let hint = "write it with its digest, registry.example/basic@sha256:<64 hex digits>, as `docker inspect --format '{{index .RepoDigests 0}}' IMAGE` shows it";
        return Err(refuse_with("digest", "", message, hint));
    };
    let image = Image {
        name: untagged(tagged).to_owned(),
        digest: digest.to_owned(),
    };
    let full = format!("{}@{}", image.name, image.digest);
    let label = label(&chaincode);
    let indexes = chaincode.packaged_indexes();
    let files: Vec<_> = indexes.iter().map(Index::from).collect();
    let package = build(&label, &Code::Image(image), &files)
        .map_err(|fault| refuse("package", "", format!("{}: {fault}", subject.id)))?;
    Ok(Package {
        kind: "k8s".to_owned(),
        label,
        address: None,
        dial_timeout: None,
        image: Some(full),
        indexes,
        package_id: package.id,
    })
}

/// `name-version` of a chaincode as a DNS label, for the builder refuses any other: with the usual `basic_1.0` nothing could
/// be installed. That two may come to the same does no harm, since the id of a package has the hash of its bytes too.
fn label(chaincode: &Chaincode) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let both = format!("{}-{}", chaincode.name, chaincode.version);
    let mut label: String = both.to_ascii_lowercase().chars().map(plain).collect();
    if !label.starts_with(|c: char| c.is_ascii_lowercase()) {
        label.insert_str(0, "cc-");
    }
    // One byte each by now.
    label.truncate(KUBERNETES_LABEL);
    label.truncate(label.trim_end_matches('-').len());
    label
}

/// An image's name without its tag; a port of the registry stays.
fn untagged(image: &str) -> &str {
    let start = image.rfind('/').map_or(0, |slash| slash + 1);
    let colon = image.get(start..).and_then(|last| last.find(':'));
    colon
        .and_then(|colon| image.get(..start + colon))
        .unwrap_or(image)
}

/// The workload of a peer, which is also the name of its account.
fn workload(peer: &Subject) -> Result<&str, Diagnostics> {
    let named = peer.workload.as_deref().and_then(|it| it.split_once('/'));
    named
        .map(|(_, name)| name)
        .ok_or_else(|| refuse("workload", "", format!("{} has no pod", peer.id)))
}

/// What the builder does at the API server: it applies a Secret, makes a Job and watches it.
fn role_of(name: &str) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"),
        "kind": "Role",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch"]},
        ],
    })
}

fn binding_of(name: &str, account: &str) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"),
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account}],
    })
}

export_plugin!(K8sBuilder);

#[cfg(test)]
mod tests;

//! The descriptor: what a plugin says about itself, as JSON, without running.
//!
//! It is an open map: a host ignores keys that it does not know, so a field may be added in any release. Everything
//! has a default, so the shortest descriptor is a name, a stack and a role.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plugin is, takes and gives. Copied into the section `chain:descriptor` of the component.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Descriptor {
    /// Name by which the user picks it, e.g. `kms_sm`: lower case letters, digits and `_`.
    pub name: String,
    /// Other names for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Version of the plugin itself.
    pub version: String,
    /// One line for `plugin list`.
    pub summary: String,
    /// SPDX expression.
    pub license: String,
    /// Stack that it belongs to; for a stack plugin, the name of the stack.
    pub stack: String,
    /// Role that it fills; "" for the stack itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// Generations that it belongs to; a chain is of one release, and every plugin must have it among its series.
    pub series: Vec<String>,
    /// JSON schema of its options: an object with `properties`, besides `x-chain-secret`, `x-chain-fixed`,
    /// `x-chain-scope` and `format: file` in each.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub options: Value,
    /// Subject kinds that each phase is called for: `provision`, `configure`, `render`.
    pub on: BTreeMap<Phase, Vec<String>>,
    /// What a phase must wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// Items that it keeps. Append-only over the versions of a plugin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptSpec>,
    /// Secret items of other roles that it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<Take>,
    /// Its main container: gets resources and probes from the user's file, and is the one that `logs` shows first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Images, by the name under which they arrive in a call; each can be set by the user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// Ports that its containers listen on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Volumes that the host makes for each subject with a workload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// What its main container asks for when the user says nothing: a Kubernetes `resources` object.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub resources: Value,
    /// Day-2 work, hooks and probes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// Gated abilities that it asks for, e.g. `root`, `hostPath`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Larger limits by phase, granted like a permission.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub budget: BTreeMap<Phase, Budget>,
    /// Other tools' files that `convert` reads or writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<Format>,
    /// Stacks only: releases by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<String, Release>,
    /// Stacks only: the release that is meant when the user names none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default_release: String,
    /// Stacks only: subject kinds besides `chain` and `node`, and `node` itself when it has more to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// Stacks only: groups of workloads of which only some may be down at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rollout: Vec<Rollout>,
}

/// A phase of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Secrets are born.
    Provision,
    /// Immutable results are made.
    Configure,
    /// Files, bindings and fragments are made.
    Render,
    /// Operations run.
    Operate,
}

/// In `phase`, wait for what `role` gives in `from`, and be allowed to read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// The phase that needs it.
    pub phase: Phase,
    /// The role that gives it; `stack` for the stack plugin.
    pub role: String,
    /// The phase that gives it.
    pub from: Phase,
    /// Only facts about this kind of subject; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Fine if no plugin fills the role.
    #[serde(default)]
    pub optional: bool,
}

/// An item that a plugin keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeptSpec {
    /// Its name; one that ends in `/` covers a tree.
    pub name: String,
    /// Kinds of subjects that it is about.
    pub kinds: Vec<String>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Whether `renew` may make it again.
    pub renewable: bool,
    /// Roles that may take it, if they ask and the user agrees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub share: Vec<String>,
}

/// A secret item of another role that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Take {
    /// The role that keeps it.
    pub role: String,
    /// The item's name.
    pub item: String,
    /// Phases in which the bytes may be read; binding it into a container needs none.
    #[serde(default)]
    pub phases: Vec<Phase>,
}

/// An image of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Name under which it arrives in a call; the one named like the container is the user's `image:`.
    pub name: String,
    /// What is used when the user says nothing: tagged, never `latest`.
    pub default: String,
}

/// A port of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Port {
    /// Unique within the stack, at most 15 characters.
    pub name: String,
    /// Number inside the pod.
    pub number: u16,
    /// `TCP` or `UDP`; TCP when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// Who must reach it: `pod`, `peers` or `clients`.
    pub reach: String,
    /// What it is for: `rpc`, `p2p`, `console`, `metrics`, ...
    #[serde(skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// Roles whose operations may reach it besides the plugin's own, though it is not open to clients; `stack` for the
    /// stack plugin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
}

/// A volume that the host makes for each subject with a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Name by which bindings mean it.
    pub name: String,
    /// Size when the user names none, e.g. `10Gi`.
    pub size: String,
    /// `disk` (a claim that outlives the pod), `scratch` (empty at each start) or `memory`; disk when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub medium: String,
    /// Kinds of subjects that have it; all with a workload when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
}

/// Day-2 work, a hook or a probe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// Name after `kubectl chain run`.
    pub name: String,
    /// One line of help.
    pub summary: String,
    /// Kind of subject that it is about: `chain` unless said otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// For a hook about the chain: kinds of subjects that it serves all at once. It runs once, whichever of them it is due
    /// for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// JSON schema of its arguments.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub args: Value,
    /// Runs without a cluster.
    pub offline: bool,
    /// `before-add`, `after-ready`, `before-remove`, `before-restart`, `gate` or `status`: called by apply, create, upgrade,
    /// status.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hook: String,
    /// Containers that its steps may reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exec: Vec<String>,
    /// Secret items that it may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Whose secrets those are: of its subject and of those above and below it, or with `chain` of every subject.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secrets_of: String,
    /// Another way to type it, e.g. `account create`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias: String,
    /// For the hook `status`: headers of the columns that it fills, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// Larger limits for one phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Budget {
    /// Memory of the sandbox in MiB.
    pub memory_mib: u32,
    /// Wall time of one call in seconds.
    pub seconds: u32,
}

/// Another tool's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Format {
    /// Name, e.g. `qubernetes`.
    pub name: String,
    /// File names by which it is recognised.
    pub detect: Vec<String>,
    /// Top-level keys by which it is recognised whatever its name: each entry holds keys, with spaces between, that all
    /// stand in such a file.
    pub keys: Vec<String>,
    /// `convert.read` understands it.
    pub read: bool,
    /// `convert.write` produces it.
    pub write: bool,
}

/// One release of a stack: which roles there are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Release {
    /// In the order in which their containers stand in a pod.
    pub roles: Vec<Role>,
}

/// A slot of a stack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Role {
    /// Name, e.g. `kms`.
    pub name: String,
    /// The plugin that fills it when the user says nothing; "" for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default: String,
    /// How many plugins may fill it: `one` (the default), `optional`, `any`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub count: String,
    /// JSON schema of the facts it gives, by kind of subject.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Value>,
}

/// A kind of subject that a stack declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kind {
    /// Name, e.g. `org`.
    pub name: String,
    /// Key under `spec` in the user's file, e.g. `orgs`.
    pub key: String,
    /// Flag that takes how many (or a comma list of names), without dashes, e.g. `orgs`; "" for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub flag: String,
    /// In the flag's list of names each may be `NAME=VALUE`: the key under which the value stands; "" for names alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// One line of help for the flag.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

/// Workloads of which only some may be down at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollout {
    /// Name of the group, e.g. `validators`.
    pub name: String,
    /// Kinds of subjects in it.
    pub kinds: Vec<String>,
    /// How many may be down at once: a number, or `minority` for (n-1)/2, `third` for (n-1)/3; at least 1.
    pub max_unavailable: String,
}

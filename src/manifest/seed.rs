//! The init container `chain-init`: one script for all, and a manifest that says what it does in this pod.
//!
//! The script guards the identity (one pod only), prepares volumes, and refuses those of another chain. See `seed.sh`.

use std::collections::BTreeMap;

use super::bind::{Plan, Seeded, join};
use super::input::{Medium, Shape, Storage, VolumeDecl};
use super::parsed::workload;

/// The script, run by `sh`.
pub const SCRIPT: &str = include_str!("seed.sh");
/// Name of the init container.
pub const CONTAINER: &str = "chain-init";
/// Where the script is mounted.
pub const SCRIPT_PATH: &str = "/chain/seed.sh";
/// Where its manifest is mounted.
pub const MANIFEST_PATH: &str = "/chain/manifest";

/// Where a volume is mounted in the init container: its root, whatever the services see of it.
pub fn volume_path(volume: &str) -> String {
    format!("/chain/volumes/{volume}")
}

/// Where the source of the copy with this number is mounted.
pub fn source_path(number: usize) -> String {
    format!("/chain/sources/{number}")
}

/// The folder of a shared claim in which a subject's volume lies; "" on a claim of its own. The first volume on disk is
/// the subject's folder itself, others lie in it under their names.
pub fn base(
    plan: &Plan<'_>,
    volume: &VolumeDecl,
    first_disk: Option<&str>,
    storage: &Storage,
) -> String {
    if storage.claim.is_none() || volume.medium != Medium::Disk {
        return String::new();
    }
    let folder = plan.subject.folder.trim_matches('/');
    if first_disk == Some(volume.name.as_str()) {
        folder.to_owned()
    } else {
        join(&[folder, &volume.name])
    }
}

/// The manifest of a pod, see `seed.sh`. Copies are numbered in the order of `Plan::seeded`.
pub fn manifest(
    shape: &Shape,
    plan: &Plan<'_>,
    volumes: &BTreeMap<&str, &VolumeDecl>,
    first_disk: Option<&str>,
    storage: &Storage,
) -> String {
    let mut out = String::new();
    let mut line = |fields: &[&str]| {
        out.push_str(&fields.join("\t"));
        out.push('\n');
    };
    if let Some(("StatefulSet", name)) = plan.subject.workload.as_deref().and_then(workload) {
        line(&["pod", &format!("{name}-0")]);
    }
    line(&["chain", &shape.uid]);
    line(&["subject", &plan.subject.id]);
    let mut copies: BTreeMap<&str, Vec<(Option<usize>, &Seeded<'_>)>> = BTreeMap::new();
    for name in plan.uses.values().map(|u| u.volume) {
        copies.entry(name).or_default();
    }
    let mut number = 0;
    for seeded in &plan.seeded {
        let at = seeded.copy.as_ref().map(|_| {
            number += 1;
            number - 1
        });
        copies.entry(seeded.volume).or_default().push((at, seeded));
    }
    for (name, steps) in copies {
        let Some(volume) = volumes.get(name) else {
            continue;
        };
        let base = base(plan, volume, first_disk, storage);
        let root = volume_path(name);
        let root = if base.is_empty() {
            root
        } else {
            format!("{root}/{base}")
        };
        let verb = if volume.medium == Medium::Disk {
            "volume"
        } else {
            "scratch"
        };
        if verb == "scratch" && steps.is_empty() {
            continue;
        }
        line(&[verb, &root]);
        for (number, step) in steps {
            let mode = format!("{:04o}", step.mode);
            let path = format!("{root}/{}", step.path);
            match (&step.copy, number) {
                (Some((once, _)), Some(number)) => {
                    let verb = if *once { "once" } else { "start" };
                    line(&[verb, &mode, &source_path(number), &path]);
                }
                _ => line(&["dir", &mode, &path]),
            }
        }
    }
    out
}

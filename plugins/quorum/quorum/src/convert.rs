//! `qubernetes.yaml` of the tool that came before: read as a chain, or as the nodes of another party; and the list of
//! nodes with which that tool joins ours.
//!
//! Every key without effect is told, with its line and the reason. What cannot be had here is refused, or told with what
//! to type instead.

mod around;
mod client;
mod consensus;
mod external;
mod keys;
mod notes;
mod overlay;
mod privacy;

use std::error::Error;

use chain_plugin_sdk::descriptor::Format;
use chain_plugin_sdk::{Blob, Convert, Diagnostics, Host, Topology};
use quorum_formats::qubernetes::{NodeEntry, Qubernetes, QubernetesError};
use quorum_service::fault::{refuse, refuse_with};
use quorum_service::{CLIENT, CONSENSUS, EXPLORER, MONITOR, PRIVACY, RELEASE, STACK};
use serde_json::{Map, Value, json};

use self::notes::Notes;
use self::overlay::Overlay;

/// The format.
pub const QUBERNETES: &str = "qubernetes";

/// What the descriptor says of it.
pub fn formats() -> Vec<Format> {
    let names = [
        "qubernetes.yaml",
        "qubernetes.yml",
        "qubernetes.generate.yaml",
        "qubernetes-generated.yaml",
        "quick-start.yaml",
    ];
    // Those of today, of the export, and of the two versions before 0.1.3.
    let keys = [
        "genesis nodes",
        "external_nodes",
        "quorum nodes",
        "quorum geth",
    ];
    vec![Format {
        name: QUBERNETES.to_owned(),
        detect: names.map(str::to_owned).to_vec(),
        keys: keys.map(str::to_owned).to_vec(),
        read: true,
        write: true,
    }]
}

/// The converter.
#[derive(Debug)]
pub struct Converter;

impl Convert for Converter {
    fn read(format: &str, files: Vec<Blob>) -> Result<(String, Diagnostics), Diagnostics> {
        known(format)?;
        let texts = files
            .iter()
            .map(|file| {
                str::from_utf8(&file.bytes)
                    .map_err(|_| refuse(QUBERNETES, "", format!("{} is no text", file.name)))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (text, second) = match texts.as_slice() {
            [text] => (*text, None),
            [text, second] => (*text, Some(*second)),
            [] => return Err(refuse(QUBERNETES, "", "there is no file")),
            _ => {
                let message = "there are more files than qubernetes.yaml and the nodes.yaml of the schema before 0.1.3";
                return Err(refuse(QUBERNETES, "", message));
            }
        };
        let (tree, notes) = if Qubernetes::is_external(text).map_err(|it| fault(&it))? {
            external::read(text)?
        } else {
            network(text, second)?
        };
        Ok((tree.to_string(), notes))
    }

    fn write(format: &str, all: Topology, host: &dyn Host) -> Result<Vec<Blob>, Diagnostics> {
        known(format)?;
        external::write(all, host)
    }
}

fn known(format: &str) -> Result<(), Diagnostics> {
    if format == QUBERNETES {
        return Ok(());
    }
    Err(refuse_with(
        "format",
        "",
        format!("the format {format} is not known"),
        format!("known: {QUBERNETES}"),
    ))
}

/// An error of the reader with all its causes.
fn fault(error: &QubernetesError) -> Diagnostics {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    refuse(QUBERNETES, "", message)
}

/// A network, as the user's own file.
fn network(text: &str, second: Option<&str>) -> Result<(Value, Diagnostics), Diagnostics> {
    let read = Qubernetes::parse_with_nodes(text, second).map_err(|it| fault(&it))?;
    if second.is_some() && !read.legacy {
        let message = "the file names its nodes itself; a second file belongs to the schema before 0.1.3 only";
        return Err(refuse(QUBERNETES, "", message));
    }
    let mut notes = Notes::new(text, &read).map_err(|it| fault(&it))?;
    let mut client = client::service(&read, &mut notes)?;
    let mut privacy = privacy::service(&read, &mut notes)?;
    let consensus = consensus::service(&read, &mut client, &mut notes)?;
    keys::bring(&read, &mut client, &mut privacy, &mut notes);

    let entries: Vec<Value> = read
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| entry(node, index, &client, &privacy))
        .collect();
    let mut services = Map::new();
    services.insert(CLIENT.to_owned(), client.base());
    services.insert(CONSENSUS.to_owned(), consensus);
    services.insert(PRIVACY.to_owned(), privacy.base());
    if let Some(explorer) = around::explorer(&read, &mut notes) {
        services.insert(EXPLORER.to_owned(), explorer);
    }
    if let Some(monitor) = around::monitor(&read, &mut notes) {
        services.insert(MONITOR.to_owned(), monitor);
    }
    let mut spec = json!({
        "stack": STACK, "release": RELEASE, "nodes": entries, "services": services,
        "options": around::options(&read, &mut notes),
        "storage": around::storage(&read, &mut notes),
        "expose": {"type": around::type_of(read.k8s.service)},
    });
    if let (Some(patch), Some(spec)) = (around::security(&read, &mut notes), spec.as_object_mut()) {
        spec.insert("patches".to_owned(), json!([patch]));
    }
    let mut metadata = Map::new();
    if let Some(namespace) = &read.k8s.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    external::beside(&read, &mut notes);
    around::rest(&read, &mut notes);
    Ok((json!({"metadata": metadata, "spec": spec}), notes.done()))
}

fn entry(node: &NodeEntry, index: usize, client: &Overlay, privacy: &Overlay) -> Value {
    let mut entry = json!({"name": node.name});
    let mut services = Map::new();
    for (role, overlay) in [(CLIENT, client), (PRIVACY, privacy)] {
        services.extend(overlay.over(index).map(|over| (role.to_owned(), over)));
    }
    if let (false, Some(entry)) = (services.is_empty(), entry.as_object_mut()) {
        entry.insert("services".to_owned(), Value::Object(services));
    }
    entry
}

#[cfg(test)]
mod tests;

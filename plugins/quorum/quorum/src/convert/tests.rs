//! Files in the shapes of the reference, as chains, as bundles, and back.

mod external;
mod network;

use self::network::LEGACY;
use super::*;
use chain_plugin_sdk::Severity;

/// A file of so many nodes with sections of its own.
fn file(sections: &str, nodes: u32) -> String {
    let mut text = String::from(
        "genesis:\n  consensus: istanbul\n  Quorum_Version: 2.7.0\n  Tm_Version: 0.10.6\n  Chain_Id: \"1000\"\n",
    );
    text.push_str(sections);
    text.push_str("nodes:\n");
    text.extend((1..=nodes).map(|i| {
        format!(
            "- Node_UserIdent: quorum-node{i}\n  Key_Dir: key{i}\n  quorum:\n    quorum:\n      consensus: istanbul\n      \
             Quorum_Version: 2.7.0\n    tm:\n      Name: tessera\n      Tm_Version: 0.10.6\n  geth:\n    \
             Geth_Startup_Params: \"\"\n    verbosity: 3\n"
        )
    }));
    text
}

fn blob(name: &str, text: &str) -> Blob {
    Blob {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

fn read(text: &str) -> Result<(Value, Vec<String>), Diagnostics> {
    read_all(vec![blob("qubernetes.yaml", text)])
}

fn read_all(files: Vec<Blob>) -> Result<(Value, Vec<String>), Diagnostics> {
    let (json, notes) = Converter::read(QUBERNETES, files)?;
    assert!(notes.iter().all(|it| it.severity != Severity::Error));
    let said = notes.into_iter().map(|it| it.message).collect();
    Ok((serde_json::from_str(&json).unwrap(), said))
}

fn refused(text: &str) -> (String, String) {
    let fault = read(text).unwrap_err().remove(0);
    (fault.message, fault.hint.unwrap_or_default())
}

#[test]
fn the_descriptor_says_what_is_read_and_written() {
    let formats = crate::descriptor::descriptor().formats;
    assert_eq!(formats.len(), 1);
    assert!(formats[0].read && formats[0].write);
    assert!(formats[0].keys.contains(&"external_nodes".to_owned()));
}

#[test]
fn what_is_no_such_file_is_refused() {
    let refused = |format: &str, files: Vec<Blob>| {
        let fault = Converter::read(format, files).unwrap_err().remove(0);
        (fault.message, fault.hint.unwrap_or_default())
    };
    let (message, hint) = refused("helm", vec![blob("f", "")]);
    assert_eq!(message, "the format helm is not known");
    assert_eq!(hint, "known: qubernetes");
    let binary = Blob {
        name: "f".to_owned(),
        bytes: vec![0xff, 0xfe],
    };
    assert_eq!(refused(QUBERNETES, vec![binary]).0, "f is no text");
    assert_eq!(refused(QUBERNETES, Vec::new()).0, "there is no file");
    let (message, _) = refused(QUBERNETES, vec![blob("f", "a: [")]);
    assert!(
        message.starts_with("the file is not valid YAML: line "),
        "{message}"
    );
    let three = ["a", "b", "c"].map(|name| blob(name, LEGACY));
    assert!(refused(QUBERNETES, three.to_vec()).0.contains("more files"));
}

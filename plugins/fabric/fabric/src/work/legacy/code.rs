//! Code as the user gives it in a file: sources, or a package of 1.4.

use chain_plugin_sdk::{Blob, Diagnostics};
use fabric_proto::Message as _;
use fabric_proto::peer::{ChaincodeDeploymentSpec, ChaincodeType};
use fabric_service::extra;
use fabric_service::fault::{refuse, refuse_with};
use fabric_transaction::proposal::legacy::LegacyChaincode;
use serde_json::Value;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Code that is ready to be installed.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) chaincode: LegacyChaincode,
    pub(super) bytes: Vec<u8>,
}

/// Reads the user's file: a gzip tar of sources, or what `peer chaincode package` of 1.4 makes without a signature.
pub(super) fn read(
    about: &extra::Chaincode,
    args: &Value,
    files: &[Blob],
) -> Result<Option<Code>, Diagnostics> {
    let file = match files {
        [] => return Ok(None),
        [file] => file,
        _ => return Err(refuse("file", "", "one file with code is wanted")),
    };
    let said = |name: &str| args.get(name).and_then(Value::as_str);
    if file.bytes.starts_with(&GZIP) {
        let Some(path) = said("path") else {
            let message = format!("{}: where are the sources in it?", file.name);
            let hint = "`path=PATH`: the archive has them below src/PATH/";
            return Err(refuse_with("path", "/path", message, hint));
        };
        let language = match said("language") {
            Some("node") => ChaincodeType::Node,
            Some("java") => ChaincodeType::Java,
            _ => ChaincodeType::Golang,
        };
        return Ok(Some(Code {
            chaincode: LegacyChaincode {
                name: about.name.clone(),
                version: about.version.clone(),
                path: path.to_owned(),
                language,
            },
            bytes: file.bytes.clone(),
        }));
    }
    let spec = ChaincodeDeploymentSpec::decode(file.bytes.as_slice()).ok();
    let found = spec.and_then(|spec| {
        let inner = spec.chaincode_spec?;
        let id = inner.chaincode_id.filter(|id| !id.name.is_empty())?;
        let language = ChaincodeType::try_from(inner.r#type).ok()?;
        let bytes = spec.code_package;
        bytes.starts_with(&GZIP).then_some((id, language, bytes))
    });
    let Some((id, language, bytes)) = found else {
        let message = format!("{}: it holds no code", file.name);
        let hint = "a gzip tar of sources with `path=PATH`, or the file of `peer chaincode package` without -s";
        return Err(refuse_with("file", "", message, hint));
    };
    if (&id.name, &id.version) != (&about.name, &about.version) {
        let message = format!(
            "{}: it holds {} {}, and the chain's file says {} {}",
            file.name, id.name, id.version, about.name, about.version
        );
        return Err(refuse("file", "", message));
    }
    Ok(Some(Code {
        chaincode: LegacyChaincode {
            name: id.name,
            version: id.version,
            path: id.path,
            language,
        },
        bytes,
    }))
}

//! The life of chaincodes of 1.4: what `lscc` answers.

use fabric_proto::Message;
use fabric_proto::peer::{
    ChaincodeData, ChaincodeDeploymentSpec, ChaincodeInfo, ChaincodeInput, ChaincodeQueryResponse,
};
use fabric_proto::policies::SignaturePolicyEnvelope;
use sha2::{Digest as _, Sha256};

use super::chain::{Chain, LSCC, Simulation};
use super::member::{Known, Role};
use super::peer::{Outcome, Peer, fault};

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, (i32, String)> {
    M::decode(bytes).map_err(|it| (500, it.to_string()))
}

/// Name and version of the chaincode that is to be deployed.
fn named(spec: &ChaincodeDeploymentSpec) -> Result<(String, String), (i32, String)> {
    let id = spec
        .chaincode_spec
        .as_ref()
        .and_then(|it| it.chaincode_id.clone())
        .ok_or((500, "invalid deployment spec: no chaincode id".to_owned()))?;
    if id.name.is_empty() || id.version.is_empty() {
        return fault(format!(
            "invalid chaincode name '{}' or version '{}'",
            id.name, id.version
        ));
    }
    Ok((id.name, id.version))
}

/// Calls that concern the peer alone.
pub fn alone(peer: &mut Peer, function: &str, argument: &[u8]) -> Outcome {
    match function {
        "install" => {
            let spec: ChaincodeDeploymentSpec = decode(argument)?;
            let (name, version) = named(&spec)?;
            if spec.code_package.is_empty() {
                return fault("invalid code package: it is empty");
            }
            if peer.legacy.contains_key(&(name.clone(), version.clone())) {
                return fault(format!(
                    "error installing chaincode code {name}:{version}(chaincode /var/hyperledger/production/chaincodes/{name}.{version} exists)"
                ));
            }
            peer.legacy.insert((name, version), argument.to_vec());
            Ok(b"OK".to_vec())
        }
        "getinstalledchaincodes" => {
            let mut chaincodes = Vec::new();
            for ((name, version), bytes) in &peer.legacy {
                let spec: ChaincodeDeploymentSpec = decode(bytes)?;
                let id = spec.chaincode_spec.and_then(|it| it.chaincode_id);
                chaincodes.push(ChaincodeInfo {
                    name: name.clone(),
                    version: version.clone(),
                    path: id.unwrap_or_default().path,
                    id: Sha256::digest(bytes).to_vec(),
                    ..ChaincodeInfo::default()
                });
            }
            Ok(ChaincodeQueryResponse { chaincodes }.encode_to_vec())
        }
        other => fault(format!("invalid function to lscc: {other}")),
    }
}

/// Calls on a channel.
pub fn on_channel(
    peer: &Peer,
    chain: &Chain,
    simulation: &mut Simulation<'_>,
    input: &ChaincodeInput,
    who: &Known,
) -> Outcome {
    let argument = |at: usize| input.args.get(at).map_or(&[][..], Vec::as_slice);
    let function = String::from_utf8_lossy(argument(0));
    match function.as_ref() {
        "deploy" | "upgrade" => {
            if argument(1) != chain.name.as_bytes() {
                return fault("invalid channel name");
            }
            if !who.roles.contains(&Role::Admin) {
                return fault("instantiation policy violation: the signer is no administrator");
            }
            let spec: ChaincodeDeploymentSpec = decode(argument(2))?;
            let (name, version) = named(&spec)?;
            if !peer.legacy.contains_key(&(name.clone(), version.clone())) {
                return fault(format!(
                    "cannot get package for chaincode ({name}:{version})"
                ));
            }
            let before = simulation.get(LSCC, &name);
            match (function.as_ref(), before) {
                ("deploy", Some(_)) => {
                    return fault(format!("chaincode with name '{name}' already exists"));
                }
                ("upgrade", None) => {
                    return fault(format!("could not find chaincode with name '{name}'"));
                }
                ("upgrade", Some(bytes)) => {
                    let before: ChaincodeData = decode(&bytes)?;
                    if before.version == version {
                        return fault(format!(
                            "version already exists for chaincode with name '{name}'"
                        ));
                    }
                }
                _ => {}
            }
            let policy = argument(3);
            let data = ChaincodeData {
                name: name.clone(),
                version,
                escc: String::from_utf8_lossy(argument(4)).into_owned(),
                vscc: String::from_utf8_lossy(argument(5)).into_owned(),
                policy: if policy.is_empty() {
                    None
                } else {
                    Some(decode::<SignaturePolicyEnvelope>(policy)?)
                },
                ..ChaincodeData::default()
            };
            let bytes = data.encode_to_vec();
            simulation.put(LSCC, &name, bytes.clone());
            Ok(bytes)
        }
        "getccdata" => {
            let name = String::from_utf8_lossy(argument(2)).into_owned();
            match simulation.get(LSCC, &name) {
                Some(bytes) => Ok(bytes),
                None => fault(format!("could not find chaincode with name '{name}'")),
            }
        }
        "getchaincodes" => {
            let mut chaincodes = Vec::new();
            for (place, (bytes, _)) in &chain.state {
                if place.0 == LSCC {
                    let data: ChaincodeData = decode(bytes)?;
                    chaincodes.push(ChaincodeInfo {
                        name: data.name,
                        version: data.version,
                        ..ChaincodeInfo::default()
                    });
                }
            }
            Ok(ChaincodeQueryResponse { chaincodes }.encode_to_vec())
        }
        other => fault(format!("invalid function to lscc: {other}")),
    }
}

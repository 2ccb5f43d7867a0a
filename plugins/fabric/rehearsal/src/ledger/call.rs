//! The chaincode that every name stands for here: keys and values, and a number that shows whether a call was made twice.
//!
//! `put KEY VALUE`, `get KEY`, `add KEY NUMBER` (answers the sum); anything with `is_init` initialises.

use fabric_proto::Message as _;
use fabric_proto::peer::{ChaincodeData, ChaincodeInput};

use super::chain::{Chain, LSCC, Simulation};
use super::lifecycle;
use super::peer::{Outcome, Peer, fault};

/// Where it stands that a chaincode was initialised.
const INITIALIZED: &str = "\0initialized";

/// Runs a chaincode.
pub fn invoke(
    peer: &Peer,
    chain: &Chain,
    simulation: &mut Simulation<'_>,
    name: &str,
    input: &ChaincodeInput,
) -> Outcome {
    let version = if chain.release.system_channel() {
        let Some(bytes) = simulation.get(LSCC, name) else {
            return fault(format!(
                "make sure the chaincode {name} has been successfully instantiated and try again: chaincode {name} not found"
            ));
        };
        let data = ChaincodeData::decode(bytes.as_slice()).map_err(|it| (500, it.to_string()))?;
        if !peer
            .legacy
            .contains_key(&(name.to_owned(), data.version.clone()))
        {
            return fault(format!("cannot retrieve package for chaincode {name}"));
        }
        data.version
    } else {
        // Which code runs is no part of the outcome: each organisation has its own.
        let mut aside = Simulation::new(chain);
        let Some(definition) = lifecycle::committed(&mut aside, name)? else {
            return fault(format!(
                "make sure the chaincode {name} has been successfully defined on channel {} and try again: chaincode {name} not found",
                chain.name
            ));
        };
        let org = &peer.local.msp_id;
        let package = lifecycle::package_of(&mut aside, org, &definition)?;
        if !package.is_some_and(|it| peer.installed.contains_key(&it)) {
            return fault(format!(
                "chaincode definition for '{name}' exists, but chaincode is not installed"
            ));
        }
        if definition.init_required {
            let done = simulation.get(name, INITIALIZED);
            let done = done.is_some_and(|it| it == definition.version.as_bytes());
            if input.is_init && done {
                return fault(format!(
                    "chaincode '{name}' is already initialized but called as init"
                ));
            }
            if !input.is_init && !done {
                return fault(format!(
                    "chaincode '{name}' has not been initialized for this version, must call as init first"
                ));
            }
        } else if input.is_init {
            return fault(format!(
                "chaincode '{name}' does not require initialization but called as init"
            ));
        }
        definition.version
    };
    if input.is_init {
        simulation.put(name, INITIALIZED, version.into_bytes());
    }
    let mut words = Vec::new();
    for word in &input.args {
        words.push(String::from_utf8(word.clone()).map_err(|it| (500, it.to_string()))?);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["put" | "CreateAsset", key, value] => {
            simulation.put(name, key, value.as_bytes().to_vec());
            Ok(Vec::new())
        }
        ["get" | "ReadAsset", key] => match simulation.get(name, key) {
            Some(value) => Ok(value),
            None => fault(format!("key {key} does not exist")),
        },
        ["add", key, number] => {
            let before = simulation.get(name, key).unwrap_or_else(|| b"0".to_vec());
            let before = String::from_utf8_lossy(&before).parse::<i64>();
            match (before, number.parse::<i64>()) {
                (Ok(before), Ok(number)) => {
                    let sum = (before + number).to_string().into_bytes();
                    simulation.put(name, key, sum.clone());
                    Ok(sum)
                }
                _ => fault(format!("{key} or {number} is no number")),
            }
        }
        _ if input.is_init => Ok(Vec::new()),
        _ => fault(format!("unknown call {words:?}")),
    }
}

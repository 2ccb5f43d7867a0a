//! The life of chaincodes since 2.0: what `_lifecycle` answers.
//!
//! An approval is known to the peers of its organisation; that it was given, and of what, to everybody.

use std::collections::BTreeMap;

use fabric_channel::tree::APPLICATION;
use fabric_proto::Message;
use fabric_proto::peer::{
    ApproveChaincodeDefinitionForMyOrgArgs as Approval, ChaincodeInput, ChaincodeSourceKind,
    CheckCommitReadinessResult, CommitChaincodeDefinitionArgs as Definition,
    GetInstalledChaincodePackageArgs, GetInstalledChaincodePackageResult, InstallChaincodeArgs,
    InstallChaincodeResult, InstalledChaincode, QueryApprovedChaincodeDefinitionArgs,
    QueryApprovedChaincodeDefinitionResult, QueryChaincodeDefinitionArgs,
    QueryChaincodeDefinitionResult, QueryChaincodeDefinitionsResult, QueryInstalledChaincodeArgs,
    QueryInstalledChaincodesResult,
};
use fabric_transaction::package::{self, Limits};

use super::chain::{Chain, LIFECYCLE, Simulation};
use super::member::{Known, Membership, Role};
use super::peer::{Outcome, Peer, fault};

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, (i32, String)> {
    M::decode(bytes).map_err(|it| (500, format!("failed to decode input arg: {it}")))
}

fn backing<T>(function: &str, why: impl std::fmt::Display) -> Result<T, (i32, String)> {
    fault(format!(
        "failed to invoke backing implementation of '{function}': {why}"
    ))
}

/// Calls that concern the peer alone.
pub fn alone(peer: &mut Peer, function: &str, argument: &[u8]) -> Outcome {
    let installed = |id: &String, label: &str| InstalledChaincode {
        package_id: id.clone(),
        label: label.to_owned(),
        references: BTreeMap::new(),
    };
    let label = |id: &str| {
        id.rsplit_once(':')
            .map(|it| it.0.to_owned())
            .unwrap_or_default()
    };
    match function {
        "InstallChaincode" => {
            let args: InstallChaincodeArgs = decode(argument)?;
            let read = package::read(&args.chaincode_install_package, &Limits::default());
            let contents = match read {
                Ok(contents) => contents,
                Err(why) => {
                    let text = format!("could not parse as a chaincode install package: {why}");
                    return backing(function, text);
                }
            };
            if peer.installed.contains_key(&contents.id) {
                let text = format!(
                    "chaincode already successfully installed (package ID '{}')",
                    contents.id
                );
                return backing(function, text);
            }
            peer.installed
                .insert(contents.id.clone(), args.chaincode_install_package);
            Ok(InstallChaincodeResult {
                package_id: contents.id,
                label: contents.label,
            }
            .encode_to_vec())
        }
        "QueryInstalledChaincodes" => Ok(QueryInstalledChaincodesResult {
            installed_chaincodes: peer
                .installed
                .keys()
                .map(|id| installed(id, &label(id)))
                .collect(),
        }
        .encode_to_vec()),
        "QueryInstalledChaincode" => {
            let args: QueryInstalledChaincodeArgs = decode(argument)?;
            let id = args.package_id;
            if peer.installed.contains_key(&id) {
                return Ok(installed(&id, &label(&id)).encode_to_vec());
            }
            let text = format!("could not find chaincode with package id '{id}'");
            backing(function, text)
        }
        "GetInstalledChaincodePackage" => {
            let args: GetInstalledChaincodePackageArgs = decode(argument)?;
            let id = args.package_id;
            let Some(bytes) = peer.installed.get(&id) else {
                let text = format!("chaincode install package '{id}' not found");
                return backing(function, text);
            };
            Ok(GetInstalledChaincodePackageResult {
                chaincode_install_package: bytes.clone(),
            }
            .encode_to_vec())
        }
        other => fault(format!("Requested function {other} not found.")),
    }
}

/// The definition in an approval.
fn content(approval: &Approval) -> Definition {
    let or = |text: &str, usual: &str| if text.is_empty() { usual } else { text }.to_owned();
    Definition {
        sequence: approval.sequence,
        name: approval.name.clone(),
        version: approval.version.clone(),
        endorsement_plugin: or(&approval.endorsement_plugin, "escc"),
        validation_plugin: or(&approval.validation_plugin, "vscc"),
        validation_parameter: approval.validation_parameter.clone(),
        collections: approval.collections.clone(),
        init_required: approval.init_required,
    }
}

fn approval_key(org: &str, name: &str, sequence: i64) -> String {
    format!("approval/{org}/{name}/{sequence}")
}

fn approval(
    simulation: &mut Simulation<'_>,
    org: &str,
    name: &str,
    sequence: i64,
) -> Result<Option<Approval>, (i32, String)> {
    match simulation.get(LIFECYCLE, &approval_key(org, name, sequence)) {
        Some(bytes) => decode(&bytes).map(Some),
        None => Ok(None),
    }
}

/// The committed definition of a chaincode.
pub fn committed(
    simulation: &mut Simulation<'_>,
    name: &str,
) -> Result<Option<Definition>, (i32, String)> {
    match simulation.get(LIFECYCLE, &format!("definition/{name}")) {
        Some(bytes) => decode(&bytes).map(Some),
        None => Ok(None),
    }
}

/// Who has approved a definition.
fn approvals(
    chain: &Chain,
    simulation: &mut Simulation<'_>,
    wanted: &Definition,
) -> Result<BTreeMap<String, bool>, (i32, String)> {
    let mut all = BTreeMap::new();
    let root = chain.root();
    let orgs = root.groups.get(APPLICATION).into_iter();
    for group in orgs.flat_map(|it| it.groups.values()) {
        let org = Membership::of_group(group).map_err(|it| (500, it))?;
        let Some(org) = org else { continue };
        let found = approval(simulation, &org.msp_id, &wanted.name, wanted.sequence)?;
        let agrees = found.is_some_and(|it| content(&it) == *wanted);
        all.insert(org.msp_id, agrees);
    }
    Ok(all)
}

/// Calls on a channel.
pub fn on_channel(
    peer: &Peer,
    chain: &Chain,
    simulation: &mut Simulation<'_>,
    input: &ChaincodeInput,
    who: &Known,
    writer: bool,
) -> Outcome {
    let function = String::from_utf8_lossy(input.args.first().map_or(&[], Vec::as_slice));
    let function = function.as_ref();
    let argument = input.args.get(1).map_or(&[][..], Vec::as_slice);
    let org = peer.local.msp_id.as_str();
    let of_peer = who.msp_id == org && who.roles.contains(&Role::Admin);
    let own = matches!(
        function,
        "ApproveChaincodeDefinitionForMyOrg" | "QueryApprovedChaincodeDefinition"
    );
    if (own && !of_peer) || (!own && !writer) {
        return fault(format!(
            "Failed to authorize invocation due to failed ACL check: Failed verifying that proposal's creator satisfies local MSP principal during channelless check policy: [{function}] by {}",
            who.certificate.subject()
        ));
    }
    match function {
        "ApproveChaincodeDefinitionForMyOrg" => approve(simulation, org, function, argument),
        "QueryApprovedChaincodeDefinition" => {
            let args: QueryApprovedChaincodeDefinitionArgs = decode(argument)?;
            let mut sequence = args.sequence;
            if sequence == 0 {
                let committed = committed(simulation, &args.name)?;
                let next = committed.map_or(0, |it| it.sequence) + 1;
                let newest = approval(simulation, org, &args.name, next)?;
                sequence = if newest.is_some() { next } else { next - 1 };
            }
            let Some(found) = approval(simulation, org, &args.name, sequence)? else {
                let text = format!(
                    "could not fetch approved chaincode definition (name: '{}', sequence: '{}') on channel '{}'",
                    args.name, args.sequence, chain.name
                );
                return backing(function, text);
            };
            let source = found.source.clone();
            let found = content(&found);
            Ok(QueryApprovedChaincodeDefinitionResult {
                sequence: found.sequence,
                version: found.version,
                endorsement_plugin: found.endorsement_plugin,
                validation_plugin: found.validation_plugin,
                validation_parameter: found.validation_parameter,
                collections: found.collections,
                init_required: found.init_required,
                source,
            }
            .encode_to_vec())
        }
        "CheckCommitReadiness" => {
            let wanted: Definition = decode(argument)?;
            next_only(simulation, function, &wanted)?;
            Ok(CheckCommitReadinessResult {
                approvals: approvals(chain, simulation, &wanted)?,
                mismatches: BTreeMap::new(),
            }
            .encode_to_vec())
        }
        "CommitChaincodeDefinition" => {
            let wanted: Definition = decode(argument)?;
            next_only(simulation, function, &wanted)?;
            let all = approvals(chain, simulation, &wanted)?;
            if all.get(org) != Some(&true) {
                let text = format!("chaincode definition not agreed to by this org ({org})");
                return backing(function, text);
            }
            let key = format!("definition/{}", wanted.name);
            simulation.put(LIFECYCLE, &key, wanted.encode_to_vec());
            Ok(Vec::new())
        }
        "QueryChaincodeDefinition" => {
            let args: QueryChaincodeDefinitionArgs = decode(argument)?;
            let Some(found) = committed(simulation, &args.name)? else {
                return Err((404, format!("namespace {} is not defined", args.name)));
            };
            let approvals = approvals(chain, simulation, &found)?;
            Ok(QueryChaincodeDefinitionResult {
                sequence: found.sequence,
                version: found.version,
                endorsement_plugin: found.endorsement_plugin,
                validation_plugin: found.validation_plugin,
                validation_parameter: found.validation_parameter,
                collections: found.collections,
                init_required: found.init_required,
                approvals,
            }
            .encode_to_vec())
        }
        "QueryChaincodeDefinitions" => {
            let mut all = Vec::new();
            for (place, (bytes, _)) in &chain.state {
                if place.0 == LIFECYCLE && place.1.starts_with("definition/") {
                    all.push(decode(bytes)?);
                }
            }
            Ok(QueryChaincodeDefinitionsResult {
                chaincode_definitions: all,
            }
            .encode_to_vec())
        }
        other => fault(format!("Requested function {other} not found.")),
    }
}

/// A commit is of the next sequence.
fn next_only(
    simulation: &mut Simulation<'_>,
    function: &str,
    wanted: &Definition,
) -> Result<(), (i32, String)> {
    let next = committed(simulation, &wanted.name)?.map_or(0, |it| it.sequence) + 1;
    if wanted.sequence == next {
        return Ok(());
    }
    backing(
        function,
        format!(
            "requested sequence is {}, but new definition must be sequence {next}",
            wanted.sequence
        ),
    )
}

fn approve(simulation: &mut Simulation<'_>, org: &str, function: &str, argument: &[u8]) -> Outcome {
    let wanted: Approval = decode(argument)?;
    let (name, sequence) = (wanted.name.as_str(), wanted.sequence);
    if sequence < 1 {
        return backing(
            function,
            "requested sequence is 0, but first definable sequence number is 1",
        );
    }
    let current = committed(simulation, name)?;
    let last = current.as_ref().map_or(0, |it| it.sequence);
    if sequence < last {
        let text = format!(
            "currently defined sequence {last} is larger than requested sequence {sequence}"
        );
        return backing(function, text);
    }
    if sequence > last + 1 {
        let text = format!(
            "requested sequence {sequence} is larger than the next available sequence number {}",
            last + 1
        );
        return backing(function, text);
    }
    let before = approval(simulation, org, name, sequence)?;
    let same =
        before.is_some_and(|it| content(&it) == content(&wanted) && it.source == wanted.source);
    if let Some(current) = current
        && sequence == last
    {
        if content(&wanted) != current {
            let text = format!(
                "attempted to redefine the current committed sequence ({sequence}) for namespace {name} with different parameters"
            );
            return backing(function, text);
        }
        if same {
            let text = format!(
                "attempted to redefine the current committed sequence ({sequence}) for namespace {name}"
            );
            return backing(function, text);
        }
    }
    if same {
        let text = format!(
            "attempted to redefine uncommitted sequence ({sequence}) for namespace {name} with unchanged content"
        );
        return backing(function, text);
    }
    let key = approval_key(org, name, sequence);
    simulation.put(LIFECYCLE, &key, wanted.encode_to_vec());
    Ok(Vec::new())
}

/// The package that an organisation runs for a definition; empty when it approved without code.
pub fn package_of(
    simulation: &mut Simulation<'_>,
    org: &str,
    definition: &Definition,
) -> Result<Option<String>, (i32, String)> {
    let found = approval(simulation, org, &definition.name, definition.sequence)?;
    Ok(found
        .filter(|it| content(it) == *definition)
        .and_then(|it| it.source)
        .and_then(|it| it.r#type)
        .and_then(|it| match it {
            ChaincodeSourceKind::LocalPackage(package) => Some(package.package_id),
            ChaincodeSourceKind::Unavailable(_) => None,
        }))
}

//! Calls of `_lifecycle`, the system chaincode for chaincodes since 2.0.
//!
//! Each takes the name of a function and one encoded message. Installing and what is installed
//! concern the peer and name no channel; the rest concerns a channel. Approve and commit are
//! transactions: endorsed, ordered and waited for like any other. An approval is endorsed by one
//! peer of the own organisation, a commit by peers of as many organisations as the policy wants.

use fabric_proto::Message;
use fabric_proto::peer::{
    ApproveChaincodeDefinitionForMyOrgArgs, ChaincodeType, CheckCommitReadinessArgs,
    CommitChaincodeDefinitionArgs, GetInstalledChaincodePackageArgs, InstallChaincodeArgs,
    QueryApprovedChaincodeDefinitionArgs, QueryChaincodeDefinitionArgs,
    QueryChaincodeDefinitionsArgs, QueryInstalledChaincodeArgs, QueryInstalledChaincodesArgs,
};

use super::Call;

/// Name of the system chaincode.
pub const NAME: &str = "_lifecycle";

fn call(channel: &str, function: &str, argument: &impl Message) -> Call {
    let args = vec![function.as_bytes().to_vec(), argument.encode_to_vec()];
    Call {
        kind: ChaincodeType::Undefined,
        ..Call::new(channel, NAME, args)
    }
}

/// Installs a package on a peer: an
/// [`InstallChaincodeResult`](fabric_proto::peer::InstallChaincodeResult).
pub fn install(package: &[u8]) -> Call {
    let argument = InstallChaincodeArgs {
        chaincode_install_package: package.to_vec(),
    };
    call("", "InstallChaincode", &argument)
}

/// Lists what is installed on a peer: a
/// [`QueryInstalledChaincodesResult`](fabric_proto::peer::QueryInstalledChaincodesResult).
pub fn installed() -> Call {
    call(
        "",
        "QueryInstalledChaincodes",
        &QueryInstalledChaincodesArgs {},
    )
}

/// Asks for one installed package: an
/// [`InstalledChaincode`](fabric_proto::peer::InstalledChaincode), or status 500 with a text for which
/// [`failure`](crate::failure) says `Absent`.
pub fn installed_package(package_id: &str) -> Call {
    let argument = QueryInstalledChaincodeArgs {
        package_id: package_id.to_owned(),
    };
    call("", "QueryInstalledChaincode", &argument)
}

/// Gets an installed package back: a
/// [`GetInstalledChaincodePackageResult`](fabric_proto::peer::GetInstalledChaincodePackageResult).
pub fn fetch_package(package_id: &str) -> Call {
    let argument = GetInstalledChaincodePackageArgs {
        package_id: package_id.to_owned(),
    };
    call("", "GetInstalledChaincodePackage", &argument)
}

/// Approves a definition for the organisation of the peer that is asked. A transaction; its result is empty.
pub fn approve(channel: &str, definition: &ApproveChaincodeDefinitionForMyOrgArgs) -> Call {
    call(channel, "ApproveChaincodeDefinitionForMyOrg", definition)
}

/// Asks who has approved a definition, before it is committed: a
/// [`CheckCommitReadinessResult`](fabric_proto::peer::CheckCommitReadinessResult).
pub fn readiness(channel: &str, definition: &CheckCommitReadinessArgs) -> Call {
    call(channel, "CheckCommitReadiness", definition)
}

/// Commits a definition. A transaction; its result is empty.
pub fn commit(channel: &str, definition: &CommitChaincodeDefinitionArgs) -> Call {
    call(channel, "CommitChaincodeDefinition", definition)
}

/// Asks for the committed definition of a chaincode: a
/// [`QueryChaincodeDefinitionResult`](fabric_proto::peer::QueryChaincodeDefinitionResult), or status 404.
pub fn committed(channel: &str, name: &str) -> Call {
    let argument = QueryChaincodeDefinitionArgs {
        name: name.to_owned(),
    };
    call(channel, "QueryChaincodeDefinition", &argument)
}

/// Asks for all committed definitions: a
/// [`QueryChaincodeDefinitionsResult`](fabric_proto::peer::QueryChaincodeDefinitionsResult).
pub fn all_committed(channel: &str) -> Call {
    call(
        channel,
        "QueryChaincodeDefinitions",
        &QueryChaincodeDefinitionsArgs {},
    )
}

/// Asks what the organisation of the peer has approved, at a sequence or (0) the newest: a
/// [`QueryApprovedChaincodeDefinitionResult`](fabric_proto::peer::QueryApprovedChaincodeDefinitionResult),
/// or status 500 with a text for which [`failure`](crate::failure) says `Absent`. Since 2.2.
pub fn approved(channel: &str, name: &str, sequence: i64) -> Call {
    let argument = QueryApprovedChaincodeDefinitionArgs {
        name: name.to_owned(),
        sequence,
    };
    call(channel, "QueryApprovedChaincodeDefinition", &argument)
}

//! Calls of `lscc`, the system chaincode for chaincodes up to 1.4 (gone in 3.0).
//!
//! Install concerns a peer, deploy and upgrade ("instantiate") are transactions on a channel, once
//! for all its organisations.

use fabric_proto::Message;
use fabric_proto::peer::{
    ChaincodeDeploymentSpec, ChaincodeId, ChaincodeInput, ChaincodeSpec, ChaincodeType,
    CollectionConfigPackage,
};
use fabric_proto::policies::SignaturePolicyEnvelope;

use super::Call;

/// A chaincode of 1.x.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyChaincode {
    /// Name on the channel.
    pub name: String,
    /// Version; part of the name of the installed package.
    pub version: String,
    /// Import path of the code, below `src` of the archive.
    pub path: String,
    /// Language.
    pub language: ChaincodeType,
}

impl LegacyChaincode {
    fn spec(&self, args: &[Vec<u8>], code: &[u8]) -> Vec<u8> {
        ChaincodeDeploymentSpec {
            chaincode_spec: Some(ChaincodeSpec {
                r#type: self.language as i32,
                chaincode_id: Some(ChaincodeId {
                    path: self.path.clone(),
                    name: self.name.clone(),
                    version: self.version.clone(),
                }),
                input: Some(ChaincodeInput {
                    args: args.to_vec(),
                    ..ChaincodeInput::default()
                }),
                timeout: 0,
            }),
            code_package: code.to_vec(),
            exec_env: 0,
        }
        .encode_to_vec()
    }
}

fn call(channel: &str, args: Vec<Vec<u8>>) -> Call {
    Call::new(channel, "lscc", args)
}

/// Installs code, a gzip tar with its sources below `src/<path>`, on a peer. The result is `OK`.
///
/// All peers must get the same bytes: they compare hashes when they endorse.
pub fn install(chaincode: &LegacyChaincode, code: &[u8]) -> Call {
    call("", vec![b"install".to_vec(), chaincode.spec(&[], code)])
}

/// What a chaincode of 1.x is instantiated with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instantiation {
    /// Arguments of `Init`.
    pub args: Vec<Vec<u8>>,
    /// Who must endorse; any member when absent.
    pub policy: Option<SignaturePolicyEnvelope>,
    /// Collections of private data.
    pub collections: Option<CollectionConfigPackage>,
}

fn instantiate(
    function: &str,
    channel: &str,
    chaincode: &LegacyChaincode,
    with: &Instantiation,
) -> Call {
    let policy = with.policy.as_ref().map(Message::encode_to_vec);
    let mut args = vec![
        function.as_bytes().to_vec(),
        channel.as_bytes().to_vec(),
        chaincode.spec(&with.args, &[]),
        policy.unwrap_or_default(),
        b"escc".to_vec(),
        b"vscc".to_vec(),
    ];
    // A seventh argument, even an empty one, is refused by channels without private data.
    args.extend(with.collections.as_ref().map(Message::encode_to_vec));
    call(channel, args)
}

/// Instantiates a chaincode on a channel. A transaction; its result is a
/// [`ChaincodeData`](fabric_proto::peer::ChaincodeData).
pub fn deploy(channel: &str, chaincode: &LegacyChaincode, with: &Instantiation) -> Call {
    instantiate("deploy", channel, chaincode, with)
}

/// Moves a chaincode on a channel to another version. A transaction as [`deploy`].
pub fn upgrade(channel: &str, chaincode: &LegacyChaincode, with: &Instantiation) -> Call {
    instantiate("upgrade", channel, chaincode, with)
}

/// Asks for an instantiated chaincode: a [`ChaincodeData`](fabric_proto::peer::ChaincodeData), or
/// status 500 with a text for which [`failure`](crate::failure) says `Absent`.
pub fn chaincode_data(channel: &str, name: &str) -> Call {
    let args = [&b"getccdata"[..], channel.as_bytes(), name.as_bytes()];
    call(channel, args.iter().map(|arg| arg.to_vec()).collect())
}

/// Lists what is instantiated: a [`ChaincodeQueryResponse`](fabric_proto::peer::ChaincodeQueryResponse).
pub fn instantiated(channel: &str) -> Call {
    call(channel, vec![b"getchaincodes".to_vec()])
}

/// Lists what is installed on a peer: a
/// [`ChaincodeQueryResponse`](fabric_proto::peer::ChaincodeQueryResponse).
pub fn installed() -> Call {
    call("", vec![b"getinstalledchaincodes".to_vec()])
}

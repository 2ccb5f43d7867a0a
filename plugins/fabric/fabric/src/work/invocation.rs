//! What a transaction does, in words for those who endorse it or hand it in.

use fabric_channel::policy::signature_text;
use fabric_proto::Message as _;
use fabric_proto::peer::{
    CollectionPolicyKind, CommitChaincodeDefinitionArgs, StaticCollectionConfig,
};
use fabric_proto::policies::SignaturePolicyEnvelope;
use fabric_transaction::definition::{Definition, EndorsementPolicy, is_system};
use fabric_transaction::open::Invocation;
use fabric_transaction::proposal::lifecycle;

/// Longest argument that is shown whole.
const LONGEST: usize = 64;

/// What a transaction does.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Makes a definition the channel's.
    Commit(Box<Definition>),
    /// Approves a definition for the organisation of its signer.
    Approve(Box<Definition>),
    /// Calls a chaincode.
    Call(Invocation),
}

impl Deed {
    /// Reads a call.
    ///
    /// # Errors
    /// A call that is none of these, by what it is.
    pub fn read(call: Invocation) -> Result<Self, String> {
        if call.chaincode != lifecycle::NAME {
            // What they change goes other ways.
            if is_system(&call.chaincode) {
                return Err(format!("it calls the system chaincode {}", call.chaincode));
            }
            // The name comes from a file, and goes into names of files.
            let named = Definition::new(&call.chaincode, "0");
            named.check().map_err(|fault| fault.to_string())?;
            return Ok(Self::Call(call));
        }
        let [function, argument] = call.args.as_slice() else {
            return Err(format!(
                "it calls {} with {} arguments, expected 2",
                lifecycle::NAME,
                call.args.len()
            ));
        };
        let function = String::from_utf8_lossy(function);
        let definition = || {
            // An approval begins with the fields of a commit, and names its package after them.
            let args = CommitChaincodeDefinitionArgs::decode(argument.as_slice())
                .map_err(|fault| format!("its definition cannot be read: {fault}"))?;
            let definition = Definition::from_commit_args(&args);
            definition.check().map_err(|fault| fault.to_string())?;
            if definition.sequence < 1 {
                return Err(format!("its sequence is {}", definition.sequence));
            }
            Ok(Box::new(definition))
        };
        match function.as_ref() {
            "CommitChaincodeDefinition" => definition().map(Self::Commit),
            "ApproveChaincodeDefinitionForMyOrg" => definition().map(Self::Approve),
            other => Err(format!("it calls {other} of {}", lifecycle::NAME)),
        }
    }

    /// Name of the chaincode that it is about.
    pub fn chaincode(&self) -> &str {
        match self {
            Self::Commit(definition) | Self::Approve(definition) => &definition.name,
            Self::Call(call) => &call.chaincode,
        }
    }

    /// What it does, signed by somebody of `org`. Nothing in it can steer a terminal.
    pub fn words(&self, org: &str) -> String {
        let text = match self {
            Self::Commit(definition) => format!("commits {}", defined(definition)),
            Self::Approve(definition) => format!("approves for {org} {}", defined(definition)),
            Self::Call(call) => {
                let verb = if call.is_init { "initialises" } else { "calls" };
                let args: Vec<String> = call.args.iter().map(|it| shown(it)).collect();
                format!("{verb} chaincode {}: {}", call.chaincode, args.join(" "))
            }
        };
        text.chars().filter(|it| !it.is_control()).collect()
    }

    /// The beginning of its files' names: what is done again has the same name, calls each their own.
    pub fn stem(&self, tx_id: &str) -> String {
        match self {
            Self::Commit(it) => format!("{}-commit-{}", it.name, it.sequence),
            Self::Approve(it) => format!("{}-approve-{}", it.name, it.sequence),
            Self::Call(call) => {
                let short: String = tx_id.chars().take(8).collect();
                format!("{}-invoke-{short}", call.chaincode)
            }
        }
    }
}

/// A definition in words: all that organisations agree on.
fn defined(definition: &Definition) -> String {
    let usual = Definition::new(&definition.name, &definition.version);
    let mut text = format!(
        "chaincode {} {}, sequence {}, with policy {}",
        definition.name,
        definition.version,
        definition.sequence,
        policy(&definition.endorsement)
    );
    if definition.init_required {
        text.push_str(", init required");
    }
    for collection in definition.static_collections() {
        text = format!("{text}, {}", held(collection));
    }
    for (what, plugin, usual) in [
        (
            "endorsed",
            &definition.endorsement_plugin,
            &usual.endorsement_plugin,
        ),
        (
            "validated",
            &definition.validation_plugin,
            &usual.validation_plugin,
        ),
    ] {
        if plugin != usual {
            text = format!("{text}, {what} by plugin {plugin}");
        }
    }
    text
}

/// A collection in words: whose it is, and what differs from the usual.
fn held(collection: &StaticCollectionConfig) -> String {
    let members = collection.member_orgs_policy.as_ref();
    let members = match members.and_then(|it| it.payload.as_ref()) {
        Some(CollectionPolicyKind::SignaturePolicy(rule)) => signed(rule),
        None => "nobody".to_owned(),
    };
    let mut text = format!(
        "collection {} of {members} on {} to {} more peers",
        collection.name, collection.required_peer_count, collection.maximum_peer_count
    );
    if collection.block_to_live > 0 {
        text = format!("{text} for {} blocks", collection.block_to_live);
    }
    if collection.member_only_read {
        text.push_str(", read by members only");
    }
    if collection.member_only_write {
        text.push_str(", written by members only");
    }
    if let Some(endorsement) = &collection.endorsement_policy {
        let endorsement = EndorsementPolicy::decode(&endorsement.encode_to_vec());
        text = format!("{text}, with policy {}", policy(&endorsement));
    }
    text
}

fn signed(rule: &SignaturePolicyEnvelope) -> String {
    signature_text(rule).unwrap_or_else(|_| "without a text".to_owned())
}

fn policy(of: &EndorsementPolicy) -> String {
    match of {
        EndorsementPolicy::Channel(path) => path.clone(),
        EndorsementPolicy::Signature(rule) => signed(rule),
        EndorsementPolicy::Other(bytes) => format!("of {} bytes for a plugin", bytes.len()),
    }
}

fn shown(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if text.chars().count() <= LONGEST && !text.chars().any(char::is_control) => {
            text.to_owned()
        }
        Ok(text) => {
            let plain = text.chars().filter(|it| !it.is_control());
            let head: String = plain.take(LONGEST).collect();
            format!("{head}... ({} bytes)", bytes.len())
        }
        Err(_) => format!("({} bytes)", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use fabric_channel::policy::parse_signature;
    use fabric_proto::peer::{
        ApplicationPolicy, ApplicationPolicyKind, CollectionConfig, CollectionConfigKind,
        CollectionPolicyConfig,
    };
    use fabric_transaction::proposal::Call;

    use super::*;

    fn read(call: Call) -> Result<Deed, String> {
        Deed::read(Invocation {
            chaincode: call.chaincode,
            args: call.args,
            is_init: call.is_init,
        })
    }

    fn definition() -> Definition {
        let rule = parse_signature("AND('Org1MSP.peer', 'Org2MSP.peer')").unwrap();
        Definition {
            sequence: 2,
            init_required: true,
            endorsement: EndorsementPolicy::Signature(rule),
            ..Definition::new("basic", "1.1")
        }
    }

    #[test]
    fn a_transaction_is_told_in_words() {
        let definition = definition();
        let commit = read(lifecycle::commit("c", &definition.commit_args())).unwrap();
        let words = "chaincode basic 1.1, sequence 2, with policy AND('Org1MSP.peer', 'Org2MSP.peer'), init required";
        assert_eq!(commit.words("Org1MSP"), format!("commits {words}"));
        assert_eq!(commit.stem("abc"), "basic-commit-2");
        let args = definition.approve_args(Some("basic:1"));
        let approve = read(lifecycle::approve("c", &args)).unwrap();
        assert_eq!(
            approve.words("Org2MSP"),
            format!("approves for Org2MSP {words}")
        );
        assert_eq!(approve, Deed::Approve(Box::new(definition)));
        let long = "x".repeat(100);
        let args = ["put", "k\u{1b}[2J", &long].map(|it| it.as_bytes().to_vec());
        let call = read(Call::new("c", "kv", args.to_vec())).unwrap();
        let head = "x".repeat(LONGEST);
        assert_eq!(
            call.words("Org1MSP"),
            format!("calls chaincode kv: put k[2J... (5 bytes) {head}... (100 bytes)")
        );
        assert_eq!(call.stem("0123456789"), "kv-invoke-01234567");
    }

    #[test]
    fn whose_private_data_it_is_stands_in_the_words() {
        let rule = |text: &str| parse_signature(text).unwrap();
        let mut definition = definition();
        let collection = |name: &str| StaticCollectionConfig {
            name: name.to_owned(),
            member_orgs_policy: Some(CollectionPolicyConfig {
                payload: Some(CollectionPolicyKind::SignaturePolicy(rule(
                    "OR('Org1MSP.member')",
                ))),
            }),
            maximum_peer_count: 1,
            ..StaticCollectionConfig::default()
        };
        let special = StaticCollectionConfig {
            required_peer_count: 1,
            block_to_live: 9,
            member_only_read: true,
            member_only_write: true,
            endorsement_policy: Some(ApplicationPolicy {
                r#type: Some(ApplicationPolicyKind::SignaturePolicy(rule(
                    "OR('Org2MSP.peer')",
                ))),
            }),
            ..collection("b")
        };
        definition.collections.config = [collection("a"), special]
            .map(|it| CollectionConfig {
                payload: Some(CollectionConfigKind::StaticCollectionConfig(it)),
            })
            .into();
        let commit = read(lifecycle::commit("c", &definition.commit_args())).unwrap();
        let words = commit.words("Org1MSP");
        let expected = ", collection a of OR('Org1MSP.member') on 0 to 1 more peers, collection b of OR('Org1MSP.member') on 1 to 1 more peers for 9 blocks, read by members only, written by members only, with policy OR('Org2MSP.peer')";
        assert!(words.ends_with(expected), "{words}");
    }

    #[test]
    fn what_a_file_says_does_not_steer_a_terminal() {
        let mut definition = definition();
        definition.endorsement = EndorsementPolicy::Channel("/Channel\u{1b}[2J\n/A".to_owned());
        let commit = read(lifecycle::commit("c", &definition.commit_args())).unwrap();
        let words = commit.words("Org1MSP");
        assert!(words.contains("/Channel[2J/A"), "{words}");
        assert!(!words.chars().any(char::is_control), "{words}");
    }

    #[test]
    fn what_goes_other_ways_is_refused() {
        let mut short = lifecycle::commit("c", &definition().commit_args());
        short.args.pop();
        let mut none = definition();
        none.sequence = 0;
        for (call, word) in [
            (short, "1 arguments"),
            (lifecycle::commit("c", &none.commit_args()), "sequence is 0"),
            (lifecycle::installed(), "QueryInstalledChaincodes"),
            (Call::new("c", "lscc", Vec::new()), "system chaincode lscc"),
            (Call::new("c", "../kv", Vec::new()), "chaincode name"),
        ] {
            let fault = read(call).unwrap_err();
            assert!(fault.contains(word), "{word} in {fault}");
        }
    }
}

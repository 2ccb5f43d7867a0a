//! Faults of channels, one each, from a channel that works.

use fabric_channel::model::{
    AnchorPeer, BftConsenter, BftOptions, Channel, Consensus, RaftConsenter,
};
use fabric_proto::Message;
use fabric_proto::common::{Block, BlockMetadata};
use fabric_proto::configuration::{
    Acls, AnchorPeers, ApiResource, BatchSize, BatchTimeout, BlockDataHashingStructure,
    Capabilities, Capability, ConfigGroup, ConfigPolicy, ConfigValue, ConsensusType,
    HashingAlgorithm, OrdererAddresses, etcdraft,
};
use fabric_proto::msp::{FabricMspConfig, MspConfig};
use fabric_proto::policies::Policy;

/// Where a fault is made.
pub enum Fault {
    /// In the description.
    Model(fn(&mut Channel)),
    /// In the tree.
    Tree(fn(&mut ConfigGroup)),
    /// In the block around it.
    Block(fn(&mut Block)),
}
use Fault::{Block as InBlock, Model, Tree};

/// A group by its path from the root.
fn at<'a>(root: &'a mut ConfigGroup, path: &[&str]) -> &'a mut ConfigGroup {
    path.iter()
        .fold(root, |group, name| group.groups.get_mut(*name).unwrap())
}

fn value<'a>(root: &'a mut ConfigGroup, path: &[&str], name: &str) -> &'a mut ConfigValue {
    at(root, path).values.get_mut(name).unwrap()
}

fn change<M: Message + Default>(
    root: &mut ConfigGroup,
    path: &[&str],
    name: &str,
    edit: impl FnOnce(&mut M),
) {
    let value = value(root, path, name);
    let mut message = M::decode(value.value.as_slice()).unwrap();
    edit(&mut message);
    value.value = message.encode_to_vec();
}

fn put<M: Message>(root: &mut ConfigGroup, path: &[&str], name: &str, message: &M) {
    let value = ConfigValue {
        value: message.encode_to_vec(),
        mod_policy: "Admins".to_owned(),
        ..ConfigValue::default()
    };
    at(root, path).values.insert(name.to_owned(), value);
}

fn raft(root: &mut ConfigGroup, edit: impl FnOnce(&mut etcdraft::ConfigMetadata)) {
    change(
        root,
        &["Orderer"],
        "ConsensusType",
        |one: &mut ConsensusType| {
            let mut metadata = etcdraft::ConfigMetadata::decode(one.metadata.as_slice()).unwrap();
            edit(&mut metadata);
            one.metadata = metadata.encode_to_vec();
        },
    );
}

fn consensus(root: &mut ConfigGroup, name: &str) {
    change(
        root,
        &["Orderer"],
        "ConsensusType",
        |one: &mut ConsensusType| {
            name.clone_into(&mut one.r#type);
        },
    );
}

fn msp(root: &mut ConfigGroup, path: &[&str], edit: impl FnOnce(&mut FabricMspConfig)) {
    change(root, path, "MSP", |one: &mut MspConfig| {
        let mut config = FabricMspConfig::decode(one.config.as_slice()).unwrap();
        edit(&mut config);
        one.config = config.encode_to_vec();
    });
}

fn capability(root: &mut ConfigGroup, path: &[&str], names: &[&str]) {
    let capabilities = names
        .iter()
        .map(|name| ((*name).to_owned(), Capability {}))
        .collect();
    put(root, path, "Capabilities", &Capabilities { capabilities });
}

fn size(root: &mut ConfigGroup, edit: impl FnOnce(&mut BatchSize)) {
    change(root, &["Orderer"], "BatchSize", edit);
}

fn timeout(root: &mut ConfigGroup, text: &str) {
    put(
        root,
        &["Orderer"],
        "BatchTimeout",
        &BatchTimeout {
            timeout: text.to_owned(),
        },
    );
}

fn policy<'a>(root: &'a mut ConfigGroup, path: &[&str], name: &str) -> &'a mut ConfigPolicy {
    at(root, path).policies.get_mut(name).unwrap()
}

fn acl(root: &mut ConfigGroup, name: &str, policy_ref: &str) {
    let resource = ApiResource {
        policy_ref: policy_ref.to_owned(),
    };
    let acls = [(name.to_owned(), resource)].into();
    put(root, &["Application"], "ACLs", &Acls { acls });
}

fn anchor(root: &mut ConfigGroup, edit: impl FnOnce(&mut AnchorPeers)) {
    change(root, &["Application", "org1"], "AnchorPeers", edit);
}

fn consenters(channel: &mut Channel) -> &mut Vec<RaftConsenter> {
    match &mut channel.orderer.as_mut().unwrap().consensus {
        Consensus::Etcdraft { consenters, .. } => consenters,
        other => panic!("{other:?}"),
    }
}

fn bft(channel: &mut Channel) -> (&mut Vec<BftConsenter>, &mut BftOptions) {
    match &mut channel.orderer.as_mut().unwrap().consensus {
        Consensus::Bft {
            consenters,
            options,
        } => (consenters, options),
        other => panic!("{other:?}"),
    }
}

fn slots(block: &mut Block) -> &mut Vec<Vec<u8>> {
    &mut block
        .metadata
        .get_or_insert_with(BlockMetadata::default)
        .metadata
}

fn rename(group: &mut ConfigGroup, from: &str, to: &str) {
    let one = group.groups.remove(from).unwrap();
    group.groups.insert(to.to_owned(), one);
}

const ORG1: &[&str] = &["Application", "org1"];
const ORDERERS: &[&str] = &["Orderer", "OrdererOrg"];

/// All, by name; the first ones are none.
// One line for each.
#[rustfmt::skip]
pub const FAULTS: &[(&str, Fault)] = &[
    ("nothing", Tree(|_| {})),
    ("no channel restrictions", Tree(|root| { at(root, &["Orderer"]).values.remove("ChannelRestrictions"); })),
    ("no anchor peers", Model(|channel| channel.organizations[1].anchor_peers.clear())),
    ("name of 249 letters", Model(|channel| channel.id = "c".repeat(249))),
    ("name with a dot", Model(|channel| channel.id.push_str(".x"))),
    ("name that ends with a dash", Model(|channel| channel.id.push('-'))),
    // Names of channels.
    ("name of 250 letters", Model(|channel| channel.id = "c".repeat(250))),
    ("name with a capital", Model(|channel| channel.id.push('A'))),
    ("name with an underscore", Model(|channel| channel.id.push_str("_a"))),
    ("name that begins with a digit", Model(|channel| channel.id.insert(0, '1'))),
    ("no name", Model(|channel| channel.id.clear())),
    // Values.
    ("no hashing algorithm", Tree(|root| { root.values.remove("HashingAlgorithm"); })),
    ("other hashing algorithm", Tree(|root| put(root, &[], "HashingAlgorithm", &HashingAlgorithm { name: "MD5".into() }))),
    ("SHA3 as hashing algorithm", Tree(|root| put(root, &[], "HashingAlgorithm", &HashingAlgorithm { name: "SHA3_256".into() }))),
    ("no hashing structure", Tree(|root| { root.values.remove("BlockDataHashingStructure"); })),
    ("other hashing structure", Tree(|root| put(root, &[], "BlockDataHashingStructure", &BlockDataHashingStructure { width: 4 }))),
    ("no batch timeout", Tree(|root| { at(root, &["Orderer"]).values.remove("BatchTimeout"); })),
    ("batch timeout 0", Tree(|root| timeout(root, "0s"))),
    ("batch timeout below 0", Tree(|root| timeout(root, "-1s"))),
    ("batch timeout without unit", Tree(|root| timeout(root, "2"))),
    ("batch timeout of two parts", Tree(|root| timeout(root, "1m0.5s"))),
    ("no batch size", Tree(|root| { at(root, &["Orderer"]).values.remove("BatchSize"); })),
    ("no messages in a batch", Tree(|root| size(root, |size| size.max_message_count = 0))),
    ("no bytes in a batch", Tree(|root| size(root, |size| size.absolute_max_bytes = 0))),
    ("no preferred bytes", Tree(|root| size(root, |size| size.preferred_max_bytes = 0))),
    ("more preferred than allowed bytes", Tree(|root| size(root, |size| size.preferred_max_bytes = size.absolute_max_bytes + 1))),
    ("a value that does not decode", Tree(|root| value(root, &["Orderer"], "BatchSize").value = vec![0xff])),
    ("unknown value at the root", Tree(|root| put(root, &[], "Foo", &HashingAlgorithm::default()))),
    ("unknown value in an organisation", Tree(|root| put(root, ORG1, "Foo", &HashingAlgorithm::default()))),
    ("endpoints in an organisation of peers", Tree(|root| put(root, ORG1, "Endpoints", &OrdererAddresses { addresses: vec!["o:1".into()] }))),
    ("unknown group at the root", Tree(|root| { root.groups.insert("Foo".into(), ConfigGroup::default()); })),
    ("a group within an organisation", Tree(|root| { at(root, ORG1).groups.insert("Foo".into(), ConfigGroup::default()); })),
    ("organisation with a space", Tree(|root| rename(at(root, &["Application"]), "org1", "org 1"))),
    ("organisation with an underscore", Tree(|root| rename(at(root, &["Application"]), "org1", "org_1"))),
    ("policy with a space", Tree(|root| { let one = policy(root, ORG1, "Readers").clone(); at(root, ORG1).policies.insert("a b".into(), one); })),
    ("versions above 0", Tree(|root| { root.version = 3; value(root, &["Orderer"], "BatchSize").version = 2; })),
    // Who orders.
    ("no consensus", Tree(|root| { at(root, &["Orderer"]).values.remove("ConsensusType"); })),
    ("solo", Tree(|root| consensus(root, "solo"))),
    ("kafka", Tree(|root| consensus(root, "kafka"))),
    ("unknown consensus", Tree(|root| consensus(root, "pbft"))),
    ("no metadata of the consensus", Tree(|root| change(root, &["Orderer"], "ConsensusType", |one: &mut ConsensusType| one.metadata.clear()))),
    ("broken metadata of the consensus", Tree(|root| change(root, &["Orderer"], "ConsensusType", |one: &mut ConsensusType| one.metadata = vec![0xff]))),
    ("maintenance", Tree(|root| change(root, &["Orderer"], "ConsensusType", |one: &mut ConsensusType| one.state = 1))),
    ("no consenters", Tree(|root| raft(root, |one| one.consenters.clear()))),
    ("a consenter without host", Tree(|root| raft(root, |one| one.consenters[0].host.clear()))),
    ("a consenter at port 70000", Tree(|root| raft(root, |one| one.consenters[0].port = 70_000))),
    ("a consenter without certificate", Tree(|root| raft(root, |one| one.consenters[0].server_tls_cert.clear()))),
    ("a consenter with a broken certificate", Tree(|root| raft(root, |one| one.consenters[0].client_tls_cert = b"no PEM".to_vec()))),
    ("a consenter with PEM of nonsense", Tree(|root| raft(root, |one| one.consenters[0].client_tls_cert = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec()))),
    ("a consenter with text before its PEM", Tree(|root| raft(root, |one| one.consenters[0].client_tls_cert.splice(..0, b"hello\n".to_vec()).for_each(drop)))),
    ("two consenters with one certificate", Tree(|root| raft(root, |one| { let mut twin = one.consenters[0].clone(); twin.port = 7051; one.consenters.push(twin); }))),
    ("a consenter whose certificate signs messages", Model(|channel| { let ca = channel.organizations[0].msp.root_certs[0].clone(); consenters(channel)[0].client_tls_cert = ca; })),
    ("a consenter of an organisation of peers", Model(|channel| { let ca = channel.organizations[1].msp.tls_root_certs[0].clone(); consenters(channel)[0].server_tls_cert = ca; })),
    ("a consenter that is the authority", Model(|channel| { let ca = channel.organizations[0].msp.tls_root_certs[0].clone(); consenters(channel)[0].server_tls_cert = ca; })),
    ("no options", Tree(|root| raft(root, |one| one.options = None))),
    ("no tick", Tree(|root| raft(root, |one| one.options.as_mut().unwrap().tick_interval.clear()))),
    ("tick 0", Tree(|root| raft(root, |one| one.options.as_mut().unwrap().tick_interval = "0s".into()))),
    ("tick that is no time", Tree(|root| raft(root, |one| one.options.as_mut().unwrap().tick_interval = "soon".into()))),
    ("election as often as heartbeat", Tree(|root| raft(root, |one| one.options.as_mut().unwrap().election_tick = 1))),
    ("no heartbeat", Tree(|root| raft(root, |one| one.options.as_mut().unwrap().heartbeat_tick = 0))),
    ("no blocks in flight", Tree(|root| raft(root, |one| one.options.as_mut().unwrap().max_inflight_blocks = 0))),
    ("snapshots of no size", Tree(|root| raft(root, |one| one.options.as_mut().unwrap().snapshot_interval_size = 0))),
    // Capabilities.
    ("no capability of the channel", Tree(|root| { root.values.remove("Capabilities"); })),
    ("no capability of orderers", Tree(|root| { at(root, &["Orderer"]).values.remove("Capabilities"); })),
    ("no capability of applications", Tree(|root| { at(root, &["Application"]).values.remove("Capabilities"); })),
    ("no capabilities at all", Tree(|root| for path in [&[][..], &["Orderer"], &["Application"]] { at(root, path).values.remove("Capabilities"); })),
    ("capability of 3.0", Tree(|root| capability(root, &[], &["V3_0"]))),
    ("capability of 1.4 for the channel", Tree(|root| capability(root, &[], &["V1_4_3"]))),
    ("capability of 1.4.2 for the channel", Tree(|root| capability(root, &[], &["V1_4_2"]))),
    ("capability of 1.3 for the channel", Tree(|root| capability(root, &[], &["V1_3"]))),
    ("unknown capability of the channel", Tree(|root| capability(root, &[], &["V2_0", "V9"]))),
    ("unknown capability of orderers", Tree(|root| capability(root, &["Orderer"], &["V9"]))),
    ("unknown capability of applications", Tree(|root| capability(root, &["Application"], &["V9"]))),
    ("capability of 1.4 for applications", Tree(|root| capability(root, &["Application"], &["V1_4_2"]))),
    // Organisations.
    ("no orderers", Tree(|root| { root.groups.remove("Orderer"); })),
    ("no applications", Tree(|root| { root.groups.remove("Application"); })),
    ("no organisation of orderers", Tree(|root| at(root, &["Orderer"]).groups.clear())),
    ("no organisation of peers", Tree(|root| at(root, &["Application"]).groups.clear())),
    ("no endpoints", Tree(|root| { at(root, ORDERERS).values.remove("Endpoints"); })),
    ("empty endpoint", Tree(|root| put(root, ORDERERS, "Endpoints", &OrdererAddresses { addresses: vec![String::new()] }))),
    ("endpoint without port", Tree(|root| put(root, ORDERERS, "Endpoints", &OrdererAddresses { addresses: vec!["orderer0.orderer".into()] }))),
    ("global addresses besides", Tree(|root| put(root, &[], "OrdererAddresses", &OrdererAddresses { addresses: vec!["orderer0.orderer:7050".into()] }))),
    ("global addresses that are empty", Tree(|root| put(root, &[], "OrdererAddresses", &OrdererAddresses::default()))),
    ("no provider", Tree(|root| { at(root, ORG1).values.remove("MSP"); })),
    ("no provider of orderers", Tree(|root| { at(root, ORDERERS).values.remove("MSP"); })),
    ("provider of another type", Tree(|root| change(root, ORG1, "MSP", |one: &mut MspConfig| one.r#type = 7))),
    ("provider that does not decode", Tree(|root| change(root, ORG1, "MSP", |one: &mut MspConfig| one.config = vec![0xff]))),
    ("provider without name", Tree(|root| msp(root, ORG1, |one| one.name.clear()))),
    ("provider with a space", Tree(|root| msp(root, ORG1, |one| one.name = "Org 1".into()))),
    ("two providers of one name", Tree(|root| msp(root, ORG1, |one| one.name = "Org2MSP".into()))),
    ("one provider in two organisations of peers", Tree(|root| { let one = value(root, ORG1, "MSP").clone(); at(root, &["Application", "org2"]).values.insert("MSP".into(), one); })),
    ("one organisation that orders and has peers", Tree(|root| { let one = at(root, ORG1).clone(); let mut twin = one; twin.values.remove("AnchorPeers"); at(root, &["Orderer"]).groups.insert("org1".into(), twin); })),
    ("no root", Tree(|root| msp(root, ORG1, |one| one.root_certs.clear()))),
    ("a root that is no certificate", Tree(|root| msp(root, ORG1, |one| one.root_certs[0] = b"x".to_vec()))),
    ("a root that is no authority", Model(|channel| { let leaf = consenters(channel)[0].client_tls_cert.clone(); channel.organizations[1].msp.root_certs = vec![leaf]; })),
    ("a root without its last line break", Model(|channel| { let text = channel.organizations[1].msp.root_certs[0].trim_end().to_owned(); channel.organizations[1].msp.root_certs = vec![text]; })),
    ("two roots in one text", Model(|channel| { let text = channel.organizations[1].msp.root_certs[0].clone() + &channel.organizations[2].msp.root_certs[0]; channel.organizations[1].msp.root_certs = vec![text]; })),
    ("an intermediate that is a root", Model(|channel| { let ca = channel.organizations[2].msp.root_certs[0].clone(); channel.organizations[1].msp.intermediate_certs = vec![ca]; })),
    ("a root twice", Model(|channel| { let ca = channel.organizations[1].msp.root_certs[0].clone(); channel.organizations[1].msp.root_certs.push(ca); })),
    ("an administrator of another organisation", Model(|channel| { let ca = channel.organizations[2].msp.root_certs[0].clone(); channel.organizations[1].msp.admins = vec![ca]; })),
    ("an administrator that is no certificate", Tree(|root| msp(root, ORG1, |one| one.admins = vec![b"x".to_vec()]))),
    ("a revocation list that is none", Tree(|root| msp(root, ORG1, |one| one.revocation_list = vec![b"x".to_vec()]))),
    ("no units and no administrators", Tree(|root| msp(root, ORG1, |one| one.fabric_node_ous = None))),
    ("units that are off", Tree(|root| msp(root, ORG1, |one| one.fabric_node_ous.as_mut().unwrap().enable = false))),
    ("units without that of administrators", Tree(|root| msp(root, ORG1, |one| one.fabric_node_ous.as_mut().unwrap().admin_ou_identifier = None))),
    ("units without that of peers", Tree(|root| msp(root, ORG1, |one| one.fabric_node_ous.as_mut().unwrap().peer_ou_identifier = None))),
    ("no unit at all", Tree(|root| msp(root, ORG1, |one| { let units = one.fabric_node_ous.as_mut().unwrap(); units.admin_ou_identifier = None; units.peer_ou_identifier = None; units.client_ou_identifier = None; units.orderer_ou_identifier = None; }))),
    ("a unit certified by a stranger", Model(|channel| { let ca = channel.organizations[2].msp.root_certs[0].clone(); let units = channel.organizations[1].msp.node_ous.as_mut().unwrap(); units.peer.as_mut().unwrap().certificate = ca; })),
    ("a unit without name", Model(|channel| { let units = channel.organizations[1].msp.node_ous.as_mut().unwrap(); units.peer.as_mut().unwrap().unit.clear(); })),
    ("two units of one name", Model(|channel| { let units = channel.organizations[1].msp.node_ous.as_mut().unwrap(); units.peer.as_mut().unwrap().unit = "client".into(); })),
    ("no TLS root of orderers", Tree(|root| msp(root, ORDERERS, |one| one.tls_root_certs.clear()))),
    ("no TLS root of peers", Tree(|root| msp(root, ORG1, |one| one.tls_root_certs.clear()))),
    ("a TLS root that is no certificate", Tree(|root| msp(root, ORG1, |one| one.tls_root_certs[0] = b"x".to_vec()))),
    ("a TLS root that is no authority", Model(|channel| { let leaf = consenters(channel)[0].client_tls_cert.clone(); channel.organizations[1].msp.tls_root_certs = vec![leaf]; })),
    ("no crypto configuration", Tree(|root| msp(root, ORG1, |one| one.crypto_config = None))),
    ("a hash that nobody has", Tree(|root| msp(root, ORG1, |one| one.crypto_config.as_mut().unwrap().signature_hash_family = "MD5".into()))),
    ("an anchor without host", Tree(|root| anchor(root, |one| one.anchor_peers[0].host.clear()))),
    ("an anchor at port 0", Tree(|root| anchor(root, |one| one.anchor_peers[0].port = 0))),
    ("an anchor below port 0", Tree(|root| anchor(root, |one| one.anchor_peers[0].port = -1))),
    ("an anchor twice", Model(|channel| { let one: AnchorPeer = channel.organizations[1].anchor_peers[0].clone(); channel.organizations[1].anchor_peers.push(one); })),
    // Policies.
    ("no readers of the channel", Tree(|root| { root.policies.remove("Readers"); })),
    ("no policies of the channel", Tree(|root| root.policies.clear())),
    ("no policies of orderers", Tree(|root| at(root, &["Orderer"]).policies.clear())),
    ("no rule for blocks", Tree(|root| { at(root, &["Orderer"]).policies.remove("BlockValidation"); })),
    ("no policies of an organisation", Tree(|root| at(root, ORG1).policies.clear())),
    ("a policy that is empty", Tree(|root| policy(root, ORG1, "Readers").policy = None)),
    ("a policy of no type", Tree(|root| policy(root, ORG1, "Readers").policy = Some(Policy::default()))),
    ("a policy of unknown type", Tree(|root| policy(root, ORG1, "Readers").policy.as_mut().unwrap().r#type = 9)),
    ("a policy that does not decode", Tree(|root| policy(root, ORG1, "Readers").policy.as_mut().unwrap().value = vec![0xff])),
    ("a rule for blocks that does not decode", Tree(|root| policy(root, &["Orderer"], "BlockValidation").policy.as_mut().unwrap().value = vec![0xff])),
    ("a policy over groups in an organisation", Tree(|root| { let any = policy(root, &[], "Readers").clone(); at(root, ORG1).policies.insert("Readers".into(), any); })),
    ("a policy about a stranger", Model(|channel| { channel.organizations[1].policies.insert("Readers".into(), "OR('NobodyMSP.member')".into()); })),
    ("a policy that asks for too many", Model(|channel| { channel.policies.insert("Admins".into(), "ALL Nonsense".into()); })),
    ("guards that are empty", Tree(|root| { root.mod_policy.clear(); at(root, ORG1).mod_policy.clear(); value(root, ORG1, "MSP").mod_policy.clear(); })),
    ("a guard that is not there", Tree(|root| "Nobody".clone_into(&mut at(root, ORG1).mod_policy))),
    ("a guard elsewhere", Tree(|root| "/Channel/Application/Admins".clone_into(&mut value(root, ORDERERS, "MSP").mod_policy))),
    ("a guard that is no path", Tree(|root| "/Nowhere/Admins".clone_into(&mut at(root, ORG1).mod_policy))),
    ("a guard with a space", Tree(|root| "a b".clone_into(&mut at(root, ORG1).mod_policy))),
    ("a right that leads nowhere", Tree(|root| acl(root, "qscc/GetChainInfo", "/Channel/Application/Nobody"))),
    ("a right of an unknown call", Tree(|root| acl(root, "nobody/Calls", "/Channel/Application/Readers"))),
    ("a right without policy", Tree(|root| acl(root, "qscc/GetChainInfo", ""))),
    // Around the configuration.
    ("number 1", InBlock(|block| block.header.as_mut().unwrap().number = 1)),
    ("a hash before", InBlock(|block| block.header.as_mut().unwrap().previous_hash = vec![1; 32])),
    ("no metadata", InBlock(|block| block.metadata = None)),
    ("no slots", InBlock(|block| slots(block).clear())),
    ("one slot", InBlock(|block| slots(block).truncate(1))),
    ("four slots", InBlock(|block| slots(block).truncate(4))),
    ("six slots", InBlock(|block| slots(block).push(Vec::new()))),
    ("empty slots", InBlock(|block| slots(block).iter_mut().for_each(Vec::clear))),
    ("slots of nonsense", InBlock(|block| slots(block)[0] = vec![0xff])),
    ("the transaction twice", InBlock(|block| { let data = block.data.as_mut().unwrap(); data.data.extend_from_within(..); })),
    ("no transaction", InBlock(|block| block.data.as_mut().unwrap().data.clear())),
];

/// Faults of channels of BFT, of four consenters; the first are none.
// One line for each.
#[rustfmt::skip]
pub const BFT_FAULTS: &[(&str, Fault)] = &[
    ("bft: nothing", Tree(|_| {})),
    ("bft: three consenters", Model(|channel| bft(channel).0.truncate(3))),
    ("bft: one consenter", Model(|channel| bft(channel).0.truncate(1))),
    ("bft: no consenters", Model(|channel| bft(channel).0.clear())),
    ("bft: numbers from 7", Model(|channel| bft(channel).0.iter_mut().for_each(|one| one.id += 6))),
    ("bft: number 0", Model(|channel| bft(channel).0[0].id = 0)),
    ("bft: a number twice", Model(|channel| bft(channel).0[1].id = 1)),
    ("bft: number 70000", Model(|channel| bft(channel).0[1].id = 70_000)),
    ("bft: a consenter of another organisation", Model(|channel| bft(channel).0[0].msp_id = "Org1MSP".into())),
    ("bft: a consenter of nobody", Model(|channel| bft(channel).0[0].msp_id = "NobodyMSP".into())),
    ("bft: a consenter without organisation", Model(|channel| bft(channel).0[0].msp_id.clear())),
    ("bft: a consenter without host", Model(|channel| bft(channel).0[0].host.clear())),
    ("bft: a consenter without port", Model(|channel| bft(channel).0[0].port = 0)),
    ("bft: a consenter without identity", Model(|channel| bft(channel).0[0].identity.clear())),
    ("bft: an identity that is no certificate", Model(|channel| bft(channel).0[0].identity = "x".into())),
    ("bft: an identity of another authority", Model(|channel| { let other = bft(channel).0[0].server_tls_cert.clone(); bft(channel).0[0].identity = other; })),
    ("bft: one identity twice", Model(|channel| { let other = bft(channel).0[1].identity.clone(); bft(channel).0[0].identity = other; })),
    ("bft: one address twice", Model(|channel| { let other = bft(channel).0[1].host.clone(); bft(channel).0[0].host = other; })),
    ("bft: one certificate twice", Model(|channel| { let other = bft(channel).0[1].server_tls_cert.clone(); bft(channel).0[0].server_tls_cert = other; })),
    ("bft: a certificate that is none", Model(|channel| bft(channel).0[0].client_tls_cert = "x".into())),
    ("bft: a certificate of another authority", Model(|channel| { let other = bft(channel).0[0].identity.clone(); bft(channel).0[0].client_tls_cert = other; })),
    ("bft: no mapping", Tree(|root| { at(root, &["Orderer"]).values.remove("Orderers"); })),
    ("bft: no metadata", Tree(|root| change(root, &["Orderer"], "ConsensusType", |one: &mut ConsensusType| one.metadata.clear()))),
    ("bft: broken metadata", Tree(|root| change(root, &["Orderer"], "ConsensusType", |one: &mut ConsensusType| one.metadata = vec![0xff]))),
    ("bft: blocks by any writer", Model(|channel| { channel.orderer.as_mut().unwrap().policies.insert("BlockValidation".into(), "ANY Writers".into()); })),
    ("bft: capability of 2.0", Tree(|root| capability(root, &[], &["V2_0"]))),
    ("bft: no batch count", Model(|channel| bft(channel).1.request_batch_max_count = 0)),
    ("bft: no batch bytes", Model(|channel| bft(channel).1.request_batch_max_bytes = 0)),
    ("bft: no batch interval", Model(|channel| bft(channel).1.request_batch_max_interval = "0s".into())),
    ("bft: an interval that is no time", Model(|channel| bft(channel).1.request_batch_max_interval = "soon".into())),
    ("bft: no buffer", Model(|channel| bft(channel).1.incoming_message_buffer_size = 0)),
    ("bft: no pool", Model(|channel| bft(channel).1.request_pool_size = 0)),
    ("bft: a pool below the batch", Model(|channel| bft(channel).1.request_pool_size = 10)),
    ("bft: no forwarding", Model(|channel| bft(channel).1.request_forward_timeout = "0s".into())),
    ("bft: forwarding after complaint", Model(|channel| bft(channel).1.request_forward_timeout = "30s".into())),
    ("bft: complaint after removal", Model(|channel| bft(channel).1.request_complain_timeout = "10m0s".into())),
    ("bft: batches slower than forwarding", Model(|channel| bft(channel).1.request_batch_max_interval = "3s".into())),
    ("bft: resends slower than the change", Model(|channel| bft(channel).1.view_change_resend_interval = "30s".into())),
    ("bft: no change of view", Model(|channel| bft(channel).1.view_change_timeout = "0s".into())),
    ("bft: no heartbeat", Model(|channel| bft(channel).1.leader_heartbeat_timeout = "0s".into())),
    ("bft: no heartbeats in it", Model(|channel| bft(channel).1.leader_heartbeat_count = 0)),
    ("bft: no collection", Model(|channel| bft(channel).1.collect_timeout = "0s".into())),
    ("bft: leaders in turn", Model(|channel| bft(channel).1.leader_rotation = 2)),
    ("bft: leaders in turn after some", Model(|channel| { bft(channel).1.leader_rotation = 2; bft(channel).1.decisions_per_leader = 3; })),
    ("bft: leaders not in turn", Model(|channel| bft(channel).1.leader_rotation = 1)),
    ("bft: leaders not in turn after some", Model(|channel| { bft(channel).1.leader_rotation = 1; bft(channel).1.decisions_per_leader = 3; })),
];

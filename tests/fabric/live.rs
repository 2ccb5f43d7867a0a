//! Operations through the whole command, with a model of Fabric behind the pods.

use std::collections::{BTreeMap, BTreeSet};

use fabric_rehearsal::ledger::Ledger;
use serde_json::Value;

use super::Operator;
use super::front::Front;
use super::pages;
use super::plane::plane;

/// What a channel has come to, without what differs from network to network.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// Nodes that joined.
    pub nodes: BTreeSet<String>,
    /// Members of the channel by the name of their group, with whether an anchor is set.
    pub members: BTreeMap<String, bool>,
    /// Number of its configuration.
    pub sequence: u64,
    /// How many consenters it has.
    pub consenters: usize,
    /// Peers with the labels of what is installed there.
    pub installed: BTreeMap<String, Vec<String>>,
    /// Approvals and definitions.
    pub lifecycle: BTreeSet<String>,
    /// How often each sequence of a chaincode became the committed one.
    pub raised: BTreeMap<(String, i64), u64>,
}

/// What has become of a channel. Nothing that came to the model broke a rule.
pub fn picture(ledger: &Ledger, channel: &str) -> Picture {
    assert_eq!(ledger.audit.fault(), None);
    let chain = ledger.chain(channel).unwrap();
    let label = |id: &String| id.split(':').next().unwrap().to_owned();
    let here = |all: &BTreeMap<String, String>| all.contains_key(channel);
    let orderers = ledger.orderers.iter().filter(|(_, it)| here(&it.channels));
    let peers = ledger.peers.iter().filter(|(_, it)| here(&it.channels));
    let consenters = chain.ordering.consenters.as_ref();
    let raised = ledger.audit.raised.iter();
    Picture {
        nodes: (orderers.map(|(id, _)| id.clone()))
            .chain(peers.clone().map(|(id, _)| id.clone()))
            .collect(),
        members: (chain.root().groups["Application"].groups.iter())
            .map(|(name, org)| (name.clone(), org.values.contains_key("AnchorPeers")))
            .collect(),
        sequence: chain.config.sequence,
        consenters: consenters.map_or(0, Vec::len),
        installed: peers
            .map(|(id, it)| (id.clone(), it.installed.keys().map(label).collect()))
            .collect(),
        lifecycle: (chain.state.keys())
            .filter(|(namespace, _)| namespace == "_lifecycle")
            .map(|(_, key)| key.clone())
            .collect(),
        raised: (raised.filter(|((of, ..), _)| of == channel))
            .map(|((_, name, sequence), times)| ((name.clone(), *sequence), *times))
            .collect(),
    }
}

fn words(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|it| (*it).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_ends_with_a_chaincode_that_answers() {
    let Some(front) = Front::of(plane(), "live") else {
        return;
    };
    let one = Operator::new(plane(), "fabriclive").await;
    let create = "create live --stack fabric --orgs lva,lvb --orderer-org lvo --peers 2 --orderers 3 \
        --channel mychannel --chaincode kv=example/kv:1 --wait";
    one.run(create);
    let (whole, blocks) = {
        let ledger = front.ledger();
        (picture(&ledger, "mychannel"), ledger.blocks())
    };
    let peers = [
        "peer/peer0.lva",
        "peer/peer0.lvb",
        "peer/peer1.lva",
        "peer/peer1.lvb",
    ];
    let mut nodes = words(&peers);
    nodes.extend((0..3).map(|it| format!("orderer/orderer{it}.lvo")));
    let label = vec!["kv_1.0".to_owned()];
    let expected = Picture {
        nodes,
        members: [("LvaMSP".to_owned(), true), ("LvbMSP".to_owned(), true)].into(),
        sequence: 0,
        consenters: 3,
        installed: peers.map(|it| (it.to_owned(), label.clone())).into(),
        lifecycle: words(&[
            "approval/LvaMSP/kv/1",
            "approval/LvbMSP/kv/1",
            "definition/kv",
        ]),
        raised: [(("kv".to_owned(), 1), 1)].into(),
    };
    assert_eq!(whole, expected);
    // Once more: nothing is to do.
    let said = one.run(create);
    let unchanged = said.lines().all(|line| line.ends_with(" unchanged"));
    assert!(unchanged, "{said}");
    one.run("run bring-up --chain live");
    {
        let ledger = front.ledger();
        assert_eq!(picture(&ledger, "mychannel"), whole);
        assert_eq!(ledger.blocks(), blocks);
    }
    calls_and_looks(&one, &front, blocks);
    changes(&one, &front);
}

/// The first commands of `docs/fabric.md`, as they stand there.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_ten_minutes_are_as_the_page_says() {
    let Some(front) = Front::of(plane(), "demo") else {
        return;
    };
    let one = Operator::new(plane(), "firstminutes").await;
    let page = std::fs::read_to_string("docs/fabric.md").unwrap();
    let blocks = pages::blocks(&page);
    let begin = |it: &String| Some((pages::chain_file(it)?.to_owned(), pages::commands(it)));
    let (file, commands) = blocks.iter().find_map(begin).unwrap();
    one.receive("chain.yaml", &file);
    let mut said = String::new();
    for line in commands {
        let words = pages::words(one.home.path(), &line);
        let output = one.command("").args(words).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        said = String::from_utf8(output.stdout).unwrap();
    }
    assert_eq!(said.trim(), "100");
    assert_eq!(front.ledger().audit.fault(), None);
}

/// A call is committed in one block; what tells of the network tells that.
fn calls_and_looks(one: &Operator, front: &Front, blocks: u64) {
    one.run(r#"run chaincode-invoke kv --chain live call=["put","a","100"]"#);
    let said = one.run(r#"run chaincode-query kv --chain live call=["get","a"]"#);
    assert_eq!(said.trim(), "100");
    let height = blocks + 1;
    assert_eq!(front.ledger().blocks(), height);
    let said = one.run("run channel-list --chain live");
    for node in ["orderer2.lvo", "peer1.lvb"] {
        let line = format!("mychannel  {node}  height {height}");
        assert!(said.contains(&line), "{said}");
    }
    one.run("run channel-fetch mychannel --chain live block=newest json=true");
    let newest = one.home.path().join(format!("mychannel-{blocks}.json"));
    let newest: Value = serde_json::from_slice(&std::fs::read(newest).unwrap()).unwrap();
    assert_eq!(newest["header"]["number"], blocks.to_string());
    let said = one.run("status live --probe");
    let row = |node: &str| {
        let found = said.lines().find(|it| it.starts_with(node));
        let words = found.unwrap_or_else(|| panic!("{said}")).split_whitespace();
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let at = format!("mychannel={height}");
    assert!(row("orderer0.lvo").contains(&at), "{said}");
    assert!(
        row("orderer0.lvo").contains(&"mychannel=leader".to_owned()),
        "{said}"
    );
    assert!(
        row("orderer1.lvo").contains(&"mychannel=consenter".to_owned()),
        "{said}"
    );
    assert!(row("peer1.lva").contains(&at), "{said}");
    assert!(
        row("peer1.lva").contains(&"mychannel=0".to_owned()),
        "{said}"
    );
}

/// Another anchor, another setting, another channel, another version: each once, and said again it changes nothing.
fn changes(one: &Operator, front: &Front) {
    for (line, sequence) in [
        (
            "run anchor-set mychannel --chain live org=lva peers=peer1",
            1,
        ),
        (
            "run channel-update mychannel --chain live batchTimeout=1s",
            2,
        ),
    ] {
        for _ in 0..2 {
            one.run(line);
            let seen = picture(&front.ledger(), "mychannel");
            assert_eq!(seen.sequence, sequence, "{line}");
        }
    }
    one.run("run channel-create --chain live name=second orgs=lva");
    let second = picture(&front.ledger(), "second");
    assert_eq!(second.nodes.len(), 5, "{second:?}");
    assert_eq!(second.members, [("LvaMSP".to_owned(), true)].into());
    one.run("run chaincode-upgrade kv --chain live version=2.0");
    for _ in 0..2 {
        one.run("run chaincode-deploy kv --chain live");
        let seen = picture(&front.ledger(), "mychannel");
        let (one, two) = (("kv".to_owned(), 1), ("kv".to_owned(), 2));
        assert_eq!(seen.raised, [(one, 1), (two, 1)].into());
    }
    let said = one.run(r#"run chaincode-query kv --chain live call=["get","a"]"#);
    assert_eq!(said.trim(), "100");
}

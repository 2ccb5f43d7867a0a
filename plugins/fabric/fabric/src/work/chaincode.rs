//! Chaincode: its life from package to committed definition, as far as this party can take it.

use std::collections::{BTreeMap, BTreeSet};

use chain_plugin_sdk::doing::{join, join_all};
use chain_plugin_sdk::{Diagnostics, Report, warning};
use fabric_channel::policy::{MemberSet, parse_signature};
use fabric_identity::identity::Identity;
use fabric_proto::Message;
use fabric_proto::peer::{
    CheckCommitReadinessArgs, CheckCommitReadinessResult, QueryApprovedChaincodeDefinitionResult,
    QueryChaincodeDefinitionResult, QueryInstalledChaincodesResult,
};
use fabric_service::facts::Package as Said;
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_transaction::definition::{
    Approved, Definition, EndorsementPolicy, Organisation, State, Step, Waiting, installs, next,
    target,
};
use fabric_transaction::failure::Verdict;
use fabric_transaction::package::{self, Code, Connection, Image, Package};
use fabric_transaction::proposal::lifecycle;
use serde_json::json;

use super::change::listed;
use super::crew::{Chaincode, Channel, Crew, Node, Org};
use super::pending::{self, Pending, Wanted};
use super::quorum::Rule;
use super::submit::Patience;
use super::trouble::Trouble;
use super::{endorsers, ledger, quorum, report};
use crate::data;

/// What is wished for a chaincode.
pub fn wish(chaincode: &Chaincode) -> Result<Definition, Diagnostics> {
    let about = &chaincode.about;
    let mut definition = Definition::new(&about.name, &about.version);
    definition.init_required = about.init_required;
    definition.collections = data::collections(about, "")?;
    if !about.policy.is_empty() {
        definition.endorsement = if about.policy.starts_with('/') {
            EndorsementPolicy::Channel(about.policy.clone())
        } else {
            let policy = parse_signature(&about.policy).map_err(fault_at("policy", ""))?;
            EndorsementPolicy::Signature(policy)
        };
    }
    Ok(definition)
}

/// The package of an organisation, byte for byte as its id says.
pub fn package(said: &Said) -> Result<Package, Diagnostics> {
    let image = said.image.as_deref().and_then(|it| it.split_once('@'));
    let code = match (said.kind.as_str(), &said.address, image) {
        ("ccaas", Some(address), _) => {
            let usual = Connection::plain(address);
            let said = said.dial_timeout.clone();
            Code::Service(Connection {
                dial_timeout: said.unwrap_or_else(|| usual.dial_timeout.clone()),
                ..usual
            })
        }
        ("k8s", _, Some((name, digest))) => Code::Image(Image {
            name: name.to_owned(),
            digest: digest.to_owned(),
        }),
        (other, ..) => {
            let message = format!("packages of type {other} are not made by this operation");
            return Err(refuse("package", "", message));
        }
    };
    let indexes: Vec<_> = said.indexes.iter().map(package::Index::from).collect();
    let made = package::build(&said.label, &code, &indexes).map_err(fault_at("package", ""))?;
    if made.id == said.package_id {
        return Ok(made);
    }
    let message = format!(
        "the package of {} would have the id {}, and its servers know it as {}",
        said.label, made.id, said.package_id
    );
    let hint = "plugins of two versions are at work: apply the chain with one";
    Err(refuse_with("package", "", message, hint))
}

/// What became of a chaincode.
#[derive(Debug)]
pub enum Deployed {
    /// It is committed with this sequence.
    Committed(i64),
    /// Others must act first.
    Waiting(Waiting),
    /// Transactions of this party that others must endorse or hand in.
    Open(Pending),
}

/// Deploys one chaincode, and says what is left to others.
pub async fn deploy_one(crew: &Crew, id: &str) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let deployed = deploy(crew, chaincode).await?;
    let name = &chaincode.about.name;
    Ok(match deployed {
        Deployed::Committed(sequence) => report(
            format!(
                "chaincode {name} {} is committed on {} with sequence {sequence}",
                chaincode.about.version,
                crew.channel(&chaincode.about.channel)?.name
            ),
            &json!({"chaincode": name, "sequence": sequence, "committed": true}),
        ),
        Deployed::Waiting(waiting) => {
            let note = waits(name, &waiting);
            Report {
                notes: vec![note],
                ..report(
                    format!("chaincode {name} is approved here, and not committed yet"),
                    &json!({"chaincode": name, "committed": false, "missing": waiting.missing}),
                )
            }
        }
        Deployed::Open(pending) => pending.report(),
    })
}

/// What others must do.
pub fn waits(name: &str, waiting: &Waiting) -> chain_plugin_sdk::Diagnostic {
    let message = format!(
        "chaincode {name}: {} of {} organisations have approved, which the channel's LifecycleEndorsement does not take; missing: {}",
        waiting.approved,
        waiting.all,
        waiting.missing.join(", ")
    );
    let hint = format!("each of them: kubectl chain run chaincode-deploy {name}");
    warning("approvals", "", message).hint(hint)
}

/// Takes the steps that are left, until it is committed or others must act.
pub async fn deploy(crew: &Crew, chaincode: &Chaincode) -> Result<Deployed, Diagnostics> {
    let channel = crew.channel(&chaincode.about.channel)?;
    let wish = wish(chaincode)?;
    let mut patience = Patience::new(crew);
    loop {
        let state = match state(crew, channel, chaincode, &wish).await {
            Ok(state) => state,
            Err(Fault::Passes(mut trouble)) => {
                // Somebody committed while this looked: it looks again.
                if trouble.verdict == Verdict::Done {
                    trouble.verdict = Verdict::Again;
                }
                patience.bear(crew, &channel.id, trouble).await?;
                continue;
            }
            Err(Fault::Ends(diagnostics)) => return Err(diagnostics),
        };
        match next(&wish, &state).map_err(fault_at("chaincode", ""))? {
            Step::Install(all) => install(crew, chaincode, &all).await?,
            Step::Approve {
                definition,
                organisations,
            } => {
                let open = approve(crew, channel, &definition, &organisations).await?;
                if let Some(pending) = open {
                    return Ok(Deployed::Open(pending));
                }
            }
            Step::Commit {
                definition,
                endorsers,
                elsewhere,
            } => {
                let whose = (endorsers.as_slice(), elsewhere.as_slice());
                let open = commit(crew, channel, &definition, whose).await?;
                if let Some(pending) = open {
                    return Ok(Deployed::Open(pending));
                }
            }
            Step::Wait(waiting) => return Ok(Deployed::Waiting(waiting)),
            Step::Done => {
                let sequence = state.committed.map_or(0, |it| it.sequence);
                return Ok(Deployed::Committed(sequence));
            }
        }
    }
}

/// What goes wrong while one looks.
#[derive(Debug)]
pub enum Fault {
    /// It may pass by itself.
    Passes(Trouble),
    /// It does not.
    Ends(Diagnostics),
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Self::Passes(trouble)
    }
}

impl From<Diagnostics> for Fault {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Ends(diagnostics)
    }
}

/// Looks at what there is of a chaincode: what is committed, installed and approved.
pub async fn state(
    crew: &Crew,
    channel: &Channel,
    chaincode: &Chaincode,
    wish: &Definition,
) -> Result<State, Fault> {
    let members: Vec<(&Org, &Identity)> = crew.members(channel).collect();
    let Some((first, admin)) = members.first() else {
        let message = format!(
            "no organisation of channel {} is this party's",
            channel.name
        );
        return Err(Fault::Ends(refuse("channel", "", message)));
    };
    let Some(peer) = first.peers.first() else {
        let message = format!("{} has no peer", first.id);
        return Err(Fault::Ends(refuse("peer", "", message)));
    };
    let name = &chaincode.about.name;
    let definition = lifecycle::committed(&channel.name, name);
    let installed = members
        .iter()
        .map(|(org, admin)| installed(crew, org, admin));
    let (found, installed) = join(
        crew.find::<QueryChaincodeDefinitionResult>(peer, &definition, admin),
        join_all(installed.collect::<Vec<_>>()),
    )
    .await;
    let committed = found?.map(|it| Definition::from_committed(name, &it));
    let goal = target(wish, committed.as_ref()).map_err(fault_at("chaincode", ""))?;
    let approved = members
        .iter()
        .map(|(org, admin)| approved(crew, channel, org, admin, &goal));
    let is_committed = committed.as_ref().map(|it| it.sequence) == Some(goal.sequence);
    let readiness = async {
        if is_committed {
            return Ok(BTreeMap::new());
        }
        approvals(crew, channel, &goal, peer, admin).await
    };
    let (approved, approvals) = join(join_all(approved.collect::<Vec<_>>()), readiness).await;
    let mut organisations = BTreeMap::new();
    for (((org, _), peers), approved) in members.iter().zip(installed).zip(approved) {
        let said = chaincode.package_of(org);
        let organisation = Organisation {
            package_id: said.map(|said| said.package_id.clone()),
            peers: peers?,
            approved: approved?,
        };
        organisations.insert(org.msp_id.clone(), organisation);
    }
    let approvals = approvals?;
    let able = able(&approvals, organisations.keys());
    // Nobody is left to wait for, or the channel says who is needed.
    let enough = approvals.keys().all(|it| able.contains(it)) || {
        let root = ledger::configuration(crew, channel).await?.group;
        Rule::of_commit().is_met(&root, &able)
    };
    Ok(State {
        committed,
        organisations,
        approvals,
        enough,
    })
}

/// Who can endorse a commit: organisations that have approved, and those of this party, which approve before.
fn able<'a>(
    approvals: &BTreeMap<String, bool>,
    own: impl Iterator<Item = &'a String>,
) -> MemberSet {
    let mut able = quorum::approved(approvals);
    able.extend(own.cloned());
    able
}

/// Who has approved a definition that is not committed yet: all organisations of the channel.
pub async fn approvals(
    crew: &Crew,
    channel: &Channel,
    definition: &Definition,
    peer: &Node,
    signer: &Identity,
) -> Result<BTreeMap<String, bool>, Trouble> {
    let args = definition.commit_args();
    let args = CheckCommitReadinessArgs {
        sequence: args.sequence,
        name: args.name,
        version: args.version,
        endorsement_plugin: args.endorsement_plugin,
        validation_plugin: args.validation_plugin,
        validation_parameter: args.validation_parameter,
        collections: args.collections,
        init_required: args.init_required,
    };
    let call = lifecycle::readiness(&channel.name, &args);
    let bytes = crew.ask(peer, &call, signer, "").await?;
    let result = CheckCommitReadinessResult::decode(bytes.as_slice())
        .map_err(|fault| Trouble::new(&peer.name, fault, Verdict::GiveUp))?;
    Ok(result.approvals)
}

/// What is installed on each peer of an organisation, by the peer's name.
async fn installed(
    crew: &Crew,
    org: &Org,
    admin: &Identity,
) -> Result<BTreeMap<String, BTreeSet<String>>, Trouble> {
    let looks = org.peers.iter().map(|peer| async move {
        let found: Option<QueryInstalledChaincodesResult> =
            crew.find(peer, &lifecycle::installed(), admin).await?;
        let ids: BTreeSet<String> = found
            .unwrap_or_default()
            .installed_chaincodes
            .into_iter()
            .map(|it| it.package_id)
            .collect();
        Ok::<_, Trouble>((peer.name.clone(), ids))
    });
    let peers = join_all(looks.collect::<Vec<_>>()).await;
    peers.into_iter().collect()
}

/// What an organisation has approved of a definition.
async fn approved(
    crew: &Crew,
    channel: &Channel,
    org: &Org,
    admin: &Identity,
    goal: &Definition,
) -> Result<Option<Approved>, Trouble> {
    let Some(peer) = org.peers.first() else {
        return Ok(None);
    };
    let call = lifecycle::approved(&channel.name, &goal.name, goal.sequence);
    let found: Option<QueryApprovedChaincodeDefinitionResult> =
        crew.find(peer, &call, admin).await?;
    Ok(found.map(|it| Definition::from_approved(&goal.name, &it)))
}

fn by_msp<'a>(crew: &'a Crew, msp_id: &str) -> Result<(&'a Org, &'a Identity), Diagnostics> {
    crew.orgs
        .iter()
        .find(|org| org.msp_id == msp_id)
        .and_then(|org| Some((org, org.admin.as_ref()?)))
        .ok_or_else(|| refuse("org", "", format!("{msp_id} is not this party's")))
}

/// Installs packages: organisation, peer and id of the package.
pub async fn install(
    crew: &Crew,
    chaincode: &Chaincode,
    all: &[(String, String, String)],
) -> Result<(), Diagnostics> {
    let mut work = Vec::new();
    for (msp_id, peer, id) in all {
        let (org, admin) = by_msp(crew, msp_id)?;
        let Some(peer) = org.peers.iter().find(|it| it.name == *peer) else {
            continue;
        };
        let Some(said) = chaincode.package_of(org) else {
            continue;
        };
        let package = package(said)?;
        work.push(async move {
            let call = lifecycle::install(&package.bytes);
            let says = format!("installing {id}");
            let mut patience = Patience::new(crew);
            loop {
                match crew.ask(peer, &call, admin, &says).await {
                    Ok(_) => return Ok(()),
                    Err(trouble) if trouble.verdict == Verdict::Done => return Ok(()),
                    Err(trouble) => patience.bear(crew, &peer.id, trouble).await?,
                }
            }
        });
    }
    join_all(work)
        .await
        .into_iter()
        .collect::<Result<(), Diagnostics>>()
}

/// Installs on the peers of this party what they lack. That needs no channel: it is done while they join theirs, and
/// [`deploy`] finds it done.
pub async fn supply(crew: &Crew, chaincode: &Chaincode) -> Result<(), Diagnostics> {
    wish(chaincode)?
        .check()
        .map_err(fault_at("chaincode", ""))?;
    let channel = crew.channel(&chaincode.about.channel)?;
    let supplies = crew
        .members(channel)
        .filter_map(|(org, admin)| Some((org, admin, chaincode.package_of(org)?)));
    let work = supplies.map(|(org, admin, said)| async move {
        let mut patience = Patience::new(crew);
        let peers = loop {
            match installed(crew, org, admin).await {
                Ok(peers) => break peers,
                Err(trouble) => patience.bear(crew, &org.id, trouble).await?,
            }
        };
        let organisation = Organisation {
            package_id: Some(said.package_id.clone()),
            peers,
            approved: None,
        };
        let lacks = installs(&[(org.msp_id.clone(), organisation)].into());
        install(crew, chaincode, &lacks).await
    });
    join_all(work.collect::<Vec<_>>())
        .await
        .into_iter()
        .collect()
}

/// Approves a definition for organisations, each with its package. What cannot be ordered here is given back.
pub async fn approve(
    crew: &Crew,
    channel: &Channel,
    definition: &Definition,
    organisations: &[(String, Option<String>)],
) -> Result<Option<Pending>, Diagnostics> {
    endorsers::possible(crew, channel, definition).await?;
    let mut work = Vec::new();
    for (msp_id, package_id) in organisations {
        let (org, admin) = by_msp(crew, msp_id)?;
        let Some(peer) = org.peers.first() else {
            continue;
        };
        let call = lifecycle::approve(
            &channel.name,
            &definition.approve_args(package_id.as_deref()),
        );
        let says = format!(
            "approving chaincode {} {} (sequence {}) for {msp_id}",
            definition.name, definition.version, definition.sequence
        );
        work.push(
            async move { pending::settle(crew, channel, &call, admin, &[peer], &says).await },
        );
    }
    let all = join_all(work).await.into_iter();
    let open = all.collect::<Result<Vec<_>, Diagnostics>>()?;
    Ok(Pending::together(open.into_iter().flatten().collect()))
}

/// Commits a definition, endorsed by organisations of this party, and by those elsewhere that the channel's policy wants
/// besides. What others must endorse or order is given back.
pub async fn commit(
    crew: &Crew,
    channel: &Channel,
    definition: &Definition,
    (endorsers, elsewhere): (&[String], &[String]),
) -> Result<Option<Pending>, Diagnostics> {
    let mut peers = Vec::new();
    let mut signer = None;
    for msp_id in endorsers {
        let (org, admin) = by_msp(crew, msp_id)?;
        peers.extend(org.peers.first());
        signer = signer.or(Some(admin));
    }
    let Some(signer) = signer else {
        return Err(refuse("chaincode", "", "nobody can commit"));
    };
    let call = lifecycle::commit(&channel.name, &definition.commit_args());
    let says = format!(
        "committing chaincode {} {} (sequence {})",
        definition.name, definition.version, definition.sequence
    );
    if !elsewhere.is_empty() {
        let by: MemberSet = endorsers.iter().cloned().collect();
        let others = elsewhere.iter().cloned().collect();
        let root = ledger::configuration(crew, channel).await?.group;
        let missing = Rule::of_commit().missing(&root, &by, &others);
        let Some(missing) = missing else {
            let message = format!(
                "chaincode {} is approved by {}, which does not satisfy LifecycleEndorsement of channel {}",
                definition.name,
                listed(by.union(&others)),
                channel.name
            );
            let hint = format!(
                "others: kubectl chain run chaincode-deploy {}",
                definition.name
            );
            return Err(refuse_with("approvals", "", message, hint));
        };
        if !missing.is_empty() {
            let wanted = Wanted {
                by,
                missing,
                sequence: 0,
            };
            return pending::begin(crew, channel, (&call, signer), &peers, &says, &wanted).await;
        }
    }
    // Peers that did not endorse learn of it by gossip: the next call may go to any of them.
    pending::settle(crew, channel, &call, signer, &peers, &says).await
}

#[cfg(test)]
mod tests {
    use fabric_channel::policy::parse;
    use fabric_channel::tree::guarded;

    use super::super::update::tests::channel;
    use super::*;

    #[test]
    fn the_channel_says_whose_approval_is_waited_for() {
        let approvals = |second: bool| -> BTreeMap<String, bool> {
            [("Org1MSP", true), ("Org2MSP", second)]
                .map(|(name, approved)| (name.to_owned(), approved))
                .into()
        };
        let own = ["Org1MSP".to_owned()];
        let one = able(&approvals(false), own.iter());
        let both = able(&approvals(true), own.iter());
        let mut root = channel();
        for (policy, alone) in [
            ("MAJORITY Endorsement", false),
            ("ALL Endorsement", false),
            ("ANY Endorsement", true),
            ("OR('Org1MSP.peer', 'Org2MSP.peer')", true),
            ("OR('Org2MSP.peer')", false),
            ("AND('Org1MSP.peer', 'Org2MSP.peer')", false),
        ] {
            let application = root.groups.get_mut("Application").unwrap();
            application.policies.insert(
                "LifecycleEndorsement".to_owned(),
                guarded(parse(policy).unwrap()),
            );
            let rule = Rule::of_commit();
            assert_eq!(rule.is_met(&root, &one), alone, "{policy}");
            assert!(rule.is_met(&root, &both), "{policy}");
        }
    }
}

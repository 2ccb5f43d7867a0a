//! Calls of chaincodes: transactions and questions.

use chain_plugin_sdk::doing::join_all;
use chain_plugin_sdk::{Diagnostics, Report, warning};
use fabric_channel::policy::MemberSet;
use fabric_identity::identity::Identity;
use fabric_proto::configuration::ConfigGroup;
use fabric_proto::peer::QueryChaincodeDefinitionResult;
use fabric_service::fault::{at as fault_at, refuse_with};
use fabric_transaction::definition::Definition;
use fabric_transaction::failure::Verdict;
use fabric_transaction::proposal::{Call, arguments, lifecycle, system};
use serde_json::{Value, json};

use super::crew::{Chaincode, Channel, Crew, Node, Org};
use super::once::At;
use super::pending::{self, Wanted};
use super::quorum::Rule;
use super::submit::Patience;
use super::trouble::Trouble;
use super::{ledger, report};

/// Arguments of a call.
pub fn args() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["call"],
        "properties": {
            "call": {"type": "string", "minLength": 1, "description":
                "function and arguments: a JSON list, or an object as Fabric's own `-c` takes it"},
            "transient": {"type": "string", "description":
                "private input, as Fabric's own `--transient` takes it: {\"KEY\":\"BASE64\"}"},
            "orgs": {"type": "string", "minLength": 1, "description":
                "organisations whose peers are asked, with commas, the first of which signs; all of this party"},
            "init": {"type": "boolean", "default": false, "description": "whether this is the initialisation"},
        },
    })
}

/// The call that the user typed.
fn typed(channel: &Channel, chaincode: &Chaincode, args: &Value) -> Result<Call, Diagnostics> {
    let said = |name: &str| args.get(name).and_then(Value::as_str);
    let text = said("call").unwrap_or_default();
    let words = if text.trim_start().starts_with('[') {
        let list: Vec<Value> = serde_json::from_str(text).map_err(fault_at("call", "/call"))?;
        list.into_iter()
            .map(|word| match word {
                Value::String(text) => text.into_bytes(),
                other => other.to_string().into_bytes(),
            })
            .collect()
    } else if text.trim_start().starts_with('{') {
        arguments::args(text).map_err(fault_at("call", "/call"))?
    } else {
        text.split_whitespace()
            .map(|word| word.as_bytes().to_vec())
            .collect()
    };
    let mut call = Call::new(&channel.name, &chaincode.about.name, words);
    if let Some(text) = said("transient") {
        call.transient = arguments::transient(text).map_err(|fault| {
            let hint = "such as transient={\"price\":\"NDI=\"}; `printf %s VALUE | base64` makes the latter";
            refuse_with("transient", "/transient", fault.to_string(), hint)
        })?;
    }
    call.is_init = args.get("init").and_then(Value::as_bool).unwrap_or(false);
    Ok(call)
}

/// A peer of an organisation: the first that answers, else the first.
pub async fn answering<'a>(
    crew: &Crew,
    channel: &Channel,
    (org, admin): (&'a Org, &Identity),
) -> Option<&'a Node> {
    let call = &system::chain_info(&channel.name);
    for peer in &org.peers {
        if crew.ask(peer, call, admin, "").await.is_ok() {
            return Some(peer);
        }
    }
    org.peers.first()
}

/// Organisations of this party in the channel, each with its administrator: those that `orgs` names, in that order, else
/// all.
fn asked<'a>(
    crew: &'a Crew,
    channel: &'a Channel,
    args: &Value,
) -> Result<Vec<(&'a Org, &'a Identity)>, Diagnostics> {
    let members: Vec<_> = crew.members(channel).collect();
    let Some(said) = args.get("orgs").and_then(Value::as_str) else {
        return Ok(members);
    };
    let mut chosen = Vec::new();
    for name in said.split(',').map(str::trim) {
        let found = members.iter().find(|(org, _)| org.name() == name);
        let Some(found) = found else {
            let known: Vec<&str> = members.iter().map(|(org, _)| org.name()).collect();
            let message = format!(
                "{name:?} is no organisation of this party with peers in channel {}",
                channel.name
            );
            let hint = format!("there is: {}", known.join(", "));
            return Err(refuse_with("orgs", "/orgs", message, hint));
        };
        if chosen
            .iter()
            .all(|(org, _): &(&Org, _)| org.id != found.0.id)
        {
            chosen.push(*found);
        }
    }
    Ok(chosen)
}

/// A peer of each of these organisations, with its organisation.
async fn endorsers<'a>(
    crew: &'a Crew,
    channel: &'a Channel,
    asked: &[(&'a Org, &'a Identity)],
) -> Vec<(&'a Org, &'a Node)> {
    let chosen = asked.iter().map(|(org, admin)| async move {
        let peer = answering(crew, channel, (org, admin)).await?;
        Some((*org, peer))
    });
    let chosen = join_all(chosen.collect::<Vec<_>>()).await;
    chosen.into_iter().flatten().collect()
}

/// The committed definition of a chaincode, and who is in the channel, as a peer knows them.
pub async fn committed(
    crew: &Crew,
    channel: &Channel,
    name: &str,
    (peer, signer): (&Node, &Identity),
) -> Result<Option<(Definition, MemberSet)>, Trouble> {
    let call = lifecycle::committed(&channel.name, name);
    let found: Option<QueryChaincodeDefinitionResult> = crew.find(peer, &call, signer).await?;
    Ok(found.map(|it| {
        let members = it.approvals.keys().cloned().collect();
        (Definition::from_committed(name, &it), members)
    }))
}

/// Whose endorsements a call wants beside those of this party. Nothing where they are enough, or where peers must tell.
async fn wanted(
    crew: &Crew,
    channel: &Channel,
    name: &str,
    signer: &Identity,
    endorsers: &[(&Org, &Node)],
) -> Result<Option<Wanted>, Diagnostics> {
    let Some((_, peer)) = endorsers.first() else {
        return Ok(None);
    };
    if crew.network.release.system_channel() {
        return Ok(None);
    }
    let mut patience = Patience::new(crew);
    let found = loop {
        match committed(crew, channel, name, (peer, signer)).await {
            Ok(found) => break found,
            Err(trouble) => patience.bear(crew, &channel.id, trouble).await?,
        }
    };
    let by: MemberSet = endorsers
        .iter()
        .map(|(org, _)| org.msp_id.clone())
        .collect();
    let Some((definition, members)) = found.filter(|(_, all)| !all.is_subset(&by)) else {
        return Ok(None);
    };
    let rule = Rule::of_call(&definition.endorsement);
    let root = match rule {
        Rule::Channel(_) => ledger::configuration(crew, channel).await?.group,
        _ => ConfigGroup::default(),
    };
    let missing = rule
        .missing(&root, &by, &members)
        .filter(|it| !it.is_empty());
    Ok(missing.map(|missing| Wanted {
        by,
        missing,
        sequence: definition.sequence,
    }))
}

/// Refuses a choice of organisations that leaves out some of this party whose endorsement is wanted.
fn passed_over(
    crew: &Crew,
    channel: &Channel,
    name: &str,
    wanted: &Wanted,
) -> Result<(), Diagnostics> {
    let own = crew.members(channel).map(|(org, _)| org);
    let left: Vec<&str> = own
        .filter(|org| wanted.missing.contains(&org.msp_id))
        .map(Org::name)
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the policy of chaincode {name} wants {} too",
        left.join(", ")
    );
    Err(refuse_with("orgs", "/orgs", message, "name them in `orgs`"))
}

/// What a chaincode answered: as text, else in hexadecimal.
pub fn shown(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|_| bytes.iter().map(|it| format!("{it:02x}")).collect())
}

/// Sends a transaction, endorsed by a peer of each organisation of this party. What others must endorse or order is given
/// as a file.
pub async fn invoke(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let channel = crew.channel(&chaincode.about.channel)?;
    let name = &chaincode.about.name;
    let call = typed(channel, chaincode, args)?;
    let asked = asked(crew, channel, args)?;
    let signer = match asked.first() {
        Some((_, admin)) => admin,
        None => crew.signer(channel)?,
    };
    let says = format!("invoking chaincode {name}");
    let endorsers = endorsers(crew, channel, &asked).await;
    let wanted = wanted(crew, channel, name, signer, &endorsers).await?;
    if let Some(wanted) = &wanted {
        passed_over(crew, channel, name, wanted)?;
    }
    let endorsers: Vec<&Node> = endorsers.into_iter().map(|(_, peer)| peer).collect();
    let made = (&call, signer);
    let open = match wanted {
        Some(wanted) => pending::begin(crew, channel, made, &endorsers, &says, &wanted).await?,
        None if crew.orderers(channel).next().is_none() => {
            pending::ready(crew, channel, made, &endorsers, &says).await?
        }
        None => None,
    };
    if let Some(pending) = open {
        return Ok(pending.report());
    }
    let at = At {
        channel,
        chaincode: id,
        signer,
        endorsers: &endorsers,
    };
    let done = crew.once(at, &call, &says).await?;
    let place = done
        .block
        .map_or_else(String::new, |block| format!(" in block {block}"));
    let result = shown(&done.result);
    let unwritten = done.unwritten.map(|why| {
        let message = format!(
            "that this call was under way could not be remembered: {why}; had the run been killed, the same command would have made another"
        );
        warning("remember", "", message).hint("it wants the right to update ConfigMaps")
    });
    let resumed = done.resumed.then(|| {
        let message = format!(
            "the same call of chaincode {name} was under way already, by a run that was interrupted or has not ended: this is its transaction, and no second one was made"
        );
        warning("invoke", "", message).hint("the same command once more makes another")
    });
    Ok(Report {
        notes: resumed.into_iter().chain(unwritten).collect(),
        ..report(
            format!(
                "transaction {} is committed{place}\n{result}",
                done.transaction
            ),
            &json!({"transaction": done.transaction, "block": done.block, "result": result}),
        )
    })
}

/// Asks a chaincode: a peer that does not answer is passed over.
pub async fn query(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let channel = crew.channel(&chaincode.about.channel)?;
    let call = typed(channel, chaincode, args)?;
    let mut last = Trouble::new(&channel.name, "it has no peer here", Verdict::GiveUp);
    for (org, admin) in asked(crew, channel, args)? {
        for peer in &org.peers {
            match crew.ask(peer, &call, admin, "").await {
                Ok(bytes) => {
                    let result = shown(&bytes);
                    let table = json!({"result": result, "peer": peer.name});
                    return Ok(report(result, &table));
                }
                Err(trouble) => {
                    let passes = trouble.passes();
                    last = trouble;
                    if !passes {
                        return Err(last.fatal());
                    }
                }
            }
        }
    }
    Err(last.fatal())
}

//! The life of a chaincode step by step: package, install, approve, commit; and a new version of it.
//!
//! Each step looks at what there is and does its own part of it alone, so that parties can agree on when.

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_transaction::definition::{Definition, State, Step, next, target};
use serde_json::{Value, json};

use super::amend::{IN_FILE, amend};
use super::chaincode::{self, Fault, state, waits, wish};
use super::crew::{Chaincode, Channel, Crew};
use super::submit::Patience;
use super::{legacy, report, spec};
use crate::names;

/// The package of each organisation, as files, and its id. Organisations with the same package share a file.
pub fn package(crew: &Crew, id: &str) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let mut files: Vec<Blob> = Vec::new();
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for (org, said) in &chaincode.packages {
        let made = chaincode::package(said)?;
        let org = org.rsplit('/').next().unwrap_or(org);
        let same = files.iter().find(|it| it.bytes == made.bytes);
        let name = if let Some(same) = same {
            same.name.clone()
        } else {
            let name = if files.is_empty() {
                format!("{}.tgz", made.label)
            } else {
                format!("{}-{org}.tgz", made.label)
            };
            files.push(Blob {
                name: name.clone(),
                bytes: made.bytes,
            });
            name
        };
        lines.push(format!("{org}  {}  {name}", made.id));
        rows.push(json!({"org": org, "packageId": made.id, "label": made.label, "file": name}));
    }
    if lines.is_empty() {
        let message = format!(
            "no organisation of this party runs chaincode {}",
            chaincode.about.name
        );
        return Err(refuse("chaincode", "", message));
    }
    Ok(Report {
        files,
        ..report(lines.join("\n"), &json!(rows))
    })
}

/// What comes next for a chaincode, and the state from which that follows.
async fn look<'a>(
    crew: &'a Crew,
    chaincode: &Chaincode,
) -> Result<(&'a Channel, Definition, State, Step), Diagnostics> {
    let channel = crew.channel(&chaincode.about.channel)?;
    let wish = wish(chaincode)?;
    let mut patience = Patience::new(crew);
    loop {
        match state(crew, channel, chaincode, &wish).await {
            Ok(state) => {
                let goal =
                    target(&wish, state.committed.as_ref()).map_err(fault_at("chaincode", ""))?;
                let step = next(&wish, &state).map_err(fault_at("chaincode", ""))?;
                return Ok((channel, goal, state, step));
            }
            Err(Fault::Passes(trouble)) => patience.bear(crew, &channel.id, trouble).await?,
            Err(Fault::Ends(diagnostics)) => return Err(diagnostics),
        }
    }
}

/// Installs the packages that peers of this party lack.
pub async fn install(crew: &Crew, id: &str) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let (_, _, state, step) = look(crew, chaincode).await?;
    let mut fresh = Vec::new();
    if let Step::Install(all) = step {
        chaincode::install(crew, chaincode, &all).await?;
        fresh = all;
    }
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for (msp_id, organisation) in &state.organisations {
        let Some(package) = &organisation.package_id else {
            lines.push(format!("{msp_id} runs no code of it"));
            continue;
        };
        for peer in organisation.peers.keys() {
            let now = fresh.iter().any(|(org, at, _)| org == msp_id && at == peer);
            let word = if now { "installed" } else { "was there" };
            lines.push(format!("{peer}  {package}  {word}"));
            rows.push(json!({"org": msp_id, "peer": peer, "packageId": package, "installed": now}));
        }
    }
    Ok(report(lines.join("\n"), &json!(rows)))
}

fn first(what: &str, name: &str) -> Diagnostics {
    let message = format!("chaincode {name} is not {what} everywhere in this party");
    let verb = if what == "installed" {
        "install"
    } else {
        "approve"
    };
    let hint = format!("kubectl chain run chaincode-{verb} {name}");
    refuse_with("chaincode", "", message, hint)
}

/// Approves the definition for the organisations of this party.
pub async fn approve(crew: &Crew, id: &str) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let (channel, goal, _, step) = look(crew, chaincode).await?;
    let name = &chaincode.about.name;
    let mut by = Vec::new();
    match step {
        Step::Install(_) => return Err(first("installed", name)),
        Step::Approve {
            definition,
            organisations,
        } => {
            let open = chaincode::approve(crew, channel, &definition, &organisations).await?;
            if let Some(pending) = open {
                return Ok(pending.report());
            }
            by = organisations.into_iter().map(|(org, _)| org).collect();
        }
        _ => {}
    }
    let (sequence, version) = (goal.sequence, &goal.version);
    let who = if by.is_empty() {
        "was approved before".to_owned()
    } else {
        format!("is approved by {}", by.join(", "))
    };
    Ok(report(
        format!("chaincode {name} {version} (sequence {sequence}) {who}"),
        &json!({"chaincode": name, "version": version, "sequence": sequence, "approvedNow": by}),
    ))
}

/// Commits the definition, when enough organisations have approved it.
pub async fn commit(crew: &Crew, id: &str) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let (channel, goal, _, step) = look(crew, chaincode).await?;
    let name = &chaincode.about.name;
    let mut now = false;
    match step {
        Step::Install(_) => return Err(first("installed", name)),
        Step::Approve { .. } => return Err(first("approved", name)),
        Step::Wait(waiting) => return Err(vec![not_yet(waits(name, &waiting))]),
        Step::Commit {
            definition,
            endorsers,
            elsewhere,
        } => {
            let whose = (endorsers.as_slice(), elsewhere.as_slice());
            let open = chaincode::commit(crew, channel, &definition, whose).await?;
            if let Some(pending) = open {
                return Ok(pending.report());
            }
            now = true;
        }
        Step::Done => {}
    }
    let (sequence, version) = (goal.sequence, &goal.version);
    let word = if now {
        "is committed"
    } else {
        "was committed before"
    };
    Ok(report(
        format!(
            "chaincode {name} {version} {word} on {} with sequence {sequence}",
            channel.name
        ),
        &json!({"chaincode": name, "version": version, "sequence": sequence, "committedNow": now}),
    ))
}

/// That others must approve is an error of who wants to commit.
fn not_yet(note: chain_plugin_sdk::Diagnostic) -> chain_plugin_sdk::Diagnostic {
    chain_plugin_sdk::Diagnostic {
        severity: chain_plugin_sdk::Severity::Error,
        ..note
    }
}

/// Arguments of `chaincode-upgrade`.
pub fn upgrade_args() -> Value {
    let mut properties = legacy::sources();
    for (name, schema) in [
        (
            "version",
            json!({"type": "string", "minLength": 1, "description": "the new version"}),
        ),
        (
            "image",
            json!({"type": "string", "minLength": 1, "description": "the new image"}),
        ),
        (
            "policy",
            json!({"type": "string", "description": "who must endorse; empty for what the channel says"}),
        ),
    ] {
        properties.insert(name.to_owned(), schema);
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": properties,
    })
}

/// Wishes for another version: amends the spec; or deploys, when the spec says so already.
///
/// An amendment rolls the pods of the chaincode, and its package is known only after it; no subject is new, so no hook
/// deploys. So the first run ends with the amendment, and the second (or `chaincode-deploy`) approves and commits.
pub async fn upgrade(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let chaincode = crew.chaincode(id)?;
    let name = &chaincode.about.name;
    let said = |key: &str| args.get(key).and_then(Value::as_str);
    if ["version", "image", "policy"]
        .iter()
        .all(|key| said(key).is_none())
    {
        let hint = "`version=1.1`, with `image=IMAGE` when the code is another";
        return Err(refuse_with("args", "", "nothing is to be changed", hint));
    }
    if let Some(why) = said("version").and_then(names::not_a_version) {
        return Err(refuse(
            "version",
            "/version",
            format!("chaincode {name}: {why}"),
        ));
    }
    let about = &chaincode.about;
    let is_so = said("version").is_none_or(|it| it == about.version)
        && said("image").is_none_or(|it| it == about.image)
        && said("policy").is_none_or(|it| it == about.policy);
    if is_so {
        return chaincode::deploy_one(crew, id).await;
    }
    // The label of a package is made of the version: by it peers tell old code from new.
    if said("image").is_some_and(|it| it != about.image)
        && said("version").is_none_or(|it| it == about.version)
    {
        let message = format!(
            "chaincode {name}: another image wants another version than {}",
            about.version
        );
        let hint = "`version=...` beside it: old and new code would have one package";
        return Err(refuse_with("version", "/version", message, hint));
    }
    let mut chaincodes = spec::chaincodes(&crew.network)?;
    for entry in chaincodes.iter_mut().filter(|it| it.name == *name) {
        let chosen = |key: &str, old: Option<String>| said(key).map(ToOwned::to_owned).or(old);
        entry.version = chosen("version", entry.version.take());
        entry.image = chosen("image", entry.image.take());
        entry.policy = chosen("policy", entry.policy.take()).filter(|it| !it.is_empty());
    }
    let says = format!("amending chaincode {name}");
    amend(crew, &says, &spec::with_chaincodes(&chaincodes)).await?;
    let version = said("version").unwrap_or(&about.version);
    let text = format!(
        "chaincode {name} is {version} in the spec, and its pods roll; when they are ready, make it the channel's:\n  kubectl chain run chaincode-deploy {name}{IN_FILE}"
    );
    Ok(report(
        text,
        &json!({"chaincode": name, "version": version, "committed": false}),
    ))
}

//! Operations that change the spec: a channel more, an identity more.
//!
//! An amendment is an `apply`: the host makes what is new, waits until it is ready and brings it up by the hook
//! `after-ready`. The operation itself goes on knowing the chain as it was, so it ends there.

use chain_plugin_sdk::{Act, Diagnostics, Report, Step};
use fabric_service::fault::{refuse, refuse_with};
use fabric_service::{CHAIN, kind};
use serde_json::{Value, json};

use super::crew::Crew;
use super::{report, spec};
use crate::input::{Channel, Several};
use crate::names;

/// What the user does with his own file afterwards.
pub const IN_FILE: &str =
    "\nthe chain's spec says so now: write it into your file too, or the next apply takes it back";

/// Longest time for an amendment, in milliseconds: pods start, and what is new is brought up.
const LONG: u32 = 1_800_000;

/// Merges a patch into the spec, and carries it out.
pub async fn amend(crew: &Crew, says: &str, patch: &Value) -> Result<(), Diagnostics> {
    let step = Step {
        on: CHAIN.to_owned(),
        says: says.to_owned(),
        sensitive: false,
        timeout_ms: LONG,
        act: Act::Amend(patch.to_string()),
    };
    let outcome = crew.hands()?.act(step).await;
    outcome.answer.map(|_| ()).map_err(|failure| {
        let hint = "what is done already stays; run the same command again";
        refuse_with("amend", "", failure.message, hint)
    })
}

/// Arguments of `channel-create`.
pub fn channel_args() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "description": "name of the channel"},
            "orgs": {
                "type": "array", "items": {"type": "string", "minLength": 1},
                "description": "organisations with peers in it, with commas; all when absent",
            },
            "policies": {
                "type": "object", "additionalProperties": {"type": "string"},
                "description": "policies of Application that differ from the usual ones, as JSON",
            },
        },
    })
}

/// Makes a channel.
pub async fn channel_create(crew: &Crew, args: &Value) -> Result<Report, Diagnostics> {
    let channel: Channel = serde_json::from_value(args.clone())
        .map_err(|fault| refuse("args", "", fault.to_string()))?;
    if let Some(why) = names::not_a_channel(&channel.name) {
        let message = format!("channel {:?}: {why}", channel.name);
        return Err(refuse("channel", "/name", message));
    }
    let name = channel.name.clone();
    let table = json!({"channel": name});
    if crew.channels.iter().any(|it| it.name == name) {
        let text = format!(
            "there is a channel {name} already; kubectl chain run channel-join {name} brings it up where it is not"
        );
        return Ok(report(text, &table));
    }
    let mut channels = spec::channels(&crew.network)?;
    let was_only = channels.len() == 1;
    channels.push(channel);
    let mut patch = spec::with_channels(&channels);
    // Chaincodes that named no channel meant the only one.
    let chaincodes = spec::chaincodes(&crew.network)?;
    if was_only
        && !chaincodes.is_empty()
        && let (Some(all), Value::Object(more)) =
            (patch.as_object_mut(), spec::with_chaincodes(&chaincodes))
    {
        all.extend(more);
    }
    let says = format!("making channel {name}");
    amend(crew, &says, &patch).await?;
    Ok(report(
        format!("channel {name} is made, and joined by its orderers and peers{IN_FILE}"),
        &table,
    ))
}

/// Arguments of `identity-issue`.
pub fn identity_args() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["org", "name"],
        "properties": {
            "org": {"type": "string", "minLength": 1, "description": "the organisation"},
            "name": {
                "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength": 64,
                "description": "name of the person or program",
            },
        },
    })
}

/// Issues an identity to a person or a program.
pub async fn identity_issue(crew: &Crew, args: &Value) -> Result<Report, Diagnostics> {
    let said = |name: &str| args.get(name).and_then(Value::as_str).unwrap_or_default();
    let (org, name) = (said("org"), said("name"));
    let mut orgs = spec::orgs(&crew.network)?;
    let entry = spec::org(&mut orgs, org)?;
    let id = format!("{}/{name}@{org}", kind::USER);
    let namespace = crew
        .network
        .subject(&format!("{}/{org}", kind::ORG))?
        .namespace
        .clone();
    let where_it_is =
        format!("its key lies in a vault of namespace {namespace}, its certificate is public");
    let table = json!({"org": org, "name": name, "subject": id});
    let mut users = spec::named(entry.users.as_ref());
    if name == "Admin" || users.iter().any(|it| it == name) {
        return Ok(report(
            format!("{id} is there already; {where_it_is}"),
            &table,
        ));
    }
    users.push(name.to_owned());
    entry.users = Some(Several::List(users));
    let says = format!("issuing an identity to {name} of {org}");
    amend(crew, &says, &spec::with_orgs(&orgs)).await?;
    Ok(report(
        format!("{id} is issued, in the role of a client; {where_it_is}{IN_FILE}"),
        &table,
    ))
}

//! The operation `cert-renew`: certificates over the same keys, for another term.

use chain_plugin_sdk::doing::join_all;
use chain_plugin_sdk::{Act, Diagnostics, Report, Step, warning};
use fabric_service::fault::{refuse, refuse_with};
use fabric_service::{extra, item, kind};
use serde_json::{Value, json};

use super::crew::Crew;
use super::gate;
use super::report;

/// Longest time for one renewal, in milliseconds: the pod of it rolls.
const LONG: u32 = 1_800_000;

/// Arguments of `cert-renew`.
pub fn args() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "only": {
                "type": "array", "items": {"type": "string", "minLength": 1},
                "description": "names of orderers, peers and users, with commas; all of the organisation when absent",
            },
        },
    })
}

/// Renews the certificates of orderers, peers and users of an organisation, one after the other.
pub async fn renew(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let only = args.get("only").and_then(Value::as_array);
    let only: Option<Vec<&str>> = only.map(|all| all.iter().filter_map(Value::as_str).collect());
    let (chosen, skipped) = choose(crew, id, only.as_deref())?;
    let mut left = chosen.clone();
    while !left.is_empty() {
        let subject = &left.remove(next(crew, &left).await?);
        let step = Step {
            on: subject.clone(),
            says: format!("renewing certificates of {subject}"),
            sensitive: false,
            timeout_ms: LONG,
            act: Act::Renew(vec![item::CERT.to_owned(), item::TLS_CERT.to_owned()]),
        };
        crew.hands()?.act(step).await.answer.map_err(|failure| {
            let message = format!("{subject}: {}", failure.message);
            let hint = "who was renewed stays so; `only=NAME` renews one";
            refuse_with("renew", "", message, hint)
        })?;
    }
    let mut text = if chosen.is_empty() {
        "nobody is to be renewed".to_owned()
    } else {
        format!("renewed, over the same keys: {}", chosen.join(", "))
    };
    if chosen.iter().any(|it| !it.starts_with(kind::USER)) {
        text.push_str("\npods of orderers and peers start anew, one at a time, and serve the new certificates then; channels need no change");
    }
    let notes = skipped
        .iter()
        .map(|(subject, why)| warning("renew", "", format!("{subject} is left out: {why}")))
        .collect();
    Ok(Report {
        notes,
        ..report(text, &json!({"renewed": chosen}))
    })
}

/// The place of the one that is renewed next: orderers come last, and of them one that leads a channel.
async fn next(crew: &Crew, left: &[String]) -> Result<usize, Diagnostics> {
    let is_orderer = |id: &String| id.starts_with(kind::ORDERER);
    if left.len() < 2 || crew.channels.is_empty() || !left.iter().all(is_orderer) {
        return Ok(0);
    }
    let hands = crew.hands()?;
    let asked = left.iter().map(|id| gate::leads(hands, id));
    let leads = join_all(asked.collect::<Vec<_>>()).await;
    Ok(leads.iter().position(Option::is_none).unwrap_or(0))
}

type Skipped = Vec<(String, &'static str)>;

/// Who is renewed, and who must not be, with the reason.
fn choose(
    crew: &Crew,
    id: &str,
    only: Option<&[&str]>,
) -> Result<(Vec<String>, Skipped), Diagnostics> {
    let org = crew.network.subject(id)?;
    if org.foreign {
        let message = format!("{} is of another party", org.name);
        return Err(refuse("org", "", message));
    }
    let about: extra::Org = extra::of(org)?;
    let (mut chosen, mut skipped) = (Vec::new(), Vec::new());
    let mut known = Vec::new();
    for of_kind in [kind::USER, kind::PEER, kind::ORDERER] {
        for subject in crew.network.children(id, of_kind) {
            let mut short = subject.name.as_str();
            for end in [format!(".{}", org.name), format!("@{}", org.name)] {
                short = short.strip_suffix(end.as_str()).unwrap_or(short);
            }
            known.push(short.to_owned());
            let is_meant = only.is_none_or(|all| {
                all.iter()
                    .any(|it| *it == short || *it == subject.name || *it == subject.id)
            });
            if !is_meant {
                continue;
            }
            let why = match of_kind {
                kind::USER
                    if !about.node_ous && extra::of::<extra::User>(subject)?.role == "admin" =>
                {
                    Some(
                        "without roles in certificates channels know an administrator by the certificate itself",
                    )
                }
                kind::ORDERER if crew.ordering.kind == "BFT" => {
                    Some("with BFT the certificate itself stands in every channel")
                }
                _ => None,
            };
            match why {
                Some(why) => skipped.push((subject.id.clone(), why)),
                None => chosen.push(subject.id.clone()),
            }
        }
    }
    if let Some(all) = only {
        let found = chosen.len().saturating_add(skipped.len());
        if found < all.len() || all.is_empty() {
            let message = format!(
                "not all of {} are in organisation {}",
                all.join(", "),
                org.name
            );
            let hint = format!("there is: {}", known.join(", "));
            return Err(refuse_with("only", "/only", message, hint));
        }
    }
    Ok((chosen, skipped))
}

//! Organisations come into a channel and leave it; their anchors; the definition that one gives to others.

use chain_plugin_sdk::{Blob, Diagnostics, Report};
use fabric_channel::block::decode_config_block;
use fabric_channel::edit;
use fabric_channel::model::{AnchorPeer, Organization};
use fabric_channel::tree::{APPLICATION, ORDERER};
use fabric_proto::configuration::ConfigGroup;
use fabric_service::fault::{at as fault_at, refuse, refuse_with};
use fabric_service::{kind, port};
use fabric_transaction::failure::Verdict;
use fabric_transaction::proposal::system;
use serde_json::{Value, json};

use super::amend::amend;
use super::change::{self, Changed, told};
use super::channel::{anchors, ensure};
use super::crew::{Channel, Crew, Org};
use super::definition::read as read_definition;
use super::roster::Roster;
use super::submit::Patience;
use super::trouble::Trouble;
use super::{report, spec};
use crate::blocks;

fn schema(more: &Value, org: &str) -> Value {
    let mut properties = json!({"org": {"type": "string", "minLength": 1, "description": org}});
    if let (Some(all), Some(more)) = (properties.as_object_mut(), more.as_object()) {
        all.extend(more.clone());
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

/// Arguments of `channel-add-org` and `channel-remove-org`.
pub fn args() -> Value {
    let more = json!({"ordering": {
        "type": "boolean", "default": false, "description": "as one that orders instead of one with peers",
    }});
    schema(&more, "the organisation: its name, or its MSP id")
}

/// Arguments of `anchor-set`.
pub fn anchor_args() -> Value {
    let more = json!({"peers": {
        "type": "array", "items": {"type": "string", "minLength": 1},
        "description": "names of peers, or host:port, with commas; as the spec says when absent",
    }});
    schema(
        &more,
        "the organisation; the only one of this party when absent",
    )
}

fn text<'a>(args: &'a Value, name: &str) -> Option<&'a str> {
    args.get(name).and_then(Value::as_str)
}

fn is_ordering(args: &Value) -> bool {
    args.get("ordering")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// An organisation by its name or MSP id, of whichever party; the party before the name may be left out.
fn known<'a>(crew: &'a Crew, name: &str) -> Result<&'a Org, Diagnostics> {
    let id = format!("{}/{name}", kind::ORG);
    let found = crew.orgs.iter().find(|it| it.id == id);
    found
        .or_else(|| crew.orgs.iter().find(|it| it.msp_id == name))
        .or_else(|| {
            let mut others = crew.orgs.iter().filter(|it| name_of(&it.id) == name);
            others.next().filter(|_| others.next().is_none())
        })
        .ok_or_else(|| {
            let prefix = format!("{}/", kind::ORG);
            let name_of = |it: &'a Org| it.id.strip_prefix(&prefix).unwrap_or(&it.id);
            let names: Vec<&str> = crew.orgs.iter().map(name_of).collect();
            let hint = format!(
                "there is: {}; the definition of another comes with `--file FILE`",
                names.join(", ")
            );
            refuse_with(
                "org",
                "/org",
                format!("there is no organisation {name}"),
                hint,
            )
        })
}

fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn part(ordering: bool) -> &'static str {
    if ordering { ORDERER } else { APPLICATION }
}

fn has(group: &ConfigGroup, part: &str, name: &str) -> bool {
    group
        .groups
        .get(part)
        .is_some_and(|it| it.groups.contains_key(name))
}

/// Puts an organisation into a channel.
pub async fn add(
    crew: &Crew,
    roster: &Roster,
    id: &str,
    args: &Value,
    files: &[Blob],
) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let ordering = is_ordering(args);
    let (definition, own) = match (text(args, "org"), files) {
        (None, [file]) => (read_definition(file)?, None),
        (Some(name), []) => {
            let org = known(crew, name)?;
            let card = if ordering {
                roster.ordering(&org.id)
            } else {
                roster.member(&org.id)
            };
            (card?.clone(), own(crew, org))
        }
        _ => {
            let message = "one organisation is wanted: by its name, or by a file";
            let hint = "`org=NAME`, or `--file FILE` with what `kubectl chain run org-definition` gave its party";
            return Err(refuse_with("org", "/org", message, hint));
        }
    };
    let release = blocks::line(crew.network.release);
    let changed = change::change(crew, channel, |group| {
        if has(group, part(ordering), &definition.name) {
            return Ok(());
        }
        let added = if ordering {
            edit::add_orderer_organization(group, &definition)
        } else {
            edit::add_application_organization(group, release, &definition)
        };
        added.map_err(fault_at("org", "/org"))
    })
    .await?;
    let open = matches!(changed, Changed::Open(_));
    let mut done = told(channel, changed);
    if let (false, false, Some(org)) = (open, ordering, own) {
        follow(crew, channel, org, &mut done).await?;
    }
    Ok(done)
}

fn own<'a>(crew: &Crew, org: &'a Org) -> Option<&'a Org> {
    let subject = crew.network.subject(&org.id).ok()?;
    (!subject.foreign).then_some(org)
}

/// What else is to be done for an organisation of this party that is a member now: its peers join, and the spec says so.
async fn follow(
    crew: &Crew,
    channel: &Channel,
    org: &Org,
    done: &mut Report,
) -> Result<(), Diagnostics> {
    let mut whole = channel.clone();
    let listed = whole.about.orgs.contains(&org.id);
    if !listed {
        whole.about.orgs.push(org.id.clone());
    }
    let joined = ensure(crew, &whole).await?;
    done.text.push('\n');
    done.text.push_str(&joined.text(channel));
    if listed {
        return Ok(());
    }
    let mut channels = spec::channels(&crew.network)?;
    for entry in channels.iter_mut().filter(|it| it.name == channel.name) {
        entry.orgs.push(name_of(&org.id).to_owned());
    }
    let says = format!(
        "making {} a member of channel {} in the spec",
        name_of(&org.id),
        channel.name
    );
    amend(crew, &says, &spec::with_channels(&channels)).await?;
    done.text.push_str(super::amend::IN_FILE);
    Ok(())
}

/// Organisations of this party that came later than their channel.
#[derive(Debug, Default)]
pub struct Late {
    /// Ids of those that are members now, whose peers must catch up.
    pub inside: Vec<String>,
    /// Ids of those that others must sign in.
    pub outside: Vec<String>,
}

/// Makes organisations members that the spec names and block 0 does not. A channel that names all costs no look.
pub async fn settle_new(
    crew: &Crew,
    roster: &Roster,
    channel: &Channel,
) -> Result<Late, Diagnostics> {
    let mut late = Late::default();
    let Ok(first) = decode_config_block(&channel.first) else {
        // In 1.4 there is a transaction instead.
        return Ok(late);
    };
    let release = blocks::line(crew.network.release);
    for (org, _) in crew.members(channel) {
        if has(&first.group, APPLICATION, &org.msp_id) {
            continue;
        }
        let definition = roster.member(&org.id)?;
        let changed = change::change(crew, channel, |group| {
            if has(group, APPLICATION, &definition.name) {
                return Ok(());
            }
            edit::add_application_organization(group, release, definition)
                .map_err(fault_at("org", "/org"))
        })
        .await?;
        match changed {
            Changed::Open(_) => late.outside.push(org.id.clone()),
            Changed::Already | Changed::Done(_) => late.inside.push(org.id.clone()),
        }
    }
    Ok(late)
}

/// Waits until the peers of organisations know of their membership: before, they refuse their own administrators.
pub async fn catch_up(crew: &Crew, channel: &Channel, orgs: &[String]) -> Result<(), Diagnostics> {
    let members = crew
        .members(channel)
        .filter(|(it, _)| orgs.contains(&it.id));
    for (org, admin) in members {
        for peer in &org.peers {
            let mut patience = Patience::new(crew);
            let call = system::chain_info(&channel.name);
            while let Err(trouble) = crew.ask(peer, &call, admin, "").await {
                let trouble = Trouble {
                    verdict: Verdict::Again,
                    ..trouble
                };
                patience.bear(crew, &peer.id, trouble).await?;
            }
        }
    }
    Ok(())
}

/// Takes an organisation out of a channel.
pub async fn remove(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let ordering = is_ordering(args);
    let Some(name) = text(args, "org") else {
        let hint = "`org=NAME`: a name of this chain, or an MSP id";
        return Err(refuse_with("org", "/org", "which organisation?", hint));
    };
    // One that nobody here knows any more is meant by its name in the channel.
    let org = known(crew, name).ok();
    let msp_id = org.map_or(name, |it| it.msp_id.as_str());
    let mine = org.and_then(|org| own(crew, org));
    if let Some(org) = mine
        && !ordering
        && channel.about.orgs == [org.id.clone()]
    {
        let message = format!("{name} is the only member of channel {} here", channel.name);
        let hint = "take the channel out of the spec, if nobody needs it any more";
        return Err(refuse_with("org", "/org", message, hint));
    }
    let changed = change::change(crew, channel, |group| {
        if !has(group, part(ordering), msp_id) {
            return Ok(());
        }
        let removed = if ordering {
            edit::remove_orderer_organization(group, msp_id)
        } else {
            edit::remove_application_organization(group, msp_id)
        };
        removed.map_err(fault_at("org", "/org"))
    })
    .await?;
    let open = matches!(changed, Changed::Open(_));
    let mut done = told(channel, changed);
    if let (false, false, Some(org)) = (open, ordering, mine)
        && channel.about.orgs.contains(&org.id)
    {
        let mut channels = spec::channels(&crew.network)?;
        for entry in channels.iter_mut().filter(|it| it.name == channel.name) {
            entry.orgs.retain(|it| it != name_of(&org.id));
        }
        let says = format!(
            "taking {} out of channel {} in the spec",
            name_of(&org.id),
            channel.name
        );
        amend(crew, &says, &spec::with_channels(&channels)).await?;
        done.text.push_str(super::amend::IN_FILE);
    }
    Ok(done)
}

/// Sets the peers by which others know an organisation.
pub async fn anchor_set(crew: &Crew, id: &str, args: &Value) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let org = meant(crew, channel, text(args, "org"))?;
    let said = args.get("peers").and_then(Value::as_array);
    let wanted = match said {
        None => anchors(crew, org)?,
        Some(peers) => peers
            .iter()
            .filter_map(Value::as_str)
            .map(|peer| anchor(crew, org, peer))
            .collect::<Result<_, _>>()?,
    };
    if wanted.is_empty() {
        let message = format!("no peer of {} is named as an anchor", name_of(&org.id));
        return Err(refuse_with(
            "peers",
            "/peers",
            message,
            "`peers=peer0` or `peers=HOST:PORT`",
        ));
    }
    let changed = change::change(crew, channel, |group| {
        edit::set_anchor_peers(group, &org.msp_id, &wanted).map_err(fault_at("org", "/org"))
    })
    .await?;
    Ok(told(channel, changed))
}

/// The organisation that is named; or the only member of this party.
fn meant<'a>(
    crew: &'a Crew,
    channel: &'a Channel,
    said: Option<&str>,
) -> Result<&'a Org, Diagnostics> {
    if let Some(name) = said {
        return known(crew, name);
    }
    let mine: Vec<&Org> = crew.members(channel).map(|(org, _)| org).collect();
    if let &[only] = mine.as_slice() {
        return Ok(only);
    }
    let names: Vec<&str> = mine.iter().map(|it| name_of(&it.id)).collect();
    let hint = format!("`org=NAME`: {}", names.join(", "));
    Err(refuse_with("org", "/org", "whose anchors?", hint))
}

/// A peer by its name, with or without that of its organisation; or `host:port`.
fn anchor(crew: &Crew, org: &Org, said: &str) -> Result<AnchorPeer, Diagnostics> {
    let full = format!("{said}.{}", name_of(&org.id));
    let mut peers = crew.network.children(&org.id, kind::PEER);
    if let Some(peer) = peers.find(|it| it.name == said || it.name == full) {
        let (host, port) = crew.network.address(peer, port::PEER)?;
        return Ok(AnchorPeer { host, port });
    }
    let outside = said.rsplit_once(':').and_then(|(host, port)| {
        let port = port.parse().ok().filter(|it| *it != 0)?;
        (!host.is_empty()).then(|| AnchorPeer {
            host: host.to_owned(),
            port,
        })
    });
    outside.ok_or_else(|| {
        let names: Vec<&str> = crew
            .network
            .children(&org.id, kind::PEER)
            .map(|it| it.name.as_str())
            .collect();
        let hint = format!("peers: {}; or HOST:PORT", names.join(", "));
        refuse_with("peers", "/peers", format!("there is no peer {said}"), hint)
    })
}

/// The definition of an organisation, for others to put it into their channel.
pub fn define(crew: &Crew, roster: &Roster, id: &str) -> Result<Report, Diagnostics> {
    let org = crew
        .orgs
        .iter()
        .find(|it| it.id == id)
        .ok_or_else(|| refuse("org", "", format!("there is no {id}")))?;
    let definition: &Organization = roster.member(id)?;
    let mut bytes = serde_json::to_vec_pretty(definition).map_err(fault_at("org", ""))?;
    bytes.push(b'\n');
    let name = format!("{}.json", name_of(id));
    let text = format!(
        "{}: certificates and addresses, no key; a member of a channel types\n  kubectl chain run channel-add-org CHANNEL --file {name}",
        org.msp_id
    );
    Ok(Report {
        files: vec![Blob { name, bytes }],
        ..report(text, &json!({"org": name_of(id), "mspId": org.msp_id}))
    })
}

//! Capabilities, which tell the release.

use chain_plugin_sdk::Diagnostics;
use fabric_channel::model::Release as Line;
use fabric_service::Release;

use super::notes::Notes;
use super::place::Place;

/// The names under `Capabilities` that are `true`.
fn required<'a>(at: &Place<'a>) -> Vec<(&'a str, Place<'a>)> {
    let all = at.get("Capabilities").map(|it| it.entries());
    let all = all.unwrap_or_default().into_iter();
    all.filter(|(_, place)| place.node.boolean() == Some(true))
        .collect()
}

/// The oldest release that has what a group requires.
pub fn release(at: &Place<'_>) -> Option<Release> {
    let of = |name: &str| match name.get(..3) {
        Some("V3_") => Some(Release::V3_1),
        Some("V2_") => Some(Release::V2_5),
        Some("V1_") => Some(Release::V1_4),
        _ => None,
    };
    required(at).iter().filter_map(|(name, _)| of(name)).max()
}

/// The release as the makers of channels name it.
pub const fn line(release: Release) -> Line {
    match release {
        Release::V1_4 => Line::V1_4,
        Release::V2_5 => Line::V2_5,
        Release::V3_1 => Line::V3_1,
    }
}

/// A group of a channel.
#[derive(Debug, Clone, Copy)]
pub enum Group {
    /// The channel.
    Channel,
    /// Its orderers.
    Orderer,
    /// Its peers.
    Application,
}

/// Tells which capabilities are not those that channels of the release have here.
pub fn compare(
    at: &Place<'_>,
    group: Group,
    release: Release,
    notes: &mut Notes,
) -> Result<(), Diagnostics> {
    let Some(all) = notes.map(at, "Capabilities")? else {
        return Ok(());
    };
    let usual = match group {
        Group::Channel => line(release).channel_capability(),
        Group::Orderer => line(release).orderer_capability(),
        Group::Application => line(release).application_capability(),
    };
    for (name, place) in all.entries() {
        notes.mark(&place);
        let Some(required) = place.node.boolean() else {
            return Err(notes.refuse(&place, "`true` or `false` is expected", ""));
        };
        if required && name != usual {
            let reason = format!(
                "it has no effect: a channel of release {} requires {usual} here",
                release.name()
            );
            notes.ignore(&place, &reason, "");
        }
    }
    Ok(())
}

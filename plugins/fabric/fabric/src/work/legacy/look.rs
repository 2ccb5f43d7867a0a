//! Who has the code of a chaincode, and what is instantiated.

use std::collections::BTreeSet;

use chain_plugin_sdk::Diagnostics;
use chain_plugin_sdk::doing::join_all;
use fabric_identity::identity::Identity;
use fabric_proto::peer::{ChaincodeData, ChaincodeQueryResponse};
use fabric_service::extra;
use fabric_transaction::failure::Verdict;
use fabric_transaction::proposal::legacy;

use crate::work::crew::{Channel, Crew, Node, Org};
use crate::work::submit::Patience;
use crate::work::trouble::Trouble;

/// Who has the code, and what is instantiated.
pub(super) struct Look<'a> {
    pub(super) lacking: Vec<(&'a Identity, &'a Node)>,
    pub(super) having: Vec<String>,
    pub(super) instantiated: Option<ChaincodeData>,
}

async fn look<'a>(
    crew: &'a Crew,
    channel: &'a Channel,
    about: &extra::Chaincode,
) -> Result<Look<'a>, Trouble> {
    let mut asked = Vec::new();
    for (org, admin) in crew.members(channel) {
        for peer in &org.peers {
            asked.push(async move {
                let found: Option<ChaincodeQueryResponse> =
                    crew.find(peer, &legacy::installed(), admin).await?;
                let mut all = found.unwrap_or_default().chaincodes.into_iter();
                let found = all.find(|it| it.name == about.name && it.version == about.version);
                Ok::<_, Trouble>((admin, peer, found.map(|it| it.id)))
            });
        }
    }
    let mut look = Look {
        lacking: Vec::new(),
        having: Vec::new(),
        instantiated: None,
    };
    let mut ids = BTreeSet::new();
    for answer in join_all(asked).await {
        let (admin, peer, id) = answer?;
        match id {
            Some(id) => {
                ids.insert(id);
                look.having.push(peer.name.clone());
            }
            None => look.lacking.push((admin, peer)),
        }
    }
    if ids.len() > 1 {
        let message = format!(
            "peers have different code as chaincode {} {}: {}",
            about.name,
            about.version,
            look.having.join(", ")
        );
        let trouble = Trouble::new(&channel.name, message, Verdict::GiveUp);
        return Err(trouble.because(Some(
            "they would not agree on any outcome: another version with one code for all is the way out",
        )));
    }
    let (peer, admin) = first(crew, channel)
        .ok_or_else(|| Trouble::new(&channel.name, "it has no peer here", Verdict::GiveUp))?;
    let call = legacy::chaincode_data(&channel.name, &about.name);
    look.instantiated = crew.find(peer, &call, admin).await?;
    Ok(look)
}

pub(super) fn first<'a>(crew: &'a Crew, channel: &'a Channel) -> Option<(&'a Node, &'a Identity)> {
    let peer = |(org, admin): (&'a Org, &'a Identity)| Some((org.peers.first()?, admin));
    crew.members(channel).find_map(peer)
}

/// The same, until it is known.
pub(super) async fn seen<'a>(
    crew: &'a Crew,
    channel: &'a Channel,
    about: &extra::Chaincode,
) -> Result<Look<'a>, Diagnostics> {
    let mut patience = Patience::new(crew);
    loop {
        match look(crew, channel, about).await {
            Ok(look) => return Ok(look),
            Err(trouble) => patience.bear(crew, &channel.id, trouble).await?,
        }
    }
}

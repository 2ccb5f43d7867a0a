//! Channels: orderers and peers join, anchors are set, and who is where.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chain_plugin_sdk::doing::{self, join_all};
use chain_plugin_sdk::{Diagnostics, Report};
use fabric_channel::block::{block_header_hash, decode_block, decode_update_file};
use fabric_channel::edit;
use fabric_channel::update::{sign_update, wrap};
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::Block;
use fabric_proto::peer::{BlockchainInfo, ChannelQueryResponse};
use fabric_service::fault::at as fault_at;
use fabric_transaction::config_block::last_config;
use fabric_transaction::deliver::Seek;
use fabric_transaction::failure::Verdict;
use fabric_transaction::participation::{ParticipationError, Relation};
use fabric_transaction::proposal::{Call, NONCE, system};
use serde_json::{Value, json};

use super::change;
use super::consenters::founds;
use super::crew::{Channel, Crew, Node, Org};
use super::report;
use super::sound;
use super::submit::Patience;
use super::trouble::Trouble;

/// Joins everybody of this party to a channel.
pub async fn join(crew: &Crew, id: &str) -> Result<Report, Diagnostics> {
    let channel = crew.channel(id)?;
    let joined = ensure(crew, channel).await?;
    let table =
        json!({"channel": channel.name, "orderers": joined.orderers, "peers": joined.peers});
    Ok(report(joined.text(channel), &table))
}

/// Who is in a channel after all.
#[derive(Debug, Default)]
pub struct Joined {
    /// Orderers.
    pub orderers: Vec<String>,
    /// Peers.
    pub peers: Vec<String>,
}

impl Joined {
    /// In words.
    pub fn text(&self, channel: &Channel) -> String {
        format!(
            "channel {}: {} orderers and {} peers have joined",
            channel.name,
            self.orderers.len(),
            self.peers.len()
        )
    }
}

/// Brings a channel about: made, and joined by all orderers and peers of this party.
pub async fn ensure(crew: &Crew, channel: &Channel) -> Result<Joined, Diagnostics> {
    if crew.network.release.system_channel() {
        return from_system_channel(crew, channel).await;
    }
    sound::check(crew, channel)?;
    let orderers = join_orderers(crew, channel);
    let peers = join_peers(crew, channel, &channel.first);
    let (orderers, peers) = doing::join(orderers, peers).await;
    Ok(Joined {
        orderers: orderers?,
        peers: peers?,
    })
}

async fn join_orderers(crew: &Crew, channel: &Channel) -> Result<Vec<String>, Diagnostics> {
    let work = crew.orderers(channel).map(|(org, orderer)| async move {
        let mut patience = Patience::new(crew);
        loop {
            match join_orderer(crew, channel, org, orderer, &patience).await {
                Ok(()) => return Ok(orderer.name.clone()),
                Err(trouble) => patience.bear(crew, &orderer.id, trouble).await?,
            }
        }
    });
    join_all(work.collect::<Vec<_>>())
        .await
        .into_iter()
        .collect()
}

async fn join_orderer(
    crew: &Crew,
    channel: &Channel,
    org: &Org,
    orderer: &Node,
    patience: &Patience,
) -> Result<(), Trouble> {
    // Who is in it already is neither sent the block again nor told of.
    if let Some(there) = crew.orderer_channel(orderer, &channel.name).await? {
        // One that came later and is no consenter yet delivers no block by which it could be told.
        if there.relation == Relation::Follower && !founds(channel, &orderer.host) {
            return Ok(());
        }
        return is_same(crew, channel, org, orderer).await;
    }
    let says = format!("joining channel {}", channel.name);
    match crew
        .join_orderer(orderer, patience.says(&says), &channel.first)
        .await?
    {
        Ok(joined)
            if crew.ordering.consenters
                && joined.relation == Relation::Follower
                && founds(channel, &orderer.host) =>
        {
            let message = format!(
                "it joined channel {} as a follower: its TLS key is none of the channel's consenters",
                channel.name
            );
            Err(Trouble::new(&orderer.name, message, Verdict::GiveUp))
        }
        Ok(_) => Ok(()),
        Err(ParticipationError::Exists(_)) => is_same(crew, channel, org, orderer).await,
        Err(fault) => Err(Trouble::new(&orderer.name, &fault, fault.verdict())),
    }
}

async fn is_same(crew: &Crew, channel: &Channel, org: &Org, orderer: &Node) -> Result<(), Trouble> {
    match &org.admin {
        Some(admin) => same_block(crew, channel, orderer, admin).await,
        None => Ok(()),
    }
}

/// An orderer knows a channel by name only: that it is this one shows its first block.
async fn same_block(
    crew: &Crew,
    channel: &Channel,
    orderer: &Node,
    signer: &Identity,
) -> Result<(), Trouble> {
    let theirs = crew
        .block(orderer, &channel.name, Seek::Oldest, signer)
        .await?;
    let ours = decode_block(&channel.first)
        .map_err(|fault| Trouble::new(&channel.name, fault, Verdict::GiveUp))?;
    if hash(&theirs) == hash(&ours) {
        return Ok(());
    }
    let message = format!(
        "it is in another channel called {}: block 0 there is {}, here {}",
        channel.name,
        hash(&theirs),
        hash(&ours)
    );
    Err(Trouble::new(&orderer.name, message, Verdict::GiveUp))
}

fn hash(block: &Block) -> String {
    let hash = block.header.as_ref().map(block_header_hash);
    hash.map(|it| BASE64.encode(it)).unwrap_or_default()
}

async fn join_peers(
    crew: &Crew,
    channel: &Channel,
    block: &[u8],
) -> Result<Vec<String>, Diagnostics> {
    let call = &system::join_channel(block);
    let mut work = Vec::new();
    for (org, admin) in crew.members(channel) {
        for peer in &org.peers {
            work.push(async move {
                let mut patience = Patience::new(crew);
                let says = format!("joining channel {}", channel.name);
                loop {
                    match join_peer(crew, channel, peer, call, admin, patience.says(&says)).await {
                        Ok(()) => return Ok(peer.name.clone()),
                        Err(trouble) if trouble.verdict == Verdict::Done => {
                            return Ok(peer.name.clone());
                        }
                        Err(trouble) => patience.bear(crew, &peer.id, trouble).await?,
                    }
                }
            });
        }
    }
    join_all(work).await.into_iter().collect()
}

async fn join_peer(
    crew: &Crew,
    channel: &Channel,
    peer: &Node,
    call: &Call,
    admin: &Identity,
    says: &str,
) -> Result<(), Trouble> {
    let found: Option<ChannelQueryResponse> = crew.find(peer, &system::channels(), admin).await?;
    let mut known = found.unwrap_or_default().channels.into_iter();
    if known.any(|it| it.channel_id == channel.name) {
        return Ok(());
    }
    crew.ask(peer, call, admin, says).await.map(drop)
}

/// A channel out of a system channel: made by a transaction, begun by the orderers, joined, and its anchors set.
async fn from_system_channel(crew: &Crew, channel: &Channel) -> Result<Joined, Diagnostics> {
    let block = first_block(crew, channel).await?;
    let peers = join_peers(crew, channel, &block.encode_to_vec()).await?;
    for (org, _) in crew.members(channel) {
        let anchors = anchors(crew, org)?;
        change::change(crew, channel, |group| {
            edit::set_anchor_peers(group, &org.msp_id, &anchors).map_err(fault_at("anchors", ""))
        })
        .await?;
    }
    Ok(Joined {
        orderers: crew
            .orderers(channel)
            .map(|(_, node)| node.name.clone())
            .collect(),
        peers,
    })
}

/// Block 0 as the orderers made it; asks them to make it when they have none.
async fn first_block(crew: &Crew, channel: &Channel) -> Result<Block, Diagnostics> {
    let signer = crew.signer(channel)?;
    let mut patience = Patience::new(crew);
    let mut asking = Asking::default();
    loop {
        let mut trouble = match oldest(crew, channel, signer).await {
            Ok(block) => return Ok(block),
            Err(trouble) => trouble,
        };
        if trouble.passes() && asking.is_due(crew) {
            match asking.heard(crew, create(crew, channel).await) {
                Ok(()) => {}
                // Who asked before and got no answer may have been heard: then a second wish does not fit any more.
                Err(refusal) => match oldest(crew, channel, signer).await {
                    Ok(block) => return Ok(block),
                    Err(_) => trouble = refusal,
                },
            }
        }
        patience.bear(crew, &channel.id, trouble).await?;
    }
}

/// How long what orderers took may take to show, in milliseconds, before they are asked again: one that stops may lose
/// it.
const SHOWS: u64 = 5_000;

/// When a change was asked for.
#[derive(Debug, Default)]
struct Asking(Option<u64>);

impl Asking {
    /// Whether it is time to ask, or to ask again.
    fn is_due(&self, crew: &Crew) -> bool {
        self.0
            .is_none_or(|at| crew.now_ms() >= at.saturating_add(SHOWS))
    }

    /// Takes note of an answer, and gives a refusal back. Who could not be reached is asked again soon.
    fn heard(&mut self, crew: &Crew, answer: Result<(), Trouble>) -> Result<(), Trouble> {
        match answer {
            Err(trouble) if trouble.passes() => Ok(()),
            Err(trouble) if trouble.verdict != Verdict::Done => Err(trouble),
            _ => {
                self.0 = Some(crew.now_ms());
                Ok(())
            }
        }
    }
}

async fn oldest(crew: &Crew, channel: &Channel, signer: &Identity) -> Result<Block, Trouble> {
    let mut last = Trouble::new(&channel.name, "it has no orderer here", Verdict::GiveUp);
    for (_, orderer) in crew.orderers(channel) {
        match crew
            .block(orderer, &channel.name, Seek::Oldest, signer)
            .await
        {
            Ok(block) => return Ok(block),
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

async fn create(crew: &Crew, channel: &Channel) -> Result<(), Trouble> {
    let (_, mut wish) = decode_update_file(&channel.first)
        .map_err(|fault| Trouble::new(&channel.name, fault, Verdict::GiveUp))?;
    for (_, admin) in crew.members(channel) {
        sign_update(&mut wish, admin, &nonce(crew));
    }
    hand_in(crew, channel, &wish).await
}

/// Bytes for one signature.
pub fn nonce(crew: &Crew) -> [u8; NONCE] {
    crew.stamp().nonce
}

/// Sends a signed change to the orderers, once.
async fn hand_in(
    crew: &Crew,
    channel: &Channel,
    wish: &fabric_proto::configuration::ConfigUpdateEnvelope,
) -> Result<(), Trouble> {
    let give_up =
        |fault: &dyn std::fmt::Display| Trouble::new(&channel.name, fault, Verdict::GiveUp);
    let signer = crew
        .signer(channel)
        .map_err(|_| give_up(&"nobody here may change it"))?;
    let stamp = crew.stamp();
    let envelope = wrap(wish, signer, &stamp.nonce, stamp.time).map_err(|fault| give_up(&fault))?;
    crew.order(channel, &envelope).await
}

/// The newest configuration block of a channel, asked for once of each orderer.
pub async fn newest_configuration(
    crew: &Crew,
    channel: &Channel,
    signer: &Identity,
) -> Result<Block, Trouble> {
    let mut last = Trouble::new(&channel.name, "it has no orderer here", Verdict::GiveUp);
    for (_, orderer) in crew.orderers(channel) {
        let block = async {
            let newest = crew
                .block(orderer, &channel.name, Seek::Newest, signer)
                .await?;
            let number = last_config(&newest)
                .map_err(|fault| Trouble::new(&orderer.name, fault, Verdict::GiveUp))?;
            if newest.header.as_ref().map(|it| it.number) == Some(number) {
                return Ok(newest);
            }
            crew.block(orderer, &channel.name, Seek::Number(number), signer)
                .await
        };
        match block.await {
            Ok(block) => return Ok(block),
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

/// The peers by which other organisations know one, as the spec says.
pub fn anchors(
    crew: &Crew,
    org: &Org,
) -> Result<Vec<fabric_channel::model::AnchorPeer>, Diagnostics> {
    let mut anchors = Vec::new();
    for peer in &org.peers {
        let subject = crew.network.subject(&peer.id)?;
        if fabric_service::extra::of::<fabric_service::extra::Node>(subject)?.anchor {
            let (host, port) = crew.network.address(subject, fabric_service::port::PEER)?;
            anchors.push(fabric_channel::model::AnchorPeer { host, port });
        }
    }
    Ok(anchors)
}

/// Which orderers and peers are in which channels, and how far.
pub async fn list(crew: &Crew) -> Result<Report, Diagnostics> {
    let orderers = crew.orgs.iter().flat_map(|org| {
        let nodes = org.orderers.iter();
        nodes.map(move |orderer| of_orderer(crew, org, orderer))
    });
    let peers = crew.orgs.iter().flat_map(|org| {
        let admin = org.admin.as_ref();
        org.peers
            .iter()
            .filter_map(move |peer| Some((peer, admin?)))
    });
    let peers = peers.map(|(peer, admin)| async move {
        let found: Option<ChannelQueryResponse> =
            crew.find(peer, &system::channels(), admin).await?;
        let mut rows = Vec::new();
        for channel in found.unwrap_or_default().channels {
            let call = system::chain_info(&channel.channel_id);
            let info: Option<BlockchainInfo> = crew.find(peer, &call, admin).await?;
            rows.push(json!({
                "channel": channel.channel_id, "node": peer.name,
                "height": info.unwrap_or_default().height,
                "relation": "peer", "status": "active",
            }));
        }
        Ok::<_, Trouble>(rows)
    });
    let (orderers, peers) = doing::join(
        join_all(orderers.collect::<Vec<_>>()),
        join_all(peers.collect::<Vec<_>>()),
    )
    .await;
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    for part in orderers.into_iter().chain(peers) {
        match part {
            Ok(part) => rows.extend(part),
            Err(trouble) => notes.push(chain_plugin_sdk::warning(
                "node",
                "",
                format!("{}: {}", trouble.by, trouble.message),
            )),
        }
    }
    rows.sort_by_key(|row| (row["channel"].to_string(), row["node"].to_string()));
    let lines = rows.iter().map(|row| {
        let part = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        format!(
            "{}  {}  height {}  {}  {}",
            part("channel"),
            part("node"),
            row["height"],
            part("relation"),
            part("status")
        )
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if rows.is_empty() {
        "no node has joined a channel".clone_into(&mut text);
    }
    Ok(Report {
        notes,
        ..report(text, &json!(rows))
    })
}

/// The channels of an orderer. Where none tells which ones it has, those of the spec are asked for their newest block.
async fn of_orderer(crew: &Crew, org: &Org, orderer: &Node) -> Result<Vec<Value>, Trouble> {
    let mut rows = Vec::new();
    if crew.network.release.system_channel() {
        let ours = crew.channels.iter();
        for channel in ours.filter(|it| it.about.ordering.contains(&org.id)) {
            let Ok(signer) = crew.signer(channel) else {
                continue;
            };
            let newest = crew
                .block(orderer, &channel.name, Seek::Newest, signer)
                .await?;
            let number = newest.header.map_or(0, |it| it.number);
            rows.push(json!({
                "channel": channel.name, "node": orderer.name, "height": number.saturating_add(1),
                "relation": "orderer", "status": "active",
            }));
        }
        return Ok(rows);
    }
    for name in crew.orderer_channels(orderer).await?.channels {
        if let Some(joined) = crew.orderer_channel(orderer, &name).await? {
            let word = |it: &dyn std::fmt::Debug| format!("{it:?}").to_lowercase();
            rows.push(json!({
                "channel": name, "node": orderer.name, "height": joined.height,
                "relation": word(&joined.relation), "status": word(&joined.status),
            }));
        }
    }
    Ok(rows)
}

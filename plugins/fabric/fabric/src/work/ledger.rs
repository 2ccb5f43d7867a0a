//! Blocks of a channel, from whoever of this party has them: orderers before peers.

use chain_plugin_sdk::Diagnostics;
use fabric_channel::block::{ConfigBlock, open_config_block};
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::Block;
use fabric_service::fault::{at as fault_at, refuse_with};
use fabric_transaction::config_block::last_config;
use fabric_transaction::deliver::Seek;
use fabric_transaction::failure::Verdict;
use fabric_transaction::proposal::{Call, system};

use super::channel::newest_configuration;
use super::crew::{Channel, Crew, Node};
use super::submit::Patience;
use super::trouble::Trouble;

/// Which block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Newest,
    /// The newest that configures the channel.
    Config,
    /// Block 0.
    Oldest,
    /// The block of this number, which must be there.
    Number(u64),
}

/// Whose signature lets one read: somebody of those who order, since in maintenance orderers answer nobody else; else a
/// member.
pub fn reader<'a>(crew: &'a Crew, channel: &'a Channel) -> Result<&'a Identity, Diagnostics> {
    let ordering = crew
        .orgs
        .iter()
        .filter(|org| channel.about.ordering.contains(&org.id))
        .find_map(|org| org.admin.as_ref());
    ordering.map_or_else(|| crew.signer(channel), Ok)
}

/// The newest configuration of a channel.
pub async fn configuration(crew: &Crew, channel: &Channel) -> Result<ConfigBlock, Diagnostics> {
    let block = block(crew, channel, Which::Config).await?;
    open_config_block(block).map_err(fault_at("channel", ""))
}

/// A block of a channel.
pub async fn block(crew: &Crew, channel: &Channel, which: Which) -> Result<Block, Diagnostics> {
    let mut patience = Patience::new(crew);
    loop {
        let found = if crew.orderers(channel).next().is_some() {
            from_orderers(crew, channel, which, reader(crew, channel)?).await
        } else {
            from_peers(crew, channel, which).await
        };
        match found {
            Ok(block) => return Ok(block),
            Err(trouble) => patience.bear(crew, &channel.id, trouble).await?,
        }
    }
}

fn later(channel: &Channel, number: u64, newest: u64) -> Trouble {
    let message = format!("there is no block {number} yet: the newest is {newest}");
    Trouble::new(&channel.name, message, Verdict::GiveUp)
}

fn number_of(block: &Block) -> u64 {
    block.header.as_ref().map_or(0, |header| header.number)
}

async fn from_orderers(
    crew: &Crew,
    channel: &Channel,
    which: Which,
    signer: &Identity,
) -> Result<Block, Trouble> {
    if which == Which::Config {
        return newest_configuration(crew, channel, signer).await;
    }
    let mut last = Trouble::new(&channel.name, "it has no orderer here", Verdict::GiveUp);
    for (_, orderer) in crew.orderers(channel) {
        match from_orderer(crew, channel, which, orderer, signer).await {
            Ok(block) => return Ok(block),
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

async fn from_orderer(
    crew: &Crew,
    channel: &Channel,
    which: Which,
    orderer: &Node,
    signer: &Identity,
) -> Result<Block, Trouble> {
    let get = |seek| crew.block(orderer, &channel.name, seek, signer);
    match which {
        Which::Oldest => get(Seek::Oldest).await,
        Which::Newest | Which::Config => get(Seek::Newest).await,
        Which::Number(number) => {
            // An orderer waits for a block that does not exist: so it is asked for the newest first.
            let newest = get(Seek::Newest).await?;
            match number_of(&newest) {
                at if at == number => Ok(newest),
                at if at < number => Err(later(channel, number, at)),
                _ => get(Seek::Number(number)).await,
            }
        }
    }
}

async fn from_peers(crew: &Crew, channel: &Channel, which: Which) -> Result<Block, Trouble> {
    let message = "no orderer and no peer of it is this party's";
    let mut last = Trouble::new(&channel.name, message, Verdict::GiveUp);
    for (org, admin) in crew.members(channel) {
        for peer in &org.peers {
            match from_peer(crew, channel, which, peer, admin).await {
                Ok(block) => return Ok(block),
                Err(trouble) => last = trouble,
            }
        }
    }
    Err(last)
}

async fn from_peer(
    crew: &Crew,
    channel: &Channel,
    which: Which,
    peer: &Node,
    admin: &Identity,
) -> Result<Block, Trouble> {
    let name = &channel.name;
    let get = |call: Call| async move {
        let bytes = crew.ask(peer, &call, admin, "").await?;
        Block::decode(bytes.as_slice())
            .map_err(|fault| Trouble::new(&peer.name, fault, Verdict::GiveUp))
    };
    match which {
        Which::Config => get(system::config_block(name)).await,
        Which::Oldest => get(system::block(name, 0)).await,
        Which::Newest | Which::Number(_) => {
            let bytes = crew.ask(peer, &system::chain_info(name), admin, "").await?;
            let info = fabric_proto::peer::BlockchainInfo::decode(bytes.as_slice())
                .map_err(|fault| Trouble::new(&peer.name, fault, Verdict::GiveUp))?;
            let newest = info.height.saturating_sub(1);
            match which {
                Which::Number(number) if number > newest => Err(later(channel, number, newest)),
                Which::Number(number) => get(system::block(name, number)).await,
                _ => get(system::block(name, newest)).await,
            }
        }
    }
}

/// Number of the block that configured a channel when this one was cut.
pub fn configured_by(block: &Block) -> Option<u64> {
    last_config(block).ok()
}

/// Reads the word by which a user means a block.
pub fn which(text: &str) -> Result<Which, Diagnostics> {
    match text {
        "newest" | "" => Ok(Which::Newest),
        "config" => Ok(Which::Config),
        "oldest" => Ok(Which::Oldest),
        number => number.parse().map(Which::Number).map_err(|_| {
            refuse_with(
                "block",
                "/block",
                format!("{number:?} is no block"),
                "`newest`, `config`, `oldest` or a number",
            )
        }),
    }
}

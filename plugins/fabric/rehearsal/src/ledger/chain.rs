//! A channel: its blocks, its configuration, and the state that its transactions made.
//!
//! There is one of each channel for the whole network: what is ordered is at once with every node that joined.

use std::collections::BTreeMap;

use fabric_channel::block::{block_data_hash, open_config_block};
use fabric_channel::model::Consensus;
use fabric_channel::read::channel_model;
use fabric_identity::certificate::Certificate;
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::{Block, BlockData, BlockHeader, Envelope, HeaderType};
use fabric_proto::configuration::{Config, ConfigGroup};
use fabric_proto::peer::{CommitChaincodeDefinitionArgs, TxValidationCode as Code};
use fabric_service::Release;
use serde::{Deserialize, Serialize};

use super::member::{Known, Membership, know};
use super::message::{Audit, Opened, open};
use super::policy::satisfied;
use super::seal::{config_envelope, hash, sealed};

/// Where definitions of chaincodes stand since 2.0.
pub const LIFECYCLE: &str = "_lifecycle";
/// Where chaincodes of 1.4 stand.
pub const LSCC: &str = "lscc";

/// A place in the state: chaincode and key.
pub type Place = (String, String);

/// What a transaction read and writes: the outcome that endorsers sign. Its encoding is this machine's own, no client
/// reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Places with the block that wrote them last.
    pub reads: Vec<(Place, Option<u64>)>,
    /// Places with what stands there after.
    pub writes: Vec<(Place, Vec<u8>)>,
}

/// A transaction of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its type, see [`HeaderType`].
    pub kind: i32,
    /// What became of it.
    pub code: i32,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// The release of its nodes.
    pub release: Release,
    /// Its blocks.
    pub blocks: Vec<Block>,
    /// What stands in them.
    pub entries: Vec<Vec<Entry>>,
    /// Its configuration.
    pub config: Config,
    /// The block of that.
    pub configured: u64,
    /// The state: what stands at a place, and the block that wrote it.
    pub state: BTreeMap<Place, (Vec<u8>, u64)>,
    /// Organisations.
    pub members: Vec<Membership>,
    /// Who orders.
    pub ordering: Ordering,
    root: ConfigGroup,
    seen: BTreeMap<String, Vec<u8>>,
}

/// Who orders a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ordering {
    /// TLS certificates of its consenters; none where the consensus does not name them.
    pub consenters: Option<Vec<Certificate>>,
    /// How many of them must be there.
    pub quorum: usize,
    /// Whether some may lie: then a request that came twice is known.
    pub bft: bool,
}

impl Ordering {
    fn of(name: &str, root: &ConfigGroup) -> Result<Self, String> {
        let model = channel_model(name, root).map_err(|it| it.to_string())?;
        let orderer = model.orderer.ok_or("no orderers")?;
        let (texts, bft): (Vec<String>, bool) = match orderer.consensus {
            Consensus::Etcdraft { consenters, .. } => {
                let all = consenters.into_iter().map(|it| it.server_tls_cert);
                (all.collect(), false)
            }
            Consensus::Bft { consenters, .. } => {
                let all = consenters.into_iter().map(|it| it.server_tls_cert);
                (all.collect(), true)
            }
            _ => return Ok(Self::default()),
        };
        let all = texts.iter().map(|it| Certificate::parse_pem(it));
        let all = all
            .collect::<Result<Vec<_>, _>>()
            .map_err(|it| it.to_string())?;
        let faulty = all.len().saturating_sub(1) / 3;
        Ok(Self {
            quorum: if bft {
                (all.len() + faulty + 1).div_ceil(2)
            } else {
                all.len() / 2 + 1
            },
            consenters: Some(all),
            bft,
        })
    }

    /// Whether it is one of those who order.
    pub fn has(&self, tls: &Certificate) -> bool {
        self.consenters.as_ref().is_none_or(|all| {
            all.iter()
                .any(|it| it.subject_public_key_info() == tls.subject_public_key_info())
        })
    }
}

/// A run of a chaincode over the state.
#[derive(Debug)]
pub struct Simulation<'a> {
    chain: &'a Chain,
    reads: BTreeMap<Place, Option<u64>>,
    writes: BTreeMap<Place, Vec<u8>>,
}

impl<'a> Simulation<'a> {
    /// Begins.
    pub fn new(chain: &'a Chain) -> Self {
        Self {
            chain,
            reads: BTreeMap::new(),
            writes: BTreeMap::new(),
        }
    }

    /// Reads.
    pub fn get(&mut self, namespace: &str, key: &str) -> Option<Vec<u8>> {
        let place = (namespace.to_owned(), key.to_owned());
        let found = self.chain.state.get(&place);
        self.reads.insert(place, found.map(|it| it.1));
        found.map(|it| it.0.clone())
    }

    /// Writes.
    pub fn put(&mut self, namespace: &str, key: &str, value: Vec<u8>) {
        self.writes
            .insert((namespace.to_owned(), key.to_owned()), value);
    }

    /// What came of it.
    pub fn effect(self) -> Effect {
        Effect {
            reads: self.reads.into_iter().collect(),
            writes: self.writes.into_iter().collect(),
        }
    }
}

impl Chain {
    /// A channel that begins with a block.
    pub fn new(block: Block, release: Release) -> Result<Self, String> {
        let opened = open_config_block(block.clone()).map_err(|it| it.to_string())?;
        let name = opened.channel_id().to_owned();
        Ok(Self {
            members: Membership::of_channel(&opened.group)?,
            ordering: Ordering::of(&name, &opened.group)?,
            entries: vec![vec![Entry {
                id: opened.envelope.channel_header.tx_id.clone(),
                kind: HeaderType::Config as i32,
                code: 0,
            }]],
            config: opened.config,
            root: opened.group,
            configured: 0,
            state: BTreeMap::new(),
            seen: BTreeMap::new(),
            blocks: vec![block],
            name,
            release,
        })
    }

    /// The root of its configuration.
    pub fn root(&self) -> &ConfigGroup {
        &self.root
    }

    /// Number of blocks.
    pub fn height(&self) -> u64 {
        u64::try_from(self.blocks.len()).unwrap_or(u64::MAX)
    }

    /// The hash of its first block.
    pub fn first_hash(&self) -> [u8; 32] {
        hash(self.blocks.first())
    }

    /// The hash of its newest block, and of the one before.
    pub fn hashes(&self) -> ([u8; 32], Vec<u8>) {
        let last = self.blocks.last();
        let before = last.and_then(|it| it.header.as_ref());
        (
            hash(last),
            before
                .map(|it| it.previous_hash.clone())
                .unwrap_or_default(),
        )
    }

    /// Somebody of the channel.
    pub fn know(&self, creator: &[u8], now_ms: u64) -> Result<Known, String> {
        know(&self.members, creator, now_ms)
    }

    /// Opens an envelope whose signature verifies and whose signer satisfies a policy of the channel.
    pub fn admit(
        &self,
        envelope: &Envelope,
        path: &str,
        now_ms: u64,
        audit: &mut Audit,
    ) -> Result<(Opened, Known), String> {
        let opened = open(envelope)?;
        if opened.channel.channel_id != self.name {
            return Err(format!(
                "envelope is of channel {:?}, not {:?}",
                opened.channel.channel_id, self.name
            ));
        }
        let who = self.know(&opened.signature.creator, now_ms)?;
        audit.signed(&who, &envelope.payload, &envelope.signature)?;
        if satisfied(self.root(), path, std::slice::from_ref(&who)) {
            Ok((opened, who))
        } else {
            Err(format!(
                "implicit policy evaluation failed: {path}: permission denied for {}",
                who.certificate.subject()
            ))
        }
    }

    /// Whether a transaction is in a block.
    pub fn has(&self, id: &str) -> bool {
        self.seen.contains_key(id)
    }

    /// Whether an envelope is in a block, byte for byte.
    pub fn has_envelope(&self, envelope: &Envelope) -> bool {
        let bytes = envelope.encode_to_vec();
        self.blocks
            .iter()
            .filter_map(|it| it.data.as_ref())
            .any(|it| it.data.contains(&bytes))
    }

    /// Whether the newest configuration came of this envelope.
    pub fn was_applied(&self, envelope: &Envelope) -> bool {
        let block = usize::try_from(self.configured)
            .ok()
            .and_then(|it| self.blocks.get(it));
        block
            .and_then(|it| open_config_block(it.clone()).ok())
            .is_some_and(|it| it.config_envelope.last_update.as_ref() == Some(envelope))
    }

    fn cut(&mut self, envelope: &Envelope, entry: Entry, orderer: &Identity) {
        let number = self.height();
        if entry.kind == HeaderType::Config as i32 {
            self.configured = number;
        }
        let data = BlockData {
            data: vec![envelope.encode_to_vec()],
        };
        let header = BlockHeader {
            number,
            previous_hash: match self.blocks.last() {
                Some(_) => hash(self.blocks.last()).to_vec(),
                None => Vec::new(),
            },
            data_hash: block_data_hash(&data).to_vec(),
        };
        let filter = vec![u8::try_from(entry.code).unwrap_or(255)];
        let metadata = sealed(&header, self.configured, filter, orderer);
        self.blocks.push(Block {
            header: Some(header),
            data: Some(data),
            metadata: Some(metadata),
        });
        self.entries.push(vec![entry]);
    }

    /// Appends a configuration.
    pub fn configure(
        &mut self,
        config: Config,
        last_update: &Envelope,
        orderer: &Identity,
        now_ms: u64,
    ) -> Result<(), String> {
        let envelope = config_envelope(&self.name, &config, last_update, orderer, now_ms);
        let entry = Entry {
            id: String::new(),
            kind: HeaderType::Config as i32,
            code: 0,
        };
        self.root = config.channel_group.clone().ok_or("no group")?;
        self.members = Membership::of_channel(&self.root)?;
        self.ordering = Ordering::of(&self.name, &self.root)?;
        self.config = config;
        self.cut(&envelope, entry, orderer);
        Ok(())
    }

    /// Orders a transaction: a block of its own, and what it changes if it is valid.
    pub fn order(
        &mut self,
        envelope: &Envelope,
        orderer: &Identity,
        now_ms: u64,
        audit: &mut Audit,
    ) -> Result<(), String> {
        let opened = open(envelope)?;
        let id = opened.channel.tx_id.clone();
        let bytes = envelope.encode_to_vec();
        let (code, effect) = match self.seen.get(&id) {
            Some(before) => {
                if *before == bytes {
                    audit.copies += 1;
                } else {
                    audit
                        .invalid
                        .push((self.name.clone(), id.clone(), Code::DuplicateTxid as i32));
                }
                (Code::DuplicateTxid, Effect::default())
            }
            None => match self.validate(&opened, envelope, now_ms, audit) {
                Ok(effect) => (Code::Valid, effect),
                Err((code, why)) => {
                    audit.refusals.push(format!("{}: {id}: {why}", self.name));
                    audit
                        .invalid
                        .push((self.name.clone(), id.clone(), code as i32));
                    (code, Effect::default())
                }
            },
        };
        let number = self.height();
        for (place, value) in effect.writes {
            if place.0 == LIFECYCLE
                && let Some(chaincode) = place.1.strip_prefix("definition/")
                && let Ok(definition) = CommitChaincodeDefinitionArgs::decode(value.as_slice())
            {
                let raised = (self.name.clone(), chaincode.to_owned(), definition.sequence);
                *audit.raised.entry(raised).or_default() += 1;
            }
            if place.0 == LSCC {
                let raised = (self.name.clone(), place.1.clone(), 0);
                *audit.raised.entry(raised).or_default() += 1;
            }
            self.state.insert(place, (value, number));
        }
        self.seen.entry(id.clone()).or_insert(bytes);
        let entry = Entry {
            id,
            kind: HeaderType::EndorserTransaction as i32,
            code: code as i32,
        };
        self.cut(envelope, entry, orderer);
        Ok(())
    }
}

//! From a call to a committed transaction: proposals, endorsements, ordering, and the block in which it stands.
//!
//! An orderer that acknowledged a transaction may lose it when it stops before the block is cut. So what does not appear
//! is submitted again, as a transaction of its own; whoever must not do a thing twice looks first.

use chain_plugin_sdk::Diagnostics;
use chain_plugin_sdk::doing::{join, join_all};
use fabric_identity::certificate::Certificate;
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::Envelope;
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::peer::BlockchainInfo;
use fabric_transaction::commit;
use fabric_transaction::endorsement::{self, Reply};
use fabric_transaction::failure::Verdict;
use fabric_transaction::proposal::{self, Call, system};
use fabric_transaction::transaction;

use super::crew::{Channel, Crew, Node};
use super::trouble::{Trouble, chain};

/// For how long something that passes by itself is waited for, in milliseconds: elections take up to 8 seconds.
pub const PATIENCE: u64 = 90_000;
/// How long nothing more is said about what is waited for, in milliseconds.
const TELLING: u64 = 15_000;
/// The first pause between two attempts, and the longest.
const PAUSES: (u32, u32) = (100, 1_000);

/// Attempts with growing pauses, until patience ends.
#[derive(Debug)]
pub struct Patience {
    until_ms: u64,
    pause_ms: u32,
    told_ms: Option<u64>,
}

impl Patience {
    /// From now on.
    pub fn new(crew: &Crew) -> Self {
        Self {
            until_ms: crew.now_ms().saturating_add(PATIENCE),
            pause_ms: PAUSES.0,
            told_ms: None,
        }
    }

    /// What is said about an attempt: the same words are not said twice.
    pub fn says<'a>(&self, text: &'a str) -> &'a str {
        if self.pause_ms == PAUSES.0 { text } else { "" }
    }

    /// Waits before another attempt, or ends with the trouble: when it does not pass by itself, or lasted too long.
    pub async fn bear(
        &mut self,
        crew: &Crew,
        on: &str,
        trouble: Trouble,
    ) -> Result<(), Diagnostics> {
        if !trouble.passes() || crew.now_ms() >= self.until_ms {
            return Err(trouble.fatal());
        }
        // The first attempts fail while a channel starts, and nobody needs to read that; nor the same each second.
        let now = crew.now_ms();
        let quiet = self.pause_ms < PAUSES.1
            || self
                .told_ms
                .is_some_and(|told| now < told.saturating_add(TELLING));
        let says = if quiet {
            String::new()
        } else {
            self.told_ms = Some(now);
            let whose = if on.ends_with(&trouble.by) {
                String::new()
            } else {
                format!("{}: ", trouble.by)
            };
            format!("{whose}{}; trying again", trouble.message)
        };
        crew.hands()?.sleep(on, &says, self.pause_ms).await;
        self.pause_ms = self.pause_ms.saturating_mul(2).min(PAUSES.1);
        Ok(())
    }
}

/// A transaction that changed the state.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// Its id.
    pub tx_id: String,
    /// The block in which it stands.
    pub block: u64,
    /// What the chaincode answered.
    pub result: Vec<u8>,
}

/// Whether an identity signed a message.
fn signed(endorser: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(identity) = SerializedIdentity::decode(endorser) else {
        return false;
    };
    let Ok(text) = String::from_utf8(identity.id_bytes) else {
        return false;
    };
    let Ok(certificate) = Certificate::parse_pem(&text) else {
        return false;
    };
    let key = certificate.public_key();
    key.is_ok_and(|key| key.verify(message, signature).is_ok())
}

impl Crew {
    /// Sends a transaction and waits until it stands in a block of every one of `endorsers`.
    pub async fn submit(
        &self,
        channel: &Channel,
        call: &Call,
        signer: &Identity,
        endorsers: &[&Node],
        says: &str,
    ) -> Result<Submitted, Diagnostics> {
        let mut patience = Patience::new(self);
        loop {
            match self.attempt(channel, call, signer, endorsers, says).await {
                Ok(done) => return Ok(done),
                Err(trouble) => patience.bear(self, &channel.id, trouble).await?,
            }
        }
    }

    async fn attempt(
        &self,
        channel: &Channel,
        call: &Call,
        signer: &Identity,
        endorsers: &[&Node],
        says: &str,
    ) -> Result<Submitted, Trouble> {
        let Some(observer) = endorsers.first() else {
            return Err(Trouble::new(
                &channel.name,
                "no peer can endorse",
                Verdict::GiveUp,
            ));
        };
        let prepared = proposal::prepare(call, signer, &self.stamp());
        let height = async {
            let call = system::chain_info(&channel.name);
            let bytes = self.ask(observer, &call, signer, "").await?;
            let info = BlockchainInfo::decode(bytes.as_slice());
            let info =
                info.map_err(|fault| Trouble::new(&observer.name, fault, Verdict::GiveUp))?;
            Ok::<u64, Trouble>(info.height)
        };
        let proposals = join_all(endorsers.iter().enumerate().map(|(index, peer)| {
            let prepared = &prepared;
            let says = if index == 0 { says } else { "" };
            async move {
                let answer = self.propose(peer, prepared, says).await?;
                Ok::<Reply, Trouble>(Reply {
                    peer: peer.name.clone(),
                    answer,
                })
            }
        }));
        let (height, replies) = join(height, proposals).await;
        let mut number = height?;
        let replies = replies.into_iter().collect::<Result<Vec<_>, _>>()?;
        let endorsed = endorsement::agree(&prepared, &replies, signed).map_err(|fault| {
            let words = match &fault {
                endorsement::EndorsementError::Refused {
                    source: proposal::AnswerError::Refused(refusal),
                    ..
                } => refusal.words(),
                _ => None,
            };
            Trouble::new(&channel.name, chain(&fault), fault.verdict()).because(words)
        })?;
        let envelope = transaction::assemble(&prepared, &endorsed, signer)
            .map_err(|fault| Trouble::new(&channel.name, fault, Verdict::GiveUp))?;
        self.order(channel, &envelope).await?;
        loop {
            let block = self
                .committed(observer, &channel.name, number, signer)
                .await?;
            if let Some(found) = commit::find(&block, &prepared.tx_id) {
                commit::check(found.code)
                    .map_err(|fault| Trouble::new(&channel.name, &fault, fault.verdict()))?;
                break;
            }
            number += 1;
        }
        // Whoever endorsed must know of it too before he is asked again.
        let others = endorsers.iter().skip(1);
        let seen = join_all(others.map(|peer| self.committed(peer, &channel.name, number, signer)));
        for block in seen.await {
            block?;
        }
        Ok(Submitted {
            tx_id: prepared.tx_id,
            block: number,
            result: endorsed.result,
        })
    }

    /// Hands an envelope to those who order: to all of them where any may be left out by the others, else to the first
    /// that takes it.
    pub async fn order(&self, channel: &Channel, envelope: &Envelope) -> Result<(), Trouble> {
        let orderers: Vec<&Node> = self.orderers(channel).map(|(_, node)| node).collect();
        if orderers.is_empty() {
            let message = "no orderer of the channel is this party's";
            let trouble = Trouble::new(&channel.name, message, Verdict::GiveUp);
            return Err(trouble);
        }
        if self.ordering.kind == "BFT" {
            let all = join_all(orderers.iter().map(|it| self.broadcast(it, envelope))).await;
            // One more than may be faulty makes sure that an honest one has it.
            let enough = orderers.len().saturating_sub(1) / 3 + 1;
            if all.iter().filter(|it| it.is_ok()).count() >= enough {
                return Ok(());
            }
            return all.into_iter().collect();
        }
        let mut last = None;
        for orderer in orderers {
            match self.broadcast(orderer, envelope).await {
                Ok(()) => return Ok(()),
                Err(trouble) if trouble.passes() => last = Some(trouble),
                Err(trouble) => return Err(trouble),
            }
        }
        last.map_or(Ok(()), Err)
    }
}

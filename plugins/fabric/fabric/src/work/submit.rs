//! From a call to a committed transaction: proposals, endorsements, ordering, and the block in which it stands.
//!
//! An orderer that acknowledged a transaction may lose it when it stops before the block is cut. So what does not appear
//! is sent again, byte for byte: of two copies one counts. Only what stands in a block and changed nothing, since others
//! were first, is proposed anew.

use chain_plugin_sdk::Diagnostics;
use chain_plugin_sdk::doing::{join, join_all};
use fabric_identity::certificate::Certificate;
use fabric_identity::identity::Identity;
use fabric_proto::Message as _;
use fabric_proto::common::Envelope;
use fabric_proto::msp::SerializedIdentity;
use fabric_proto::peer::{BlockchainInfo, ProcessedTransaction};
use fabric_transaction::commit::{self, Committed};
use fabric_transaction::endorsement::{self, Endorsed, EndorsementError, Reply};
use fabric_transaction::failure::Verdict;
use fabric_transaction::proposal::{self, Call, Prepared, Stamp, system};
use fabric_transaction::transaction;

use super::crew::{Channel, Crew, Node};
use super::trouble::{Trouble, chain};

/// For how long something that passes by itself is waited for, in milliseconds: elections take up to 8 seconds.
pub const PATIENCE: u64 = 90_000;
/// How long nothing more is said about what is waited for, in milliseconds.
const TELLING: u64 = 15_000;
/// The first pause between two attempts, and the longest. Each is half as long again as the one before: a new channel has
/// its leader after a second, and what is twice as long is missed by up to as much again.
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
        self.endure(crew, on, trouble).await.map_err(Trouble::fatal)
    }

    /// The same within an attempt at something larger: trouble that ends this ends that too.
    async fn endure(&mut self, crew: &Crew, on: &str, trouble: Trouble) -> Result<(), Trouble> {
        if !trouble.passes() || crew.now_ms() >= self.until_ms {
            return Err(Trouble {
                verdict: match trouble.verdict {
                    Verdict::Again => Verdict::GiveUp,
                    other => other,
                },
                ..trouble
            });
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
        if let Ok(hands) = crew.hands() {
            hands.sleep(on, &says, self.pause_ms).await;
        }
        self.pause_ms = (self.pause_ms / 2 * 3).min(PAUSES.1);
        Ok(())
    }
}

/// A proposal with which its endorsers agree.
#[derive(Debug, Clone)]
pub struct Agreed {
    /// The proposal.
    pub prepared: Prepared,
    /// What each endorser answered.
    pub replies: Vec<Reply>,
    /// What they agree on.
    pub endorsed: Endorsed,
    /// The height of the first endorser's ledger before: the first block in which the transaction can stand.
    pub height: u64,
}

/// Whether an identity signed a message.
pub fn signed(endorser: &[u8], message: &[u8], signature: &[u8]) -> bool {
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

/// What is wrong with answers, with its cause in plain words where it is known.
pub fn disagreement(channel: &Channel, fault: &EndorsementError) -> Trouble {
    let words = match fault {
        EndorsementError::Refused {
            source: proposal::AnswerError::Refused(refusal),
            ..
        } => refusal.words(),
        _ => None,
    };
    Trouble::new(&channel.name, chain(fault), fault.verdict()).because(words)
}

impl Crew {
    /// Sends a transaction that settles something and waits until it stands in a block of every one of `endorsers`: that it
    /// is so already is as good. The caller looks again after it.
    pub async fn settle(
        &self,
        channel: &Channel,
        call: &Call,
        signer: &Identity,
        endorsers: &[&Node],
        says: &str,
    ) -> Result<(), Diagnostics> {
        let mut patience = Patience::new(self);
        loop {
            let attempt = self.attempt(channel, call, signer, endorsers, says, &mut patience);
            match attempt.await {
                Ok(()) => return Ok(()),
                // Another run was first, and not every peer may know yet what it did.
                Err(trouble) if trouble.verdict == Verdict::Done => {
                    self.hands()?.sleep(&channel.id, "", PAUSES.1).await;
                    return Ok(());
                }
                Err(trouble) => patience.bear(self, &channel.id, trouble).await?,
            }
        }
    }

    /// Has a call endorsed, to be sent later or by others. Nothing when what it would settle is so already.
    pub async fn endorsed(
        &self,
        channel: &Channel,
        call: &Call,
        signer: &Identity,
        endorsers: &[&Node],
        says: &str,
    ) -> Result<Option<Agreed>, Diagnostics> {
        let mut patience = Patience::new(self);
        loop {
            let stamp = self.stamp();
            let agreed = self.agreed(channel, call, signer, endorsers, says, &stamp);
            match agreed.await {
                Ok(agreed) => return Ok(Some(agreed)),
                Err(trouble) if trouble.verdict == Verdict::Done => return Ok(None),
                Err(trouble) => patience.bear(self, &channel.id, trouble).await?,
            }
        }
    }

    /// Proposes a call, of which the transaction's id is by its stamp.
    pub async fn agreed(
        &self,
        channel: &Channel,
        call: &Call,
        signer: &Identity,
        endorsers: &[&Node],
        says: &str,
        stamp: &Stamp,
    ) -> Result<Agreed, Trouble> {
        let Some(&observer) = endorsers.first() else {
            return Err(Trouble::new(
                &channel.name,
                "no peer can endorse",
                Verdict::GiveUp,
            ));
        };
        let prepared = proposal::prepare(call, signer, stamp);
        let height = self.height(channel, observer, signer);
        let (height, replies) = join(height, self.replies(&prepared, endorsers, says)).await;
        let (height, replies) = (height?, replies?);
        let endorsed = endorsement::agree(&prepared, &replies, signed)
            .map_err(|fault| disagreement(channel, &fault))?;
        Ok(Agreed {
            prepared,
            replies,
            endorsed,
            height,
        })
    }

    /// The height of a peer's ledger.
    async fn height(
        &self,
        channel: &Channel,
        peer: &Node,
        signer: &Identity,
    ) -> Result<u64, Trouble> {
        let call = system::chain_info(&channel.name);
        let bytes = self.ask(peer, &call, signer, "").await?;
        let info = BlockchainInfo::decode(bytes.as_slice())
            .map_err(|fault| Trouble::new(&peer.name, fault, Verdict::GiveUp))?;
        Ok(info.height)
    }

    /// What peers answer to a proposal.
    pub async fn replies(
        &self,
        prepared: &Prepared,
        endorsers: &[&Node],
        says: &str,
    ) -> Result<Vec<Reply>, Trouble> {
        let proposals = endorsers.iter().enumerate().map(|(index, peer)| {
            let says = if index == 0 { says } else { "" };
            async move {
                let answer = self.propose(peer, prepared, says).await?;
                Ok::<Reply, Trouble>(Reply {
                    peer: peer.name.clone(),
                    answer,
                })
            }
        });
        join_all(proposals.collect::<Vec<_>>())
            .await
            .into_iter()
            .collect()
    }

    async fn attempt(
        &self,
        channel: &Channel,
        call: &Call,
        signer: &Identity,
        endorsers: &[&Node],
        says: &str,
        patience: &mut Patience,
    ) -> Result<(), Trouble> {
        let stamp = self.stamp();
        let agreed = self.agreed(channel, call, signer, endorsers, says, &stamp);
        let agreed = agreed.await?;
        let found = self
            .brought(channel, &agreed, signer, endorsers, patience)
            .await?;
        commit::check(found.code)
            .map_err(|fault| Trouble::new(&channel.name, &fault, fault.verdict()))?;
        self.seen(channel, found.block, signer, endorsers).await
    }

    /// Has ordered what endorsers agree on, and tells what the first of them says of it.
    pub async fn brought(
        &self,
        channel: &Channel,
        agreed: &Agreed,
        signer: &Identity,
        endorsers: &[&Node],
        patience: &mut Patience,
    ) -> Result<Committed, Trouble> {
        let Agreed {
            prepared, endorsed, ..
        } = agreed;
        let envelope = transaction::assemble(prepared, endorsed, signer)
            .map_err(|fault| Trouble::new(&channel.name, fault, Verdict::GiveUp))?;
        let Some(observer) = endorsers.first() else {
            return Err(Trouble::new(&channel.name, "no peer", Verdict::GiveUp));
        };
        let from = (*observer, signer, agreed.height);
        self.stands(channel, &envelope, &prepared.tx_id, from, patience)
            .await
    }

    /// Waits until all that endorsed have a block, after the first of them: who endorsed must know of it before he is
    /// asked again.
    pub async fn seen(
        &self,
        channel: &Channel,
        block: u64,
        signer: &Identity,
        endorsers: &[&Node],
    ) -> Result<(), Trouble> {
        let others = endorsers.iter().skip(1).map(|peer| async move {
            let mut patience = Patience::new(self);
            loop {
                match self.committed(peer, &channel.name, block, signer).await {
                    Ok(_) => return Ok::<(), Trouble>(()),
                    Err(trouble) => patience.endure(self, &channel.id, trouble).await?,
                }
            }
        });
        join_all(others).await.into_iter().collect()
    }

    /// What became of a transaction, by a peer; nothing when no block there has it.
    pub async fn code_of(
        &self,
        channel: &Channel,
        tx_id: &str,
        (observer, signer): (&Node, &Identity),
    ) -> Result<Option<i32>, Trouble> {
        let call = system::transaction(&channel.name, tx_id);
        let found: Option<ProcessedTransaction> = self.find(observer, &call, signer).await?;
        Ok(found.map(|it| it.validation_code))
    }

    /// Has a transaction ordered that was endorsed before, and tells what a peer says of it, with the block when it is a new
    /// one. What is in a block already is not sent again.
    pub async fn bring_in(
        &self,
        channel: &Channel,
        envelope: &Envelope,
        tx_id: &str,
        (observer, signer): (&Node, &Identity),
    ) -> Result<(i32, Option<u64>), Diagnostics> {
        let mut patience = Patience::new(self);
        // The height first: what no block has after it will stand in a later one.
        let height = loop {
            let look = async {
                let height = self.height(channel, observer, signer).await?;
                let code = self.code_of(channel, tx_id, (observer, signer)).await?;
                Ok::<_, Trouble>((height, code))
            };
            match look.await {
                Ok((_, Some(code))) => return Ok((code, None)),
                Ok((height, None)) => break height,
                Err(trouble) => patience.bear(self, &channel.id, trouble).await?,
            }
        };
        let from = (observer, signer, height);
        let found = self.stands(channel, envelope, tx_id, from, &mut patience);
        let found = found.await.map_err(Trouble::fatal)?;
        Ok((found.code, Some(found.block)))
    }

    /// Has an envelope ordered, until a peer sees it in a block. From here on it is this one transaction, whatever answers
    /// are lost: another one would do the thing twice.
    async fn stands(
        &self,
        channel: &Channel,
        envelope: &Envelope,
        tx_id: &str,
        (observer, signer, height): (&Node, &Identity, u64),
        patience: &mut Patience,
    ) -> Result<Committed, Trouble> {
        let mut number = height;
        let mut sent = false;
        loop {
            let place = (observer, &mut number);
            let ordered = self.ordered(channel, envelope, tx_id, place, signer, sent);
            match ordered.await {
                Ok(found) => return Ok(found),
                Err(trouble) => patience.endure(self, &channel.id, trouble).await?,
            }
            sent = true;
        }
    }

    /// Has an envelope ordered and waits for it at a peer, from a block on. One that was `sent` before is sent again when
    /// the peer does not know it: a second copy in a block changes nothing.
    async fn ordered(
        &self,
        channel: &Channel,
        envelope: &Envelope,
        tx_id: &str,
        (observer, number): (&Node, &mut u64),
        signer: &Identity,
        sent: bool,
    ) -> Result<Committed, Trouble> {
        let place = (observer, signer);
        if !sent || self.code_of(channel, tx_id, place).await?.is_none() {
            self.order(channel, envelope).await?;
        }
        loop {
            let block = self.committed(observer, &channel.name, *number, signer);
            if let Some(found) = commit::find(&block.await?, tx_id) {
                return Ok(found);
            }
            *number += 1;
        }
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

//! A user's call that is made once, though the run that makes it may be killed at any moment and typed again.
//!
//! Before anything is sent, what the transaction's id is made of is remembered beside a salted hash of the call. The same
//! call after an interrupted run is the same transaction: it is looked up, and where no block has it, it is sent again
//! under the same id, of which at most one counts. What ended is forgotten, so the same call typed once more is another.

use std::collections::BTreeMap;

use chain_plugin_sdk::doing::join;
use chain_plugin_sdk::{Act, Diagnostics, Host, Step};
use fabric_identity::identity::Identity;
use fabric_proto::common::Timestamp;
use fabric_proto::peer::ProcessedTransaction;
use fabric_transaction::commit;
use fabric_transaction::failure::Verdict;
use fabric_transaction::open;
use fabric_transaction::proposal::{Call, NONCE, Stamp, system, tx_id};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::crew::{Channel, Crew, Node};
use super::submit::Patience;
use super::trouble::Trouble;

/// For how long a call that was begun is sent under its old id, in milliseconds. Peers take a proposal for 15 minutes, and
/// after that nothing of it is under way any more.
const SENDS: i64 = 600_000;
/// For how long a call that was begun is remembered, in milliseconds.
const REMEMBERS: i64 = 86_400_000;

/// What is remembered about a chaincode: calls that were begun and not seen to their end. Nothing in it tells what was
/// called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Journal {
    salt: String,
    calls: BTreeMap<String, Begun>,
    /// Why it could not be written.
    #[serde(skip)]
    unwritten: Option<String>,
}

/// What the id of a transaction is made of beside its signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    transaction: String,
    nonce: String,
    seconds: i64,
    nanos: i32,
}

/// A call that is committed.
#[derive(Debug)]
pub struct Once {
    /// Its transaction.
    pub transaction: String,
    /// The block, where this run saw it.
    pub block: Option<u64>,
    /// What the chaincode answered.
    pub result: Vec<u8>,
    /// Whether a run before this one had begun it.
    pub resumed: bool,
    /// Why it was not remembered meanwhile.
    pub unwritten: Option<String>,
}

/// Where a call is made: channel, id of the chaincode, signer, endorsers.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The channel.
    pub channel: &'a Channel,
    /// Id of the chaincode.
    pub chaincode: &'a str,
    /// Who signs.
    pub signer: &'a Identity,
    /// Who endorses; the first is asked what became of it.
    pub endorsers: &'a [&'a Node],
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; NONCE]> {
    let mut bytes = [0; NONCE];
    if text.len() != NONCE * 2 {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

impl Begun {
    fn of(transaction: String, stamp: &Stamp) -> Self {
        Self {
            transaction,
            nonce: hex(&stamp.nonce),
            seconds: stamp.time.seconds,
            nanos: stamp.time.nanos,
        }
    }

    /// Its stamp.
    fn stamp(&self) -> Option<Stamp> {
        Some(Stamp {
            nonce: unhex(&self.nonce)?,
            time: Timestamp {
                seconds: self.seconds,
                nanos: self.nanos,
            },
            tls_cert_hash: None,
        })
    }

    fn age_ms(&self, now_ms: u64) -> i64 {
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
        now.saturating_sub(self.seconds.saturating_mul(1000))
    }
}

impl Journal {
    /// What is remembered about a chaincode. What cannot be read is of another version, and was begun by none of this.
    pub fn of(host: &dyn Host, chaincode: &str) -> Self {
        let state = host.state(chaincode);
        state
            .and_then(|it| serde_json::from_str(&it).ok())
            .unwrap_or_default()
    }

    fn key(&self, call: &Call, creator: &[u8]) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        add(self.salt.as_bytes());
        add(creator);
        add(call.channel.as_bytes());
        add(call.chaincode.as_bytes());
        add(&[u8::from(call.is_init)]);
        for arg in &call.args {
            add(arg);
        }
        add(b"transient");
        for (name, value) in &call.transient {
            add(name.as_bytes());
            add(value);
        }
        hex(&hash.finalize())
    }
}

impl Crew {
    /// Makes a call and waits until it is committed, as a run that was killed on the way began it, if one was.
    pub async fn once(&self, at: At<'_>, call: &Call, says: &str) -> Result<Once, Diagnostics> {
        let mut journal = self.journal(at.chaincode);
        if journal.salt.is_empty() {
            journal.salt = hex(&self.fresh());
        }
        let now = self.now_ms();
        journal
            .calls
            .retain(|_, it| (0..REMEMBERS).contains(&it.age_ms(now)));
        let key = journal.key(call, at.signer.creator());
        let mut begun = journal.calls.get(&key).cloned();
        let resumed = begun.is_some();
        let mut patience = Patience::new(self);
        let making = Making {
            crew: self,
            at,
            call,
            key: &key,
        };
        loop {
            let made = making.attempt(&mut journal, &mut begun, says, &mut patience);
            let trouble = match made.await {
                Ok(done) => {
                    making.forget(&mut journal).await;
                    return Ok(Once {
                        resumed,
                        unwritten: journal.unwritten,
                        ..done
                    });
                }
                Err(trouble) => trouble,
            };
            // Some peer has it in a block already: the next look will find it.
            let trouble = match trouble.verdict {
                Verdict::Done => Trouble {
                    verdict: Verdict::Again,
                    ..trouble
                },
                _ => trouble,
            };
            if let Err(fault) = patience.bear(self, &at.channel.id, trouble).await {
                if begun.is_none() {
                    making.forget(&mut journal).await;
                }
                return Err(fault);
            }
        }
    }
}

/// One call on its way.
struct Making<'a> {
    crew: &'a Crew,
    at: At<'a>,
    call: &'a Call,
    key: &'a str,
}

impl Making<'_> {
    async fn attempt(
        &self,
        journal: &mut Journal,
        begun: &mut Option<Begun>,
        says: &str,
        patience: &mut Patience,
    ) -> Result<Once, Trouble> {
        let At {
            channel,
            signer,
            endorsers,
            ..
        } = self.at;
        let Some(&observer) = endorsers.first() else {
            let message = "no peer can endorse";
            return Err(Trouble::new(&channel.name, message, Verdict::GiveUp));
        };
        if let Some(earlier) = begun.clone() {
            let call = system::transaction(&channel.name, &earlier.transaction);
            let found: Option<ProcessedTransaction> =
                self.crew.find(observer, &call, signer).await?;
            match found {
                Some(found) if commit::check(found.validation_code).is_ok() => {
                    return Ok(Once {
                        transaction: earlier.transaction,
                        block: None,
                        result: answered(&found),
                        resumed: false,
                        unwritten: None,
                    });
                }
                // It ended, and changed nothing.
                Some(_) => *begun = None,
                None if earlier.age_ms(self.crew.now_ms()) >= SENDS => *begun = None,
                None => {}
            }
        }
        let again = begun.as_ref().and_then(Begun::stamp);
        let is_new = again.is_none();
        let stamp = again.unwrap_or_else(|| self.crew.stamp());
        let remember = async {
            if is_new {
                let transaction = tx_id(&stamp.nonce, signer.creator());
                let entry = Begun::of(transaction, &stamp);
                journal.calls.insert(self.key.to_owned(), entry);
                self.remember(journal).await;
            }
        };
        // Who endorses changes nothing, so that is asked for meanwhile.
        let agreed = self
            .crew
            .agreed(channel, self.call, signer, endorsers, says, &stamp);
        let ((), agreed) = join(remember, agreed).await;
        let agreed = agreed?;
        *begun = journal.calls.get(self.key).cloned();
        let found = self
            .crew
            .brought(channel, &agreed, signer, endorsers, patience)
            .await?;
        if let Err(fault) = commit::check(found.code) {
            *begun = None;
            return Err(Trouble::new(&channel.name, &fault, fault.verdict()));
        }
        self.crew
            .seen(channel, found.block, signer, endorsers)
            .await?;
        Ok(Once {
            transaction: agreed.prepared.tx_id,
            block: Some(found.block),
            result: agreed.endorsed.result,
            resumed: false,
            unwritten: None,
        })
    }

    async fn forget(&self, journal: &mut Journal) {
        if journal.calls.remove(self.key).is_some() {
            self.remember(journal).await;
        }
    }

    /// Writes the journal. Who may not write it makes calls all the same, and is told.
    async fn remember(&self, journal: &mut Journal) {
        let Ok(hands) = self.crew.hands() else { return };
        let step = Step {
            on: self.at.chaincode.to_owned(),
            says: String::new(),
            sensitive: false,
            timeout_ms: 0,
            act: Act::Remember(json!(journal).to_string()),
        };
        if let Err(failure) = hands.act(step).await.answer {
            journal.unwritten = Some(failure.message);
        }
    }
}

/// What a chaincode answered, by its transaction.
fn answered(found: &ProcessedTransaction) -> Vec<u8> {
    let opened = found
        .transaction_envelope
        .as_ref()
        .and_then(|it| open::transaction(it).ok());
    let response = opened.and_then(|(_, all)| all.into_iter().next()?.response);
    response.map(|it| it.payload).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(args: &[&str], secret: &str) -> Call {
        let args = args.iter().map(|it| it.as_bytes().to_vec()).collect();
        let mut call = Call::new("c", "kv", args);
        call.transient
            .insert("k".to_owned(), secret.as_bytes().to_vec());
        call
    }

    #[test]
    fn calls_are_told_apart_and_not_told() {
        let journal = Journal {
            salt: "s".to_owned(),
            ..Journal::default()
        };
        let key = |call: &Call| journal.key(call, b"me");
        let one = key(&call(&["put", "a"], "x"));
        assert_eq!(one, key(&call(&["put", "a"], "x")));
        assert_ne!(one, key(&call(&["puta"], "x")));
        assert_ne!(one, key(&call(&["put", "a"], "y")));
        assert_ne!(one, journal.key(&call(&["put", "a"], "x"), b"you"));
        let other = Journal {
            salt: "t".to_owned(),
            ..Journal::default()
        };
        assert_ne!(one, other.key(&call(&["put", "a"], "x"), b"me"));
    }

    #[test]
    fn what_is_remembered_gives_the_same_transaction() {
        let stamp = Stamp {
            nonce: [7; NONCE],
            time: Timestamp {
                seconds: 12,
                nanos: 5,
            },
            tls_cert_hash: None,
        };
        let begun = Begun::of("t".to_owned(), &stamp);
        assert_eq!(begun.stamp(), Some(stamp));
        assert_eq!(begun.age_ms(13_000), 1_000);
        let broken = Begun {
            nonce: "zz".to_owned(),
            ..begun
        };
        assert_eq!(broken.stamp(), None);
    }
}

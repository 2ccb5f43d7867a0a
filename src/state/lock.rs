//! The operation lock: who is changing a chain right now. It lies in the head.
//!
//! The head's compare-and-swap makes one of two takers win. A lock expires by itself, so a killed client blocks nobody
//! for long; therefore whoever holds it renews it while working, and asks [`fence`] before each wave of writes whether
//! it is still the holder. Time is given by the caller, in milliseconds since 1970.

use super::head::{Head, Lock};
use super::store::{Store, StoreError, StoredHead, update_head};

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error(
        "chain {chain:?} is being changed by {by} ({operation}, since {}, until {} at the latest)",
        time(*since_ms), time(*expires_ms)
    )]
    Held {
        /// The chain.
        chain: String,
        /// user@host.
        by: String,
        /// The command.
        operation: String,
        /// When it was taken.
        since_ms: u64,
        /// When it expires.
        expires_ms: u64,
    },
    /// It was ours and is nobody's now: it expired and somebody else came and went.
    #[error("the operation lock of chain {chain:?} is no longer held by this run")]
    Lost {
        /// The chain.
        chain: String,
    },
    /// The chain is gone.
    #[error("chain {chain:?} was deleted meanwhile")]
    Gone {
        /// The chain.
        chain: String,
    },
    /// The head cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LockError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Held { .. } => {
                Some("wait until it is done and run the same command again; a lock left by a killed run expires".into())
            }
            Self::Lost { .. } => Some("run the same command again".into()),
            Self::Gone { chain } => Some(format!("run: kubectl chain create {chain}")),
            Self::Store(error) => error.hint(),
        }
    }
}

/// Who wants the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Random id of this run.
    pub holder: String,
    /// For people: user@host.
    pub by: String,
    /// The command, e.g. `apply`.
    pub operation: String,
}

impl Claim {
    /// The lock that this claim makes, for a head that is created with it.
    pub fn lock(&self, now_ms: u64, ttl_ms: u64) -> Lock {
        Lock {
            holder: self.holder.clone(),
            by: self.by.clone(),
            operation: self.operation.clone(),
            since_ms: now_ms,
            expires_ms: now_ms.saturating_add(ttl_ms),
        }
    }
}

fn time(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(|| "an unknown time".to_owned(), |t| format!("{t:.0}"))
}

fn held(head: &Head, lock: &Lock) -> LockError {
    LockError::Held {
        chain: head.chain.clone(),
        by: lock.by.clone(),
        operation: lock.operation.clone(),
        since_ms: lock.since_ms,
        expires_ms: lock.expires_ms,
    }
}

/// Takes the lock for `ttl_ms`, or extends it if this run holds it already. Returns the head with the lock in it.
///
/// # Errors
/// [`LockError::Held`] while another run's lock has not expired.
pub async fn acquire<S: Store>(
    store: &S,
    claim: &Claim,
    now_ms: u64,
    ttl_ms: u64,
) -> Result<StoredHead, LockError> {
    update_head(store, |head| {
        let mut lock = claim.lock(now_ms, ttl_ms);
        match &head.lock {
            Some(other) if other.holder != claim.holder && other.expires_ms > now_ms => {
                return Err(held(head, other));
            }
            Some(own) if own.holder == claim.holder => lock.since_ms = own.since_ms,
            _ => {}
        }
        head.lock = Some(lock);
        Ok(())
    })
    .await
}

/// Reads the head again, and extends the lock that this run holds when half of its time is gone. An expired lock that
/// nobody took is still ours.
///
/// # Errors
/// [`LockError::Held`] or [`LockError::Lost`].
pub async fn renew<S: Store>(
    store: &S,
    holder: &str,
    now_ms: u64,
    ttl_ms: u64,
) -> Result<StoredHead, LockError> {
    update_head(store, |head| {
        check(head, holder)?;
        if let Some(lock) = &mut head.lock
            && lock.expires_ms.saturating_sub(now_ms) < ttl_ms / 2
        {
            lock.expires_ms = now_ms.saturating_add(ttl_ms);
        }
        Ok(())
    })
    .await
}

/// Gives the lock back. Nothing happens if this run does not hold it, or if the chain is gone.
///
/// # Errors
/// The head cannot be read or written.
pub async fn release<S: Store>(store: &S, holder: &str) -> Result<(), LockError> {
    let result = update_head(store, |head| {
        if head.lock.as_ref().is_some_and(|l| l.holder == holder) {
            head.lock = None;
        }
        Ok::<_, LockError>(())
    })
    .await;
    match result {
        Ok(_) | Err(LockError::Store(StoreError::Missing { .. })) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads the head again and fails if this run does not hold the lock. To be called before each wave of writes.
///
/// # Errors
/// [`LockError::Held`], [`LockError::Lost`] or [`LockError::Gone`].
pub async fn fence<S: Store>(store: &S, holder: &str) -> Result<StoredHead, LockError> {
    let Some(stored) = store.load_head().await? else {
        return Err(LockError::Gone {
            chain: store.chain().to_owned(),
        });
    };
    check(&stored.head, holder)?;
    Ok(stored)
}

fn check(head: &Head, holder: &str) -> Result<(), LockError> {
    match &head.lock {
        Some(lock) if lock.holder == holder => Ok(()),
        Some(other) => Err(held(head, other)),
        None => Err(LockError::Lost {
            chain: head.chain.clone(),
        }),
    }
}

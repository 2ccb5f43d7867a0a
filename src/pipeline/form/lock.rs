//! The lock under which a chain is changed: how long it holds, and when it is taken over.

use crate::state::lock::{self, Claim, LockError};
use crate::state::{Head, Store, StoredHead};

/// How long a lock holds when its run says nothing more, in milliseconds.
pub const LOCK_MS: u64 = 60_000;

/// Takes the lock; one whose process is known to be gone is taken over at once.
pub async fn acquire<S: Store>(
    store: &S,
    claim: &Claim,
    now_ms: u64,
) -> Result<StoredHead, LockError> {
    let taken = lock::acquire(store, claim, now_ms, LOCK_MS).await;
    let Err(LockError::Held { .. }) = &taken else {
        return taken;
    };
    let Some(stored) = store.load_head().await? else {
        return taken;
    };
    let Some(holder) = stored
        .head
        .lock
        .map(|lock| lock.holder)
        .filter(|holder| crate::pipeline::holder::is_gone(holder))
    else {
        return taken;
    };
    crate::state::store::update_head(store, |head: &mut Head| {
        if head.lock.as_ref().is_some_and(|lock| lock.holder == holder) {
            head.lock = None;
        }
        Ok::<(), LockError>(())
    })
    .await?;
    lock::acquire(store, claim, now_ms, LOCK_MS).await
}

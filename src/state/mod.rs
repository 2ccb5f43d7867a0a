//! What is remembered of a chain, as data: head, vaults and revisions, and the signposts that lead to the head.
//!
//! The same three things live in a cluster (`ConfigMaps` and Secrets), in a folder (`--output-dir`) or in memory
//! (`--dry-run=client` of a new chain). Nothing here talks to anything; `store` is the door through which the
//! pipeline reads and writes them, in the one order that loses nothing:
//! head (`forming`), signposts, all vaults, revision, head (`formed`), objects.

pub mod bundle;
pub mod directory;
pub mod head;
pub mod lock;
pub mod memory;
pub mod revision;
pub mod signpost;
pub mod store;
pub mod vault;

pub use head::{ClusterRecord, Head, Lock, Phase, Remembered, Site, VaultRef};
pub use revision::{Inventory, ObjectId, PluginPin, Public, Revision};
pub use signpost::{Home, Signpost};
pub use store::{HeadCreation, HeadPut, HeadVersion, Store, StoreError, StoredHead, VaultCreation};
pub use vault::{KeptItem, Vault};

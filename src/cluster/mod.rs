//! Reads and writes Kubernetes: connection, state, apply, prune, logs, watch.
//!
//! Only this layer talks to an API server, and (but for streams) only through [`request`], which repeats, bounds and
//! names every request. It prints nothing: what happens is told through [`apply::Hooks`] and [`watch::Progress`].

pub mod addresses;
pub mod apply;
pub mod attach;
pub mod clusters;
pub mod compare;
pub mod connect;
pub mod delete;
pub mod error;
pub mod exec;
pub mod forward;
mod head_object;
mod heads;
pub mod labels;
pub mod live;
pub mod logs;
pub mod object_api;
mod parts;
mod pod_security;
pub mod preflight;
pub mod prune;
mod quota;
pub mod readiness;
pub mod request;
pub mod rights;
mod rollout;
mod signpost_object;
mod signposts;
pub mod status;
pub mod store;
mod transport;
mod vault_object;
pub mod wait;
pub mod watch;

pub use clusters::Clusters;
pub use connect::{ConnectFlags, Connection, namespace_of};
pub use error::ClusterError;
pub use heads::{Away, Elsewhere, Records, elsewhere, find_elsewhere, heads, records};
pub use signposts::{Places, home_of};
pub use store::ClusterStore;

/// A vault as the Secret that `create` would write: for manifests on paper.
pub fn vault_manifest(
    chain: &str,
    namespace: &str,
    name: &str,
    vault: &crate::state::Vault,
) -> Result<serde_json::Value, crate::state::StoreError> {
    vault_object::to_object(chain, namespace, name, vault)
}

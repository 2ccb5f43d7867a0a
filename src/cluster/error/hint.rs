//! What to do next about a fault.

use super::ClusterError;
use super::conflict::conflict_hint;

impl ClusterError {
    /// What to do next, if there is something that always helps. One or more lines without a full stop.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoKubeconfig { .. } => {
                Some("set KUBECONFIG or pass --kubeconfig; to render without a cluster, use --dry-run=client".into())
            }
            Self::UnknownContext { .. } | Self::NoCurrentContext { .. } => {
                Some("pass --context, or run: kubectl config use-context NAME".into())
            }
            Self::Unreachable { server, .. } | Self::Timeout { server, .. } => Some(format!(
                "check with: kubectl version; is {server} the right server (see --context, --server)?"
            )),
            Self::Unauthorized { .. } => {
                Some("log in again (the token or certificate may have expired), or pass --context or --token".into())
            }
            Self::Forbidden(denial) => Some(format!(
                "ask an administrator for this:\n{}",
                crate::cluster::rights::role_yaml("kubectl-chain", &denial.namespace, [denial.right()])
            )),
            Self::FieldConflict { conflicts, .. } => Some(conflict_hint(conflicts)),
            Self::UnknownCluster { cluster } => {
                Some(format!("name it in the chain's file: clusters: {{{cluster}: {{context: NAME}}}}"))
            }
            Self::InCluster { source, .. } | Self::HomeClosed { source, .. } => source.hint(),
            Self::HomeElsewhere { home, .. } => Some(home.hint()),
            Self::HomeGone { chain, place, .. } => Some(format!(
                "if nobody needs what is left of it here: kubectl delete configmap chain-{chain} -n {place}"
            )),
            Self::OtherCluster { context, .. } => Some(format!(
                "let context {context:?} of the kubeconfig lead to the cluster that the chain knows"
            )),
            Self::SameCluster { .. } => Some(
                "give each its own context or namespace; nodes of one cluster need no entry under `clusters`".into(),
            ),
            Self::Foreign { .. } => Some(
                "choose another name for the chain, delete the object, or pass --adopt to take it over".into(),
            ),
            Self::Terminating { what, .. } => Some(format!(
                "see what holds it with: kubectl describe {what}; then run the same command again"
            )),
            Self::NotReady { .. } | Self::ManyNotReady { .. } | Self::GroupStopped { .. } | Self::Gate { .. } => {
                Some("once the cause is gone, run the same command again: it goes on where it stopped".into())
            }
            Self::Gone { .. } => Some("run: kubectl chain apply".into()),
            Self::Conflict { .. } | Self::ServerFailure { .. } => Some("run the same command again".into()),
            Self::Lock(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Several(errors) => {
                let mut hints: Vec<String> = errors.iter().filter_map(Self::hint).collect();
                hints.sort();
                hints.dedup();
                (!hints.is_empty()).then(|| hints.join("\n"))
            }
            _ => None,
        }
    }
}

//! What is checked in each cluster before the first write.

use std::collections::BTreeMap;

use anyhow::bail;
use futures::future::{join, try_join_all};
use tokio::task::JoinHandle;

use super::part::{Part, Target};
use crate::cluster::ClusterError;
use crate::cluster::apply::{ApplyOptions, ApplyPlan};
use crate::cluster::preflight::{self, ClaimChecks, Finding, NamespaceState};
use crate::commands::hooks;
use crate::pipeline::form::Prepared;
use crate::ui::{Message, Printer};

/// How the namespace of a chain's head is, once the server has said so.
pub(super) type Home = JoinHandle<Result<NamespaceState, ClusterError>>;

/// All that can be known to fail before the first write. Gives how the namespaces are.
pub(super) async fn check(
    target: &Target<'_>,
    options: &ApplyOptions,
    parts: &[Part],
    prepared: &Prepared,
    home: Home,
    printer: &Printer,
) -> anyhow::Result<BTreeMap<(String, String), NamespaceState>> {
    let kinds = prepared
        .revision
        .inventory
        .iter()
        .chain(&prepared.previous)
        .map(|id| (id.group.clone(), id.kind.clone()))
        .collect();
    let claims: Vec<String> = prepared.claims.iter().cloned().collect();
    let reaches = hooks::reaches(&prepared.outcome.services);
    let mut home = Some(home);
    let mut all = BTreeMap::new();
    for part in parts {
        let checks = ClaimChecks {
            chain: target.chain,
            uid: target.uid,
            namespaces: &part.namespaces,
            kinds: &kinds,
            // Heads stand in their homes, so others' claims are seen there alone.
            claims: if part.cluster.is_empty() {
                &claims
            } else {
                &[]
            },
            makes_vaults: !prepared.outcome.vaults.is_empty(),
            reaches: &reaches,
        };
        let asked = home.take().filter(|_| part.cluster.is_empty());
        let plan = part.plan(target, options);
        let states = check_part(part, &plan, &checks, asked, printer).await?;
        all.extend(
            states
                .into_iter()
                .map(|(name, state)| ((part.cluster.clone(), name), state)),
        );
    }
    Ok(all)
}

async fn check_part(
    part: &Part,
    plan: &ApplyPlan<'_>,
    checks: &ClaimChecks<'_>,
    home: Option<Home>,
    printer: &Printer,
) -> anyhow::Result<BTreeMap<String, NamespaceState>> {
    let connection = &part.connection;
    // Both rounds only ask, so they are under way together; what the first one finds comes first.
    let second = async {
        let others = part
            .namespaces
            .iter()
            .filter(|namespace| home.is_none() || **namespace != connection.namespace)
            .map(|namespace| async move {
                let state = preflight::namespace_state(connection, namespace).await?;
                Ok::<_, ClusterError>((namespace.clone(), state))
            });
        let others = try_join_all(others).await?;
        let mut states: BTreeMap<_, _> = others.into_iter().collect();
        if let Some(home) = home {
            states.insert(connection.namespace.clone(), home.await??);
        }
        let findings = preflight::before_apply(connection, plan, &states).await?;
        Ok::<_, anyhow::Error>((states, findings))
    };
    let (first, second) = join(preflight::before_claim(connection, checks), second).await;
    let first = first.map_err(|error| error.of_cluster(&part.cluster))?;
    judge(&part.cluster, first, printer)?;
    let (states, findings) = second?;
    judge(&part.cluster, findings, printer)?;
    Ok(states)
}

/// Prints findings; errors among them end the run before the first write.
fn judge(cluster: &str, findings: Vec<Finding>, printer: &Printer) -> anyhow::Result<()> {
    let mut errors = Vec::new();
    for mut finding in findings {
        if !cluster.is_empty() {
            finding.message = format!("cluster {cluster:?}: {}", finding.message);
        }
        match finding.severity {
            preflight::Severity::Warning => {
                printer.message(
                    &Message::new(crate::ui::Level::Warning, finding.message).hint(finding.hint),
                );
            }
            preflight::Severity::Error => errors.push(match finding.hint {
                Some(hint) => format!("{}\nhint: {hint}", finding.message),
                None => finding.message,
            }),
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        bail!("{}", errors.join("\n"))
    }
}

//! What applying would do, as the server says; nothing is written.

use std::cell::RefCell;
use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::items::{items, kinds_of, list_live};
use super::{Applier, ApplyPlan, Hooks, Item, Quiet};
use crate::cluster::connect::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::live::is_terminating;
use crate::state::ObjectId;

/// What applying one object would give.
#[derive(Debug)]
pub struct Preview {
    /// The object.
    pub id: ObjectId,
    /// As it is; `None` if it is not there. Of a Secret only the metadata.
    pub live: Option<Value>,
    /// As the server would store it, or why it would refuse.
    pub result: Result<Value, ClusterError>,
}

/// Asks the server what applying would do, writing nothing; for `--dry-run=server`, `diff` and the plan's checks.
/// Objects that would not change are asked for only with `all`.
///
/// # Errors
/// The server does not answer. What it says about one object is in its [`Preview`].
pub async fn preview(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    all: bool,
) -> Result<Vec<Preview>, ClusterError> {
    ask(connection, plan, |applier, item| {
        all || !applier.is_unchanged(item)
    })
    .await
}

/// As [`preview`], for the plan's checks: every object that is there and would change, and of those that are not there
/// one of each shape. A server that takes the objects of one node takes those of the others, which differ in numbers.
///
/// # Errors
/// As [`preview`].
pub async fn preview_samples(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
) -> Result<Vec<Preview>, ClusterError> {
    let seen = RefCell::new(BTreeSet::new());
    ask(connection, plan, |applier, item| {
        if item.live.is_some() {
            return !applier.is_unchanged(item);
        }
        seen.borrow_mut().insert(shape(item.object))
    })
    .await
}

/// An object without what differs from node to node: digits (of hex, too), and the contents of files.
fn shape(object: &Value) -> String {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "data" | "binaryData"))
                .map(|(key, value)| (without_digits(key), plain(value)))
                .collect(),
            Value::Array(list) => list.iter().map(plain).collect(),
            Value::String(text) => Value::String(without_digits(text)),
            Value::Number(_) => Value::from(0),
            other => other.clone(),
        }
    }
    fn without_digits(text: &str) -> String {
        text.chars().filter(|c| !c.is_ascii_hexdigit()).collect()
    }
    plain(object).to_string()
}

async fn ask(
    connection: &Connection,
    plan: &ApplyPlan<'_>,
    wanted: impl Fn(&Applier<'_, Quiet>, &Item<'_>) -> bool,
) -> Result<Vec<Preview>, ClusterError> {
    let kinds = kinds_of(connection, plan).await?;
    let live = list_live(connection, plan, &kinds).await?;
    let items = items(connection, plan, &kinds, &live)?;
    let applier = Applier {
        connection,
        plan,
        hooks: &Quiet,
    };
    let asked: Vec<_> = items
        .iter()
        .filter(|item| wanted(&applier, item))
        .map(|item| applier.preview_one(item))
        .collect();
    Ok(stream::iter(asked)
        .buffered(plan.options.concurrency.max(1))
        .collect()
        .await)
}

impl<H: Hooks> Applier<'_, H> {
    async fn preview_one(&self, item: &Item<'_>) -> Preview {
        let mut live = item.live.cloned();
        let result = loop {
            match &live {
                // It will be gone, and made anew.
                Some(there) if is_terminating(there) => break Ok(item.object.clone()),
                Some(there) => match self.check_owner(item, there) {
                    Ok(()) => break self.patch(item, false, true).await,
                    Err(error) => break Err(error),
                },
                None => match self.patch(item, true, true).await {
                    Err(
                        error
                        @ (ClusterError::Conflict { .. } | ClusterError::FieldConflict { .. }),
                    ) => {
                        match self
                            .connection
                            .get(&item.kind, &item.id.namespace, &item.id.name)
                            .await
                        {
                            Ok(Some(there)) => live = Some(there),
                            Ok(None) => break Err(error),
                            Err(error) => break Err(error),
                        }
                    }
                    result => break result,
                },
            }
        };
        Preview {
            id: item.id.clone(),
            live,
            result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_differ_in_numbers_have_one_shape() {
        let claim = |name: &str, size: &str, mode: &str| {
            shape(&serde_json::json!({
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name},
                "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}},
            }))
        };
        let one = claim("x-0-data", "10Gi", "ReadWriteOnce");
        assert_eq!(one, claim("x-17-data", "20Gi", "ReadWriteOnce"));
        assert_ne!(one, claim("x-1-data", "10Gi", "ReadOnlyMany"));
        let files =
            |text: &str| shape(&serde_json::json!({"kind": "ConfigMap", "data": {"f": text}}));
        assert_eq!(files("one"), files("other"));
    }
}

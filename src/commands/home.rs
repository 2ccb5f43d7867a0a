//! Where a chain is remembered: in the namespace in which a command stands, or where the signpost there says.

use anyhow::bail;

use crate::cluster::{ClusterStore, Connection, Records, home_of, records};
use crate::state::{Head, Signpost, Store as _, StoreError};
use crate::ui::Printer;

/// A chain, and the connection to its home.
pub struct AtHome {
    /// Stands in the home's namespace.
    pub connection: Connection,
    /// The head.
    pub head: Head,
    /// The namespace from which the way led here, if it was another.
    pub from: Option<String>,
}

/// Finds the chain that is named, or the only one. One that is at home in the connection's namespace comes first; without
/// one, the signpost there leads to the home, and that is told.
///
/// # Errors
/// There is no such chain, or several without a name; its home is in another cluster, or may not be read.
pub async fn find(
    connection: &Connection,
    name: Option<&str>,
    printer: &Printer,
) -> anyhow::Result<AtHome> {
    let namespace = &connection.namespace;
    let mut found = records(connection, Some(namespace)).await?;
    found.only(name);
    if let Some(signpost) = leading(&found) {
        let (there, head) = home_of(connection, signpost).await?;
        tell(signpost, printer);
        return Ok(AtHome {
            connection: there,
            head,
            from: Some(namespace.clone()),
        });
    }
    match (found.heads.pop(), found.heads.is_empty(), name) {
        (Some((_, head)), true, _) => Ok(AtHome {
            connection: connection.clone(),
            head,
            from: None,
        }),
        (_, _, Some(name)) => bail!("no chain `{name}` in namespace `{namespace}`"),
        _ => bail!(
            "namespace `{namespace}` has no chain, or several\nhint: name it with --chain, or its namespace with -n"
        ),
    }
}

/// The one signpost that is meant: only when no chain that is meant is at home here.
pub fn leading(found: &Records) -> Option<&Signpost> {
    match found.signposts.as_slice() {
        [(_, signpost)] if found.heads.is_empty() => Some(signpost),
        _ => None,
    }
}

/// Says that a command goes on at the home of a chain.
pub fn tell(signpost: &Signpost, printer: &Printer) {
    printer.note(&format!(
        "chain {} is at home in namespace {}: going on there",
        signpost.chain, signpost.home.namespace
    ));
}

/// Says why only what of a chain is in the connection's namespace is seen.
pub fn tell_part(connection: &Connection, why: &str, printer: &Printer) {
    printer.note(&format!(
        "{why}; only what is in namespace {} is shown",
        connection.namespace
    ));
}

/// The connection to the home of a chain that is named: where the connection stands, unless a signpost leads elsewhere.
///
/// # Errors
/// As [`find`], but for a chain that is not known at all: then it is where the connection stands.
pub async fn go(
    connection: Connection,
    name: &str,
    printer: &Printer,
) -> anyhow::Result<(Connection, Option<Head>)> {
    let store = ClusterStore::new(&connection, name, "", &connection.namespace);
    match store.load_head().await {
        Ok(stored) => Ok((connection, stored.map(|it| it.head))),
        Err(StoreError::NotHome { signpost, .. }) => {
            let (there, head) = home_of(&connection, &signpost).await?;
            tell(&signpost, printer);
            Ok((there, Some(head)))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Home;

    fn signpost(chain: &str) -> (String, Signpost) {
        let signpost = Signpost {
            schema: 1,
            minimum_host: "0.1.0".to_owned(),
            uid: "u".to_owned(),
            chain: chain.to_owned(),
            stack: "s".to_owned(),
            home: Home::default(),
            group_kinds: std::collections::BTreeSet::new(),
        };
        ("here".to_owned(), signpost)
    }

    #[test]
    fn only_one_signpost_leads_away_and_none_from_a_home() {
        let head: Head = serde_json::from_value(serde_json::json!({
            "schema": 1, "minimumHost": "0.1.0", "uid": "u", "chain": "a", "stack": "s", "release": "r",
            "phase": "formed", "subjects": {}, "next": {}, "bornMs": 1, "revision": 1
        }))
        .unwrap();
        let heads = vec![("here".to_owned(), head)];
        let led = |mut records: Records, chain: Option<&str>| {
            records.only(chain);
            leading(&records).map(|it| it.chain.clone())
        };
        let some = |chain: &str| Some(chain.to_owned());
        let both = || Records {
            heads: heads.clone(),
            signposts: vec![signpost("b")],
        };
        assert_eq!(led(both(), None), None, "a is at home here");
        assert_eq!(led(both(), Some("a")), None);
        assert_eq!(led(both(), Some("b")), some("b"));
        let two = || Records {
            heads: Vec::new(),
            signposts: vec![signpost("b"), signpost("c")],
        };
        assert_eq!(led(two(), None), None, "which?");
        assert_eq!(led(two(), Some("c")), some("c"));
    }
}

//! Other parties of a chain: how their subjects stand beside our own, and whether a bundle speaks of the same chain.

use std::collections::BTreeMap;

use super::recall::recall_facts;
use super::resolve::Resolved;
use super::world::{FactConflict, World};
use crate::plugin::contract::{Endpoint, Subject};
use crate::state::bundle::{Bundle, Party};
use crate::state::{Head, Public, Remembered};

/// Id and kind of the chain itself.
const CHAIN: &str = "chain";

/// A bundle that does not fit the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartyError {
    /// It tells of something else than what is here.
    #[error(
        "the bundle of party `{party}`: {field}: it says `{theirs}`, here it is `{ours}`\nhint: {hint}"
    )]
    Differs {
        /// The party.
        party: String,
        /// Which field.
        field: &'static str,
        /// There.
        theirs: String,
        /// Here.
        ours: String,
        /// What to do.
        hint: &'static str,
    },
    /// It is our own.
    #[error(
        "the bundle of party `{party}` is this chain's own\nhint: give it to the other party, and take theirs"
    )]
    Own {
        /// The party.
        party: String,
    },
    /// Nobody of that name is a party.
    #[error(
        "no party `{party}` has joined this chain\nhint: {}",
        if known.is_empty() { "none has".to_owned() } else { format!("the others are {}", known.join(", ")) }
    )]
    Unknown {
        /// The party.
        party: String,
        /// Those that have.
        known: Vec<String>,
    },
    /// The name is taken.
    #[error("party `{party}` is another one already\nhint: name this one differently with --party")]
    Taken {
        /// The party.
        party: String,
    },
}

/// What happens to another party.
#[derive(Debug, Clone)]
pub enum PartyChange {
    /// It gave a bundle, which is taken in.
    Joins(Box<Bundle>),
    /// It is gone; this is its name here.
    Leaves(String),
}

/// The id of a foreign subject here: `node/node0` of party `beta` is `node/beta/node0`. What all parties share, the chain
/// and what has no name of its own, keeps its id.
pub fn foreign_id(party: &str, id: &str) -> String {
    match id.split_once('/') {
        Some((kind, rest)) => format!("{kind}/{party}/{rest}"),
        None => id.to_owned(),
    }
}

/// The subjects of all other parties, as plugins see them.
pub fn subjects(parties: &BTreeMap<String, Party>) -> Vec<Subject> {
    let of_party = |(name, party): (&String, &Party)| {
        party
            .subjects
            .iter()
            .map(|it| Subject {
                id: foreign_id(name, &it.id),
                kind: it.kind.clone(),
                name: format!("{name}-{}", it.name),
                parent: it.parent.as_ref().map(|id| foreign_id(name, id)),
                ordinal: it.ordinal,
                born_ms: it.born_ms,
                foreign: true,
                cluster: String::new(),
                namespace: String::new(),
                workload: None,
                endpoints: it
                    .endpoints
                    .iter()
                    .map(|endpoint| Endpoint {
                        port: endpoint.port.clone(),
                        service: String::new(),
                        number: port_of(&endpoint.address),
                        outside: Some(endpoint.address.clone()),
                    })
                    .collect(),
                folder: String::new(),
                extra: if it.extra.is_null() {
                    "{}".to_owned()
                } else {
                    it.extra.to_string()
                },
            })
            .collect::<Vec<_>>()
    };
    parties.iter().flat_map(of_party).collect()
}

fn port_of(address: &str) -> u16 {
    address
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .unwrap_or_default()
}

/// Gives the facts of foreign subjects to the world.
pub fn recall_parties(
    world: &World,
    parties: &BTreeMap<String, Party>,
) -> Result<(), FactConflict> {
    for (name, party) in parties {
        for subject in &party.subjects {
            recall_facts(world, &foreign_id(name, &subject.id), &subject.facts)?;
        }
    }
    Ok(())
}

/// Takes a bundle into what is known: its party joins the others, and a chain that is still to be configured takes what
/// the other party configured.
///
/// # Errors
/// The bundle is of another chain, of another stack, or our own.
pub fn join(
    public: &mut Public,
    head: &mut Head,
    resolved: &Resolved,
    bundle: &Bundle,
) -> Result<(), PartyError> {
    let party = &bundle.metadata.party;
    let theirs = &bundle.spec;
    let differs = |field, theirs: &str, ours: &str, hint| PartyError::Differs {
        party: party.clone(),
        field,
        theirs: theirs.to_owned(),
        ours: ours.to_owned(),
        hint,
    };
    if !theirs.uid.is_empty() && theirs.uid == head.uid {
        return Err(PartyError::Own {
            party: party.clone(),
        });
    }
    let stack = &resolved.stack.plugin.descriptor.stack;
    if theirs.stack != *stack {
        let hint = "parties of one chain run the same stack";
        return Err(differs("/spec/stack", &theirs.stack, stack, hint));
    }
    if theirs.release != resolved.release {
        let hint = "name the release of the others with --release";
        return Err(differs(
            "/spec/release",
            &theirs.release,
            &resolved.release,
            hint,
        ));
    }
    if let (Some(theirs), Some(ours)) = (&theirs.fingerprint, &head.fingerprint)
        && theirs != ours
    {
        let hint = "both must have been made from the same genesis: a chain joins another one when it is created, with kubectl chain join";
        return Err(differs("/spec/fingerprint", theirs, ours, hint));
    }
    if let Some(known) = public.parties.get(party)
        && !known.uid.is_empty()
        && known.uid != theirs.uid
    {
        return Err(PartyError::Taken {
            party: party.clone(),
        });
    }
    if head.revision == 0 {
        born_with(head, theirs.born_ms, &resolved.namespace);
        for (subject, results) in &theirs.configured {
            let all = public.configured.entry(subject.clone()).or_default();
            for (key, result) in results {
                all.entry(key.clone()).or_insert_with(|| result.clone());
            }
        }
    }
    public.parties.insert(party.clone(), theirs.clone());
    Ok(())
}

/// Takes a party out of what is known: its subjects with all that was told about them. What the chain was configured with
/// stays, whoever gave it.
///
/// # Errors
/// There is no such party, and no earlier run is to be finished that may have taken it out.
pub fn leave(public: &mut Public, party: &str, unfinished: bool) -> Result<(), PartyError> {
    if public.parties.remove(party).is_none() && !unfinished {
        return Err(PartyError::Unknown {
            party: party.to_owned(),
            known: public.parties.keys().cloned().collect(),
        });
    }
    Ok(())
}

/// The chain is as old as its first party says: what comes into it here was born later.
fn born_with(head: &mut Head, born_ms: u64, namespace: &str) {
    if born_ms == 0 {
        return;
    }
    let chain = Remembered {
        kind: CHAIN.to_owned(),
        born_ms,
        namespace: namespace.to_owned(),
        pending: true,
        ..Remembered::default()
    };
    head.subjects.entry(CHAIN.to_owned()).or_insert(chain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_of_two_parties_do_not_meet() {
        assert_eq!(foreign_id("beta", "node/node0"), "node/beta/node0");
        assert_eq!(
            foreign_id("beta", "node/org1/peer0"),
            "node/beta/org1/peer0"
        );
        assert_eq!(foreign_id("beta", "chain"), "chain");
    }

    #[test]
    fn a_party_that_leaves_leaves_nothing_but_the_genesis() {
        let mut public = Public::default();
        public.configured.entry("chain".to_owned()).or_default();
        for party in ["beta", "gamma"] {
            public.parties.insert(party.to_owned(), Party::default());
        }
        leave(&mut public, "beta", false).unwrap();
        assert_eq!(public.parties.keys().collect::<Vec<_>>(), ["gamma"]);
        assert!(public.configured.contains_key("chain"));
        leave(&mut public, "beta", true).unwrap();
        let said = leave(&mut public, "beta", false).unwrap_err().to_string();
        assert_eq!(
            said,
            "no party `beta` has joined this chain\nhint: the others are gamma"
        );
    }

    #[test]
    fn an_address_has_its_port_at_its_end() {
        assert_eq!(port_of("10.0.0.1:30001"), 30001);
        assert_eq!(port_of("[fd00::1]:443"), 443);
        assert_eq!(port_of("example.com"), 0);
    }
}

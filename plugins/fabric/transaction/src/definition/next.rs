//! What comes next in the life of a chaincode, as a function of what was found.
//!
//! The state is queried anew before each step and never remembered, so a run that stopped anywhere is
//! finished by the next, and two runs at once do no harm.

use std::collections::{BTreeMap, BTreeSet};

use fabric_proto::peer::ChaincodeData;
use thiserror::Error;

use super::{Definition, Difference, InvalidDefinition};

/// What an organisation has approved.
#[derive(Clone, Debug, PartialEq)]
pub struct Approved {
    /// The definition, with its sequence.
    pub definition: Definition,
    /// The package that it runs; none when it approved without code.
    pub package_id: Option<String>,
}

/// An organisation that the caller acts for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Organisation {
    /// The package that its peers shall run; none when it shall approve without code.
    pub package_id: Option<String>,
    /// Peers that shall have the package, each with the ids that are installed on it.
    pub peers: BTreeMap<String, BTreeSet<String>>,
    /// What it has approved at the sequence that [`target`] gives. Query that sequence, not 0: the
    /// newest approval may be one for a later wish that was given up.
    pub approved: Option<Approved>,
}

/// What was found on a channel about one chaincode.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The committed definition.
    pub committed: Option<Definition>,
    /// The organisations that the caller acts for, by membership provider.
    pub organisations: BTreeMap<String, Organisation>,
    /// All organisations of the channel, with whether each has approved the definition that
    /// [`target`] gives: result of `CheckCommitReadiness`, or `approvals` of the committed one.
    pub approvals: BTreeMap<String, bool>,
    /// Whether the organisations that have approved, with all that the caller acts for, satisfy the
    /// channel's policy about commits (`LifecycleEndorsement`): they are who can endorse one.
    pub enough: bool,
}

/// What to do next. Parts of one step may be done at the same time.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Install packages: organisation, peer and id of the package.
    Install(Vec<(String, String, String)>),
    /// Approve the definition, each organisation with its package.
    Approve {
        /// The definition with its sequence.
        definition: Box<Definition>,
        /// Organisation and id of its package, if it runs one.
        organisations: Vec<(String, Option<String>)>,
    },
    /// Commit the definition, endorsed by a peer of each of these organisations.
    Commit {
        /// The definition with its sequence.
        definition: Box<Definition>,
        /// The organisations of the caller, which have approved.
        endorsers: Vec<String>,
        /// Organisations of others that have approved: when those of the caller are not enough for the channel's policy,
        /// some of these must endorse too.
        elsewhere: Vec<String>,
    },
    /// Others must act first.
    Wait(Waiting),
    /// All is as wished. A definition with `init_required` still wants its first call, of which no
    /// query tells.
    Done,
}

/// What others must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Organisations that have not approved the definition.
    pub missing: Vec<String>,
    /// How many have approved.
    pub approved: usize,
    /// How many there are.
    pub all: usize,
}

/// A wish that cannot be followed.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DefinitionError {
    /// The definition itself is not valid.
    #[error(transparent)]
    Invalid(#[from] InvalidDefinition),
    /// A later one is committed.
    #[error(
        "sequence {wished} of chaincode {name}: sequence {committed} is committed already; expected {} (or 0 for the next one)", .committed + 1
    )]
    Old {
        /// Name of the chaincode.
        name: String,
        /// The sequence that was wished for.
        wished: i64,
        /// The one that is committed.
        committed: i64,
    },
    /// Sequences have no gaps.
    #[error(
        "sequence {wished} of chaincode {name}: expected {expected}, since sequences have no gaps"
    )]
    Gap {
        /// Name of the chaincode.
        name: String,
        /// The sequence that was wished for.
        wished: i64,
        /// The next one.
        expected: i64,
    },
    /// This sequence is taken by other content.
    #[error(
        "sequence {sequence} of chaincode {name} is committed with another {}: expected sequence {}",
        .differences.iter().map(|d| d.part).collect::<Vec<_>>().join(", "), .sequence + 1
    )]
    Taken {
        /// Name of the chaincode.
        name: String,
        /// The sequence.
        sequence: i64,
        /// In what they differ.
        differences: Vec<Difference>,
    },
}

/// The definition that `wish` stands for, with its sequence: the committed one when nothing differs,
/// else the next.
///
/// # Errors
/// A wish that is not valid, or whose own sequence does not fit what is committed.
pub fn target(
    wish: &Definition,
    committed: Option<&Definition>,
) -> Result<Definition, DefinitionError> {
    wish.check()?;
    let differences = committed.map(|committed| wish.differences_of_content(committed));
    let last = committed.map_or(0, |committed| committed.sequence);
    let name = || wish.name.clone();
    let sequence = match (wish.sequence, &differences) {
        (0, Some(differences)) if differences.is_empty() => last,
        (0, _) => last + 1,
        (wished, Some(differences)) if wished == last => {
            if !differences.is_empty() {
                return Err(DefinitionError::Taken {
                    name: name(),
                    sequence: last,
                    differences: differences.clone(),
                });
            }
            last
        }
        (wished, _) if wished < last => {
            return Err(DefinitionError::Old {
                name: name(),
                wished,
                committed: last,
            });
        }
        (wished, _) if wished > last + 1 => {
            return Err(DefinitionError::Gap {
                name: name(),
                wished,
                expected: last + 1,
            });
        }
        (wished, _) => wished,
    };
    if let Some(committed) = committed {
        wish.check_follows(committed)?;
    }
    Ok(Definition {
        sequence,
        ..wish.clone()
    })
}

/// Which peers lack the package of their organisation: organisation, peer and id of the package.
pub fn installs(organisations: &BTreeMap<String, Organisation>) -> Vec<(String, String, String)> {
    let mut installs = Vec::new();
    for (name, organisation) in organisations {
        for (peer, installed) in &organisation.peers {
            if let Some(package) = &organisation.package_id
                && !installed.contains(package)
            {
                installs.push((name.clone(), peer.clone(), package.clone()));
            }
        }
    }
    installs
}

/// The next step towards `wish`.
///
/// # Errors
/// As [`target`].
pub fn next(wish: &Definition, state: &State) -> Result<Step, DefinitionError> {
    let definition = target(wish, state.committed.as_ref())?;

    let installs = installs(&state.organisations);
    if !installs.is_empty() {
        return Ok(Step::Install(installs));
    }

    let has_approved = |organisation: &Organisation| {
        organisation.approved.as_ref().is_some_and(|approved| {
            approved.package_id == organisation.package_id
                && approved.definition.differences(&definition).is_empty()
        })
    };
    let approvals: Vec<_> = state
        .organisations
        .iter()
        .filter(|(_, organisation)| !has_approved(organisation))
        .map(|(name, organisation)| (name.clone(), organisation.package_id.clone()))
        .collect();
    if !approvals.is_empty() {
        return Ok(Step::Approve {
            definition: Box::new(definition),
            organisations: approvals,
        });
    }
    if state.committed.as_ref().map(|committed| committed.sequence) == Some(definition.sequence) {
        return Ok(Step::Done);
    }

    // What the caller's own peers say of their approvals is newer than what one peer says of all.
    let all: BTreeSet<&String> = state
        .approvals
        .keys()
        .chain(state.organisations.keys())
        .collect();
    let missing: Vec<String> = all
        .iter()
        .filter(|name| {
            !state.organisations.contains_key(**name) && state.approvals.get(**name) != Some(&true)
        })
        .map(|name| (*name).clone())
        .collect();
    // A peer endorses a commit only when its own organisation has approved.
    if !state.enough {
        return Ok(Step::Wait(Waiting {
            approved: all.len() - missing.len(),
            all: all.len(),
            missing,
        }));
    }
    Ok(Step::Commit {
        definition: Box::new(definition),
        elsewhere: all
            .into_iter()
            .filter(|name| !state.organisations.contains_key(*name) && !missing.contains(name))
            .cloned()
            .collect(),
        endorsers: state.organisations.keys().cloned().collect(),
    })
}

/// What to do next about a chaincode of 1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyStep {
    /// Install it on the peers that do not have it.
    Install,
    /// Instantiate it.
    Deploy,
    /// Move it to the wished version.
    Upgrade,
    /// All is as wished.
    Done,
}

/// The next step towards `version` of a chaincode of 1.x: what is instantiated, and whether all peers
/// have the wished version installed.
pub fn next_legacy(
    version: &str,
    installed_everywhere: bool,
    instantiated: Option<&ChaincodeData>,
) -> LegacyStep {
    match instantiated {
        _ if !installed_everywhere => LegacyStep::Install,
        None => LegacyStep::Deploy,
        Some(data) if data.version == version => LegacyStep::Done,
        Some(_) => LegacyStep::Upgrade,
    }
}

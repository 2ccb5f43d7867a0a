//! Names and places: what may stand where in the tree.
//!
//! Nodes refuse a tree with a group or value that they do not know, so a slip of the pen in a name
//! is as bad as a missing value.

use fabric_proto::configuration::ConfigGroup;

use super::{Linter, Severity};
use crate::tree::{APPLICATION, CHANNEL, CONSORTIUMS, ORDERER};

/// Longest name of an element.
const MAX_NAME: usize = 249;

/// Values that may stand in a group, by its path below the root; and whether groups may stand below.
fn allowed(path: &[&str]) -> (&'static [&'static str], bool) {
    match path {
        [] => (
            &[
                "HashingAlgorithm",
                "BlockDataHashingStructure",
                "OrdererAddresses",
                "Orderers",
                "Consortium",
                "Capabilities",
            ],
            true,
        ),
        [ORDERER] => (
            &[
                "ConsensusType",
                "BatchSize",
                "BatchTimeout",
                "KafkaBrokers",
                "ChannelRestrictions",
                "Orderers",
                "Capabilities",
            ],
            true,
        ),
        [ORDERER, _] => (&["MSP", "Endpoints"], false),
        [APPLICATION] => (&["Capabilities", "ACLs"], true),
        [APPLICATION, _] => (&["MSP", "AnchorPeers"], false),
        [CONSORTIUMS] => (&[], true),
        [CONSORTIUMS, _] => (&["ChannelCreationPolicy"], true),
        [CONSORTIUMS, _, _] => (&["MSP"], false),
        _ => (&[], false),
    }
}

fn is_name(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME && name.chars().all(known)
}

impl<'a> Linter<'a> {
    pub(super) fn shape(&mut self) {
        self.group_shape(self.root, &mut Vec::new());
    }

    fn group_shape(&mut self, group: &'a ConfigGroup, path: &mut Vec<&'a str>) {
        let here = std::iter::once(CHANNEL)
            .chain(path.iter().copied())
            .fold(String::new(), |text, name| format!("{text}/{name}"));
        let names = group
            .groups
            .keys()
            .chain(group.values.keys())
            .chain(group.policies.keys());
        for name in names {
            if !is_name(name) {
                self.add(
                    Severity::Refused,
                    "element-name",
                    format!("{here}/{name}"),
                    "is no name of an element: nodes refuse the channel",
                    "use letters, digits, `.` and `-`, at most 249 of them",
                );
            }
        }
        let (values, groups) = allowed(path);
        for name in group.values.keys() {
            if !values.contains(&name.as_str()) {
                self.add(
                    Severity::Refused,
                    "value-unknown",
                    format!("{here}/{name}"),
                    "has no place here: nodes refuse the channel",
                    "take the value out, or put it where it belongs",
                );
            }
        }
        for (name, below) in &group.groups {
            let known =
                !path.is_empty() || [ORDERER, APPLICATION, CONSORTIUMS].contains(&name.as_str());
            if !groups || !known {
                self.add(
                    Severity::Refused,
                    "group-unknown",
                    format!("{here}/{name}"),
                    "has no place here: nodes refuse the channel",
                    "take the group out, or put it where it belongs",
                );
                continue;
            }
            path.push(name);
            self.group_shape(below, path);
            path.pop();
        }
    }
}

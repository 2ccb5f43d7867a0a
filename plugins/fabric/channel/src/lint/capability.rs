//! Capabilities: which nodes know them, and what depends on them.

use fabric_proto::configuration::{Capabilities, ConfigGroup};

use super::{Linter, Severity, path_of};
use crate::model::Release;
use crate::tree::{APPLICATION, CHANNEL, ORDERER};

/// Capabilities by level, each with the first release that knows it.
const CHANNEL_LEVEL: [(&str, Release); 6] = [
    ("V1_1", Release::V1_4),
    ("V1_3", Release::V1_4),
    ("V1_4_2", Release::V1_4),
    ("V1_4_3", Release::V1_4),
    ("V2_0", Release::V2_2),
    ("V3_0", Release::V3_1),
];
const ORDERER_LEVEL: [(&str, Release); 3] = [
    ("V1_1", Release::V1_4),
    ("V1_4_2", Release::V1_4),
    ("V2_0", Release::V2_2),
];
const APPLICATION_LEVEL: [(&str, Release); 8] = [
    ("V1_1", Release::V1_4),
    ("V1_2", Release::V1_4),
    ("V1_3", Release::V1_4),
    ("V1_4_2", Release::V1_4),
    ("V2_0", Release::V2_2),
    ("V2_5", Release::V2_5),
    ("V1_1_PVTDATA_EXPERIMENTAL", Release::V1_4),
    ("V1_1_RESOURCETREE_EXPERIMENTAL", Release::V1_4),
];

/// Position among capabilities of the root; -1 for none. A level includes those before.
pub(super) fn channel_level(names: &[String]) -> i32 {
    CHANNEL_LEVEL
        .iter()
        .zip(0..)
        .filter(|((name, _), _)| names.iter().any(|one| one == name))
        .map(|(_, index)| index)
        .max()
        .unwrap_or(-1)
}

/// [`channel_level`] from which organisations have addresses of their own (`V1_4_2`).
pub(super) const LEVEL_ENDPOINTS: i32 = 2;
/// [`channel_level`] from which units of administrators and orderers count (`V1_4_3`).
pub(super) const LEVEL_NODE_OUS: i32 = 3;
/// [`channel_level`] from which addresses for all organisations are forbidden (`V3_0`).
pub(super) const LEVEL_NO_GLOBAL: i32 = 5;

impl Linter<'_> {
    /// Names of the capabilities of a group; none if the value is absent.
    fn names(&mut self, group: &ConfigGroup, path: &str) -> Option<Vec<String>> {
        self.value::<Capabilities>(group, path, "Capabilities")
            .map(|value| value.capabilities.into_keys().collect())
    }

    /// Position of the root's capability, see [`channel_level`].
    pub(super) fn root_level(&self) -> i32 {
        channel_level(&crate::read::capability_names(self.root))
    }

    /// Whether the lifecycle of 2.0 is on.
    pub(super) fn has_new_lifecycle(&self) -> bool {
        self.application().is_some_and(|group| {
            let names = crate::read::capability_names(group);
            names.iter().any(|name| name == "V2_0" || name == "V2_5")
        })
    }

    fn known(&mut self, path: &str, names: &[String], level: &[(&str, Release)]) {
        for name in names {
            let since = level
                .iter()
                .find(|(one, _)| one == name)
                .map(|(_, since)| *since);
            if since.is_none_or(|since| since > self.target.release) {
                self.add(
                    Severity::Refused,
                    "capability-unknown",
                    format!("{path}/Capabilities"),
                    format!(
                        "asks for `{name}`, which these nodes do not know: they refuse the channel"
                    ),
                    "take a capability of the oldest release among the nodes",
                );
            }
        }
    }

    pub(super) fn capabilities(&mut self) {
        let root_path = format!("/{CHANNEL}");
        let channel = self.names(self.root, &root_path).unwrap_or_default();
        self.known(&root_path, &channel, &CHANNEL_LEVEL);
        if channel.is_empty() {
            self.add(
                Severity::Refused,
                "channel-capabilities",
                format!("{root_path}/Capabilities"),
                "is missing: nodes then ask for OrdererAddresses, and ignore addresses and \
                 administrators' units of organisations",
                "add the capability that fits the oldest release among the nodes",
            );
        }
        let orderer_path = path_of(ORDERER);
        let orderer = self
            .orderer()
            .and_then(|group| self.names(group, &orderer_path))
            .unwrap_or_default();
        self.known(&orderer_path, &orderer, &ORDERER_LEVEL);
        let application_path = path_of(APPLICATION);
        let application = self
            .application()
            .and_then(|group| self.names(group, &application_path))
            .unwrap_or_default();
        self.known(&application_path, &application, &APPLICATION_LEVEL);
        if orderer.is_empty() && !(channel.is_empty() && application.is_empty()) {
            self.add(
                Severity::Refused,
                "orderer-capabilities",
                format!("{orderer_path}/Capabilities"),
                "is missing, but other groups have capabilities: nodes refuse that",
                "add the capability of the orderers",
            );
        }
        if self.application().is_none() {
            return;
        }
        let path = format!("{application_path}/Capabilities");
        if self.has_new_lifecycle() {
            return;
        }
        if application.is_empty() {
            self.add(
                Severity::Broken,
                "application-capabilities",
                path,
                "is missing: the lifecycle of 2.0 is not available, chaincodes cannot be approved",
                "add V2_0 or V2_5 (V1_4_2 with nodes of 1.4)",
            );
        } else if self.target.release >= Release::V3_1 {
            self.add(
                Severity::Broken,
                "application-capabilities",
                path,
                "is below V2_0, but 3.x has only the lifecycle of 2.0: no chaincode would run",
                "raise it to V2_0 or V2_5",
            );
        } else if self.target.release > Release::V1_4 {
            self.add(
                Severity::Warning,
                "application-capabilities",
                path,
                "is below V2_0: chaincodes follow the lifecycle of 1.4, which 3.x does not have",
                "raise it to V2_0 or V2_5",
            );
        }
    }
}

//! Releases of Fabric, and what differs between them.

/// A release line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 1.4: a system channel, chaincode built by a docker daemon, `solo`, `kafka` or Raft.
    V1_4,
    /// 2.5: channels without a system channel, chaincode as a service; the default.
    V2_5,
    /// 3.1: as 2.5, with BFT, without `solo` and `kafka`.
    V3_1,
}

impl Release {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V1_4, Self::V2_5, Self::V3_1];

    /// The release of a chain, by its name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Its name in a chain's spec.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_4 => "1.4",
            Self::V2_5 => "2.5",
            Self::V3_1 => "3.1",
        }
    }

    /// The tag of its images of `peer` and `orderer`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::V1_4 => "1.4.12",
            Self::V2_5 => "2.5.16",
            Self::V3_1 => "3.1.5",
        }
    }

    /// Whether orderers begin with a system channel, out of which the others are made.
    pub const fn system_channel(self) -> bool {
        matches!(self, Self::V1_4)
    }

    /// Names of releases from this one on.
    pub fn and_later(self) -> Vec<String> {
        Self::ALL
            .into_iter()
            .filter(|it| *it >= self)
            .map(|it| it.name().to_owned())
            .collect()
    }
}

//! The custom of each release: what `configtxgen`'s sample profiles and networks that worked have.

use super::{Organization, Policies, Release};

fn policies<const N: usize>(pairs: [(&str, String); N]) -> Policies {
    pairs
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
        .collect()
}

/// Policies of the root group.
pub fn channel_policies() -> Policies {
    policies([
        ("Readers", "ANY Readers".to_owned()),
        ("Writers", "ANY Writers".to_owned()),
        ("Admins", "MAJORITY Admins".to_owned()),
    ])
}

/// Policies of group `Orderer`. With BFT, `BlockValidation` is made from the consenters instead.
pub fn orderer_policies() -> Policies {
    let mut all = channel_policies();
    all.insert("BlockValidation".to_owned(), "ANY Writers".to_owned());
    all
}

/// Policies of group `Application`; those of endorsement exist since the lifecycle of 2.0.
pub fn application_policies(release: Release) -> Policies {
    let mut all = channel_policies();
    if release >= Release::V2_2 {
        for name in ["Endorsement", "LifecycleEndorsement"] {
            all.insert(name.to_owned(), "MAJORITY Endorsement".to_owned());
        }
    }
    all
}

/// Policies of an organisation that runs orderers.
pub fn orderer_organization_policies(organization: &Organization) -> Policies {
    let id = &organization.msp_id;
    policies([
        ("Readers", format!("OR('{id}.member')")),
        ("Writers", format!("OR('{id}.member')")),
        ("Admins", format!("OR('{id}.admin')")),
    ])
}

/// Policies of an organisation that runs peers.
///
/// Since 2.0 they name roles; those only exist where organisational units tell them apart, so an
/// organisation without such units is asked for members, as 1.4 always is.
pub fn application_organization_policies(
    release: Release,
    organization: &Organization,
) -> Policies {
    let id = &organization.msp_id;
    let units = organization
        .msp
        .node_ous
        .as_ref()
        .is_some_and(|units| units.enable);
    let mut all = orderer_organization_policies(organization);
    if release >= Release::V2_2 {
        let endorser = if units { "peer" } else { "member" };
        all.insert("Endorsement".to_owned(), format!("OR('{id}.{endorser}')"));
    }
    if release >= Release::V2_2 && units {
        all.extend(policies([
            (
                "Readers",
                format!("OR('{id}.admin', '{id}.peer', '{id}.client')"),
            ),
            ("Writers", format!("OR('{id}.admin', '{id}.client')")),
        ]));
    }
    all
}

impl Release {
    /// Capability of the root group. Releases 3.x need theirs for BFT only, but keep it for Raft as
    /// well: orderers' addresses are then asked for where peers look.
    pub fn channel_capability(self) -> &'static str {
        match self {
            Self::V1_4 => "V1_4_3",
            Self::V2_2 | Self::V2_5 => "V2_0",
            Self::V3_1 => "V3_0",
        }
    }

    /// Capability of group `Orderer`.
    pub fn orderer_capability(self) -> &'static str {
        match self {
            Self::V1_4 => "V1_4_2",
            _ => "V2_0",
        }
    }

    /// Capability of group `Application`.
    pub fn application_capability(self) -> &'static str {
        match self {
            Self::V1_4 => "V1_4_2",
            Self::V2_2 => "V2_0",
            Self::V2_5 | Self::V3_1 => "V2_5",
        }
    }
}

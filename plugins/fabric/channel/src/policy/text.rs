//! From encoded policies to texts.

use fabric_proto::Message;
use fabric_proto::policies::{
    ImplicitMetaPolicy, ImplicitMetaRule, MspPrincipal, MspRole, MspRoleType, Policy, PolicyType,
    PrincipalClassification, SignaturePolicy, SignaturePolicyEnvelope, SignatureRule,
};

use super::PolicyError;

/// The text of a policy of either kind; [`parse`](super::parse()) reads it back to the same bytes.
pub fn to_text(policy: &Policy) -> Result<String, PolicyError> {
    match PolicyType::try_from(policy.r#type) {
        Ok(PolicyType::Signature) => signature_text(&decode_signature(policy)?),
        Ok(PolicyType::ImplicitMeta) => implicit_text(&decode_implicit(policy)?),
        _ => Err(PolicyError::NoText {
            what: format!("type {}", policy.r#type),
        }),
    }
}

/// The rule over signatures inside `policy`.
pub(super) fn decode_signature(policy: &Policy) -> Result<SignaturePolicyEnvelope, PolicyError> {
    SignaturePolicyEnvelope::decode(policy.value.as_slice()).map_err(|source| PolicyError::Decode {
        kind: "SignaturePolicyEnvelope",
        source,
    })
}

/// The rule over the groups below inside `policy`.
pub(super) fn decode_implicit(policy: &Policy) -> Result<ImplicitMetaPolicy, PolicyError> {
    ImplicitMetaPolicy::decode(policy.value.as_slice()).map_err(|source| PolicyError::Decode {
        kind: "ImplicitMetaPolicy",
        source,
    })
}

/// The text of a rule over the groups below.
pub fn implicit_text(policy: &ImplicitMetaPolicy) -> Result<String, PolicyError> {
    let rule = match ImplicitMetaRule::try_from(policy.rule) {
        Ok(ImplicitMetaRule::Any) => "ANY",
        Ok(ImplicitMetaRule::All) => "ALL",
        Ok(ImplicitMetaRule::Majority) => "MAJORITY",
        Err(_) => {
            return Err(PolicyError::NoText {
                what: format!("rule {}", policy.rule),
            });
        }
    };
    Ok(format!("{rule} {}", policy.sub_policy))
}

/// The text of a rule over signatures.
pub fn signature_text(policy: &SignaturePolicyEnvelope) -> Result<String, PolicyError> {
    let rule = policy
        .rule
        .as_ref()
        .ok_or(PolicyError::Malformed { what: "no rule" })?;
    rule_text(rule, &policy.identities)
}

fn rule_text(rule: &SignaturePolicy, identities: &[MspPrincipal]) -> Result<String, PolicyError> {
    match &rule.r#type {
        None => Err(PolicyError::Malformed {
            what: "an empty rule",
        }),
        Some(SignatureRule::SignedBy(index)) => {
            let principal = usize::try_from(*index)
                .ok()
                .and_then(|index| identities.get(index))
                .ok_or(PolicyError::Malformed {
                    what: "a rule for a principal that it does not name",
                })?;
            principal_text(principal)
        }
        Some(SignatureRule::NOutOf(gate)) => {
            let rules = gate
                .rules
                .iter()
                .map(|rule| rule_text(rule, identities))
                .collect::<Result<Vec<_>, _>>()?;
            let list = rules.join(", ");
            Ok(match usize::try_from(gate.n) {
                Ok(1) if !rules.is_empty() => format!("OR({list})"),
                Ok(n) if n == rules.len() && n > 1 => format!("AND({list})"),
                _ if rules.is_empty() => format!("OutOf({})", gate.n),
                _ => format!("OutOf({}, {list})", gate.n),
            })
        }
    }
}

/// The text of a principal, quotes included; only roles have one.
pub fn principal_text(principal: &MspPrincipal) -> Result<String, PolicyError> {
    if principal.principal_classification != PrincipalClassification::Role as i32 {
        return Err(PolicyError::NoText {
            what: format!("principal of kind {}", principal.principal_classification),
        });
    }
    let role =
        MspRole::decode(principal.principal.as_slice()).map_err(|source| PolicyError::Decode {
            kind: "MSPRole",
            source,
        })?;
    let name = match MspRoleType::try_from(role.role) {
        Ok(MspRoleType::Member) => "member",
        Ok(MspRoleType::Admin) => "admin",
        Ok(MspRoleType::Client) => "client",
        Ok(MspRoleType::Peer) => "peer",
        Ok(MspRoleType::Orderer) => "orderer",
        Err(_) => {
            return Err(PolicyError::NoText {
                what: format!("role {}", role.role),
            });
        }
    };
    Ok(format!("'{}.{name}'", role.msp_identifier))
}

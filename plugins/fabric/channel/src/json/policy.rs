//! Policies, principals and identities as JSON.

use fabric_proto::msp::SerializedIdentity;
use fabric_proto::policies::{
    CombinedPrincipal, ImplicitMetaPolicy, ImplicitMetaRule, MspIdentityAnonymity,
    MspIdentityAnonymityType, MspPrincipal, MspRole, MspRoleType, OrganizationUnit, Policy,
    PolicyType, PrincipalClassification, SignaturePolicy, SignaturePolicyEnvelope, SignatureRule,
};
use serde_json::{Value, json};

use super::bytes;
use crate::block::{BlockError, layer};

/// A name of an enumeration, or the number where it has none.
fn name<T>(number: i32, of: impl Fn(T) -> &'static str) -> Value
where
    T: TryFrom<i32>,
{
    T::try_from(number).map_or_else(|_| json!(number), |known| json!(of(known)))
}

/// A policy of any type.
pub fn policy_json(policy: &Policy) -> Result<Value, BlockError> {
    let value = match PolicyType::try_from(policy.r#type) {
        _ if policy.value.is_empty() => Value::Null,
        Ok(PolicyType::Signature) => {
            let policy: SignaturePolicyEnvelope = layer("SignaturePolicyEnvelope", &policy.value)?;
            json!({
                "version": policy.version,
                "rule": policy.rule.as_ref().map(rule_json),
                "identities": policy
                    .identities
                    .iter()
                    .map(|principal| principal_json(principal, 0))
                    .collect::<Result<Vec<_>, _>>()?,
            })
        }
        Ok(PolicyType::ImplicitMeta) => {
            let policy: ImplicitMetaPolicy = layer("ImplicitMetaPolicy", &policy.value)?;
            json!({
                "sub_policy": policy.sub_policy,
                "rule": name(policy.rule, |rule: ImplicitMetaRule| match rule {
                    ImplicitMetaRule::Any => "ANY",
                    ImplicitMetaRule::All => "ALL",
                    ImplicitMetaRule::Majority => "MAJORITY",
                }),
            })
        }
        _ => bytes(&policy.value),
    };
    Ok(json!({"type": policy.r#type, "value": value}))
}

fn rule_json(rule: &SignaturePolicy) -> Value {
    match &rule.r#type {
        None => json!({}),
        Some(SignatureRule::SignedBy(index)) => json!({"signed_by": index}),
        Some(SignatureRule::NOutOf(gate)) => {
            let rules: Vec<Value> = gate.rules.iter().map(rule_json).collect();
            json!({"n_out_of": {"n": gate.n, "rules": rules}})
        }
    }
}

/// An encoded identity.
pub(super) fn identity_json(encoded: &[u8]) -> Result<Value, BlockError> {
    let identity: SerializedIdentity = layer("SerializedIdentity", encoded)?;
    Ok(json!({"mspid": identity.mspid, "id_bytes": bytes(&identity.id_bytes)}))
}

fn principal_json(principal: &MspPrincipal, depth: usize) -> Result<Value, BlockError> {
    use PrincipalClassification as Kind;
    let inner = principal.principal.as_slice();
    let value = match Kind::try_from(principal.principal_classification) {
        Ok(Kind::Role) => {
            let role: MspRole = layer("MSPRole", inner)?;
            json!({
                "msp_identifier": role.msp_identifier,
                "role": name(role.role, |role: MspRoleType| match role {
                    MspRoleType::Member => "MEMBER",
                    MspRoleType::Admin => "ADMIN",
                    MspRoleType::Client => "CLIENT",
                    MspRoleType::Peer => "PEER",
                    MspRoleType::Orderer => "ORDERER",
                }),
            })
        }
        Ok(Kind::OrganizationUnit) => {
            let unit: OrganizationUnit = layer("OrganizationUnit", inner)?;
            json!({
                "msp_identifier": unit.msp_identifier,
                "organizational_unit_identifier": unit.organizational_unit_identifier,
                "certifiers_identifier": bytes(&unit.certifiers_identifier),
            })
        }
        Ok(Kind::Identity) => identity_json(inner)?,
        Ok(Kind::Anonymity) => {
            let anonymity: MspIdentityAnonymity = layer("MSPIdentityAnonymity", inner)?;
            json!({
                "anonymity_type": name(
                    anonymity.anonymity_type,
                    |kind: MspIdentityAnonymityType| match kind {
                        MspIdentityAnonymityType::Nominal => "NOMINAL",
                        MspIdentityAnonymityType::Anonymous => "ANONYMOUS",
                    },
                ),
            })
        }
        // Each level is bytes in bytes, which the decoder's own bound on nesting does not see.
        Ok(Kind::Combined) if depth < 8 => {
            let combined: CombinedPrincipal = layer("CombinedPrincipal", inner)?;
            let principals = combined
                .principals
                .iter()
                .map(|principal| principal_json(principal, depth + 1))
                .collect::<Result<Vec<_>, _>>()?;
            json!({"principals": principals})
        }
        _ => bytes(inner),
    };
    Ok(json!({
        "principal_classification": name(
            principal.principal_classification,
            |kind: Kind| match kind {
                Kind::Role => "ROLE",
                Kind::OrganizationUnit => "ORGANIZATION_UNIT",
                Kind::Identity => "IDENTITY",
                Kind::Anonymity => "ANONYMITY",
                Kind::Combined => "COMBINED",
            },
        ),
        "principal": value,
    }))
}

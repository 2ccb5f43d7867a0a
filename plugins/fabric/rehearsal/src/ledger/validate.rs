//! What makes a transaction of a block valid: who proposed it, who endorsed it, and that nobody was faster.

use fabric_proto::Message as _;
use fabric_proto::common::Envelope;
use fabric_proto::peer::{
    ApplicationPolicy, ApplicationPolicyKind, ChaincodeAction, ChaincodeActionPayload,
    ChaincodeData, ChaincodeProposalPayload, CommitChaincodeDefinitionArgs,
    ProposalResponsePayload, Transaction, TxValidationCode as Code,
};

use super::chain::{Chain, Effect, LIFECYCLE, LSCC, Place};
use super::member::{Known, Role};
use super::message::{Audit, Opened, invocation, own_id, proposal_hash};
use super::policy::{satisfied, signed};

impl Chain {
    /// What a transaction changes, or why it is invalid.
    pub(super) fn validate(
        &self,
        opened: &Opened,
        envelope: &Envelope,
        now_ms: u64,
        audit: &mut Audit,
    ) -> Result<Effect, (Code, String)> {
        own_id(&opened.channel, &opened.signature).map_err(|it| (Code::BadProposalTxid, it))?;
        let creator = self
            .know(&opened.signature.creator, now_ms)
            .and_then(|who| {
                audit.signed(&who, &envelope.payload, &envelope.signature)?;
                Ok(who)
            })
            .map_err(|it| (Code::BadCreatorSignature, it))?;
        let bad = |it: String| (Code::InvalidEndorserTransaction, it);
        let transaction =
            Transaction::decode(opened.data.as_slice()).map_err(|it| bad(it.to_string()))?;
        let [action] = transaction.actions.as_slice() else {
            return Err(bad("expected one action".to_owned()));
        };
        if action.header != opened.header.signature_header {
            return Err(bad("the action is of another proposal".to_owned()));
        }
        let payload = ChaincodeActionPayload::decode(action.payload.as_slice())
            .map_err(|it| bad(it.to_string()))?;
        let proposal =
            ChaincodeProposalPayload::decode(payload.chaincode_proposal_payload.as_slice())
                .map_err(|it| bad(it.to_string()))?;
        if !proposal.transient_map.is_empty() {
            return Err(bad("private input stands in the transaction".to_owned()));
        }
        let (chaincode, _) = invocation(&proposal).map_err(bad)?;
        let endorsed = payload
            .action
            .ok_or_else(|| bad("nothing is endorsed".to_owned()))?;
        let response =
            ProposalResponsePayload::decode(endorsed.proposal_response_payload.as_slice())
                .map_err(|it| (Code::BadResponsePayload, it.to_string()))?;
        if response.proposal_hash != proposal_hash(&opened.header, &proposal) {
            return Err(bad("another proposal was endorsed".to_owned()));
        }
        let outcome = ChaincodeAction::decode(response.extension.as_slice())
            .map_err(|it| (Code::BadResponsePayload, it.to_string()))?;
        let effect: Effect = serde_json::from_slice(&outcome.results)
            .map_err(|it| (Code::BadRwset, it.to_string()))?;
        let policy = |it: String| (Code::EndorsementPolicyFailure, it);
        let mut endorsers = Vec::new();
        for one in &endorsed.endorsements {
            let who = self.know(&one.endorser, now_ms).map_err(policy)?;
            let message = [
                endorsed.proposal_response_payload.as_slice(),
                one.endorser.as_slice(),
            ]
            .concat();
            audit
                .signed(&who, &message, &one.signature)
                .map_err(policy)?;
            endorsers.push(who);
        }
        if endorsers.is_empty() {
            return Err(policy("nobody endorsed".to_owned()));
        }
        let mut namespaces: Vec<&Place> = effect.writes.iter().map(|it| &it.0).collect();
        // Who only reads needs endorsements too.
        let own = (chaincode, String::new());
        if namespaces.is_empty() {
            namespaces.push(&own);
        }
        for place in namespaces {
            if place.0 != own.0 {
                let text = format!("{} writes into {}", own.0, place.0);
                return Err((Code::IllegalWriteset, text));
            }
            self.endorsed(place, &creator, &endorsers).map_err(policy)?;
        }
        for (place, version) in &effect.reads {
            if self.state.get(place).map(|it| it.1) != *version {
                let text = format!("{}/{} was changed meanwhile", place.0, place.1);
                return Err((Code::MvccReadConflict, text));
            }
        }
        Ok(effect)
    }

    /// Whether enough endorsed what is written to a place.
    fn endorsed(&self, place: &Place, creator: &Known, by: &[Known]) -> Result<(), String> {
        let root = self.root();
        let who = || {
            let all: Vec<&str> = by.iter().map(|it| it.msp_id.as_str()).collect();
            all.join(", ")
        };
        let (namespace, key) = (place.0.as_str(), place.1.as_str());
        if namespace == LIFECYCLE {
            if let Some(rest) = key.strip_prefix("approval/") {
                let org = rest.split('/').next().unwrap_or_default();
                if creator.msp_id == org && by.iter().any(|it| it.msp_id == org) {
                    return Ok(());
                }
                return Err(format!("approval of {org} endorsed by {}", who()));
            }
            return if satisfied(root, "/Channel/Application/LifecycleEndorsement", by) {
                Ok(())
            } else {
                Err(format!("LifecycleEndorsement not satisfied by {}", who()))
            };
        }
        if namespace == LSCC {
            // The instantiation policy that nobody set: an administrator of some member.
            return if satisfied(
                root,
                "/Channel/Application/Admins",
                std::slice::from_ref(creator),
            ) || creator.roles.contains(&Role::Admin)
            {
                Ok(())
            } else {
                Err("instantiated by somebody who is no administrator".to_owned())
            };
        }
        if let Some((bytes, _)) = self.state.get(&(LSCC.to_owned(), namespace.to_owned())) {
            let data = ChaincodeData::decode(bytes.as_slice()).map_err(|it| it.to_string())?;
            return match data.policy {
                None => Ok(()),
                Some(policy) if signed(&policy, by) => Ok(()),
                Some(_) => Err(format!("policy of {namespace} not satisfied by {}", who())),
            };
        }
        let place = (LIFECYCLE.to_owned(), format!("definition/{namespace}"));
        let Some((bytes, _)) = self.state.get(&place) else {
            return Err(format!("chaincode {namespace} is not defined"));
        };
        let definition =
            CommitChaincodeDefinitionArgs::decode(bytes.as_slice()).map_err(|it| it.to_string())?;
        let policy = ApplicationPolicy::decode(definition.validation_parameter.as_slice())
            .map_err(|it| it.to_string())?;
        let enough = match policy.r#type {
            Some(ApplicationPolicyKind::SignaturePolicy(policy)) => signed(&policy, by),
            Some(ApplicationPolicyKind::ChannelConfigPolicyReference(path)) => {
                satisfied(root, &path, by)
            }
            None => satisfied(root, "/Channel/Application/Endorsement", by),
        };
        if enough {
            Ok(())
        } else {
            Err(format!("policy of {namespace} not satisfied by {}", who()))
        }
    }
}

//! Messages between clients and peers: proposals, transactions, lifecycle, delivery of blocks.
//!
//! From `peer/*.proto`, `peer/lifecycle/lifecycle.proto`, `orderer/ab.proto` and `common/ledger.proto`.
//! Fields that hold a nested message as `Vec<u8>` do so in the interface files as well: they are
//! signed or hashed as the exact bytes that were received, so they must never be encoded again.
//! Where a peer and an orderer have a message of one name, the orderer's is called after it here.

mod answers;
mod channels;
mod collections;
mod delivery;
mod legacy;
mod lifecycle;
mod proposals;
mod transactions;

pub use answers::{
    ChaincodeAction, Endorsement, ProposalResponse, ProposalResponsePayload, Response,
};
pub use channels::{BlockchainInfo, BootstrappingSnapshotInfo, ChannelInfo, ChannelQueryResponse};
pub use collections::{
    ApplicationPolicy, ApplicationPolicyKind, CollectionConfig, CollectionConfigKind,
    CollectionConfigPackage, CollectionPolicyConfig, CollectionPolicyKind, StaticCollectionConfig,
};
pub use delivery::{
    BroadcastResponse, DeliverResponse, DeliverResponseKind, FilteredBlock, FilteredTransaction,
    OrdererDeliverResponse, OrdererDeliverResponseKind, SeekBehavior, SeekErrorResponse, SeekInfo,
    SeekPosition, SeekPositionKind, SeekSpecified,
};
pub use legacy::{ChaincodeData, ChaincodeDeploymentSpec, ChaincodeInfo, ChaincodeQueryResponse};
pub use lifecycle::{
    ApproveChaincodeDefinitionForMyOrgArgs, ChaincodeSource, ChaincodeSourceKind,
    CheckCommitReadinessArgs, CheckCommitReadinessResult, CommitChaincodeDefinitionArgs,
    GetInstalledChaincodePackageArgs, GetInstalledChaincodePackageResult, InstallChaincodeArgs,
    InstallChaincodeResult, InstalledChaincode, InstalledReference, InstalledReferences,
    LocalPackage, Mismatches, QueryApprovedChaincodeDefinitionArgs,
    QueryApprovedChaincodeDefinitionResult, QueryChaincodeDefinitionArgs,
    QueryChaincodeDefinitionResult, QueryChaincodeDefinitionsArgs, QueryChaincodeDefinitionsResult,
    QueryInstalledChaincodeArgs, QueryInstalledChaincodesArgs, QueryInstalledChaincodesResult,
};
pub use proposals::{
    ChaincodeHeaderExtension, ChaincodeId, ChaincodeInput, ChaincodeInvocationSpec,
    ChaincodeProposalPayload, ChaincodeSpec, ChaincodeType, Proposal, SignedProposal,
};
pub use transactions::{
    ChaincodeActionPayload, ChaincodeEndorsedAction, ProcessedTransaction, Transaction,
    TransactionAction, TxValidationCode,
};

/// A message without fields.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Empty {}

//! gRPC over HTTP/2 as bytes: paths, headers and framing of messages, and the status of a call.
//!
//! A body is a sequence of messages, each behind a byte that says whether it is compressed and its
//! length as four bytes, the highest first. Unary calls carry one, streams several. The status comes in trailers,
//! or in the headers when there is no body. HTTP/2 itself is the host's part.

mod frame;
mod status;
#[cfg(test)]
mod tests;

pub use frame::{FrameError, Frames, frame, only, unframe, whole};
pub use status::{CallError, Code, check};

/// Method of every call.
pub const HTTP_METHOD: &str = "POST";

/// Headers of every request. Without `te` some servers and proxies drop the trailers.
pub const HEADERS: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];

/// Largest message that a peer or an orderer takes and sends by default, in bytes.
pub const MAX_MESSAGE: usize = 100 * 1024 * 1024;

/// The calls of Fabric that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// A [`SignedProposal`](fabric_proto::peer::SignedProposal) to a peer, for a
    /// [`ProposalResponse`](fabric_proto::peer::ProposalResponse).
    ProcessProposal,
    /// Envelopes to an orderer, each for a
    /// [`BroadcastResponse`](fabric_proto::peer::BroadcastResponse).
    Broadcast,
    /// A seek envelope to an orderer, for several
    /// [`OrdererDeliverResponse`](fabric_proto::peer::OrdererDeliverResponse).
    OrdererDeliver,
    /// A seek envelope to a peer, for several
    /// [`DeliverResponse`](fabric_proto::peer::DeliverResponse) with whole blocks.
    PeerDeliver,
    /// The same for filtered blocks, which any member of the channel may see.
    DeliverFiltered,
}

impl Method {
    /// Path of the request.
    pub fn path(self) -> &'static str {
        match self {
            Self::ProcessProposal => "/protos.Endorser/ProcessProposal",
            Self::Broadcast => "/orderer.AtomicBroadcast/Broadcast",
            Self::OrdererDeliver => "/orderer.AtomicBroadcast/Deliver",
            Self::PeerDeliver => "/protos.Deliver/Deliver",
            Self::DeliverFiltered => "/protos.Deliver/DeliverFiltered",
        }
    }

    /// Whether an answer can have more than one message, and may go on until the client ends it.
    pub fn streams(self) -> bool {
        self != Self::ProcessProposal
    }
}

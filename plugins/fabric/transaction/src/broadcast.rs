//! Submits envelopes to an orderer.
//!
//! A success only says that the orderer took the envelope: when the leader stops before it cuts a
//! block, the transaction is gone. So wait for it in a block ([`commit`](crate::commit)), and submit
//! the same envelope again when it does not come; a second copy in a block is harmless.

use fabric_proto::Message;
use fabric_proto::common::Envelope;
use fabric_proto::peer::BroadcastResponse;
use thiserror::Error;

use crate::failure::{self, Verdict};
use crate::grpc::{self, FrameError};

/// Why an envelope was not taken.
#[derive(Debug, Error)]
pub enum BroadcastError {
    /// The body is not one message of gRPC.
    #[error("the orderer's answer to the broadcast is broken")]
    Frame(#[source] FrameError),
    /// The message cannot be decoded.
    #[error("the orderer's answer to the broadcast cannot be decoded")]
    Decode(#[source] fabric_proto::prost::DecodeError),
    /// The orderer says no.
    #[error("the orderer does not take the envelope: {status} {info}")]
    Refused {
        /// A [`Status`](fabric_proto::common::Status), as a number.
        status: i32,
        /// The text.
        info: String,
    },
}

impl BroadcastError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Frame(FrameError::Truncated { .. } | FrameError::Count(0)) => Verdict::Again,
            Self::Frame(_) | Self::Decode(_) => Verdict::GiveUp,
            Self::Refused { status, info } => failure::verdict(*status, info),
        }
    }

    /// The cause in plain words, where it is known.
    pub fn words(&self) -> Option<&'static str> {
        match self {
            Self::Refused { info, .. } => failure::advise(info).map(|advice| advice.words),
            _ => None,
        }
    }
}

/// Body of the request to `AtomicBroadcast/Broadcast`; end the stream after it.
pub fn body(envelope: &Envelope) -> Vec<u8> {
    grpc::frame(&envelope.encode_to_vec())
}

/// Reads the answer to one envelope.
///
/// # Errors
/// The refusal, or a body that is not one such message.
pub fn read(body: &[u8]) -> Result<(), BroadcastError> {
    let message = grpc::only(body, grpc::MAX_MESSAGE).map_err(BroadcastError::Frame)?;
    let answer = BroadcastResponse::decode(message).map_err(BroadcastError::Decode)?;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(BroadcastError::Refused {
            status: answer.status,
            info: answer.info,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_is_the_three_bytes_of_status_200() {
        assert!(read(&[0, 0, 0, 0, 3, 8, 0xc8, 1]).is_ok());
        let error = read(&[0, 0, 0, 0, 3, 8, 0xf7, 3]).unwrap_err();
        assert_eq!(error.verdict(), Verdict::Again);
        assert!(error.to_string().ends_with("503 "));
        assert_eq!(read(&[]).unwrap_err().verdict(), Verdict::Again);
        assert!(read(&[0, 0, 0, 0, 2, 8, 0xf7]).is_err());
    }

    #[test]
    fn a_refusal_is_explained() {
        let answer = BroadcastResponse {
            status: 403,
            info: "implicit policy evaluation failed - 0 sub-policies were satisfied".to_owned(),
        };
        let error = read(&grpc::frame(&answer.encode_to_vec())).unwrap_err();
        assert_eq!(error.verdict(), Verdict::GiveUp);
        assert!(error.words().unwrap().contains("signatures"));
    }
}

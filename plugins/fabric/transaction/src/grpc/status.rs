//! The status of a call: out of trailers or headers, into an error that says whether to try again.

use thiserror::Error;

use crate::failure::{Verdict, advise};

/// Codes of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Code {
    /// Done.
    Ok = 0,
    /// The client ended the call.
    Cancelled = 1,
    /// Any error: what a peer's own errors come as.
    Unknown = 2,
    /// The request is malformed.
    InvalidArgument = 3,
    /// Too late.
    DeadlineExceeded = 4,
    /// Something was not found.
    NotFound = 5,
    /// Something exists already.
    AlreadyExists = 6,
    /// The client may not do this.
    PermissionDenied = 7,
    /// Too much at once, or a message too large.
    ResourceExhausted = 8,
    /// Not in this state.
    FailedPrecondition = 9,
    /// Lost against another call.
    Aborted = 10,
    /// Past the end.
    OutOfRange = 11,
    /// The node does not serve this: an orderer was asked for a peer's service, or the other way round.
    Unimplemented = 12,
    /// The node failed.
    Internal = 13,
    /// The node cannot be reached, or not yet.
    Unavailable = 14,
    /// Data is broken.
    DataLoss = 15,
    /// The client is unknown.
    Unauthenticated = 16,
}

impl Code {
    /// The code of a number; numbers that do not exist are [`Code::Unknown`].
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Ok,
            1 => Self::Cancelled,
            3 => Self::InvalidArgument,
            4 => Self::DeadlineExceeded,
            5 => Self::NotFound,
            6 => Self::AlreadyExists,
            7 => Self::PermissionDenied,
            8 => Self::ResourceExhausted,
            9 => Self::FailedPrecondition,
            10 => Self::Aborted,
            11 => Self::OutOfRange,
            12 => Self::Unimplemented,
            13 => Self::Internal,
            14 => Self::Unavailable,
            15 => Self::DataLoss,
            16 => Self::Unauthenticated,
            _ => Self::Unknown,
        }
    }

    /// The code that stands for an answer of HTTP without a status of gRPC (gRPC's http-grpc-status-mapping).
    fn from_http(status: u16) -> Self {
        match status {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    /// The name in the documents of gRPC.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// What to do when the text tells nothing.
    fn verdict(self) -> Verdict {
        match self {
            Self::Ok => Verdict::Done,
            Self::Unavailable | Self::DeadlineExceeded | Self::Aborted => Verdict::Again,
            _ => Verdict::GiveUp,
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}: {message}", code.name())]
pub struct CallError {
    /// The status.
    pub code: Code,
    /// What the node says, decoded; or what is wrong with the answer.
    pub message: String,
}

impl CallError {
    /// Whether to try again.
    pub fn verdict(&self) -> Verdict {
        advise(&self.message).map_or_else(|| self.code.verdict(), |advice| advice.verdict)
    }

    /// The cause in plain words, where it is known.
    pub fn words(&self) -> Option<&'static str> {
        advise(&self.message).map(|advice| advice.words)
    }
}

/// Looks for the status of a call that has ended: in `trailers`, else in `headers`.
///
/// Names are compared without regard to case.
///
/// # Errors
/// Any status but OK, an answer that is no gRPC, and one without a status, which a broken connection leaves behind.
pub fn check<N: AsRef<str>, V: AsRef<str>>(
    http_status: u16,
    headers: &[(N, V)],
    trailers: &[(N, V)],
) -> Result<(), CallError> {
    let field = |name: &str| {
        [trailers, headers]
            .into_iter()
            .flatten()
            .find(|(key, _)| key.as_ref().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_ref())
    };
    let message = decode(field("grpc-message").unwrap_or_default());
    match field("grpc-status") {
        Some("0") => Ok(()),
        Some(number) => Err(CallError {
            code: number
                .trim()
                .parse()
                .map_or(Code::Unknown, Code::from_number),
            message,
        }),
        None if http_status != 200 => Err(CallError {
            code: Code::from_http(http_status),
            message: format!("the answer is HTTP {http_status} without a status of gRPC"),
        }),
        None => Err(CallError {
            code: Code::Unavailable,
            message: "the answer ended without a status of gRPC".to_owned(),
        }),
    }
}

/// Undoes the percent encoding of `grpc-message`; what is not encoded properly stays as it is.
fn decode(text: &str) -> String {
    let hex = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let high = hex(bytes.get(at + 1));
        let low = hex(bytes.get(at + 2));
        if let (b'%', Some(high), Some(low)) = (byte, high, low) {
            out.push(u8::try_from(high * 16 + low).unwrap_or_default());
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

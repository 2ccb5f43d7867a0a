//! Framing of messages in a body.

use thiserror::Error;

/// Length of what stands before each message.
const PREFIX: usize = 5;

/// What is wrong with a body.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Compression was not offered, so nothing may be compressed.
    #[error("message {0} of the gRPC body is compressed (or this is no gRPC): expected a byte 0")]
    Compressed(usize),
    /// A length that nobody would hold in memory.
    #[error("message {number} of the gRPC body has {length} bytes: expected at most {limit}")]
    TooLarge {
        /// Number of the message, from 0.
        number: usize,
        /// What its prefix says.
        length: usize,
        /// The caller's limit.
        limit: usize,
    },
    /// The body ends within a message.
    #[error("the gRPC body ends within message {number}, after {rest} bytes of it and its prefix")]
    Truncated {
        /// Number of the message, from 0.
        number: usize,
        /// Bytes that are there.
        rest: usize,
    },
    /// Another number of messages than a unary call has.
    #[error("the gRPC body has {0} messages: expected one")]
    Count(usize),
}

/// The whole messages of a part of a body, and what is left behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames<'a> {
    /// The messages, in order.
    pub messages: Vec<&'a [u8]>,
    /// The beginning of the next message: put it before what arrives next.
    pub rest: &'a [u8],
}

/// Puts the prefix before a message. A body for a stream is several of these in a row.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(PREFIX + message.len());
    out.push(0);
    // Longer messages cannot be in the memory of a guest.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(message);
    out
}

/// Takes as many messages off a body as are there; for streams, whose bodies arrive in parts.
///
/// # Errors
/// A compressed message or one of more than `limit` bytes.
pub fn unframe(body: &[u8], limit: usize) -> Result<Frames<'_>, FrameError> {
    let mut messages = Vec::new();
    let mut rest = body;
    while let Some(([flag, length @ ..], behind)) = rest.split_first_chunk::<PREFIX>() {
        let number = messages.len();
        if *flag != 0 {
            return Err(FrameError::Compressed(number));
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > limit {
            return Err(FrameError::TooLarge {
                number,
                length,
                limit,
            });
        }
        let Some((message, next)) = behind.split_at_checked(length) else {
            break;
        };
        messages.push(message);
        rest = next;
    }
    Ok(Frames { messages, rest })
}

/// All messages of a body that has ended.
///
/// # Errors
/// As [`unframe`], and when it ends within a message.
pub fn whole(body: &[u8], limit: usize) -> Result<Vec<&[u8]>, FrameError> {
    let Frames { messages, rest } = unframe(body, limit)?;
    if rest.is_empty() {
        Ok(messages)
    } else {
        Err(FrameError::Truncated {
            number: messages.len(),
            rest: rest.len(),
        })
    }
}

/// The one message of a unary call's body.
///
/// # Errors
/// As [`whole`], and when there are none or several. Check the call's status first: a failed call has none.
pub fn only(body: &[u8], limit: usize) -> Result<&[u8], FrameError> {
    match whole(body, limit)?.as_slice() {
        [message] => Ok(message),
        messages => Err(FrameError::Count(messages.len())),
    }
}

//! The HTTP interface through which an orderer joins and leaves channels (since 2.3).
//!
//! Requests as paths and bytes, answers as types. A join carries block 0 as the one file of a form;
//! check the block first: some broken ones kill an orderer for good. The interface has no TLS when it
//! listens on loopback only, and else wants a client certificate.

use serde::Deserialize;
use thiserror::Error;

use crate::failure::Verdict;

/// Path of all channels: GET lists them, POST joins one.
pub const CHANNELS: &str = "/participation/v1/channels";
/// Largest body that an orderer takes unless `ORDERER_CHANNELPARTICIPATION_MAXREQUESTBODYSIZE` says otherwise.
pub const MAX_BODY: usize = 1024 * 1024;
/// Name of the form's one part.
const PART: &str = "config-block";

/// A request that cannot be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// Names of channels go into paths.
    #[error(
        "channel name {0:?}: expected a lower-case letter, then lower-case letters, digits, dots and dashes, at most 249 in all"
    )]
    Channel(String),
    /// What parts a form.
    #[error("boundary {0:?} of the form: expected 1 to 70 letters, digits, dashes or underscores")]
    Boundary(String),
    /// It would end the part too early.
    #[error("the block contains the boundary {0:?} of the form: expected another boundary")]
    BoundaryInBlock(String),
}

/// Body and content type of a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// Value of the header `content-type`.
    pub content_type: String,
    /// The form.
    pub body: Vec<u8>,
}

/// Path of one channel: GET tells its state, DELETE leaves it.
///
/// # Errors
/// A name that no channel may have.
pub fn channel_path(channel: &str) -> Result<String, RequestError> {
    let first = channel.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = channel
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if first && rest && channel.len() <= 249 {
        Ok(format!("{CHANNELS}/{channel}"))
    } else {
        Err(RequestError::Channel(channel.to_owned()))
    }
}

/// The form that joins an orderer to the channel of `block` (RFC 7578, one file part).
///
/// # Errors
/// A boundary that is malformed or occurs in the block; random ones do not.
pub fn join_request(block: &[u8], boundary: &str) -> Result<JoinRequest, RequestError> {
    let plain = boundary
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !plain || boundary.is_empty() || boundary.len() > 70 {
        return Err(RequestError::Boundary(boundary.to_owned()));
    }
    let needle = boundary.as_bytes();
    if block.windows(needle.len()).any(|window| window == needle) {
        return Err(RequestError::BoundaryInBlock(boundary.to_owned()));
    }
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{PART}\"; filename=\"{PART}.block\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(block);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Ok(JoinRequest {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body,
    })
}

/// What an orderer is in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// It takes part in the consensus.
    Consenter,
    /// It only fetches blocks: also the sign of a TLS key that is not in the channel's consenters.
    Follower,
    /// It follows the configuration only (system channels).
    ConfigTracker,
    /// The consensus does not tell (solo, kafka), or anything newer than this.
    #[serde(other)]
    Other,
}

/// What a channel does on an orderer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It runs.
    Active,
    /// It fetches the blocks up to the one that it joined with.
    Onboarding,
    /// It does not run: an orderer that was taken out of the consenters.
    Inactive,
    /// It could not be removed.
    Failed,
    /// Anything newer than this.
    #[serde(other)]
    Unknown,
}

/// A channel on an orderer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// What the orderer is in it.
    #[serde(rename = "consensusRelation")]
    pub relation: Relation,
    /// What it does.
    pub status: State,
    /// Number of blocks.
    pub height: u64,
}

impl Channel {
    /// Whether the orderer takes part: joined, running and a consenter. It says nothing about a leader.
    pub fn participates(&self) -> bool {
        self.relation == Relation::Consenter && self.status == State::Active
    }
}

/// The channels of an orderer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    /// The system channel of an orderer that was started with a genesis block; up to 2.5.
    pub system: Option<String>,
    /// The others, sorted.
    pub channels: Vec<String>,
}

/// An orderer's refusal.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParticipationError {
    /// 400: the block, or what it configures, is not valid.
    #[error("the orderer refuses the block: {0}")]
    Invalid(String),
    /// 403: it has application channels and shall join a system channel.
    #[error("the orderer may not join: {0}")]
    Forbidden(String),
    /// 404: it has not joined the channel.
    #[error("the orderer does not know the channel: {0}")]
    NotFound(String),
    /// 405: it has joined the channel already.
    #[error("the orderer has joined the channel already: {0}")]
    Exists(String),
    /// 405: it has a system channel, through which channels are made.
    #[error("the orderer has a system channel: {0}")]
    SystemChannel(String),
    /// 409: the channel is being removed.
    #[error("the orderer is still removing the channel: {0}")]
    PendingRemoval(String),
    /// 500: what was there of the channel could not be removed.
    #[error("the orderer failed: {0}")]
    Failed(String),
    /// 503: the interface is off, or something in front of the orderer has no orderer.
    #[error("the orderer does not serve its channel participation interface: {0}")]
    Unavailable(String),
    /// Anything else.
    #[error("the orderer answers HTTP {status}: {text}")]
    Other {
        /// Status of HTTP.
        status: u16,
        /// Text of the error, or the beginning of the body.
        text: String,
    },
    /// A status that promises an answer, without the answer.
    #[error("the orderer's answer is not the JSON that was expected: {0}")]
    Malformed(String),
}

impl ParticipationError {
    /// What to do about it. Verify after [`Verdict::Done`] that the channel is the same one: the
    /// orderer compares names only.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Exists(_) => Verdict::Done,
            Self::NotFound(_) => Verdict::Absent,
            Self::Unavailable(text) if text.contains("is disabled") => Verdict::GiveUp,
            Self::PendingRemoval(_)
            | Self::Unavailable(_)
            | Self::Other {
                status: 429 | 502 | 504,
                ..
            } => Verdict::Again,
            _ => Verdict::GiveUp,
        }
    }
}

/// Reads the answer to a join: 201, or a refusal.
///
/// # Errors
/// The refusal.
pub fn read_join(status: u16, body: &[u8]) -> Result<Channel, ParticipationError> {
    read(status, 201, body)
}

/// Reads the answer to GET of one channel.
///
/// # Errors
/// [`ParticipationError::NotFound`] when the orderer has not joined it; others.
pub fn read_channel(status: u16, body: &[u8]) -> Result<Channel, ParticipationError> {
    read(status, 200, body)
}

/// Reads the answer to GET of all channels.
///
/// # Errors
/// A refusal, such as 503 when the interface is off.
pub fn read_list(status: u16, body: &[u8]) -> Result<Channels, ParticipationError> {
    #[derive(Deserialize)]
    struct Short {
        name: String,
    }
    #[derive(Deserialize)]
    struct List {
        #[serde(rename = "systemChannel")]
        system: Option<Short>,
        channels: Option<Vec<Short>>,
    }
    let list: List = read(status, 200, body)?;
    let mut channels: Vec<String> = list
        .channels
        .unwrap_or_default()
        .into_iter()
        .map(|channel| channel.name)
        .collect();
    channels.sort();
    Ok(Channels {
        system: list
            .system
            .map(|channel| channel.name)
            .filter(|name| !name.is_empty()),
        channels,
    })
}

/// Reads the answer to DELETE of a channel: 204, or a refusal.
///
/// # Errors
/// The refusal.
pub fn read_removal(status: u16, body: &[u8]) -> Result<(), ParticipationError> {
    if status == 204 {
        Ok(())
    } else {
        Err(refusal(status, body))
    }
}

fn read<T: serde::de::DeserializeOwned>(
    status: u16,
    wanted: u16,
    body: &[u8],
) -> Result<T, ParticipationError> {
    if status != wanted {
        return Err(refusal(status, body));
    }
    serde_json::from_slice(body).map_err(|error| ParticipationError::Malformed(error.to_string()))
}

fn refusal(status: u16, body: &[u8]) -> ParticipationError {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    // A proxy answers with a page instead.
    let text = serde_json::from_slice(body).map_or_else(
        |_| String::from_utf8_lossy(body).chars().take(200).collect(),
        |refusal: Refusal| refusal.error,
    );
    match status {
        400 => ParticipationError::Invalid(text),
        403 => ParticipationError::Forbidden(text),
        404 => ParticipationError::NotFound(text),
        405 if text.contains("system channel exists") => ParticipationError::SystemChannel(text),
        405 if text.contains("channel already exists") => ParticipationError::Exists(text),
        409 => ParticipationError::PendingRemoval(text),
        500 => ParticipationError::Failed(text),
        503 => ParticipationError::Unavailable(text),
        _ => ParticipationError::Other { status, text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_one_file_between_two_boundaries() {
        let request = join_request(&[0, 255, b'\r', b'\n'], "xYz").unwrap();
        assert_eq!(request.content_type, "multipart/form-data; boundary=xYz");
        let mut wanted = b"--xYz\r\nContent-Disposition: form-data; name=\"config-block\"; filename=\"config-block.block\"\r\nContent-Type: application/octet-stream\r\n\r\n".to_vec();
        wanted.extend([0, 255, b'\r', b'\n']);
        wanted.extend(b"\r\n--xYz--\r\n");
        assert_eq!(request.body, wanted);
    }

    #[test]
    fn a_boundary_may_not_break_the_form() {
        for boundary in ["", "a b", "a\r\nb", "\"", &"x".repeat(71)] {
            assert!(join_request(b"block", boundary).is_err(), "{boundary:?}");
        }
        assert_eq!(
            join_request(b"..\r\n--xYz", "xYz"),
            Err(RequestError::BoundaryInBlock("xYz".to_owned()))
        );
        assert!(join_request(b"", "xYz").is_ok());
    }

    #[test]
    fn names_of_channels_cannot_lead_elsewhere() {
        assert_eq!(
            channel_path("my.channel-1").unwrap(),
            "/participation/v1/channels/my.channel-1"
        );
        for name in ["", "1a", "My", "a/b", "..", "a?b", "a%2f", &"a".repeat(250)] {
            assert!(channel_path(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_join_is_answered_with_the_channel() {
        let body = br#"{"name":"mychannel","url":"/participation/v1/channels/mychannel","consensusRelation":"consenter","status":"active","height":1}"#;
        let channel = read_join(201, body).unwrap();
        assert!(channel.participates());
        assert_eq!(channel.height, 1);
        let body = br#"{"name":"c","url":"","consensusRelation":"config-tracker","status":"onboarding","height":0}"#;
        let channel = read_channel(200, body).unwrap();
        assert_eq!(channel.relation, Relation::ConfigTracker);
        assert_eq!(channel.status, State::Onboarding);
        let body = br#"{"name":"c","url":"","consensusRelation":"new","status":"new","height":0}"#;
        let channel = read_channel(200, body).unwrap();
        assert_eq!(
            (channel.relation, channel.status),
            (Relation::Other, State::Unknown)
        );
    }

    #[test]
    fn a_list_may_be_empty_in_two_ways() {
        let none = read_list(200, br#"{"systemChannel":null,"channels":null}"#).unwrap();
        assert_eq!(none, read_list(200, br#"{"channels":[]}"#).unwrap());
        let list = read_list(
            200,
            br#"{"systemChannel":{"name":"sys","url":"u"},"channels":[{"name":"b","url":"u"},{"name":"a","url":"u"}]}"#,
        )
        .unwrap();
        assert_eq!(list.system.as_deref(), Some("sys"));
        assert_eq!(list.channels, ["a", "b"]);
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let verdict = |status, text: &str| {
            let body = format!("{{\"error\":{text:?}}}");
            read_join(status, body.as_bytes()).unwrap_err().verdict()
        };
        assert_eq!(
            verdict(405, "cannot join: channel already exists"),
            Verdict::Done
        );
        assert_eq!(
            verdict(405, "cannot join: system channel exists"),
            Verdict::GiveUp
        );
        assert_eq!(verdict(405, "invalid request method: PUT"), Verdict::GiveUp);
        assert_eq!(
            verdict(409, "cannot join: channel pending removal"),
            Verdict::Again
        );
        assert_eq!(
            verdict(400, "invalid join block: block is not a config block"),
            Verdict::GiveUp
        );
        assert_eq!(
            verdict(403, "cannot join: application channels already exist"),
            Verdict::GiveUp
        );
        assert_eq!(verdict(404, "channel does not exist"), Verdict::Absent);
        assert_eq!(
            verdict(503, "channel participation API is disabled"),
            Verdict::GiveUp
        );
        assert_eq!(
            read_join(503, b"<html>").unwrap_err().verdict(),
            Verdict::Again
        );
        assert!(read_removal(204, b"").is_ok());
        assert!(matches!(
            read_join(201, b"{}"),
            Err(ParticipationError::Malformed(_))
        ));
    }
}

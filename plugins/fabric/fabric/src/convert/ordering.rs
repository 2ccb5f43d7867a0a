//! The section `Orderer` of a profile: who orders, and how.

use chain_plugin_sdk::Diagnostics;
use fabric_service::Release;
use serde_json::{Map, Value, json};

use super::notes::Notes;
use super::place::Place;

/// Kinds of ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consensus {
    /// One orderer.
    Solo,
    /// Brokers order.
    Kafka,
    /// Raft.
    Raft,
    /// `SmartBFT`.
    Bft,
}

impl Consensus {
    /// What a section says; `solo` when it does not say, as with configtxgen.
    pub fn of(at: &Place<'_>, notes: &mut Notes) -> Result<Self, Diagnostics> {
        let Some((text, place)) = notes.text(at, "OrdererType")? else {
            return Ok(Self::Solo);
        };
        match text {
            "solo" => Ok(Self::Solo),
            "kafka" => Ok(Self::Kafka),
            "etcdraft" => Ok(Self::Raft),
            "BFT" => Ok(Self::Bft),
            _ => {
                let message = format!("orderers of type {text:?} are not known");
                Err(notes.refuse(&place, &message, "solo, kafka, etcdraft or BFT"))
            }
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Solo => "solo",
            Self::Kafka => "kafka",
            Self::Raft => "etcdraft",
            Self::Bft => "BFT",
        }
    }

    const fn plugin(self) -> &'static str {
        match self {
            Self::Solo => "orderer_solo",
            Self::Kafka => "orderer_kafka",
            Self::Raft => "orderer_raft",
            Self::Bft => "orderer_bft",
        }
    }
}

/// An orderer of a channel.
#[derive(Debug)]
pub struct Consenter<'a> {
    /// Where it stands.
    pub place: Place<'a>,
    /// What others dial.
    pub host: Option<(&'a str, Place<'a>)>,
    /// The port of that.
    pub port: Option<(u64, Place<'a>)>,
    /// Its organisation, where that is said.
    pub msp_id: Option<&'a str>,
    /// Its name in certificates and its domain, of the path of its certificate in cryptogen's tree.
    pub path: Option<(&'a str, &'a str)>,
}

/// What a section says.
#[derive(Debug)]
pub struct Ordering<'a> {
    /// The service `orderer`.
    pub service: Value,
    /// How many brokers there are, where brokers order.
    pub brokers: Option<usize>,
    /// Options of the stack.
    pub options: Map<String, Value>,
    /// Orderers.
    pub consenters: Vec<Consenter<'a>>,
    /// Their addresses.
    pub addresses: Vec<(&'a str, Place<'a>)>,
}

/// Most bytes that a block may be asked to have here.
const MOST_BYTES: u64 = 102_760_448;
/// Fewest.
const LEAST_BYTES: u64 = 1024;

/// Reads the section of the profile that is taken.
pub fn read<'a>(
    at: &Place<'a>,
    consensus: Consensus,
    release: Release,
    notes: &mut Notes,
) -> Result<Ordering<'a>, Diagnostics> {
    let legacy = matches!(consensus, Consensus::Solo | Consensus::Kafka);
    let taken = if legacy && release != Release::V1_4 {
        let reason = format!(
            "orderers of type {} are of release 1.4; in {} they agree by Raft, as many as there are",
            consensus.name(),
            release.name()
        );
        notes.warn(at, &reason, "three orderers stand the loss of one");
        Consensus::Raft
    } else {
        consensus
    };
    let mut service = Map::new();
    service.insert("plugin".to_owned(), json!(taken.plugin()));
    let mut consenters = Vec::new();
    let mut settings = Map::new();
    if let Some(section) = notes.map(at, "EtcdRaft")? {
        if consensus == Consensus::Raft {
            consenters = self::consenters(&section, "Consenters", notes)?;
            if let Some(options) = notes.map(&section, "Options")? {
                settings = options_of(&options, &RAFT, notes)?;
            }
        } else {
            other(&section, consensus, notes);
        }
    }
    for (key, brings) in [("SmartBFT", true), ("ConsenterMapping", false)] {
        let Some(section) = notes.take(at, key) else {
            continue;
        };
        if consensus != Consensus::Bft {
            other(&section, consensus, notes);
        } else if brings {
            notes.is_map(&section)?;
            settings = options_of(&section, &BFT, notes)?;
        } else {
            consenters = self::consenters(at, key, notes)?;
        }
    }
    if !settings.is_empty() {
        service.insert("options".to_owned(), Value::Object(settings));
    }
    let mut brokers = None;
    if let Some(section) = notes.map(at, "Kafka")? {
        if taken == Consensus::Kafka {
            let all = notes.words(&section, "Brokers")?;
            brokers = Some(all.len().max(1));
            if let Some((_, first)) = all.first() {
                let message = "brokers and their ensemble are made here, as many as are listed; their addresses are those of their Services";
                notes.inform(first, message);
            }
        } else {
            other(&section, consensus, notes);
        }
    } else if taken == Consensus::Kafka {
        brokers = Some(1);
    }
    if let Some((most, place)) = notes.number(at, "MaxChannels", u64::MAX)?
        && most > 0
    {
        notes.ignore(
            &place,
            "it has no effect: channels are not counted here",
            "",
        );
    }
    Ok(Ordering {
        service: Value::Object(service),
        brokers,
        options: batch(at, notes)?,
        consenters,
        addresses: notes.words(at, "Addresses")?,
    })
}

fn other(section: &Place<'_>, consensus: Consensus, notes: &mut Notes) {
    let reason = format!(
        "it has no effect: orderers of type {} do not read it",
        consensus.name()
    );
    notes.ignore(section, &reason, "");
}

/// How blocks are cut; what is not said is what configtxgen takes.
fn batch(at: &Place<'_>, notes: &mut Notes) -> Result<Map<String, Value>, Diagnostics> {
    let mut options = Map::new();
    let timeout = match notes.text(at, "BatchTimeout")? {
        Some((text, _)) if duration(text) => text,
        Some((_, place)) => {
            let message = "a length of time is expected, such as 2s or 250ms";
            return Err(notes.refuse(&place, message, ""));
        }
        None => "2s",
    };
    options.insert("batchTimeout".to_owned(), json!(timeout));
    let section = notes.map(at, "BatchSize")?;
    let count = match &section {
        Some(section) => notes.number(section, "MaxMessageCount", u64::from(u32::MAX))?,
        None => None,
    };
    let count = match count {
        Some((0, _)) | None => 500,
        Some((count, place)) if count > 1_000_000 => {
            notes.warn(&place, "it is more than 1000000, the most here", "");
            1_000_000
        }
        Some((count, _)) => count,
    };
    options.insert("maxMessageCount".to_owned(), json!(count));
    for (key, name, usual) in [
        ("AbsoluteMaxBytes", "absoluteMaxBytes", 10 * 1024 * 1024),
        ("PreferredMaxBytes", "preferredMaxBytes", 2 * 1024 * 1024),
    ] {
        let said = match &section {
            Some(section) => notes.text(section, key)?,
            None => None,
        };
        let bytes = match said {
            None => usual,
            Some((text, place)) => match size(text) {
                Some(0) => usual,
                Some(bytes) if (LEAST_BYTES..=MOST_BYTES).contains(&bytes) => bytes,
                Some(bytes) => {
                    let clamped = bytes.clamp(LEAST_BYTES, MOST_BYTES);
                    let reason = format!("{text} does not fit; it is {clamped} bytes here");
                    let hint = "from 1 KB to 98 MB: a message of gRPC holds 100 MB";
                    notes.warn(&place, &reason, hint);
                    clamped
                }
                None => return Err(notes.refuse(&place, "a size is expected, such as 98 MB", "")),
            },
        };
        options.insert(name.to_owned(), json!(bytes));
    }
    Ok(options)
}

/// Whether a text is a length of time as the stack's option has it.
fn duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let digits = rest.len().saturating_sub(number.len());
        let shown = rest.get(..digits).unwrap_or_default();
        let dots = shown.matches('.').count();
        if shown.is_empty() || dots > 1 || shown.starts_with('.') || shown.ends_with('.') {
            return false;
        }
        let after = ["ms", "s", "m", "h"]
            .iter()
            .find_map(|unit| number.strip_prefix(unit));
        match after {
            Some(after) => rest = after,
            None => return false,
        }
    }
    !text.is_empty()
}

/// Bytes, as `98 MB`, `512k` or a number.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.get(..text.len().saturating_sub(digits.len()))?;
    let number: u64 = number.parse().ok()?;
    let unit = match digits.trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "k" | "kb" => 1024,
        "m" | "mb" => 1024 * 1024,
        "g" | "gb" => 1024 * 1024 * 1024,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// What kind of value an option has.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A length of time.
    Length,
    /// A number.
    Number,
    /// Bytes.
    Size,
    /// A switch.
    Switch,
    /// Whether leaders change, by number or by word.
    Rotation,
    /// No option here.
    None,
}

/// Options of Raft: key, name, form.
const RAFT: [(&str, &str, Form); 5] = [
    ("TickInterval", "tickInterval", Form::Length),
    ("ElectionTick", "electionTick", Form::Number),
    ("HeartbeatTick", "heartbeatTick", Form::Number),
    ("MaxInflightBlocks", "maxInflightBlocks", Form::Number),
    ("SnapshotIntervalSize", "snapshotIntervalSize", Form::Size),
];

/// What a batch is when nothing is said: requests, bytes.
const BATCH: [Option<u64>; 2] = [Some(100), Some(10 * 1024 * 1024)];

/// Options of `SmartBFT`.
const BFT: [(&str, &str, Form); 18] = [
    ("RequestBatchMaxCount", "", Form::None),
    ("RequestBatchMaxBytes", "", Form::None),
    (
        "RequestBatchMaxInterval",
        "requestBatchMaxInterval",
        Form::Length,
    ),
    (
        "IncomingMessageBufferSize",
        "incomingMessageBufferSize",
        Form::Number,
    ),
    ("RequestPoolSize", "requestPoolSize", Form::Number),
    (
        "RequestForwardTimeout",
        "requestForwardTimeout",
        Form::Length,
    ),
    (
        "RequestComplainTimeout",
        "requestComplainTimeout",
        Form::Length,
    ),
    (
        "RequestAutoRemoveTimeout",
        "requestAutoRemoveTimeout",
        Form::Length,
    ),
    ("RequestMaxBytes", "requestMaxBytes", Form::Size),
    (
        "ViewChangeResendInterval",
        "viewChangeResendInterval",
        Form::Length,
    ),
    ("ViewChangeTimeout", "viewChangeTimeout", Form::Length),
    (
        "LeaderHeartbeatTimeout",
        "leaderHeartbeatTimeout",
        Form::Length,
    ),
    ("LeaderHeartbeatCount", "leaderHeartbeatCount", Form::Number),
    ("CollectTimeout", "collectTimeout", Form::Length),
    ("SyncOnStart", "syncOnStart", Form::Switch),
    ("SpeedUpViewChange", "speedUpViewChange", Form::Switch),
    ("LeaderRotation", "leaderRotation", Form::Rotation),
    ("DecisionsPerLeader", "decisionsPerLeader", Form::Number),
];

fn options_of(
    section: &Place<'_>,
    known: &[(&str, &str, Form)],
    notes: &mut Notes,
) -> Result<Map<String, Value>, Diagnostics> {
    let mut options = Map::new();
    for (key, name, form) in known {
        let Some((text, place)) = notes.text(section, key)? else {
            continue;
        };
        let value = match form {
            Form::None if BATCH.contains(&size(text)) => continue,
            Form::None => {
                let reason = "it has no effect: an orderer takes BatchSize instead";
                notes.ignore(&place, reason, "");
                continue;
            }
            Form::Length => duration(text).then(|| json!(text)),
            Form::Number => place.node.number().map(|number| json!(number)),
            Form::Size => size(text).map(|bytes| json!(bytes)),
            Form::Switch => place.node.boolean().map(|on| json!(on)),
            Form::Rotation => match text.to_ascii_lowercase().as_str() {
                "0" | "rotation_unspecified" | "unspecified" => Some(json!("unspecified")),
                "1" | "rotation_off" | "off" => Some(json!("off")),
                "2" | "rotation_on" | "on" => Some(json!("on")),
                _ => None,
            },
        };
        let Some(value) = value else {
            let expected = match form {
                Form::Length => "a length of time is expected, such as 500ms",
                Form::Number => "a number is expected",
                Form::Size => "a size is expected, such as 16 MB",
                Form::Switch => "`true` or `false` is expected",
                Form::Rotation | Form::None => "0, 1 or 2 is expected",
            };
            return Err(notes.refuse(&place, expected, ""));
        };
        options.insert((*name).to_owned(), value);
    }
    Ok(options)
}

fn consenters<'a>(
    section: &Place<'a>,
    key: &str,
    notes: &mut Notes,
) -> Result<Vec<Consenter<'a>>, Diagnostics> {
    let mut all = Vec::new();
    for (index, place) in notes.list(section, key)?.into_iter().enumerate() {
        notes.is_map(&place)?;
        let server = notes.text(&place, "ServerTLSCert")?;
        let client = notes.text(&place, "ClientTLSCert")?;
        notes.text(&place, "Identity")?;
        if let Some((id, at)) = notes.number(&place, "ID", u64::MAX)?
            && usize::try_from(id).ok() != index.checked_add(1)
        {
            let reason = "it has no effect: orderers are numbered from 1 in their order here";
            notes.ignore(&at, reason, "");
        }
        let path = server.as_ref().or(client.as_ref());
        all.push(Consenter {
            host: notes.text(&place, "Host")?,
            port: notes.number(&place, "Port", u64::from(u16::MAX))?,
            msp_id: notes.text(&place, "MSPID")?.map(|(id, _)| id),
            path: path.and_then(|(path, _)| of_tree(path)),
            place,
        });
    }
    Ok(all)
}

/// Of a path in cryptogen's tree the name of the orderer and its domain.
fn of_tree(path: &str) -> Option<(&str, &str)> {
    let mut parts = path
        .split('/')
        .skip_while(|part| *part != "ordererOrganizations");
    parts.next()?;
    let domain = parts.next()?;
    (parts.next()? == "orderers").then_some(())?;
    Some((parts.next()?, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lengths_are_those_of_fabric_s_tools() {
        for (text, bytes) in [
            ("98 MB", Some(102_760_448)),
            ("512 KB", Some(524_288)),
            ("10m", Some(10_485_760)),
            ("77", Some(77)),
            ("1 TB", None),
            ("MB", None),
            ("99999999999999999999 GB", None),
            ("18446744073709551615 GB", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
        for good in ["2s", "250ms", "1m30s", "1.5s"] {
            assert!(duration(good), "{good}");
        }
        for bad in ["", "2", "s", "2 s", "1..5s", ".5s", "5.s", "2x", "-2s"] {
            assert!(!duration(bad), "{bad}");
        }
        assert_eq!(
            of_tree("../ordererOrganizations/ord/orderers/orderer0.ord/tls/server.crt"),
            Some(("orderer0.ord", "ord"))
        );
        assert_eq!(of_tree("/etc/server.crt"), None);
    }
}

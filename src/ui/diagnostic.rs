//! Errors, warnings and notes as users read them:
//!
//! ```text
//! error: chain.yaml:7:12: `blockPeriod` must be at least 1
//! hint: the default is 3
//! ```

use std::error::Error;
use std::fmt;

use super::{color, sanitize};

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The command fails, or has failed for one thing.
    Error,
    /// The command goes on, and the user should know.
    Warning,
    /// Worth a line.
    Info,
}

/// Where in a file something is; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Line, with its column where that is known.
    pub line: Option<(u64, Option<u64>)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        match self.line {
            Some((line, Some(column))) => write!(f, ":{line}:{column}"),
            Some((line, None)) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}

/// One message for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    level: Level,
    text: String,
    place: Option<Place>,
    hint: Option<String>,
}

impl Message {
    /// A message without place and hint.
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        Self {
            level,
            text: text.into(),
            place: None,
            hint: None,
        }
    }

    /// An error with all its causes on one line: `outer: inner: innermost`. A cause that the text before it already
    /// quotes is not said twice. A last line `hint: …` of the error's own text becomes the hint.
    pub fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut hint = split_hint(&mut text);
        let mut next = error.source();
        while let Some(cause) = next {
            let mut inner = cause.to_string();
            hint = hint.or(split_hint(&mut inner));
            if !inner.is_empty() && !text.contains(&inner) {
                text.push_str(": ");
                text.push_str(&inner);
            }
            next = cause.source();
        }
        Self {
            level: Level::Error,
            text,
            place: None,
            hint,
        }
    }

    /// With the place in a file.
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into).or(self.hint);
        self
    }

    /// The text without a newline at its end. Control characters are dropped: parts of it come from plugins and
    /// clusters.
    pub fn render(&self, colored: bool) -> String {
        let (word, code) = match self.level {
            Level::Error => ("error:", color::RED),
            Level::Warning => ("warning:", color::YELLOW),
            Level::Info => ("info:", color::CYAN),
        };
        let mut out = color::paint(word, code, colored);
        out.push(' ');
        if let Some(place) = &self.place {
            out.push_str(&sanitize::one_line(&place.to_string()));
            out.push_str(": ");
        }
        out.push_str(sanitize::text(self.text.trim_end()).as_ref());
        if let Some(hint) = &self.hint {
            out.push('\n');
            out.push_str(&color::paint("hint:", color::CYAN, colored));
            out.push(' ');
            out.push_str(sanitize::text(hint.trim_end()).as_ref());
        }
        out
    }
}

/// Takes a last line `hint: …` off the text.
fn split_hint(text: &mut String) -> Option<String> {
    let at = text.rfind("\nhint: ")?;
    let hint = text.get(at + "\nhint: ".len()..)?.to_owned();
    text.truncate(at);
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read chain test-chain\nhint: kubectl chain get")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("forbidden")]
    struct Inner;

    #[test]
    fn an_error_has_its_causes_and_its_hint_last() {
        assert_eq!(
            Message::from_error(&Outer(Inner)).render(false),
            "error: cannot read chain test-chain: forbidden\nhint: kubectl chain get"
        );
    }

    #[test]
    fn the_place_comes_before_the_text() {
        let place = Place {
            file: "chain.yaml".into(),
            line: Some((7, Some(12))),
        };
        let message = Message::new(Level::Warning, "old\u{1b}[2J key\u{7}")
            .at(Some(place))
            .hint(Some("drop it"));
        assert_eq!(
            message.render(false),
            "warning: chain.yaml:7:12: old key\nhint: drop it"
        );
        assert!(
            message
                .render(true)
                .starts_with("\u{1b}[33mwarning:\u{1b}[0m chain.yaml")
        );
    }
}

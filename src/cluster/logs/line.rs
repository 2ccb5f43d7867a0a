//! Lines of a log: the stamp that the kubelet puts before each, and the bytes that the container wrote.

use std::io;

use futures::AsyncBufReadExt as _;
use futures::io::AsyncBufRead;
use jiff::Timestamp;

/// A longer line is cut here, with a mark: the rest is read and dropped.
const LONGEST: usize = 4 * 1024 * 1024;

/// Stands at the end of a line that was cut.
const CUT: &[u8] = b" [cut at 4 MiB by kubectl chain]";

/// One line of a container, without its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the container runtime took the line; none for text that the kubelet put between the lines.
    pub stamp: Option<Timestamp>,
    /// False for a last line that the container did not end.
    pub newline: bool,
    bytes: Vec<u8>,
    text_at: usize,
}

impl LogLine {
    /// Takes apart `2026-11-20T19:24:22.123456789Z text`.
    pub(super) fn parse(bytes: Vec<u8>, newline: bool) -> Self {
        let split = bytes.iter().take(40).position(|byte| *byte == b' ');
        // A stamp with nothing behind it is an empty line that was cut off before its blank.
        let (head, text_at) = match split {
            Some(at) => (bytes.get(..at), at + 1),
            None => (Some(bytes.as_slice()), bytes.len()),
        };
        let stamp = head
            .filter(|head| head.len() >= 20 && head.first().is_some_and(u8::is_ascii_digit))
            .and_then(|head| std::str::from_utf8(head).ok())
            .and_then(|head| head.parse().ok());
        let text_at = if stamp.is_some() { text_at } else { 0 };
        Self {
            stamp,
            newline,
            bytes,
            text_at,
        }
    }

    /// What the container wrote; any bytes.
    pub fn text(&self) -> &[u8] {
        self.bytes.get(self.text_at..).unwrap_or_default()
    }

    /// The same with its stamp in front, as `--timestamps` prints it.
    pub fn stamped(&self) -> &[u8] {
        &self.bytes
    }

    /// Cuts the line so that it takes `left` bytes at most with its newline, counting its stamp if that is shown.
    /// Returns what it takes.
    pub(super) fn limit(&mut self, left: u64, stamped: bool) -> u64 {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let hidden = if stamped { 0 } else { self.text_at };
        let shown = self.bytes.len().saturating_sub(hidden);
        if shown >= left {
            self.newline = self.newline && shown < left;
            self.bytes.truncate(hidden.saturating_add(left));
            self.text_at = self.text_at.min(self.bytes.len());
            return left as u64;
        }
        (shown + usize::from(self.newline)) as u64
    }

    /// True for what the kubelet itself says in the middle of a log, such as that the container is gone. A line of a
    /// container always has a stamp.
    pub(super) fn is_kubelets(&self) -> bool {
        const SAYINGS: [&[u8]; 4] = [
            b"unable to retrieve container logs for ",
            b"failed to ",
            b"rpc error: ",
            b"Error: ",
        ];
        self.stamp.is_none() && SAYINGS.iter().any(|saying| self.bytes.starts_with(saying))
    }
}

/// How a read ended.
pub(super) enum Read {
    /// A whole line.
    Line(LogLine),
    /// The log ended in proper form, perhaps in the middle of a line.
    End(Option<LogLine>),
}

/// Splits a log into lines. `next` may be dropped and called again: what was read of a line is kept.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    cut: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            cut: false,
        }
    }

    /// The next line. An error means that the connection broke; the part of a line read before is dropped, since the
    /// server shows the line again.
    pub(super) async fn next(&mut self) -> io::Result<Read> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                let line = std::mem::take(&mut self.line);
                let line = (!line.is_empty()).then(|| LogLine::parse(line, false));
                return Ok(Read::End(line));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let used = part.len() + usize::from(end.is_some());
            if self.line.len() + part.len() <= LONGEST {
                self.line.extend_from_slice(part);
            } else if !self.cut {
                let room = LONGEST.saturating_sub(self.line.len());
                self.line
                    .extend_from_slice(part.get(..room).unwrap_or_default());
                self.line.extend_from_slice(CUT);
                self.cut = true;
            }
            self.reader.consume_unpin(used);
            if end.is_some() {
                self.cut = false;
                return Ok(Read::Line(LogLine::parse(
                    std::mem::take(&mut self.line),
                    true,
                )));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> (Vec<LogLine>, Option<LogLine>) {
        let mut lines = Lines::new(futures::io::BufReader::with_capacity(7, bytes));
        let mut got = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Read::Line(line) => got.push(line),
                Read::End(last) => return (got, last),
            }
        }
    }

    #[tokio::test]
    async fn lines_are_whole_whatever_the_chunks_are() {
        let (lines, last) =
            all(b"2026-11-20T19:24:22.000000001Z a b\n2026-11-20T21:24:22.5+02:00 \n2026-11-20T19:24:23Z par").await;
        assert_eq!(lines[0].text(), b"a b");
        assert_eq!(lines[0].stamp.unwrap().subsec_nanosecond(), 1);
        assert_eq!(lines[1].text(), b"");
        assert_eq!(
            lines[1].stamp,
            Some("2026-11-20T19:24:22.5Z".parse().unwrap())
        );
        assert_eq!(lines[1].stamped(), b"2026-11-20T21:24:22.5+02:00 ");
        let last = last.unwrap();
        assert_eq!((last.text(), last.newline), (&b"par"[..], false));
    }

    #[tokio::test]
    async fn invalid_utf8_and_unstamped_lines_pass() {
        let (lines, _) = all(b"2026-11-20T19:24:22Z \xff\xfe\nplain text\n\nunable to retrieve container logs for x\n").await;
        assert_eq!(lines[0].text(), b"\xff\xfe");
        assert_eq!(
            (lines[1].stamp, lines[1].text()),
            (None, &b"plain text"[..])
        );
        assert!(!lines[1].is_kubelets());
        assert_eq!(lines[2].text(), b"");
        assert!(lines[3].is_kubelets());
    }

    #[tokio::test]
    async fn a_long_line_is_whole_and_an_endless_one_is_cut() {
        let mut log = b"2026-11-20T19:24:22Z ".to_vec();
        log.extend(vec![b'x'; 40_000]);
        log.push(b'\n');
        log.extend(vec![b'y'; LONGEST + 100]);
        log.extend(b"\nz\n");
        let mut lines = Lines::new(futures::io::BufReader::with_capacity(64 * 1024, &log[..]));
        let mut next = async || match lines.next().await.unwrap() {
            Read::Line(line) => line,
            Read::End(_) => panic!("too early"),
        };
        assert_eq!(next().await.text().len(), 40_000);
        assert!(next().await.text().ends_with(CUT));
        assert_eq!(next().await.text(), b"z");
    }
}

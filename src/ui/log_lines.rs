//! Log lines of one or several containers on stdout; gaps and notes on stderr.

use std::io;

use super::printer::Printer;
use super::{color, sanitize};

/// Prints lines, each with the coloured label of its container when there are several.
pub struct LogLines {
    printer: Printer,
    prefixes: Vec<Vec<u8>>,
    names: Vec<String>,
}

impl LogLines {
    /// For containers with these labels (`node0 consensus`). One label alone prints no prefix, so that a single log
    /// can be piped into a file as it was written; `force_prefix` prints it all the same.
    pub fn new(printer: &Printer, labels: &[String], force_prefix: bool) -> Self {
        let several = labels.len() > 1 || force_prefix;
        let prefix = |label: &String| {
            if several {
                let text = format!("{} | ", sanitize::one_line(label));
                color::paint(&text, color::of_name(label), printer.out_color()).into_bytes()
            } else {
                Vec::new()
            }
        };
        Self {
            printer: printer.clone(),
            prefixes: labels.iter().map(prefix).collect(),
            names: labels.iter().map(|label| label.replace(' ', "/")).collect(),
        }
    }

    /// Prints one line; `newline` is false for a last line that the container did not end.
    pub fn line(&self, target: usize, line: &[u8], newline: bool) -> io::Result<()> {
        let prefix = self.prefixes.get(target).map_or(&[][..], Vec::as_slice);
        // With several logs on one stream even an unended line must end, or the next prefix lands in its middle.
        let end: &[u8] = if newline || !prefix.is_empty() {
            b"\n"
        } else {
            b""
        };
        if self.printer.out_is_terminal() {
            self.printer
                .data_parts(&[prefix, &sanitize::log_line(line), end])
        } else {
            self.printer.data_parts(&[prefix, line, end])
        }
    }

    /// Prints a mark between lines, on stderr: `--- node0/consensus: gap: … ---`.
    pub fn mark(&self, target: usize, text: &str) {
        let name = self.names.get(target).map_or("", String::as_str);
        let text = format!("--- {name}: {} ---", sanitize::one_line(text));
        self.printer.note(&color::paint(
            &text,
            color::YELLOW,
            self.printer.err_color(),
        ));
    }

    /// Writes out what is buffered; called whenever no further line is at hand.
    pub fn flush(&self) -> io::Result<()> {
        self.printer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_log_on_a_pipe_is_raw() {
        let (printer, seen) = Printer::capture(false);
        let lines = LogLines::new(&printer, &["node0 consensus".into()], false);
        lines.line(0, b"a\x1b[2J", true).unwrap();
        lines.line(0, b"end", false).unwrap();
        lines.flush().unwrap();
        assert_eq!(seen.out(), "a\u{1b}[2J\nend");
    }

    #[test]
    fn several_logs_have_prefixes_and_marks_go_to_stderr() {
        let (printer, seen) = Printer::capture(false);
        let labels = ["node0 consensus".to_owned(), "node1 kms".to_owned()];
        let lines = LogLines::new(&printer, &labels, false);
        lines.line(0, b"a", true).unwrap();
        lines.line(1, b"b", false).unwrap();
        lines.mark(1, "gap: pod was replaced");
        assert_eq!(seen.out(), "node0 consensus | a\nnode1 kms | b\n");
        assert_eq!(seen.err(), "--- node1/kms: gap: pod was replaced ---\n");
    }

    #[test]
    fn a_terminal_gets_colour_and_clean_lines() {
        let (printer, seen) = Printer::capture(true);
        let labels = ["node0 a".to_owned(), "node0 b".to_owned()];
        let lines = LogLines::new(&printer, &labels, false);
        lines.line(0, b"x\x1b[2Jy", true).unwrap();
        lines.flush().unwrap();
        let prefix = color::paint("node0 a | ", color::of_name("node0 a"), true);
        assert_eq!(seen.out(), format!("{prefix}xy\n"));
    }
}

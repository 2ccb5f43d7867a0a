//! The two streams: data on stdout, everything else on stderr.
//!
//! Data goes through one locked buffer, so lines of several tasks never mix. A reader that goes away (`| head`) is
//! success: writing then fails with `BrokenPipe`, commands pass it up, and `main` asks [`is_broken_pipe`].

use std::error::Error;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::MultiProgress;

use super::color::ColorChoice;
use super::diagnostic::{Level, Message};

/// Where a command prints. Cheap to clone; clones share the streams.
#[derive(Clone)]
pub struct Printer {
    shared: Arc<Shared>,
}

struct Shared {
    out: Mutex<BufWriter<Box<dyn Write + Send>>>,
    err: Mutex<Box<dyn Write + Send>>,
    out_terminal: bool,
    err_terminal: bool,
    out_color: bool,
    err_color: bool,
    /// Live lines on stderr that must step aside while something is printed.
    live: Mutex<Option<MultiProgress>>,
}

/// A lock that a panicking holder left is still good: what is behind it is only bytes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Printer {
    /// The process's own stdout and stderr.
    pub fn new(color: ColorChoice) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
        let no_color = ColorChoice::no_color_in_environment();
        Self::over(
            Box::new(out),
            Box::new(err),
            (out_terminal, color.decide(out_terminal, no_color)),
            (err_terminal, color.decide(err_terminal, no_color)),
        )
    }

    /// A printer into memory, for tests. `terminal` says what both streams pretend to be; colour follows it.
    pub fn capture(terminal: bool) -> (Self, Capture) {
        let capture = Capture::default();
        let (out, err) = (Box::new(capture.out.clone()), Box::new(capture.err.clone()));
        (
            Self::over(out, err, (terminal, terminal), (terminal, terminal)),
            capture,
        )
    }

    fn over(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        (out_terminal, out_color): (bool, bool),
        (err_terminal, err_color): (bool, bool),
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                out: Mutex::new(BufWriter::with_capacity(64 * 1024, out)),
                err: Mutex::new(err),
                out_terminal,
                err_terminal,
                out_color,
                err_color,
                live: Mutex::new(None),
            }),
        }
    }

    /// Writes data to stdout, as it is. It may stay in the buffer until [`Printer::flush`] or the end.
    pub fn data(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.shared.out).write_all(bytes)
    }

    /// Writes data by a function that writes it piece by piece, with nothing of another task in between.
    pub fn pieces<E>(&self, write: impl FnOnce(&mut dyn Write) -> Result<(), E>) -> Result<(), E> {
        write(&mut *lock(&self.shared.out))
    }

    /// Writes data made of several parts, with nothing of another task between them.
    pub fn data_parts(&self, parts: &[&[u8]]) -> io::Result<()> {
        let mut out = lock(&self.shared.out);
        parts.iter().try_for_each(|part| out.write_all(part))
    }

    /// Writes one line of data, such as `statefulset.apps/test-chain-0 created`, and flushes it.
    pub fn line(&self, text: &str) -> io::Result<()> {
        self.aside(|| {
            let mut out = lock(&self.shared.out);
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")?;
            out.flush()
        })
    }

    /// Writes out what the buffer holds.
    pub fn flush(&self) -> io::Result<()> {
        self.aside(|| lock(&self.shared.out).flush())
    }

    /// Writes one line to stderr, after all data printed so far. A stderr that is gone is nobody's error.
    pub fn note(&self, text: &str) {
        self.aside(|| {
            let _ = lock(&self.shared.out).flush();
            let mut err = lock(&self.shared.err);
            let _ = err.write_all(format!("{text}\n").as_bytes());
            let _ = err.flush();
        });
    }

    /// Prints `error: …`, `warning: …` or `info: …` with its place and hint to stderr.
    pub fn message(&self, message: &Message) {
        self.note(&message.render(self.shared.err_color));
    }

    /// Prints a warning.
    pub fn warning(&self, text: &str) {
        self.message(&Message::new(Level::Warning, text));
    }

    /// Prints an error with its causes, as the last thing that a failing command does.
    pub fn error(&self, error: &(dyn Error + 'static)) {
        self.message(&Message::from_error(error));
    }

    /// True when stdout is a terminal: then data from others must be sanitised.
    pub fn out_is_terminal(&self) -> bool {
        self.shared.out_terminal
    }

    /// True when stderr is a terminal: then progress may be drawn live.
    pub fn err_is_terminal(&self) -> bool {
        self.shared.err_terminal
    }

    /// True when data may be coloured.
    pub fn out_color(&self) -> bool {
        self.shared.out_color
    }

    /// True when messages may be coloured.
    pub fn err_color(&self) -> bool {
        self.shared.err_color
    }

    pub(super) fn set_live(&self, live: Option<MultiProgress>) {
        *lock(&self.shared.live) = live;
    }

    /// Runs `print` while live lines are off the screen.
    fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        let live = lock(&self.shared.live).clone();
        match live {
            Some(live) => live.suspend(print),
            None => print(),
        }
    }
}

/// What a printer into memory has printed.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    out: Memory,
    err: Memory,
}

impl Capture {
    /// Data so far; flush the printer before.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// Everything else so far.
    pub fn err(&self) -> String {
        self.err.text()
    }
}

#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// True when the error, or a cause of it, is a reader that went away: then the exit code is 0.
pub fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
        {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_notes_go_their_ways() {
        let (printer, seen) = Printer::capture(false);
        printer.data(b"raw \xff\n").unwrap();
        printer.note("--- a note ---");
        printer.warning("mind\u{1b}[2J this");
        printer.line("pod/x created").unwrap();
        assert_eq!(seen.out(), "raw \u{fffd}\npod/x created\n");
        assert_eq!(seen.err(), "--- a note ---\nwarning: mind this\n");
    }

    #[test]
    fn a_broken_pipe_is_found_below_other_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot write the list")]
        struct Outer(#[source] io::Error);
        let pipe = Outer(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&pipe));
        assert!(!is_broken_pipe(&Outer(io::Error::from(
            io::ErrorKind::NotFound
        ))));
    }
}

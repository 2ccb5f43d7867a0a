//! Progress per node on stderr: live lines on a terminal, one plain line per change otherwise.
//!
//! A thousand nodes do not scroll the screen: on a terminal only the nodes that are still on their way are drawn, a
//! screenful at most, above a line that counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::printer::Printer;
use super::{color, sanitize};

/// Lines that are drawn at most, without the one that counts.
const LINES: usize = 12;

/// Progress of several named things. All methods take `&self`, so tasks can share it.
pub struct Progress {
    printer: Printer,
    state: Mutex<State>,
    live: Option<Live>,
}

struct Live {
    lines: Vec<ProgressBar>,
    total: ProgressBar,
}

struct State {
    names: BTreeMap<String, Step>,
    order: Vec<String>,
    width: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Waiting,
    Doing(String),
    Done,
    Failed(String),
}

impl Progress {
    /// Progress of `names`, in this order. Nothing is printed yet on a pipe.
    pub fn new<N: Into<String>>(printer: &Printer, names: impl IntoIterator<Item = N>) -> Self {
        let order: Vec<String> = names.into_iter().map(Into::into).collect();
        let width = order
            .iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0);
        let live = printer.err_is_terminal().then(|| {
            let multi = MultiProgress::new();
            let line = |template: &str| {
                let style = ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_spinner());
                multi.add(ProgressBar::new_spinner().with_style(style))
            };
            let lines = (0..order.len().min(LINES))
                .map(|_| line("{wide_msg}"))
                .collect();
            let total = line("{spinner} {wide_msg}");
            total.enable_steady_tick(Duration::from_millis(120));
            printer.set_live(Some(multi));
            Live { lines, total }
        });
        let names = order
            .iter()
            .map(|name| (name.clone(), Step::Waiting))
            .collect();
        let progress = Self {
            printer: printer.clone(),
            state: Mutex::new(State {
                names,
                order,
                width,
            }),
            live,
        };
        progress.draw(&progress.state());
        progress
    }

    /// Says what `name` is doing or waiting for. The same text twice is printed once.
    pub fn set(&self, name: &str, text: impl Into<String>) {
        let text: String = text.into();
        self.change(name, Step::Doing(sanitize::one_line(&text).into_owned()));
    }

    /// `name` is ready.
    pub fn done(&self, name: &str) {
        self.change(name, Step::Done);
    }

    /// `name` failed, and why. It stays on the screen.
    pub fn fail(&self, name: &str, why: impl Into<String>) {
        let why: String = why.into();
        self.change(name, Step::Failed(sanitize::one_line(&why).into_owned()));
    }

    /// Takes live lines off the screen; failures are printed once more, to stay. Dropping does the same.
    pub fn finish(self) {
        drop(self);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, name: &str, step: Step) {
        let mut state = self.state();
        if state.names.get(name) == Some(&step) {
            return;
        }
        if !state.names.contains_key(name) {
            state.order.push(name.to_owned());
        }
        let text = step.text();
        state.names.insert(name.to_owned(), step);
        if self.live.is_some() {
            self.draw(&state);
        } else {
            drop(state);
            self.printer.note(&format!("{name}: {text}"));
        }
    }

    fn draw(&self, state: &State) {
        let Some(live) = &self.live else { return };
        let colored = self.printer.err_color();
        // Failures first, then what moves, then what waits for its turn.
        let rank = |step: &Step| match step {
            Step::Failed(_) => 0,
            Step::Doing(_) => 1,
            Step::Waiting => 2,
            Step::Done => 3,
        };
        let mut open: Vec<(&String, &Step)> = state
            .order
            .iter()
            .filter_map(|name| state.names.get_key_value(name))
            .filter(|(_, step)| **step != Step::Done)
            .collect();
        open.sort_by_key(|(_, step)| rank(step));
        let mut shown = open.iter();
        for line in &live.lines {
            let text = shown.next().map_or_else(String::new, |(name, step)| {
                let text = format!("{name:width$}   {}", step.text(), width = state.width);
                color::paint(
                    &text,
                    color::RED,
                    colored && matches!(step, Step::Failed(_)),
                )
            });
            line.set_message(text);
        }
        let ready = state
            .names
            .values()
            .filter(|step| **step == Step::Done)
            .count();
        let more = open.len().saturating_sub(live.lines.len());
        let more = if more == 0 {
            String::new()
        } else {
            format!(", {more} more on their way")
        };
        live.total
            .set_message(format!("{ready}/{} ready{more}", state.names.len()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(live) = &self.live else { return };
        for line in live.lines.iter().chain([&live.total]) {
            line.finish_and_clear();
        }
        self.printer.set_live(None);
        let state = self.state();
        for (name, step) in &state.names {
            if let Step::Failed(_) = step {
                self.printer.note(&format!("{name}: {}", step.text()));
            }
        }
    }
}

impl Step {
    fn text(&self) -> String {
        match self {
            Self::Waiting => "waiting".to_owned(),
            Self::Doing(text) => text.clone(),
            Self::Done => "ready".to_owned(),
            Self::Failed(why) => format!("failed: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_say_each_change_once() {
        let (printer, seen) = Printer::capture(false);
        let progress = Progress::new(&printer, ["node0", "node1"]);
        progress.set("node0", "pulling image");
        progress.set("node0", "pulling image");
        progress.done("node0");
        progress.fail("node1", "ImagePullBackOff\u{1b}[2J");
        progress.finish();
        assert_eq!(
            seen.err(),
            "node0: pulling image\nnode0: ready\nnode1: failed: ImagePullBackOff\n"
        );
        assert_eq!(seen.out(), "");
    }
}

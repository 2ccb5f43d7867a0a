//! Which lines of a log that is read again are new: a state machine without clock and network.
//!
//! What it rests on, seen on a real 1.36 cluster: `sinceTime` is cut to whole seconds, so a resumed log begins with
//! lines that were already read; several lines can share one nanosecond stamp; stdout and stderr of a container are
//! stamped apart, so a line can stand behind one that is stamped later; what was rotated away is missing at the
//! front. So lines are told apart by stamp, content *and* count, in any order, over the last two seconds; and the line
//! read last serves as an anchor: when a resumed log shows something new before it, lines in between were lost.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::{SignedDuration, Timestamp};

/// Lines are remembered this long before the latest stamp: one whole second for the cut of `sinceTime`, one for lines
/// of the other stream that were stamped before the latest line and written after it.
const WINDOW: SignedDuration = SignedDuration::from_secs(1);

/// Stamps remembered at most. A container that writes more in two seconds is resumed from the oldest stamp kept.
const MOST: usize = 200_000;

/// What to do with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is new.
    Emit,
    /// It was read before.
    Skip,
    /// It is new, and lines before it were lost: the anchor should have come first.
    EmitAfterGap,
}

/// What tells a line from another: its stamp and a hash of its text. The text matters where a log was joined in the
/// middle of lines with one stamp (`--tail`): how many stand before is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    stamp: Timestamp,
    text: u64,
}

impl Mark {
    fn new(stamp: Timestamp, text: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            stamp,
            text: hasher.finish(),
        }
    }
}

/// The memory of one pod's container. See the module.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// How many lines with each mark were read, for stamps from `floor` on.
    seen: BTreeMap<Mark, u32>,
    /// What of `seen` the current connection has not shown again yet.
    replay: BTreeMap<Mark, u32>,
    /// The time to ask from.
    floor: Option<Timestamp>,
    /// The latest stamp since the clock last went back.
    latest: Option<Timestamp>,
    /// The latest stamp of all.
    highest: Option<Timestamp>,
    /// The line read last.
    anchor: Option<Mark>,
    /// True from a reconnection until the anchor was shown again.
    expects_anchor: bool,
}

impl Resume {
    /// A memory without lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a new connection that goes on in the log of the same container (or in what `previous` shows of it):
    /// from now on lines that were read are skipped, and the anchor is expected first. Returns the time to ask from;
    /// none when nothing was read yet.
    pub fn reconnect(&mut self) -> Option<Timestamp> {
        self.begin(true)
    }

    /// Begins a connection to the next container of the same pod, after its restart: what was read is skipped should
    /// the server show it, but no anchor is expected.
    pub fn restarted(&mut self) -> Option<Timestamp> {
        self.begin(false)
    }

    fn begin(&mut self, anchored: bool) -> Option<Timestamp> {
        self.replay = self.seen.clone();
        self.expects_anchor = anchored && self.anchor.is_some();
        self.floor
    }

    /// Forgets everything: another pod has another clock, and nothing in common with this one.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The stamp of the line read last.
    pub fn last(&self) -> Option<Timestamp> {
        self.anchor.map(|anchor| anchor.stamp)
    }

    /// True while the line read last was not shown again by the current connection.
    pub fn misses_anchor(&self) -> bool {
        self.expects_anchor
    }

    /// Takes a line as read that was not printed: where a log is joined at its end. How many lines before it look
    /// like it is not known, so all of them count as read.
    pub fn join_at(&mut self, stamp: Timestamp, text: &[u8]) {
        self.feed(stamp, text);
        self.seen.insert(Mark::new(stamp, text), u32::MAX);
    }

    /// What [`Resume::feed`] would decide, without changing anything: a caller that can look closer before it
    /// believes in a gap asks this first.
    pub fn peek(&self, stamp: Timestamp, text: &[u8]) -> Decision {
        self.decide(Mark::new(stamp, text))
    }

    fn decide(&self, mark: Mark) -> Decision {
        if self.replay.contains_key(&mark) {
            Decision::Skip
        } else if !self.expects_anchor {
            Decision::Emit
        } else if self.highest.is_some_and(|highest| mark.stamp <= highest) {
            // A log shows its lines in the order in which they were read, so what comes before the anchor is old.
            Decision::Skip
        } else {
            Decision::EmitAfterGap
        }
    }

    /// Decides about the next line of the current connection and remembers it.
    pub fn feed(&mut self, stamp: Timestamp, text: &[u8]) -> Decision {
        let mark = Mark::new(stamp, text);
        let decision = self.decide(mark);
        if decision == Decision::Skip {
            self.skip(mark);
            return decision;
        }
        self.expects_anchor = false;
        self.anchor = Some(mark);
        self.highest = self.highest.max(Some(stamp));
        if self.floor.is_some_and(|floor| stamp < floor) {
            // The node's clock went back: ask from the new time on. What is shown again of the old time is known by
            // standing before the anchor.
            self.seen.clear();
            self.floor = None;
            self.latest = None;
        }
        *self.seen.entry(mark).or_insert(0) += 1;
        if self.latest.is_none_or(|latest| latest < stamp) {
            let turned = self
                .latest
                .is_none_or(|latest| latest.as_second() != stamp.as_second());
            self.latest = Some(stamp);
            if turned {
                self.raise(whole_second(stamp.saturating_sub(WINDOW).unwrap_or(stamp)));
            }
        }
        if self.seen.len() > MOST {
            self.forget_oldest();
        }
        decision
    }

    fn skip(&mut self, mark: Mark) {
        // A log loses lines at its front only, so any line like the anchor means that nothing is missing.
        if self.anchor == Some(mark) {
            self.expects_anchor = false;
        }
        if let Some(left) = self.replay.get_mut(&mark) {
            *left -= 1;
            if *left == 0 {
                self.replay.remove(&mark);
            }
        }
    }

    fn raise(&mut self, floor: Timestamp) {
        if self.floor.is_none_or(|old| old < floor) {
            self.floor = Some(floor);
            self.seen = self.seen.split_off(&Mark {
                stamp: floor,
                text: 0,
            });
        }
    }

    /// Halves the memory. The floor is then inside a second: lines of that second below it stand before the anchor.
    fn forget_oldest(&mut self) {
        if let Some(middle) = self.seen.keys().nth(MOST / 2).copied() {
            self.raise(middle.stamp);
        }
    }
}

/// Cut to whole seconds, as the server does with `sinceTime`.
fn whole_second(stamp: Timestamp) -> Timestamp {
    Timestamp::from_second(stamp.as_second()).unwrap_or(stamp)
}

#[cfg(test)]
mod tests {
    use super::Decision::{Emit, EmitAfterGap, Skip};
    use super::*;

    /// `"12.5"` is half a second past second 12.
    fn at(text: &str) -> Timestamp {
        let (second, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let nanos: i32 = format!("{fraction:0<9}").parse().unwrap();
        Timestamp::new(1_700_000_000 + second.parse::<i64>().unwrap(), nanos).unwrap()
    }

    fn feed(resume: &mut Resume, stamps: &[&str]) -> Vec<Decision> {
        stamps
            .iter()
            .map(|stamp| resume.feed(at(stamp), b""))
            .collect()
    }

    #[test]
    fn a_first_connection_emits_everything_in_any_order() {
        let mut resume = Resume::new();
        assert_eq!(resume.reconnect(), None);
        assert_eq!(
            feed(&mut resume, &["1", "1", "3.2", "3.1", "9", "2"]),
            [Emit; 6]
        );
        assert_eq!(resume.last(), Some(at("2")));
    }

    #[test]
    fn a_resumed_log_repeats_no_line_of_the_cut_second() {
        let mut resume = Resume::new();
        feed(&mut resume, &["10.1", "12.5", "12.5", "12.7"]);
        assert_eq!(resume.reconnect(), Some(at("11")));
        assert_eq!(
            feed(&mut resume, &["12.5", "12.5", "12.7", "12.7", "12.8"]),
            [Skip, Skip, Skip, Emit, Emit]
        );
    }

    #[test]
    fn lines_with_one_stamp_are_told_apart_by_count() {
        let mut resume = Resume::new();
        feed(&mut resume, &["5.5", "5.5"]);
        resume.reconnect();
        assert_eq!(
            feed(&mut resume, &["5.5", "5.5", "5.5", "5.6"]),
            [Skip, Skip, Emit, Emit]
        );
        resume.reconnect();
        assert_eq!(
            feed(&mut resume, &["5.5", "5.5", "5.5", "5.6", "5.6"]),
            [Skip, Skip, Skip, Skip, Emit]
        );
    }

    #[test]
    fn a_missing_anchor_is_a_gap_and_is_said_once() {
        let mut resume = Resume::new();
        feed(&mut resume, &["5.5"]);
        resume.reconnect();
        assert_eq!(feed(&mut resume, &["8", "9"]), [EmitAfterGap, Emit]);
    }

    #[test]
    fn a_front_that_was_rotated_away_is_no_gap_while_the_anchor_is_there() {
        let mut resume = Resume::new();
        feed(&mut resume, &["5.1", "5.2", "5.3"]);
        resume.reconnect();
        assert_eq!(feed(&mut resume, &["5.3", "5.4"]), [Skip, Emit]);
    }

    #[test]
    fn lines_of_one_stamp_that_were_not_wanted_stay_away() {
        let mut resume = Resume::new();
        // --tail=1 began in the middle of three lines with one stamp.
        resume.feed(at("5.3"), b"three");
        resume.reconnect();
        let mut feed = |text: &[u8]| resume.feed(at("5.3"), text);
        assert_eq!(
            [feed(b"one"), feed(b"two"), feed(b"three"), feed(b"four")],
            [Skip, Skip, Skip, Emit]
        );
    }

    #[test]
    fn one_of_two_lines_with_the_anchors_stamp_is_the_anchor() {
        let mut resume = Resume::new();
        feed(&mut resume, &["5.3", "5.3"]);
        resume.reconnect();
        assert_eq!(feed(&mut resume, &["5.3", "5.4"]), [Skip, Emit]);
    }

    #[test]
    fn a_clock_that_goes_back_loses_and_repeats_nothing() {
        let mut resume = Resume::new();
        assert_eq!(
            feed(&mut resume, &["100", "103", "105", "90", "91"]),
            [Emit; 5]
        );
        assert_eq!(resume.reconnect(), Some(at("90")));
        assert_eq!(
            feed(&mut resume, &["100", "103", "105", "90", "91", "92", "106"]),
            [Skip, Skip, Skip, Skip, Skip, Emit, Emit],
            "what stands before the anchor is old, whatever its stamp"
        );
    }

    #[test]
    fn a_line_stamped_earlier_and_written_later_is_not_lost() {
        let mut resume = Resume::new();
        feed(&mut resume, &["6.0", "6.01"]);
        // stderr, stamped at 5.99, was written after stdout's 6.01 while nobody listened.
        assert_eq!(resume.reconnect(), Some(at("5")));
        assert_eq!(
            feed(&mut resume, &["6.0", "6.01", "5.99", "6.02"]),
            [Skip, Skip, Emit, Emit]
        );
        resume.reconnect();
        assert_eq!(
            feed(&mut resume, &["6.0", "6.01", "5.99", "6.02", "6.03"]),
            [Skip, Skip, Skip, Skip, Emit]
        );
    }

    #[test]
    fn what_is_older_than_the_window_counts_as_read() {
        let mut resume = Resume::new();
        feed(&mut resume, &["1", "2", "9.5"]);
        assert_eq!(resume.reconnect(), Some(at("8")));
        // A server that ignores sinceTime shows everything again.
        assert_eq!(
            feed(&mut resume, &["1", "2", "9.5", "9.6"]),
            [Skip, Skip, Skip, Emit]
        );
    }

    #[test]
    fn a_connection_that_breaks_in_the_middle_of_the_replay_changes_nothing() {
        let mut resume = Resume::new();
        feed(&mut resume, &["5.1", "5.2", "5.3"]);
        resume.reconnect();
        feed(&mut resume, &["5.1"]);
        resume.reconnect();
        assert_eq!(
            feed(&mut resume, &["5.1", "5.2", "5.3", "5.4"]),
            [Skip, Skip, Skip, Emit]
        );
    }

    #[test]
    fn after_a_restart_no_anchor_is_expected_and_nothing_repeats() {
        let mut resume = Resume::new();
        feed(&mut resume, &["5.1", "5.2"]);
        assert_eq!(resume.restarted(), Some(at("4")));
        assert_eq!(feed(&mut resume, &["5.2", "7", "7"]), [Skip, Emit, Emit]);
    }

    #[test]
    fn another_pod_starts_anew_whatever_its_clock_says() {
        let mut resume = Resume::new();
        feed(&mut resume, &["500"]);
        resume.reset();
        assert_eq!(resume.reconnect(), None);
        assert_eq!(feed(&mut resume, &["20", "21"]), [Emit, Emit]);
    }

    #[test]
    fn a_log_that_is_joined_at_its_end_shows_what_comes_after() {
        let mut resume = Resume::new();
        resume.join_at(at("5.3"), b"");
        assert_eq!(resume.reconnect(), Some(at("4")));
        assert_eq!(
            feed(&mut resume, &["4.9", "5.3", "5.3", "5.4"]),
            [Skip, Skip, Skip, Emit]
        );
    }

    #[test]
    fn peek_decides_like_feed_and_changes_nothing() {
        let mut resume = Resume::new();
        feed(&mut resume, &["5"]);
        resume.reconnect();
        assert_eq!(resume.peek(at("6"), b""), EmitAfterGap);
        assert_eq!(resume.peek(at("6"), b""), EmitAfterGap);
        assert_eq!(resume.peek(at("5"), b""), Skip);
        assert_eq!(feed(&mut resume, &["5", "6"]), [Skip, Emit]);
    }

    #[test]
    fn memory_is_bounded_and_still_repeats_nothing() {
        let mut resume = Resume::new();
        let stamp = |i: i32| Timestamp::new(1_700_000_000, i * 1000).unwrap();
        let many = i32::try_from(MOST).unwrap() + 50_000;
        for i in 0..many {
            assert_eq!(resume.feed(stamp(i), b""), Emit);
        }
        assert!(resume.seen.len() <= MOST);
        resume.reconnect();
        for i in 0..many {
            assert_eq!(resume.feed(stamp(i), b""), Skip, "{i}");
        }
        assert_eq!(resume.feed(stamp(many), b""), Emit);
    }

    /// A server with a log; connections break anywhere; whatever happens, the lines come once and in order.
    #[test]
    fn no_schedule_of_breaks_repeats_or_loses_a_line() {
        let mut random = 1_u64;
        let mut next = move |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap()
        };
        for _ in 0..300 {
            let mut nanos = 0_i64;
            let log: Vec<(usize, Timestamp)> = (0..60)
                .map(|i| {
                    nanos += [0, 0, 1, 400_000_000, 3_000_000_000][next(5)];
                    (i, Timestamp::from_nanosecond(i128::from(nanos)).unwrap())
                })
                .collect();
            let mut resume = Resume::new();
            let mut got = Vec::new();
            let mut written = 0;
            while got.len() < log.len() {
                let since = resume.reconnect().map(whole_second);
                written = (written + next(10)).min(log.len());
                let shown = log.get(..written).unwrap();
                let shown = shown
                    .iter()
                    .filter(|(_, stamp)| since.is_none_or(|since| *stamp >= since));
                for (i, stamp) in shown.take(next(30)) {
                    match resume.feed(*stamp, b"same") {
                        Emit => got.push(*i),
                        Skip => {}
                        EmitAfterGap => panic!("nothing was lost"),
                    }
                }
            }
            assert_eq!(got, (0..log.len()).collect::<Vec<_>>());
        }
    }
}

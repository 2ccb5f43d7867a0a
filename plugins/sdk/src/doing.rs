//! Operations as asynchronous functions: straight-line code for what the contract says turn by turn.
//!
//! ```text
//! Doing::new(|doing| async move {
//!     let heights = join_all(peers.iter().map(|peer| doing.act(ask(peer)))).await;
//!     …
//!     Ok(report)
//! })
//! ```
//!
//! Whatever is awaited side by side is done side by side, and each part goes on when its own step has ended. Nothing of it
//! outlives the process: an operation still begins by looking.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::{Act, Diagnostics, Outcome, Report, Step, Turn, error};

/// What is asked of the host and what it answered, by the number of the question.
#[derive(Default)]
struct Mailbox {
    asked: u32,
    waiting: VecDeque<Step>,
    under_way: BTreeSet<u32>,
    answers: BTreeMap<u32, Outcome>,
    now_ms: u64,
}

/// The hands of an operation: steps are handed out here, and awaited.
#[derive(Clone)]
pub struct Hands(Rc<RefCell<Mailbox>>);

impl fmt::Debug for Hands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hands")
    }
}

impl Hands {
    /// Does a step. Steps that are awaited side by side are done side by side.
    pub async fn act(&self, step: Step) -> Outcome {
        let number = {
            let mut mailbox = self.0.borrow_mut();
            let number = mailbox.asked;
            mailbox.asked = number.saturating_add(1);
            mailbox.waiting.push_back(step);
            mailbox.under_way.insert(number);
            number
        };
        poll_fn(
            |_: &mut Context<'_>| match self.0.borrow_mut().answers.remove(&number) {
                Some(outcome) => Poll::Ready(outcome),
                None => Poll::Pending,
            },
        )
        .await
    }

    /// Waits, `says` why, and goes on. `on` is the subject under whose name that is said.
    pub async fn sleep(&self, on: &str, says: &str, ms: u32) {
        let step = Step {
            on: on.to_owned(),
            says: says.to_owned(),
            sensitive: false,
            timeout_ms: ms.saturating_add(10_000),
            act: Act::Sleep(ms),
        };
        self.act(step).await;
    }

    /// When the last answer came, in milliseconds since 1970; at first, when the operation began.
    pub fn now_ms(&self) -> u64 {
        self.0.borrow().now_ms
    }
}

/// An operation that is an asynchronous function.
pub struct Doing {
    mailbox: Rc<RefCell<Mailbox>>,
    work: Pin<Box<dyn Future<Output = Result<Report, Diagnostics>>>>,
}

impl fmt::Debug for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doing")
    }
}

impl Doing {
    /// An operation that begins at `now_ms` and goes on in `work`.
    pub fn new<W>(now_ms: u64, work: impl FnOnce(Hands) -> W) -> Self
    where
        W: Future<Output = Result<Report, Diagnostics>> + 'static,
    {
        let mailbox = Rc::new(RefCell::new(Mailbox {
            now_ms,
            ..Mailbox::default()
        }));
        let hands = Hands(Rc::clone(&mailbox));
        Self {
            mailbox,
            work: Box::pin(work(hands)),
        }
    }

    /// The next turn, given the outcomes of all steps that are under way, in their order.
    pub fn next(&mut self, outcomes: Vec<Outcome>) -> Turn {
        let asked: Vec<u32> = self.mailbox.borrow().under_way.iter().copied().collect();
        self.ended(asked.into_iter().zip(outcomes).collect())
    }

    /// The next turn, given the outcomes of some steps, each with the number of its step in the whole run, from 0.
    pub fn ended(&mut self, outcomes: Vec<(u32, Outcome)>) -> Turn {
        {
            let mut mailbox = self.mailbox.borrow_mut();
            for (number, outcome) in outcomes {
                mailbox.now_ms = mailbox.now_ms.max(outcome.at_ms);
                if mailbox.under_way.remove(&number) {
                    mailbox.answers.insert(number, outcome);
                }
            }
        }
        let mut context = Context::from_waker(Waker::noop());
        match self.work.as_mut().poll(&mut context) {
            Poll::Ready(Ok(report)) => Turn::Done(report),
            Poll::Ready(Err(diagnostics)) => Turn::Failed(diagnostics),
            Poll::Pending => {
                let mut mailbox = self.mailbox.borrow_mut();
                let steps: Vec<Step> = mailbox.waiting.drain(..).collect();
                if mailbox.under_way.is_empty() {
                    let message = "the operation waits for something that is no step";
                    return Turn::Failed(vec![error("operation", "", message)]);
                }
                Turn::Steps(steps)
            }
        }
    }
}

/// Awaits all of them side by side; the results are in their order.
pub async fn join_all<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<Option<Pin<Box<F>>>> =
        all.into_iter().map(|one| Some(Box::pin(one))).collect();
    let mut results: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    poll_fn(move |context| {
        let mut whole = true;
        for (work, result) in pending.iter_mut().zip(&mut results) {
            if let Some(future) = work {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => {
                        *result = Some(value);
                        *work = None;
                    }
                    Poll::Pending => whole = false,
                }
            }
        }
        if whole {
            Poll::Ready(results.iter_mut().filter_map(Option::take).collect())
        } else {
            Poll::Pending
        }
    })
    .await
}

/// Awaits two things of different kinds side by side.
pub async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    let (mut first, mut second) = (None, None);
    poll_fn(move |context| {
        if first.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(context)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Response;

    fn step(on: &str) -> Step {
        Step {
            on: on.to_owned(),
            says: String::new(),
            sensitive: false,
            timeout_ms: 0,
            act: Act::Sleep(1),
        }
    }

    fn answer(code: i32) -> Outcome {
        Outcome {
            at_ms: 100 + u64::try_from(code).unwrap_or(0),
            answer: Ok(Response {
                code,
                body: Vec::new(),
                more: "{}".to_owned(),
            }),
        }
    }

    fn code(outcome: &Outcome) -> i32 {
        outcome.answer.as_ref().map_or(-1, |it| it.code)
    }

    #[test]
    fn what_is_awaited_side_by_side_is_one_turn() {
        let mut doing = Doing::new(5, |hands| async move {
            assert_eq!(hands.now_ms(), 5);
            let (first, alone) = join(
                join_all(["a", "b"].map(|on| {
                    let hands = hands.clone();
                    async move {
                        let first = code(&hands.act(step(on)).await);
                        // One of them goes on alone.
                        if first == 1 {
                            code(&hands.act(step("more")).await)
                        } else {
                            first
                        }
                    }
                })),
                async { 9 },
            )
            .await;
            Ok(Report {
                text: format!("{first:?} and {alone} at {}", hands.now_ms()),
                table: String::new(),
                files: Vec::new(),
                notes: Vec::new(),
            })
        });
        let names = |turn: &Turn| match turn {
            Turn::Steps(steps) => steps.iter().map(|it| it.on.clone()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(names(&doing.next(Vec::new())), ["a", "b"]);
        assert_eq!(names(&doing.next(vec![answer(1), answer(2)])), ["more"]);
        match doing.next(vec![answer(7)]) {
            Turn::Done(report) => assert_eq!(report.text, "[7, 2] and 9 at 107"),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn each_part_goes_on_when_its_own_step_has_ended() {
        let mut doing = Doing::new(0, |hands| async move {
            let both = join_all(["slow", "quick"].map(|on| {
                let hands = hands.clone();
                async move {
                    let first = code(&hands.act(step(on)).await);
                    let second = code(&hands.act(step(&format!("{on} again"))).await);
                    first * 10 + second
                }
            }));
            Ok(Report {
                text: format!("{:?}", both.await),
                table: String::new(),
                files: Vec::new(),
                notes: Vec::new(),
            })
        });
        let names = |turn: &Turn| match turn {
            Turn::Steps(steps) => steps.iter().map(|it| it.on.clone()).collect(),
            other => vec![format!("{other:?}")],
        };
        assert_eq!(names(&doing.ended(Vec::new())), ["slow", "quick"]);
        assert_eq!(names(&doing.ended(vec![(1, answer(3))])), ["quick again"]);
        // Only the slow one is under way now.
        assert!(names(&doing.ended(vec![(2, answer(4))])).is_empty());
        assert_eq!(names(&doing.ended(vec![(0, answer(1))])), ["slow again"]);
        match doing.ended(vec![(3, answer(2))]) {
            Turn::Done(report) => assert_eq!(report.text, "[12, 34]"),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn what_waits_for_nothing_ends() {
        let mut doing = Doing::new(0, |_| async { std::future::pending().await });
        assert!(matches!(doing.next(Vec::new()), Turn::Failed(_)));
    }
}

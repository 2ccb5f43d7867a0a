//! Logs of a server that breaks connections in nasty places: what is emitted, and which gaps are said.

use std::time::Duration;

use super::fake_server::FakeServer;
use super::*;

fn pace() -> Pace {
    let ms = Duration::from_millis;
    Pace {
        first: ms(2),
        longest: ms(10),
        give_up: ms(3000),
        look: ms(5),
        silence: ms(5000),
        answer: ms(2000),
    }
}

fn target() -> LogTarget {
    LogTarget {
        namespace: "default".into(),
        pod: "c-0-0".into(),
        container: "main".into(),
        label: "node0 main".into(),
    }
}

fn following() -> LogOptions {
    LogOptions {
        follow: true,
        ..LogOptions::default()
    }
}

fn open(server: &FakeServer, options: &LogOptions) -> LogStream {
    stream_paced(&server.client(), vec![target()], options, pace())
}

/// Events as text: a line as it is, a gap as `!reason`, the end as `.` or `.error`; notes are left out.
async fn next(stream: &mut LogStream) -> Option<String> {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
        return Some(match event.expect("no event in time")?.1 {
            LogEvent::Line(line) => String::from_utf8_lossy(line.text()).into_owned(),
            LogEvent::Gap(gap) => format!("!{}", gap.reason),
            LogEvent::Note(_) => continue,
            LogEvent::End(None) => ".".to_owned(),
            LogEvent::End(Some(error)) => format!(".{error}"),
        });
    }
}

async fn take(stream: &mut LogStream, count: usize) -> Vec<String> {
    let mut got = Vec::new();
    for _ in 0..count {
        got.push(next(stream).await.expect("the stream ended"));
    }
    got
}

async fn nothing_more(stream: &mut LogStream) {
    let more = tokio::time::timeout(Duration::from_millis(150), next(stream)).await;
    assert!(more.is_err(), "{more:?}");
}

/// Lines of one second, some of one nanosecond.
fn stamp(i: usize) -> String {
    format!("2026-01-01T00:00:{:02}.{:09}Z", i / 20, (i % 20) / 3)
}

#[tokio::test]
async fn breaks_anywhere_repeat_and_lose_nothing() {
    for step in [1_usize, 7, 40, 41, 97, 333] {
        let server = FakeServer::start().await;
        // Each connection gets a little farther than the last, and breaks in the middle of something.
        server.cut((0..60).map(|i| 30 + i * step));
        let writer = server.clone();
        tokio::spawn(async move {
            for i in 0..100 {
                writer.write(&stamp(i), &format!("line {i}"));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let mut log = open(&server, &following());
        let want: Vec<String> = (0..100).map(|i| format!("line {i}")).collect();
        assert_eq!(take(&mut log, 100).await, want, "step {step}");
        nothing_more(&mut log).await;
    }
}

#[tokio::test]
async fn a_restart_is_filled_from_the_previous_log() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "one");
    server.write(&stamp(1), "two");
    // Breaks within the second line; before the follow comes back, a third is written and the container restarts.
    server.cut([45]);
    server.hold_after(1);
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    server.write(&stamp(2), "three");
    server.restart();
    server.write(&stamp(50), "four");
    server.release();
    assert_eq!(take(&mut log, 3).await, ["two", "three", "four"]);
    server.write(&stamp(51), "five");
    assert_eq!(take(&mut log, 1).await, ["five"]);
    nothing_more(&mut log).await;
}

#[tokio::test]
async fn a_restart_without_a_previous_log_is_a_gap() {
    let server = FakeServer::start().await;
    server.with(|world| world.keeps_previous = false);
    server.write(&stamp(0), "one");
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    // Nobody is connected when the run ends, so that it is not known to be read to its end.
    server.with(|world| {
        let mut run = world.runs.last().unwrap().clone();
        run.restarts += 1;
        run.log.clear();
        world.runs.push(run);
        world.runs.remove(0);
    });
    server.write(&stamp(60), "two");
    assert_eq!(
        take(&mut log, 2).await,
        ["!container restarted (why is not known)", "two"]
    );
}

#[tokio::test]
async fn a_run_that_was_read_to_its_end_leaves_no_gap() {
    let server = FakeServer::start().await;
    server.with(|world| world.keeps_previous = false);
    server.write(&stamp(0), "one");
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    server.write_raw(format!("{} unended", stamp(1)).as_bytes());
    server.end_run();
    assert_eq!(take(&mut log, 1).await, ["unended"]);
    server.restart();
    server.write(&stamp(40), "two");
    assert_eq!(take(&mut log, 1).await, ["two"]);
    nothing_more(&mut log).await;
}

#[tokio::test]
async fn several_restarts_at_once_are_a_gap() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "one");
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    server.with(|world| {
        for restarts in 1..=3 {
            let log = format!(
                "{} run {restarts}\n",
                stamp(usize::try_from(restarts).unwrap() * 20)
            )
            .into_bytes();
            world.runs.iter_mut().for_each(|run| run.ended = true);
            world.runs.push(super::fake_server::FakeRun {
                restarts,
                log,
                ended: false,
            });
        }
    });
    assert_eq!(
        take(&mut log, 3).await,
        [
            "!container restarted 3 times (Error, exit code 1)",
            "run 2",
            "run 3"
        ]
    );
}

#[tokio::test]
async fn a_replaced_pod_is_a_gap_and_is_shown_from_its_start() {
    let server = FakeServer::start().await;
    server.write(&stamp(20), "old");
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["old"]);
    server.delete_pod();
    tokio::time::sleep(Duration::from_millis(30)).await;
    server.new_pod("uid-2");
    // The new pod's node has another clock.
    server.write(&stamp(1), "new");
    assert_eq!(take(&mut log, 2).await, ["!pod was replaced", "new"]);
    server.write(&stamp(2), "newer");
    assert_eq!(take(&mut log, 1).await, ["newer"]);
}

#[tokio::test]
async fn a_log_that_was_rotated_while_nobody_listened_is_a_gap() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "one");
    server.cut([35]);
    server.hold_after(1);
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    server.with(|world| world.runs.last_mut().unwrap().log.clear());
    server.write(&stamp(70), "later");
    server.release();
    assert_eq!(
        take(&mut log, 2).await,
        ["!the log was rotated or cut", "later"]
    );
}

/// The kubelet already shows the second run when the API server still tells of the first.
#[tokio::test]
async fn the_status_may_lag_behind_the_kubelet() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "one");
    server.cut([35]);
    server.hold_after(1);
    let slow = Pace {
        look: Duration::from_millis(300),
        ..pace()
    };
    let mut log = stream_paced(&server.client(), vec![target()], &following(), slow);
    assert_eq!(take(&mut log, 1).await, ["one"]);
    server.write(&stamp(1), "two");
    server.with(|world| world.status_lags = true);
    server.restart();
    server.write(&stamp(50), "three");
    server.release();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.with(|world| world.status_lags = false);
    assert_eq!(take(&mut log, 2).await, ["two", "three"]);
    nothing_more(&mut log).await;
}

#[tokio::test]
async fn tail_zero_begins_now_and_survives_a_break() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "old");
    server.write(&stamp(0), "old too");
    server.cut([10_000, 0]);
    let mut log = open(
        &server,
        &LogOptions {
            tail: Some(0),
            ..following()
        },
    );
    nothing_more(&mut log).await;
    server.write(&stamp(1), "new");
    assert_eq!(take(&mut log, 1).await, ["new"]);
    nothing_more(&mut log).await;
}

#[tokio::test]
async fn tail_counts_at_the_beginning_only() {
    let server = FakeServer::start().await;
    for i in 0..10 {
        server.write(&stamp(i), &format!("line {i}"));
    }
    server.cut([60]);
    let mut log = open(
        &server,
        &LogOptions {
            tail: Some(2),
            ..following()
        },
    );
    assert_eq!(take(&mut log, 2).await, ["line 8", "line 9"]);
    server.write(&stamp(30), "more");
    assert_eq!(take(&mut log, 1).await, ["more"]);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_a_refusal_ends() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "one");
    server.with(|world| world.refusals.extend([Some(503), Some(429), Some(500)]));
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    let server = FakeServer::start().await;
    server.with(|world| world.refusals.push_back(Some(403)));
    let mut log = open(&server, &following());
    assert_eq!(
        take(&mut log, 1).await,
        [".cannot read the log of node0/main: not now"]
    );
    assert_eq!(next(&mut log).await, None);
}

#[tokio::test]
async fn a_deleted_chain_ends_the_log() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "one");
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    server.with(|world| world.has_set = false);
    server.delete_pod();
    assert_eq!(take(&mut log, 1).await, ["."]);
}

#[tokio::test]
async fn a_pod_that_never_was_is_an_error() {
    let server = FakeServer::start().await;
    server.with(|world| world.has_set = false);
    server.delete_pod();
    for options in [following(), LogOptions::default()] {
        let mut log = open(&server, &options);
        assert_eq!(
            take(&mut log, 1).await,
            [".pod default/c-0-0 not found; see kubectl chain status"]
        );
    }
}

#[tokio::test]
async fn a_log_that_is_not_followed_is_whole_over_breaks() {
    let server = FakeServer::start().await;
    for i in 0..60 {
        server.write(&stamp(i), &format!("line {i}"));
    }
    server.write_raw(format!("{} end", stamp(60)).as_bytes());
    server.cut((0..10).map(|i| 100 + i * 250));
    let mut log = open(&server, &LogOptions::default());
    let mut want: Vec<String> = (0..60).map(|i| format!("line {i}")).collect();
    want.extend(["end".to_owned(), ".".to_owned()]);
    assert_eq!(take(&mut log, 62).await, want);
}

#[tokio::test]
async fn previous_is_read_and_never_followed() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "before");
    server.restart();
    server.write(&stamp(30), "after");
    let mut log = open(
        &server,
        &LogOptions {
            previous: true,
            ..following()
        },
    );
    assert_eq!(take(&mut log, 2).await, ["before", "."]);
}

#[tokio::test]
async fn bytes_are_limited_on_this_side() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "12345");
    server.write(&stamp(1), "67890");
    let options = LogOptions {
        limit_bytes: Some(8),
        ..LogOptions::default()
    };
    assert_eq!(
        take(&mut open(&server, &options), 3).await,
        ["12345", "67", "."]
    );
}

#[tokio::test]
async fn a_plugin_gets_the_newest_lines_from_a_time_on() {
    let server = FakeServer::start().await;
    for (second, text) in [(1, "a"), (2, "b"), (3, "c")] {
        server.write(&format!("2026-01-01T00:00:0{second}.5Z"), text);
    }
    let since: Timestamp = "2026-01-01T00:00:01.700Z".parse().unwrap();
    let since = u64::try_from(since.as_millisecond()).unwrap();
    let got = collect(&server.client(), target(), since, 100)
        .await
        .unwrap();
    assert_eq!(
        (got.bytes.as_slice(), got.truncated),
        (&b"b\nc\n"[..], false)
    );
}

#[tokio::test]
async fn dropping_the_stream_ends_its_connections() {
    let server = FakeServer::start().await;
    server.write(&stamp(0), "one");
    let mut log = open(&server, &following());
    assert_eq!(take(&mut log, 1).await, ["one"]);
    drop(log);
    let asked = server.with(|world| world.asked.len());
    server.end_run();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(server.with(|world| world.asked.len()), asked);
}

//! Crash points: a test build can stop before and after every write, to prove that a second run finishes the work.
//!
//! Each API write and each file write passes two points. With the cargo feature `crash-points`, the process exits with
//! [`EXIT_CODE`] at the point whose number is in `CHAIN_CRASH_AT` (counted from 1), and every point passed is appended
//! as a line to the file named by `CHAIN_CRASH_COUNT`. Without the feature nothing of this is compiled in.

use std::fmt;

/// Exit code of a process that stopped at a crash point; nothing else in `kubectl chain` uses it.
pub const EXIT_CODE: i32 = 86;

/// Passes one crash point. `name` says what is about to happen or has just happened, e.g. `before POST secrets/x`.
///
/// Call it as `crash::point(format_args!("before {what}"))`: the arguments are formatted in a test build only.
#[cfg(feature = "crash-points")]
pub fn point(name: fmt::Arguments<'_>) {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);

    let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(path) = std::env::var_os("CHAIN_CRASH_COUNT") {
        let line = format!("{number} {name}\n");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        if let Ok(mut file) = file {
            // One write call a line, so that lines of several processes never mix.
            let _ = file.write_all(line.as_bytes());
        }
    }
    let stop = std::env::var("CHAIN_CRASH_AT")
        .ok()
        .and_then(|at| at.parse::<u64>().ok());
    if stop == Some(number) {
        // No unwinding and no destructors: as a kill would have it.
        std::process::exit(EXIT_CODE);
    }
}

/// Passes one crash point: nothing, in this build.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub fn point(_name: fmt::Arguments<'_>) {}

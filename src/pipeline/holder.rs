//! Who holds an operation lock: a process, named so that another process of the same machine can tell that it is gone.
//!
//! A holder is `<machine>/<process id>/<start time>/<random>`. Where the system does not tell these, the parts are empty
//! and the lock simply expires.

use std::fs;

/// The holder's name for this process.
pub fn this(random: &str) -> String {
    let pid = std::process::id();
    format!(
        "{}/{pid}/{}/{random}",
        machine(),
        started(pid).unwrap_or_default()
    )
}

/// Whether the process that `holder` names ran on this machine and is gone.
pub fn is_gone(holder: &str) -> bool {
    let mut parts = holder.split('/');
    let (Some(there), Some(pid), Some(start)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(pid) = pid.parse::<u32>() else {
        return false;
    };
    !there.is_empty()
        && !start.is_empty()
        && there == machine()
        && started(pid).as_deref() != Some(start)
}

/// This boot of this machine and this namespace of process ids; "" when it cannot be told.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid")
        .map(|it| it.display().to_string())
        .unwrap_or_default();
    let number: String = namespace.chars().filter(char::is_ascii_digit).collect();
    if boot.trim().is_empty() || number.is_empty() {
        String::new()
    } else {
        format!("{}-{number}", boot.trim())
    }
}

/// When a process started, in ticks since boot; none if there is no such process.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(ToOwned::to_owned)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_not_gone() {
        assert!(!is_gone(&this("x")));
    }

    #[test]
    fn a_process_that_ended_is_gone_and_one_elsewhere_is_not_known() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let holder = format!(
            "{}/{}/{}/x",
            machine(),
            child.id(),
            started(child.id()).unwrap_or("1".into())
        );
        child.wait().unwrap();
        assert!(is_gone(&holder));
        assert!(!is_gone("other-machine/1/1/x"));
        assert!(!is_gone("no holder"));
    }
}

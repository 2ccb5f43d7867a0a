//! Guests that mean harm: each fails its own command, within seconds, with one message that names it and says why; and
//! the host goes on working.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/guests.rs"]
#[allow(dead_code)]
mod guests;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kubectl_chain::plugin::contract::{Call, Ref, Topology, host};
use kubectl_chain::plugin::sandbox::Closed;
use kubectl_chain::plugin::{Door, Plugin, PluginError, Sandbox};

use guests::{hostile, hostile_component, impatient, stamped};

/// What a guest may take of a user's time, on a machine with more to do.
const SECONDS: Duration = Duration::from_secs(8);

fn topology() -> Topology {
    Topology {
        chain: "demo".to_owned(),
        stack: "pebble".to_owned(),
        release: "first".to_owned(),
        subjects: Vec::new(),
        host_features: Vec::new(),
        extra: "{}".to_owned(),
    }
}

fn call() -> Call {
    Call {
        subject: "node/0".to_owned(),
        role: "chorus".to_owned(),
        instance: "chorus".to_owned(),
        options: "{}".to_owned(),
        images: Vec::new(),
        now_ms: 0,
        renew: Vec::new(),
    }
}

/// Opens a session and renders once.
fn render(plugin: &Arc<Plugin>, door: Arc<dyn Door>) -> Result<(), PluginError> {
    let mut session = Sandbox::new(&impatient(), plugin, door)?.open(&topology())?;
    session.render(&call()).map(|_| ())
}

/// The message with which the fixture fails; checked: it came in time, it is one line, and the host still works.
fn fails(name: &str) -> String {
    let plugin = hostile(name);
    let begun = Instant::now();
    let fault = render(&plugin, Arc::new(Closed)).expect_err(name);
    assert!(begun.elapsed() < SECONDS, "{name}: {:?}", begun.elapsed());
    let text = fault.to_string();
    assert!(!text.contains('\n'), "{name}: {text}");
    render(&hostile("good"), Arc::new(Closed)).expect("the host goes on working");
    text
}

#[test]
fn one_that_does_as_it_should_is_not_refused() {
    render(&hostile("good"), Arc::new(Closed)).unwrap();
}

#[test]
fn an_endless_loop_is_ended_wherever_it_is() {
    assert_eq!(
        fails("start_loop"),
        "plugin hostile failed in start: it did not end within 1 s"
    );
    assert_eq!(
        fails("open_loop"),
        "plugin hostile failed in open: it did not end within 1 s"
    );
    assert_eq!(
        fails("render_loop"),
        "plugin hostile failed in render node/0: it did not end within 1 s"
    );
}

#[test]
fn memory_is_given_up_to_a_limit() {
    assert_eq!(
        fails("memory_bomb"),
        "plugin hostile failed in render node/0: it wanted more than 256 MiB of memory"
    );
    assert_eq!(
        fails("memory_at_birth"),
        "plugin hostile failed in start: it wanted more than 256 MiB of memory"
    );
}

#[test]
fn a_guest_that_calls_itself_for_ever_runs_out_of_its_own_stack() {
    assert_eq!(
        fails("stack_bomb"),
        "plugin hostile failed in render node/0: it ran out of stack"
    );
}

#[test]
fn the_small_stack_of_a_thread_of_the_host_is_not_overrun_either() {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let text = thread
        .spawn(|| fails("stack_bomb"))
        .unwrap()
        .join()
        .unwrap();
    assert!(text.ends_with("it ran out of stack"), "{text}");
}

#[test]
fn a_trap_is_told_in_words() {
    assert_eq!(
        fails("trap"),
        "plugin hostile failed in render node/0: it trapped: wasm trap: wasm `unreachable` instruction executed"
    );
}

#[test]
fn output_is_bounded_whether_it_is_there_or_not() {
    for name in ["output_claimed", "output_flood"] {
        let text = fails(name);
        assert!(
            text.starts_with("plugin hostile failed in render node/0: "),
            "{text}"
        );
    }
    assert_eq!(
        fails("output_flood"),
        "plugin hostile failed in render node/0: it gave more than 64 MiB at once"
    );
}

#[test]
fn answers_that_no_contract_knows_are_refused() {
    for (name, why) in [
        ("bad_utf8", "utf-8"),
        ("bad_tag", "discriminant"),
        ("bad_pointer", "pointer"),
    ] {
        let text = fails(name);
        let about = "plugin hostile failed in render node/0: it broke the contract: ";
        assert!(text.starts_with(about), "{text}");
        assert!(text.contains(why), "{text}");
    }
}

/// Counts what it is told.
#[derive(Default)]
struct Counting {
    lines: Mutex<usize>,
}

impl Door for Counting {
    fn facts(&self, _subject: &str, _role: &str) -> Result<Vec<(String, String)>, String> {
        Ok(Vec::new())
    }
    fn kept(&self, _from: &Ref) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
    fn state(&self, _subject: &str) -> Option<String> {
        None
    }
    fn log(&self, _level: host::Level, _message: &str) {
        *self.lines.lock().unwrap() += 1;
    }
}

#[test]
fn a_flood_of_log_lines_fills_nobodys_memory() {
    let door = Arc::new(Counting::default());
    let fault = render(&hostile("log_flood"), Arc::clone(&door) as _).unwrap_err();
    assert!(fault.to_string().contains("it did not end"), "{fault}");
    assert_eq!(*door.lines.lock().unwrap(), 1000);
}

#[test]
fn what_is_no_plugin_of_the_contract_is_refused_by_name() {
    let text = fails("forbidden_import");
    let head = "hostile is not a plugin for this host: ";
    assert!(
        text.starts_with(&format!(
            "{head}it imports what the contract does not offer: "
        )),
        "{text}"
    );
    assert!(text.contains("`wasi:cli/environment@0.2.0`"), "{text}");
    let text = fails("missing_export");
    assert!(
        text.starts_with(&format!(
            "{head}it does not export the interface `plugin`: "
        )),
        "{text}"
    );
}

/// Why a file is not even taken as a plugin.
fn refused(bytes: Vec<u8>) -> String {
    let fault = Plugin::from_component("x.wasm", bytes).expect_err("it is no plugin");
    fault.to_string()
}

#[test]
fn a_file_that_is_no_component_is_refused() {
    let head = "x.wasm is not a plugin for this host: ";
    let mut cut = hostile_component("good");
    cut.truncate(cut.len() / 2);
    for bytes in [
        Vec::new(),
        b"#!/bin/sh\necho hello\n".to_vec(),
        b"\0asm".to_vec(),
        wat::parse_str("(module)").unwrap(),
        wat::parse_str("(component)").unwrap(),
        cut,
    ] {
        let text = refused(bytes);
        assert!(text.starts_with(head), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn a_plugin_of_another_contract_is_refused_with_both_versions() {
    let component = || wat::parse_str("(component)").unwrap();
    assert_eq!(
        refused(stamped(component(), (2, 0, 0), r#"{"name": "x"}"#)),
        "x.wasm is not a plugin for this host: it speaks contract 2.0.0, this host speaks 1.0; use a host for 2.0 or rebuild the plugin"
    );
    assert!(refused(stamped(component(), (1, 1, 0), "{}")).contains("speaks contract 1.1.0"));
    let mut damaged = component();
    chain_plugin_toolchain::section::append(&mut damaged, "chain:contract", b"1.0");
    assert!(refused(damaged).ends_with("its section `chain:contract` is damaged"));
}

#[test]
fn a_broken_descriptor_is_refused_without_running_anything() {
    let with = |descriptor: &str| {
        let component = wat::parse_str("(component)").unwrap();
        refused(stamped(component, (1, 0, 0), descriptor))
    };
    let deep = format!("{{\"options\": {}", "[".repeat(100_000));
    for (descriptor, why) in [
        ("", "its descriptor does not fit: EOF"),
        ("{\"name\": ", "its descriptor does not fit: EOF"),
        ("{\"name\": 7}", "invalid type: integer `7`"),
        (
            "{\"name\": \"x\", \"ports\": [{\"number\": 70000}]}",
            "invalid value: integer `70000`",
        ),
        ("{}", "its name must be"),
        ("{\"name\": \"../x\"}", "its name must be"),
        ("{\"name\": \"\\u001b[2J\"}", "its name must be"),
        (&deep, "recursion limit"),
    ] {
        let text = with(descriptor);
        assert!(text.contains(why), "{text}");
        assert!(text.starts_with("x.wasm is not a plugin"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_not_read_to_it() {
    let fault = Plugin::from_file(std::path::Path::new("/dev/zero")).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "/dev/zero is not a plugin for this host: it is larger than 64 MiB"
    );
}

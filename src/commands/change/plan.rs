//! What a change of a living chain will do, told before the first write: who comes and goes, how many objects, and which
//! operations of plugins are called on the way.

use crate::commands::hooks::HookRun;
use crate::pipeline::form::Prepared;
use crate::state::head::Remembered;
use crate::state::{Head, Store};

/// The lines of the plan; none for a chain that is new, or that stays as it is.
pub(super) fn lines<S: Store>(prepared: &Prepared, hooks: &HookRun<'_, S>) -> Vec<String> {
    let Some(stored) = prepared.stored.as_ref().filter(|_| prepared.writes()) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for (word, who) in [
        ("new", missing(&prepared.head, &stored.head)),
        ("gone", missing(&stored.head, &prepared.head)),
    ] {
        if !who.is_empty() {
            lines.push(format!("plan: {word}: {}", who.join(", ")));
        }
    }
    let (then, now) = (&prepared.previous, &prepared.revision.inventory);
    let born = now.difference(then).count();
    lines.push(format!(
        "plan: objects: {born} new, {} gone, {} compared with what is there",
        then.difference(now).count(),
        now.len() - born
    ));
    for hook in ["before-remove", "before-add", "after-ready"] {
        let calls = hooks.planned(hook);
        lines.extend(calls.iter().map(|call| format!("plan: {hook}: {call}")));
    }
    lines
}

/// Ids of those that one head has and the other has not, or not any more.
fn missing(of: &Head, other: &Head) -> Vec<String> {
    let lives = |it: &Remembered| !it.retired;
    let there = |id: &String| other.subjects.get(id).is_some_and(lives);
    let own = of.subjects.iter().filter(|(_, it)| lives(it));
    own.map(|(id, _)| id)
        .filter(|id| !there(id))
        .cloned()
        .collect()
}

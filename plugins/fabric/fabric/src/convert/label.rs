//! Names of other tools as DNS labels.

use std::collections::BTreeSet;

use crate::names;

/// The label nearest to a name, which begins with `prefix` where the name does not begin with a letter: dots and capitals
/// do not stand in one.
pub fn label(name: &str, prefix: &str) -> String {
    let clean = |c: char| match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        'a'..='z' | '0'..='9' => c,
        _ => '-',
    };
    let text: String = name.chars().map(clean).collect();
    let text = text.trim_matches('-');
    let begun = match text.chars().next() {
        Some(first) if first.is_ascii_lowercase() => text.to_owned(),
        _ => format!("{prefix}-{text}"),
    };
    let short: String = begun.chars().take(names::LABEL).collect();
    short.trim_end_matches('-').to_owned()
}

/// The name of an organisation of which only its MSP is known: `Org1MSP` is `org1`.
pub fn of_msp(id: &str) -> String {
    let short = id.strip_suffix("MSP").unwrap_or(id);
    label(if short.is_empty() { id } else { short }, "org")
}

/// The first of `wanted` that is not taken, or the last of them with a number; taken from then on.
pub fn distinct(taken: &mut BTreeSet<String>, wanted: &[String]) -> String {
    let free = wanted.iter().find(|name| !taken.contains(*name)).cloned();
    let name = free.unwrap_or_else(|| {
        let last = wanted.last().map_or("", String::as_str);
        let mut number = 2u32;
        let mut name = format!("{last}-{number}");
        while taken.contains(&name) {
            number = number.saturating_add(1);
            name = format!("{last}-{number}");
        }
        name
    });
    taken.insert(name.clone());
    name
}

//! Where in a YAML file a value stands: JSON pointer to line. Computed only when there is an error to show.

use granit_parser::{Event, Parser};

/// The line (from 1) of the value at `pointer` in `text`, or of its nearest ancestor that is there.
pub fn line_of(text: &str, pointer: &str) -> Option<usize> {
    let wanted: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    let mut stack: Vec<Level> = Vec::new();
    let mut best: Option<(usize, usize)> = None;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let line = span.start.line();
        let (opens, scalar) = match &event {
            Event::MappingStart(..) => (Some(Level::map()), None),
            Event::SequenceStart(..) => (Some(Level::list()), None),
            Event::Scalar(value, ..) => (None, Some(value.to_string())),
            Event::Alias(..) => (None, Some(String::new())),
            Event::MappingEnd | Event::SequenceEnd => {
                stack.pop();
                if let Some(level) = stack.last_mut() {
                    level.after_value();
                }
                continue;
            }
            _ => continue,
        };
        if let Some(level) = stack.last_mut() {
            if level.awaits_key() {
                level.key(scalar.unwrap_or_default());
                let depth = matching(&stack, &wanted);
                if depth == stack.len() && best.is_none_or(|(deepest, _)| depth > deepest) {
                    best = Some((depth, line));
                }
                continue;
            }
            if level.is_list() {
                let depth = matching(&stack, &wanted);
                if depth == stack.len() && best.is_none_or(|(deepest, _)| depth > deepest) {
                    best = Some((depth, line));
                }
            }
        }
        match opens {
            Some(level) => stack.push(level),
            None => {
                if let Some(level) = stack.last_mut() {
                    level.after_value();
                }
            }
        }
    }
    best.map(|(_, line)| line)
}

/// How many levels of `stack`, from the root, stand on the way to `wanted`.
fn matching(stack: &[Level], wanted: &[String]) -> usize {
    stack
        .iter()
        .zip(wanted)
        .take_while(|(level, part)| level.name() == **part)
        .count()
}

enum Level {
    Map { key: Option<String> },
    List { index: usize },
}

impl Level {
    fn map() -> Self {
        Self::Map { key: None }
    }
    fn list() -> Self {
        Self::List { index: 0 }
    }
    fn is_list(&self) -> bool {
        matches!(self, Self::List { .. })
    }
    fn awaits_key(&self) -> bool {
        matches!(self, Self::Map { key: None })
    }
    fn key(&mut self, name: String) {
        if let Self::Map { key } = self {
            *key = Some(name);
        }
    }
    fn after_value(&mut self) {
        match self {
            Self::Map { key } => *key = None,
            Self::List { index } => *index += 1,
        }
    }
    fn name(&self) -> String {
        match self {
            Self::Map { key } => key.clone().unwrap_or_default(),
            Self::List { index } => index.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "kind: Chain\nspec:\n  nodes:\n    - name: a\n    - name: b\n      options: {x: 1}\n  services:\n    kms:\n      options:\n        port: many\n";

    #[test]
    fn a_value_is_found_by_its_pointer() {
        assert_eq!(line_of(FILE, "/spec/services/kms/options/port"), Some(10));
        assert_eq!(line_of(FILE, "/spec/nodes/1/options/x"), Some(6));
        assert_eq!(line_of(FILE, "/kind"), Some(1));
    }

    #[test]
    fn what_is_missing_is_shown_at_its_nearest_ancestor() {
        assert_eq!(line_of(FILE, "/spec/services/kms/image"), Some(8));
        assert_eq!(line_of(FILE, "/nowhere"), None);
    }
}

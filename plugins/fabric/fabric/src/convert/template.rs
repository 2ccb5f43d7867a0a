//! The part of Go's templates that names of hosts are made of: text with `{{.Variable}}` in it.

/// Longest text that one may make; no name of a host is longer.
const MOST: usize = 253;

/// The text with the values of its variables.
///
/// # Errors
/// Why not, as half a sentence: an action that is no variable, a variable that is not there, a text that is too long.
pub fn render(template: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let mut made = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        push(&mut made, before)?;
        let Some((action, after)) = after.split_once("}}") else {
            return Err("`{{` without `}}`".to_owned());
        };
        // A dash takes the white space beside the action away.
        let (trims_before, action) = match action.strip_prefix("- ") {
            Some(action) => (true, action),
            None => (false, action),
        };
        let (trims_after, action) = match action.strip_suffix(" -") {
            Some(action) => (true, action),
            None => (false, action),
        };
        if trims_before {
            made.truncate(made.trim_end().len());
        }
        let action = action.trim();
        let value = variables
            .iter()
            .find(|(name, _)| action.strip_prefix('.') == Some(name));
        let Some((_, value)) = value else {
            let known: Vec<String> = variables
                .iter()
                .map(|(name, _)| format!("{{{{.{name}}}}}"))
                .collect();
            let short: String = action.chars().take(40).collect();
            return Err(format!(
                "`{{{{{short}}}}}` is not understood, only {}",
                known.join(" ")
            ));
        };
        push(&mut made, value)?;
        rest = if trims_after {
            after.trim_start()
        } else {
            after
        };
    }
    push(&mut made, rest)?;
    Ok(made)
}

fn push(made: &mut String, text: &str) -> Result<(), String> {
    if made.len().saturating_add(text.len()) > MOST {
        return Err(format!("it makes more than {MOST} characters"));
    }
    made.push_str(text);
    Ok(())
}

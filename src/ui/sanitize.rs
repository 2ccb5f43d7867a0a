//! What a terminal may see of text that others wrote.
//!
//! A log line can hold sequences that retitle the window, move the cursor over what was printed before, or answer
//! on behalf of the user (`kubectl logs` passes them raw). Here only colour (SGR) passes from logs, and no control
//! character at all from events, plugins and indexes. Nothing here is applied to data that goes into a pipe.

use std::borrow::Cow;

const ESC: char = '\u{1b}';

/// A log line for a terminal: printable text, tabs and SGR sequences; invalid UTF-8 becomes U+FFFD. A colour that the
/// line leaves on is reset at its end, so that it cannot run into the next line's prefix.
pub fn log_line(line: &[u8]) -> Cow<'_, [u8]> {
    if line
        .iter()
        .all(|byte| (0x20..0x7f).contains(byte) || *byte == b'\t')
    {
        return Cow::Borrowed(line);
    }
    let text = String::from_utf8_lossy(line);
    let (mut clean, colored) = scan(&text, true, |character| character == '\t');
    if colored {
        clean.push_str("\u{1b}[0m");
    }
    Cow::Owned(clean.into_bytes())
}

/// Text of a plugin, an event or an index, for one or more lines: newlines and tabs stay, every other control
/// character and every escape sequence goes.
pub fn text(text: &str) -> Cow<'_, str> {
    filter(text, |character| character == '\n' || character == '\t')
}

/// Text for one cell or one line: newlines and tabs become a space, every other control character goes.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\t', '\r']) {
        let joined = text
            .split(['\n', '\t', '\r'])
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let joined = joined.collect::<Vec<_>>().join(" ");
        return Cow::Owned(filter(&joined, |_| false).into_owned());
    }
    filter(text, |_| false)
}

fn filter(text: &str, keep: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    if text
        .chars()
        .all(|character| keep(character) || !is_control(character))
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(scan(text, false, keep).0)
}

/// C0, C1 and DEL, and the marks that change the direction of writing: with those a name can be made to read as
/// another one.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Copies what may pass; true when a colour is still on at the end.
fn scan(text: &str, colors: bool, keep: impl Fn(char) -> bool) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let mut colored = false;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let sequence = match character {
            ESC => rest.next(),
            // The same introducers as single C1 characters.
            '\u{9b}' => Some('['),
            '\u{9d}' => Some(']'),
            '\u{90}' => Some('P'),
            '\u{98}' => Some('X'),
            '\u{9e}' => Some('^'),
            '\u{9f}' => Some('_'),
            _ => {
                if keep(character) || !is_control(character) {
                    out.push(character);
                }
                continue;
            }
        };
        match sequence {
            Some('[') => {
                let mut parameters = String::new();
                let mut last = None;
                for next in rest.by_ref() {
                    if ('\u{40}'..='\u{7e}').contains(&next) {
                        last = Some(next);
                        break;
                    }
                    parameters.push(next);
                }
                let plain = parameters
                    .chars()
                    .all(|c| c.is_ascii_digit() || c == ';' || c == ':');
                if colors && last == Some('m') && plain && parameters.len() <= 64 {
                    out.push(ESC);
                    out.push('[');
                    out.push_str(&parameters);
                    out.push('m');
                    colored = !parameters.chars().all(|c| c == '0' || c == ';');
                }
            }
            // Strings: up to BEL or ST (ESC \ or U+009C); one that never ends takes the rest of the line with it.
            Some(']' | 'P' | 'X' | '^' | '_') => {
                let mut escape = false;
                for next in rest.by_ref() {
                    if next == '\u{7}' || next == '\u{9c}' || (escape && next == '\\') {
                        break;
                    }
                    escape = next == ESC;
                }
            }
            // Two-character sequences, with intermediates as in `ESC ( B`.
            Some(' '..='/') => {
                for next in rest.by_ref() {
                    if !(' '..='/').contains(&next) {
                        break;
                    }
                }
            }
            Some(_) | None => {}
        }
    }
    (out, colored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        String::from_utf8(log_line(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(log_line(b"block 12\tok"), Cow::Borrowed(_)));
        assert!(matches!(text("block \u{e9}\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn colours_pass_and_are_reset_at_the_end() {
        assert_eq!(
            line("\u{1b}[32mINFO\u{1b}[0m x"),
            "\u{1b}[32mINFO\u{1b}[0m x"
        );
        assert_eq!(line("\u{1b}[38;5;1mred"), "\u{1b}[38;5;1mred\u{1b}[0m");
    }

    #[test]
    fn nothing_else_passes() {
        assert_eq!(line("a\u{1b}]0;title\u{7}b"), "ab");
        assert_eq!(line("a\u{1b}]8;;http://x\u{1b}\\b"), "ab");
        assert_eq!(line("a\u{1b}[2Jb\u{1b}[1;1Hc\u{1b}[?25ld"), "abcd");
        assert_eq!(line("a\u{1b}P$q\u{1b}\\b\u{1b}cc\u{1b}(Bd"), "abcd");
        assert_eq!(line("a\u{9b}2Jb\u{9d}0;t\u{9c}c"), "abc");
        assert_eq!(line("a\rb\u{8}\u{7}\u{7f}c\u{0}"), "abc");
        assert_eq!(line("a\u{1b}]0;never ends"), "a");
        assert_eq!(line("a\u{1b}["), "a");
        assert_eq!(line("a\u{1b}[>4;2mb"), "ab");
        assert_eq!(line("a\u{1b}"), "a");
        assert_eq!(line("gnp.\u{202e}exe"), "gnp.exe");
    }

    #[test]
    fn invalid_utf8_becomes_the_replacement_character() {
        assert_eq!(
            log_line(b"a\xffb\x9b2J").into_owned(),
            "a\u{fffd}b\u{fffd}2J".as_bytes()
        );
    }

    #[test]
    fn text_loses_colours_too() {
        assert_eq!(text("\u{1b}[31mno\u{1b}[0m\nnext\u{7}"), "no\nnext");
        assert_eq!(one_line("a\n  b\tc\u{1b}[2J"), "a b c");
    }
}

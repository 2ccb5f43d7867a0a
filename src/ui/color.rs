//! Whether to colour, and which colour a name has. Colour never carries meaning alone.

use clap::ValueEnum;

/// `--color auto|always|never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// Colour on a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// Colour always, even into a pipe and against `NO_COLOR`: the user said so on this very line.
    Always,
    /// No colour.
    Never,
}

impl ColorChoice {
    /// The decision for one stream. `no_color` is true when the variable `NO_COLOR` has a value that is not empty
    /// (<https://no-color.org>) or `TERM` is `dumb`.
    pub fn decide(self, terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && !no_color,
        }
    }

    /// Reads `NO_COLOR` and `TERM` of this process.
    pub fn no_color_in_environment() -> bool {
        std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb")
    }
}

/// Colours that are readable on dark and on light ground: no red (errors), no white, no black.
const PALETTE: [u8; 10] = [32, 33, 34, 35, 36, 92, 93, 94, 95, 96];

/// The SGR parameter of a name: the same name has the same colour in every run and on every machine.
pub fn of_name(name: &str) -> u8 {
    // FNV-1a: stable for ever, unlike the hasher of the standard library.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let colors = PALETTE.len() as u64;
    // Fold the high half in: the low bits alone of FNV spread short names poorly.
    let place = usize::try_from((hash ^ (hash >> 32)) % colors).unwrap_or_default();
    PALETTE.get(place).copied().unwrap_or(36)
}

/// `text` in the colour with SGR parameter `color`, or as it is when colour is off.
pub fn paint(text: &str, color: u8, on: bool) -> String {
    if on {
        format!("\u{1b}[{color}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// SGR parameter of errors.
pub const RED: u8 = 31;
/// SGR parameter of warnings.
pub const YELLOW: u8 = 33;
/// SGR parameter of what is well.
pub const GREEN: u8 = 32;
/// SGR parameter of hints.
pub const CYAN: u8 = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_terminal_and_no_color() {
        assert!(ColorChoice::Auto.decide(true, false));
        assert!(!ColorChoice::Auto.decide(false, false));
        assert!(!ColorChoice::Auto.decide(true, true));
        assert!(ColorChoice::Always.decide(false, true));
        assert!(!ColorChoice::Never.decide(true, false));
    }

    #[test]
    fn a_name_keeps_its_color_and_neighbours_differ() {
        assert_eq!(of_name("node0"), of_name("node0"));
        let colors: std::collections::BTreeSet<u8> =
            (0..8).map(|i| of_name(&format!("node{i}"))).collect();
        assert!(colors.len() >= 4, "{colors:?}");
    }
}

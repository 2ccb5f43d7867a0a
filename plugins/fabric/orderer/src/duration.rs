//! Lengths of time as Go writes them, which is how a channel holds them: `500ms`, `1m0s`.

/// The schema's pattern: numbers with units, no sign.
pub const PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$";

/// Nanoseconds; none if the text does not fit [`PATTERN`], or says more than Go can hold.
pub fn nanoseconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| c.is_ascii_alphabetic())?);
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        sum = sum.checked_add(part(number, unit)?)?;
        rest = next;
    }
    (!text.is_empty() && i64::try_from(sum).is_ok()).then_some(sum)
}

fn part(number: &str, unit: &str) -> Option<u64> {
    let unit: u64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if digits(fraction) => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    if !digits(whole) {
        return None;
    }
    let mut sum = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        sum = sum.checked_add(place * u64::from(digit - b'0'))?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn it_reads_what_go_writes() {
        for (text, expected) in [
            ("500ms", 500_000_000),
            ("1m0s", 60_000_000_000),
            ("3m0s", 180_000_000_000),
            ("1.5s", 1_500_000_000),
            ("1h0m0.5s", 3_600_500_000_000),
            ("0s", 0),
        ] {
            assert_eq!(nanoseconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn it_takes_nothing_else() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.s",
            ".5s",
            "1d",
            "1 s",
            "5s3",
            "9999999999h",
        ] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }
}

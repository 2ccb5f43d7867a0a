//! Go's way to write a length of time, such as `500ms` or `1m0s`.

/// Length of `text` in nanoseconds; none if Go would not read it, or if it is negative.
///
/// ```
/// assert_eq!(fabric_channel::duration::parse("1m0.5s"), Some(60_500_000_000));
/// assert_eq!(fabric_channel::duration::parse("2"), None);
/// ```
pub fn parse(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        total = total.checked_add(nanoseconds(number, unit)?)?;
        rest = next;
    }
    // Go counts in signed 64 bits.
    i64::try_from(total).ok().map(|_| total)
}

fn nanoseconds(number: &str, unit: &str) -> Option<u64> {
    let scale: u64 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || part.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = whole.checked_mul(scale)?;
    let mut place = scale;
    for digit in part.bytes() {
        place /= 10;
        total = total.checked_add(u64::from(digit - b'0').checked_mul(place)?)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_go_reads_is_read() {
        assert_eq!(parse("2s"), Some(2_000_000_000));
        assert_eq!(parse("250ms"), Some(250_000_000));
        assert_eq!(parse("1h2m3s4ms5us6ns"), Some(3_723_004_005_006));
        assert_eq!(parse(".5s"), Some(500_000_000));
        assert_eq!(parse("0"), Some(0));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "2",
            "s",
            "2 s",
            "-1s",
            "1.2.3s",
            ".s",
            "1d",
            "99999999999h",
            "2sx",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

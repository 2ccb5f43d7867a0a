//! From when to when a certificate holds, in seconds since 1970, and how that is written.
//!
//! `UTCTime` from 1950 to 2049, `GeneralizedTime` outside of it (RFC 5280 4.1.2.5).

use crate::der::{self, DerError, Element, tag};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
/// 0000-01-01 00:00:00.
const FIRST: i64 = -62_167_219_200;
/// 9999-12-31 23:59:59.
const LAST: i64 = 253_402_300_799;

/// First and last second of a certificate, both included, since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Validity {
    /// The first second.
    pub not_before: i64,
    /// The last second.
    pub not_after: i64,
}

/// A certificate at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidityState {
    /// Its time has not come: clocks differ, or it was made for later.
    NotYet,
    /// It holds.
    Valid,
    /// Its time is over.
    Expired,
}

impl Validity {
    /// Days that `cryptogen` gives to every certificate: ten years without leap days.
    pub const CRYPTOGEN_DAYS: i64 = 3650;

    /// A number of days from a second on. `None` where numbers end.
    #[must_use]
    pub fn days(not_before: i64, days: i64) -> Option<Self> {
        // In what cannot overflow: i64::MAX seconds are 106,751,991,167,300 days.
        if days.unsigned_abs() > 100_000_000_000_000 {
            return None;
        }
        let not_after = not_before.checked_add(days * DAY)?;
        Some(Self {
            not_before,
            not_after,
        })
    }

    /// What `cryptogen` gives at a time: from the nearest full minute (half a minute goes up) less
    /// five minutes, for 3650 days of 24 hours. `None` where numbers end.
    #[must_use]
    pub fn cryptogen(now: i64) -> Option<Self> {
        let nearest = now.checked_add(MINUTE / 2)?;
        let start = nearest
            .checked_sub(nearest.rem_euclid(MINUTE))?
            .checked_sub(5 * MINUTE)?;
        Self::days(start, Self::CRYPTOGEN_DAYS)
    }

    /// Whether the certificate holds at a time. Both ends belong to it.
    #[must_use]
    pub const fn at(&self, now: i64) -> ValidityState {
        if now < self.not_before {
            ValidityState::NotYet
        } else if now > self.not_after {
            ValidityState::Expired
        } else {
            ValidityState::Valid
        }
    }

    /// Seconds that are left at a time; negative when it is over.
    #[must_use]
    pub const fn left(&self, now: i64) -> i64 {
        self.not_after.saturating_sub(now)
    }

    /// `Validity` in DER. `None` when it ends before it begins or is outside of the years 0 to 9999.
    pub(crate) fn write(&self) -> Option<Vec<u8>> {
        if self.not_after < self.not_before {
            return None;
        }
        Some(der::sequence(&[
            &write_time(self.not_before)?,
            &write_time(self.not_after)?,
        ]))
    }
}

/// A time in DER.
fn write_time(seconds: i64) -> Option<Vec<u8>> {
    if !(FIRST..=LAST).contains(&seconds) {
        return None;
    }
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    Some(if (1950..2050).contains(&year) {
        let text = format!("{:02}{rest}", year % 100);
        der::element(tag::UTC_TIME, &[text.as_bytes()])
    } else {
        let text = format!("{year:04}{rest}");
        der::element(tag::GENERALIZED_TIME, &[text.as_bytes()])
    })
}

/// Seconds since 1970 of a time in DER.
pub fn read_time(element: &Element<'_>) -> Result<i64, DerError> {
    let digits = element
        .content
        .strip_suffix(b"Z")
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))
        .ok_or(DerError::Content)?;
    let (year, rest) = match (element.tag, digits.len()) {
        (tag::UTC_TIME, 12) => {
            let (year, rest) = digits.split_at_checked(2).ok_or(DerError::Content)?;
            let year = number(year);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (tag::GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at_checked(4).ok_or(DerError::Content)?;
            (number(year), rest)
        }
        (tag::UTC_TIME | tag::GENERALIZED_TIME, _) => return Err(DerError::Content),
        _ => return Err(DerError::Tag),
    };
    let mut parts = rest.chunks(2).map(number);
    let (Some(month), Some(day), Some(hour), Some(minute), Some(second)) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return Err(DerError::Content);
    };
    let days = days_of_civil(year, month, day);
    // A day that does not exist comes back as another one.
    if civil(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return Err(DerError::Content);
    }
    Ok(days * DAY + hour * 3600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> i64 {
    digits
        .iter()
        .fold(0, |number, &digit| number * 10 + i64::from(digit - b'0'))
}

/// Year, month and day of a day since 1970, in the Gregorian calendar: counted in eras of 400 years
/// and in years that begin in March, so that the leap day is the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    let since_march_0000 = days + 719_468;
    let era = since_march_0000.div_euclid(146_097);
    let of_era = since_march_0000.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (era * 400 + year_of_era + next_year, month, day)
}

/// The day since 1970 of a date: the way back.
fn days_of_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month_from_march) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::Reader;

    fn text(seconds: i64) -> (u8, String) {
        let written = write_time(seconds).unwrap();
        let element = Reader::new(&written).element().unwrap();
        assert_eq!(read_time(&element), Ok(seconds));
        (
            element.tag,
            String::from_utf8(element.content.to_vec()).unwrap(),
        )
    }

    #[test]
    fn times_take_the_form_of_their_year() {
        for (seconds, form, expected) in [
            (0, tag::UTC_TIME, "700101000000Z"),
            (951_827_696, tag::UTC_TIME, "000229123456Z"),
            (-1, tag::UTC_TIME, "691231235959Z"),
            (-631_152_000, tag::UTC_TIME, "500101000000Z"),
            (-631_152_001, tag::GENERALIZED_TIME, "19491231235959Z"),
            (2_524_607_999, tag::UTC_TIME, "491231235959Z"),
            (2_524_608_000, tag::GENERALIZED_TIME, "20500101000000Z"),
            (FIRST, tag::GENERALIZED_TIME, "00000101000000Z"),
            (LAST, tag::GENERALIZED_TIME, "99991231235959Z"),
        ] {
            assert_eq!(text(seconds), (form, expected.to_owned()));
        }
        assert_eq!(write_time(LAST + 1), None);
        assert_eq!(write_time(FIRST - 1), None);
    }

    #[test]
    fn every_day_goes_there_and_back() {
        for days in (-719_528..2_932_897).step_by(7) {
            let (year, month, day) = civil(days);
            assert_eq!(days_of_civil(year, month, day), days);
        }
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for (form, text) in [
            (tag::UTC_TIME, "230229000000Z"),
            (tag::UTC_TIME, "231301000000Z"),
            (tag::UTC_TIME, "230001000000Z"),
            (tag::UTC_TIME, "230100000000Z"),
            (tag::UTC_TIME, "230101240000Z"),
            (tag::UTC_TIME, "230101006000Z"),
            (tag::UTC_TIME, "230101000060Z"),
            (tag::UTC_TIME, "2301010000Z"),
            (tag::UTC_TIME, "230101000000+0100"),
            (tag::UTC_TIME, "23010100000 Z"),
            (tag::GENERALIZED_TIME, "20500101000000.5Z"),
            (tag::GENERALIZED_TIME, ""),
            (tag::OCTET_STRING, "230101000000Z"),
        ] {
            let written = der::element(form, &[text.as_bytes()]);
            let element = Reader::new(&written).element().unwrap();
            assert!(read_time(&element).is_err(), "{text}");
        }
    }

    #[test]
    fn cryptogen_rounds_to_the_minute_and_goes_back_five() {
        // 2026-11-20 17:26:00.
        let minute = 1_795_195_560;
        for (now, start) in [
            (minute, minute - 300),
            (minute + 29, minute - 300),
            (minute + 30, minute - 240),
            (minute - 30, minute - 300),
            (minute - 31, minute - 360),
        ] {
            let validity = Validity::cryptogen(now).unwrap();
            assert_eq!(validity.not_before, start);
            assert_eq!(validity.not_after - start, 315_360_000);
        }
        assert_eq!(Validity::cryptogen(i64::MAX), None);
        assert_eq!(Validity::cryptogen(i64::MIN), None);
        assert_eq!(Validity::days(0, i64::MAX), None);
    }

    #[test]
    fn both_ends_belong_to_it() {
        let validity = Validity {
            not_before: 10,
            not_after: 20,
        };
        for (now, state) in [
            (9, ValidityState::NotYet),
            (10, ValidityState::Valid),
            (20, ValidityState::Valid),
            (21, ValidityState::Expired),
        ] {
            assert_eq!(validity.at(now), state);
        }
        assert_eq!((validity.left(15), validity.left(25)), (5, -5));
        let backwards = Validity {
            not_before: 20,
            not_after: 10,
        };
        assert_eq!(backwards.write(), None);
    }
}

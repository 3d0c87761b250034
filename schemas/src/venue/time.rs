use super::VenueError;
use super::fields::Field;
use crate::model::Micros;

impl Field<'_, '_> {
    /// A time as in `2026-07-07T22:58:16.156605Z`; digits beyond the microsecond are cut off.
    pub(super) fn rfc3339(self) -> Result<Micros, VenueError> {
        micros(self.text()?).ok_or_else(|| self.wrong("an RFC 3339 time since 1970"))
    }
}

/// The form that venues use is read by its positions; any other goes to jiff.
fn micros(text: &str) -> Option<Micros> {
    utc(text.as_bytes()).or_else(|| {
        let time: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(time.as_microsecond()).ok().map(Micros)
    })
}

fn utc(text: &[u8]) -> Option<Micros> {
    let (head, tail) = text.split_at_checked(19)?;
    let separated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separated.iter().any(|(at, byte)| head[*at] != *byte) {
        return None;
    }
    let (year, month, day) = (number(&head[..4])?, number(&head[5..7])?, number(&head[8..10])?);
    let (hour, minute, second) = (number(&head[11..13])?, number(&head[14..16])?, number(&head[17..])?);
    let exists = year >= 1970
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !exists {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Micros(seconds * 1_000_000 + fraction(tail)?))
}

/// The microseconds of `.156605Z`, `.1Z` or `Z`.
fn fraction(text: &[u8]) -> Option<u64> {
    let digits = match text {
        b"Z" => return Some(0),
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => digits,
        _ => return None,
    };
    let value = number(digits)?;
    let digits = digits.len() as u32;
    Some(if digits <= 6 { value * 10_u64.pow(6 - digits) } else { value / 10_u64.pow(digits - 6) })
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(sum * 10 + u64::from(digit))
    })
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts in years that begin in March, so that the leap day is the last of its year.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // From March on the months' lengths repeat 31, 30, 31, 30, 31, which this line hits; 719468 days precede 1970.
    (year * 365 + leap_days + (month * 153 + 2) / 5 + day) - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_forms_that_venues_use() {
        let times = [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-07-07T22:58:16.156605Z", 1_783_465_096_156_605),
            ("2021-04-17T00:31:24.9Z", 1_618_619_484_900_000),
            ("2024-02-29T23:59:59.123456789Z", 1_709_251_199_123_456),
            ("2026-07-08T00:58:16.156605+02:00", 1_783_465_096_156_605),
            ("2026-07-07 22:58:16Z", 1_783_465_096_000_000),
        ];
        for (text, time) in times {
            assert_eq!(micros(text), Some(Micros(time)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time_since_1970() {
        for text in [
            "",
            "Z",
            "2026-07-07",
            "1969-12-31T23:59:59Z",
            "2026-13-07T22:58:16Z",
            "2026-02-29T22:58:16Z",
            "2026-07-00T22:58:16Z",
            "2026-07-07T24:58:16Z",
            "2026-07-07T22:58:16.Z",
            "2026-07-07T22:58:16.1234567890Z",
            "2026-07-07T22:58:16.12x4Z",
            "0000-01-01T00:00:00Z",
            "\u{e9}026-07-07T22:58:1\u{e9}Z",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn the_fast_path_takes_the_usual_form() {
        assert!(utc(b"2026-07-07T22:58:16.156605Z").is_some());
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(micros in 0i64..253_402_300_799_999_999, digits in 0u8..=9) {
            let time = jiff::Timestamp::from_microsecond(micros).expect("within jiff's range");
            let text = format!("{time:.*}", usize::from(digits));
            let expected: jiff::Timestamp = text.parse().expect("jiff's own");
            let expected = u64::try_from(expected.as_microsecond()).ok().map(Micros);
            prop_assert_eq!(utc(text.as_bytes()), expected, "{}", text);
        }

        #[test]
        fn whatever_both_take_is_the_same(text in "[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,10})?Z") {
            if let Some(time) = utc(text.as_bytes()) {
                let expected: jiff::Timestamp = text.parse().expect("a time that jiff takes too");
                prop_assert_eq!(i64::try_from(time.0).ok(), Some(expected.as_microsecond()));
            }
        }

        #[test]
        fn any_text_is_a_time_or_none(text in "\\PC{0,40}") {
            let _ = micros(&text);
        }
    }
}

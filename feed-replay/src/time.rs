//! Times as venues and people write them, to and from unix nanoseconds, never through a float.

use jiff::Timestamp;
use schemas::capture::UnixNanos;
use std::time::{SystemTime, UNIX_EPOCH};

const SECOND_NS: u64 = 1_000_000_000;

/// The wall clock.
#[must_use]
pub fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(UnixNanos::MAX)
}

/// Unix seconds with a fraction, such as `1617647603.8164911`; digits beyond the ninth are cut.
#[must_use]
pub fn nanos_of_seconds(text: &str) -> Option<UnixNanos> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = &fraction[..fraction.len().min(9)];
    let scale = 10_u64.pow(9 - u32::try_from(digits.len()).ok()?);
    let fraction = digits.parse::<u64>().ok()? * scale;
    whole.parse::<u64>().ok()?.checked_mul(SECOND_NS)?.checked_add(fraction)
}

/// A time by RFC 3339, such as `2026-07-07T22:58:17.050195Z`.
#[must_use]
pub fn nanos_of_rfc3339(text: &str) -> Option<UnixNanos> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// The time by RFC 3339 in UTC with six digits of a second, as Coinbase and Kraken write it.
#[must_use]
pub fn rfc3339_micros(time: UnixNanos) -> String {
    match Timestamp::from_nanosecond(i128::from(time)) {
        Ok(time) => format!("{time:.6}"),
        // Beyond the year 9999, which u64 nanoseconds do not reach.
        Err(_) => String::new(),
    }
}

/// The time in UTC as it can stand in a file's name: `20261121T165500.123456Z`.
#[must_use]
pub fn file_name_time(time: UnixNanos) -> String {
    rfc3339_micros(time).replace(['-', ':'], "")
}

/// A duration in seconds, or with a unit: `250ms`, `1.5m`, `2h`.
#[must_use]
pub fn nanos_of_duration(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit: u64 = match &text[number.len()..] {
        "ms" => 1_000_000,
        "s" | "" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let billionths = nanos_of_seconds(number)?;
    u64::try_from(u128::from(billionths) * u128::from(unit) / 1_000_000_000).ok()
}

/// A unix time in milliseconds or microseconds (told apart by its size) as nanoseconds.
#[must_use]
pub fn nanos_of_unix(value: u64) -> Option<UnixNanos> {
    const MICROS_FROM: u64 = 100_000_000_000_000;
    value.checked_mul(if value >= MICROS_FROM { 1_000 } else { 1_000_000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_keep_all_their_digits() {
        assert_eq!(nanos_of_seconds("1617647603.8164911"), Some(1_617_647_603_816_491_100));
        assert_eq!(nanos_of_seconds("1617647603"), Some(1_617_647_603_000_000_000));
        assert_eq!(nanos_of_seconds("1.0000000019"), Some(1_000_000_001));
        for wrong in ["", ".5", "1.", "1.x", "-1", "99999999999999999999"] {
            assert_eq!(nanos_of_seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn venue_times_read_and_write() {
        let text = "2026-07-07T22:58:17.050195Z";
        assert_eq!(rfc3339_micros(nanos_of_rfc3339(text).unwrap()), text);
        assert_eq!(nanos_of_unix(1_723_161_255_208), Some(1_723_161_255_208_000_000));
        assert_eq!(nanos_of_unix(1_723_161_255_208_123), Some(1_723_161_255_208_123_000));
    }
}

//! When a record is due.

use crate::time::{nanos_of_duration, nanos_of_rfc3339, nanos_of_seconds};
use schemas::capture::UnixNanos;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::Instant;

/// How fast a capture is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// As fast as the readers take it.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        match text.trim_matches('x').parse() {
            Ok(times) if (0.001..=1_000_000.0).contains(&times) => Ok(Speed::Times(times)),
            _ => Err(format!("expected a number from 0.001 to 1000000, or max, found {text:?}")),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Times(times) => write!(f, "{times}"),
            Speed::Max => f.write_str("max"),
        }
    }
}

/// A time within a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A time of the clock.
    Unix(UnixNanos),
    /// So many nanoseconds after the first record.
    After(u64),
}

impl When {
    /// The time of the clock, given the first record's.
    #[must_use]
    pub fn unix(self, first: UnixNanos) -> UnixNanos {
        match self {
            When::Unix(time) => time,
            When::After(offset) => first.saturating_add(offset),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const NANOS_FROM: u64 = 1_000_000_000_000_000_000;
        let parsed = if let Some(offset) = text.strip_prefix('+') {
            nanos_of_duration(offset).map(When::After)
        } else if let Some(nanos) = text.parse().ok().filter(|nanos| *nanos >= NANOS_FROM) {
            Some(When::Unix(nanos))
        } else {
            nanos_of_seconds(text).or_else(|| nanos_of_rfc3339(text)).map(When::Unix)
        };
        parsed.ok_or_else(|| {
            format!("expected unix seconds or nanoseconds, a time such as 2026-07-07T22:58:17Z, or an offset such as +30s, found {text:?}")
        })
    }
}

/// A running replay's relation of capture time to the clock's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    wall: UnixNanos,
    origin: UnixNanos,
    speed: Speed,
}

impl Clock {
    /// The capture's time `origin` is now, which is `wall` by the wall clock.
    pub(super) fn start(origin: UnixNanos, speed: Speed, wall: UnixNanos) -> Self {
        Self { started: Instant::now(), wall, origin, speed }
    }

    /// When a record of this time is due; at once if speed is `max`.
    pub(super) fn due(&self, time: UnixNanos) -> Instant {
        self.started + self.after_start(time).unwrap_or_default()
    }

    /// When a record of this time is due by the wall clock; none if speed is `max`.
    pub(super) fn scheduled(&self, time: UnixNanos) -> Option<UnixNanos> {
        let after = self.after_start(time)?;
        Some(self.wall.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn after_start(&self, time: UnixNanos) -> Option<Duration> {
        let elapsed = Duration::from_nanos(time.saturating_sub(self.origin));
        match self.speed {
            Speed::Times(1.0) => Some(elapsed),
            Speed::Times(times) => Some(elapsed.div_f64(times)),
            Speed::Max => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood_in_each_form() {
        let cases = [
            ("1617647603", When::Unix(1_617_647_603_000_000_000)),
            ("1617647603.25", When::Unix(1_617_647_603_250_000_000)),
            ("1617647603000000001", When::Unix(1_617_647_603_000_000_001)),
            ("2021-04-05T18:33:23Z", When::Unix(1_617_647_603_000_000_000)),
            ("+30s", When::After(30_000_000_000)),
            ("+1.5m", When::After(90_000_000_000)),
            ("+250ms", When::After(250_000_000)),
            ("+2", When::After(2_000_000_000)),
        ];
        for (text, when) in cases {
            assert_eq!(text.parse(), Ok(when), "{text}");
        }
        for wrong in ["", "+", "+s", "+3d", "soon", "-5"] {
            assert!(wrong.parse::<When>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn speeds_are_positive_numbers_or_max() {
        assert_eq!("10".parse(), Ok(Speed::Times(10.0)));
        assert_eq!("0.5x".parse(), Ok(Speed::Times(0.5)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for wrong in ["0", "-1", "fast", "nan", "inf", ""] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_record_is_due_by_the_speed() {
        let clock = Clock::start(1_000, Speed::Times(10.0), 5_000);
        assert_eq!(clock.due(2_000_001_000) - clock.started, Duration::from_millis(200));
        assert_eq!(clock.scheduled(2_000_001_000), Some(200_005_000));
        assert_eq!(Clock::start(1_000, Speed::Max, 0).scheduled(9_000), None);
    }
}

//! What came in each second of the window.

use super::Percentiles;
use crate::series::{Second, Series, SeriesError};
use serde::Serialize;
use std::time::Duration;

/// A last second shorter than this says little, and is not plotted.
pub(crate) const PLOTTED_S_MIN: f64 = 0.25;

/// What came in one second.
#[derive(Debug, Clone, Serialize)]
pub struct SecondReport {
    /// Its number, from 0.
    pub second: u64,
    /// How long it was: the last one is cut off by the end of the window.
    pub length_s: f64,
    /// Updates, snapshots and states.
    pub deliveries: u64,
    /// Entries that were conflated.
    pub conflated: u64,
    /// Trades that were lost between the broker and this client.
    pub lost: u64,
    /// Bytes, of all kinds.
    pub bytes: u64,
    /// Latencies from the intended times, of the same connections as the report's first ones.
    pub latency_us: Option<Percentiles>,
    /// The same from when the broker received the updates.
    pub uncorrected_us: Option<Percentiles>,
    /// Share of a core that the busiest receiving thread used.
    pub busiest_thread_share: f64,
    /// The longest that bytes waited for the receive loop, in microseconds.
    pub lag_us_max: u64,
}

/// The seconds of a window, those in which nothing came too.
pub(super) fn all(series: &Series, window: Duration) -> Result<Vec<SecondReport>, SeriesError> {
    let mut known = series.iter().peekable();
    let count = window.as_secs() + u64::from(window.subsec_nanos() > 0);
    let empty = Second::default();
    (0..count)
        .map(|number| {
            let second = known.next_if(|(known, _)| *known == number).map_or(&empty, |(_, second)| second);
            SecondReport::new(number, length(window, number), second)
        })
        .collect()
}

/// How long the second of this number is.
pub(super) fn length(window: Duration, number: u64) -> Duration {
    window.saturating_sub(Duration::from_secs(number)).min(Duration::from_secs(1))
}

impl SecondReport {
    fn new(number: u64, length: Duration, second: &Second) -> Result<Self, SeriesError> {
        let length_s = length.as_secs_f64();
        Ok(Self {
            second: number,
            length_s,
            deliveries: second.counts.deliveries(),
            conflated: second.counts.conflated_entries,
            lost: second.counts.lost_slow,
            bytes: second.counts.bytes,
            latency_us: Percentiles::of(&second.corrected()?),
            uncorrected_us: Percentiles::of(&second.uncorrected()?),
            busiest_thread_share: second.cpu_busiest.as_secs_f64() / length_s,
            lag_us_max: second.lag_us_max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_in_which_nothing_came_are_there() {
        let mut series = Series::default();
        let mut second = Second::new(Duration::from_millis(100), 0);
        second.counts.updates = 7;
        series.add(2, second);
        let seconds = all(&series, Duration::from_millis(2_500)).unwrap();
        let shown: Vec<_> = seconds.iter().map(|s| (s.second, s.length_s, s.deliveries)).collect();
        assert_eq!(shown, [(0, 1.0, 0), (1, 1.0, 0), (2, 0.5, 7)]);
        assert_eq!((seconds[2].busiest_thread_share, seconds[0].busiest_thread_share), (0.2, 0.0));
        assert!(seconds[2].latency_us.is_none());
    }
}

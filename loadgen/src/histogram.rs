//! Latencies, in microseconds.

use hdrhistogram::Histogram;
use hdrhistogram::errors::{AdditionError, CreationError};

/// Latencies above an hour count as one.
const LATENCY_US_MAX: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of microseconds up to an hour, with three significant digits.
///
/// # Errors
/// None with these bounds.
pub fn microseconds() -> Result<Histogram<u64>, CreationError> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS)
}

/// The times that updates took to a client.
#[derive(Debug, Clone)]
pub struct Latency {
    /// From the intended time of the event (`ts`).
    pub corrected: Histogram<u64>,
    /// From when the broker received it (`rx`).
    pub uncorrected: Histogram<u64>,
    /// Updates that arrived before their own `ts` or `rx`: clocks that differ, or a recording's times.
    pub negative: u64,
    /// Updates without `ts`.
    pub without_ts: u64,
    /// Updates without `rx`.
    pub without_rx: u64,
}

impl Latency {
    /// No latencies yet.
    ///
    /// # Errors
    /// None with these bounds.
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self {
            corrected: microseconds()?,
            uncorrected: microseconds()?,
            negative: 0,
            without_ts: 0,
            without_rx: 0,
        })
    }

    /// An update with these times arrived at `arrival_us`.
    pub fn record(&mut self, arrival_us: u64, ts: Option<u64>, rx: Option<u64>) {
        let corrected = ts.map(|ts| arrival_us.checked_sub(ts));
        let uncorrected = rx.map(|rx| arrival_us.checked_sub(rx));
        self.without_ts += u64::from(ts.is_none());
        self.without_rx += u64::from(rx.is_none());
        self.negative += u64::from(corrected == Some(None) || uncorrected == Some(None));
        if let Some(Some(latency_us)) = corrected {
            self.corrected.saturating_record(latency_us);
        }
        if let Some(Some(latency_us)) = uncorrected {
            self.uncorrected.saturating_record(latency_us);
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        for histogram in [&mut self.corrected, &mut self.uncorrected] {
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
        (self.negative, self.without_ts, self.without_rx) = (0, 0, 0);
    }

    /// Adds what another one recorded.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.corrected.add(&other.corrected)?;
        self.uncorrected.add(&other.uncorrected)?;
        self.negative += other.negative;
        self.without_ts += other.without_ts;
        self.without_rx += other.without_rx;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_views_and_what_has_no_place_in_them() {
        let mut latency = Latency::new().unwrap();
        latency.record(1_000, Some(400), Some(900));
        latency.record(1_000, None, Some(1_000));
        latency.record(1_000, Some(1_001), None);
        assert_eq!((latency.corrected.len(), latency.corrected.max()), (1, 600));
        assert_eq!((latency.uncorrected.len(), latency.uncorrected.max()), (2, 100));
        assert_eq!((latency.negative, latency.without_ts, latency.without_rx), (1, 1, 1));
    }

    #[test]
    fn threads_add_up() {
        let mut one = Latency::new().unwrap();
        let mut two = Latency::new().unwrap();
        for us in 1..=500 {
            one.record(10_000, Some(10_000 - us), None);
            two.record(10_000, Some(10_000 - us - 500), None);
        }
        one.merge(&two).unwrap();
        assert_eq!(one.corrected.len(), 1000);
        assert_eq!(one.corrected.value_at_quantile(0.5), 500);
        assert_eq!(one.corrected.value_at_quantile(0.99), 990);
    }
}

//! Latencies, in microseconds.

use hdrhistogram::Histogram;
use hdrhistogram::errors::{AdditionError, CreationError};
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Latency {
    /// From the intended time of the event (`ts`).
    #[serde(with = "as_text")]
    pub corrected: Histogram<u64>,
    /// From when the broker received it (`rx`).
    #[serde(with = "as_text")]
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

/// A histogram as text: what the HdrHistogram tools call V2, in Base64.
pub(crate) mod as_text {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Serializer as _, V2Serializer};
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub(crate) fn serialize<S: Serializer>(histogram: &Histogram<u64>, out: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        let written = V2Serializer::new().serialize(histogram, &mut bytes);
        written.map_err(|error| ser::Error::custom(format!("{error:?}")))?;
        out.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Histogram<u64>, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(de::Error::custom)?;
        let read = hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice());
        let part: Histogram<u64> = read.map_err(|error| de::Error::custom(format!("{error:?}")))?;
        // With the bounds of all others, so that these can be added.
        let mut histogram = super::microseconds().map_err(de::Error::custom)?;
        histogram.add(part).map_err(de::Error::custom)?;
        Ok(histogram)
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

//! Latencies as points of their distributions.

use crate::histogram::Latency;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Latencies in microseconds.
#[derive(Debug, Serialize)]
pub struct LatencySummary {
    /// From the intended time of an event (`ts`) to its arrival; absent when no update had one.
    pub corrected: Option<Percentiles>,
    /// From when the broker received it (`rx`).
    pub uncorrected: Option<Percentiles>,
    /// Updates that arrived before their own times.
    pub negative: u64,
    /// Updates without `ts`.
    pub without_ts: u64,
    /// Updates without `rx`.
    pub without_rx: u64,
}

/// Points of a distribution, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "percentiles are called what they are")]
pub struct Percentiles {
    pub count: u64,
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_9: u64,
    pub p99_99: u64,
    pub max: u64,
}

impl LatencySummary {
    /// Of what was recorded.
    #[must_use]
    pub fn new(latency: &Latency) -> Self {
        Self {
            corrected: Percentiles::of(&latency.corrected),
            uncorrected: Percentiles::of(&latency.uncorrected),
            negative: latency.negative,
            without_ts: latency.without_ts,
            without_rx: latency.without_rx,
        }
    }
}

impl Percentiles {
    /// Of a histogram; none of an empty one.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile);
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            mean: histogram.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: histogram.max(),
        })
    }
}

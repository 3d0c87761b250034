//! What came in each second of the window.
//!
//! A thread keeps a second's latencies as the bytes of a sparse histogram, some hundreds of them, so that hours fit into
//! memory.

use crate::counts::Counts;
use crate::histogram::{Latency, microseconds};
use hdrhistogram::Histogram;
use hdrhistogram::errors::AdditionError;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The seconds of a window, by their numbers from 0; those in which nothing came are not there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Series {
    seconds: BTreeMap<u64, Second>,
}

/// What came in one second.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Second {
    /// Counts of frames about topics, and of all bytes, of all classes.
    pub counts: Counts,
    /// CPU time of the busiest receiving thread.
    pub cpu_busiest: Duration,
    /// The longest that bytes waited for the receive loop, in microseconds.
    pub lag_us_max: u64,
    #[serde(with = "as_texts")]
    corrected: Vec<Vec<u8>>,
    #[serde(with = "as_texts")]
    uncorrected: Vec<Vec<u8>>,
}

/// Why a second's latencies cannot be kept or had.
#[derive(Debug, thiserror::Error)]
#[error("the latencies of a second cannot be kept: {0}")]
pub struct SeriesError(String);

impl From<AdditionError> for SeriesError {
    fn from(error: AdditionError) -> Self {
        Self(error.to_string())
    }
}

impl Second {
    /// Nothing yet, but CPU time of a thread and the longest that bytes waited for it, in microseconds.
    #[must_use]
    pub fn new(cpu_busiest: Duration, lag_us_max: u64) -> Self {
        Self { cpu_busiest, lag_us_max, ..Self::default() }
    }

    /// Takes the latencies of some of its updates.
    ///
    /// # Errors
    /// [`SeriesError`], which does not happen: these histograms can be written.
    pub fn keep(&mut self, latency: &Latency) -> Result<(), SeriesError> {
        for (histogram, kept) in
            [(&latency.corrected, &mut self.corrected), (&latency.uncorrected, &mut self.uncorrected)]
        {
            if !histogram.is_empty() {
                let mut bytes = Vec::new();
                let written = V2Serializer::new().serialize(histogram, &mut bytes);
                written.map_err(|error| SeriesError(format!("{error:?}")))?;
                kept.push(bytes);
            }
        }
        Ok(())
    }

    /// Latencies from the intended times.
    ///
    /// # Errors
    /// [`SeriesError`], which does not happen: what was written can be read.
    pub fn corrected(&self) -> Result<Histogram<u64>, SeriesError> {
        sum(&self.corrected)
    }

    /// Latencies from when the broker received the updates.
    ///
    /// # Errors
    /// As [`Second::corrected`].
    pub fn uncorrected(&self) -> Result<Histogram<u64>, SeriesError> {
        sum(&self.uncorrected)
    }

    fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        self.cpu_busiest = self.cpu_busiest.max(other.cpu_busiest);
        self.lag_us_max = self.lag_us_max.max(other.lag_us_max);
        self.corrected.extend(other.corrected);
        self.uncorrected.extend(other.uncorrected);
    }
}

impl Series {
    /// Adds what a thread got in a second.
    pub fn add(&mut self, number: u64, second: Second) {
        self.seconds.entry(number).or_default().merge(second);
    }

    /// Adds another thread's seconds.
    pub fn merge(&mut self, other: Self) {
        other.seconds.into_iter().for_each(|(number, second)| self.add(number, second));
    }

    /// The same, so many seconds later.
    #[must_use]
    pub fn later(self, seconds: u64) -> Self {
        Self {
            seconds: self.seconds.into_iter().map(|(number, second)| (number + seconds, second)).collect(),
        }
    }

    /// The seconds with their numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Second)> {
        self.seconds.iter().map(|(number, second)| (*number, second))
    }
}

/// Histograms that are bytes already, in Base64.
mod as_texts {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(kept: &[Vec<u8>], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(kept.iter().map(|bytes| BASE64_STANDARD.encode(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| BASE64_STANDARD.decode(text).map_err(D::Error::custom)).collect()
    }
}

fn sum(kept: &[Vec<u8>]) -> Result<Histogram<u64>, SeriesError> {
    let failed = |error: &dyn std::fmt::Debug| SeriesError(format!("{error:?}"));
    let mut sum = microseconds().map_err(|error| failed(&error))?;
    for bytes in kept {
        let part: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| failed(&error))?;
        sum.add(&part).map_err(|error| failed(&error))?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(latencies_us: &[u64]) -> Second {
        let mut latency = Latency::new().unwrap();
        latencies_us.iter().for_each(|us| latency.record(10_000_000, Some(10_000_000 - us), None));
        let mut second = Second { lag_us_max: latencies_us[0], ..Second::default() };
        second.keep(&latency).unwrap();
        second
    }

    #[test]
    fn threads_add_up_second_by_second() {
        let (mut here, mut there) = (Series::default(), Series::default());
        here.add(0, second(&[100, 200]));
        here.add(3, second(&[5_000]));
        there.add(3, second(&[7_000, 1]));
        here.merge(there);
        let seconds: Vec<_> = here.iter().collect();
        assert_eq!(seconds.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 3]);
        let latencies = seconds[1].1.corrected().unwrap();
        assert_eq!((latencies.len(), latencies.max() / 10, latencies.min()), (3, 700, 1));
        assert_eq!(seconds[1].1.lag_us_max, 7_000);
        assert!(seconds[1].1.uncorrected().unwrap().is_empty());
    }

    #[test]
    fn a_second_takes_little_memory() {
        let latencies: Vec<u64> = (1..=100_000).collect();
        let kept = second(&latencies).corrected;
        assert!(kept[0].len() < 16_000, "{}", kept[0].len());
        let some: Vec<u64> = (1_000..1_400).collect();
        assert!(second(&some).corrected[0].len() < 1_000);
    }
}

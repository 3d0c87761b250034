//! What the storm cost the broker, by its own metrics.

use crate::broker_stats::Sample;
use crate::phase::Place;
use crate::storm::Reading;
use crate::tally::Tally;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Readings closer to each other tell no share of a core: the broker's clock of CPU time is coarse.
const SPAN_MIN: Duration = Duration::from_millis(150);

/// What the broker used through the storm.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct BrokerThrough {
    /// Its greeting.
    pub greeting: Option<serde_json::Value>,
    /// The labels of its build.
    pub build: Option<String>,
    /// CPU time from the cut until all were consistent, in seconds.
    pub storm_cpu_s: Option<f64>,
    /// Share of a core before, in the storm, at its peak, and after.
    pub cpu_share: Through,
    /// Resident memory before, when the storm was over, at its peak, and after, in bytes.
    pub resident_bytes: Through,
    /// Answers of the broker in the storm.
    pub readings_in_storm: usize,
    /// Why figures are missing.
    pub unknown: Option<String>,
}

/// One figure through the storm.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "what the names say")]
pub struct Through {
    pub before: Option<f64>,
    pub during: Option<f64>,
    pub peak: Option<f64>,
    pub after: Option<f64>,
}

type Read<'a> = (Place, Instant, &'a Sample);

impl BrokerThrough {
    pub(super) fn new(readings: &[Reading], tally: &Tally) -> Self {
        let read: Vec<Read<'_>> = readings
            .iter()
            .filter_map(|reading| Some((reading.place, reading.at, reading.sample.as_ref().ok()?)))
            .collect();
        let of = |place| -> Vec<Read<'_>> { read.iter().filter(|read| read.0 == place).copied().collect() };
        let (before, after) = (of(Place::Before), of(Place::After));
        let during: Vec<Read<'_>> = before.last().copied().into_iter().chain(of(Place::Within)).collect();
        Self {
            greeting: tally.greeting.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            build: read.last().and_then(|read| read.2.build.clone()),
            storm_cpu_s: ends(&during).and_then(|(first, last)| cpu_s(first, last)),
            cpu_share: Through {
                before: ends(&before).and_then(|(first, last)| share(first, last)),
                during: ends(&during).and_then(|(first, last)| share(first, last)),
                peak: peak_share(&during),
                after: ends(&after).and_then(|(first, last)| share(first, last)),
            },
            resident_bytes: Through {
                before: before.last().and_then(|read| read.2.resident_bytes),
                during: during.last().and_then(|read| read.2.resident_bytes),
                peak: during.iter().filter_map(|read| read.2.resident_bytes).reduce(f64::max),
                after: after.last().and_then(|read| read.2.resident_bytes),
            },
            readings_in_storm: during.len().saturating_sub(usize::from(!before.is_empty())),
            unknown: readings.iter().find_map(|reading| reading.sample.as_ref().err().cloned()),
        }
    }
}

fn ends<'r, 'a>(readings: &'r [Read<'a>]) -> Option<(&'r Read<'a>, &'r Read<'a>)> {
    readings.first().zip(readings.last())
}

fn cpu_s(first: &Read<'_>, last: &Read<'_>) -> Option<f64> {
    Some(last.2.cpu_s? - first.2.cpu_s?)
}

fn share(first: &Read<'_>, last: &Read<'_>) -> Option<f64> {
    let span = last.1.saturating_duration_since(first.1);
    if span < SPAN_MIN { None } else { cpu_s(first, last).map(|cpu_s| cpu_s / span.as_secs_f64()) }
}

/// The highest share between two readings that are far enough from each other.
fn peak_share(readings: &[Read<'_>]) -> Option<f64> {
    let shares = readings
        .iter()
        .enumerate()
        .filter_map(|(index, first)| readings[index..].iter().find_map(|last| share(first, last)));
    shares.reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_found_between_readings() {
        let start = Instant::now();
        let reading = |place, ms, cpu_s, mib: f64| {
            let sample = Sample { cpu_s: Some(cpu_s), resident_bytes: Some(mib), ..Sample::default() };
            Reading { place, at: start + Duration::from_millis(ms), sample: Ok(sample) }
        };
        let mut readings = vec![
            reading(Place::Before, 0, 1.0, 10.0),
            reading(Place::Before, 1_000, 1.5, 11.0),
            reading(Place::Within, 1_500, 2.0, 20.0),
            reading(Place::Within, 1_510, 2.1, 40.0),
            reading(Place::Within, 2_000, 2.2, 30.0),
            reading(Place::After, 3_000, 3.0, 25.0),
            reading(Place::After, 4_000, 3.25, 24.0),
        ];
        let through = BrokerThrough::new(&readings, &Tally::new().unwrap());
        let cpu = through.cpu_share;
        assert_eq!((cpu.before, cpu.after, through.readings_in_storm), (Some(0.5), Some(0.25), 3));
        assert!(
            (cpu.during.unwrap() - 0.7).abs() < 1e-9 && (cpu.peak.unwrap() - 1.0).abs() < 1e-9,
            "{cpu:?}"
        );
        let expected =
            Through { before: Some(11.0), during: Some(30.0), peak: Some(40.0), after: Some(24.0) };
        assert_eq!(through.resident_bytes, expected);

        readings.iter_mut().for_each(|reading| reading.sample = Err("gone".into()));
        let through = BrokerThrough::new(&readings, &Tally::new().unwrap());
        assert_eq!(through, BrokerThrough { unknown: Some("gone".into()), ..BrokerThrough::default() });
    }
}

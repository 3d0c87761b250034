//! `loadgen soak`: a load for hours, whose memory and latencies must not drift.

use crate::cli::{SoakArgs, WatchArgs};
use crate::exit;
use crate::floor::Cores;
use crate::machine;
use crate::pass;
use crate::plan::{Plan, PlanError};
use crate::report::{self, SecondReport};
use crate::run;
use serde::Serialize;
use std::process::ExitCode;

/// Quarters with fewer seconds or samples say nothing.
const QUARTER_MIN: usize = 1;
/// Growth up to this is none, in bytes: allocators take memory in steps.
const GROWTH_BYTES_MIN: f64 = 1_048_576.0;
/// Rises up to this are none, in microseconds.
const RISE_US_MIN: f64 = 1_000.0;

/// Memory at a time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Watched {
    /// Seconds since the window opened.
    pub at_s: f64,
    /// The broker's resident memory, in bytes, if it told.
    pub broker_bytes: Option<f64>,
    /// This program's, if the system told.
    pub own_bytes: Option<f64>,
}

/// What became of something from the first quarter of the time to the last one, by their medians.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drift {
    /// The median of the first quarter.
    pub first: f64,
    /// The median of the last one.
    pub last: f64,
    /// What it changed by, as a part of the first.
    pub by: f64,
}

/// Whether a load can go on like this.
#[derive(Debug, Serialize)]
pub struct Soak {
    /// The broker's resident memory, in bytes.
    pub broker_bytes: Option<Drift>,
    /// This program's.
    pub own_bytes: Option<Drift>,
    /// The 99th percentile of each second's latencies from the intended times, in microseconds.
    pub p99_us: Option<Drift>,
    /// Updates, snapshots and states a second.
    pub deliveries_per_s: Option<Drift>,
    /// Memory as it was seen.
    pub watched: Vec<Watched>,
    /// Why it cannot go on; empty when it can.
    pub reasons: Vec<String>,
}

/// Runs the command.
#[must_use]
pub fn command(args: &SoakArgs) -> ExitCode {
    exit::of(exit::block_on(measure(args)))
}

async fn measure(args: &SoakArgs) -> anyhow::Result<bool> {
    if args.run.pairs.floor_pairs.is_some() {
        return Err(PlanError::SoakInPairs.into());
    }
    let share = args.run.share;
    if share.processes.is_some() || share.part.is_some() || share.led.is_some() {
        return Err(PlanError::SoakInParts.into());
    }
    Cores::settle(args.run.pairs.cores)?;
    let (plan, link) = run::plan(&args.run).await?;
    let plan = Plan { watch_every: Some(args.watch.watch_every), ..plan };
    let mut report = pass::single(plan, link).await?;
    report.judge(&args.watch);
    report::write(&report, &args.run.output)?;
    Ok(report.failures.is_empty())
}

impl Watched {
    /// This program's memory, and what the broker told of its own.
    #[must_use]
    pub fn now(at_s: f64, broker_bytes: Option<f64>) -> Self {
        Self { at_s, broker_bytes, own_bytes: machine::resident_bytes() }
    }
}

impl Drift {
    /// Of values in the order of time; none of too few.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let quarter = values.len() / 4;
        if quarter < QUARTER_MIN {
            return None;
        }
        let (first, last) = (median(&values[..quarter]), median(&values[values.len() - quarter..]));
        Some(Self { first, last, by: if first > 0.0 { last / first - 1.0 } else { 0.0 } })
    }

    /// Whether it grew by more than `most` of itself, and more than `least` at all.
    fn grew(&self, most: f64, least: f64) -> bool {
        self.by > most && self.last - self.first > least
    }
}

impl Soak {
    /// Judges what was seen.
    #[must_use]
    pub fn of(watched: &[Watched], seconds: &[SecondReport], limits: &WatchArgs) -> Self {
        let memory =
            |of: fn(&Watched) -> Option<f64>| Drift::of(&watched.iter().filter_map(of).collect::<Vec<_>>());
        let p99: Vec<f64> = seconds.iter().filter_map(|s| Some(report::as_f64(s.latency_us?.p99))).collect();
        let whole = seconds.iter().filter(|second| second.length_s >= report::PLOTTED_S_MIN);
        let rates: Vec<f64> = whole.map(|s| report::as_f64(s.deliveries) / s.length_s).collect();
        let mut soak = Self {
            broker_bytes: memory(|watched| watched.broker_bytes),
            own_bytes: memory(|watched| watched.own_bytes),
            p99_us: Drift::of(&p99),
            deliveries_per_s: Drift::of(&rates),
            watched: watched.to_vec(),
            reasons: Vec::new(),
        };
        soak.reasons = soak.judged(limits);
        soak
    }

    fn judged(&self, limits: &WatchArgs) -> Vec<String> {
        let percent = |drift: Drift| drift.by * 100.0;
        let mib = |bytes: f64| report::page::mib(bytes);
        let memory = match self.broker_bytes {
            None => Some(
                "the broker's memory is not known at four times at least: nothing can be said of its growth"
                    .to_owned(),
            ),
            Some(drift) => drift.grew(limits.growth_max.0, GROWTH_BYTES_MIN).then(|| {
                let (first, last) = (mib(drift.first), mib(drift.last));
                format!(
                    "the broker's memory grew by {:.0}%, from {first:.1} to {last:.1} MiB (what still fills its logs needs a longer --warmup)",
                    percent(drift)
                )
            }),
        };
        let slower = self.p99_us.filter(|drift| drift.grew(limits.rise_max.0, RISE_US_MIN)).map(|drift| {
            let (first, last) = (drift.first / 1e3, drift.last / 1e3);
            format!(
                "the 99th percentile of latencies rose by {:.0}%, from {first:.1} to {last:.1} ms",
                percent(drift)
            )
        });
        let fewer = match self.deliveries_per_s {
            None => Some("deliveries of four seconds at least are needed to say anything".to_owned()),
            Some(drift) => (-drift.by > limits.fall_max.0).then(|| {
                format!(
                    "deliveries fell by {:.0}%, from {:.0} to {:.0} a second",
                    -percent(drift),
                    drift.first,
                    drift.last
                )
            }),
        };
        [memory, slower, fewer].into_iter().flatten().collect()
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_between_the_medians_of_the_quarters() {
        let values: Vec<f64> = (0..40).map(|i| if i == 3 { 900.0 } else { f64::from(100 + i) }).collect();
        let drift = Drift::of(&values).unwrap();
        assert_eq!((drift.first, drift.last), (106.0, 135.0));
        assert!((drift.by - 29.0 / 106.0).abs() < 1e-9);
        assert!(drift.grew(0.2, 10.0) && !drift.grew(0.3, 10.0) && !drift.grew(0.2, 30.0));
        assert_eq!(Drift::of(&[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn what_is_not_known_is_no_reason_to_trust() {
        let limits = WatchArgs {
            watch_every: std::time::Duration::from_secs(1),
            growth_max: crate::units::Share(0.05),
            rise_max: crate::units::Share(0.5),
            fall_max: crate::units::Share(0.1),
        };
        assert_eq!(Soak::of(&[], &[], &limits).reasons.len(), 2);
    }
}

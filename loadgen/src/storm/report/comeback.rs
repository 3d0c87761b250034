//! How the connections came back.

use crate::counts::Counts;
use crate::failure::Reasons;
use crate::histogram::microseconds;
use crate::report::{Percentiles, as_f64};
use crate::storm::{Comeback, Observed, StormPlan, Times};
use crate::tally::Tally;
use crate::verify::Faults;
use hdrhistogram::Histogram;
use serde::Serialize;

/// How the connections came back.
#[derive(Debug, Serialize)]
pub struct Return {
    /// Connections that had all they asked for in the end.
    pub consistent: usize,
    /// Of which within the limit.
    pub consistent_in_time: usize,
    /// From the cut to when the last one had, in seconds; absent if not all had.
    pub all_consistent_s: Option<f64>,
    /// How long this side took to cut them, in milliseconds.
    pub cut_ms: f64,
    /// How far each got after how long, from its own time, in microseconds.
    pub steps_us: Steps,
    /// From the cut to consistent, in microseconds.
    pub from_cut_us: Option<Percentiles>,
    /// Attempts to connect beyond the first one of each.
    pub retries: u64,
    /// Attempts to connect that failed, by reason.
    pub failed_attempts: Reasons,
    /// Connections that came back and ended again, by reason.
    pub ended: Reasons,
    /// What the broker refused, by reason.
    pub refused: Reasons,
    /// Attempts to connect that failed before the storm, by reason.
    pub earlier_failures: Reasons,
    /// Connections that ended before the storm, by reason.
    pub earlier_ends: Reasons,
    /// What was received in the storm.
    pub received: Counts,
    /// Frames whose ranges were checked, in the whole run.
    pub checked: u64,
    /// What was wrong with them.
    pub faults: Faults,
}

/// The steps of the connections' ways back, each from when the connection was to begin.
#[derive(Debug, Serialize)]
pub struct Steps {
    /// TCP was connected.
    pub connected: Option<Percentiles>,
    /// The answer to the upgrade came.
    pub upgraded: Option<Percentiles>,
    /// The last reply to its subscription came.
    pub replied: Option<Percentiles>,
    /// The first frame about a topic came.
    pub first_frame: Option<Percentiles>,
    /// All topics were granted and had their states.
    pub consistent: Option<Percentiles>,
}

impl Return {
    pub(super) fn new(plan: &StormPlan, observed: &Observed, comeback: &Comeback, tally: &Tally) -> Self {
        let cut_us = observed.storm_us.0;
        let times = &comeback.times;
        let since_cut: Vec<u64> = times
            .iter()
            .filter_map(|(_, times)| times.consistent_us)
            .map(|at_us| at_us.saturating_sub(cut_us))
            .collect();
        let limit_us = plan.limit.as_micros();
        let all = since_cut.len() == plan.storm.connections;
        Self {
            consistent: since_cut.len(),
            consistent_in_time: since_cut.iter().filter(|us| u128::from(**us) <= limit_us).count(),
            all_consistent_s: since_cut.iter().max().filter(|_| all).map(|us| as_f64(*us) / 1e6),
            cut_ms: comeback.cut_time.as_secs_f64() * 1e3,
            steps_us: Steps::new(times),
            from_cut_us: histogram(since_cut.iter().copied()).as_ref().and_then(Percentiles::of),
            retries: comeback.retries,
            failed_attempts: tally.failures.clone(),
            ended: tally.ends.clone(),
            refused: tally.refused.clone(),
            earlier_failures: comeback.earlier_failures.clone(),
            earlier_ends: comeback.earlier_ends.clone(),
            received: tally.received(),
            checked: comeback.frames,
            faults: comeback.faults.clone(),
        }
    }
}

impl Steps {
    fn new(times: &[(u32, Times)]) -> Self {
        let step = |at| histogram(steps(times, at)).as_ref().and_then(Percentiles::of);
        Self {
            connected: step(|times| times.connected_us),
            upgraded: step(|times| times.upgraded_us),
            replied: step(|times| times.replied_us),
            first_frame: step(|times| times.first_frame_us),
            consistent: step(|times| times.consistent_us),
        }
    }
}

/// How long each took to get so far, from when it was to begin, in microseconds.
pub(super) fn steps(times: &[(u32, Times)], at: fn(&Times) -> Option<u64>) -> impl Iterator<Item = u64> {
    times.iter().filter_map(move |(_, times)| Some(at(times)?.saturating_sub(times.due_us?)))
}

/// The distribution of these microseconds.
pub(super) fn histogram(values: impl Iterator<Item = u64>) -> Option<Histogram<u64>> {
    let mut histogram = microseconds().ok()?;
    values.for_each(|us| histogram.saturating_record(us));
    Some(histogram)
}

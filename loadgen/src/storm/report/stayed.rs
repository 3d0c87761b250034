//! What the connections got that stayed.

use crate::counted::Counted;
use crate::counts::Counts;
use crate::failure::Reasons;
use crate::report::{LatencySummary, Percentiles, as_f64};
use crate::storm::{Observed, Spell};
use crate::verify::Verification;
use serde::Serialize;
use std::time::Duration;

/// What the connections got that stayed.
#[derive(Debug, Serialize)]
pub struct Stayed {
    /// Live at the end.
    pub live: usize,
    /// Attempts to connect that failed, by reason.
    pub failed_attempts: Reasons,
    /// Connections that ended, by reason.
    pub ended: Reasons,
    /// What the broker refused, by reason.
    pub refused: Reasons,
    /// Until the cut.
    pub before: Option<SpellSummary>,
    /// From the cut until all others were consistent.
    pub during: Option<SpellSummary>,
    /// Afterwards.
    pub after: Option<SpellSummary>,
    /// Latency from the intended time: during the storm to before it.
    pub during_to_before: Option<Ratios>,
    /// What was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// What was received in a spell.
#[derive(Debug, Serialize)]
pub struct SpellSummary {
    /// How long it was.
    pub seconds: f64,
    /// Deliveries for each second.
    pub deliveries_per_s: f64,
    /// Latencies, in microseconds.
    pub latency_us: LatencySummary,
    /// How long bytes waited for the receiving thread, in microseconds.
    pub lag_us: Option<Percentiles>,
    /// Counts of frames about topics.
    pub counts: Counts,
}

/// Points of one distribution as multiples of those of another one.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "percentiles are called what they are")]
pub struct Ratios {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

impl Stayed {
    pub(super) fn new(observed: &Observed, counted: &Counted) -> Self {
        let Counted { tally, verification, spells, .. } = counted;
        let (before, after) = observed.spells;
        let summary = |spell: &Spell, time| SpellSummary::new(spell, time);
        let mut stayed = Self {
            live: observed.stayed,
            failed_attempts: tally.failures.clone(),
            ended: tally.ends.clone(),
            refused: tally.refused.clone(),
            before: spells.as_ref().map(|spells| summary(&spells.before, before)),
            during: spells.as_ref().map(|spells| summary(&spells.during, observed.storm_time())),
            after: spells.as_ref().map(|spells| summary(&spells.after, after)),
            during_to_before: None,
            verification: verification.clone(),
        };
        let corrected = |spell: &Option<SpellSummary>| spell.as_ref()?.latency_us.corrected;
        stayed.during_to_before =
            corrected(&stayed.during).zip(corrected(&stayed.before)).map(|(a, b)| Ratios::new(&a, &b));
        stayed
    }
}

impl SpellSummary {
    fn new(spell: &Spell, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        let deliveries = as_f64(spell.counts.deliveries());
        Self {
            seconds,
            deliveries_per_s: if seconds > 0.0 { deliveries / seconds } else { 0.0 },
            latency_us: LatencySummary::new(&spell.latency),
            lag_us: Percentiles::of(&spell.lags),
            counts: spell.counts,
        }
    }
}

impl Ratios {
    fn new(these: &Percentiles, those: &Percentiles) -> Self {
        let ratio = |this: u64, that: u64| as_f64(this) / as_f64(that.max(1));
        Self {
            p50: ratio(these.p50, those.p50),
            p90: ratio(these.p90, those.p90),
            p99: ratio(these.p99, those.p99),
            p99_9: ratio(these.p99_9, those.p99_9),
            max: ratio(these.max, those.max),
        }
    }
}

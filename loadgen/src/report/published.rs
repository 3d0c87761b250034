//! What the load generator published itself.

use super::{Measured, Percentiles, ratio};
use crate::plan::Plan;
use crate::publish::Pace;
use serde::Serialize;

/// What was published within the window.
#[derive(Debug, Serialize)]
pub struct PublishedReport {
    /// Where to.
    pub address: String,
    /// Of how many symbols.
    pub symbols: u32,
    /// When updates were due.
    pub pace: Pace,
    /// Updates.
    pub updates: u64,
    /// Updates a second that were published.
    pub updates_per_s: f64,
    /// Writes: updates that were due at once left in one.
    pub writes: u64,
    /// Updates that left more than 1 ms after their intended times.
    pub late: u64,
    /// How long after their intended times updates left, in microseconds.
    pub lateness_us: Option<Percentiles>,
}

impl PublishedReport {
    pub(super) fn new(plan: &Plan, measured: &Measured) -> Option<Self> {
        let (publishing, published) = (plan.publishing.as_ref()?, measured.published.as_ref()?);
        Some(Self {
            address: publishing.address.to_string(),
            symbols: publishing.symbols,
            pace: publishing.pace,
            updates: published.updates,
            updates_per_s: ratio(published.updates, measured.window.as_secs_f64()).unwrap_or(0.0),
            writes: published.writes,
            late: published.late,
            lateness_us: Percentiles::of(&published.lateness),
        })
    }
}

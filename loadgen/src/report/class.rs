//! What each class of connections got.

use super::LatencySummary;
use crate::class::{Kind, Tallied};
use crate::counts::Counts;
use serde::Serialize;

/// Connections of one channel, tier and kind of client.
#[derive(Debug, Serialize)]
pub struct ClassReport {
    /// What they subscribe to.
    pub channel: &'static str,
    /// Their rate tier in milliseconds; 0 is each update.
    pub interval_ms: u32,
    /// What they do.
    pub kind: Kind,
    /// Connections of this class that were opened over the whole run.
    pub opened: u64,
    /// Updates, snapshots and states within the window.
    pub deliveries: u64,
    /// All counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Latencies.
    pub latency_us: LatencySummary,
    /// For people.
    #[serde(skip)]
    pub name: String,
}

impl ClassReport {
    pub(super) fn new(tallied: &Tallied) -> Self {
        let (class, total) = (tallied.class, &tallied.total);
        Self {
            channel: class.channel.name(),
            interval_ms: class.interval_ms,
            kind: class.kind,
            opened: tallied.opened,
            deliveries: total.counts.deliveries(),
            counts: total.counts,
            latency_us: LatencySummary::new(&total.latency),
            name: class.words(),
        }
    }
}

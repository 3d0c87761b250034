//! What a run cost this side and the broker.

use super::latency::Percentiles;
use super::{Measured, OwnMemory, as_f64};
use crate::tally::Tally;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What it cost this side, within the window.
#[derive(Debug, Serialize)]
pub struct ClientCost {
    /// CPU time of the process.
    pub cpu_s: f64,
    /// The most memory that was resident, in bytes.
    pub peak_bytes: Option<f64>,
    /// How much of it came with each connection, in bytes.
    pub bytes_per_connection: Option<f64>,
    /// Share of a core that the busiest receiving thread used.
    pub busiest_thread_share: f64,
    /// CPU time of the receiving threads for each delivery.
    pub us_per_delivery: Option<f64>,
    /// The part of it outside the kernel; the rest is what its sockets and its poller take.
    pub own_us_per_delivery: Option<f64>,
    /// All of it, as a part of what a delivery cost the broker.
    pub of_broker: Option<f64>,
    /// Deliveries that one read returned.
    pub deliveries_per_read: Option<f64>,
    /// How long bytes waited for the receive loop, from the poller's word of them to their read, in microseconds.
    pub lag_us: Option<Percentiles>,
    /// Share of the time that the receiving threads were ready and had to wait for a core.
    pub waited_share: Option<f64>,
}

/// What it cost the broker, within the window, by its own metrics.
#[derive(Debug, Default, Serialize)]
pub struct BrokerCost {
    /// Its greeting.
    pub greeting: Option<serde_json::Value>,
    /// The labels of its build.
    pub build: Option<String>,
    /// CPU time.
    pub cpu_s: Option<f64>,
    /// Share of a core.
    pub cpu_share: Option<f64>,
    /// CPU time for each delivery that arrived here.
    pub us_per_delivery: Option<f64>,
    /// Resident memory when the window opened, in bytes.
    pub resident_bytes_before: Option<f64>,
    /// Resident memory when it closed, in bytes.
    pub resident_bytes_after: Option<f64>,
    /// By how much each of its counters grew, those that did.
    pub counters: BTreeMap<String, f64>,
    /// Why there are no figures.
    pub unknown: Option<String>,
}

impl ClientCost {
    pub(crate) fn new(measured: &Measured, tally: &Tally, threads: usize, connections: usize) -> Self {
        let window_s = measured.window.as_secs_f64();
        let share = |time: Duration| if window_s > 0.0 { time.as_secs_f64() / window_s } else { 0.0 };
        let deliveries = tally.received().deliveries();
        let OwnMemory { before, peak } = measured.memory;
        let grown = peak.zip(before).map(|(peak, before)| (peak - before).max(0.0));
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let threads = threads as f64;
        Self {
            cpu_s: measured.client_cpu.as_secs_f64(),
            peak_bytes: peak,
            bytes_per_connection: grown.map(|bytes| bytes / as_f64(connections.max(1) as u64)),
            busiest_thread_share: share(tally.cpu_busiest),
            us_per_delivery: per_delivery(tally.cpu.as_secs_f64(), deliveries),
            own_us_per_delivery: tally.cpu_own.and_then(|own| per_delivery(own.as_secs_f64(), deliveries)),
            of_broker: None,
            deliveries_per_read: per_delivery(1e-6, tally.received().reads)
                .map(|each| each * as_f64(deliveries)),
            lag_us: Percentiles::of(&tally.lags),
            waited_share: tally.waited.map(|waited| share(waited) / threads),
        }
    }

    /// Compared with what the same deliveries cost the broker.
    pub(super) fn beside(self, broker: &BrokerCost) -> Self {
        let both = self.us_per_delivery.zip(broker.us_per_delivery).filter(|(_, broker)| *broker > 0.0);
        Self { of_broker: both.map(|(client, broker)| client / broker), ..self }
    }
}

impl BrokerCost {
    pub(super) fn new(measured: &Measured, tally: &Tally) -> Self {
        let greeting = tally.greeting.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let (before, after) = match &measured.broker {
            Ok(samples) => samples,
            Err(reason) => return Self { greeting, unknown: Some(reason.clone()), ..Self::default() },
        };
        let cpu_s = before.cpu_s.zip(after.cpu_s).map(|(before, after)| after - before);
        Self {
            greeting,
            build: after.build.clone(),
            cpu_s,
            cpu_share: cpu_s.map(|cpu_s| cpu_s / measured.window.as_secs_f64()),
            us_per_delivery: cpu_s.and_then(|cpu_s| per_delivery(cpu_s, tally.received().deliveries())),
            resident_bytes_before: before.resident_bytes,
            resident_bytes_after: after.resident_bytes,
            counters: growth(&before.counters, &after.counters),
            unknown: None,
        }
    }
}

/// What grew, and by how much.
fn growth(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let grown = |(name, now): (&String, &f64)| (name.clone(), now - before.get(name).unwrap_or(&0.0));
    after.iter().map(grown).filter(|(_, by)| *by > 0.0).collect()
}

/// Microseconds for each delivery.
fn per_delivery(seconds: f64, deliveries: u64) -> Option<f64> {
    (deliveries > 0).then(|| seconds * 1e6 / as_f64(deliveries))
}

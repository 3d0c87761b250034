//! The figures of a pass that are compared with those of others.

use super::{Report, as_f64};
use serde::Serialize;

/// What one pass came to.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figures {
    /// Updates, snapshots and states a second.
    pub(crate) deliveries_per_s: f64,
    /// CPU time of the server for each delivery, in microseconds.
    pub(crate) server_us_per_delivery: Option<f64>,
    /// Share of a core that the server used.
    pub(crate) server_share: Option<f64>,
    /// Median latency from the intended time, in milliseconds.
    pub(crate) p50_ms: Option<f64>,
    /// 99th percentile of that, in milliseconds.
    pub(crate) p99_ms: Option<f64>,
    /// Share of a core that the busiest receiving thread used.
    pub(crate) client_share: f64,
    /// CPU time of the receiving threads for each delivery, in microseconds.
    pub(crate) client_us_per_delivery: Option<f64>,
    /// The part of it outside the kernel.
    pub(crate) client_own_us_per_delivery: Option<f64>,
    /// All of it, as a part of what a delivery cost the server.
    pub(crate) client_of_server: Option<f64>,
    /// Updates that one read returned.
    pub(crate) updates_per_read: Option<f64>,
    /// Bytes that one read returned.
    pub(crate) bytes_per_read: Option<f64>,
}

impl Figures {
    /// Of a report.
    pub(crate) fn of(report: &Report) -> Self {
        let counts = &report.received.counts;
        let latency = report.latency_us.corrected;
        let per_read = |count: u64| (counts.reads > 0).then(|| as_f64(count) / as_f64(counts.reads));
        Self {
            deliveries_per_s: report.received.deliveries_per_s,
            server_us_per_delivery: report.broker.us_per_delivery,
            server_share: report.broker.cpu_share,
            p50_ms: latency.map(|latency| as_f64(latency.p50) / 1e3),
            p99_ms: latency.map(|latency| as_f64(latency.p99) / 1e3),
            client_share: report.client.busiest_thread_share,
            client_us_per_delivery: report.client.us_per_delivery,
            client_own_us_per_delivery: report.client.own_us_per_delivery,
            client_of_server: report.client.of_broker,
            updates_per_read: per_read(counts.updates),
            bytes_per_read: per_read(counts.bytes),
        }
    }
}

//! The report of a run: one structure, for people as text and for programs as JSON.

mod cost;
pub(crate) mod figures;
pub(crate) mod hgrm;
mod latency;
pub(crate) mod output;
pub(crate) mod page;
pub(crate) mod pairs;
mod published;
mod text;
pub(crate) mod warnings;

pub use cost::{BrokerCost, ClientCost};
pub use latency::{LatencySummary, Percentiles};
pub use published::PublishedReport;

use crate::broker_stats::Sample;
use crate::cli::OutputArgs;
use crate::counts::Counts;
use crate::failure::Reasons;
use crate::histogram::Latency;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::popularity::Popularity;
use crate::progress::Standing;
use crate::publish::{Pace, Published};
use crate::streak::Misses;
use crate::tally::Tally;
use crate::verify::Verification;
use output::Output;
use serde::Serialize;
use std::time::Duration;

/// What was measured besides what the workers counted.
#[derive(Debug)]
pub struct Measured {
    /// How long connecting took.
    pub connect_time: Duration,
    /// How long the window was.
    pub window: Duration,
    /// CPU time of this process within it.
    pub client_cpu: Duration,
    /// The broker's account of itself before and after it.
    pub broker: Result<(Sample, Sample), String>,
    /// Where the connections stood at the end.
    pub standing: Standing,
    /// What this side published within it, if it did.
    pub published: Option<Published>,
    /// Whether someone ended the run early.
    pub interrupted: bool,
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            connect_time: Duration::ZERO,
            window: Duration::ZERO,
            client_cpu: Duration::ZERO,
            broker: Err("not asked".into()),
            standing: Standing::default(),
            published: None,
            interrupted: false,
        }
    }
}

/// The report of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What measured.
    pub loadgen: Tool,
    /// The machine it ran on.
    pub machine: Machine,
    /// The load.
    pub load: Load,
    /// What this side published within the window, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedReport>,
    /// What became of the connections.
    pub connections: Connections,
    /// What was received within the window.
    pub received: Received,
    /// Latencies of connections that read promptly.
    pub latency_us: LatencySummary,
    /// Latencies of those that are on a tier, if others are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiered_latency_us: Option<LatencySummary>,
    /// Latencies of those that read slowly, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_latency_us: Option<LatencySummary>,
    /// What it cost this side.
    pub client: ClientCost,
    /// What it cost the broker.
    pub broker: BrokerCost,
    /// What was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// What was not as it should be, of the whole run, where each subscriber was to get each update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misses: Option<Misses>,
    /// Messages that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unparsable: Vec<String>,
    /// What a reader of the figures should know.
    pub warnings: Vec<String>,
    /// Why the run counts as failed; empty when it does not.
    pub failures: Vec<String>,
    #[serde(skip)]
    latency: Latency,
}

/// What measured, and when.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// The version of this program.
    pub version: &'static str,
    /// The command line.
    pub command: Vec<String>,
    /// When the run started, in UTC.
    pub started: String,
    /// Whether someone ended it early.
    pub interrupted: bool,
}

/// The load.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the flags of the command")]
pub struct Load {
    pub address: String,
    pub connections: usize,
    pub channel: &'static str,
    pub symbols: usize,
    pub symbols_per_connection: usize,
    pub popularity: Popularity,
    pub interval_ms: u32,
    pub tiered: usize,
    pub stalled: usize,
    pub trickling: usize,
    pub churn_per_min: f64,
    pub verify: bool,
    pub resume: bool,
    pub threads: usize,
    pub seed: u64,
    pub warmup_s: f64,
    /// How long the window was in fact.
    pub measured_s: f64,
}

/// What became of the connections.
#[derive(Debug, Serialize)]
pub struct Connections {
    /// Live at the end of the window.
    pub live: usize,
    /// Given up, or told not to come back.
    pub gone: usize,
    /// How long it took until all were live or given up.
    pub connect_s: f64,
    /// Left and came back by plan.
    pub churned: u64,
    /// Attempts to connect that failed, by reason.
    pub failed_attempts: Reasons,
    /// Live connections that ended otherwise than planned, by reason.
    pub ended: Reasons,
    /// What the broker refused, by reason.
    pub refused: Reasons,
    /// Things with a time of their own that were done (leaving, trickling reads).
    pub scheduled: u64,
    /// Of which began more than 10 ms late.
    pub late_starts: u64,
    /// How late the latest began.
    pub latest_start_ms: f64,
}

/// What was received within the window.
#[derive(Debug, Serialize)]
pub struct Received {
    /// Updates, snapshots and states.
    pub deliveries: u64,
    /// The same for each second.
    pub deliveries_per_s: f64,
    /// Entries in updates for each second.
    pub entries_per_s: f64,
    /// Bytes for each second.
    pub bytes_per_s: f64,
    /// All counts.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Report {
    /// Puts together what was measured.
    #[must_use]
    pub fn new(
        plan: &Plan,
        started: jiff::Timestamp,
        measured: Measured,
        tally: Tally,
        verification: Option<Verification>,
        misses: Option<Misses>,
    ) -> Self {
        let window_s = measured.window.as_secs_f64();
        let slow = plan.stalled + plan.trickling > 0;
        let mut report = Self {
            loadgen: Tool::new(started, measured.interrupted),
            machine: Machine::here(),
            load: Load::new(plan, window_s),
            published: PublishedReport::new(plan, &measured),
            received: Received::new(&tally.window, window_s),
            latency_us: LatencySummary::new(&tally.prompt),
            tiered_latency_us: plan.has_both_rates().then(|| LatencySummary::new(&tally.tiered)),
            slow_latency_us: slow.then(|| LatencySummary::new(&tally.slow)),
            client: ClientCost::new(&measured, &tally, plan.threads),
            broker: BrokerCost::new(&measured, &tally),
            connections: Connections::new(&measured, &tally),
            verification,
            misses,
            unparsable: tally.samples,
            warnings: Vec::new(),
            failures: Vec::new(),
            latency: tally.prompt,
        };
        report.warnings = warnings::of(&report);
        report.failures = warnings::failures(&report);
        report
    }

    /// The latencies from the intended times, of connections that read promptly.
    pub(crate) fn distribution(&self) -> String {
        hgrm::of(&self.latency.corrected)
    }

    /// Whether as much was published as was taken, and not by a schedule.
    #[must_use]
    pub fn is_saturation(&self) -> bool {
        self.published.as_ref().is_some_and(|published| matches!(published.pace, Pace::Ahead(_)))
    }

    /// Whether this side, rather than the server, decided what could be measured. In saturation one of the two must: it is
    /// the one that is busier.
    #[must_use]
    pub fn client_is_bottleneck(&self) -> bool {
        let share = self.client.busiest_thread_share;
        let server_share = self.broker.cpu_share.filter(|_| self.is_saturation()).unwrap_or(0.0);
        share > warnings::THREAD_SHARE_MAX && share > server_share
    }
}

/// Writes the report where the arguments want it.
///
/// # Errors
/// When it cannot be written.
pub fn write(report: &Report, args: &OutputArgs) -> anyhow::Result<()> {
    let output = Output {
        text: text::of(report),
        json: serde_json::to_string_pretty(report)?,
        files: vec![
            ("latency.hgrm", report.distribution()),
            ("latency-uncorrected.hgrm", hgrm::of(&report.latency.uncorrected)),
        ],
    };
    output.write(args.json, args.out.as_deref())
}

impl Tool {
    /// This program, with the command line it was given.
    #[must_use]
    pub fn new(started: jiff::Timestamp, interrupted: bool) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            command: std::env::args().collect(),
            started: started.to_string(),
            interrupted,
        }
    }
}

impl Load {
    fn new(plan: &Plan, measured_s: f64) -> Self {
        Self {
            address: format!("ws://{}{}", plan.target.host, plan.target.path),
            connections: plan.connections,
            channel: plan.channel.name(),
            symbols: plan.symbols.len(),
            symbols_per_connection: plan.symbols_per_connection,
            popularity: plan.popularity,
            interval_ms: plan.interval_ms,
            tiered: if plan.interval_ms > 0 { plan.tiered } else { 0 },
            stalled: plan.stalled,
            trickling: plan.trickling,
            churn_per_min: plan.churn.0,
            verify: plan.verify,
            resume: plan.resume,
            threads: plan.threads,
            seed: plan.seed,
            warmup_s: plan.warmup.as_secs_f64(),
            measured_s,
        }
    }
}

impl Connections {
    fn new(measured: &Measured, tally: &Tally) -> Self {
        Self {
            live: measured.standing.settled,
            gone: measured.standing.gone,
            connect_s: measured.connect_time.as_secs_f64(),
            churned: tally.churned,
            failed_attempts: tally.failures.clone(),
            ended: tally.ends.clone(),
            refused: tally.refused.clone(),
            scheduled: tally.scheduled,
            late_starts: tally.late,
            latest_start_ms: tally.latest.as_secs_f64() * 1e3,
        }
    }
}

impl Received {
    fn new(counts: &Counts, window_s: f64) -> Self {
        let per_s = |count: u64| ratio(count, window_s).unwrap_or(0.0);
        Self {
            deliveries: counts.deliveries(),
            deliveries_per_s: per_s(counts.deliveries()),
            entries_per_s: per_s(counts.entries),
            bytes_per_s: per_s(counts.bytes),
            counts: *counts,
        }
    }
}

fn ratio(count: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| as_f64(count) / seconds)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) const fn as_f64(count: u64) -> f64 {
    count as f64
}

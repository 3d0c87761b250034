//! The report of a run: one structure, for people as text and for programs as JSON.

mod class;
pub(crate) mod compare;
mod cost;
pub(crate) mod figures;
mod files;
mod head;
pub(crate) mod hgrm;
mod hlog;
pub(crate) mod html;
mod latency;
mod load;
mod measured;
pub(crate) mod output;
pub(crate) mod page;
pub(crate) mod pairs;
mod parts;
pub(crate) mod plot;
mod published;
mod roll_call;
mod run_page;
mod second;
mod soak;
pub(crate) mod spread;
mod text;
pub(crate) mod warnings;

pub(crate) use files::{HLOG, PART};
pub(crate) use second::PLOTTED_S_MIN;

pub use class::ClassReport;
pub use cost::{BrokerCost, ClientCost};
pub use latency::{LatencySummary, Percentiles};
pub use load::{Load, Tool};
pub use measured::{Measured, Measurement, OwnMemory};
pub use parts::PartReport;
pub use published::PublishedReport;
pub use roll_call::RollCallReport;
pub use second::SecondReport;

use crate::class::{Class, Tallied};
use crate::cli::OutputArgs;
use crate::counts::Counts;
use crate::failure::Reasons;
use crate::histogram::Latency;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::publish::Pace;
use crate::series::Series;
use crate::soak::{Soak, Watched};
use crate::streak::Misses;
use crate::tally::Tally;
use crate::verify::Verification;
use hdrhistogram::errors::AdditionError;
use output::Output;
use serde::Serialize;
use std::time::Duration;

/// The report of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What measured.
    pub loadgen: Tool,
    /// The machine it ran on.
    pub machine: Machine,
    /// The load.
    pub load: Load,
    /// The parts that it was merged from, if it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartReport>,
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
    /// What was received by channel, tier and kind of client.
    pub classes: Vec<ClassReport>,
    /// What was received in each second of the window.
    pub series: Vec<SecondReport>,
    /// Whether the load can go on like this, if that was the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
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
    /// What came of each update that was due within the window, if that was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roll_call: Option<RollCallReport>,
    /// Messages that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unparsable: Vec<String>,
    /// What a reader of the figures should know.
    pub warnings: Vec<String>,
    /// Why the run counts as failed; empty when it does not.
    pub failures: Vec<String>,
    #[serde(skip)]
    raw: Raw,
}

/// What files and plots are made of.
#[derive(Debug)]
struct Raw {
    /// Of the connections that [`Report::latency_us`] is about.
    latency: Latency,
    classes: Vec<Tallied>,
    series: Series,
    watched: Vec<Watched>,
    start_us: u64,
    window: Duration,
    /// What another process needs to merge this part of a load with the others, as JSON.
    part: Option<String>,
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
    /// Topics that went on after what a connection had when it came back.
    pub resumed: u64,
    /// Topics that could not, and came afresh.
    pub not_resumed: u64,
    /// Frames that were out of place, where connections resume without being verified.
    pub misplaced: u64,
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
    ///
    /// # Errors
    /// None between histograms of the bounds of [`crate::histogram`].
    pub fn new(
        plan: &Plan,
        started: jiff::Timestamp,
        measured: Measured,
        tally: Tally,
        verification: Option<Verification>,
        misses: Option<Misses>,
    ) -> anyhow::Result<Self> {
        let published = PublishedReport::new(plan, &measured);
        let measurement = Measurement {
            tool: Tool::new(started, measured.interrupted),
            machine: Machine::here(),
            load: Load::new(plan, measured.window.as_secs_f64()),
            measured,
            tally,
            verification,
            parts: Vec::new(),
        };
        Self::of(measurement, published, misses)
    }

    /// Of what was measured, by one process or by several.
    ///
    /// # Errors
    /// As [`Report::new`].
    pub fn of(
        measurement: Measurement,
        published: Option<PublishedReport>,
        misses: Option<Misses>,
    ) -> anyhow::Result<Self> {
        let part = measurement.load.part.map(|_| serde_json::to_string(&measurement)).transpose()?;
        let Measurement { tool, machine, load, measured, tally, verification, parts } = measurement;
        let rates_differ = load.has_both_rates();
        let sum =
            |belongs: &dyn Fn(&Class) -> bool| Ok::<_, AdditionError>(tally.classes.sum(belongs)?.latency);
        let latency = sum(&|class| class.is_main(rates_differ))?;
        let tiered = sum(&|class| class.is_prompt() && class.interval_ms > 0)?;
        let slow =
            (load.stalled + load.trickling > 0).then(|| sum(&|class| !class.is_prompt())).transpose()?;
        let broker = BrokerCost::new(&measured, &tally);
        let client = ClientCost::new(&measured, &tally, load.threads, load.own_connections()).beside(&broker);
        let classes = tally.classes.clone().into_sorted();
        let mut report = Self {
            roll_call: RollCallReport::new(&measured),
            received: Received::new(&tally.received(), measured.window.as_secs_f64()),
            latency_us: LatencySummary::new(&latency),
            tiered_latency_us: rates_differ.then(|| LatencySummary::new(&tiered)),
            slow_latency_us: slow.as_ref().map(LatencySummary::new),
            classes: classes.iter().map(ClassReport::new).collect(),
            series: second::all(&tally.series, measured.window)?,
            soak: None,
            client,
            broker,
            connections: Connections::new(&measured, &tally),
            loadgen: tool,
            machine,
            load,
            parts,
            published,
            verification,
            misses,
            unparsable: tally.samples,
            warnings: Vec::new(),
            failures: Vec::new(),
            raw: Raw {
                latency,
                classes,
                series: tally.series,
                watched: measured.watched,
                start_us: measured.start_us,
                window: measured.window,
                part,
            },
        };
        report.warnings = warnings::of(&report);
        report.failures = warnings::failures(&report);
        Ok(report)
    }

    /// What another process needs to merge this part of a load with the others, if it is one.
    pub(crate) fn part(&self) -> Option<&str> {
        self.raw.part.as_deref()
    }

    /// The latencies from the intended times, of connections that read promptly.
    pub(crate) fn distribution(&self) -> String {
        hgrm::of(&self.raw.latency.corrected)
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
        files: if args.out.is_some() { files::of(report)? } else { Vec::new() },
    };
    output.write(args.json, args.out.as_deref())
}

impl Connections {
    fn new(measured: &Measured, tally: &Tally) -> Self {
        Self {
            live: measured.standing.settled,
            gone: measured.standing.gone,
            connect_s: measured.connect_time.as_secs_f64(),
            churned: tally.churned,
            resumed: tally.resumed,
            not_resumed: tally.not_resumed,
            misplaced: tally.misplaced,
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

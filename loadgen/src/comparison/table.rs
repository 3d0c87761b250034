//! The figures of runs side by side.

use super::Comparison;
use super::kept::KeptReport;
use crate::report::as_f64;
use crate::report::page::{grouped_f64, mib};
use serde::Serialize;

/// Columns are as wide as this, and the first one as the longest name.
const WIDTH: usize = 12;

/// A run, and its figures as parts of those of the first run.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) run: String,
    pub(super) figures: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) of_first: Option<Figures>,
    pub(super) warnings: Vec<String>,
    pub(super) failures: Vec<String>,
}

/// What is compared, latencies from the intended times.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Figures {
    deliveries_per_s: Option<f64>,
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p99_ms: Option<f64>,
    p99_9_ms: Option<f64>,
    p99_99_ms: Option<f64>,
    max_ms: Option<f64>,
    conflated: Option<f64>,
    lost: Option<f64>,
    broker_us_per_delivery: Option<f64>,
    broker_mib: Option<f64>,
    client_share: Option<f64>,
}

/// The heads of the columns, in the order of [`Figures::columns`].
pub(super) const NAMES: [&str; 12] = [
    "deliveries/s",
    "p50, ms",
    "p90, ms",
    "p99, ms",
    "p99.9, ms",
    "p99.99, ms",
    "max, ms",
    "conflated",
    "trades lost",
    "broker, us",
    "broker, MiB",
    "client, %",
];

impl Figures {
    pub(super) fn of(report: &KeptReport) -> Self {
        let points = report.latency_us.corrected;
        let ms = |us: u64| as_f64(us) / 1e3;
        Self {
            deliveries_per_s: Some(report.received.deliveries_per_s),
            p50_ms: points.map(|points| ms(points.p50)),
            p90_ms: points.map(|points| ms(points.p90)),
            p99_ms: points.map(|points| ms(points.p99)),
            p99_9_ms: points.map(|points| ms(points.p99_9)),
            p99_99_ms: points.and_then(|points| points.p99_99).map(ms),
            max_ms: points.map(|points| ms(points.max)),
            conflated: Some(as_f64(report.received.conflated_entries)),
            lost: Some(as_f64(report.received.lost_slow)),
            broker_us_per_delivery: report.broker.us_per_delivery,
            broker_mib: report.broker.resident_bytes_after.map(mib),
            client_share: Some(report.client.busiest_thread_share * 100.0),
        }
    }

    /// As parts of those of another run; none where that has nothing.
    pub(super) fn of_first(&self, first: &Self) -> Self {
        let parts = self.columns().into_iter().zip(first.columns());
        let mut parts =
            parts.map(|(this, that)| this.zip(that.filter(|that| *that > 0.0)).map(|(a, b)| a / b));
        let mut next = || parts.next().flatten();
        Self {
            deliveries_per_s: next(),
            p50_ms: next(),
            p90_ms: next(),
            p99_ms: next(),
            p99_9_ms: next(),
            p99_99_ms: next(),
            max_ms: next(),
            conflated: next(),
            lost: next(),
            broker_us_per_delivery: next(),
            broker_mib: next(),
            client_share: next(),
        }
    }

    const fn columns(&self) -> [Option<f64>; 12] {
        [
            self.deliveries_per_s,
            self.p50_ms,
            self.p90_ms,
            self.p99_ms,
            self.p99_9_ms,
            self.p99_99_ms,
            self.max_ms,
            self.conflated,
            self.lost,
            self.broker_us_per_delivery,
            self.broker_mib,
            self.client_share,
        ]
    }

    /// As they are read, in the order of [`NAMES`].
    pub(super) fn cells(&self) -> Vec<String> {
        self.columns().iter().map(|value| value.map_or_else(|| "-".to_owned(), shown)).collect()
    }

    /// Parts, to a thousandth.
    pub(super) fn ratios(&self) -> Vec<String> {
        self.columns()
            .iter()
            .map(|value| value.map_or_else(|| "-".to_owned(), |part| format!("{part:.3}")))
            .collect()
    }
}

/// For people, on a terminal.
pub(super) fn text(comparison: &Comparison) -> String {
    let runs = &comparison.runs;
    let names = runs.iter().map(|row| row.run.chars().count()).max().unwrap_or(0).max(14) + 2;
    let line = |name: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>WIDTH$}")).collect();
        format!("{name:<names$}{cells}\n")
    };
    let mut out = line("run", &NAMES.map(str::to_owned));
    for row in runs {
        out += &line(&row.run, &row.figures.cells());
        out += &row.of_first.map_or_else(String::new, |parts| line("  of the first", &parts.ratios()));
    }
    out.push('\n');
    comparison.differences.iter().for_each(|difference| out += &format!("differs   {difference}\n"));
    for row in runs {
        row.warnings.iter().for_each(|warning| out += &format!("warning   {}: {warning}\n", row.run));
        row.failures.iter().for_each(|failure| out += &format!("FAILED    {}: {failure}\n", row.run));
    }
    out
}

/// Counts are whole, times and shares have about three digits.
fn shown(value: f64) -> String {
    match value {
        1_000.0.. => grouped_f64(value),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ if value.fract() == 0.0 => format!("{value}"),
        _ => format!("{value:.3}"),
    }
}

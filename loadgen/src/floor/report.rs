//! What the floor came to, batch by batch.

use crate::cli::{FloorArgs, OutputArgs};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::publish::Pace;
use crate::report::figures::Figures;
use crate::report::output::Output;
use crate::report::page::{Page, grouped, grouped_f64};
use crate::report::{Report, Tool};
use serde::Serialize;

/// The report of `loadgen floor`.
#[derive(Debug, Serialize)]
pub(super) struct FloorReport {
    loadgen: Tool,
    machine: Machine,
    connections: usize,
    symbols: usize,
    symbols_per_connection: usize,
    pace: Option<Pace>,
    server_core: Option<usize>,
    client_core: Option<usize>,
    seed: u64,
    warmup_s: f64,
    duration_s: f64,
    rows: Vec<Row>,
    /// Why the run counts as failed; empty when it does not.
    pub(super) failures: Vec<String>,
}

/// One batch.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    batch: usize,
    #[serde(flatten)]
    figures: Figures,
    report: Box<Report>,
}

impl Row {
    pub(super) fn new(batch: usize, report: Report) -> Self {
        Self { batch, figures: Figures::of(&report), report: Box::new(report) }
    }
}

impl FloorReport {
    pub(super) fn new(
        plan: &Plan,
        args: &FloorArgs,
        started: jiff::Timestamp,
        rows: Vec<Row>,
        interrupted: bool,
    ) -> Self {
        let failures = |row: &Row| -> Vec<String> {
            row.report.failures.iter().map(|failure| format!("batch {}: {failure}", row.batch)).collect()
        };
        Self {
            loadgen: Tool::new(started, interrupted),
            machine: Machine::here(),
            connections: plan.connections,
            symbols: plan.symbols.len(),
            symbols_per_connection: plan.symbols_per_connection,
            pace: plan.publishing.map(|publishing| publishing.pace),
            server_core: args.measuring.cores.server_core,
            client_core: args.measuring.cores.client_core,
            seed: plan.seed,
            warmup_s: plan.warmup.as_secs_f64(),
            duration_s: plan.duration.as_secs_f64(),
            failures: rows.iter().flat_map(failures).collect(),
            rows,
        }
    }

    /// Shows the report, and writes it where the arguments want it.
    pub(super) fn write(&self, args: &OutputArgs) -> anyhow::Result<()> {
        let (text, json) = (self.text(), serde_json::to_string_pretty(self)?);
        let file = |row: &Row| (format!("latency-{}.hgrm", row.batch), row.report.distribution());
        Output { text, json, files: self.rows.iter().map(file).collect() }
            .write(args.json, args.out.as_deref())
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        page.origin(&self.loadgen, &self.machine, self.seed);
        let pace = self.pace.map_or(String::new(), |pace| format!(", {}", pace.words()));
        let symbols = format!("{} of {} symbols each", self.symbols_per_connection, self.symbols);
        page.row("load", &format!("{} connections, {symbols}{pace}", grouped(self.connections as u64)));
        page.row("window", &format!("{:.1} s after {:.1} s of warm-up", self.duration_s, self.warmup_s));
        page.blank();
        page.row("updates a write", Columns::NAMES);
        let single = self.rows.iter().find(|row| row.batch == 1);
        let single_us = single.and_then(|row| row.figures.server_us_per_delivery);
        for row in &self.rows {
            page.row(&format!("  {}", row.batch), &Columns(row.figures, single_us).to_string());
        }
        let of_row = |row: &Row| -> Vec<String> {
            row.report.warnings.iter().map(|warning| format!("batch {}: {warning}", row.batch)).collect()
        };
        page.verdict(&self.rows.iter().flat_map(of_row).collect::<Vec<_>>(), &self.failures);
        page.into_text()
    }
}

/// The figures of a row, and the CPU time of single writes, in microseconds.
struct Columns(Figures, Option<f64>);

impl Columns {
    const NAMES: &str =
        "deliveries/s   CPU, us   x single   server %   client %   p50, ms   p99, ms   updates/read";
}

impl std::fmt::Display for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(figures, single_us) = self;
        let number = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
        };
        let percent = |share: Option<f64>| number(share.map(|share| share * 100.0), 0);
        let us = figures.server_us_per_delivery;
        let ratio = us.zip(*single_us).map(|(us, single_us)| us / single_us);
        write!(
            f,
            "{:>12} {:>9} {:>10} {:>10} {:>10} {:>9} {:>9} {:>14}",
            grouped_f64(figures.deliveries_per_s),
            number(us, 3),
            number(ratio, 3),
            percent(figures.server_share),
            percent(Some(figures.client_share)),
            number(figures.p50_ms, 2),
            number(figures.p99_ms, 2),
            number(figures.updates_per_read, 1),
        )
    }
}

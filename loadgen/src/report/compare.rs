//! What a comparison of servers came to: a row for each.

mod row;
mod table;
mod warnings;

use super::head::Head;
use super::hgrm;
use super::output::Output;
use crate::cli::{CompareArgs, OutputArgs};
use crate::compare::Compared;
use crate::histogram::microseconds;
use crate::peer::Peer;
use crate::plan::Plan;
use row::Row;
use serde::Serialize;

/// The report of `loadgen compare`.
#[derive(Debug, Serialize)]
pub(crate) struct CompareReport {
    #[serde(flatten)]
    head: Head,
    rounds: usize,
    rows: Vec<Row>,
    warnings: Vec<String>,
    /// Why the run counts as failed; empty when it does not.
    pub(crate) failures: Vec<String>,
    /// The distribution of latencies of each server, over all rounds.
    #[serde(skip)]
    latencies: Vec<(String, String)>,
}

impl CompareReport {
    /// Puts together what was measured.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub(crate) fn new(
        plan: &Plan,
        args: &CompareArgs,
        started: jiff::Timestamp,
        all: Vec<Compared>,
        interrupted: bool,
    ) -> anyhow::Result<Self> {
        let latencies = latencies(&all)?;
        let floor = all.iter().find(|compared| compared.peer == Peer::Floor);
        let floor_us = floor.map_or_else(Vec::new, row::us_by_round);
        let mut report = Self {
            head: Head::new(plan, args.measuring.cores, started, interrupted),
            rounds: args.rounds,
            rows: all.into_iter().map(|compared| Row::new(compared, &floor_us)).collect(),
            warnings: Vec::new(),
            failures: Vec::new(),
            latencies,
        };
        report.warnings = report.warnings();
        report.failures = report.failures();
        Ok(report)
    }

    /// Shows the report, and writes it where the arguments want it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, args: &OutputArgs) -> anyhow::Result<()> {
        let (text, json) = (self.text(), serde_json::to_string_pretty(self)?);
        Output { text, json, files: self.latencies.clone() }.write(args.json, args.out.as_deref())
    }
}

/// Names and contents of the files with the latencies of each server that was measured.
fn latencies(all: &[Compared]) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for compared in all {
        let mut sum = microseconds()?;
        for report in compared.passes.iter().flatten() {
            sum.add(&report.raw.latency.corrected)?;
        }
        if !sum.is_empty() {
            files.push((format!("latency-{}.hgrm", compared.peer.name()), hgrm::of(&sum)));
        }
    }
    Ok(files)
}

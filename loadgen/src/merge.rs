//! `loadgen merge`: one report of the parts of a load that several processes carried at the same time.
//!
//! Counts and histograms are added, not averaged: so the percentiles are those of all updates. Seconds are those of the wall
//! clock. What the broker tells of itself concerns all parts, and is taken once.

mod check;

pub use check::MergeError;

use crate::cli::MergeArgs;
use crate::exit;
use crate::report::{self, Measured, Measurement, PART, PartReport, Report};
use check::Belonging;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const SECOND_US: u64 = 1_000_000;

/// Runs the command.
#[must_use]
pub fn command(args: &MergeArgs) -> ExitCode {
    exit::of(merge_kept(args))
}

fn merge_kept(args: &MergeArgs) -> anyhow::Result<bool> {
    let parts = args.parts.iter().map(|directory| read(directory)).collect::<Result<Vec<_>, _>>()?;
    let report = report(parts)?;
    report::write(&report, &args.output)?;
    Ok(report.failures.is_empty())
}

/// The report of all parts of a load.
///
/// # Errors
/// [`MergeError`] if they do not belong together.
pub fn report(parts: Vec<Measurement>) -> anyhow::Result<Report> {
    Report::of(merged(parts)?, None, None)
}

fn read(directory: &Path) -> Result<Measurement, MergeError> {
    let path = directory.join(PART);
    let text = std::fs::read(&path).map_err(|source| MergeError::Io { path: path.clone(), source })?;
    serde_json::from_slice(&text).map_err(|source| MergeError::Part { path, source })
}

/// All parts as if one process had carried the whole load.
fn merged(mut parts: Vec<Measurement>) -> Result<Measurement, MergeError> {
    parts.sort_by_key(|part| part.measured.start_us);
    let Belonging { load, start_us } = Belonging::of(&parts)?;
    let reports = parts.iter().filter_map(|part| Some(PartReport::new(part.load.part?, part, start_us)));
    let mut reports: Vec<_> = reports.collect();
    reports.sort_by_key(|report| report.part);
    let mut parts = parts.into_iter();
    let mut whole = parts.next().ok_or(MergeError::None)?;
    let mut ends_s = seconds(whole.measured.window);
    for mut part in parts {
        let later = (part.measured.start_us - start_us + SECOND_US / 2) / SECOND_US;
        part.tally.series = part.tally.series.later(later);
        part.measured.window += Duration::from_secs(later);
        // A part that ended in the same second as another one knows no more of the broker.
        let ends_later = seconds(part.measured.window) > ends_s;
        ends_s = ends_s.max(seconds(part.measured.window));
        whole.measured.add(part.measured, ends_later);
        whole.tally.merge(part.tally)?;
        match (&mut whole.verification, part.verification) {
            (Some(sum), Some(more)) => sum.merge(more),
            (sum, more) => *sum = sum.take().or(more),
        }
        whole.load.threads += part.load.threads;
    }
    let (threads, measured_s) = (whole.load.threads, whole.measured.window.as_secs_f64());
    let interrupted = whole.measured.interrupted;
    whole.load = report::Load { threads, measured_s, part: None, ..load };
    whole.tool.command = std::env::args().collect();
    whole.tool.interrupted = interrupted;
    whole.parts = reports;
    Ok(whole)
}

fn seconds(window: Duration) -> u64 {
    (window + Duration::from_millis(500)).as_secs()
}

impl Measured {
    /// Adds what another process measured in the same window, or in one that ends later.
    fn add(&mut self, other: Self, ends_later: bool) {
        self.connect_time = self.connect_time.max(other.connect_time);
        self.window = self.window.max(other.window);
        self.client_cpu += other.client_cpu;
        self.memory = self.memory.plus(other.memory);
        self.standing = self.standing.plus(other.standing);
        self.interrupted |= other.interrupted;
        match (&mut self.broker, other.broker) {
            (Ok((_, after)), Ok((_, later))) if ends_later => *after = later,
            (broker @ Err(_), told) => *broker = told,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

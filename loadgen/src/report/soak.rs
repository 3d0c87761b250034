//! The verdict of a soak, for people.

use super::html::Html;
use super::page::{Page, mib};
use super::plot::{self, Curve, PlotError, Scale};
use super::{Report, warnings};
use crate::cli::WatchArgs;
use crate::soak::{Drift, Soak, Watched};

impl Report {
    /// Judges by `limits` whether the load can go on like this.
    pub fn judge(&mut self, limits: &WatchArgs) {
        let soak = Soak::of(&self.raw.watched, &self.series, limits);
        self.failures = warnings::failures(self);
        self.failures.extend(soak.reasons.iter().cloned());
        self.soak = Some(soak);
    }
}

/// Rows of the text.
pub(super) fn rows(page: &mut Page, soak: &Soak) {
    page.blank();
    page.row("soak", if soak.reasons.is_empty() { "steady: it can go on like this" } else { "NOT steady" });
    page.row("", "medians of the first quarter of the time, and of the last one");
    let mut row = |label: &str, drift: Option<Drift>, scale: &dyn Fn(f64) -> f64, unit: &str| {
        let words = drift.map_or_else(
            || "not known".to_owned(),
            |drift| {
                let Drift { first, last, by } = drift;
                format!("{:.1}, then {:.1} {unit} ({:+.1}%)", scale(first), scale(last), by * 100.0)
            },
        );
        page.row(label, &words);
    };
    row("  broker memory", soak.broker_bytes, &mib, "MiB");
    row("  loadgen memory", soak.own_bytes, &mib, "MiB");
    row("  p99 of each second", soak.p99_us, &|us| us / 1e3, "ms");
    row("  deliveries", soak.deliveries_per_s, &|rate| rate, "a second");
}

/// The plot of a page.
pub(super) fn figure(page: &mut Html, soak: &Soak) -> Result<(), PlotError> {
    let curve = |name: &str, colour, of: fn(&Watched) -> Option<f64>| {
        let points = soak.watched.iter().filter_map(|watched| Some((watched.at_s, mib(of(watched)?))));
        Curve { name: name.to_owned(), points: points.collect(), colour, is_faint: false }
    };
    let curves = [
        curve("broker", 0, |watched| watched.broker_bytes),
        curve("load generator", 2, |watched| watched.own_bytes),
    ];
    let svg = plot::over_time(&curves, "MiB", Scale::Linear)?;
    page.figure("memory-over-time", "Resident memory over time", &svg, &curves);
    Ok(())
}

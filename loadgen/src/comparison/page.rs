//! Runs side by side as a page with plots.

use super::Comparison;
use super::kept::Kept;
use super::table::{self, NAMES};
use crate::report::html::Html;
use crate::report::plot::{self, Curve, PlotError, Scale};
use crate::report::{PLOTTED_S_MIN, as_f64};

pub(super) fn of(comparison: &Comparison) -> Result<String, PlotError> {
    let runs = &comparison.kept;
    let count = runs.len();
    let mut page = Html::new(&if count == 1 { "1 run".to_owned() } else { format!("{count} runs compared") });
    for run in runs {
        page.under(&format!("{}, started {}", run.name, run.report.loadgen.started));
    }
    comparison.differences.iter().for_each(|difference| page.warning(&format!("differs: {difference}")));
    for row in &comparison.runs {
        row.failures.iter().for_each(|failure| page.failure(&format!("{}: {failure}", row.run)));
        row.warnings.iter().for_each(|warning| page.warning(&format!("{}: {warning}", row.run)));
    }
    let columns: Vec<&str> = std::iter::once("run").chain(NAMES).collect();
    page.table("runs", "Figures; latencies from the intended times", &columns, &rows(comparison));
    let curves = runs.iter().enumerate().filter_map(distribution).collect::<Vec<_>>();
    if !curves.is_empty() {
        page.figure("percentiles", "Latency by percentile", &plot::percentiles(&curves)?, &curves);
    }
    let curves =
        runs.iter().enumerate().map(p99).filter(|curve| !curve.points.is_empty()).collect::<Vec<_>>();
    if !curves.is_empty() {
        let svg = plot::over_time(&curves, "p99, ms", Scale::Logarithmic)?;
        page.figure("latency-over-time", "99th percentile over time", &svg, &curves);
    }
    page.folded("The comparison as text", &table::text(comparison));
    Ok(page.into_text())
}

fn rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let named = |name: &str, cells: Vec<String>| std::iter::once(name.to_owned()).chain(cells).collect();
    let mut rows = Vec::new();
    for row in &comparison.runs {
        rows.push(named(&row.run, row.figures.cells()));
        rows.extend(row.of_first.map(|parts| named("  of the first", parts.ratios())));
    }
    rows
}

fn distribution((colour, run): (usize, &Kept)) -> Option<Curve> {
    let histogram = run.latency.as_ref().filter(|histogram| !histogram.is_empty())?;
    let points = plot::distribution(histogram);
    Some(Curve { name: run.name.clone(), points, colour, is_faint: false })
}

fn p99((colour, run): (usize, &Kept)) -> Curve {
    let seconds = run.report.series.iter().filter(|second| second.length_s >= PLOTTED_S_MIN);
    let point = |second: &super::kept::Second| {
        let middle = as_f64(second.second) + second.length_s / 2.0;
        second.latency_us.map(|points| (middle, plot::ms(points.p99)))
    };
    Curve { name: run.name.clone(), points: seconds.filter_map(point).collect(), colour, is_faint: false }
}

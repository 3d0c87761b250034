//! The report of a run as a page with plots.

use super::html::Html;
use super::page::{grouped, grouped_f64, mib};
use super::plot::{self, Curve, PlotError, Scale};
use super::second::{PLOTTED_S_MIN, SecondReport};
use super::{LatencySummary, PartReport, Percentiles, Report, as_f64, text};
use crate::counts::Counts;
use crate::histogram::Latency;

/// Columns of percentiles.
pub(super) const PERCENTILES: [&str; 7] = ["p50", "p90", "p99", "p99.9", "p99.99", "max", "updates"];

/// With more classes than this, plots show latencies from the intended times only.
const CLASSES_WITH_BOTH_VIEWS_MAX: usize = 3;

/// The page.
pub(super) fn of(report: &Report) -> Result<String, PlotError> {
    let load = &report.load;
    let mut page = Html::new(&format!(
        "{} connections, {}: {} deliveries/s",
        grouped(load.connections as u64),
        load.channel,
        grouped_f64(report.received.deliveries_per_s)
    ));
    head(&mut page, report);
    page.table("latency", "Latency, ms", &columns("", &PERCENTILES), &latency_rows(report));
    let curves = distributions(report);
    page.figure("percentiles", "Latency by percentile", &plot::percentiles(&curves)?, &curves);
    series(&mut page, report)?;
    if let Some(soak) = &report.soak {
        super::soak::figure(&mut page, soak)?;
    }
    page.table("received", "What was received", &RECEIVED, &received_rows(report));
    page.table(
        "cost",
        "What it cost",
        &["", "CPU, s", "of a core", "us a delivery", "memory"],
        &cost_rows(report),
    );
    if !report.parts.is_empty() {
        page.table("parts", "The processes that carried it", &PARTS, &parts_rows(report));
    }
    counters(&mut page, report);
    page.folded("The report as text", &text::of(report));
    Ok(page.into_text())
}

fn head(page: &mut Html, report: &Report) {
    let machine = &report.machine;
    page.under(&report.loadgen.command.join(" "));
    page.under(&format!(
        "started {}, {:.2} s measured after {:.1} s of warm-up, seed {}",
        report.loadgen.started, report.load.measured_s, report.load.warmup_s, report.load.seed
    ));
    page.under(&format!("{}, {} cores, {}", machine.cpu, machine.cores, machine.kernel));
    report.failures.iter().for_each(|failure| page.failure(failure));
    report.warnings.iter().for_each(|warning| page.warning(warning));
}

/// The column that names rows, and others.
pub(super) fn columns<'a>(first: &'a str, others: &[&'a str]) -> Vec<&'a str> {
    std::iter::once(first).chain(others.iter().copied()).collect()
}

fn latency_rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut both = |name: &str, latency: &LatencySummary| {
        for (view, points) in
            [("from intended time", &latency.corrected), ("uncorrected", &latency.uncorrected)]
        {
            rows.extend(points.as_ref().map(|points| percentile_row(&format!("{name}{view}"), points)));
        }
    };
    both("", &report.latency_us);
    if report.classes.len() > 1 {
        report.classes.iter().for_each(|class| both(&format!("{}: ", class.name), &class.latency_us));
    }
    rows
}

/// A row of percentiles, in milliseconds.
pub(super) fn percentile_row(name: &str, points: &Percentiles) -> Vec<String> {
    let Percentiles { p50, p90, p99, p99_9, p99_99, max, count, .. } = points;
    let points = [p50, p90, p99, p99_9, p99_99, max].map(|us| format!("{:.3}", as_f64(*us) / 1e3));
    std::iter::once(name.to_owned()).chain(points).chain([grouped(*count)]).collect()
}

/// The distributions as curves: from the intended times, and faint the uncorrected ones.
fn distributions(report: &Report) -> Vec<Curve> {
    let raw = &report.raw;
    let mut curves = Vec::new();
    // Of many classes the other view would hide the first one; the table has both.
    let is_crowded = raw.classes.len() > CLASSES_WITH_BOTH_VIEWS_MAX;
    let mut add = |colour: usize, name: &str, latency: &Latency| {
        for (view, histogram, is_faint) in
            [("from intended time", &latency.corrected, false), ("uncorrected", &latency.uncorrected, true)]
        {
            let is_shown = !is_faint || !is_crowded || latency.corrected.is_empty();
            if is_shown && !histogram.is_empty() {
                let points = plot::distribution(histogram);
                let name = if is_crowded { name.to_owned() } else { format!("{name}, {view}") };
                let name = name.trim_start_matches(", ").to_owned();
                curves.push(Curve { name, points, colour, is_faint });
            }
        }
    };
    if raw.classes.len() > 1 {
        let met = raw.classes.iter().filter(|class| class.total.counts.updates > 0);
        for (colour, class) in met.enumerate() {
            add(colour, &class.class.words(), &class.total.latency);
        }
    } else {
        add(0, "", &raw.latency);
    }
    curves
}

fn series(page: &mut Html, report: &Report) -> Result<(), PlotError> {
    let seconds = long_ones(&report.series);
    let of = |name, colour, of: fn(&SecondReport) -> Option<f64>| points(name, colour, seconds, of);
    let uncorrected = of("p99, uncorrected", 1, |s| s.uncorrected_us.map(|points| plot::ms(points.p99)));
    let latency = [
        of("p50", 0, |s| s.latency_us.map(|points| plot::ms(points.p50))),
        of("p99", 1, |s| s.latency_us.map(|points| plot::ms(points.p99))),
        of("max", 6, |s| s.latency_us.map(|points| plot::ms(points.max))),
        Curve { is_faint: true, ..uncorrected },
    ];
    let latency = latency.into_iter().filter(|curve| !curve.points.is_empty()).collect::<Vec<_>>();
    let svg = plot::over_time(&latency, "latency, ms", Scale::Logarithmic)?;
    page.figure("latency-over-time", "Latency over time", &svg, &latency);
    let rate = [of("deliveries", 0, |s| Some(as_f64(s.deliveries) / s.length_s))];
    let svg = plot::over_time(&rate, "deliveries/s", Scale::Linear)?;
    page.figure("deliveries-over-time", "Deliveries over time", &svg, &rate);
    if seconds.iter().any(|second| second.conflated + second.lost > 0) {
        let lost = [
            of("conflated entries", 4, |s| Some(as_f64(s.conflated) / s.length_s)),
            of("lost trades", 1, |s| Some(as_f64(s.lost) / s.length_s)),
        ];
        let svg = plot::over_time(&lost, "entries/s", Scale::Linear)?;
        page.figure("lost-over-time", "What was conflated or lost", &svg, &lost);
    }
    let share = [of("busiest receiving thread", 2, |s| Some(s.busiest_thread_share * 100.0))];
    let svg = plot::over_time(&share, "% of a core", Scale::Linear)?;
    page.figure("client-over-time", "CPU of the load generator", &svg, &share);
    Ok(())
}

/// Without a last one of some milliseconds, whose rates say nothing.
fn long_ones(seconds: &[SecondReport]) -> &[SecondReport] {
    match seconds {
        [others @ .., last] if !others.is_empty() && last.length_s < PLOTTED_S_MIN => others,
        all => all,
    }
}

/// What `of` takes from each second, at its middle.
fn points(
    name: &str,
    colour: usize,
    seconds: &[SecondReport],
    of: impl Fn(&SecondReport) -> Option<f64>,
) -> Curve {
    let at = |second: &SecondReport| as_f64(second.second) + second.length_s / 2.0;
    let points = seconds.iter().filter_map(|second| Some((at(second), of(second)?))).collect();
    Curve { name: name.to_owned(), points, colour, is_faint: false }
}

const RECEIVED: [&str; 8] =
    ["", "deliveries", "updates", "entries", "snapshots", "conflated", "trades lost", "bytes"];

fn received_rows(report: &Report) -> Vec<Vec<String>> {
    let row = |name: &str, deliveries: u64, counts: &Counts| {
        let Counts { updates, entries, snapshots, conflated_entries, lost_slow, bytes, .. } = *counts;
        let counts = [deliveries, updates, entries, snapshots, conflated_entries, lost_slow, bytes];
        std::iter::once(name.to_owned()).chain(counts.map(grouped)).collect()
    };
    let mut rows = vec![row("all", report.received.deliveries, &report.received.counts)];
    if report.classes.len() > 1 {
        rows.extend(report.classes.iter().map(|class| row(&class.name, class.deliveries, &class.counts)));
    }
    rows
}

fn cost_rows(report: &Report) -> Vec<Vec<String>> {
    let (client, broker) = (&report.client, &report.broker);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |s| format!("{:.0}%", s * 100.0));
    let memory = broker.resident_bytes_before.zip(broker.resident_bytes_after);
    let memory =
        memory.map_or_else(|| "-".to_owned(), |(a, b)| format!("{:.1}, then {:.1} MiB", mib(a), mib(b)));
    let row = |name: &str, cpu_s, share, each, memory: String| {
        vec![name.to_owned(), number(cpu_s), percent(share), number(each), memory]
    };
    let client_share = Some(client.busiest_thread_share);
    vec![
        row("broker", broker.cpu_s, broker.cpu_share, broker.us_per_delivery, memory),
        row(
            "load generator (busiest thread)",
            Some(client.cpu_s),
            client_share,
            client.us_per_delivery,
            client.peak_bytes.map_or_else(|| "-".to_owned(), |peak| format!("{:.1} MiB at most", mib(peak))),
        ),
    ]
}

const PARTS: [&str; 8] =
    ["part", "live", "deliveries", "CPU, s", "busiest thread", "memory", "window opened after", "machine"];

fn parts_rows(report: &Report) -> Vec<Vec<String>> {
    let row = |part: &PartReport| {
        vec![
            part.part.to_string(),
            grouped(part.live as u64),
            grouped(part.deliveries),
            format!("{:.2}", part.cpu_s),
            format!("{:.0}%", part.busiest_thread_share * 100.0),
            part.peak_bytes.map_or_else(|| "-".to_owned(), |peak| format!("{:.1} MiB", mib(peak))),
            format!("{:.3} s", part.opened_after_s),
            format!("{}, {} cores", part.machine.cpu, part.machine.cores),
        ]
    };
    report.parts.iter().map(row).collect()
}

fn counters(page: &mut Html, report: &Report) {
    let row = |(name, value): (&String, &f64)| vec![name.clone(), grouped_f64(*value)];
    let rows: Vec<_> = report.broker.counters.iter().map(row).collect();
    if !rows.is_empty() {
        page.table("counters", "What the broker counted within the window", &["counter", "by"], &rows);
    }
}

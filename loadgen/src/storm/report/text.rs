//! The report for people: aligned, most wanted first.

use super::broker::Through;
use super::{BrokerThrough, Ratios, Return, SpellSummary, StormReport};
use crate::report::page::{Page, grouped, grouped_f64, mib};
use crate::report::{Percentiles, as_f64};

const NOBODY: &str = "none";

/// The whole report.
pub(super) fn of(report: &StormReport) -> String {
    let mut page = Page::default();
    head(&mut page, report);
    comeback(&mut page, report);
    page.blank();
    live(&mut page, report);
    page.blank();
    client(&mut page, report);
    broker(&mut page, &report.broker);
    if let Some(verification) = &report.live.verification {
        page.verification(verification);
    }
    page.verdict(&report.warnings, &report.failures);
    page.into_text()
}

fn head(page: &mut Page, report: &StormReport) {
    let load = &report.load;
    page.origin(&report.loadgen, &report.machine, load.seed);
    let tier = if load.interval_ms > 0 { format!(", each {} ms", load.interval_ms) } else { String::new() };
    let popularity = format!("{:?}", load.popularity).to_lowercase();
    let each =
        format!("{} of {} symbols each, {popularity}{tier}", load.symbols_per_connection, load.symbols);
    let connections =
        format!("{} connections, and {} that stay", grouped(load.connections as u64), load.live);
    page.row("load", &format!("{connections}, {}, {each}", load.channel));
    let how = match load.cut {
        None => "all connect for the first time".to_owned(),
        Some(cut) => format!("all are cut by a {} and come back", format!("{cut:?}").to_lowercase()),
    };
    let resume = if load.resume { ", asking for what they missed" } else { "" };
    page.row("storm", &format!("{how} within {:.1} s{resume}; limit {:.1} s", load.within_s, load.limit_s));
    page.blank();
}

fn comeback(page: &mut Page, report: &StormReport) {
    let (comeback, connections) = (&report.comeback, report.load.connections);
    let consistent = comeback.all_consistent_s.map_or_else(
        || {
            format!(
                "NO: {} of {} were in the end",
                grouped(comeback.consistent as u64),
                grouped(connections as u64)
            )
        },
        |seconds| format!("{seconds:.3} s after the cut"),
    );
    page.row("all consistent", &consistent);
    if report.load.cut.is_some() {
        page.row("cutting them", &format!("took this side {:.0} ms", comeback.cut_ms));
    }
    page.percentile_names("from its own time, ms", "connections");
    let steps = &comeback.steps_us;
    for (step, percentiles) in [
        ("  connected", &steps.connected),
        ("  upgraded", &steps.upgraded),
        ("  replied", &steps.replied),
        ("  first frame", &steps.first_frame),
        ("  consistent", &steps.consistent),
    ] {
        page.percentiles(step, percentiles.as_ref(), NOBODY);
    }
    page.percentiles("from the cut, ms", comeback.from_cut_us.as_ref(), NOBODY);
    troubles(page, comeback);
    let counts = &comeback.received;
    let frames = format!("{} snapshots, {} updates", grouped(counts.snapshots), grouped(counts.updates));
    let bytes = format!("{:.1} MB in {} reads", as_f64(counts.bytes) / 1e6, grouped(counts.reads));
    page.row("received in the storm", &format!("{frames}, {bytes}"));
    page.row("ranges checked", &grouped(comeback.checked));
    page.faults(&comeback.faults);
}

fn troubles(page: &mut Page, comeback: &Return) {
    page.row("retries", &grouped(comeback.retries));
    page.reasons("failed attempts", &comeback.failed_attempts);
    page.reasons("ended", &comeback.ended);
    page.reasons("refused", &comeback.refused);
    page.reasons("failed before", &comeback.earlier_failures);
    page.reasons("ended before", &comeback.earlier_ends);
}

fn live(page: &mut Page, report: &StormReport) {
    let live = &report.live;
    page.row("those that stay", &format!("{} of {} live at the end", live.live, report.load.live));
    page.reasons("failed attempts", &live.failed_attempts);
    page.reasons("ended", &live.ended);
    page.reasons("refused", &live.refused);
    let spells = [("  before", &live.before), ("  in the storm", &live.during), ("  after", &live.after)];
    page.percentile_names("latency, ms", "updates");
    for (label, spell) in spells {
        let latency = spell.as_ref().and_then(|spell| spell.latency_us.corrected);
        page.percentiles(label, latency.as_ref(), NOBODY);
    }
    if let Some(ratios) = &live.during_to_before {
        page.row("  storm / before", &ratios_of(ratios));
    }
    page.percentile_names("uncorrected (rx), ms", "updates");
    for (label, spell) in spells {
        let latency = spell.as_ref().and_then(|spell| spell.latency_us.uncorrected);
        page.percentiles(label, latency.as_ref(), NOBODY);
    }
    page.percentile_names("client's own lag, ms", "reads");
    for (label, spell) in spells {
        page.percentiles(label, spell.as_ref().and_then(|spell| spell.lag_us).as_ref(), NOBODY);
    }
    let each = |what: &dyn Fn(&SpellSummary) -> String| {
        let shown = spells.map(|(_, spell)| spell.as_ref().map_or_else(|| "-".to_owned(), what));
        format!("{} before, {} in the storm, {} after", shown[0], shown[1], shown[2])
    };
    page.row("deliveries/s", &each(&|spell| grouped_f64(spell.deliveries_per_s)));
    page.row("conflated entries", &each(&|spell| grouped(spell.counts.conflated_entries)));
    page.row("seconds", &each(&|spell| format!("{:.2}", spell.seconds)));
}

fn ratios_of(ratios: &Ratios) -> String {
    let Ratios { p50, p90, p99, p99_9, max } = ratios;
    [p50, p90, p99, p99_9, max].map(|ratio| format!("{ratio:>9.2}")).join(" ")
}

fn client(page: &mut Page, report: &StormReport) {
    let (client, storm) = (&report.client, &report.client.storm);
    let nice = client.nice.map_or_else(|| "at unknown".to_owned(), |nice| format!("at {nice}"));
    page.row(
        "client",
        &format!(
            "the storm has threads of its own ({}), {nice} of niceness; the connections that stay have one at 0",
            report.load.threads
        ),
    );
    let waited = storm
        .waited_share
        .map_or(String::new(), |share| format!(", {:.0}% waiting for a core", share * 100.0));
    page.row(
        "client CPU",
        &format!(
            "{:.2} s in the storm, busiest thread {:.0}% of a core{waited}; thread of those that stay {:.0}%",
            storm.cpu_s,
            storm.busiest_thread_share * 100.0,
            client.live_thread_share * 100.0
        ),
    );
    page.row(
        "late starts",
        &format!(
            "{} by more than 10 ms, the latest {:.1} ms",
            grouped(client.late_starts),
            client.latest_start_ms
        ),
    );
    let lag = |lag: Percentiles| {
        format!("p99 {:.2} ms, max {:.2} ms", as_f64(lag.p99) / 1e3, as_f64(lag.max) / 1e3)
    };
    page.row("lag of the storm", &storm.lag_us.map_or_else(|| NOBODY.to_owned(), lag));
}

fn broker(page: &mut Page, broker: &BrokerThrough) {
    if let Some(reason) = &broker.unknown {
        page.row("broker", &format!("figures are missing: {reason}"));
    }
    let all = |figure: &Through, show: &dyn Fn(f64) -> String| {
        let shown = [figure.before, figure.during, figure.peak, figure.after]
            .map(|value| value.map_or_else(|| "-".to_owned(), show));
        format!("{} before, {} in the storm (peak {}), {} after", shown[0], shown[1], shown[2], shown[3])
    };
    let cpu_s = broker.storm_cpu_s.map_or(String::new(), |cpu_s| format!("; {cpu_s:.2} s for the storm"));
    let shares = all(&broker.cpu_share, &|share| format!("{:.0}%", share * 100.0));
    page.row("broker CPU", &format!("{shares}{cpu_s}"));
    let memory = all(&broker.resident_bytes, &|bytes| format!("{:.1}", mib(bytes)));
    page.row("broker memory, MiB", &format!("{memory}; {} readings in the storm", broker.readings_in_storm));
    if let Some(build) = &broker.build {
        page.row("broker build", build);
    }
}

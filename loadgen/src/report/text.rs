//! The report for people: aligned, most wanted first.

use super::figures::Figures;
use super::load::{OfChannel, OfTier};
use super::page::{Page, grouped, grouped_f64, mib};
use super::{BrokerCost, LatencySummary, Load, Percentiles, PublishedReport, Report, as_f64};
use super::{parts, soak};
use crate::counts::Counts;
use crate::streak::Misses;

/// Counters that are shown; all of them are in the JSON report.
const COUNTERS_SHOWN_MAX: usize = 20;

/// A view of latencies, by its name.
type View = (&'static str, fn(&LatencySummary) -> Option<Percentiles>);

const VIEWS: [View; 2] =
    [("  latency, ms", |latency| latency.corrected), ("  uncorrected, ms", |latency| latency.uncorrected)];

/// The whole report.
pub(super) fn of(report: &Report) -> String {
    let mut page = Page::default();
    head(&mut page, report);
    if let Some(published) = &report.published {
        self::published(&mut page, published);
    }
    connections(&mut page, report);
    received(&mut page, report);
    if let Some(misses) = &report.misses {
        self::misses(&mut page, misses);
    }
    page.blank();
    page.latency("latency, ms", &report.latency_us);
    if report.misses.is_some() {
        page.row("", "of the last update of each read");
    }
    if let Some(tiered) = &report.tiered_latency_us {
        page.latency("on the tier, ms", tiered);
    }
    if let Some(slow) = &report.slow_latency_us {
        page.latency("slow clients, ms", slow);
    }
    if report.classes.len() > 1 {
        classes(&mut page, report);
    }
    page.blank();
    client(&mut page, report);
    broker(&mut page, &report.broker);
    if let Some(verification) = &report.verification {
        page.verification(verification);
    }
    if let Some(soak) = &report.soak {
        soak::rows(&mut page, soak);
    }
    page.verdict(&report.warnings, &report.failures);
    page.into_text()
}

fn head(page: &mut Page, report: &Report) {
    page.origin(&report.loadgen, &report.machine, report.load.seed);
    load(page, &report.load);
    parts::rows(page, &report.parts);
    let load = &report.load;
    let threads = if load.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", load.threads) };
    page.row(
        "window",
        &format!("{:.2} s after {:.1} s of warm-up, {threads}", load.measured_s, load.warmup_s),
    );
    page.blank();
}

/// Who subscribes to what, and how.
pub(super) fn load(page: &mut Page, load: &Load) {
    let each =
        format!("{} of {} symbols each, {:?}", load.symbols_per_connection, load.symbols, load.popularity);
    let tier = tiers(load);
    let what = format!(
        "{} connections, {}, {}{tier}",
        grouped(load.connections as u64),
        load.channel,
        each.to_lowercase()
    );
    page.row("load", &what);
    if let Some(part) = load.part {
        page.row("", &format!("part {part} of it: {} connections", grouped(load.own_connections() as u64)));
    }
    if load.channels.len() > 1 {
        let each = |of: &OfChannel| format!("{} {}", grouped(of.connections as u64), of.channel);
        page.row("", &load.channels.iter().map(each).collect::<Vec<_>>().join(", "));
    }
    if load.stalled + load.trickling > 0 || load.churn_per_min > 0.0 {
        let churn = load.churn_per_min * 100.0;
        page.row(
            "",
            &format!("{} stalled, {} trickling, churn {churn}% a minute", load.stalled, load.trickling),
        );
    }
}

/// Who is on which tier, behind a comma; nothing if nobody is.
fn tiers(load: &Load) -> String {
    match load.tiers.as_slice() {
        [all] if all.interval_ms > 0 => format!(", each {} ms", all.interval_ms),
        tiers => {
            let on_tiers = tiers.iter().filter(|of| of.interval_ms > 0);
            let each = |of: &OfTier| {
                format!(", {} of them each {} ms", grouped(of.connections as u64), of.interval_ms)
            };
            on_tiers.map(each).collect()
        }
    }
}

fn published(page: &mut Page, published: &PublishedReport) {
    let PublishedReport { updates, updates_per_s, symbols, writes, late, .. } = published;
    let rate = format!("{} updates ({}/s)", grouped(*updates), grouped_f64(*updates_per_s));
    let symbols = if *symbols == 1 { "1 symbol".to_owned() } else { format!("{symbols} symbols") };
    page.row("published", &format!("{rate} of {symbols}, in {} writes", grouped(*writes)));
    page.row("", &published.pace.words());
    if let Some(lateness) = published.lateness_us {
        let (p99, max) = (as_f64(lateness.p99) / 1e3, as_f64(lateness.max) / 1e3);
        page.row("", &format!("{} late (p99 {p99:.2} ms, latest {max:.1} ms)", grouped(*late)));
    }
}

fn misses(page: &mut Page, misses: &Misses) {
    if misses.total() == 0 {
        return page.row("misses", "none: every subscriber got each update, once and in order");
    }
    let Misses { missing, repeated, conflated, snapshots, foreign } = *misses;
    let kinds = [
        (missing, "missing"),
        (repeated, "repeated"),
        (conflated, "conflated"),
        (snapshots, "snapshots"),
        (foreign, "of other topics"),
    ];
    let kinds = kinds.map(|(count, what)| format!("{} {what}", grouped(count)));
    page.row("misses", &kinds.join(", "));
}

fn connections(page: &mut Page, report: &Report) {
    let connections = &report.connections;
    let live = format!("{} live, {} gone", grouped(connections.live as u64), connections.gone);
    page.row("connections", &format!("{live}, connected in {:.2} s", connections.connect_s));
    if connections.scheduled > 0 {
        let late = format!("{} late starts of {}", connections.late_starts, grouped(connections.scheduled));
        let latest = connections.latest_start_ms;
        page.row(
            "churn",
            &format!("{} left and came back, {late} (latest {latest:.1} ms)", connections.churned),
        );
    }
    if connections.resumed + connections.not_resumed > 0 {
        let counts = [connections.resumed, connections.not_resumed].map(grouped);
        page.row(
            "resumed",
            &format!("{} topics after what a connection had, {} afresh", counts[0], counts[1]),
        );
    }
    page.reasons("failed attempts", &connections.failed_attempts);
    page.reasons("ended", &connections.ended);
    page.reasons("refused", &connections.refused);
}

fn received(page: &mut Page, report: &Report) {
    let (received, counts) = (&report.received, &report.received.counts);
    let per_s = grouped_f64(received.deliveries_per_s);
    page.row("deliveries", &format!("{} ({per_s}/s)", grouped(received.deliveries)));
    let entries = format!("{} in {} frames", grouped(counts.entries), grouped(counts.updates));
    page.row("entries", &format!("{entries} ({}/s)", grouped_f64(received.entries_per_s)));
    if counts.catching_up > 0 {
        page.row("catching up", &format!("{} updates, not in the latencies", grouped(counts.catching_up)));
    }
    page.row("snapshots, states", &format!("{}, {}", grouped(counts.snapshots), grouped(counts.states)));
    let conflated = format!(
        "{} entries by {} notices",
        grouped(counts.conflated_entries),
        grouped(counts.conflated_frames)
    );
    page.row("conflated", &conflated);
    let lost =
        format!("{} here, {} before the broker", grouped(counts.lost_slow), grouped(counts.lost_venue));
    page.row("trades lost", &format!("{lost}, by {} notices", grouped(counts.gap_frames)));
    page.row("bytes", &format!("{} ({:.1} MB/s)", grouped(counts.bytes), received.bytes_per_s / 1e6));
    let each = Figures::of(report);
    if let Some((updates, bytes)) = each.updates_per_read.zip(each.bytes_per_read) {
        let each = format!("{updates:.1} updates and {} bytes each", grouped_f64(bytes));
        page.row("reads", &format!("{}, {each}", grouped(counts.reads)));
    }
}

/// What each class of connections got.
fn classes(page: &mut Page, report: &Report) {
    page.blank();
    page.row("by class", " deliveries     entries   conflated        lost           bytes");
    for class in &report.classes {
        let Counts { entries, conflated_entries, lost_slow, bytes, .. } = class.counts;
        let columns =
            [class.deliveries, entries, conflated_entries, lost_slow].map(|n| format!("{:>11}", grouped(n)));
        page.row(&format!("  {}", class.name), &format!("{} {:>15}", columns.join(" "), grouped(bytes)));
    }
    for (view, of) in VIEWS {
        page.percentile_names(view, "updates");
        for class in &report.classes {
            let latency = of(&class.latency_us);
            page.percentiles(&format!("  {}", class.name), latency.as_ref(), "none");
        }
    }
}

fn client(page: &mut Page, report: &Report) {
    let client = &report.client;
    let share = client.busiest_thread_share * 100.0;
    let each = client.us_per_delivery.map_or(String::new(), |us| format!(", {us:.2} us a delivery"));
    page.row("client CPU", &format!("{:.2} s, busiest thread {share:.0}% of a core{each}", client.cpu_s));
    if let Some(own) = client.own_us_per_delivery {
        let of_broker =
            client.of_broker.map_or(String::new(), |ratio| format!("; {ratio:.2} of the broker's"));
        page.row("", &format!("of which {own:.2} outside the kernel{of_broker}"));
    }
    if let Some((peak, each)) = client.peak_bytes.zip(client.bytes_per_connection) {
        let each = grouped_f64(each);
        page.row("client memory", &format!("{:.1} MiB at most, {each} bytes a connection", mib(peak)));
    }
    if let Some(lag) = client.lag_us {
        let (p99, max) = (as_f64(lag.p99) / 1e3, as_f64(lag.max) / 1e3);
        let waited = client
            .waited_share
            .map_or(String::new(), |share| format!(", {:.0}% waiting for a core", share * 100.0));
        page.row("receive loop", &format!("lag p99 {p99:.2} ms, max {max:.2} ms{waited}"));
    }
}

fn broker(page: &mut Page, broker: &BrokerCost) {
    if let Some(reason) = &broker.unknown {
        page.row("broker CPU", &format!("unknown: {reason}"));
    }
    if let (Some(cpu_s), Some(share)) = (broker.cpu_s, broker.cpu_share) {
        let each = broker.us_per_delivery.map_or(String::new(), |us| format!(", {us:.2} us a delivery"));
        page.row("broker CPU", &format!("{cpu_s:.2} s, {:.0}% of a core{each}", share * 100.0));
    }
    if let (Some(before), Some(after)) = (broker.resident_bytes_before, broker.resident_bytes_after) {
        page.row("broker memory", &format!("{:.1} MiB, then {:.1} MiB", mib(before), mib(after)));
    }
    let mut label = "broker counted";
    for (counter, by) in broker.counters.iter().take(COUNTERS_SHOWN_MAX) {
        page.row(label, &format!("{counter} +{}", grouped_f64(*by)));
        label = "";
    }
    if let Some(build) = &broker.build {
        page.row("broker build", build);
    }
}

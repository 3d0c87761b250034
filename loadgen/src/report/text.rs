//! The report for people: aligned, most wanted first.

use super::{BrokerCost, LatencySummary, Percentiles, Report, as_f64};
use crate::failure::Reasons;
use crate::verify::Verification;

const LABEL_WIDTH: usize = 22;
/// Faults that are shown with their frames; all listed ones are in the JSON report.
const FAULTS_SHOWN_MAX: usize = 5;
const FRAME_CHARS_MAX: usize = 200;

/// The whole report.
pub(super) fn of(report: &Report) -> String {
    let mut page = Page::default();
    head(&mut page, report);
    connections(&mut page, report);
    received(&mut page, report);
    page.blank();
    latency(&mut page, "latency, ms", &report.latency_us);
    if let Some(slow) = &report.slow_latency_us {
        latency(&mut page, "slow clients, ms", slow);
    }
    page.blank();
    client(&mut page, report);
    broker(&mut page, &report.broker);
    if let Some(verification) = &report.verification {
        verified(&mut page, verification);
    }
    page.blank();
    report.warnings.iter().for_each(|warning| page.row("warning", warning));
    report.failures.iter().for_each(|failure| page.row("FAILED", failure));
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn row(&mut self, label: &str, value: &str) {
        self.text += &format!("{label:<LABEL_WIDTH$}{value}\n");
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn reasons(&mut self, label: &str, reasons: &Reasons) {
        for (reason, count) in reasons.iter() {
            self.row(label, &format!("{} x {reason}", grouped(count)));
        }
    }
}

fn head(page: &mut Page, report: &Report) {
    let (tool, machine, load) = (&report.loadgen, &report.machine, &report.load);
    page.row("command", &tool.command.join(" "));
    page.row("loadgen", &format!("{}, started {}, seed {}", tool.version, tool.started, load.seed));
    let memory = machine.memory_mib.map_or(String::new(), |mib| format!(", {} GiB", mib.div_ceil(1024)));
    page.row("machine", &format!("{}, {} cores{memory}, {}", machine.cpu, machine.cores, machine.kernel));
    let each =
        format!("{} of {} symbols each, {:?}", load.symbols_per_connection, load.symbols, load.popularity);
    let tier = if load.interval_ms > 0 { format!(", each {} ms", load.interval_ms) } else { String::new() };
    let what = format!(
        "{} connections, {}, {}{tier}",
        grouped(load.connections as u64),
        load.channel,
        each.to_lowercase()
    );
    page.row("load", &what);
    if load.stalled + load.trickling > 0 || load.churn_per_min > 0.0 {
        let churn = load.churn_per_min * 100.0;
        page.row(
            "",
            &format!("{} stalled, {} trickling, churn {churn}% a minute", load.stalled, load.trickling),
        );
    }
    let threads = if load.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", load.threads) };
    page.row(
        "window",
        &format!("{:.2} s after {:.1} s of warm-up, {threads}", load.measured_s, load.warmup_s),
    );
    page.blank();
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
    let rate = received.bytes_per_s / 1e6;
    page.row(
        "bytes",
        &format!("{} ({rate:.1} MB/s), {} reads", grouped(counts.bytes), grouped(counts.reads)),
    );
}

fn latency(page: &mut Page, label: &str, latency: &LatencySummary) {
    page.row(label, "      p50       p90       p99     p99.9       max     updates");
    let views = [("  from intended time", &latency.corrected), ("  uncorrected (rx)", &latency.uncorrected)];
    for (view, percentiles) in views {
        page.row(
            view,
            &percentiles.as_ref().map_or("      none: updates carry no such time".to_owned(), row_of),
        );
    }
}

fn row_of(percentiles: &Percentiles) -> String {
    let Percentiles { p50, p90, p99, p99_9, max, count, .. } = percentiles;
    let columns = [p50, p90, p99, p99_9, max].map(|us| format!("{:>9.3}", as_f64(*us) / 1e3));
    format!("{} {:>11}", columns.join(" "), grouped(*count))
}

fn client(page: &mut Page, report: &Report) {
    let client = &report.client;
    let share = client.busiest_thread_share * 100.0;
    let each = client.us_per_delivery.map_or(String::new(), |us| format!(", {us:.2} us a delivery"));
    page.row("client CPU", &format!("{:.2} s, busiest thread {share:.0}% of a core{each}", client.cpu_s));
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
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        page.row("broker memory", &format!("{:.1} MiB, then {:.1} MiB", mib(before), mib(after)));
    }
    if let Some(build) = &broker.build {
        page.row("broker build", build);
    }
}

fn verified(page: &mut Page, verification: &Verification) {
    let Verification { frames, snapshots, compared, asked, answered, account, faults } = verification;
    page.blank();
    let all = format!("{} frames, {} of them snapshots", grouped(*frames), grouped(*snapshots));
    page.row("verified", &format!("{all}, {} compared digit by digit", grouped(*compared)));
    page.row("fresh snapshots", &format!("{} asked for, {} came", grouped(*asked), grouped(*answered)));
    let sum = [
        (account.delivered, "delivered"),
        (account.states, "states"),
        (account.conflated, "conflated"),
        (account.lost, "lost"),
        (account.in_snapshots, "in snapshots"),
    ];
    let sum = sum.map(|(count, what)| format!("{} {what}", grouped(count))).join(" + ");
    let sign = if account.adds_up() { "=" } else { "IS NOT" };
    page.row("sequence numbers", &format!("{} {sign} {sum}", grouped(account.spanned)));
    page.row("faults", &grouped(faults.total()));
    page.reasons("  by kind", &faults.counts);
    for fault in faults.listed.iter().take(FAULTS_SHOWN_MAX) {
        let frame: String = fault.frame.chars().take(FRAME_CHARS_MAX).collect();
        page.row("  fault", &format!("connection {}: {}", fault.connection, fault.message));
        page.row("", &frame);
    }
}

/// `1234567` as `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and far below 2^64"
)]
fn grouped_f64(rate: f64) -> String {
    grouped(rate.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}

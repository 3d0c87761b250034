//! What all reports for people are made of: rows of a label and a value, and tables of latencies.

use super::{LatencySummary, Percentiles, Tool, as_f64};
use crate::failure::Reasons;
use crate::machine::Machine;
use crate::verify::{Faults, Verification};

const LABEL_WIDTH: usize = 28;
/// Faults that are shown with their frames; all listed ones are in the JSON report.
const FAULTS_SHOWN_MAX: usize = 5;
const FRAME_CHARS_MAX: usize = 200;

/// A page of rows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// A label and its value; an empty label goes on with the row above.
    pub(crate) fn row(&mut self, label: &str, value: &str) {
        self.text += &format!("{label:<LABEL_WIDTH$}{value}\n");
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A row for each reason.
    pub(crate) fn reasons(&mut self, label: &str, reasons: &Reasons) {
        for (reason, count) in reasons.iter() {
            self.row(label, &format!("{} x {reason}", grouped(count)));
        }
    }

    /// What was measured with what, and where.
    pub(crate) fn origin(&mut self, tool: &Tool, machine: &Machine, seed: u64) {
        self.row("command", &tool.command.join(" "));
        self.row("loadgen", &format!("{}, started {}, seed {seed}", tool.version, tool.started));
        let memory = machine.memory_mib.map_or(String::new(), |mib| format!(", {} GiB", mib.div_ceil(1024)));
        self.row("machine", &format!("{}, {} cores{memory}, {}", machine.cpu, machine.cores, machine.kernel));
    }

    /// The names of the columns of [`Page::percentiles`], whose last one counts `what`.
    pub(crate) fn percentile_names(&mut self, label: &str, what: &str) {
        self.row(label, &format!("      p50       p90       p99     p99.9    p99.99       max {what:>11}"));
    }

    /// Points of a distribution in milliseconds, and what they are of.
    pub(crate) fn percentiles(&mut self, label: &str, percentiles: Option<&Percentiles>, none: &str) {
        self.row(label, &percentiles.map_or_else(|| format!("      {none}"), row_of));
    }

    /// Both views of latencies.
    pub(crate) fn latency(&mut self, label: &str, latency: &LatencySummary) {
        self.percentile_names(label, "updates");
        for (view, percentiles) in
            [("  from intended time", &latency.corrected), ("  uncorrected (rx)", &latency.uncorrected)]
        {
            self.percentiles(view, percentiles.as_ref(), "none: updates carry no such time");
        }
    }

    /// What was verified.
    pub(crate) fn verification(&mut self, verification: &Verification) {
        let Verification { frames, snapshots, compared, asked, answered, resumed, account, faults } =
            verification;
        self.blank();
        let all = format!("{} frames, {} of them snapshots", grouped(*frames), grouped(*snapshots));
        self.row("verified", &format!("{all}, {} compared digit by digit", grouped(*compared)));
        self.row("fresh snapshots", &format!("{} asked for, {} came", grouped(*asked), grouped(*answered)));
        if *resumed > 0 {
            self.row("resumed", &format!("{} topics went on after what a connection had", grouped(*resumed)));
        }
        let sum = [
            (account.delivered, "delivered"),
            (account.states, "states"),
            (account.conflated, "conflated"),
            (account.lost, "lost"),
            (account.in_snapshots, "in snapshots"),
        ];
        let sum = sum.map(|(count, what)| format!("{} {what}", grouped(count))).join(" + ");
        let sign = if account.adds_up() { "=" } else { "IS NOT" };
        self.row("sequence numbers", &format!("{} {sign} {sum}", grouped(account.spanned)));
        self.faults(faults);
    }

    /// What was wrong with the frames.
    pub(crate) fn faults(&mut self, faults: &Faults) {
        self.row("faults", &grouped(faults.total()));
        self.reasons("  by kind", &faults.counts);
        for fault in faults.listed.iter().take(FAULTS_SHOWN_MAX) {
            let frame: String = fault.frame.chars().take(FRAME_CHARS_MAX).collect();
            self.row("  fault", &format!("connection {}: {}", fault.connection, fault.message));
            self.row("", &frame);
        }
    }

    /// What a reader should know, and why the run counts as failed.
    pub(crate) fn verdict(&mut self, warnings: &[String], failures: &[String]) {
        self.blank();
        warnings.iter().for_each(|warning| self.row("warning", warning));
        failures.iter().for_each(|failure| self.row("FAILED", failure));
    }

    /// The page as text.
    #[must_use]
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

fn row_of(percentiles: &Percentiles) -> String {
    let Percentiles { p50, p90, p99, p99_9, p99_99, max, count, .. } = percentiles;
    let columns = [p50, p90, p99, p99_9, p99_99, max].map(|us| format!("{:>9.3}", as_f64(*us) / 1e3));
    format!("{} {:>11}", columns.join(" "), grouped(*count))
}

/// Bytes in MiB.
#[must_use]
pub(crate) fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

/// `1234567` as `1,234,567`.
#[must_use]
pub(crate) fn grouped(count: u64) -> String {
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

/// A rate as [`grouped`], rounded.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and far below 2^64"
)]
pub(crate) fn grouped_f64(rate: f64) -> String {
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

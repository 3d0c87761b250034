//! What a reader of the table should know, and why the comparison counts as failed.

use super::CompareReport;
use super::row::Row;

/// Of less CPU time than this, hundredths of a second are too coarse.
const CPU_S_MIN: f64 = 0.4;

impl CompareReport {
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.head.is_interrupted() {
            warnings.push("the comparison was interrupted: there are fewer rounds than asked for".to_owned());
        }
        if !self.head.has_cores() {
            warnings.push(
                "servers and load generator were not given a core each (--server-core, --client-core): they may have been \
                 in each other's way"
                    .to_owned(),
            );
        }
        warnings.extend(coarse_cpu(&self.rows));
        for row in &self.rows {
            let told = [incomplete(row), busy_client(row), other_warnings(row)];
            let told = told.into_iter().flatten();
            warnings.extend(told.map(|warning| format!("{}: {warning}", row.peer.name())));
        }
        warnings
    }

    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.rows.iter().all(|row| row.passes.is_empty()) {
            failures.push("no server was measured".to_owned());
        }
        for row in &self.rows {
            for (round, pass) in (1..).zip(&row.passes) {
                let told = pass.failures().iter();
                failures.extend(told.map(|failure| format!("{}, round {round}: {failure}", row.peer.name())));
            }
        }
        failures
    }
}

/// The work was not that of the others.
fn incomplete(row: &Row) -> Option<String> {
    let sum = row.sum;
    let kinds = [
        (sum.lost, "never came"),
        (sum.repeated, "came again"),
        (sum.reordered, "came behind a later one"),
        (sum.foreign, "came to a subscriber that had not asked for them"),
    ];
    let told: Vec<_> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!told.is_empty()).then(|| format!("of {} deliveries that were due {}", sum.due, told.join(", ")))
}

fn busy_client(row: &Row) -> Option<String> {
    let busy = row.reports().filter(|report| report.client_is_bottleneck());
    let share = busy.map(|report| report.client.busiest_thread_share).reduce(f64::max)?;
    Some(format!(
        "the load generator was a bottleneck (up to {:.0}% of a core): latencies are partly its own",
        share * 100.0
    ))
}

fn other_warnings(row: &Row) -> Option<String> {
    let count = row.reports().filter(|report| !report.warnings.is_empty()).count();
    let rounds = row.passes.len();
    (count > 0).then(|| format!("{count} of {rounds} rounds have warnings of their own, in the JSON report"))
}

fn coarse_cpu(rows: &[Row]) -> Option<String> {
    let used = |row: &Row| row.reports().filter_map(|report| report.broker.cpu_s).reduce(f64::min);
    let coarse = rows.iter().filter(|row| used(row).is_some_and(|cpu_s| cpu_s < CPU_S_MIN));
    let names: Vec<_> = coarse.map(|row| row.peer.name()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "the system tells the CPU time of a process in hundredths of a second, and of these some round has less than \
             {CPU_S_MIN} s: {} (use a longer --duration)",
            names.join(", ")
        )
    })
}

//! The parts that a report was merged from.

use super::Measurement;
use super::page::{Page, grouped, mib};
use crate::machine::Machine;
use crate::part::Part;
use serde::Serialize;

/// What one process did.
#[derive(Debug, Clone, Serialize)]
pub struct PartReport {
    /// Which.
    pub part: Part,
    /// Where.
    pub machine: Machine,
    /// How long after the first window its own opened.
    pub opened_after_s: f64,
    /// How long that was.
    pub measured_s: f64,
    /// Connections that were live at the end of it.
    pub live: usize,
    /// Updates, snapshots and states within it.
    pub deliveries: u64,
    /// CPU time of the process within it.
    pub cpu_s: f64,
    /// Share of a core that its busiest receiving thread used.
    pub busiest_thread_share: f64,
    /// The most memory that was resident, in bytes.
    pub peak_bytes: Option<f64>,
}

impl PartReport {
    /// Of one of them, where the first window opened at `start_us`.
    #[must_use]
    pub fn new(part: Part, of: &Measurement, start_us: u64) -> Self {
        let (measured, tally) = (&of.measured, &of.tally);
        let measured_s = measured.window.as_secs_f64();
        let share = tally.cpu_busiest.as_secs_f64() / measured_s;
        Self {
            part,
            machine: of.machine.clone(),
            opened_after_s: super::as_f64(measured.start_us.saturating_sub(start_us)) / 1e6,
            measured_s,
            live: measured.standing.settled,
            deliveries: tally.received().deliveries(),
            cpu_s: measured.client_cpu.as_secs_f64(),
            busiest_thread_share: if measured_s > 0.0 { share } else { 0.0 },
            peak_bytes: measured.memory.peak,
        }
    }
}

/// Rows of the text.
pub(super) fn rows(page: &mut Page, parts: &[PartReport]) {
    for part in parts {
        let PartReport { live, deliveries, busiest_thread_share, opened_after_s, .. } = part;
        let memory = part.peak_bytes.map_or(String::new(), |bytes| format!(", {:.0} MiB", mib(bytes)));
        let counts = format!("{} live, {} deliveries", grouped(*live as u64), grouped(*deliveries));
        let cost = format!("busiest thread {:.0}% of a core{memory}", busiest_thread_share * 100.0);
        page.row(
            &format!("part {}", part.part),
            &format!("{counts}, {cost}, window after {opened_after_s:.3} s"),
        );
    }
}

//! What goes into the directory besides the report.

use super::StormReport;
use super::comeback::{histogram, steps};
use crate::report::hgrm;
use crate::storm::{Spell, Timeline, Times};
use std::fmt::Write as _;

/// Names and contents.
pub(super) fn of(report: &StormReport) -> Vec<(&'static str, String)> {
    let mut files = vec![
        ("connections.csv", connections(report)),
        ("first-frame.hgrm", distribution(report, |times| times.first_frame_us)),
        ("consistent.hgrm", distribution(report, |times| times.consistent_us)),
    ];
    if let Some(spells) = &report.spells {
        let of = |spell: &Spell| hgrm::of(&spell.latency.corrected);
        files.extend([
            ("live-before.hgrm", of(&spells.before)),
            ("live-during.hgrm", of(&spells.during)),
            ("live-after.hgrm", of(&spells.after)),
            ("live.csv", timeline(&spells.timeline)),
        ]);
    }
    files
}

/// A line for each connection: when it was to begin and when it got how far, in microseconds from the cut; empty where it
/// did not.
fn connections(report: &StormReport) -> String {
    let mut out = "connection,due,connected,upgraded,replied,first_frame,consistent\n".to_owned();
    let mut all: Vec<&(u32, Times)> = report.times.iter().collect();
    all.sort_unstable_by_key(|(number, _)| *number);
    for (number, times) in all {
        let Times { due_us, connected_us, upgraded_us, replied_us, first_frame_us, consistent_us } = times;
        let columns = [due_us, connected_us, upgraded_us, replied_us, first_frame_us, consistent_us]
            .map(|at| at.map_or(String::new(), |at_us| at_us.saturating_sub(report.cut_us).to_string()));
        // Writing into a string does not fail.
        let _ = writeln!(out, "{number},{}", columns.join(","));
    }
    out
}

/// A line for each tenth of a second from the cut on: latency from the intended time, in microseconds.
fn timeline(timeline: &Timeline) -> String {
    let mut out = "since_cut,updates,p50,p99,max\n".to_owned();
    for (from_us, slot) in timeline.iter() {
        let (p50, p99) = (slot.value_at_quantile(0.5), slot.value_at_quantile(0.99));
        // Writing into a string does not fail.
        let _ = writeln!(out, "{from_us},{},{p50},{p99},{}", slot.len(), slot.max());
    }
    out
}

/// From when each was to begin.
fn distribution(report: &StormReport, at: fn(&Times) -> Option<u64>) -> String {
    histogram(steps(&report.times, at)).map_or_else(String::new, |histogram| hgrm::of(&histogram))
}

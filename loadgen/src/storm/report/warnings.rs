//! What a reader of the figures should know, and why a storm counts as failed.

use super::StormReport;
use crate::report::as_f64;
use crate::report::warnings::{LAG_SHARE_MAX, LAG_US_MIN, THREAD_SHARE_MAX, of_verification};
use crate::storm::NICE;

/// With fewer updates than this in a spell, its 99th percentile hangs on a handful.
const UPDATES_MIN: u64 = 1_000;
/// Live connections that get less than this share of what they got before were conflated or starved.
const DELIVERIES_SHARE_MIN: f64 = 0.9;

/// Warnings, each with advice.
pub(super) fn of(report: &StormReport) -> Vec<String> {
    [
        interrupted(report),
        late_starts(report),
        busy_client(report),
        lagging_storm(report),
        lagging_live(report),
        not_nice(report),
        few_updates(report),
        fewer_deliveries(report),
        without_times(report),
        trouble_before(report),
        refused(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Why the storm counts as failed.
pub(super) fn failures(report: &StormReport) -> Vec<String> {
    let mut failures = Vec::new();
    failures.extend(inconsistent(report));
    let faults = report.comeback.faults.total();
    if faults > 0 {
        failures.push(format!("{faults} frames of the connections that came back were not as promised"));
    }
    let lost = report.load.live.saturating_sub(report.live.live) as u64;
    let ended = report.live.ended.total();
    if lost + ended > 0 {
        failures.push(format!(
            "of {} connections that were to stay, {lost} are missing and {ended} ended meanwhile",
            report.load.live
        ));
    }
    if !report.unparsable.is_empty() {
        failures.push(
            "some messages are no frames of the protocol; the first ones are in the JSON report".into(),
        );
    }
    if let Some(verification) = &report.live.verification {
        failures.extend(of_verification(verification, lost + ended > 0 || report.loadgen.interrupted));
    }
    failures
}

fn inconsistent(report: &StormReport) -> Option<String> {
    let (comeback, load) = (&report.comeback, &report.load);
    let missing = load.connections.saturating_sub(comeback.consistent_in_time);
    let later = comeback.consistent - comeback.consistent_in_time;
    (missing > 0).then(|| {
        format!(
            "{missing} of {} connections were not consistent {:.1} s after the cut; {later} of them were later",
            load.connections, load.limit_s
        )
    })
}

fn interrupted(report: &StormReport) -> Option<String> {
    report
        .loadgen
        .interrupted
        .then(|| "the run was interrupted: what came after is not in the figures".to_owned())
}

fn late_starts(report: &StormReport) -> Option<String> {
    let (client, connections) = (&report.client, report.load.connections as u64);
    (client.late_starts * 100 > connections).then(|| {
        format!(
            "the load generator was a bottleneck: {} of {connections} connections began more than 10 ms after their time, \
             the latest {:.0} ms; their times contain that (use more --threads on free cores, or a longer --within)",
            client.late_starts, client.latest_start_ms
        )
    })
}

fn busy_client(report: &StormReport) -> Option<String> {
    let share = report.client.storm.busiest_thread_share;
    (share > THREAD_SHARE_MAX).then(|| {
        format!(
            "the load generator was a bottleneck: a thread of the storm used {:.0}% of a core until all were consistent \
             (use more --threads on free cores)",
            share * 100.0
        )
    })
}

fn lagging_storm(report: &StormReport) -> Option<String> {
    let lag = report.client.storm.lag_us?.p99;
    let took = report.comeback.steps_us.consistent?.p99;
    (lag > LAG_US_MIN && as_f64(lag) > LAG_SHARE_MAX * as_f64(took)).then(|| {
        format!(
            "the threads of the storm lagged: 1% of the reads began more than {:.1} ms after their bytes were there, a good \
             part of the time that connections took (use more --threads on free cores)",
            as_f64(lag) / 1e3
        )
    })
}

fn lagging_live(report: &StormReport) -> Option<String> {
    let during = report.live.during.as_ref()?;
    let (lag, latency) = (during.lag_us?.p99, during.latency_us.corrected?.p99);
    (lag > LAG_US_MIN && as_f64(lag) > LAG_SHARE_MAX * as_f64(latency)).then(|| {
        format!(
            "the thread of the connections that stay lagged in the storm: 1% of its reads began more than {:.1} ms late, a \
             good part of the latency there (give it a core that the storm does not use)",
            as_f64(lag) / 1e3
        )
    })
}

fn not_nice(report: &StormReport) -> Option<String> {
    (report.client.nice != Some(NICE)).then(|| {
        "the threads of the storm could not be made to give way: the latency of the connections that stay contains their \
         work, unless they have a core of their own"
            .to_owned()
    })
}

fn few_updates(report: &StormReport) -> Option<String> {
    let live = &report.live;
    let updates = |spell: &Option<super::SpellSummary>| {
        spell.as_ref()?.latency_us.corrected.map(|latency| latency.count)
    };
    let fewest = updates(&live.before)?.min(updates(&live.during).unwrap_or(0));
    (fewest < UPDATES_MIN).then(|| {
        format!(
            "the connections that stay got only {fewest} updates before the cut or in the storm: high percentiles hang on a \
             handful (use more --live connections, or a higher rate)"
        )
    })
}

fn fewer_deliveries(report: &StormReport) -> Option<String> {
    let (before, during) = (report.live.before.as_ref()?, report.live.during.as_ref()?);
    let share = during.deliveries_per_s / before.deliveries_per_s;
    (share < DELIVERIES_SHARE_MIN).then(|| {
        format!(
            "the connections that stay got {:.0}% of their usual deliveries in the storm: what was conflated or not sent has \
             no latency",
            share * 100.0
        )
    })
}

fn without_times(report: &StormReport) -> Option<String> {
    let before = report.live.before.as_ref()?;
    (before.counts.updates > 0 && before.latency_us.corrected.is_none()).then(|| {
        "no update has the time of its event (`ts`): there is no latency from the intended time (use a simulated market or \
         tick lines)"
            .to_owned()
    })
}

fn trouble_before(report: &StormReport) -> Option<String> {
    let trouble = report.comeback.earlier_failures.total() + report.comeback.earlier_ends.total();
    (trouble > 0).then(|| {
        format!("there was trouble before the storm already: {trouble} attempts failed or connections ended")
    })
}

fn refused(report: &StormReport) -> Option<String> {
    let count = report.comeback.refused.total() + report.live.refused.total();
    (count > 0).then(|| format!("the broker refused {count} symbols or requests"))
}

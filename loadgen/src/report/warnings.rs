//! What a reader of the figures should know, and why a run counts as failed.

use super::Report;
use crate::streak::Misses;
use crate::verify::Verification;

/// Above this share of a core a receiving thread may be what was measured.
pub(crate) const THREAD_SHARE_MAX: f64 = 0.85;
/// Above this share of time spent waiting for a core the machine is what was measured.
const WAITED_SHARE_MAX: f64 = 0.10;
/// A receive loop that lags by more than this share of the latency is a good part of it.
pub(crate) const LAG_SHARE_MAX: f64 = 0.5;
/// Windows of parts that lie further apart than this share of the time measure different loads.
const APART_SHARE_MAX: f64 = 0.1;
/// More memory of its own than this for each connection is worth a word, in bytes: 15,000 connections take 300 MB then.
const BYTES_PER_CONNECTION_MAX: f64 = 20_000.0;
/// Less than this is little memory for a load generator, however few the connections are.
const GROWN_BYTES_MIN: f64 = 100e6;
/// Lags shorter than this are not worth a word, in microseconds.
pub(crate) const LAG_US_MIN: u64 = 2_000;

/// Warnings, each with advice.
pub(super) fn of(report: &Report) -> Vec<String> {
    [
        interrupted(report),
        busy_client(report),
        waiting_client(report),
        lagging_client(report),
        late_starts(report),
        late_publisher(report),
        without_times(report),
        negative_latencies(report),
        nothing_received(report),
        unparsable(report),
        refused(report),
        apart(report),
        large_client(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Parts of a load whose windows lie apart.
fn apart(report: &Report) -> Option<String> {
    let late = report.parts.iter().map(|part| part.opened_after_s).fold(0.0, f64::max);
    let share = late / report.load.measured_s;
    (share > APART_SHARE_MAX).then(|| {
        format!(
            "the parts of the load did not measure at the same time: the last window opened {late:.1} s after the first, and \
             deliveries/s are fewer for that (start them together, or use --processes)"
        )
    })
}

/// Memory that does not scale.
fn large_client(report: &Report) -> Option<String> {
    let each = report.client.bytes_per_connection.filter(|each| *each > BYTES_PER_CONNECTION_MAX)?;
    let grown = each * super::as_f64(report.load.own_connections() as u64);
    let peak = report.client.peak_bytes.map_or(0.0, super::page::mib);
    (grown > GROWN_BYTES_MIN).then(|| {
        format!(
            "the load generator itself took {peak:.0} MiB, {:.0} KB for each connection: on the machine of the broker that is \
             memory which the broker lacks (--verify keeps what each connection holds of its topics)",
            each / 1e3
        )
    })
}

/// Why the run failed.
pub(super) fn failures(report: &Report) -> Vec<String> {
    let mut failures = Vec::new();
    let gone = report.connections.gone;
    if gone > 0 {
        failures.push(format!("{gone} of {} connections could not be held", report.load.own_connections()));
    }
    failures.extend(deserted(report));
    failures.extend(broken_streaks(report));
    let misplaced = report.connections.misplaced;
    if misplaced > 0 {
        failures
            .push(format!("{misplaced} frames do not begin where the last one ended (--verify shows them)"));
    }
    let Some(verification) = &report.verification else { return failures };
    let left = report.connections.ended.total() + report.connections.churned > 0;
    failures.extend(of_verification(verification, left || report.loadgen.interrupted));
    if report.received.counts.unparsable > 0 {
        failures
            .push(format!("{} messages are no frames of the protocol", report.received.counts.unparsable));
    }
    failures
}

/// Nobody was left to measure, and none of them was given up yet.
fn deserted(report: &Report) -> Option<String> {
    let (connections, ended) = (&report.connections, report.connections.ended.total());
    let is_deserted = connections.live == 0 && connections.gone == 0 && ended > 0;
    (is_deserted && !report.loadgen.interrupted)
        .then(|| format!("no connection was live at the end: {ended} had ended, and none came back"))
}

/// What was verified and did not hold; `left` if connections ended that may have been asked for fresh snapshots.
pub(crate) fn of_verification(verification: &Verification, left: bool) -> Vec<String> {
    let mut failures = Vec::new();
    let faults = verification.faults.total();
    if faults > 0 {
        failures.push(format!("verification found {faults} faults"));
    }
    if !verification.account.adds_up() {
        failures.push("delivered, conflated and lost do not add up".to_owned());
    }
    let unanswered = verification.asked - verification.answered;
    if unanswered > 0 && !left {
        failures.push(format!("{unanswered} requests for a fresh snapshot were not answered"));
    }
    failures
}

/// Where each subscriber was to get each update.
fn broken_streaks(report: &Report) -> Vec<String> {
    let Some(misses) = &report.misses else { return Vec::new() };
    let Misses { missing, repeated, conflated, snapshots, foreign } = *misses;
    let kinds = [
        (missing, "updates are missing"),
        (repeated, "updates came again"),
        (conflated, "updates were conflated"),
        (snapshots, "snapshots came in between"),
        (foreign, "frames are of other topics"),
        (report.connections.ended.total(), "connections ended"),
        (report.received.counts.unparsable, "messages are no frames of the protocol"),
    ];
    kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}

fn interrupted(report: &Report) -> Option<String> {
    report
        .loadgen
        .interrupted
        .then(|| "the run was interrupted: the window is shorter than asked for".to_owned())
}

fn busy_client(report: &Report) -> Option<String> {
    let share = report.client.busiest_thread_share;
    if report.is_saturation() {
        return report.client_is_bottleneck().then(|| {
            format!(
                "the load generator was the bottleneck: a receiving thread used {:.0}% of a core; deliveries/s are its \
                 limit and not the server's, whose CPU for each of them still holds",
                share * 100.0
            )
        });
    }
    report.client_is_bottleneck().then(|| {
        format!(
            "the load generator was a bottleneck: a receiving thread used {:.0}% of a core; latencies are partly its own \
             (use more --threads on free cores, fewer connections, or no --verify)",
            share * 100.0
        )
    })
}

fn waiting_client(report: &Report) -> Option<String> {
    let share = report.client.waited_share.filter(|share| *share > WAITED_SHARE_MAX)?;
    Some(format!(
        "receiving threads waited for a core during {:.0}% of the window; latencies contain that \
         (give them cores of their own, with taskset for example)",
        share * 100.0
    ))
}

fn lagging_client(report: &Report) -> Option<String> {
    let lag = report.client.lag_us?;
    let latency = report.latency_us.corrected.or(report.latency_us.uncorrected)?;
    let limit = LAG_SHARE_MAX * super::as_f64(latency.p99);
    (lag.p99 > LAG_US_MIN && super::as_f64(lag.p99) > limit).then(|| {
        format!(
            "the receive loop lagged: 1% of the reads began more than {:.1} ms after their bytes were there, a good part \
             of the latency (use more --threads on free cores, or fewer connections)",
            super::as_f64(lag.p99) / 1e3
        )
    })
}

fn late_starts(report: &Report) -> Option<String> {
    let connections = &report.connections;
    (connections.late_starts * 100 > connections.scheduled).then(|| {
        format!(
            "{} of {} scheduled actions began more than 10 ms late, the latest by {:.0} ms",
            connections.late_starts, connections.scheduled, connections.latest_start_ms
        )
    })
}

fn late_publisher(report: &Report) -> Option<String> {
    let published = report.published.as_ref()?;
    let lateness = published.lateness_us.filter(|_| published.late * 100 > published.updates)?;
    Some(format!(
        "{} of {} updates were published more than 1 ms late, the latest by {:.1} ms; latencies contain that \
         (a lower --rate, or a core for the load generator)",
        published.late,
        published.updates,
        super::as_f64(lateness.max) / 1e3
    ))
}

fn without_times(report: &Report) -> Option<String> {
    let (updates, latency) = (report.received.counts.updates, &report.latency_us);
    if updates == 0 || latency.without_ts == 0 {
        return None;
    }
    let whose = if latency.corrected.is_none() { "no update has" } else { "some updates have not" };
    Some(format!(
        "{whose} the time of its event (`ts`): latency from the intended time cannot be told for {} updates \
         (use a simulated market or tick lines)",
        latency.without_ts
    ))
}

fn negative_latencies(report: &Report) -> Option<String> {
    let negative = report.latency_us.negative;
    (negative > 0).then(|| {
        format!(
            "{negative} updates arrived before their own times and are not in the histograms: the clocks differ, or a \
             recording's times are not those of its replay (feed-replay serve --restamp)"
        )
    })
}

fn nothing_received(report: &Report) -> Option<String> {
    (report.received.deliveries == 0).then(|| "nothing was received within the window".to_owned())
}

fn unparsable(report: &Report) -> Option<String> {
    let count = report.received.counts.unparsable;
    (count > 0)
        .then(|| format!("{count} messages are no frames of the protocol; samples are in the JSON report"))
}

fn refused(report: &Report) -> Option<String> {
    let count = report.connections.refused.total();
    (count > 0).then(|| {
        format!("the broker refused {count} symbols or requests: the load is smaller than asked for")
    })
}

//! Known answers: what the server does is known, and so is every figure that the report must then show.
//!
//! Ages of updates are given in hundreds of seconds where the way through the machine must not count: its milliseconds
//! are less than the precision of a histogram there.

mod counts;
mod latency;
mod time;

use crate::run::try_run;
use crate::server::{Peer, Server, now_us};
use loadgen::report::{Percentiles, Report};

/// A histogram with three digits is exact to a thousandth; as much again is for the way through the machine.
const PRECISION: f64 = 0.002;
pub(crate) const SECOND_US: u64 = 1_000_000;

fn run(server: &Server, arguments: &[&str]) -> Report {
    try_run(server, &[&["--symbols", "sim:A"], arguments].concat()).unwrap()
}

/// An update of quotes of `sim:A` that covers `first` to `last`.
fn merged(first: u64, last: u64, ts: u64, rx: u64) -> String {
    format!(
        r#"{{"type":"update","channel":"quotes","symbol":"sim:A","seq":[{first},{last}],"ts":{ts},"rx":{rx},"bid":"{last}.0"}}"#
    )
}

/// Sends an update that was due so many microseconds ago, and that the broker received now.
pub(crate) fn send_aged(peer: &mut Peer, seq: u64, age_us: u64) {
    let now = now_us();
    peer.text(&merged(seq, seq, now - age_us, now));
}

#[track_caller]
pub(crate) fn is_close(figure: u64, expected: u64) {
    let ratio = figure as f64 / expected as f64;
    assert!((1.0 - PRECISION..1.0 + PRECISION).contains(&ratio), "{figure}, expected {expected}");
}

/// The percentiles are those of the sorted `latencies`.
#[track_caller]
fn are_those_of(percentiles: &Percentiles, latencies: &[u64]) {
    let at = |quantile: f64| latencies[((quantile * latencies.len() as f64).ceil() as usize).max(1) - 1];
    let Percentiles { count, mean, p50, p90, p99, p99_9, p99_99, max } = *percentiles;
    assert_eq!(count, latencies.len() as u64);
    is_close(mean.round() as u64, latencies.iter().sum::<u64>() / count);
    for (figure, quantile) in
        [(p50, 0.5), (p90, 0.9), (p99, 0.99), (p99_9, 0.999), (p99_99, 0.9999), (max, 1.0)]
    {
        is_close(figure, at(quantile));
    }
}

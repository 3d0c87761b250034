//! Figures by second, and the files that hold them.

use super::{SECOND_US, are_those_of, is_close, merged, run, send_aged};
use crate::cli::{loadgen, stderr};
use crate::relay::Relay;
use crate::server::{Peer, Server, now_us};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use std::path::Path;
use std::time::Duration;

/// Fifty updates 100 s late, a silent second, and eighty 300 s late with ten conflated.
fn by_seconds(peer: &mut Peer) {
    peer.grant(0);
    peer.wait_for_window();
    std::thread::sleep(Duration::from_millis(200));
    (1..=50).for_each(|seq| send_aged(peer, seq, 100 * SECOND_US));
    std::thread::sleep(Duration::from_secs(2));
    (51..=130).for_each(|seq| send_aged(peer, seq, 300 * SECOND_US));
    peer.text(r#"{"type":"conflated","channel":"quotes","symbol":"sim:A","seq":[131,140]}"#);
}

#[test]
fn each_second_has_what_came_in_it() {
    let server = Server::start(by_seconds);
    let report = run(&server, &["--duration", "3s"]);
    let seconds = &report.series[..3];
    let counts: Vec<_> = seconds.iter().map(|s| (s.second, s.deliveries, s.conflated)).collect();
    assert_eq!(counts, [(0, 50, 0), (1, 0, 0), (2, 80, 10)]);
    are_those_of(&seconds[0].latency_us.unwrap(), &[100 * SECOND_US; 50]);
    assert!(seconds[1].latency_us.is_none() && seconds[1].bytes == 0);
    are_those_of(&seconds[2].latency_us.unwrap(), &[300 * SECOND_US; 80]);
    assert!(seconds[2].uncorrected_us.unwrap().max < SECOND_US);
    assert!(seconds.iter().all(|second| second.busiest_thread_share < 1.0));
    let bytes: u64 = report.series.iter().map(|second| second.bytes).sum();
    assert_eq!(bytes, report.received.counts.bytes);
}

/// The intervals of a log: when they began, and how many values they have.
fn intervals(path: &Path) -> (Vec<(f64, u64)>, Histogram<u64>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut all = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
    let mut intervals = Vec::new();
    // The legend is for people and other implementations; this one does not know it.
    let text = text
        .lines()
        .filter(|line| !line.starts_with('"'))
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        let bytes =
            base64::Engine::decode(&base64::prelude::BASE64_STANDARD, interval.encoded_histogram()).unwrap();
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        intervals.push((interval.start_timestamp().as_secs_f64(), histogram.len()));
        all.add(&histogram).unwrap();
    }
    (intervals, all)
}

#[test]
fn the_files_hold_what_the_report_says() {
    let server = Server::start(by_seconds);
    let directory = tempfile::tempdir().unwrap();
    let (url, out) = (server.url(), directory.path().to_str().unwrap());
    let arguments = ["run", "--url", &url, "--symbols", "sim:A", "--connections", "1", "--warmup", "0s"];
    let output = loadgen(&[&arguments[..], &["--duration", "3s", "--out", out]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
    let (log, all) = intervals(&directory.path().join("latency.hlog"));
    assert_eq!(log, [(0.0, 50), (2.0, 80)]);
    let p90 = report["latency_us"]["corrected"]["p90"].as_u64().unwrap();
    assert_eq!((all.value_at_quantile(0.9), all.len()), (p90, 130));
    is_close(p90, 300 * SECOND_US);
    let (log, all) = intervals(&directory.path().join("latency-uncorrected.hlog"));
    assert!(log == [(0.0, 50), (2.0, 80)] && all.max() < SECOND_US);
    // The last point of the distribution, in milliseconds, is of all values.
    let hgrm = read("latency.hgrm");
    let last: Vec<f64> = hgrm
        .lines()
        .rfind(|line| !line.starts_with('#'))
        .unwrap()
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    is_close(last[0].round() as u64, 300_000);
    assert_eq!(last[1..], [1.0, 130.0]);
    assert!(read("report.html").contains("<figure id=\"percentiles\"><svg"));
}

#[test]
fn a_server_that_takes_no_updates_for_a_while_delays_those_that_were_due() {
    // The relay's subscriber gets what was published only after 600 ms of silence, with the time at which each was due.
    let relay = Relay::telling_times(|peer, seq, ts| {
        if seq == 200 {
            std::thread::sleep(Duration::from_millis(600));
        }
        let now = now_us();
        peer.text(&merged(seq, seq, ts, now).replace("sim:A", "acme:S0000"));
    });
    let published =
        ["run", "--url", &relay.url, "--publish", &relay.publish, "--rate", "500", "--connections", "1"];
    let output = loadgen(&[&published[..], &["--warmup", "0s", "--duration", "2s", "--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let us = |view: &str, point: &str| report["latency_us"][view][point].as_u64().unwrap();
    assert!(
        us("corrected", "p99") > 500_000 && us("corrected", "max") >= 600_000,
        "{}",
        report["latency_us"]
    );
    assert!(us("uncorrected", "p90") < 300_000, "{}", report["latency_us"]);
}

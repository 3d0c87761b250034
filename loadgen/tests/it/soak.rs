//! `loadgen soak`: verdicts on what drifts.

use crate::cli::{loadgen, stderr};
use crate::known::{SECOND_US, send_aged};
use crate::server::{Peer, Server};
use std::time::Instant;

/// Soaks for five seconds in which the server does `step` each 5 ms, with the number of the
/// update and the milliseconds since the first one.
fn soak(
    step: impl Fn(&mut Peer, u64, u64) + Send + Sync + 'static,
    arguments: &[&str],
) -> (i32, serde_json::Value) {
    let server = Server::start(move |peer| {
        peer.grant(0);
        peer.wait_for_window();
        let start = Instant::now();
        peer.repeat(|peer, round| step(peer, round + 1, start.elapsed().as_millis() as u64));
    });
    let url = server.url();
    let load =
        ["soak", "--url", &url, "--symbols", "sim:A", "--connections", "1", "--warmup", "0s", "--json"];
    let output = loadgen(&[&load[..], &["--duration", "5s", "--watch-every", "200ms"], arguments].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    (output.status.code().unwrap(), report)
}

#[test]
fn what_stays_the_same_is_steady() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let steady = |peer: &mut Peer, seq, _| send_aged(peer, seq, 100 * SECOND_US);
    // A busy machine may take some milliseconds more for a round.
    let (status, report) = soak(steady, &["--fall-max", "60%", "--out", out]);
    assert_eq!((status, &report["soak"]["reasons"]), (0, &serde_json::json!([])));
    let memory = &report["soak"]["broker_bytes"];
    assert_eq!((&memory["first"], &memory["by"]), (&1_048_576.0.into(), &0.0.into()));
    let watched = report["soak"]["watched"].as_array().unwrap();
    assert!(
        (15..=26).contains(&watched.len()) && watched[1]["own_bytes"].as_f64().unwrap() > 1e6,
        "{watched:?}"
    );
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(read("report.txt").contains("steady: it can go on like this"));
    assert!(read("report.html").contains("<figure id=\"memory-over-time\"><svg"));
}

#[test]
fn what_drifts_is_told_each_by_itself() {
    // Memory grows with each round, latencies by a second in 20 ms, and in the second half only every fourth update comes.
    let drifting = |peer: &mut Peer, round: u64, elapsed_ms: u64| {
        peer.claim_memory(1);
        if elapsed_ms < 2_500 || round.is_multiple_of(4) {
            send_aged(peer, round, SECOND_US * (100 + elapsed_ms / 20));
        }
    };
    let (status, report) = soak(drifting, &[]);
    let reasons: Vec<_> =
        report["soak"]["reasons"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    assert_eq!((status, reasons.len()), (1, 3), "{reasons:?}");
    for (reason, begin) in reasons.iter().zip([
        "the broker's memory grew by",
        "the 99th percentile of latencies rose by",
        "deliveries fell by",
    ]) {
        assert!(reason.starts_with(begin), "{reason}");
    }
    assert_eq!(report["failures"].as_array().unwrap().len(), 3);
}

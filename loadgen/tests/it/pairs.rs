//! `--floor-pairs`: the floor and a server in turns.

use crate::cli::{loadgen, stderr};
use crate::relay::{Relay, update};
use crate::server::Peer;
use serde_json::Value;
use std::sync::atomic::Ordering;

/// Two pairs; the exit status and the report. The second pair begins with the server, with which the first one ended.
fn pairs(
    command: &str,
    script: impl Fn(&mut Peer, u64) + Send + Sync + 'static,
    arguments: &[&str],
) -> (Option<i32>, Value) {
    let Relay { url, publish, house } = Relay::start(script);
    let line = [command, "--url", &url, "--publish", &publish, "--connections", "5", "--floor-pairs", "2"];
    let times = ["--warmup", "100ms", "--duration", "400ms", "--json"];
    let output = loadgen(&[&line[..], &times, arguments].concat());
    let most_open = house.most_open.load(Ordering::SeqCst);
    assert_eq!(most_open, 5, "no pass begins before the server has let go of the last one's connections");
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|_| panic!("{}", stderr(&output))))
}

#[test]
fn at_a_rate_both_get_the_same_work_in_turns() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("pairs");
    let arguments = ["--rate", "200", "--out", out.to_str().unwrap()];
    let (status, report) = pairs("run", update, &arguments);
    assert_eq!((status, &report["failures"]), (Some(0), &serde_json::json!([])));
    let order: Vec<_> = report["pairs"].as_array().unwrap().iter().map(|pair| &pair["first"]).collect();
    assert_eq!(order, ["floor", "broker"]);
    let deliveries = &report["summary"]["deliveries_per_s"];
    for whose in ["floor", "broker"] {
        let median = deliveries[whose]["median"].as_f64().unwrap();
        assert!((800.0..1_200.0).contains(&median), "{whose}: {deliveries}");
        let pair = &report["pairs"][0][whose];
        assert!(pair["p99_ms"].as_f64().unwrap() > 0.0 && pair["report"]["connections"]["live"] == 5);
    }
    // The test's server does not use a quantum of CPU time, as it says.
    assert_eq!(report["summary"]["server_us_per_delivery"]["broker"]["max"], 0.0);
    assert!(report["warnings"].to_string().contains("hundredths of a second"));
    let text = std::fs::read_to_string(out.join("report.txt")).unwrap();
    assert!(text.contains("broker / floor") && out.join("latency-floor.hgrm").exists(), "{text}");
}

#[test]
fn what_goes_wrong_in_a_half_is_told_with_its_pair() {
    let drop_one = |peer: &mut Peer, seq| {
        if seq != 30 {
            update(peer, seq);
        }
    };
    let (status, report) = pairs("saturate", drop_one, &["--ahead", "16"]);
    assert_eq!(status, Some(1));
    let failures = report["failures"].to_string();
    assert!(failures.contains("pair 1, broker: 5 updates are missing"), "{failures}");
    assert!(!failures.contains("floor"), "{failures}");
}

#[test]
fn a_load_that_the_floor_does_not_know_is_refused() {
    let line = ["run", "--url", "ws://127.0.0.1:1/", "--connections", "1", "--floor-pairs", "1"];
    for more in [&[][..], &["--publish", "127.0.0.1:1", "--rate", "1", "--verify"]] {
        let output = loadgen(&[&line[..], more].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("--floor-pairs: "), "{}", stderr(&output));
    }
}

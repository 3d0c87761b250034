//! `loadgen run` against a server that does known things.

use crate::server::{Peer, Server, frame, now_us, snapshot};
use clap::Parser;
use loadgen::cli::RunArgs;
use loadgen::report::{LatencySummary, Report};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

/// Runs with these arguments, one connection and short times by default.
fn run(server: &Server, arguments: &[&str]) -> Report {
    try_run(server, arguments).unwrap()
}

pub(crate) fn try_run(server: &Server, arguments: &[&str]) -> anyhow::Result<Report> {
    let url = server.url();
    let mut line = vec!["loadgen run", "--url", &url, "--warmup", "0s", "--seed", "1"];
    for (flag, value) in [("--connections", "1"), ("--duration", "300ms")] {
        if !arguments.contains(&flag) {
            line.extend([flag, value]);
        }
    }
    line.extend(arguments);
    let args = RunArgs::try_parse_from(line).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(loadgen::run::run(&args))
}

fn quote(seq: u64, rest: &str) -> String {
    format!(
        r#"{{"type":"update","channel":"quotes","symbol":"sim:A","seq":[{seq},{seq}]{rest},"bid":"{seq}.0"}}"#
    )
}

/// Names of the faults with their counts.
fn faults(report: &Report) -> Vec<(String, u64)> {
    let faults = &report.verification.as_ref().unwrap().faults;
    faults.counts.iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[test]
fn latency_is_counted_from_the_intended_time() {
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.repeat(|peer, round| {
            let now = now_us();
            peer.text(&quote(round + 1, &format!(r#","ts":{},"rx":{}"#, now - 50_000, now - 20_000)));
        });
    });
    let report = run(&server, &["--symbols", "sim:A", "--duration", "500ms"]);
    let (corrected, uncorrected) =
        (report.latency_us.corrected.unwrap(), report.latency_us.uncorrected.unwrap());
    assert!((50_000..75_000).contains(&corrected.p50), "{corrected:?}");
    assert!((20_000..45_000).contains(&uncorrected.p50), "{uncorrected:?}");
    let counts = &report.received.counts;
    assert_eq!(corrected.count + counts.catching_up, counts.updates);
    assert_eq!((report.latency_us.negative, report.latency_us.without_ts), (0, 0));
    assert_eq!(report.broker.resident_bytes_after, Some(1_048_576.0));
    assert!(report.failures.is_empty(), "{:?}", report.failures);
}

#[test]
fn what_a_newcomer_catches_up_on_is_no_latency() {
    let server = Server::start(|peer| {
        let begin = now_us();
        peer.grant(0);
        peer.repeat(|peer, round| {
            let rx = if round % 2 == 0 { begin - 5_000_000 } else { now_us() };
            peer.text(&quote(round + 1, &format!(r#","ts":{rx},"rx":{rx}"#)));
        });
    });
    let report = run(&server, &["--symbols", "sim:A"]);
    let counts = &report.received.counts;
    assert!(counts.catching_up > 0 && counts.catching_up < counts.updates);
    let latency = report.latency_us.corrected.unwrap();
    assert_eq!(latency.count + counts.catching_up, counts.updates);
    assert!(latency.max < 5_000_000, "{latency:?}");
}

#[test]
fn updates_without_times_or_from_the_future_are_told_apart() {
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.repeat(|peer, round| {
            let rx = now_us() + 3_600_000_000;
            peer.text(&quote(round + 1, &format!(r#","rx":{rx}"#)));
        });
    });
    let report = run(&server, &["--symbols", "sim:A"]);
    let updates = report.received.counts.updates;
    assert!(updates > 0 && report.latency_us.corrected.is_none());
    assert_eq!((report.latency_us.negative, report.latency_us.without_ts), (updates, updates));
    let warnings = report.warnings.join("\n");
    assert!(warnings.contains("no update has the time of its event"), "{warnings}");
    assert!(warnings.contains("before their own times"), "{warnings}");
}

#[test]
fn all_symbols_of_the_server_are_asked_for_with_the_tier() {
    let (sender, requests) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |peer| {
        let _ = sender.lock().unwrap().send(peer.grant(0));
    });
    run(&server, &["--popularity", "all", "--interval-ms", "250", "--channel", "book"]);
    let params = requests.recv().unwrap()["params"].clone();
    let expected =
        serde_json::json!({"channel": "book", "symbols": ["sim:A", "sim:B", "sim:C"], "interval_ms": 250});
    assert_eq!(params, expected);
}

#[test]
fn what_is_right_verifies_and_adds_up() {
    let server = Server::start(|peer| {
        peer.grant(5);
        for text in [
            snapshot("sim:A", 5),
            quote(6, ""),
            r#"{"type":"conflated","channel":"quotes","symbol":"sim:A","seq":[7,19]}"#.to_owned(),
            quote(20, ""),
        ] {
            peer.text(&text);
        }
        // The last comparison with a fresh snapshot.
        while let Some((id, request)) = peer.request() {
            assert_eq!(request["params"]["snapshot"], true);
            peer.grant_request(id, &request, 20);
            peer.text(&snapshot("sim:A", 20));
        }
    });
    let report = run(&server, &["--symbols", "sim:A", "--verify", "--connections", "3"]);
    let verification = report.verification.as_ref().unwrap();
    assert_eq!(faults(&report), []);
    assert_eq!(verification.account.spanned, 3 * 15);
    assert_eq!((verification.account.delivered, verification.account.conflated), (3 * 2, 3 * 13));
    assert_eq!((verification.asked, verification.answered), (1, 1));
    assert!(report.failures.is_empty(), "{:?}", report.failures);
}

#[test]
fn what_is_wrong_is_found_with_its_frame() {
    let server = Server::start(|peer| {
        peer.grant(5);
        for text in [
            snapshot("sim:A", 5),
            quote(7, ""),
            snapshot("sim:A", 8),
            snapshot("sim:A", 8).replace("8.0", "8.00"),
        ] {
            peer.text(&text);
        }
        while let Some((id, request)) = peer.request() {
            peer.grant_request(id, &request, 8);
            peer.text(&snapshot("sim:A", 8));
        }
    });
    let report = run(&server, &["--symbols", "sim:A", "--verify"]);
    assert_eq!(faults(&report), [("digits".to_owned(), 1), ("tiling".to_owned(), 1)]);
    let listed = &report.verification.as_ref().unwrap().faults.listed;
    assert!(listed.iter().any(|fault| fault.fault == "digits" && fault.frame.contains("8.00")));
    assert_eq!(report.failures, ["verification found 2 faults"]);
}

#[test]
fn frames_in_any_pieces_with_pings_between_are_whole() {
    let (sender, pongs) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |peer| {
        peer.grant(0);
        let (one, two) = (quote(1, ""), quote(2, ""));
        let (start, end) = two.split_at(20);
        let pieces = [
            frame(0x81, one.as_bytes()),
            frame(0x01, start.as_bytes()),
            frame(0x89, b"are you there"),
            frame(0x80, end.as_bytes()),
            frame(0x81, quote(3, &format!(r#","note":"{}""#, "x".repeat(300))).as_bytes()),
        ];
        pieces.concat().chunks(1).for_each(|byte| peer.raw(byte));
        let _ = sender.lock().unwrap().send(peer.receive());
    });
    let report = run(&server, &["--symbols", "sim:A", "--verify"]);
    assert_eq!(faults(&report), []);
    let verification = report.verification.as_ref().unwrap();
    assert_eq!((verification.frames, verification.account.delivered), (3, 3));
    let pong = pongs.recv().unwrap().unwrap();
    assert_eq!((pong.opcode, pong.payload.as_slice()), (10, b"are you there".as_slice()));
}

#[test]
fn close_codes_decide_who_comes_back() {
    let server = Server::start(|peer| {
        peer.grant(0);
        match peer.number {
            0 => peer.close(4008, "slow consumer"),
            1 => peer.close(1001, "shutdown"),
            _ => {}
        }
    });
    let report = run(&server, &["--symbols", "sim:A", "--duration", "800ms"]);
    let ended: Vec<_> = report.connections.ended.iter().collect();
    assert_eq!(ended, [("close 1001 shutdown", 1), ("close 4008 slow consumer", 1)]);
    assert_eq!((report.connections.live, report.connections.gone), (1, 0));

    let server = Server::start(|peer| {
        peer.grant(0);
        peer.close(4501, "bad token");
    });
    let report = run(&server, &["--symbols", "sim:A"]);
    assert_eq!((report.connections.live, report.connections.gone), (0, 1));
    assert_eq!(report.failures, ["1 of 1 connections could not be held"]);
}

#[test]
fn refusals_and_nonsense_are_reported() {
    let server = Server::start(|peer| {
        let (id, _) = peer.request().unwrap();
        let refusal = r#"{"symbol":"sim:A","code":"unknown_symbol","message":"no such symbol"}"#;
        peer.text(&format!(r#"{{"id":{id},"result":{{"subscribed":[],"rejected":[{refusal}]}}}}"#));
        peer.text("nonsense");
        peer.frame(0x82, b"binary");
    });
    let report = run(&server, &["--symbols", "sim:A"]);
    let refused: Vec<_> = report.connections.refused.iter().collect();
    assert_eq!(refused, [("unknown_symbol: no such symbol", 1)]);
    assert_eq!(report.unparsable.len(), 2);
    assert!(report.unparsable[0].contains("nonsense") && report.unparsable[1].contains("a binary message"));
}

#[test]
fn broken_framing_ends_the_connection_for_good() {
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.raw(&[0x81, 0x81, 0, 0, 0, 0, 0]);
    });
    let report = run(&server, &["--symbols", "sim:A"]);
    let ended: Vec<_> = report.connections.ended.iter().collect();
    assert_eq!(ended, [("framing: the server sent a masked frame", 1)]);
    assert_eq!(report.connections.gone, 1);
}

#[test]
fn data_after_an_unsubscribe_is_found_and_leavers_come_back() {
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.update("sim:A", 1);
        while let Some((id, request)) = peer.request() {
            if request["method"] == "unsubscribe" {
                peer.text(&format!(r#"{{"id":{id},"result":{{"unsubscribed":1}}}}"#));
                return peer.text(&quote(2, ""));
            }
            peer.answer_request(&request);
        }
    });
    // Each connection leaves each 100 ms on average.
    let arguments = ["--symbols", "sim:A", "--verify", "--churn", "60000%/min", "--duration", "1s"];
    let report = run(&server, &arguments);
    let found = faults(&report);
    assert!(matches!(found.as_slice(), [(name, 1..)] if name == "after_unsubscribe"), "{found:?}");
    assert!(report.connections.churned >= 2, "{:?}", report.connections);
}

/// A run with these arguments in which a connection is cut off after `seq` 6 and gets what begins with 7, or with 8: what was
/// asked for, and the report.
fn cut_off(arguments: &[&str], goes_on: u64) -> (Vec<serde_json::Value>, Report) {
    let (sender, asked) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |peer| {
        let Some((id, request)) = peer.request() else { return };
        let _ = sender.lock().unwrap().send(request["params"]["symbols"].clone());
        if peer.number == 0 {
            peer.grant_request(id, &request, 5);
            peer.text(&snapshot("sim:A", 5));
            peer.text(&quote(6, ""));
            return peer.close(4008, "slow consumer");
        }
        let granted = r#"{"channel":"quotes","symbol":"sim:A","epoch":"e1","seq":6,"resumed":true}"#;
        peer.text(&format!(r#"{{"id":{id},"result":{{"subscribed":[{granted}]}}}}"#));
        peer.update("sim:A", goes_on);
    });
    let start = ["--symbols", "sim:A", "--resume", "--duration", "1s"];
    let report = run(&server, &[&start[..], arguments].concat());
    (asked.try_iter().collect(), report)
}

#[test]
fn who_is_cut_off_resumes() {
    let (asked, report) = cut_off(&["--verify"], 7);
    let resumed = serde_json::json!([{"symbol": "sim:A", "epoch": "e1", "after": 6}]);
    assert_eq!(asked, [serde_json::json!(["sim:A"]), resumed]);
    let verification = report.verification.as_ref().unwrap();
    assert_eq!((verification.resumed, faults(&report).len()), (1, 0), "{verification:?}");
    assert!(verification.account.adds_up() && report.failures.is_empty(), "{report:?}");
    assert_eq!((report.connections.resumed, report.connections.not_resumed), (1, 0));
}

#[test]
fn who_is_cut_off_resumes_without_being_verified_and_sees_what_is_out_of_place() {
    let (asked, report) = cut_off(&[], 7);
    let resumed = serde_json::json!([{"symbol": "sim:A", "epoch": "e1", "after": 6}]);
    assert_eq!(asked, [serde_json::json!(["sim:A"]), resumed]);
    let connections = &report.connections;
    assert_eq!((connections.resumed, connections.not_resumed, connections.misplaced), (1, 0, 0));
    assert!(report.failures.is_empty() && report.verification.is_none(), "{report:?}");

    let (_, report) = cut_off(&[], 8);
    assert_eq!(report.connections.misplaced, 1);
    assert!(
        report.failures[0].contains("1 frames do not begin where the last one ended"),
        "{:?}",
        report.failures
    );
}

#[test]
fn latencies_are_told_apart_by_tier() {
    let server = Server::start(|peer| {
        let tiered = peer.grant(0)["params"]["interval_ms"] == 50;
        let age = if tiered { 50_000 } else { 0 };
        peer.repeat(|peer, round| {
            let ts = now_us() - age;
            peer.text(&quote(round + 1, &format!(r#","ts":{ts},"rx":{ts}"#)));
        });
    });
    let mixed = ["--symbols", "sim:A", "--connections", "4", "--interval-ms", "50", "--tiered", "50%"];
    let report = run(&server, &mixed);
    let p50 = |latency: &LatencySummary| latency.corrected.unwrap().p50;
    assert!(p50(&report.latency_us) < 50_000);
    assert!(p50(report.tiered_latency_us.as_ref().unwrap()) >= 50_000);
    assert_eq!((report.load.tiered, report.load.interval_ms), (2, 50));
    assert!(run(&server, &mixed[..6]).tiered_latency_us.is_none());
}

#[test]
fn stalled_connections_never_read_and_trickling_ones_hardly_do() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = sent.clone();
    let server = Server::start(move |peer| {
        peer.grant(0);
        let mut bytes = 0;
        let text = quote(1, &format!(r#","note":"{}""#, "x".repeat(30_000)));
        let frame = frame(0x81, text.as_bytes());
        // Into what is not read, no more fits than the kernel's buffers hold.
        bytes += send_for_a_while(peer, &frame);
        seen.lock().unwrap().push(bytes);
    });
    let report =
        run(&server, &["--symbols", "sim:A", "--connections", "4", "--stalled", "50%", "--trickling", "50%"]);
    assert_eq!(report.connections.live, 4);
    assert!(report.received.counts.bytes < 4 * 4096, "{:?}", report.received);
    assert!(report.slow_latency_us.is_some());
}

fn send_for_a_while(peer: &mut Peer, frame: &[u8]) -> usize {
    let mut sent = 0;
    peer.repeat(|peer, round| {
        if round < 20 {
            peer.raw(frame);
            sent += frame.len();
        }
    });
    sent
}

#[test]
fn a_server_that_goes_away_for_good_fails_the_run() {
    let server = Server::refusing(
        &["sim:A"],
        |number| number > 0,
        |peer| {
            peer.grant_with_snapshots(1, 0);
            peer.wait_for_window();
            peer.close(1001, "shutdown");
        },
    );
    let report = run(&server, &["--verify"]);
    assert_eq!((report.connections.live, report.connections.gone), (0, 0));
    assert_eq!(report.failures, ["no connection was live at the end: 1 had ended, and none came back"]);
}

#[test]
fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server { address: listener.local_addr().unwrap(), house: Arc::default() };
    drop(listener);
    let report = run(&server, &["--symbols", "sim:A", "--connections", "2", "--connect-timeout", "300ms"]);
    assert_eq!((report.connections.live, report.connections.gone), (0, 2));
    let reasons: Vec<_> =
        report.connections.failed_attempts.iter().map(|(reason, _)| reason.to_owned()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("refused")), "{reasons:?}");
    assert_eq!(report.failures, ["2 of 2 connections could not be held"]);
    let error = try_run(&server, &[]).unwrap_err();
    assert!(error.to_string().contains("GET /v1/symbols"), "{error:#}");
}

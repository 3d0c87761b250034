//! `loadgen storm` against a server that does known things.

use crate::server::{Peer, Server};
use clap::Parser;
use loadgen::cli::StormArgs;
use loadgen::storm::report::StormReport;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Connections of a storm here: five that are cut and two that stay.
const AT_FIRST: usize = 7;

fn storm(server: &Server, arguments: &[&str]) -> StormReport {
    let url = server.url();
    let mut line = vec!["loadgen storm", "--url", &url, "--warmup", "0s", "--seed", "1"];
    for (flag, value) in [
        ("--connections", "5"),
        ("--live", "2"),
        ("--symbols-per-connection", "2"),
        ("--baseline", "300ms"),
        ("--within", "100ms"),
    ] {
        if !arguments.contains(&flag) {
            line.extend([flag, value]);
        }
    }
    line.extend(arguments);
    let args = StormArgs::try_parse_from(line).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(loadgen::storm::run(&args)).unwrap()
}

/// Sends an update of each symbol after the snapshots of `seq`, again and again.
fn updates(peer: &mut Peer, symbols: &[String], seq: u64) {
    peer.repeat(|peer, round| {
        symbols.iter().for_each(|symbol| peer.update(symbol, seq + 1 + round));
    });
}

fn serve(peer: &mut Peer) {
    let symbols = peer.grant_with_snapshots(9, 0);
    updates(peer, &symbols, 9);
}

#[test]
fn all_come_back_on_time_while_the_others_are_measured() {
    let report = storm(&Server::start(serve), &[]);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    let comeback = &report.comeback;
    assert_eq!((comeback.consistent, comeback.consistent_in_time, comeback.retries), (5, 5, 0));
    let took = comeback.all_consistent_s.unwrap();
    // The last of five is due after four fifths of 100 ms.
    assert!((0.08..5.0).contains(&took), "{took}");
    let steps = &comeback.steps_us;
    let medians = [&steps.connected, &steps.upgraded, &steps.replied, &steps.first_frame, &steps.consistent]
        .map(|step| step.unwrap().p50);
    assert!(medians.is_sorted(), "{medians:?}");
    assert_eq!((comeback.received.snapshots, comeback.faults.total()), (10, 0));
    assert!(comeback.checked > 20);

    let live = &report.live;
    let (before, after) = (live.before.as_ref().unwrap(), live.after.as_ref().unwrap());
    assert!(before.counts.updates > 0 && after.counts.updates > 0);
    assert!(live.during_to_before.is_some_and(|ratios| ratios.p50 > 0.0), "{:?}", live.during_to_before);
    let verification = live.verification.as_ref().unwrap();
    assert_eq!((live.live, verification.faults.total(), verification.account.adds_up()), (2, 0, true));
    assert_eq!(report.client.nice, Some(10));
    assert_eq!(report.broker.resident_bytes.peak, Some(1_048_576.0));
}

#[test]
fn connections_are_cut_as_asked_for() {
    for (cut, is_reset) in [("reset", true), ("close", false)] {
        let ends = Arc::new(Mutex::new(Vec::new()));
        let seen = ends.clone();
        let server = Server::start(move |peer| {
            peer.grant_with_snapshots(9, 0);
            if peer.number < AT_FIRST {
                peer.follow();
                seen.lock().unwrap().push(peer.was_reset);
            }
        });
        let report = storm(&server, &["--cut", cut]);
        assert_eq!(report.comeback.consistent, 5, "{:?}", report.failures);
        // Those that stay end after the storm, and never by a reset.
        let by_reset = ends.lock().unwrap().iter().filter(|by_reset| **by_reset).count();
        assert_eq!(by_reset, if is_reset { 5 } else { 0 });
    }
}

#[test]
fn who_is_refused_tries_again() {
    let refuses = |number| number == AT_FIRST || number == AT_FIRST + 3;
    let report = storm(&Server::refusing(&["sim:A", "sim:B"], refuses, serve), &[]);
    let comeback = &report.comeback;
    assert_eq!((comeback.consistent, comeback.retries, comeback.failed_attempts.total()), (5, 2, 2));
    let reasons: Vec<_> = comeback.failed_attempts.iter().collect();
    assert!(matches!(reasons[..], [(reason, 2)] if reason.contains("503")), "{reasons:?}");
    assert_eq!(comeback.earlier_failures.total(), 0);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
}

#[test]
fn who_lacks_a_snapshot_is_not_consistent() {
    let server = Server::start(|peer| {
        let withheld = usize::from(peer.number == AT_FIRST + 1);
        peer.grant_with_snapshots(9, withheld);
    });
    let report = storm(&server, &["--limit", "300ms", "--patience", "200ms"]);
    let comeback = &report.comeback;
    assert_eq!((comeback.consistent, comeback.all_consistent_s), (4, None));
    // All have got something.
    assert_eq!(comeback.steps_us.first_frame.unwrap().count, 5);
    assert_eq!(
        report.failures,
        ["1 of 5 connections were not consistent 0.3 s after the cut; 0 of them were later"]
    );
}

#[test]
fn who_is_late_is_waited_for_and_told() {
    let server = Server::start(|peer| {
        if peer.number == AT_FIRST {
            std::thread::sleep(std::time::Duration::from_millis(600));
        }
        serve(peer);
    });
    let report = storm(&server, &["--limit", "300ms"]);
    assert_eq!((report.comeback.consistent, report.comeback.consistent_in_time), (5, 4));
    assert!((0.6..5.0).contains(&report.comeback.all_consistent_s.unwrap()));
    assert!(report.failures[0].ends_with("1 of them were later"), "{:?}", report.failures);
}

#[test]
fn a_hole_in_a_range_is_a_failure() {
    let server = Server::start(|peer| {
        let symbols = peer.grant_with_snapshots(9, 0);
        if peer.number == AT_FIRST {
            peer.update(&symbols[1], 12);
        }
    });
    let report = storm(&server, &[]);
    let faults = &report.comeback.faults;
    assert_eq!(faults.counts.iter().collect::<Vec<_>>(), [("tiling", 1)]);
    assert_eq!(faults.listed[0].message, "the range begins at 12 where 10 was due");
    assert_eq!(report.failures, ["1 frames of the connections that came back were not as promised"]);
    assert_eq!(report.comeback.consistent, 5);
}

#[test]
fn those_that_stay_are_verified() {
    let server = Server::start(|peer| {
        let symbols = peer.grant_with_snapshots(9, 0);
        if peer.number < AT_FIRST {
            peer.update(&symbols[0], 11);
        }
    });
    let report = storm(&server, &[]);
    // One hole for each of two that stay; and for each of five that are cut, which are checked before that too.
    let verification = report.live.verification.as_ref().unwrap();
    assert_eq!((verification.faults.total(), report.comeback.faults.total()), (2, 5));
    assert!(report.failures.contains(&"verification found 2 faults".to_owned()), "{:?}", report.failures);
}

#[test]
fn a_cold_storm_begins_with_those_that_stay_alone() {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    let server = Server::start(move |peer| {
        seen.fetch_max(peer.number + 1, Ordering::Relaxed);
        serve(peer);
    });
    let report = storm(&server, &["--fresh", "--within", "0s"]);
    assert_eq!((report.comeback.consistent, report.load.cut), (5, None));
    assert_eq!((most.load(Ordering::Relaxed), report.comeback.earlier_ends.total()), (AT_FIRST, 0));
    assert!(report.failures.is_empty(), "{:?}", report.failures);
}

#[test]
fn who_resumes_asks_for_what_it_missed() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    let server = Server::start(move |peer| {
        if peer.number < AT_FIRST {
            peer.grant_with_snapshots(9, 0);
            return;
        }
        let (id, request) = peer.request().unwrap();
        let symbols = request["params"]["symbols"].as_array().unwrap().clone();
        let granted: Vec<String> = symbols
            .iter()
            .map(|asked| {
                let symbol = &asked["symbol"];
                format!(r#"{{"channel":"quotes","symbol":{symbol},"epoch":"e1","seq":9,"resumed":true}}"#)
            })
            .collect();
        peer.text(&format!(r#"{{"id":{id},"result":{{"subscribed":[{}]}}}}"#, granted.join(",")));
        for asked in &symbols {
            peer.update(asked["symbol"].as_str().unwrap(), 10);
        }
        seen.lock().unwrap().extend(symbols);
    });
    let report = storm(&server, &["--resume"]);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    assert_eq!((report.comeback.consistent, report.comeback.received.snapshots), (5, 0));
    let requests = requests.lock().unwrap();
    assert!(requests.iter().all(|asked| asked["epoch"] == "e1" && asked["after"] == 9), "{requests:?}");
    assert_eq!(requests.len(), 10);
}

#[test]
fn who_is_sent_away_for_good_is_not_waited_for() {
    let server = Server::start(|peer| {
        if peer.number >= AT_FIRST {
            peer.close(4505, "too many connections");
        } else {
            serve(peer);
        }
    });
    let begin = std::time::Instant::now();
    let report = storm(&server, &["--patience", "60s"]);
    assert!(begin.elapsed().as_secs() < 30);
    assert_eq!((report.comeback.consistent, report.comeback.failed_attempts.total()), (0, 5));
    assert!(report.comeback.steps_us.upgraded.is_none() && report.comeback.from_cut_us.is_none());
    assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
}

#[test]
fn what_ends_without_being_cut_is_told_apart() {
    let server = Server::start(|peer| {
        peer.grant_with_snapshots(9, 0);
        if peer.number < AT_FIRST {
            std::thread::sleep(std::time::Duration::from_millis(100));
            peer.close(1001, "restart");
        }
    });
    let report = storm(&server, &["--baseline", "900ms"]);
    assert_eq!((report.comeback.earlier_ends.total(), report.comeback.ended.total()), (5, 0));
    assert_eq!((report.comeback.consistent, report.live.ended.total()), (5, 2));
    assert_eq!(report.failures, ["of 2 connections that were to stay, 0 are missing and 2 ended meanwhile"]);
    assert!(
        report.warnings.iter().any(|warning| warning.contains("trouble before")),
        "{:?}",
        report.warnings
    );
}

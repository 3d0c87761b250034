//! Latencies of updates that are as late as the server makes them.

use super::{SECOND_US, are_those_of, merged, run, send_aged};
use crate::server::{Server, now_us};
use loadgen::class::Kind;
use loadgen::report::Percentiles;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn every_percentile_is_that_of_the_delays() {
    // From 0.1 s to 1,000 s, in mixed order: 7 has no factor in common with the number of updates.
    const UPDATES: u64 = 10_000;
    let age_us = |number: u64| (number * 7 % UPDATES + 1) * 100_000;
    let server = Server::start(move |peer| {
        peer.grant(0);
        peer.wait_for_window();
        (0..UPDATES).for_each(|number| send_aged(peer, number + 1, age_us(number)));
    });
    let report = run(&server, &["--duration", "2s"]);
    let mut ages: Vec<u64> = (0..UPDATES).map(age_us).collect();
    ages.sort_unstable();
    are_those_of(&report.latency_us.corrected.unwrap(), &ages);
    let uncorrected = report.latency_us.uncorrected.unwrap();
    assert!(uncorrected.count == UPDATES && uncorrected.max < 2 * SECOND_US, "{uncorrected:?}");
    assert_eq!((report.latency_us.negative, report.latency_us.without_ts), (0, 0));
}

#[test]
fn each_class_of_clients_has_its_own() {
    // Whoever is on a tier gets what is 200 s late; a connection that comes back, 300 s more.
    let server = Server::start(|peer| {
        let tiered = peer.grant(0)["params"]["interval_ms"] == 100;
        peer.wait_for_window();
        let returned = peer.number >= 4;
        let age = SECOND_US * (100 + if tiered { 100 } else { 0 } + if returned { 300 } else { 0 });
        (1..=20).for_each(|seq| send_aged(peer, seq, age));
        peer.wait_until_read();
        if !returned {
            peer.close(4008, "slow consumer");
        }
    });
    let load = ["--connections", "4", "--interval-ms", "100", "--tiered", "50%", "--duration", "2s"];
    let report = run(&server, &load);
    let classes: Vec<_> = report.classes.iter().map(|class| (class.interval_ms, class.kind)).collect();
    assert_eq!(classes, [(0, Kind::Prompt), (0, Kind::Returned), (100, Kind::Prompt), (100, Kind::Returned)]);
    for (class, age_s) in report.classes.iter().zip([100, 400, 200, 500]) {
        are_those_of(&class.latency_us.corrected.unwrap(), &[age_s * SECOND_US; 40]);
        assert_eq!((class.opened, class.deliveries, class.counts.updates), (2, 40, 40), "{class:?}");
    }
    let both = [[100 * SECOND_US; 40], [400 * SECOND_US; 40]].concat();
    are_those_of(&report.latency_us.corrected.unwrap(), &both);
    let both = [[200 * SECOND_US; 40], [500 * SECOND_US; 40]].concat();
    are_those_of(&report.tiered_latency_us.unwrap().corrected.unwrap(), &both);
}

#[test]
fn slow_clients_have_their_own() {
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.wait_for_window();
        (1..=3).for_each(|seq| send_aged(peer, seq, 100 * SECOND_US));
    });
    let slow = ["--connections", "3", "--stalled", "33%", "--trickling", "34%", "--duration", "3s"];
    let report = run(&server, &slow);
    let kinds: Vec<_> = report.classes.iter().map(|class| (class.kind, class.counts.updates)).collect();
    assert_eq!(kinds, [(Kind::Prompt, 3), (Kind::Trickling, 3), (Kind::Stalled, 0)]);
    are_those_of(&report.latency_us.corrected.unwrap(), &[100 * SECOND_US; 3]);
    // What a trickling client reads once a second may have waited for two of them.
    let slow = report.slow_latency_us.unwrap().corrected.unwrap();
    assert!((100 * SECOND_US..103 * SECOND_US).contains(&slow.p50) && slow.count == 3, "{slow:?}");
}

/// When an update was due, when it was sent, and when it was known to have been read.
type Times = (u64, u64, u64);

#[test]
fn a_stall_delays_all_that_was_due_in_it() {
    // An update is due each 2 ms; from 300 ms to 800 ms the server is stuck, and then sends what is due at once.
    let (due_each_us, stuck_us) = (2_000, 300_000..800_000);
    let log = Arc::<Mutex<Vec<Times>>>::default();
    let sent = log.clone();
    let server = Server::start(move |peer| {
        peer.grant(0);
        peer.wait_for_window();
        let start = now_us();
        for number in 0..500 {
            let due = start + number * due_each_us;
            let until = if stuck_us.contains(&(due - start)) { start + stuck_us.end } else { due };
            std::thread::sleep(Duration::from_micros(until.saturating_sub(now_us())));
            let now = now_us();
            peer.text(&merged(number + 1, number + 1, due, now));
            peer.wait_until_read();
            sent.lock().unwrap().push((due, now, now_us()));
        }
    });
    let report = run(&server, &["--duration", "3s"]);
    let log = log.lock().unwrap();
    let corrected = report.latency_us.corrected.unwrap();
    lies_between(&corrected, &log, |(due, sent, read)| (sent - due, read - due));
    let uncorrected = report.latency_us.uncorrected.unwrap();
    lies_between(&uncorrected, &log, |(_, sent, read)| (0, read - sent));
    // Half of the updates were due in the stall: the tenth of all that waited longest did so for 400 ms and more. To who
    // looks from the sending on, nothing happened.
    assert!(
        corrected.p90 >= 400_000 && corrected.p99 >= 490_000 && corrected.max >= 500_000,
        "{corrected:?}"
    );
    assert!(uncorrected.p90 < 100_000, "{uncorrected:?}");
}

/// The percentiles lie between those of what updates took at least and at most.
fn lies_between(figures: &Percentiles, log: &[Times], of: impl Fn(Times) -> (u64, u64)) {
    let (mut least, mut most): (Vec<_>, Vec<_>) = log.iter().map(|times| of(*times)).unzip();
    least.sort_unstable();
    most.sort_unstable();
    assert_eq!(figures.count, log.len() as u64);
    for (figure, quantile) in
        [(figures.p50, 0.5), (figures.p90, 0.9), (figures.p99, 0.99), (figures.max, 1.0)]
    {
        let at = (quantile * log.len() as f64).ceil() as usize - 1;
        let bounds = least[at] as f64 * 0.999..=most[at] as f64 * 1.001 + 1.0;
        assert!(bounds.contains(&(figure as f64)), "{figure} at {quantile}, expected {bounds:?}");
    }
}

//! Counts of what the server sends, skips, repeats and reorders.

use super::{SECOND_US, is_close, merged, run, send_aged};
use crate::server::{Peer, Server, frame, now_us};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A frame of `sim:A` besides updates.
fn other(kind: &str, channel: &str, first: u64, last: u64, rest: &str) -> String {
    format!(r#"{{"type":"{kind}","channel":"{channel}","symbol":"sim:A","seq":[{first},{last}]{rest}}}"#)
}

#[test]
fn every_kind_of_frame_is_counted_and_every_byte() {
    let bytes = Arc::<AtomicU64>::default();
    let sent = bytes.clone();
    let server = Server::start(move |peer| {
        peer.grant(0);
        peer.wait_for_window();
        let now = now_us();
        let mut all: Vec<String> = (1..=50).map(|seq| merged(seq, seq, now, now)).collect();
        all.extend((0..10).map(|i| merged(51 + 7 * i, 57 + 7 * i, now, now)));
        all.push(other("conflated", "quotes", 121, 150, ""));
        all.push(other("conflated", "quotes", 151, 151, ""));
        all.push(other("state", "quotes", 152, 152, r#","state":"stale""#));
        all.push(other("snapshot", "quotes", 152, 152, r#","epoch":"e1","state":"stale","bid":"1""#));
        all.push(other("gap", "trades", 1, 9, r#","lost":9,"reason":"slow_consumer""#));
        all.push(other("gap", "trades", 10, 10, r#","lost":4,"reason":"venue""#));
        all.push(r#"{"type":"heartbeat","ts":1}"#.to_owned());
        all.push("nonsense".to_owned());
        let frames = all.iter().map(|text| frame(0x81, text.as_bytes())).collect::<Vec<_>>().concat();
        sent.store(frames.len() as u64, Ordering::SeqCst);
        peer.raw(&frames);
    });
    let report = run(&server, &["--duration", "1s"]);
    let counts = &report.received.counts;
    assert_eq!((counts.updates, counts.entries, counts.snapshots, counts.states), (60, 120, 1, 1));
    assert_eq!((counts.conflated_frames, counts.conflated_entries), (2, 31));
    assert_eq!((counts.gap_frames, counts.lost_slow, counts.lost_venue), (2, 9, 4));
    assert_eq!((counts.heartbeats, counts.unparsable), (1, 1));
    assert_eq!((report.received.deliveries, counts.bytes), (62, bytes.load(Ordering::SeqCst)));
    is_close((report.received.deliveries_per_s * report.load.measured_s * 1e3).round() as u64, 62_000);
    // The same by class, of which there is one; what is not about a topic belongs to none.
    let of_class = &report.classes[0].counts;
    assert_eq!((of_class.updates, of_class.bytes, of_class.heartbeats), (60, counts.bytes, 0));
}

/// How many frames of quotes do not follow the one before them.
fn broken(seqs: &[u64]) -> u64 {
    seqs.windows(2).filter(|pair| pair[1] != pair[0] + 1).count() as u64
}

/// The faults that are found in updates with these numbers after a snapshot of the first one.
fn faults(seqs: &[u64]) -> Vec<(String, u64)> {
    let sent = seqs.to_vec();
    let server = Server::start(move |peer: &mut Peer| {
        peer.grant(sent[0]);
        peer.snapshot("sim:A", sent[0]);
        sent[1..].iter().for_each(|seq| peer.update("sim:A", *seq));
    });
    let report = run(&server, &["--verify"]);
    let faults = &report.verification.as_ref().unwrap().faults;
    assert_eq!(report.failures.is_empty(), faults.total() == 0, "{:?}", report.failures);
    faults.counts.iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[test]
fn what_is_dropped_repeated_or_reordered_is_found_each_time() {
    let dropped: Vec<u64> = (1..=400).filter(|seq| seq % 10 != 0).collect();
    let repeated: Vec<u64> = (1..=400).flat_map(|seq| vec![seq; if seq % 16 == 0 { 2 } else { 1 }]).collect();
    let reordered: Vec<u64> = (1..=400)
        .map(|seq| match seq % 20 {
            7 => seq + 1,
            8 => seq - 1,
            _ => seq,
        })
        .collect();
    for (seqs, expected) in [(dropped, 39), (repeated, 25), (reordered, 60)] {
        assert_eq!(broken(&seqs), expected);
        assert_eq!(faults(&seqs), [("tiling".to_owned(), expected)]);
    }
    assert_eq!(faults(&(1..=400).collect::<Vec<_>>()), []);
}

#[test]
fn the_brokers_own_account_is_that_of_its_metrics() {
    let server = Server::start(|peer| {
        peer.grant(0);
        peer.wait_for_window();
        peer.claim(500, 3);
        (1..=100).for_each(|seq| send_aged(peer, seq, 100 * SECOND_US));
    });
    let broker = run(&server, &["--duration", "1s"]).broker;
    assert_eq!((broker.cpu_s, broker.us_per_delivery), (Some(0.5), Some(5_000.0)));
    assert_eq!(
        (broker.resident_bytes_before, broker.resident_bytes_after),
        (Some(1_048_576.0), Some(1_048_576.0))
    );
    let counters: Vec<_> = broker.counters.iter().map(|(name, by)| (name.as_str(), *by)).collect();
    assert_eq!(counters, [("tickcast_feed_gaps_total", 3.0)]);
}

//! `loadgen saturate` against servers that do what is asked, or nearly.

use crate::relay::{Relay, frame, update};
use crate::server::Peer;
use clap::Parser;
use loadgen::cli::SaturateArgs;
use loadgen::report::Report;
use loadgen::streak::Misses;

/// Saturates a server that passes on what is published by `script`.
fn saturate(script: impl Fn(&mut Peer, u64) + Send + Sync + 'static, arguments: &[&str]) -> Report {
    let Relay { url, publish, .. } = Relay::start(script);
    let line = ["saturate", "--url", &url, "--publish", &publish, "--warmup", "0s", "--duration", "400ms"];
    let args = SaturateArgs::try_parse_from(line.iter().chain(arguments)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(loadgen::saturate::run(&args)).unwrap()
}

const NONE: Misses = Misses { missing: 0, repeated: 0, conflated: 0, snapshots: 0, foreign: 0 };

#[test]
fn all_that_is_published_reaches_all() {
    let report = saturate(update, &["--connections", "5", "--ahead", "8", "--threads", "2"]);
    assert_eq!((report.misses, &report.failures), (Some(NONE), &Vec::new()));
    let published = report.published.unwrap();
    // The server looks each 5 ms what there is to be sent.
    assert!(published.updates > 8 * 20, "{published:?}");
    let counts = &report.received.counts;
    assert!(counts.updates.abs_diff(5 * published.updates) <= 5 * 16, "{counts:?} {published:?}");
    assert!(report.latency_us.corrected.unwrap().count <= counts.reads);
}

#[test]
fn an_update_that_one_subscriber_misses_is_noticed() {
    let drop_one = |peer: &mut Peer, seq| {
        if peer.number != 2 || seq != 30 {
            update(peer, seq);
        }
    };
    let report = saturate(drop_one, &["--connections", "5"]);
    assert_eq!(report.misses, Some(Misses { missing: 1, ..NONE }));
    assert_eq!(report.failures, ["1 updates are missing"]);
}

#[test]
fn an_update_that_comes_again_is_noticed_also_where_another_is_missing() {
    let repeat_for_missing = |peer: &mut Peer, seq| update(peer, if seq == 30 { 29 } else { seq });
    let report = saturate(repeat_for_missing, &["--connections", "1"]);
    assert_eq!(report.misses, Some(Misses { missing: 1, repeated: 1, ..NONE }));
    assert_eq!(report.failures, ["1 updates are missing", "1 updates came again"]);
}

#[test]
fn what_is_conflated_or_merged_is_not_every_update() {
    let conflate = |peer: &mut Peer, seq| match seq {
        30 | 31 | 40 => {}
        32 => peer.text(&frame("conflated", 30, 32)),
        41 => peer.text(&frame("update", 40, 41)),
        _ => update(peer, seq),
    };
    let report = saturate(conflate, &["--connections", "1"]);
    assert_eq!(report.misses, Some(Misses { conflated: 4, ..NONE }));
}

#[test]
fn what_never_comes_at_the_end_is_missing() {
    let stop = |peer: &mut Peer, seq| {
        if seq <= 21 {
            update(peer, seq);
        }
    };
    let report = saturate(stop, &["--connections", "1", "--ahead", "16"]);
    assert_eq!(report.misses, Some(Misses { missing: 16, ..NONE }));
}

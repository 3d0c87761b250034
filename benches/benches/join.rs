//! What does a newcomer cost: the first after an update, for whom the frames are encoded, and the ten thousandth, who gets what
//! is there?
//!
//! What it is sent, the snapshot and the log after it, is copied into one buffer, as a shard does.
//!
//! `cargo bench -p benches --bench join`

use benches::joiners::Joiners;
use benches::rounds::{in_rounds, timed};
use criterion::{Criterion, criterion_group, criterion_main};
use schemas::model::Channel;
use std::hint::black_box;
use std::time::Duration;

fn joins(c: &mut Criterion) {
    let cases = [
        ("quotes", Channel::Quotes, 1_000, 0),
        ("book, 1000 levels a side", Channel::Book, 20, 0),
        ("book, 1000 levels a side and 40 entries", Channel::Book, 20, 40),
    ];
    for (name, channel, topics, entries) in cases {
        let mut joiners = Joiners::new(channel, topics, entries);
        for (who, is_first) in [("first", true), ("later", false)] {
            c.bench_function(&format!("join/{name}, {who}"), |b| {
                b.iter_custom(|joins| in_rounds(joins, topics, || join_round(&mut joiners, is_first)));
            });
        }
    }
}

fn join_round(joiners: &mut Joiners, is_first: bool) -> Duration {
    if is_first {
        joiners.publish();
    }
    timed(|| black_box(joiners.join())).0
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = joins
}
criterion_main!(benches);

//! How long does a shard take to find the topics that changed and to read the new entry of each?
//!
//! `cargo bench -p benches --bench drain`

use benches::rounds::{in_rounds, timed};
use benches::topics::Topics;
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

/// All want all topics and drain in turn, so that the clock is read once for all of them.
const SHARDS: usize = 16;

fn drain(c: &mut Criterion) {
    for topics in [1_000, 50_000] {
        let mut rig = Topics::new(topics, SHARDS);
        for dirty in [1, 20, 1_000] {
            c.bench_function(&format!("drain/dirty {dirty} of {topics}"), |b| {
                b.iter_custom(|drains| in_rounds(drains, SHARDS, || drain_round(&mut rig, dirty)));
            });
        }
    }
}

fn drain_round(rig: &mut Topics, dirty: usize) -> Duration {
    rig.publish_scattered(dirty);
    let (spent, entries) = timed(|| (0..SHARDS).map(|shard| rig.drain(shard)).sum::<u64>());
    assert_eq!(entries, (SHARDS * dirty) as u64);
    spent
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = drain
}
criterion_main!(benches);

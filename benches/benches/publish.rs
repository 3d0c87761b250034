//! What does an update cost in the table, with the shards that it marks, and does it matter how many topics there are?
//!
//! Each round publishes at least 1,000 updates, one after the other in each topic, and then the shards take their marks: so of
//! one topic all but the first find it marked, of many topics none.
//!
//! `cargo bench -p benches --bench publish`

use benches::rounds::{in_rounds, timed};
use benches::topics::Topics;
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

fn publish(c: &mut Criterion) {
    for topics in [1, 1_000, 50_000] {
        for shards in [0, 1, 2] {
            let mut rig = Topics::new(topics, shards);
            let round = (topics as usize).max(1_000);
            c.bench_function(&format!("publish/topics {topics}, shards {shards}"), |b| {
                b.iter_custom(|updates| in_rounds(updates, round, || publish_round(&mut rig, round)));
            });
        }
    }
}

fn publish_round(rig: &mut Topics, updates: usize) -> Duration {
    let records = rig.next_records(updates);
    let (spent, ()) = timed(|| rig.publish(records));
    rig.forget();
    spent
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = publish
}
criterion_main!(benches);

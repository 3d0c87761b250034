//! No dirty mark is lost.

use crate::explore::Model;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{DirtySet, TopicId};

/// Heads are relaxed, so that nothing but the marks makes them visible.
struct Topics {
    dirty: DirtySet,
    heads: [AtomicU64; 2],
}

impl Topics {
    fn change(&self, topic: u32, head: u64) {
        self.heads[topic as usize].store(head, Relaxed);
        // The shard asks by itself.
        let _ = self.dirty.mark(TopicId(topic));
    }

    fn drain(&self, seen: &mut [u64; 2]) {
        self.dirty.drain(|topic| seen[topic.0 as usize] = self.heads[topic.0 as usize].load(Relaxed));
    }
}

const DRAIN: Model = Model { preemptions: 5, run: drain };

/// Two topics in one leaf, of two publishers.
fn drain() {
    let topics = Arc::new(Topics { dirty: DirtySet::new(2), heads: [AtomicU64::new(0), AtomicU64::new(0)] });
    let publish = |topic: u32, last: u64| {
        let topics = Arc::clone(&topics);
        thread::spawn(move || (1..=last).for_each(|head| topics.change(topic, head)))
    };
    let feeds = [publish(0, 2), publish(1, 1)];
    let mut seen = [0; 2];
    topics.drain(&mut seen);
    for feed in feeds {
        feed.join().unwrap();
    }
    topics.drain(&mut seen);
    assert_eq!(seen, [2, 1]);
    topics.dirty.drain(|topic| panic!("{topic:?} was drained before and has not changed since"));
}

#[test]
fn no_mark_is_lost() {
    DRAIN.holds();
}

#[test]
fn mutants_of_the_dirty_set_are_found() {
    DRAIN.finds(&[
        Mutant::MarkSkipsSetBit,
        Mutant::MarkNotRelease,
        Mutant::MarkNotAcquire,
        Mutant::MarkSummaryFirst,
        Mutant::DrainLeafFirst,
        Mutant::DrainClearsAfter,
        Mutant::DrainLeafNotRelease,
        Mutant::DrainLeafNotAcquire,
    ]);
}

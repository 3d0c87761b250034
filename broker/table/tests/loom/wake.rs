//! No wake-up is lost. Loom finds the shard that sleeps for ever.

use crate::explore::Model;
use loom::sync::Notify;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{Relaxed, SeqCst};
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{DirtySet, TopicId};

/// Under loom a leaf has two topics and a summary word two leaves, so these share nothing but the flag.
const TOPICS: [TopicId; 2] = [TopicId(0), TopicId(4)];

struct Shard {
    dirty: DirtySet,
    wake: Notify,
}

impl Shard {
    fn new() -> Arc<Self> {
        Arc::new(Self { dirty: DirtySet::new(8), wake: Notify::new() })
    }

    fn mark(&self, topic: TopicId) {
        if self.dirty.mark(topic) {
            self.wake.notify();
        }
    }
}

const WAKE: Model = Model { preemptions: 8, run: wake };

/// One publisher marks two topics; the shard sleeps until it has seen both.
fn wake() {
    let shard = Shard::new();
    let feed = {
        let shard = Arc::clone(&shard);
        thread::spawn(move || TOPICS.into_iter().for_each(|topic| shard.mark(topic)))
    };
    let mut seen = Vec::new();
    while seen.len() < TOPICS.len() {
        shard.wake.wait();
        shard.dirty.drain(|topic| seen.push(topic));
    }
    feed.join().unwrap();
}

const AGAIN: Model = Model { preemptions: 8, run: again };

/// One topic changes twice. The second mark may find the first one still there and then wakes nobody.
fn again() {
    let shard = Shard::new();
    let head = Arc::new(AtomicU64::new(0));
    let feed = {
        let (shard, head) = (Arc::clone(&shard), Arc::clone(&head));
        thread::spawn(move || {
            for index in 1..=2 {
                head.store(index, Relaxed);
                shard.mark(TOPICS[0]);
            }
        })
    };
    let mut seen = 0;
    while seen < 2 {
        shard.wake.wait();
        shard.dirty.drain(|_| seen = head.load(Relaxed));
    }
    feed.join().unwrap();
}

const NEWS: Model = Model { preemptions: 8, run: news };

/// What was done before a wake-up is asked for is visible after the drain, also if another's wake-up serves for it.
fn news() {
    let shard = Shard::new();
    let version = Arc::new(AtomicU64::new(0));
    let control = {
        let (shard, version) = (Arc::clone(&shard), Arc::clone(&version));
        thread::spawn(move || {
            shard.mark(TOPICS[0]);
            version.store(1, Relaxed);
            if shard.dirty.request_wake() {
                shard.wake.notify();
            }
        })
    };
    let mut seen = 0;
    while seen == 0 {
        shard.wake.wait();
        shard.dirty.drain(|_| {});
        seen = version.load(Relaxed);
    }
    control.join().unwrap();
}

const ONCE: Model = Model { preemptions: 8, run: once };

/// Between two drains one wake-up is enough.
fn once() {
    let shard = Shard::new();
    let wakes = Arc::new(AtomicU64::new(0));
    let feeds = TOPICS.map(|topic| {
        let (shard, wakes) = (Arc::clone(&shard), Arc::clone(&wakes));
        thread::spawn(move || {
            if shard.dirty.mark(topic) {
                wakes.fetch_add(1, SeqCst);
            }
        })
    });
    for feed in feeds {
        feed.join().unwrap();
    }
    assert_eq!(wakes.load(SeqCst), 1);
}

#[test]
fn no_wake_up_is_lost() {
    WAKE.holds();
    AGAIN.holds();
    NEWS.holds();
}

#[test]
fn a_shard_is_woken_once_for_all() {
    ONCE.holds();
}

#[test]
fn mutants_of_waking_are_found() {
    WAKE.finds(&[
        Mutant::WakeBeforeMark,
        Mutant::WakeIsLoad,
        Mutant::WakeNotRelease,
        Mutant::RearmAfterDrain,
        Mutant::RearmNotAcquire,
    ]);
    AGAIN.finds(&[Mutant::MarkSkipsSetBit, Mutant::MarkNotRelease, Mutant::DrainLeafNotAcquire]);
    NEWS.finds(&[Mutant::WakeNotRelease, Mutant::RearmNotAcquire]);
    ONCE.finds(&[Mutant::WakeIsLoad]);
}

//! An evicted chunk is gone; the one that replaced it, and the one that the head stands in, stay.

use crate::explore::{Item, Model, table};
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{CHUNK_ENTRIES, Publisher};

const LOG_BYTES_MAX: usize = 1_000_000;

fn fill(publisher: &mut Publisher<Item, u64>, last: u64) {
    (1..=last).for_each(|value| drop(publisher.publish(Item::update(value))));
}

const RACE: Model = Model { preemptions: 5, run: race };

/// One topic's publisher evicts the chunk of another that is being replaced by its own.
fn race() {
    let table = table(LOG_BYTES_MAX, 0);
    let (mut lapping, mut evicting) = (table.register(1).unwrap(), table.register(1).unwrap());
    let topic = Arc::clone(lapping.topic());
    let full = 2 * CHUNK_ENTRIES;
    fill(&mut lapping, full);
    let other =
        thread::spawn(move || drop(evicting.publish(Item { bytes: 2 * LOG_BYTES_MAX, ..Item::update(1) })));
    lapping.publish(Item::update(full + 1));
    other.join().unwrap();
    assert_eq!(topic.read(full + 1).map(|entry| entry.record().value), Some(full + 1));
    assert!(topic.read(1).is_none());
}

const HEAD: Model = Model { preemptions: 8, run: head };

/// Every completed chunk is evicted at once, but not before the head has left it.
fn head() {
    let mut publisher = table(1, 0).register(1).unwrap();
    let topic = Arc::clone(publisher.topic());
    fill(&mut publisher, CHUNK_ENTRIES);
    let feed = thread::spawn(move || drop(publisher.publish(Item::update(CHUNK_ENTRIES + 1))));
    let head = topic.head_index();
    if topic.read(head).is_none() {
        assert!(topic.head_index() > head, "the head's entry is gone while the head stands on it");
    }
    feed.join().unwrap();
    assert!(topic.read(CHUNK_ENTRIES).is_none() && topic.read(CHUNK_ENTRIES + 1).is_some());
}

#[test]
fn an_eviction_takes_only_the_chunk_it_came_for() {
    RACE.holds();
}

#[test]
fn the_heads_entry_is_never_evicted() {
    HEAD.holds();
}

#[test]
fn mutants_of_eviction_are_found() {
    RACE.finds(&[Mutant::EvictUnchecked, Mutant::EvictUncompared]);
    HEAD.finds(&[Mutant::QueueBeforeHead]);
}

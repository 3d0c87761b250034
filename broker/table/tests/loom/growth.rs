//! While a ring grows no chunk of it is missed, and what is evicted meanwhile is gone.

use crate::explore::{Item, Model, table};
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{CHUNK_ENTRIES, Publisher};

const LOG_BYTES_MAX: usize = 1_000_000;
/// Entries of a log of three chunks: its ring has one place, then two, then three.
const THREE_CHUNKS: usize = 2 * CHUNK_ENTRIES as usize;

fn fill(publisher: &mut Publisher<Item, u64>, chunks: u64) {
    (1..=chunks * CHUNK_ENTRIES).for_each(|value| drop(publisher.publish(Item::update(value))));
}

const READING: Model = Model { preemptions: 8, run: reading };

/// The ring grows while entries are read that stay. The reader is the spawned thread: of each variable loom knows the last access only, so
/// a thread that loads and then stores, as one does that grows a ring, would hide what another had loaded before.
fn reading() {
    let mut publisher = table(usize::MAX, 0).register(THREE_CHUNKS).unwrap();
    let topic = Arc::clone(publisher.topic());
    fill(&mut publisher, 2);
    let third = 2 * CHUNK_ENTRIES + 1;
    let reader = {
        let topic = Arc::clone(&topic);
        thread::spawn(move || {
            for index in [1, CHUNK_ENTRIES + 1] {
                assert_eq!(topic.read(index).map(|entry| entry.record().value), Some(index));
            }
        })
    };
    publisher.publish(Item::update(third));
    reader.join().unwrap();
    for index in 1..=third {
        assert_eq!(topic.read(index).map(|entry| entry.record().value), Some(index));
    }
}

const EVICTING: Model = Model { preemptions: 5, run: evicting };

/// The ring grows while another topic's publisher evicts a chunk of it.
fn evicting() {
    let table = table(LOG_BYTES_MAX, 0);
    let (mut growing, mut evicting) = (table.register(THREE_CHUNKS).unwrap(), table.register(1).unwrap());
    let topic = Arc::clone(growing.topic());
    fill(&mut growing, 2);
    let other = thread::spawn(move || {
        evicting.publish(Item { bytes: 2 * LOG_BYTES_MAX, ..Item::update(1) });
        evicting
    });
    let third = 2 * CHUNK_ENTRIES + 1;
    growing.publish(Item::update(third));
    // Each may have left the eviction to the other; who publishes next does it.
    other.join().unwrap().publish(Item::update(2));
    assert!(topic.read(1).is_none(), "it was the oldest, and the logs hold more than they may");
    assert_eq!(topic.read(third).map(|entry| entry.record().value), Some(third));
}

#[test]
fn a_reader_misses_nothing_while_the_ring_grows() {
    READING.holds();
}

#[test]
fn what_is_evicted_while_the_ring_grows_is_gone() {
    EVICTING.holds();
}

#[test]
fn mutants_of_growth_are_found() {
    READING.finds(&[
        Mutant::MissIsFinal,
        Mutant::LevelLoadNotAcquire,
        Mutant::GrowBeforeCopy,
        Mutant::GrowAfterClear,
        Mutant::GrowNotRelease,
    ]);
    EVICTING.finds(&[Mutant::GrowKeepsEvicted]);
}

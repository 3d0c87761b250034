//! A reader that is overtaken is told so, and never takes one entry for another.

use crate::explore::{Item, Model, table};
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{CHUNK_ENTRIES, Resume};

const LAPPING: Model = Model { preemptions: 8, run: lapping };

/// A log of two chunks. Its first is replaced while it is read.
fn lapping() {
    let mut publisher = table(usize::MAX, 0).register(1).unwrap();
    let topic = Arc::clone(publisher.topic());
    let full = 2 * CHUNK_ENTRIES;
    (1..=full).for_each(|value| drop(publisher.publish(Item::update(value))));
    let feed = thread::spawn(move || drop(publisher.publish(Item::update(full + 1))));

    match topic.read(1) {
        Some(entry) => assert_eq!((entry.index(), entry.record().value), (1, 1)),
        None => assert!(topic.read(CHUNK_ENTRIES + 1).is_some(), "the other chunk is still there"),
    }
    let head = topic.head_index();
    let entry = topic.read(head).expect("the head's chunk is not replaced here");
    assert_eq!(entry.record().value, head);
    feed.join().unwrap();
    assert!(topic.read(1).is_none());
}

const RESUMING: Model = Model { preemptions: 8, run: resuming };

fn resuming() {
    let mut publisher = table(usize::MAX, 0).register(1).unwrap();
    let topic = Arc::clone(publisher.topic());
    let full = 2 * CHUNK_ENTRIES;
    (1..=full).for_each(|value| drop(publisher.publish(Item::update(value))));
    let feed = thread::spawn(move || drop(publisher.publish(Item::update(full + 1))));

    match topic.resume(1) {
        Resume::At(position) => assert_eq!((position.index, position.seq), (1, 1)),
        Resume::TooOld => assert!(topic.read(1).is_none()),
        Resume::Beyond => unreachable!("the head is beyond 1"),
    }
    assert!(matches!(topic.resume(CHUNK_ENTRIES), Resume::At(at) if at.index == CHUNK_ENTRIES));
    feed.join().unwrap();
}

#[test]
fn a_lapped_reader_never_returns_a_wrong_entry() {
    LAPPING.holds();
}

#[test]
fn a_resume_finds_the_right_entry_or_says_that_it_is_gone() {
    RESUMING.holds();
}

#[test]
fn mutants_of_lapping_are_found() {
    LAPPING.finds(&[Mutant::LapUnchecked, Mutant::HeadLoadNotAcquire, Mutant::HeadBeforeSlot]);
}

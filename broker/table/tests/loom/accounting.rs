//! Whatever races, each byte is given back once.

use crate::explore::{Item, Model, table};
use loom::thread;
use table::mutant::Mutant;
use table::{CHUNK_ENTRIES, Encoding, Held, Publisher, Table};

const LAPPED: u64 = 2 * CHUNK_ENTRIES + 1;

const FRAME_BYTES: &[u8] = b"a frame";

const FRAME: Model = Model { preemptions: 8, run: frame };

/// A frame is encoded while the chunk of its entry is replaced.
fn frame() {
    let (table, mut publisher) = topic();
    let first = publisher.publish(Item::update(1));
    (2..LAPPED).for_each(|value| drop(publisher.publish(Item::update(value))));
    let shard = thread::spawn(move || encode(&first));
    publisher.publish(Item::update(LAPPED));
    shard.join().unwrap();
    assert_eq!(table.budget().bytes(), bytes_without_frames((1..=LAPPED).map(Item::update)));
}

const TWICE: Model = Model { preemptions: 8, run: twice };

/// Two shards encode the same frame: one copy is kept, counted and seen by both.
fn twice() {
    let (table, mut publisher) = topic();
    let entry = publisher.publish(Item::update(1));
    let other = entry.clone();
    let shard = thread::spawn(move || encode(&other));
    let mine = encode(&entry);
    let theirs = shard.join().unwrap();
    assert_eq!(mine, theirs);
    let without = bytes_without_frames([Item::update(1)].into_iter());
    assert_eq!(table.budget().bytes(), without + FRAME_BYTES.len() + 2 * size_of::<usize>());
}

fn topic() -> (Table<Item, u64>, Publisher<Item, u64>) {
    let table = table(usize::MAX, 0);
    let publisher = table.register(1).unwrap();
    (table, publisher)
}

/// The frame that the entry keeps, as an address.
fn encode(entry: &Held<Item>) -> usize {
    let frame = entry.entry().update_frame(Encoding::Json, || FRAME_BYTES.into());
    frame.as_ptr() as usize
}

fn bytes_without_frames(items: impl Iterator<Item = Item>) -> usize {
    let (table, mut publisher) = topic();
    items.for_each(|item| drop(publisher.publish(item)));
    table.budget().bytes()
}

#[test]
fn every_byte_is_given_back_once() {
    FRAME.holds();
    TWICE.holds();
}

#[test]
fn mutants_of_accounting_are_found() {
    FRAME.finds(&[Mutant::AccountCloseIsTwoSteps, Mutant::AccountAddsAfterClose]);
}

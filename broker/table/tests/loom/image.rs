//! A reader that was lapped goes on from the image: that is ahead of it, and the log leads from there to the head.

use crate::explore::{Item, Model, table};
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{CHUNK_ENTRIES, Publisher, Topic};

/// A cursor of a topic whose images are the number of their entry.
struct Cursor {
    topic: Arc<Topic<Item, u64>>,
    at: u64,
}

impl Cursor {
    /// Reads to the head, or goes on from the image. False if the head was not reached.
    fn advance(&mut self) -> bool {
        let head = self.topic.head_index();
        let at = &mut self.at;
        let read = self.topic.read_range(*at + 1, head, |entry| {
            assert_eq!(entry.record().value, *at + 1);
            *at += 1;
        });
        if read.is_ok() {
            return true;
        }
        let image = self.topic.image().expect("the first entry brought one");
        assert!(image.position().index > self.at, "the image is no help to who was lapped");
        assert_eq!(*image.body(), image.position().index);
        self.at = image.position().index;
        false
    }
}

fn publish(publisher: &mut Publisher<Item, u64>, value: u64) {
    if publisher.image_is_due() {
        publisher.publish_with_image(Item::update(value), value);
    } else {
        publisher.publish(Item::update(value));
    }
}

/// A cursor reads a log of two chunks while its writer goes on from the end of the first one up to `last`.
fn follow(log_bytes_max: usize, last: u64, publish_rest: fn(&mut Publisher<Item, u64>, u64)) {
    let mut publisher = table(log_bytes_max, 0).register(1).unwrap();
    let mut cursor = Cursor { topic: Arc::clone(publisher.topic()), at: 0 };
    (1..=CHUNK_ENTRIES).for_each(|value| publish(&mut publisher, value));
    let feed = thread::spawn(move || {
        (CHUNK_ENTRIES + 1..=last).for_each(|value| publish_rest(&mut publisher, value));
        publisher
    });
    cursor.advance();
    cursor.advance();
    let _publisher = feed.join().unwrap();
    // What stands still is reached at once, or after one look at the image.
    assert!(cursor.advance() || cursor.advance());
    assert_eq!(cursor.at, last);
}

const LAPPED: Model = Model { preemptions: 4, run: lapped };

fn lapped() {
    follow(usize::MAX, 3 * CHUNK_ENTRIES, publish);
}

const EVICTED: Model = Model { preemptions: 4, run: evicted };

/// Every completed chunk that may go is evicted at once, and no new image comes.
fn evicted() {
    follow(1, 2 * CHUNK_ENTRIES, |publisher, value| drop(publisher.publish(Item::update(value))));
}

#[test]
fn a_lapped_reader_gets_to_the_head_from_the_image() {
    LAPPED.holds();
}

#[test]
fn what_leads_from_the_image_to_the_head_is_never_evicted() {
    EVICTED.holds();
}

#[test]
fn mutants_of_the_image_are_found() {
    LAPPED.finds(&[Mutant::ImageDueOnce, Mutant::HeadLoadNotAcquire]);
    EVICTED.finds(&[Mutant::EvictNeeded]);
}

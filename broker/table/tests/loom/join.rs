//! A shard that begins to serve a topic misses nothing and gets nothing twice.

use crate::explore::{Item, Model, table};
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{Position, Table, Topic};

/// A shard's only subscriber of a topic.
pub(crate) struct Subscriber {
    shard: usize,
    topic: Arc<Topic<Item, u64>>,
    stand: Position,
    /// The values that it has, from its image or the log.
    values: Vec<u64>,
}

impl Subscriber {
    pub(crate) fn join(shard: usize, topic: Arc<Topic<Item, u64>>) -> Self {
        let join = topic.join(shard);
        let stand = join.image.map_or(Position::START, |image| image.position());
        assert!(stand.index <= join.head.index, "the image is never ahead of where the shard stands");
        let values = (1..=stand.index).collect();
        let mut subscriber = Self { shard, topic, stand, values };
        subscriber.advance(join.head);
        subscriber
    }

    pub(crate) fn be_prompt(&mut self) {
        let head = self.topic.be_prompt(self.shard);
        self.advance(head);
    }

    pub(crate) fn has_all(&self, last: u64) -> bool {
        self.values.len() as u64 >= last
    }

    /// Serves what was marked.
    pub(crate) fn serve(&mut self, table: &Table<Item, u64>) {
        let mut is_dirty = false;
        table.drain(self.shard, |_| is_dirty = true);
        if is_dirty {
            self.advance(self.topic.head());
        }
    }

    fn advance(&mut self, head: Position) {
        let values = &mut self.values;
        self.topic
            .read_range(self.stand.index + 1, head.index, |entry| values.push(entry.record().value))
            .expect("nothing is lapped here");
        self.stand = head;
    }

    pub(crate) fn assert_has_all(&self, last: u64) {
        assert_eq!(self.values, (1..=last).collect::<Vec<_>>());
    }
}

const JOIN: Model = Model { preemptions: 7, run: join };

fn join() {
    let table = Arc::new(table(usize::MAX, 1));
    let mut publisher = table.register(4).unwrap();
    let topic = Arc::clone(publisher.topic());
    let feed = thread::spawn(move || {
        publisher.publish_with_image(Item::update(1), 1);
        publisher.publish(Item::update(2));
        publisher.publish_with_image(Item::update(3), 3);
    });
    let mut subscriber = Subscriber::join(0, topic);
    subscriber.serve(&table);
    feed.join().unwrap();
    subscriber.serve(&table);
    subscriber.assert_has_all(3);
}

#[test]
fn a_joiner_misses_nothing_and_gets_nothing_twice() {
    JOIN.holds();
}

#[test]
fn mutants_of_join_are_found() {
    JOIN.finds(&[
        Mutant::HeadBeforeSlot,
        Mutant::ImageBeforeHead,
        Mutant::InterestReadBeforeHead,
        Mutant::HeadSwapNotRelease,
        Mutant::HeadSwapNotAcquire,
        Mutant::JoinHeadBeforeInterest,
        Mutant::JoinHeadBeforeImage,
        Mutant::JoinHeadIsLoad,
        Mutant::JoinHeadNotRelease,
        Mutant::JoinHeadNotAcquire,
        Mutant::HeadLoadNotAcquire,
    ]);
}

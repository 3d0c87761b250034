//! Topics of quotes in one table, that are written, and read by shards.

use crate::events::event;
use crate::{Awake, LOG_BYTES_MAX};
use feed::topic::{Logged, Table};
use schemas::model::{BookImage, Channel};
use std::sync::Arc;
use table::{Publisher, TopicId, Wake};

/// Entries that a log keeps.
const LOG_ENTRIES: usize = 256;

/// Topics with their publishers, and where each shard stands.
pub struct Topics {
    table: Arc<Table>,
    publishers: Vec<Publisher<Logged, BookImage>>,
    /// By shard and topic: the index of the last entry that was read.
    stands: Vec<Vec<u64>>,
    number: u64,
}

impl Topics {
    /// So many topics, all of which so many shards want.
    ///
    /// # Panics
    /// If the table refuses that many.
    #[must_use]
    pub fn new(topics: u32, shards: usize) -> Self {
        let wakes = (0..shards).map(|_| Box::new(Awake) as Box<dyn Wake>).collect();
        let table = Arc::new(Table::new(topics, LOG_BYTES_MAX, wakes));
        let publishers: Vec<_> =
            (0..topics).map(|_| table.register(LOG_ENTRIES).expect("room for a topic")).collect();
        for publisher in &publishers {
            for shard in 0..shards {
                drop(publisher.topic().join(shard));
                let _ = publisher.topic().be_prompt(shard);
            }
        }
        let stands = vec![vec![0; topics as usize]; shards];
        Self { table, publishers, stands, number: 0 }
    }

    /// Entries to publish.
    pub fn next_records(&mut self, count: usize) -> Vec<Logged> {
        self.number += 1;
        (0..count).map(|_| Logged(event(Channel::Quotes, self.number))).collect()
    }

    /// What is measured: publishes one entry after the other, each in the next topic.
    #[inline]
    pub fn publish(&mut self, records: Vec<Logged>) {
        let topics = self.publishers.len();
        for (at, record) in records.into_iter().enumerate() {
            self.publishers[at % topics].publish(record);
        }
    }

    /// Publishes an entry in so many topics, which lie far apart.
    pub fn publish_scattered(&mut self, count: usize) {
        let apart = self.publishers.len() / count;
        for (at, record) in self.next_records(count).into_iter().enumerate() {
            self.publishers[at * apart].publish(record);
        }
    }

    /// What is measured: a shard takes the topics that changed and reads their new entries. Says how many those are.
    ///
    /// # Panics
    /// If an entry is no longer in its log.
    #[inline]
    pub fn drain(&mut self, shard: usize) -> u64 {
        let Self { table, stands, .. } = self;
        let stands = &mut stands[shard];
        let mut entries = 0;
        table.drain(shard, |TopicId(id)| {
            let topic = table.topic(TopicId(id)).expect("it was registered");
            let (stand, head) = (&mut stands[id as usize], topic.head());
            topic.read_range(*stand + 1, head.index, |_| entries += 1).expect("in the log");
            *stand = head.index;
        });
        entries
    }

    /// Each shard takes the topics that changed, and does not look at them.
    pub fn forget(&mut self) {
        (0..self.stands.len()).for_each(|shard| self.table.drain(shard, |_| {}));
    }
}

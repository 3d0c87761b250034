//! All topics, by number.

use crate::budget::LogBudget;
use crate::options::{TOPICS_MAX, TopicOptions};
use crate::publisher::Publisher;
use crate::record::{Record, TopicId};
use crate::registry::Registry;
use crate::shard::{SHARDS_MAX, Shard, Wake};
use crate::topic::Topic;
use std::sync::Arc;

/// All topics of a broker, and what its shards are told of them.
#[derive(Debug)]
pub struct Table<R, I> {
    topics: Registry<Topic<R, I>>,
    shards: Arc<[Shard]>,
    budget: Arc<LogBudget>,
}

/// There are as many topics as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are already {topics_max} topics, as many as `topics_max` allows")]
pub struct TableFull {
    /// How many there may be.
    pub topics_max: u32,
}

impl<R: Record, I: Send + Sync + 'static> Table<R, I> {
    /// A table for up to `topics_max` topics, whose logs together hold at most about `log_bytes_max` bytes, with a shard for
    /// each of `wakes`.
    ///
    /// # Panics
    /// If there are more than [`SHARDS_MAX`] shards, or `topics_max` is more than [`TOPICS_MAX`].
    #[must_use]
    pub fn new(topics_max: u32, log_bytes_max: usize, wakes: Vec<Box<dyn Wake>>) -> Self {
        assert!(wakes.len() <= SHARDS_MAX, "{} shards: at most {SHARDS_MAX}", wakes.len());
        assert!(topics_max <= TOPICS_MAX, "topics_max {topics_max}: at most {TOPICS_MAX}");
        let shards = wakes.into_iter().map(|wake| Shard::new(topics_max, wake)).collect();
        let budget = Arc::new(LogBudget::new(log_bytes_max));
        Self { topics: Registry::new(topics_max), shards, budget }
    }

    /// Adds a topic in whose log the last `log_entries` entries stay readable, and makes its one publisher.
    ///
    /// # Errors
    /// If there are as many topics as there may be.
    pub fn register(&self, log_entries: usize) -> Result<Publisher<R, I>, TableFull> {
        self.register_with(TopicOptions { log_entries, ..TopicOptions::default() })
    }

    /// Adds a topic, and makes its one publisher. For the control side: it may wait for another registration.
    ///
    /// # Errors
    /// If there are as many topics as there may be.
    pub fn register_with(&self, options: TopicOptions) -> Result<Publisher<R, I>, TableFull> {
        let new = |number| Topic::new(TopicId(number), options.bounded(), Arc::clone(&self.shards));
        let topic = self.topics.push(new).ok_or(TableFull { topics_max: self.topics.max() })?;
        Ok(Publisher::new(topic, Arc::clone(&self.budget)))
    }

    /// A topic by its number. Waits for nobody.
    #[must_use]
    pub fn topic(&self, id: TopicId) -> Option<&Arc<Topic<R, I>>> {
        self.topics.get(id.0)
    }

    /// All topics, in the order of their numbers.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic<R, I>>> {
        (0..self.topics.len()).filter_map(|number| self.topics.get(number))
    }

    /// Grows with each registration: the number of topics. Topics are never removed, so whoever has seen it at n has only to
    /// look at those from n on.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.topics.len()
    }

    /// Hands a shard the topics that changed since it last asked, each once. What it then reads of a topic includes what it was
    /// marked for. After this the shard may sleep until it is woken.
    ///
    /// # Panics
    /// If the table has no such shard.
    pub fn drain(&self, shard: usize, each: impl FnMut(TopicId)) {
        self.shards[shard].drain(each);
    }

    /// Wakes every shard, for news that stand outside of the topics, such as a registration. What was done before the call is
    /// visible to a shard after the drain that follows it, so a shard looks for such news after it has drained.
    pub fn wake_all(&self) {
        self.shards.iter().for_each(Shard::wake);
    }

    /// Whether each entry of some topic wakes a shard. If not, nobody sees when exactly an entry is published.
    #[must_use]
    pub fn is_watched_promptly(&self) -> bool {
        self.shards.iter().any(Shard::is_prompt)
    }

    /// How many shards it has.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The bytes of all logs.
    #[must_use]
    pub fn budget(&self) -> &LogBudget {
        &self.budget
    }
}
